"""A long table: each row is one step of a sequence, and columns tell of which, where in it, and its numbers.

The rows may stand in any order: a sequence is sorted by the column that tells the order, and sequences are in
the order in which the file first names them.
"""

from math import floor, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import Fault, InvalidInput, quoted, raise_faults, shown
from ml_core.inputs.arrays import Sequences
from ml_core.inputs.kinds import SEQUENCE
from ml_core.inputs.rounding import erased_in_array, of_channel
from ml_core.tables import reading
from ml_core.tables.columns import (
    BOOLEAN,
    CATEGORY,
    DATE,
    INTEGER,
    NUMBER,
    Dataset,
    value_shown,
)
from ml_core.tables.suitability import objection
from ml_core.training.forms import REFUSE, SequenceColumns
from ml_core.training.instances import TrainingInstances
from ml_core.training.labelling import Labelling, column_names
from ml_core.training.split import TIME, Split, column_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ml_core.tables.columns import Column
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

# Steps are held twice as float32: all of them, and those of the sequences that are trained on.
_BYTES_A_NUMBER = 8
_LARGEST = float(np.finfo(np.float32).max)
_WHERE = "$.data.sequence"
_MOST_NAMED = 5
_NUMBERS = (NUMBER, INTEGER, BOOLEAN)


class Steps(NamedTuple):
    """Rows of the table that are steps, sorted by sequence and place.

    Args:
        rows: the row of the table of each step.
        begins: the first step of each sequence, and the end of the last.
        ids: the column of ids.
    """

    rows: "NDArray[np.int64]"
    begins: "NDArray[np.int64]"
    ids: "Column"

    @property
    def sequences(self) -> int:
        """How many sequences there are."""
        return len(self.begins) - 1

    @property
    def lengths(self) -> "NDArray[np.int64]":
        """How many steps each has."""
        return np.diff(self.begins)

    def number_of_each(self) -> "NDArray[np.int64]":
        """The number of each step's sequence."""
        return np.repeat(np.arange(self.sequences), self.lengths)

    def name(self, sequence: int) -> str:
        """What a sequence is called, in words."""
        value = self.ids.values[self.rows[self.begins[sequence]]]
        return shown(value_shown(self.ids, value))

    def taken(self, kept: "NDArray[np.bool_]") -> "Steps":
        """Those of the sequences that are kept."""
        lengths = self.lengths
        return Steps(
            self.rows[np.repeat(kept, lengths)], np.concatenate([[0], np.cumsum(lengths[kept])]), self.ids
        )


def read_steps(
    data: "TableReference", path: str, budget: "Budget", split: Split, *, held_out: bool
) -> TrainingInstances:
    """The sequences of the table at `path`. Raises what `read_instances` raises."""
    columns, by = SequenceColumns.of(data.sequence or {}), column_of(split)
    wanted = None
    if columns.channels is not None:
        wanted = {*columns.channels, *filter(None, [columns.id, columns.order, data.target, by])}
    dataset = reading.read(
        path,
        declared=data.format,
        names=wanted,
        budget=budget._replace(bytes_a_number=_BYTES_A_NUMBER),
        options=data.options.reading(by),
        keys=[] if split["by"] == TIME and by == columns.id else [columns.id],
    )
    warnings = list(dataset.warnings)
    _check_there(dataset, columns, path, data)
    of_rows = Labelling.of(dataset, data.target, split)
    steps, told = _sorted(dataset, columns, data.options.types)
    warnings += told
    channels, told = _channels(dataset, columns, data.target, by)
    warnings += told
    if columns.gaps == REFUSE:
        _refuse_gaps(steps, channels)
    whole = _complete(steps, channels)
    if not whole.all():
        warnings.append(_without_numbers(steps, channels, whole))
    labelling = Labelling(
        _of_sequences(of_rows.target, steps, "$.data.target", "the target"),
        of_rows.by
        and of_rows.by._replace(
            column=_of_sequences(of_rows.by.column, steps, "$.split.column", "what sequences are held out by")
        ),
    )
    kept, told = labelling.rows_kept(None if whole.all() else whole, held_out=held_out, things="sequences")
    warnings += told
    steps = steps if kept is None else steps.taken(kept)
    packed, told = _packed(steps, channels)
    warnings += told
    if (steps.lengths == 1).all():
        warnings.append(f"each sequence has a single step: does column '{columns.id}' tell sequences apart?")
    sequences = Sequences(packed, len(channels), steps.lengths.tolist(), "F32", "$.data")
    return TrainingInstances(
        SEQUENCE,
        sequences,
        tuple(column.name for column in channels),
        labelling.labels(kept),
        tuple(warnings),
        labelling.ranks(kept, held_out=held_out),
        in_file=True,
    )


