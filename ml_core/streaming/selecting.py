"""Which rows are trained on and which are held out: one pass over the target and what they are held out by.

The class number of each row and a bit or two are held, not the rows: the same rows are held out that a table
in memory has held out (`training/splitting.py`). Where that is too much for the memory, rules hold rows out
that look at one row alone (`holding_out.py`).
"""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import TooLarge, shown
from ml_core.inputs.columns import CATEGORY, Feature
from ml_core.inputs.rows import Limits
from ml_core.streaming.holding_out import (
    NO_KEYS,
    NO_VALUES,
    PIECE_ROWS,
    ClassKeys,
    CountedValues,
    HashedRows,
    pieces,
)
from ml_core.streaming.part_rows import Classes, PartRows, RowSource, read_numbers
from ml_core.streaming.seen import LookedColumn
from ml_core.tables.memory import BYTES_AT_LEAST
from ml_core.training.content_hash import ContentHash, HashedColumn
from ml_core.training.labelling import labels_by, no_label, without_target
from ml_core.training.split import (
    Split,
    everything_hashed_out,
    no_row_has_one,
    nothing_held_out,
    without_value,
)
from ml_core.training.splitting import Holding, counted
from ml_core.training.table import feature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label
    from ml_core.scanning.block import Block
    from ml_core.streaming.looking import LookedTable
    from ml_core.streaming.passes import Passes

# Of each row: whether it is held out, and its place in an order that is drawn, which takes half as many bytes
# below 2^32 rows. Beside it its class, and its place among the values that it is held out by; both are there
# twice while parts are put together, and so is each value.
_BYTES_A_ROW, _COPIES, _BYTES_A_VALUE = 10, 2, 24
# What is left for them of a memory that is smaller than what else there is.
_LEAST_SHARE = 8
_MANY_ROWS = 1 << 32
# So many values of a column are counted, to hold out some of them.
_MOST_VALUES = 1 << 20
# What is estimated to be so many times too many is too many.
_SURELY_MORE = 2


class Coded(NamedTuple):
    """The values of rows: the different ones, ascending, and each row's place among them."""

    different: "NDArray[np.float64]"
    places: "NDArray[np.unsignedinteger]"

    @classmethod
    def of(cls, values: "NDArray[np.float64]") -> "Coded":
        """Values, none of which is missing."""
        if len(values) > PIECE_ROWS:  # sorting takes several copies
            return cls.together([cls.of(values[begin : begin + some]) for begin, some in pieces(len(values))])
        different, places = np.unique(values, return_inverse=True)
        return cls(different, places.astype(np.min_scalar_type(max(len(different) - 1, 0))))

    @classmethod
    def together(cls, parts: "Sequence[Coded]") -> "Coded":
        """The values of all parts, one after another."""
        different = np.unique(np.concatenate([part.different for part in parts]))
        dtype = np.min_scalar_type(max(len(different) - 1, 0))
        places, at = np.empty(sum(len(part.places) for part in parts), dtype), 0
        for part in parts:
            own = np.searchsorted(different, part.different).astype(dtype)
            np.take(own, part.places, out=places[at : at + len(part.places)], mode="clip")
            at += len(part.places)
        return cls(different, places)


class SelectedPart(NamedTuple):
    """What a part says of its rows.

    Args:
        rows: how many it has.
        kept: which can be trained on or held out, packed bits; None for all.
        target: the values of the target of those that are kept.
        by: the values that they are held out by.
        keys: in the place of `target` and `by`, where rows are held out by a hash.
        empty: how many rows have no value in any column.
        without_target: how many others have none in the target.
        without_value: how many others have none in what they are held out by.
    """

    rows: int
    kept: bytes | None
    target: Coded | None
    by: Coded | None
    keys: ClassKeys | None
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
        ranks: each kept row's place among the values that it is held out by, if it is by some.
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
    ranks: "NDArray[np.unsignedinteger] | None" = None


