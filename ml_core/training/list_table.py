"""A table whose rows are sequences: each channel is a column of lists, or one column has lists of steps."""

from typing import TYPE_CHECKING

import numpy as np

from ml_core.errors import Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.arrays import Sequences
from ml_core.inputs.kinds import SEQUENCE
from ml_core.inputs.rounding import erased_in_steps
from ml_core.tables import reading
from ml_core.tables.cells import NumberLists
from ml_core.training.instances import TrainingInstances
from ml_core.training.labelling import Labelling, column_names
from ml_core.training.split import Split, column_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ml_core.tables.columns import Dataset
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

_LARGEST = float(np.finfo(np.float32).max)
_WHERE = "$.data.features"


def read_lists(
    data: "TableReference", path: str, budget: "Budget", split: Split, *, held_out: bool
) -> TrainingInstances:
    """The sequences of the table at `path`. Raises what `read_instances` raises."""
    names, by = data.features or (), column_of(split)
    dataset = reading.read(
        path,
        declared=data.format,
        names={*names, *filter(None, [data.target, by])},
        budget=budget,
        options=data.options.reading(by),
        lists=names,
    )
    channels = _lists(dataset, names, path, data)
    _check_lengths(channels)
    labelling = Labelling.of(dataset, data.target, split)
    lengths = next(iter(channels.values())).lengths
    there = lengths > 0
    if not there.any():
        raise InvalidInput.at(_WHERE, "no row has a list with a step in it")
    warnings = [*dataset.warnings]
    if not there.all():
        warnings.append(f"{int((~there).sum())} rows have no steps and are left out")
    kept, told = labelling.rows_kept(None if there.all() else there, held_out=held_out)
    _check_numbers(channels, kept)
    features, steps = _joined(channels, kept)
    told += erased_in_steps(steps, features)
    packed = memoryview(np.ascontiguousarray(steps, "<f4")).cast("B")
    sequences = Sequences(
        packed, len(features), (lengths if kept is None else lengths[kept]).tolist(), "F32", "$.data"
    )
    return TrainingInstances(
        SEQUENCE,
        sequences,
        features,
        labelling.labels(kept),
        (*warnings, *told),
        labelling.ranks(kept, held_out=held_out),
        in_file=True,
    )


def _lists(
    dataset: "Dataset", names: tuple[str, ...], path: str, data: "TableReference"
) -> dict[str, NumberLists]:
    """The lists of each channel. Raises `InvalidInput` for columns that hold none."""
    found: dict[str, NumberLists] = {}
    faults = []
    for index, name in enumerate(names):
        column = dataset.column(name)
        if column is None:
            wrong = f"the table has no such column; it has {column_names(path, data)}"
        elif not isinstance(column.cells, NumberLists):
            wrong = (
                f"it is of type {column.kind}, and a sequence is a list of numbers; where each row is one "
                'step, say "sequence": {"id": "machine", "order": "time"} in data'
            )
        else:
            found[name] = column.cells
            continue
        faults.append(Fault(f"{_WHERE}[{index}]", f"{shown(name)}: {wrong}"))
    raise_faults(faults)
    if len(found) > 1:
        raise_faults(
            Fault(
                f"{_WHERE}[{index}]",
                f"{shown(name)}: the steps of its lists have several numbers; name it alone",
            )
            for index, name in enumerate(names)
            if found[name].width
        )
    return found


def _check_lengths(channels: dict[str, NumberLists]) -> None:
    """Raise `InvalidInput` for a row whose channels have unequal numbers of steps."""
    (first, lists), *others = channels.items()

    def faults() -> "Iterator[Fault]":
        for name, other in others:
            unequal = other.lengths != lists.lengths
            if unequal.any():
                row = int(np.flatnonzero(unequal)[0])
                yield Fault(
                    "$.data",
                    f"row {row + 1} has {lists.lengths[row]} steps in {shown(first)} and "
                    f"{other.lengths[row]} in {shown(name)}: the channels of a sequence have equally many",
                )

    raise_faults(faults())


def _check_numbers(channels: dict[str, NumberLists], kept: "NDArray[np.bool_] | None") -> None:
    """Raise `InvalidInput` for a step that has a gap, or no number of single precision."""

    def faults() -> "Iterator[Fault]":
        for name, lists in channels.items():
            wrong = ~(np.abs(lists.steps()) <= _LARGEST)
            if kept is not None:
                wrong &= np.repeat(kept, lists.lengths)[:, None]
            if not wrong.any():
                continue
            step = int(np.flatnonzero(wrong.any(axis=1))[0])
            value = lists.steps()[step][wrong[step]][0]
            ends = np.cumsum(lists.lengths)
            row = int(np.searchsorted(ends, step, side="right"))
            place = f"step {step - int(ends[row] - lists.lengths[row]) + 1} of row {row + 1}"
            if np.isnan(value):
                what = f"has no number in {place}: fill gaps first, as for a prediction"
            elif np.isinf(value):
                what = f"holds infinity in {place}, which no model takes"
            else:
                what = f"holds a number past single precision in {place}: at most 3.4e38 is taken"
            yield Fault("$.data", f"column {shown(name)} {what}")

    raise_faults(faults())


def _joined(
    channels: dict[str, NumberLists], kept: "NDArray[np.bool_] | None"
) -> "tuple[tuple[str, ...], NDArray[np.float64]]":
    """The names of the channels, and all steps of the rows kept (None: all)."""
    taken = {name: lists if kept is None else lists.taken(kept) for name, lists in channels.items()}
    if len(taken) > 1:
        return tuple(taken), np.column_stack([lists.numbers for lists in taken.values()])
    ((name, lists),) = taken.items()
    if lists.names:
        return lists.names, lists.steps()
    names = (name,) if lists.width <= 1 else tuple(f"x{place}" for place in range(lists.width))
    return names, lists.steps()
