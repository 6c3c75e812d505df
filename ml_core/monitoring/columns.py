"""Rows become counts: how many values of each column are in each of its profile's bins, or are which word.

Rows are counted many at a time, column by column: a sorted column is cut at the edges of its bins. That is
several times cheaper than to look for each value's bin. Where numpy was imported it sorts; nothing is
imported here.
"""

from __future__ import annotations

import struct
import sys
from bisect import bisect_left
from math import inf, nextafter

from ml_core.profiles.profile import WordsProfile

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ml_core.profiles.profile import ColumnProfile, NumbersProfile

_UNSEEN = -1.0  # what a word is packed as that training has not seen
_VECTORISED = 64  # rows from which on numpy is quicker


def empty(profiles: Sequence[ColumnProfile]) -> list[list[int]]:
    """The counts of no row, a list for each column; `counts.py` says what is where."""
    return [[0] * (len(profile.counts) + 3) for profile in profiles]


def count_rows(packed: bytes, profiles: Sequence[ColumnProfile], counts: list[list[int]]) -> None:
    """Count packed rows, which have a value for each profile, into `counts`."""
    width = len(profiles)
    rows = len(packed) // (8 * width)
    np: Any = sys.modules.get("numpy") if rows >= _VECTORISED else None
    if np is not None:
        matrix = np.frombuffer(packed, dtype="<f8").reshape(rows, width)
        for place, (profile, found) in enumerate(zip(profiles, counts, strict=True)):
            column = np.sort(matrix[:, place])  # the missing values come last
            present = column[: rows - int(np.isnan(column).sum())]
            _count_sorted(profile, present, rows, found)
        return
    numbers = struct.unpack(f"<{rows * width}d", packed)
    for place, (profile, found) in enumerate(zip(profiles, counts, strict=True)):
        present = [value for value in numbers[place::width] if value == value]  # noqa: PLR0124 - NaN is missing
        present.sort()
        _count_sorted(profile, present, rows, found)


def _count_sorted(profile: ColumnProfile, present: Any, rows: int, found: list[int]) -> None:  # noqa: ANN401
    """Count a column's sorted values that are there: a list, or an array of numpy."""
    if isinstance(profile, WordsProfile):
        _count_words(profile, present, rows, found)
    else:
        _count_numbers(profile, present, rows, found)


def _count_numbers(profile: NumbersProfile, present: Any, rows: int, found: list[int]) -> None:  # noqa: ANN401
    bins = len(profile.counts)
    *places, below, upto = _cuts(present, (*profile.edges, profile.low, nextafter(profile.high, inf)))
    if bins:
        before = 0
        for place, cut in enumerate(places):
            found[place] += cut - before
            before = cut
        found[bins - 1] += len(present) - before
    found[bins] += rows - len(present)
    found[bins + 1] += below
    found[bins + 2] += len(present) - upto


def _count_words(profile: WordsProfile, present: Any, rows: int, found: list[int]) -> None:  # noqa: ANN401
    words = profile.words
    points = [float(word) + half for word in words for half in (-0.5, 0.5)]
    unseen, *cuts = _cuts(present, (_UNSEEN + 0.5, *points))
    listed = [upto - begin for begin, upto in zip(cuts[::2], cuts[1::2], strict=True)]
    for place, number in enumerate(listed):
        found[place] += number
    found[len(words)] += len(present) - unseen - sum(listed)
    found[len(words) + 1] += unseen
    found[len(words) + 2] += rows - len(present)


def _cuts(present: Any, points: Sequence[float]) -> list[int]:  # noqa: ANN401
    """How many of the sorted values are less than each point."""
    if isinstance(present, list):
        return [bisect_left(present, point) for point in points]
    cuts: list[int] = present.searchsorted(points).tolist()
    return cuts
