"""Rows of a request, and the column among them that they are held out by.

Nothing here imports numpy: a request is checked where it comes in.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.algorithms.base import DataSize
from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.inputs.columns import DATE, NUMBER, Feature, read_column, wrong_values
from ml_core.inputs.rows import Rows
from ml_core.training.split import (
    GROUP,
    TIME,
    Split,
    column_of,
    held_out_count,
    no_row_has_one,
    nothing_to_learn,
    nothing_to_train_on,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ml_core.inputs.labels import Label

_MOST_NAMED = 20


class SplitColumn(NamedTuple):
    """The column that rows are held out by: its name, its place in a row, and how its values are read."""

    name: str
    place: int
    by: str

    def hidden(self, instances: object, width: int) -> object:
        """The rows with 0 in its place: as many values as were sent, so that faults keep their paths.

        What is no row of so many values stays as it is.
        """
        if not isinstance(instances, list):
            return instances
        return [self._hidden(row, width) for row in instances]

    def _hidden(self, row: object, width: int) -> object:
        if isinstance(row, list) and len(row) == width:
            return [*row[: self.place], 0, *row[self.place + 1 :]]
        if isinstance(row, dict) and self.name in row:
            return {**row, self.name: 0}
        return row

    def keys(self, instances: object, where: str = "$.instances") -> list[Any]:
        """What each of the checked rows is held out by; None where it is missing. Raises `InvalidInput`."""
        assert isinstance(instances, list)  # noqa: S101 - they are checked
        values = [row[self.name] if isinstance(row, dict) else row[self.place] for row in instances]
        read = _times if self.by == TIME else _groups
        keys, wrong = read(values)
        raise_faults(
            Fault(f"{where}[{row}]{self._in(instances[row])}", message)
            for row, message in islice(wrong, InvalidInput.MOST_FAULTS + 1)
        )
        return keys

    def _in(self, row: object) -> str:
        return member("", self.name) if isinstance(row, dict) else f"[{self.place}]"

    def removed_from(self, rows: Rows, kept: Sequence[bool]) -> Rows:
        """The rows that are kept, without it."""
        numbers = array("d")
        numbers.frombytes(rows.packed)
        del numbers[self.place :: rows.n_features]
        packed, width = memoryview(numbers).cast("B"), rows.n_features - 1
        if not all(kept):
            step = 8 * width
            return Rows(
                b"".join(packed[row * step : (row + 1) * step] for row, keep in enumerate(kept) if keep),
                width,
                rows.where,
            )
        return Rows(packed.tobytes(), width, rows.where)


def split_column(split: Split, features: tuple[str, ...]) -> SplitColumn | None:
    """The column that rows of these are held out by. Raises `InvalidInput` where they have none such."""
    name = column_of(split)
    if name is None:
        return None
    if name not in features:
        more = f" and {len(features) - _MOST_NAMED} more" if len(features) > _MOST_NAMED else ""
        has = ", ".join(map(shown, features[:_MOST_NAMED])) + more
        raise InvalidInput.at("$.split.column", f"the rows have no column {shown(name)}; they have {has}")
    if len(features) == 1:
        raise InvalidInput.at(
            "$.split.column", f"no column is left to train on: the rows have {shown(name)} alone"
        )
    return SplitColumn(name, features.index(name), split["by"])


def packed_ranks(keys: Sequence[Any]) -> bytes:
    """Each key's place among the different ones in ascending order, as little-endian int64.

    They are compared, not hashed: of large integers any number may have the same hash.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks, rank = [0] * len(keys), 0
    for before, row in pairwise(order):
        rank += keys[row] != keys[before]
        ranks[row] = rank
    return struct.pack(f"<{len(ranks)}q", *ranks)


def size_trained_on(
    split: Split, fraction: float, ranks: bytes | memoryview, targets: Sequence[Label] | None
) -> DataSize:
    """How much is trained on: by time as it will be, by group at most.

    Which groups are held out is drawn by who trains. Raises `InvalidInput` where nothing is left, or nothing
    of a class.
    """
    of_row = struct.unpack(f"<{len(ranks) // 8}q", ranks)
    if not of_row:
        raise no_row_has_one(column_of(split) or "")
    if split["by"] == GROUP:
        groups = max(of_row) + 1
        held_out = held_out_count(fraction, groups)
        if held_out >= groups:
            raise nothing_to_train_on(split, held_out, groups)
        return DataSize(len(of_row) - held_out, min(Counter(targets).values()) if targets else None)
    held_out = held_out_count(fraction, len(of_row))
    cut = 0 if held_out >= len(of_row) else sorted(of_row)[len(of_row) - held_out]
    if not cut:  # the first of all values, whose rank is 0
        raise nothing_to_train_on(split, held_out, len(of_row))
    if targets is None:
        return DataSize(sum(rank < cut for rank in of_row), None)
    counts = Counter(target for target, rank in zip(targets, of_row, strict=True) if rank < cut)
    lost = sorted(set(targets) - counts.keys())
    if lost:
        raise nothing_to_learn(split, lost)
    return DataSize(counts.total(), min(counts.values()))


def _times(values: list[object]) -> tuple[list[Any], Iterator[tuple[int, str]]]:
    """Numbers, or dates as days, and which values are neither."""
    first = next((value for value in values if value is not None), None)
    numbers = read_column(Feature("", DATE if isinstance(first, str) else NUMBER), values)
    keys = [None if value is None else number for value, number in zip(values, numbers, strict=True)]
    return keys, iter(list(wrong_values(numbers)))


def _groups(values: list[object]) -> tuple[list[Any], Iterator[tuple[int, str]]]:
    """Names of groups, and which values are none, or of another kind than those before."""
    kinds = [_kind(value) for value in values]
    known = next((kind for kind in kinds if kind), None)
    odd = (
        (row, f"expected a word, a whole number of 64 bits, true or false, got {shown(values[row])}")
        for row, kind in enumerate(kinds)
        if kind is None
    )
    other = (
        (row, f"expected {known} as in the rows before, got {shown(values[row])}")
        for row, kind in enumerate(kinds)
        if kind and kind != known
    )
    return values, chain(odd, other)


def _kind(value: object) -> str | None:
    """What a group's name is; None where a value is no name, and an empty text where it is missing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a word"
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return "a whole number" if whole and -(2**63) <= value < 2**63 else None  # type: ignore[operator]
