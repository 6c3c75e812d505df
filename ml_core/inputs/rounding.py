"""What rounding to single precision erases: numbers that differ from the one before, and no more.

Networks compute in float32. Of numbers far from zero that differ little, such as times in seconds since 1970,
nothing is left there that tells them apart. That a few of many numbers become equal is rounding as always.
"""

from __future__ import annotations

from itertools import pairwise

from ml_core.inputs.float32 import pack32, unpack32

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

# Of the differences from one number to the next, this part may be lost.
_MOST_LOST = 0.1
PIXELS = "pixels"


def of_channel(name: str) -> str:
    """What messages call the numbers of a channel."""
    return f"the numbers of channel '{name}'"


def erased(numbers: Iterable[Any], what: str) -> list[str]:
    """What is to be said where float32 erases differences between neighbours; `what` is what they are."""
    given = list(numbers)
    packed = pack32(given)
    single = () if packed is None else unpack32(packed)
    if all(one == other for one, other in zip(given, single, strict=False)):
        return []
    changes = [place for place, (one, other) in enumerate(pairwise(given)) if one != other]
    lost = [place for place in changes if single[place] == single[place + 1]]
    if not lost or len(lost) <= _MOST_LOST * len(changes):
        return []
    return [_told(what, given[lost[0] : lost[0] + 2], single[lost[0]], f"{len(lost)} of {len(changes)}")]


def erased_in_array(values: Any, what: str) -> list[str]:  # noqa: ANN401 - an array of numbers
    """The same of an array of any type and shape."""
    import numpy as np

    if values.dtype.kind == "b" or values.dtype.itemsize <= 2 or values.dtype == np.float32:
        return []
    given = values.reshape(-1)
    with np.errstate(over="ignore"):
        single = given.astype(np.float32)
    changes = given[1:] != given[:-1]
    lost = changes & (single[1:] == single[:-1])
    if not lost.any() or lost.sum() <= _MOST_LOST * changes.sum():
        return []
    place = int(np.flatnonzero(lost)[0])
    pair = given[place : place + 2].tolist()
    return [_told(what, pair, float(single[place]), f"{lost.sum()} of {changes.sum()}")]


def erased_in_steps(steps: Any, names: Sequence[str]) -> list[str]:  # noqa: ANN401 - an array, steps × channels
    """The same of each channel of steps."""
    return [
        told
        for channel, name in enumerate(names)
        for told in erased_in_array(steps[:, channel], of_channel(name))
    ]


def _told(what: str, pair: Sequence[float], single: float, lost: str) -> str:
    return (
        f"single precision, in which networks compute, erases what tells {what} apart: "
        f"{pair[0]!r} and {pair[1]!r} are both {single!r}, and so {lost} differences from one to the next "
        "are lost; subtract a constant first, here and of what you ask the model with"
    )
