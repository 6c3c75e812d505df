"""A table of pixels: each row is a picture, whose numbers stand in its columns."""

import re
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.errors import Fault, InvalidInput, raise_faults, shown
from ml_core.inputs import columns as kinds
from ml_core.inputs.arrays import Pictures
from ml_core.inputs.columns import Feature
from ml_core.inputs.kinds import IMAGE
from ml_core.inputs.rounding import PIXELS, erased_in_array
from ml_core.preprocessing.pixel_columns import PixelColumns
from ml_core.tables import reading
from ml_core.tables.columns import BOOLEAN, INTEGER, NUMBER
from ml_core.training.instances import TrainingInstances
from ml_core.training.labelling import Labelling
from ml_core.training.split import Split, column_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ml_core.tables.columns import Column, Dataset
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

# Pixels are held twice, a byte each or float32: as they are read, and those that are trained on.
_BYTES_OF_WHOLE, _BYTES_OF_FLOATS = 2, 8
_MOST_BYTE = 255
_LARGEST = float(np.finfo(np.float32).max)
# Columns become rows in blocks of so many numbers, which stay in the processor's cache.
_TRANSPOSED = 1 << 16
_MOST_NAMED = 5
_NUMBERED = re.compile(r"(\D*)(\d{1,9})", re.ASCII)


def read_pixels(
    data: "TableReference", path: str, budget: "Budget", split: Split, *, held_out: bool
) -> TrainingInstances:
    """The pictures of the table at `path`. Raises what `read_instances` raises."""
    assert data.image is not None  # noqa: S101 - it is what a table of pixels is known by
    height, width, channels = data.image
    by = column_of(split)
    wanted = None if data.features is None else {*data.features, *filter(None, [data.target, by])}
    dataset = reading.read(
        path,
        declared=data.format,
        names=wanted,
        budget=budget._replace(bytes_a_number=_BYTES_OF_WHOLE),
        options=data.options.reading(by),
    )
    labelling = Labelling.of(dataset, data.target, split)
    columns, warnings = _pixel_columns(dataset, data, by)
    kept, told = labelling.rows_kept(held_out=held_out)
    _check_pixels(columns, kept)
    whole = all(_is_whole(column, kept) for column in columns)
    if not whole:
        budget._replace(bytes_a_number=_BYTES_OF_FLOATS).check(dataset.rows, len(columns))
    if not whole:
        warnings += _erased(columns, kept)
    packed = _packed(columns, kept, np.dtype(np.uint8 if whole else "<f4"))
    pictures = Pictures(packed, (height, width, channels), "U8" if whole else "F32", "$.data")
    return TrainingInstances(
        IMAGE,
        pictures,
        ("image",),
        labelling.labels(kept),
        (*dataset.warnings, *warnings, *told),
        labelling.ranks(kept, held_out=held_out),
        in_file=True,
        pixels=PixelColumns([_feature(column) for column in columns], pictures.shape),
    )


def _feature(column: "Column") -> Feature:
    """How a prediction reads what this column was read from. A picture without one of its pixels is none."""
    kind = kinds.BOOLEAN if column.kind == BOOLEAN else kinds.NUMBER
    return Feature(column.name, kind, (), column.rule._replace(optional=False))


def _pixel_columns(
    dataset: "Dataset", data: "TableReference", held_out_by: str | None
) -> "tuple[list[Column], list[str]]":
    """The columns in the order of the pixels, and what is to be said of them. Raises `InvalidInput`."""
    assert data.image is not None  # noqa: S101 - as above
    warnings = []
    if data.features is not None:
        by_name = {column.name: column for column in dataset.columns}
        raise_faults(
            Fault(f"$.data.features[{index}]", f"{shown(name)}: the table has no such column")
            for index, name in enumerate(data.features)
            if name not in by_name
        )
        columns = [by_name[name] for name in data.features]
    else:
        columns = []
        for column in dataset.columns:
            if column.is_index and column.name not in (data.target, held_out_by):
                told = "it is the index of a data frame, which names or numbers the rows"
                warnings.append(f"column '{column.name}' is left out: {told}")
            elif column.name not in (data.target, held_out_by):
                columns.append(column)
    odd = [column for column in columns if column.kind not in (INTEGER, NUMBER, BOOLEAN)]
    pixels = prod(data.image)
    if len(columns) != pixels:
        shape = " × ".join(map(str, data.image))
        raise InvalidInput.at(
            "$.data.image",
            f"{shape} are {pixels} pixels, the table has {len(columns)} columns for them{_others(odd)}; "
            '"exclude" leaves columns out, and "features" names the pixels in their order',
        )
    if odd:
        column = odd[0]
        raise InvalidInput.at(
            "$.data", f"column {shown(column.name)} is of type {column.kind}: pixels are numbers"
        )
    return columns, [*warnings, *_out_of_order([column.name for column in columns])]


