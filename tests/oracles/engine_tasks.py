"""What the workers of engines do in tests: they import it, so it stands in a module of its own."""

import os
import signal
import sys
import time
from collections.abc import Callable
from uuid import uuid4

from ml_core.errors import AccessRefused, Fault, InvalidInput, Unavailable


def squared(item: int) -> int:
    return item * item


def noted(folder: str, item: int) -> int:
    """The square; each run leaves a file in the folder `item`."""
    runs(folder, item)
    return item * item


def runs(folder: str, item: int) -> int:
    """How often the item was worked on, this time included."""
    own = os.path.join(folder, str(item))
    os.makedirs(own, exist_ok=True)
    with open(os.path.join(own, uuid4().hex), "w", encoding="utf-8"):
        return len(os.listdir(own))


def lost(folder: str, times: int, item: int) -> int:
    """The square of what is not 3; the process that works on 3 is killed so many times."""
    if item == 3 and runs(folder, item) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def lost_with_all(folder: str, item: int) -> int:
    """The square; once, every process of this worker's session is killed."""
    if item == 3 and runs(folder, item) == 1:
        os.killpg(os.getpgid(0), signal.SIGKILL)
    return item * item


def unanswered(folder: str, times: int, item: int) -> int:
    """The square of what is not 3; for that the storage does not answer so many times."""
    if item == 3 and runs(folder, item) <= times:
        raise Unavailable("the storage does not answer")
    return item * item


def slow(item: int) -> int:
    """The square; the first item takes longest."""
    if item == 0:
        time.sleep(1.0)
    return item * item


def loud(item: int) -> int:
    """Each line in one write: those of several workers come together."""
    print(f"a worker says {item}\n", end="")
    print(f"a worker complains of {item}\n", end="", file=sys.stderr)
    return item * item


def large(item: int) -> bytes:
    return bytes([item]) * 3_000_000


def nothing(_: int) -> None:
    """Returns None, as a task may that writes."""


class OfItsOwn(Exception):
    """An error that cannot be made of its text."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def failing(how: str, item: int) -> int:
    if item == 3:
        raise HOW[how]()  # noqa: RSE102 - it is made anew
    return item * item


HOW: dict[str, Callable[[], Exception]] = {
    "faults": lambda: InvalidInput(
        [Fault(f"$.rows[{place}]", "expected a number, got null") for place in (7, 9)]
    ),
    "refused": lambda: AccessRefused("reading is not allowed"),
    "defect": lambda: ZeroDivisionError("division by zero"),
    "memory": lambda: MemoryError("no memory is left"),
    "own": lambda: OfItsOwn("one", "other"),
}


def staying(folder: str, item: int) -> int:
    """Leaves a file of its process's number, and stays for a minute."""
    with open(os.path.join(folder, f"{os.getpid()}"), "w", encoding="utf-8"):
        time.sleep(60)
    return item
