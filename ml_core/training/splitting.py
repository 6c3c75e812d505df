"""Which rows are trained on and which are held out, as scikit-learn's splitters choose them."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.errors import InvalidInput, shown
from ml_core.tables.columns import BOOLEAN, CATEGORY, DATE, INTEGER, MOST_WORDS, NUMBER, TEXT
from ml_core.tables.suitability import SeenColumn
from ml_core.training.split import (
    GROUP,
    HASH,
    TIME,
    Split,
    column_of,
    everything_hashed_out,
    held_out_count,
    held_out_instead,
    no_row_has_one,
    not_measured,
    nothing_hashed_out,
    nothing_held_out,
    nothing_to_learn,
    nothing_to_train_on,
    only_in_given_test,
    without_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label
    from ml_core.tables.columns import Column, Dataset

# Times as many rows as were asked for may be held out before it is said.
_LEAST, _MOST = 0.5, 1.5
_AT_A_TIME = 1 << 16  # numbers that are counted, or looked up by, at a time: numpy makes 8 bytes of each


class Holding(NamedTuple):
    """How rows are held out.

    `ranks` are there where it is by a column: each row's place among its values. `test` is there where the
    data itself, or a hash, says of each whether it is held out: 1 if it is.
    """

    split: Split
    test_fraction: float
    seed: int
    ranks: "NDArray[np.integer] | None"
    test: "NDArray[np.uint8] | None" = None

    def parts(
        self, rows: int, y: "NDArray[np.int64] | None"
    ) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """The places of the rows to train on, and of those held out. Raises `InvalidInput` without either."""
        if self.test_fraction == 0:
            return np.arange(rows), np.arange(0)
        if self.split["by"] == HASH and self.test is not None and self.test.all():
            raise everything_hashed_out(rows)
        if self.test is not None:
            return np.flatnonzero(self.test == 0), np.flatnonzero(self.test)
        if self.ranks is None:
            from sklearn.model_selection import train_test_split

            training, test = train_test_split(
                np.arange(rows), test_size=self.test_fraction, random_state=self.seed, stratify=y
            )
            return training, test
        return self._by_group(self.ranks) if self.split["by"] == GROUP else self._by_time(self.ranks)

    def _by_time(self, ranks: "NDArray[np.integer]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        late = self._late(ranks)
        return np.flatnonzero(~late), np.flatnonzero(late)

    def _late(self, ranks: "NDArray[np.integer]") -> "NDArray[np.bool_]":
        """Whether each row is held out by time."""
        held_out = held_out_count(self.test_fraction, len(ranks))
        first = len(ranks) - held_out
        cut = int(np.partition(ranks, first)[first]) if first > 0 else 0
        if not cut:  # the first of all values, whose rank is 0
            raise nothing_to_train_on(self.split, held_out, len(ranks))
        late: NDArray[np.bool_] = ranks >= cut
        return late

    def _by_group(self, ranks: "NDArray[np.integer]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        from sklearn.model_selection import GroupShuffleSplit

        groups = int(ranks.max()) + 1
        held_out = held_out_count(self.test_fraction, groups)
        if held_out >= groups:
            raise nothing_to_train_on(self.split, held_out, groups)
        splitter = GroupShuffleSplit(n_splits=1, test_size=self.test_fraction, random_state=self.seed)
        training, test = next(splitter.split(ranks, groups=ranks))
        return training, test

    def held_out(self, rows: int, y: "NDArray[np.integer] | None") -> "NDArray[np.bool_]":
        """Whether each row is held out: the same rows as `parts` has, in a few bytes for each.

        Raises `InvalidInput` where none is left to train on.
        """
        if self.test_fraction == 0:
            return np.zeros(rows, bool)
        if self.test is not None:
            given: NDArray[np.bool_] = self.test != 0
            return given
        if self.ranks is not None and self.split["by"] == TIME:
            return self._late(self.ranks)
        if self.ranks is not None:
            of_group = self.held_out_groups(int(self.ranks.max()) + 1)
            held_out = np.empty(rows, bool)
            for begin in range(0, rows, _AT_A_TIME):
                held_out[begin : begin + _AT_A_TIME] = of_group[self.ranks[begin : begin + _AT_A_TIME]]
            return held_out
        random = np.random.RandomState(self.seed)  # scikit-learn's generator
        taken = held_out_count(self.test_fraction, rows)
        if y is None:
            return _some_of(rows, 0, taken, random)
        return _stratified(y, taken, random)

    def held_out_values(self, rows: "NDArray[np.int64]") -> "NDArray[np.bool_]":
        """Whether each of the column's values, ascending, is held out, given how many rows have each.

        Raises `InvalidInput` where none is left to train on.
        """
        if self.split["by"] == GROUP:
            return self.held_out_groups(len(rows))
        every = int(rows.sum())
        held_out = held_out_count(self.test_fraction, every)
        cut = int(np.searchsorted(np.cumsum(rows), every - held_out, side="right"))
        if not cut:
            raise nothing_to_train_on(self.split, held_out, every)
        late: NDArray[np.bool_] = np.arange(len(rows)) >= cut
        return late

    def held_out_groups(self, groups: int) -> "NDArray[np.bool_]":
        """Whether each of so many groups is held out. Raises `InvalidInput` where none is left."""
        taken = held_out_count(self.test_fraction, groups)
        if taken >= groups:
            raise nothing_to_train_on(self.split, taken, groups)
        return _some_of(groups, 0, taken, np.random.RandomState(self.seed))

    def unlike_asked(self, training: int, test: int) -> list[str]:
        """What is to be said of parts of so many rows, where values that many rows share make them uneven."""
        if self.split["by"] == HASH:
            return [] if test or not self.test_fraction else [nothing_hashed_out(training)]
        asked = held_out_count(self.test_fraction, training + test)
        if self.ranks is None or self.test is not None or asked * _LEAST <= test <= asked * _MOST:
            return []
        return [held_out_instead(self.split, test, asked)]

    def check_classes(
        self,
        classes: "Sequence[Label] | None",
        training: "NDArray[np.integer] | None",
        test: "NDArray[np.integer] | None",
    ) -> list[str]:
        """What is to be said of classes that the held-out rows lack, given the parts' class numbers.

        Only a split by a column, or the data's own, can miss one. Raises `InvalidInput` for those that the
        others lack.
        """
        given = self.ranks is not None or self.test is not None
        if not given or classes is None or training is None or test is None or not len(test):
            return []
        lost = _absent(classes, training)
        if lost and self.test is not None and self.split["by"] != HASH:
            raise only_in_given_test(lost)
        if lost:
            raise nothing_to_learn(self.split, lost)
        absent = _absent(classes, test)
        return [not_measured(absent)] if absent else []


def _stratified(y: "NDArray[np.integer]", taken: int, random: np.random.RandomState) -> "NDArray[np.bool_]":
    """Which rows `StratifiedShuffleSplit` holds out, of which it has lists of numbers of Python's."""
    counts = counted(y)
    training = _in_their_shares(counts, len(y) - taken, random)
    test = _in_their_shares(counts - training, taken, random)
    held_out = np.zeros(len(y), bool)
    for number, (count, first, some) in enumerate(zip(counts, training, test, strict=True)):
        held_out[y == number] = _some_of(int(count), int(first), int(some), random)
    return held_out