def _others(columns: "Sequence[Column]") -> str:
    """Which of the columns are no numbers."""
    if not columns:
        return ""
    named = ", ".join(shown(column.name) for column in columns[:_MOST_NAMED])
    more = f" and {len(columns) - _MOST_NAMED} more" if len(columns) > _MOST_NAMED else ""
    return f", among them {named}{more}, which hold no numbers"


def _out_of_order(names: "Sequence[str]") -> list[str]:
    """What is to be said where names are numbered, and do not stand in the order of their numbers."""
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    found = [(each[1], int(each[2])) for each in numbered if each]
    if len(found) < len(names) or len({stem for stem, _ in found}) > 1:
        return []
    for (first, (_, before)), (second, (_, after)) in pairwise(zip(names, found, strict=True)):
        if before > after:
            told = f"column '{first}' stands before '{second}': pixels are taken in the order of the columns"
            return [f'{told}; "features" in data names another']
    return []


def _check_pixels(columns: "Sequence[Column]", kept: "NDArray[np.bool_] | None") -> None:
    """Raise `InvalidInput` for a pixel that is missing, or no number of single precision."""
    raise_faults(_faults(columns, kept))


def _faults(columns: "Sequence[Column]", kept: "NDArray[np.bool_] | None") -> "Iterator[Fault]":
    for column in columns:
        wrong = ~(np.abs(column.values) <= _LARGEST)
        if kept is not None:
            wrong &= kept
        if not wrong.any():
            continue
        row = int(np.flatnonzero(wrong)[0])
        value = column.values[row]
        if np.isnan(value):
            what = "has no value in row {}: a picture has no gaps; write a number there, or leave the row out"
        elif np.isinf(value):
            what = "holds infinity in row {}, which no model takes"
        else:
            what = "holds a number past single precision in row {}: at most 3.4e38 is taken"
        yield Fault("$.data", f"column {shown(column.name)} {what.format(row + 1)}")


def _erased(columns: "Sequence[Column]", kept: "NDArray[np.bool_] | None") -> list[str]:
    """What is to be said of pixels that are one number in single precision."""
    most = max(1, _TRANSPOSED // len(columns))
    found = [column.values if kept is None else column.values[kept] for column in columns]
    return erased_in_array(np.concatenate([values[:most] for values in found]), PIXELS)


def _is_whole(column: "Column", kept: "NDArray[np.bool_] | None") -> bool:
    """Whether all its numbers are whole and from 0 to 255."""
    values = column.values if kept is None else column.values[kept]
    return bool(((values >= 0) & (values <= _MOST_BYTE) & (values == np.floor(values))).all())


def _packed(
    columns: "Sequence[Column]", kept: "NDArray[np.bool_] | None", dtype: "np.dtype[Any]"
) -> memoryview:
    """The columns as rows of numbers."""
    places = None if kept is None else np.flatnonzero(kept)
    rows = len(columns[0].values if places is None else places)
    X = np.empty((rows, len(columns)), dtype)
    step = max(1, _TRANSPOSED // len(columns))
    for begin in range(0, rows, step):
        block: Any = slice(begin, begin + step)
        some = block if places is None else places[block]
        X[block] = np.array([column.values[some] for column in columns]).T
    return memoryview(X).cast("B")
