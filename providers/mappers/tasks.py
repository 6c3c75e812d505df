"""A task on its way to a worker, and what came of it on its way back: packed by us, whatever the engine does.

Engines read parameters' names and raise what a task raised in ways of their own. They are given a function of
one parameter, bytes, that always returns.
"""

import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ml_core.errors import Unavailable

ATTEMPTS = 3
"""How often an item is worked on whose worker was lost, or which met a service that did not answer."""

type Outcome = tuple[bool, Any]
"""Whether a task returned, and what; or what it raised."""


class PackedTask:
    """A task for the workers. It can be called with an item that `packed` made."""

    def __init__(self, task: Callable[[Any], Any]) -> None:
        self._task = pickle.dumps(task)

    def __call__(self, item: bytes) -> Outcome:
        """The outcome of the task on an item."""
        try:
            return True, pickle.loads(self._task)(pickle.loads(item))  # noqa: S301 - what our own driver packed
        except Exception as error:  # noqa: BLE001 - the driver raises it
            return False, _portable(error)


def packed(item: object) -> bytes:
    """An item for a worker."""
    return pickle.dumps(item)


def is_worth_repeating(outcome: Outcome) -> bool:
    """Whether the same item may fare better in another attempt: a service did not answer the task."""
    returned, value = outcome
    return not returned and type(value) is Unavailable


def _portable(error: Exception) -> Exception:
    """The error as it can leave the process, with a note of where it was raised; no values of a table's."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    try:
        sent = pickle.loads(pickle.dumps(error))  # noqa: S301 - what the line itself packs
    except Exception:  # noqa: BLE001 - an error of a library's may be made in any way
        sent = RuntimeError(f"{type(error).__name__}: {error}")
    sent.add_note(f"raised by a worker:\n{frames}")
    return sent if isinstance(sent, Exception) else RuntimeError(str(error))