def _some_of(things: int, first: int, some: int, random: np.random.RandomState) -> "NDArray[np.bool_]":
    """Which things a permutation of all has at so many places from the first on.

    It is the one of `random.permutation(things)`, in half of its bytes.
    """
    places = np.arange(things, dtype=np.min_scalar_type(max(things - 1, 1 << 16)))
    random.shuffle(places)
    chosen = np.zeros(things, bool)
    chosen[places[first : first + some]] = True
    return chosen


def counted(numbers: "NDArray[np.integer]", classes: int = 0) -> "NDArray[np.int64]":
    """How many rows each of at least so many classes has, without a copy of all numbers."""
    classes = max(classes, int(numbers.max()) + 1 if len(numbers) else 0)
    found = np.zeros(classes, np.int64)
    for begin in range(0, len(numbers), _AT_A_TIME):
        found += np.bincount(numbers[begin : begin + _AT_A_TIME], minlength=classes)
    return found


def _in_their_shares(
    counts: "NDArray[np.int64]", draws: int, random: np.random.RandomState
) -> "NDArray[np.int64]":
    """So many draws from groups of these sizes, in their shares: the greatest remainders get one more each.

    Among equal ones chance decides, by the same numbers as in scikit-learn, whose import takes 200 MiB.
    """
    exact = counts / counts.sum() * draws
    drawn = np.floor(exact)
    left, remainders = int(draws - drawn.sum()), exact - drawn
    for remainder in np.unique(remainders)[::-1] if left > 0 else ():
        groups = np.flatnonzero(remainders == remainder)
        some = min(len(groups), left)
        drawn[random.choice(groups, size=some, replace=False)] += 1
        left -= some
        if not left:
            break
    return drawn.astype(np.int64)


