"""Pictures, sequences and texts: what networks take, each an instance by itself and not a row of columns."""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from serverless_ml.tables.arrays import array_of, is_array
from serverless_ml.tables.cells import NotTakenError, json_value, json_values
from serverless_ml.tables.frames import frame_of, read_frame
from serverless_ml.tables.refusing import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from serverless_ml.tables.columns import Table

type Kind = Literal["texts", "arrays", "nested", "sequences"]

_PICTURE_AXES, _COLOUR_AXES = 3, 4
_MOST_CHANNELS = 4
_PNG = b"\x89PNG\r\n\x1a\n"


class Instances:
    """Pictures, sequences or texts.

    Args:
        native: what the caller holds.
        kind: "texts"; "arrays" of one shape, which are pictures, or sequences of one length; "nested" for
            such arrays as lists, which graphs take; "sequences" of any length.
        values: an array, or a list with each.
        notes: what is to be told to the person.
        given: the array before its axes were put in another order.
    """

    columns: tuple[str, ...] | None = None
    is_one = False

    def __init__(
        self, native: Any, kind: Kind, values: Any, notes: Sequence[str] = (), given: Any = None
    ) -> None:
        self.native = native
        self.kind: Kind = kind
        self.values = values
        self.notes = tuple(notes)
        self._given = values if given is None else given

    def as_given(self) -> "Instances":
        """Arrays as a graph takes them: nested lists, with the axes where the caller has them."""
        return Instances(self.native, "nested", self._given) if self.kind == "arrays" else self

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.values)

    def chunk(self, start: int, stop: int) -> dict[str, Any]:
        """Those from one to another as the member of a request that holds them. Raises `InvalidInput`."""
        if self.kind == "arrays":
            return {"instances": _encoded(self.values[start:stop])}
        if self.kind == "nested":
            return {"instances": [json_values(each.tolist()) for each in self.values[start:stop]]}
        listed = []
        for place, value in enumerate(self.values[start:stop], start):
            try:
                listed.append(_instance(value))
            except NotTakenError as reason:
                refuse(str(reason), f"X[{place}]")
        return {"instances": listed}


def _encoded(array: "NDArray[Any]") -> list[Any]:
    """Raw bytes in base64, which are a third as long; the first as lists, whose shape can be checked."""
    first, *rest = array
    dtype = "uint8" if array.dtype.kind == "u" and array.dtype.itemsize == 1 else "float32"
    raw = ({"b64": _base64(each, dtype), "dtype": dtype} for each in rest)
    return [json_values(first.tolist()), *raw]


def _base64(array: "NDArray[Any]", dtype: str) -> str:
    import numpy as np

    little = np.ascontiguousarray(array, "<f4" if dtype == "float32" else "u1")
    return base64.b64encode(little.tobytes()).decode()


def _instance(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {str(name): json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [
            _instance(step) if isinstance(step, Mapping | list | tuple) else json_value(step)
            for step in value
        ]
    return json_value(value)


def texts_of(table: "Table") -> Instances | None:
    """A column alone that holds texts, as texts; None for another, or for a frame."""
    if hasattr(table.native, "columns") or len(table.fields) != 1 or table.fields[0].categorical:
        return None
    (field,) = table.fields
    values = field.values(0, table.rows)
    if not any(isinstance(value, str) for value in values[:1_000]) or not _are_texts(values):
        return None
    # A date column is written as texts too.
    if not any(isinstance(value, str) for value in field.take(0, min(table.rows, 1_000))):
        return None
    return Instances(table.native, "texts", values)


def _are_texts(values: Sequence[Any]) -> bool:
    return {type(value) for value in values} <= {str, type(None)}


def instances_of_array(array: "NDArray[Any]", native: Any) -> Instances | None:
    """Pictures, sequences of one length, or texts; None for what is a table. Raises `InvalidInput`."""
    if array.dtype.names is not None:
        return None
    if array.ndim == 1 and array.dtype.kind in "UTO":
        return _of_axis(array.tolist(), native)
    if array.ndim not in (_PICTURE_AXES, _COLOUR_AXES):
        return None
    if array.dtype.kind not in "biuf":
        refuse(f"expected an array of numbers, got {array.dtype}")
    notes, given = [], array
    if array.ndim == _COLOUR_AXES and array.shape[1] <= _MOST_CHANNELS < array.shape[3]:
        import numpy as np

        array = np.moveaxis(array, 1, -1)
        notes.append(
            f"the channels are taken to come first: pictures of {'×'.join(map(str, array.shape[1:]))}"
        )
    return Instances(native, "arrays", array, notes, given)


def _of_axis(values: list[Any], native: Any) -> Instances | None:
    """An array of objects in one axis: texts, or an instance each."""
    if values and all(value is None or isinstance(value, str) for value in values):
        return Instances(native, "texts", json_values(values))
    return instances_of_list(values, native)


def instances_of_list(rows: Sequence[Any], native: Any) -> Instances | None:
    """The pictures, sequences or texts of a list; None where its rows are those of a table.

    Rows of numbers that are all as long are a table's, until something asks for sequences.
    """
    if not rows:
        return None
    if all(row is None or isinstance(row, str) for row in rows):
        return Instances(native, "texts", json_values(rows))
    if all(isinstance(row, bytes) and row.startswith(_PNG) for row in rows):
        return Instances(native, "sequences", list(rows))
    return _of_nested(rows, native)


def _of_nested(rows: Sequence[Any], native: Any) -> Instances | None:
    listed = [_array_or_list(row, place) for place, row in enumerate(rows)]
    if any(isinstance(row, Mapping) for row in listed):
        return Instances(native, "sequences", listed)
    shapes = {getattr(row, "shape", None) for row in listed}
    if len(shapes) == 1 and None not in shapes and len(next(iter(shapes)) or ()) > 1:
        import numpy as np

        return instances_of_array(np.stack(listed), native)
    lengths = {len(row) for row in listed if hasattr(row, "__len__")}
    if len(lengths) > 1 or any(_is_nested(row) for row in listed):
        return Instances(native, "sequences", listed)
    return None


def _array_or_list(row: Any, place: int) -> Any:
    """A frame as its columns' lists, a picture as its array; anything else as it is."""
    frame = frame_of(row)
    if frame is not None:
        table = read_frame(frame, row)
        columns = {field.name: field.values(0, table.rows) for field in table.fields}
        return columns if hasattr(row, "columns") else next(iter(columns.values()))
    if hasattr(row, "__array_interface__") and not hasattr(row, "dtype"):  # a picture of Pillow's
        import numpy as np

        return np.asarray(row)
    if isinstance(row, Mapping) and not row:
        refuse("expected a row, got an empty dict", f"X[{place}]")
    return array_of(row) if is_array(row) else row


def _is_nested(row: Any) -> bool:
    if is_array(row):
        return bool(row.ndim > 1)
    return isinstance(row, list | tuple) and bool(row) and isinstance(row[0], list | tuple | Mapping)