def _check_there(dataset: "Dataset", columns: SequenceColumns, path: str, data: "TableReference") -> None:
    """Raise `InvalidInput` for columns that the table does not have."""
    places = {f"{_WHERE}.id": columns.id, f"{_WHERE}.order": columns.order}
    places |= {f"{_WHERE}.channels[{index}]": name for index, name in enumerate(columns.channels or ())}
    there = {column.name for column in dataset.columns}
    missing = {where: name for where, name in places.items() if name is not None and name not in there}
    if missing:
        has = column_names(path, data)
        raise InvalidInput(
            Fault(where, f"the table has no column {shown(name)}; it has {has}")
            for where, name in missing.items()
        )


def _sorted(
    dataset: "Dataset", columns: SequenceColumns, types: "Mapping[str, str]"
) -> tuple[Steps, list[str]]:
    """The steps in their order, and what is to be said of rows that are none. Raises `InvalidInput`."""
    ids = dataset.column(columns.id)
    order = dataset.column(columns.order) if columns.order is not None else None
    assert ids is not None  # noqa: S101 - it was looked for
    _check_ids(ids, said=ids.name in types)
    warnings = []
    kept = ids.present
    if not kept.all():
        warnings.append(_left_out(int((~kept).sum()), ids, "of which sequence they are"))
    if order is not None:
        _check_order(order)
        placed = kept & order.present
        if placed.sum() < kept.sum():
            warnings.append(_left_out(int(kept.sum() - placed.sum()), order, "where in it they stand"))
        kept = placed
    if not kept.any():
        raise InvalidInput.at(_WHERE, "no row tells of which sequence it is, and where in it")
    rows = np.flatnonzero(kept)
    _, first, code = np.unique(ids.values[rows], return_index=True, return_inverse=True)
    # By first appearance, not by value.
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    code = place[code]
    if order is None:
        warnings.append(
            'the steps of a sequence are in the order of the file\'s rows; "order" in data.sequence names a '
            "column to sort them by"
        )
        arranged = np.argsort(code, kind="stable")
    else:
        by = _places(order)[rows]
        arranged = np.lexsort((by, code))
        alike = (np.diff(code[arranged]) == 0) & (by[arranged][1:] == by[arranged][:-1])
        if alike.any():
            row = int(rows[arranged[int(np.flatnonzero(alike)[0]) + 1]])
            warnings.append(
                f"{int(alike.sum())} rows have the '{columns.id}' and '{columns.order}' of another row, such "
                f"as row {row + 1}: these are in the order of the file"
            )
    begins = np.concatenate([[0], np.cumsum(np.bincount(code))])
    return Steps(rows[arranged], begins, ids), warnings


def _left_out(rows: int, column: "Column", what: str) -> str:
    counted, are, they = (
        ("1 row has", "is", what.replace("they are", "it is").replace("they stand", "it stands"))
        if rows == 1
        else (f"{rows} rows have", "are", what)
    )
    told = f"{counted} no value in column '{column.name}', which tells {they}, and {are} left out"
    words = sorted(filter(None, column.missing_words))
    if not words:
        return told
    more = f" and {len(words) - _MOST_NAMED} more words" if len(words) > _MOST_NAMED else ""
    named = ", ".join(f"{shown(word)} ({column.missing_words[word]} rows)" for word in words[:_MOST_NAMED])
    return f"{told}: of these {named}{more} stand for a missing value"