def _absent(classes: "Sequence[Label]", numbers: "NDArray[np.integer]") -> "list[Label]":
    counts = counted(numbers, len(classes))
    return [classes[number] for number in np.flatnonzero(counts == 0).tolist()]


class TableSplit(NamedTuple):
    """The column of a table that its rows are held out by."""

    column: "Column"

    @classmethod
    def of(cls, dataset: "Dataset", split: Split, has: str) -> "TableSplit":
        """The column that the split names, in a table that `has` these. Raises `InvalidInput`."""
        return cls(column_to_split(dataset.columns, split, has, lambda column: bool(column.present.any())))

    def rows_kept(
        self, present: "NDArray[np.bool_] | None", *, held_out: bool
    ) -> "tuple[NDArray[np.bool_] | None, list[str]]":
        """Which of the rows that are `present` (None: all) have a value, and what is to be said of others.

        Where no row is to be held out, none needs one. Raises `InvalidInput` where none has one.
        """
        if not held_out:
            return present, [nothing_held_out(self.column.name)]
        kept = self.column.present if present is None else self.column.present & present
        if not kept.any():
            raise no_row_has_one(self.column.name)
        missing = (len(kept) if present is None else int(present.sum())) - int(kept.sum())
        return (kept, [without_value(missing, self.column.name)]) if missing else (present, [])

    def ranks(self, kept: "NDArray[np.bool_] | None") -> memoryview:
        """The place of each row's value among those of the rows kept (None: all), as packed int64."""
        values = self.column.values if kept is None else self.column.values[kept]
        ranks = np.unique(values, return_inverse=True)[1].astype("<i8", copy=False)
        return memoryview(np.ascontiguousarray(ranks)).cast("B")


def column_to_split[C: SeenColumn](
    there: "Sequence[C]", split: Split, has: str, holds_any: "Callable[[C], bool]"
) -> C:
    """The column that the split names, in a table that `has` these. Raises `InvalidInput`."""
    name = column_of(split) or ""
    column = next((column for column in there if column.name == name), None)
    if column is None:
        raise InvalidInput.at("$.split.column", f"the table has no column {shown(name)}; it has {has}")
    if not holds_any(column):
        raise no_row_has_one(name)
    if wrong := _wrong_times(column) if split["by"] == TIME else _wrong_groups(column):
        raise InvalidInput.at("$.split.column", wrong)
    return column


def _wrong_times(column: SeenColumn) -> str | None:
    if column.kind in (DATE, NUMBER, INTEGER):
        return None
    written = "; dates are written as 2024-05-31" if column.kind == CATEGORY else ""
    return f"times are dates or numbers; column {shown(column.name)} is of type {column.kind}{written}"


def _wrong_groups(column: SeenColumn) -> str | None:
    name = shown(column.name)
    if column.kind == TEXT:
        return (
            f"column {name} has more than {MOST_WORDS} different words, past which none are told apart; "
            "number the groups, of whole numbers there may be as many as rows"
        )
    if column.kind not in (CATEGORY, INTEGER, BOOLEAN, DATE):
        return (
            f"groups are words, whole numbers, truth values or dates; column {name} is of type {column.kind}"
        )
    return None
