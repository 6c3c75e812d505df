"""Which rows are trained on and which are held out: one pass over the target and what they are held out by.

A number for each row and a bit or two are held, not the rows: the same rows are held out that a table in
memory has held out (`training/splitting.py`).
"""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import TooLarge
from ml_core.inputs.columns import CATEGORY, Feature
from ml_core.inputs.labels import Labels
from ml_core.streaming.part_rows import Classes, PartRows, RowSource, read_numbers
from ml_core.streaming.seen import LookedColumn
from ml_core.training.labelling import labels_by, no_label, without_target
from ml_core.training.split import Split, no_row_has_one, nothing_held_out, without_value
from ml_core.training.splitting import Holding
from ml_core.training.table import feature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label
    from ml_core.scanning.block import Block
    from ml_core.scanning.plan import Part
    from ml_core.streaming.looking import LookedTable
    from ml_core.streaming.passes import Passes

# Of each row: its class, whether it is kept and held out, its place among the values that it is held out by,
# and what drawing takes.
_BYTES_A_ROW, _BYTES_A_RANK = 20, 24


class Coded(NamedTuple):
    """The values of rows: the different ones, ascending, and each row's place among them."""

    different: "NDArray[np.float64]"
    places: "NDArray[np.unsignedinteger]"

    @classmethod
    def of(cls, values: "NDArray[np.float64]") -> "Coded":
        """Values, none of which is missing."""
        different, places = np.unique(values, return_inverse=True)
        return cls(different, places.astype(np.min_scalar_type(max(len(different) - 1, 0))))

    @classmethod
    def together(cls, parts: "Sequence[Coded]") -> "Coded":
        """The values of all parts, one after another."""
        different = np.unique(np.concatenate([part.different for part in parts]))
        dtype = np.min_scalar_type(max(len(different) - 1, 0))
        places = [np.searchsorted(different, part.different).astype(dtype)[part.places] for part in parts]
        return cls(different, np.concatenate(places) if places else np.empty(0, dtype))


class SelectedPart(NamedTuple):
    """What a part says of its rows.

    Args:
        rows: how many it has.
        kept: which can be trained on or held out, packed bits; None for all.
        target: the values of the target of those that are kept.
        by: the values that they are held out by.
        empty: how many rows have no value in any column.
        without_target: how many others have none in the target.
        without_value: how many others have none in what they are held out by.
    """

    rows: int
    kept: bytes | None
    target: Coded | None
    by: Coded | None
    empty: int
    without_target: int
    without_value: int


class SelectingColumns(NamedTuple):
    """The columns that say which rows are trained on: `every` is all that are wanted."""

    target: LookedColumn | None
    by: LookedColumn | None
    every: tuple[LookedColumn, ...]

    @property
    def may_be_empty(self) -> bool:
        """Whether a row may have no value in any column."""
        return all(column.seen.present < column.seen.rows for column in self.every)


class Selected(NamedTuple):
    """The rows of all parts.

    Args:
        parts: which rows of each part are trained on and held out.
        classes: of the target; None without one.
        counts: how many rows each class has in all; None without a target.
        rows: how many are kept.
        held_out: how many of them are held out.
        empty: how many have no value in any column.
        empty_warnings: what is to be said of those.
        warnings: what is to be said of other rows that are left out.
        lacking: what is to be said of how they are held out.
        ranks: each kept row's place among the values that it is held out by, packed int64, if it is by some.
    """

    parts: tuple[PartRows, ...]
    classes: Classes | None
    counts: tuple[int, ...] | None
    rows: int
    held_out: int
    empty: int
    empty_warnings: tuple[str, ...]
    warnings: tuple[str, ...]
    lacking: tuple[str, ...]
    ranks: bytes | None = None