def select_part(
    source: RowSource, columns: SelectingColumns, rule: HashedRows | None, item: PartRows
) -> SelectedPart:
    """What a part says of its rows. Raises `MalformedInput`."""
    kepts, targets, bys, told = [], [], [], np.zeros(3, np.int64)
    keys, at = NO_KEYS, item.first
    for block in source.blocks(item.part):
        kept, target, by, *counts = _select(block, columns)
        kepts.append(kept)
        told += counts
        if rule is not None:
            some = rule.keys(at, block.rows)[kept]
            keys = keys.add(
                ClassKeys.of(np.zeros(len(some)) if target is None else target, some, rule.below(some))
            )
            at += block.rows
            continue
        if target is not None:
            targets.append(Coded.of(target))
        if by is not None:
            bys.append(Coded.of(by))
    kept = np.concatenate(kepts) if kepts else np.empty(0, bool)
    return SelectedPart(
        len(kept),
        None if kept.all() else np.packbits(kept).tobytes(),
        Coded.together(targets) if targets else None,
        Coded.together(bys) if bys else None,
        None if rule is None else keys,
        *told.tolist(),
    )


class ValuedPart(NamedTuple):
    """What a part says of its rows, some of whose values are held out.

    `rows`, `kept`, `empty`, `without_target` and `without_value` are as in `SelectedPart`. `held_out` are
    packed bits; `training` and `test` are the values of the target on either side.
    """

    rows: int
    kept: bytes | None
    held_out: bytes
    training: CountedValues
    test: CountedValues
    empty: int
    without_target: int
    without_value: int


def values_of_part(source: RowSource, columns: SelectingColumns, most: int, item: PartRows) -> CountedValues:
    """The values that rows are held out by; at most one more than `most`. Raises `MalformedInput`."""
    found = NO_VALUES
    for block in source.blocks(item.part):
        found = found.add(CountedValues.of(_select(block, columns)[2]))
        if len(found.values) > most:
            return CountedValues(found.values[: most + 1], found.rows[: most + 1])
    return found


def select_by_value(
    source: RowSource, columns: SelectingColumns, held_out: CountedValues, item: PartRows
) -> ValuedPart:
    """Which rows of a part have the values that are held out. Raises `MalformedInput`."""
    return _selected(source, columns, item, lambda _block, _kept, by: held_out.have(by))


def select_by_content(
    source: RowSource,
    columns: SelectingColumns,
    hashed: ContentHash,
    looked_at: "tuple[LookedColumn, ...]",
    item: PartRows,
) -> ValuedPart:
    """Which rows of a part a hash of their values in some columns holds out. Raises `MalformedInput`."""
    described = [feature_of(column) for column in looked_at]
    of_columns = [HashedColumn(each.name, each.kind, each.words) for each in described]

    def held_out(block: "Block", kept: "NDArray[np.bool_]", _by: object) -> "NDArray[np.bool_]":
        X = read_numbers(block, described)[kept]
        return hashed.held_out(of_columns, list(X.T)) if len(X) else np.zeros(0, bool)

    return _selected(source, columns, item, held_out)