def _check_ids(column: "Column", *, said: bool) -> None:
    """Raise `InvalidInput` for a column that tells no sequences apart; `said`: its type was said."""
    if column.kind == CATEGORY and not said and _are_measured(column.words):
        column = column._replace(kind=NUMBER)
    if column.kind not in (CATEGORY, INTEGER, BOOLEAN, DATE):
        as_words = "" if said else f'; "types": {{{quoted(column.name)}: "category"}} reads it as words'
        raise InvalidInput.at(
            f"{_WHERE}.id",
            "what tells sequences apart is a word, a whole number, a truth value or a date; column "
            f"{shown(column.name)} is of type {column.kind}{as_words}",
        )


def _are_measured(words: "Sequence[str]") -> bool:
    """Whether all words are numbers, of which one has a fraction."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return False
    return any(number != floor(number) for number in numbers if isfinite(number))


def _check_order(column: "Column") -> None:
    if column.kind in (NUMBER, INTEGER, DATE) or column.integers:
        return
    written = "; dates are written as 2024-05-31" if column.kind == CATEGORY else ""
    raise InvalidInput.at(
        f"{_WHERE}.order",
        f"steps are sorted by numbers or dates; column {shown(column.name)} is of type {column.kind}"
        f"{written}",
    )


def _places(order: "Column") -> Any:  # noqa: ANN401 - an array of numbers
    """What steps are sorted by. Whole numbers past float64, such as nanoseconds, are categories."""
    if not order.integers:
        return order.values
    by_size = sorted(range(len(order.words)), key=lambda code: int(order.words[code]))
    places = np.empty(len(by_size) + 1, np.int64)
    places[by_size] = np.arange(len(by_size))
    places[-1] = -1
    return places[order.values]


def _channels(
    dataset: "Dataset", columns: SequenceColumns, target: str | None, held_out_by: str | None
) -> "tuple[list[Column], list[str]]":
    """The columns of a step's numbers, and what is to be said of others. Raises `InvalidInput`."""
    if columns.channels is not None:
        named = [dataset.column(name) for name in columns.channels]
        chosen = [column for column in named if column is not None]
        raise_faults(
            Fault(
                f"{_WHERE}.channels[{index}]",
                f"{shown(column.name)} is of type {column.kind}: channels are numbers",
            )
            for index, column in enumerate(chosen)
            if column.kind not in _NUMBERS
        )
        return chosen, []
    roles = {columns.id, columns.order, target, held_out_by}
    chosen, warnings = [], []
    for column in dataset.columns:
        if column.name in roles:
            continue
        why = None
        if column.kind not in (NUMBER, INTEGER):
            why = "holds dates" if column.kind == DATE else "holds no numbers"
        elif (against := objection(column)) and against.left_out:
            why = against.reason
        if why is None:
            chosen.append(column)
        else:
            warnings.append(f"column '{column.name}' is left out: it {why}")
    if not chosen:
        told = 'no column of numbers is left; "channels" in data.sequence names some'
        raise InvalidInput.at(f"{_WHERE}.channels", "; ".join([told, *warnings]))
    return chosen, warnings


def _of_sequences(column: "Column | None", steps: Steps, where: str, what: str) -> Any:  # noqa: ANN401 - a column where there is one
    """A column with a value for each sequence: the one that its rows have. Raises `InvalidInput` for two."""
    if column is None:
        return None
    present = column.present[steps.rows]
    values, number = column.values[steps.rows][present], steps.number_of_each()[present]
    there, first = np.unique(number, return_index=True)
    missing = np.nan if column.values.dtype.kind == "f" else -1
    made = np.full(steps.sequences, missing, column.values.dtype)
    made[there] = values[first]
    other = values != made[number]
    if other.any():
        place = int(np.flatnonzero(other)[0])
        sequence = int(number[place])
        one, two = (shown(value_shown(column, value)) for value in (made[sequence], values[place]))
        raise InvalidInput.at(
            where,
            f"sequence {steps.name(sequence)} has both {one} and {two} in column {shown(column.name)}: "
            f"{what} has one value in all of its rows",
        )
    return column._replace(values=made, missing_words={})