def select_part(source: RowSource, columns: SelectingColumns, part: "Part") -> SelectedPart:
    """What a part says of its rows. Raises `MalformedInput`."""
    pieces = [_select(block, columns) for block in source.blocks(part)]
    kept = np.concatenate([piece[0] for piece in pieces]) if pieces else np.empty(0, bool)
    told = np.array([piece[3:] for piece in pieces], np.int64).reshape(-1, 3).sum(axis=0)
    target = [piece[1] for piece in pieces if piece[1] is not None]
    by = [piece[2] for piece in pieces if piece[2] is not None]
    return SelectedPart(
        len(kept),
        None if kept.all() else np.packbits(kept).tobytes(),
        Coded.of(np.concatenate(target)) if target else None,
        Coded.of(np.concatenate(by)) if by else None,
        *told.tolist(),
    )


def _select(block: "Block", columns: SelectingColumns) -> tuple[Any, Any, Any, int, int, int]:
    """Which rows of a block are kept, their targets, what they are held out by, and how many are not kept."""
    kept = np.ones(block.rows, bool)
    empty = 0
    if columns.may_be_empty:
        kept = _any_value(block, columns.every)
        empty = block.rows - int(kept.sum())
    target = by = None
    without_any = without_by = 0
    if columns.target is not None:
        target = read_numbers(block, [feature_of(columns.target)])[:, 0]
        there = kept & ~np.isnan(target)
        without_any = int(kept.sum()) - int(there.sum())
        kept = there
    if columns.by is not None:
        by = read_numbers(block, [feature_of(columns.by)])[:, 0]
        there = kept & ~np.isnan(by)
        without_by = int(kept.sum()) - int(there.sum())
        kept = there
    return (
        kept,
        None if target is None else target[kept],
        None if by is None else by[kept],
        empty,
        without_any,
        without_by,
    )


def _any_value(block: "Block", every: "Sequence[LookedColumn]") -> "NDArray[np.bool_]":
    """Which rows have a value in any column."""
    from ml_core.inputs.columns import KINDS

    read = [feature_of(column) for column in every if feature_of(column).kind in KINDS]
    found = ~np.isnan(read_numbers(block, read)).all(axis=1) if read else np.zeros(block.rows, bool)
    for column in every:
        if feature_of(column).kind not in KINDS and column.name in block.columns:
            values = block.columns[column.name]
            nulls = [value is None for value in (values if isinstance(values, list) else values.to_pylist())]
            found |= ~np.array(nulls, bool)
    return found