def _selected(
    source: RowSource,
    columns: SelectingColumns,
    item: PartRows,
    held_out: "Callable[[Block, NDArray[np.bool_], Any], NDArray[np.bool_]]",
) -> ValuedPart:
    """The rows of a part; `held_out` says which of a block's kept rows are, given what they have in `by`."""
    kepts, tests, told = [], [], np.zeros(3, np.int64)
    training = test = NO_VALUES
    for block in source.blocks(item.part):
        kept, target, by, *counts = _select(block, columns)
        own = held_out(block, kept, by)
        told += counts
        kepts.append(kept)
        tests.append(np.zeros(block.rows, bool))
        tests[-1][kept] = own
        if target is not None:
            training = training.add(CountedValues.of(target[~own]))
            test = test.add(CountedValues.of(target[own]))
    kept, out = (np.concatenate([np.empty(0, bool), *each]) for each in (kepts, tests))
    return ValuedPart(
        len(kept),
        None if kept.all() else np.packbits(kept).tobytes(),
        np.packbits(out).tobytes(),
        training,
        test,
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


type _Check = Callable[[tuple[Label, ...] | None, tuple[int, ...] | None, int], None]


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
        hashed: holds rows out by a hash of their values in the columns `hashed_by`; None where nothing does.
    """

    source: RowSource
    columns: SelectingColumns
    looked: "LookedTable"
    split: Split
    test_fraction: float
    seed: int
    budget: int | None = None
    hashed: ContentHash | None = None
    hashed_by: "tuple[LookedColumn, ...]" = ()

    def selected(
        self,
        passes: "Passes",
        check: "_Check",
    ) -> Selected:
        """The rows of all parts. Raises `InvalidInput`, `TooLarge`, `Unfinished`.

        `check` raises what speaks against so many rows of each class, and so many in all.
        """
        self._check_target()
        counts_only = self.counts_only()
        by_value = counts_only and self.columns.by is not None and self.test_fraction > 0
        rule = HashedRows(self.seed, self.test_fraction) if counts_only and not by_value else None
        found: Any
        if self.hashed is not None:
            rule, by_value, found = None, True, self._pass_by_content(passes, self.hashed)
        else:
            found = self._pass_by_value(passes) if by_value else self._pass(passes, rule)
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
        if by_value:
            chosen = self._by_value(found, kept, check)
        elif rule is not None:
            chosen = self._by_hash(found, rule, kept, check)
        else:
            chosen = self._drawn(found, kept, check)
        return chosen._replace(
            empty=empty,
            empty_warnings=(f"{empty} rows have no value in any column and are left out",) if empty else (),
            warnings=tuple(warnings),
        )

    def _drawn(self, found: "list[SelectedPart]", kept: int, check: "_Check") -> Selected:
        """The same rows as in memory. It lets go of what parts said of their rows."""
        ranks = None
        if self.columns.by is not None and self.test_fraction > 0:
            ranks = Coded.together([part.by for part in found if part.by is not None]).places
        labels = self._labels(found)
        for place, part in enumerate(found):
            found[place] = part._replace(target=None, by=None)
        classes, y = (None, None) if labels is None else labels
        counts = None if classes is None or y is None else tuple(counted(y, len(classes.labels)).tolist())
        check(None if classes is None else classes.labels, counts, kept)
        held_out, lacking = self._held_out(ranks, kept, classes, y)
        taken = 0 if held_out is None else int(np.count_nonzero(held_out))
        parts = tuple(self._part_rows(found, held_out))
        return Selected(parts, classes, counts, kept, taken, 0, (), (), tuple(lacking), ranks)

    def _by_hash(self, found: "list[SelectedPart]", rule: HashedRows, kept: int, check: "_Check") -> Selected:
        """Rows that are held out by the hash of their number, of each class at least one on either side.

        Where none is held out it has counted the classes, and no row is remembered.
        """
        keys = NO_KEYS
        for part in found:
            keys = keys if part.keys is None else keys.add(part.keys)
        classes, counts = None, None
        if self.columns.target is not None:
            classes = self._classes(self.columns.target, keys.values)
            by_class = np.zeros(len(classes.labels), np.int64)
            np.add.at(by_class, classes.places, keys.rows)
            counts = tuple(by_class.tolist())
        check(None if classes is None else classes.labels, counts, kept)
        parts = tuple(self._part_rows(found, None))
        if self.test_fraction == 0:
            return Selected(parts, classes, counts, kept, 0, 0, (), (), ())
        rule = rule._replace(moved=keys.moved())
        parts = tuple(each._replace(rule=rule) for each in parts)
        return Selected(parts, classes, counts, kept, keys.taken, 0, (), (), (held_out_by_hash(kept),))

    def _by_value(self, found: "list[ValuedPart]", kept: int, check: "_Check") -> Selected:
        """The same rows as in memory, which were chosen by how many rows each value has."""
        training = test = NO_VALUES
        for part in found:
            training, test = training.add(part.training), test.add(part.test)
        held_out = sum(int(np.unpackbits(np.frombuffer(part.held_out, np.uint8)).sum()) for part in found)
        if held_out == kept:
            raise everything_hashed_out(kept)
        holding = self._holding(np.empty(0, np.int64))
        lacking = holding.unlike_asked(kept - held_out, held_out)
        classes = counts = None
        if self.columns.target is not None:
            both = training.add(test)
            classes = self._classes(self.columns.target, both.values)
            by_class = np.zeros(len(classes.labels), np.int64)
            np.add.at(by_class, classes.places, both.rows)
            counts = tuple(by_class.tolist())
        check(None if classes is None else classes.labels, counts, kept)
        if classes is not None:
            sides = [np.unique(classes.numbers(side.values)) for side in (training, test)]
            lacking += holding.check_classes(classes.labels, *sides)
        parts = tuple(
            each._replace(held_out=part.held_out)
            for each, part in zip(self._part_rows(found, None), found, strict=True)
        )
        return Selected(parts, classes, counts, kept, held_out, 0, (), (), tuple(lacking))

    def _pass_by_value(self, passes: "Passes") -> "list[ValuedPart]":
        """Two passes: how many rows each value has, and which rows have those that are held out."""
        source, columns = self._read(self.columns)
        items = self._items()
        assert self.columns.by is not None  # noqa: S101 - for the type checker
        task = partial(values_of_part, source, columns, _MOST_VALUES)
        name = "values that rows are held out by"
        counted_values = passes.over(name, task, items, _values_added, phase="splitting")
        values, rows = counted_values
        if len(values) > _MOST_VALUES:
            raise TooLarge(
                f"holding out some of {self.looked.rows} rows by column {shown(self.columns.by.name)} takes "
                f"about {self.needed() >> 20} MiB of memory, or at most {_MOST_VALUES} different values: "
                'make its values coarser, hold rows out by "random", train with test_fraction 0, or give the '
                "train function more memory"
            )
        if not len(values):
            raise no_row_has_one(self.columns.by.name)
        held_out = self._holding(np.empty(0, np.int64)).held_out_values(rows)
        chosen = CountedValues(values[held_out], rows[held_out])
        task_of = partial(select_by_value, source, columns, chosen)
        found: list[ValuedPart] = passes.over(
            "selecting rows by value", task_of, items, _listed, phase="splitting", keep=False
        )
        passes.forget(name)
        return found

    def _pass_by_content(self, passes: "Passes", hashed: ContentHash) -> "list[ValuedPart]":
        """Which rows the hash of their content holds out."""
        source, columns = self._read(self.columns, self.hashed_by)
        task = partial(select_by_content, source, columns, hashed, self.hashed_by)
        name = "selecting rows by their content"
        found: list[ValuedPart] = passes.over(
            name, task, self._items(), _listed, phase="splitting", keep=False
        )
        return found

    def _holding(self, ranks: "NDArray[np.integer] | None") -> Holding:
        return Holding(self.split, self.test_fraction, self.seed, ranks)

    def _items(self) -> list[PartRows]:
        items, first = [], 0
        for part, rows in zip(self.source.plan.parts, self.looked.part_rows, strict=True):
            items.append(PartRows(part, first, rows))
            first += rows
        return items

    def _pass(self, passes: "Passes", rule: HashedRows | None) -> "list[SelectedPart]":
        by = self.columns.by if self.test_fraction > 0 else None
        source, columns = self._read(self.columns._replace(by=by))
        items = self._items()
        if columns.target is None and columns.by is None and not columns.may_be_empty:
            return [_all_rows(rule, item) for item in items]
        task = partial(select_part, source, columns, rule)
        name = "selecting rows" if rule is None else "selecting rows by a hash"
        return passes.over(name, task, items, _listed, phase="splitting", keep=False)

    def _read(
        self, columns: SelectingColumns, more: "Sequence[LookedColumn]" = ()
    ) -> tuple[RowSource, SelectingColumns]:
        """How the columns that say which rows are kept are read, and some more."""
        wanted = [*filter(None, [columns.target, columns.by]), *more]
        if columns.may_be_empty:
            wanted = list(columns.every)
        source = self.source._replace(
            features=tuple(Feature(name, CATEGORY) for name in {column.name for column in wanted}),
            target=None,
        )
        return source._replace(plan=source.plan._replace(parts=())), columns

    def counts_only(self) -> bool:
        """Whether nothing is remembered of each row: none is held out, or there are too many to draw from."""
        if self.test_fraction == 0:
            return True
        if self.budget is None:
            return False
        free = max(self.budget - BYTES_AT_LEAST, self.budget // _LEAST_SHARE)
        return self.needed() > free

    def needed(self) -> int:
        """How many bytes it takes at most to draw rows as from a table in memory."""
        rows, target, by = self.looked.rows, self.columns.target, self.columns.by
        needed = rows * _BYTES_A_ROW * (1 if rows < _MANY_ROWS else 2)
        for column in filter(None, [target, by]):
            different = _most_different(column)
            needed += rows * _COPIES * np.min_scalar_type(different).itemsize + different * _BYTES_A_VALUE
        return needed

    def _check_target(self) -> None:
        """Raise `TooLarge` for far more classes than are taken: to count each takes memory."""
        target, most = self.columns.target, Limits().max_classes
        if target is None or target.is_words or target.seen.different <= _SURELY_MORE * most:
            return
        raise TooLarge(
            f"$.data.target has about {target.seen.different} classes; at most {most} are taken: name a "
            "target that tells a few classes apart"
        )

    def _classes(self, target: LookedColumn, values: "NDArray[np.float64]") -> Classes:
        own = labels_by(target, values, np.arange(len(values)))
        return Classes(own.classes, values, np.asarray(own.numbers, np.int64))

    def _labels(
        self, found: "Sequence[SelectedPart]"
    ) -> "tuple[Classes, NDArray[np.unsignedinteger]] | None":
        """The classes, and the number of each row's."""
        if self.columns.target is None:
            return None
        coded = Coded.together([part.target for part in found if part.target is not None])
        classes = self._classes(self.columns.target, coded.different)
        numbers = classes.places.astype(coded.places.dtype)
        for begin, length in pieces(len(coded.places)):
            some = coded.places[begin : begin + length]
            some[:] = numbers[some]
        return classes, coded.places

    def _held_out(
        self,
        ranks: "NDArray[np.unsignedinteger] | None",
        rows: int,
        classes: Classes | None,
        y: "NDArray[np.unsignedinteger] | None",
    ) -> "tuple[NDArray[np.bool_] | None, list[str]]":
        """Which of the kept rows are held out, and what is to be said of it."""
        if self.test_fraction == 0:
            return None, []
        holding = self._holding(ranks)
        test = holding.held_out(rows, y)
        taken = int(np.count_nonzero(test))
        lacking = holding.unlike_asked(rows - taken, taken)
        if ranks is not None and classes is not None and y is not None:
            lacking += holding.check_classes(classes.labels, y[~test], y[test])
        return test, lacking

    def _part_rows(
        self, found: "Sequence[SelectedPart | ValuedPart]", held_out: "NDArray[np.bool_] | None"
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


def _all_rows(rule: HashedRows | None, item: PartRows) -> SelectedPart:
    """What is said of a part of which every row is kept, and none has a class."""
    keys = None
    if rule is not None:
        keys = NO_KEYS
        for begin, length in pieces(item.rows):
            own = rule.keys(item.first + begin, length)
            keys = keys.add(ClassKeys.of(np.zeros(length), own, rule.below(own)))
    return SelectedPart(item.rows, None, None, None, keys, 0, 0, 0)


def _most_different(column: LookedColumn) -> int:
    """How many different values a column has at most, or about."""
    if column.is_words:
        return len(column.words)
    return column.seen.different + column.seen.different // 20 if column.seen.whole else column.seen.present


def held_out_by_hash(rows: int) -> str:
    """What is said where rows are not the ones that scikit-learn holds out."""
    return (
        f"{rows} rows are too many to draw from in the trainer's memory: a hash of its number and the seed "
        "holds each out or not, and these are other rows than a trainer with more memory holds out"
    )


def _values_added(total: CountedValues | None, part: CountedValues) -> CountedValues:
    if total is None or len(total.values) > _MOST_VALUES:
        return total or part
    return total.add(part)


def _listed[Part](total: "list[Part] | None", part: Part) -> "list[Part]":
    listed = total or []
    listed.append(part)
    return listed