def _complete(steps: Steps, channels: "Sequence[Column]") -> "NDArray[np.bool_]":
    """Which sequences have a number at least in every channel."""
    whole = np.ones(steps.sequences, bool)
    for column in channels:
        present = column.present[steps.rows]
        whole &= np.add.reduceat(present, steps.begins[:-1], dtype=np.int64) > 0
    return whole


def _without_numbers(steps: Steps, channels: "Sequence[Column]", whole: "NDArray[np.bool_]") -> str:
    """What is to be said of sequences that have no number in a channel."""
    lacking = int(np.flatnonzero(~whole)[0])
    rows = steps.rows[steps.begins[lacking] : steps.begins[lacking + 1]]
    column = next(column for column in channels if not column.present[rows].any())
    count = int((~whole).sum())
    counted, are = ("1 sequence has", "is") if count == 1 else (f"{count} sequences have", "are")
    return (
        f"{counted} no number at all in a channel, such as {steps.name(lacking)} in '{column.name}', and "
        f"{are} left out"
    )


def _refuse_gaps(steps: Steps, channels: "Sequence[Column]") -> None:
    def faults() -> "Iterator[Fault]":
        for column in channels:
            missing = ~column.present[steps.rows]
            if missing.any():
                step = int(np.flatnonzero(missing)[0])
                name = steps.name(int(np.searchsorted(steps.begins, step, side="right")) - 1)
                yield Fault(
                    "$.data",
                    f"channel {shown(column.name)} has no number in row {int(steps.rows[step]) + 1}, in "
                    f'sequence {name}: "gaps": "fill" in data.sequence takes the last one before it',
                )

    raise_faults(faults())


def _packed(steps: Steps, channels: "Sequence[Column]") -> tuple[memoryview, list[str]]:
    """The numbers of all steps as float32, gaps filled, and what is to be said of those."""
    packed = np.empty((len(steps.rows), len(channels)), "<f4")
    faults, filled, warnings = [], {}, []
    for place, column in enumerate(channels):
        values = column.values[steps.rows]
        missing = np.isnan(values)
        if missing.any():
            filled[column.name] = int(missing.sum())
            values = _filled(values, missing, steps)
        wrong = ~(np.abs(values) <= _LARGEST)
        if wrong.any():
            row = int(steps.rows[int(np.flatnonzero(wrong)[0])]) + 1
            what = (
                f'holds infinity (row {row}), which no model takes; "missing": ["inf", "-inf"] makes it a gap'
                if np.isinf(values[wrong][0])
                else f"holds a number past single precision (row {row}): at most 3.4e38 is taken"
            )
            faults.append(Fault("$.data", f"column '{column.name}' {what}"))
            continue
        packed[:, place] = values
        warnings += erased_in_array(values, of_channel(column.name))
    raise_faults(faults)
    if filled:
        named = ", ".join(f"{count} in '{name}'" for name, count in filled.items())
        warnings.append(
            "gaps are filled by the last number before them in their sequence, at its beginning by the next: "
            f'{named}; fill them so before you ask the model, or say "gaps": "refuse" in data.sequence'
        )
    return memoryview(packed).cast("B"), warnings


def _filled(
    values: "NDArray[np.float64]", missing: "NDArray[np.bool_]", steps: Steps
) -> "NDArray[np.float64]":
    """The values with the last present one in the place of each that is missing, else the next one."""
    places = np.arange(len(values))
    number = steps.number_of_each()
    before = np.maximum.accumulate(np.where(missing, -1, places))
    after = np.minimum.accumulate(np.where(missing, len(values), places)[::-1])[::-1]
    has_one_before = before >= steps.begins[number]
    return values[np.where(has_one_before, before, np.minimum(after, len(values) - 1))]
