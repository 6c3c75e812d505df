"""What differs between waiting in a coroutine and in a thread: the one module that is written twice.

`_async/runtime.py` has the same names.
"""

import time
from collections.abc import Callable, Iterator
from typing import IO

Interrupted = KeyboardInterrupt
"""What is raised where somebody wants to wait no longer."""
type Soon[Result] = Result
"""What a function that waits gives back."""
_PART = 1 << 20


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def blocking[Result](work: Callable[[], Result]) -> Result:
    """Do what would keep others waiting: here there are none."""
    return work()


def parts_of(file: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes from where it stands, part by part."""
    while part := file.read(_PART):
        yield part