class Selecting(NamedTuple):
    """Chooses rows.

    Args:
        source: how they are read.
        columns: what says which.
        looked: what the table is.
        split: by what rows are held out.
        test_fraction: how many.
        seed: what randomness starts from.
        budget: how much memory a number for each row may take, in bytes; None for any.
    """

    source: RowSource
    columns: SelectingColumns
    looked: "LookedTable"
    split: Split
    test_fraction: float
    seed: int
    budget: int | None = None

    def selected(
        self,
        passes: "Passes",
        check: "Callable[[tuple[Label, ...] | None, tuple[int, ...] | None, int], None]",
    ) -> Selected:
        """The rows of all parts. Raises `InvalidInput`, `TooLarge`, `Unfinished`.

        `check` raises what speaks against so many rows of each class, and so many in all.
        """
        self._check_memory()
        found = self._pass(passes)
        empty, no_target, no_value = (
            sum(getattr(part, name) for part in found)
            for name in ("empty", "without_target", "without_value")
        )
        warnings: list[str] = []
        target, by = self.columns.target, self.columns.by
        kept = sum(part.rows for part in found) - empty - no_target
        if target is not None and not kept:
            raise no_label(target.name)
        if target is not None and no_target:
            warnings.append(without_target(target, no_target))
        holds = self.test_fraction > 0
        if by is not None and not holds:
            warnings.append(nothing_held_out(by.name))
        if by is not None and holds:
            kept -= no_value
            if not kept:
                raise no_row_has_one(by.name)
            if no_value:
                warnings.append(without_value(no_value, by.name))
        labels = self._labels(found)
        counts = None if labels is None else tuple(labels[0].counts().values())
        check(None if labels is None else labels[0].classes, counts, kept)
        ranks = None
        if self.columns.by is not None and holds:
            coded = Coded.together([part.by for part in found if part.by is not None])
            ranks = coded.places.astype("<i8")
        held_out, lacking = self._held_out(ranks, kept, labels)
        return Selected(
            tuple(self._part_rows(found, held_out)),
            None if labels is None else labels[1],
            counts,
            kept,
            0 if held_out is None else int(held_out.sum()),
            empty,
            (f"{empty} rows have no value in any column and are left out",) if empty else (),
            tuple(warnings),
            tuple(lacking),
            None if ranks is None else ranks.tobytes(),
        )

    def _pass(self, passes: "Passes") -> "list[SelectedPart]":
        by = self.columns.by if self.test_fraction > 0 else None
        columns = self.columns._replace(by=by)
        if columns.target is None and columns.by is None and not columns.may_be_empty:
            return [SelectedPart(rows, None, None, None, 0, 0, 0) for rows in self.looked.part_rows]
        wanted = [*filter(None, [columns.target, columns.by])]
        if columns.may_be_empty:
            wanted = list(columns.every)
        source = self.source._replace(
            features=tuple(Feature(name, CATEGORY) for name in {column.name for column in wanted}),
            target=None,
        )
        task = partial(select_part, source, columns)
        return passes.over(
            "selecting rows", task, self.source.plan.parts, _listed, phase="splitting", keep=False
        )

    def _check_memory(self) -> None:
        a_row = _BYTES_A_ROW + (_BYTES_A_RANK if self.columns.by is not None else 0)
        rows = self.looked.rows
        if self.budget is not None and self.test_fraction > 0 and rows * a_row > self.budget:
            raise TooLarge(
                f"holding out some of {rows} rows takes about {rows * a_row >> 20} MiB of memory, and the "
                f"trainer has {self.budget >> 20} MiB for it: train with test_fraction 0, use fewer rows, or "
                "give the train function more memory"
            )

    def _labels(self, found: "Sequence[SelectedPart]") -> tuple[Labels, Classes] | None:
        if self.columns.target is None:
            return None
        coded = Coded.together([part.target for part in found if part.target is not None])
        own = labels_by(self.columns.target, coded.different, np.arange(len(coded.different)))
        classes = Classes(own.classes, coded.different, np.asarray(own.numbers, np.int64))
        numbers = classes.places.astype(coded.places.dtype)[coded.places]
        return Labels(own.classes, numbers), classes

    def _held_out(
        self, ranks: "NDArray[np.int64] | None", rows: int, labels: tuple[Labels, Classes] | None
    ) -> "tuple[NDArray[np.bool_] | None, list[str]]":
        """Which of the kept rows are held out, and what is to be said of it."""
        if self.test_fraction == 0:
            return None, []
        holding = Holding(self.split, self.test_fraction, self.seed, ranks)
        y = None if labels is None else labels[0].numbers
        test = holding.held_out(rows, y)
        taken = int(test.sum())
        lacking = holding.unlike_asked(rows - taken, taken)
        if labels is not None and y is not None:
            lacking += holding.check_classes(labels[0].classes, y[~test], y[test])
        return test, lacking

    def _part_rows(
        self, found: "Sequence[SelectedPart]", held_out: "NDArray[np.bool_] | None"
    ) -> "list[PartRows]":
        made, first, at = [], 0, 0
        for part, selected in zip(self.source.plan.parts, found, strict=True):
            each = PartRows(part, first, selected.rows, selected.kept)
            if held_out is not None:
                kept = each.training()
                count = int(kept.sum())
                test = np.zeros(selected.rows, bool)
                test[kept] = held_out[at : at + count]
                each, at = each._replace(held_out=np.packbits(test).tobytes()), at + count
            made.append(each)
            first += selected.rows
        return made


def _listed(total: "list[SelectedPart] | None", part: SelectedPart) -> "list[SelectedPart]":
    listed = total or []
    listed.append(part)
    return listed
