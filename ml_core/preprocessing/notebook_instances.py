"""Pictures, sequences and texts as a notebook holds them: arrays, lists of arrays, and data frames.

Arrays become what a network takes without a look at each number; what is no array is read as JSON is, with
the faults' places.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ml_core.errors import InvalidInput, shown
from ml_core.inputs.arrays import Pictures, Sequences, channels_seem_first
from ml_core.inputs.frames import NO_LIMITS, frame_columns
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TEXT
from ml_core.inputs.scalars import NotTaken, json_value, kind_of_dtype
from ml_core.preprocessing.picture_input import PictureInput, shape_of
from ml_core.preprocessing.sequence_input import SequenceInput, channel_names
from ml_core.preprocessing.text_input import read_texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ml_core.preprocessing.instance_input import InstanceInput

    type Numbers = NDArray[np.float32] | NDArray[np.uint8]

_TRAINING = "this training"
_IMAGE, _TEXT = "image", "text"
_FRAMES = "where a row is one step, pass a list with a data frame for each sequence"


def model_instances(X: Any, reader: "InstanceInput") -> Pictures | Sequences:  # noqa: ANN401 - whatever a notebook holds
    """What a model is asked with. Raises `InvalidInput`."""
    found: Pictures | Sequences | None = None
    if isinstance(reader, PictureInput):
        pixels = reader.pixels if hasattr(X, "columns") else None
        if pixels and pixels.are_meant([*map(str, X.columns)], reader.name):
            return pixels.pictures(frame_columns(X, pixels.features))
        X = _column(X, reader.features)
        found = _pictures(X, reader.shape, "the model") or _listed_channels_first(X, reader.shape)
        if found is not None and found.dtype == "U8" and reader.numbers and not reader.numbers.are_bytes:
            told = f"X has whole numbers from 0 to 255; the model was trained on {reader.numbers.words()}"
            warnings.warn(told, stacklevel=4)
    elif isinstance(reader, SequenceInput):
        made = _sequences(X, reader.features, "the model")
        found = None if made is None else reader.cut(made[0])
    if found is not None:
        return found
    return reader.read(_plain_instances(X, reader.features), limits=NO_LIMITS, where="X")


def training_instances(
    X: Any,  # noqa: ANN401
    takes: Sequence[str],
) -> tuple[str, Pictures | Sequences | list[str], tuple[str, ...], list[str]]:
    """The kind of the instances, themselves, the names of their features, and what is to be said of them.

    Raises `InvalidInput`.
    """
    if IMAGE in takes:
        X = _column(X, None)
        pictures = _pictures(X, None, _TRAINING)
        if pictures is None:
            listed = _plain_instances(X, (_IMAGE,))
            if not listed:
                raise InvalidInput.at("X", "expected at least one picture, got none")
            reader = PictureInput(shape_of(listed[0], "X[0]"))
            pictures = reader.read(listed, limits=NO_LIMITS, where="X", expecting=_TRAINING)
        if not channels_seem_first(pictures.shape):
            return IMAGE, pictures, (_IMAGE,), []
        moved = _channels_last(pictures)
        told = (
            f"the channels of X are taken to come first: pictures of {_shown(moved.shape)} (height × width × "
            "channels). Put them last to be clear"
        )
        return IMAGE, moved, (_IMAGE,), [told]
    if _are_texts(X):
        name = _name_of(X)
        listed = _plain_instances(X, (name,))
        return TEXT, read_texts(listed, name, NO_LIMITS, where="X", expecting=_TRAINING), (name,), []
    made = _sequences(X, None, _TRAINING)
    if made is not None:
        return SEQUENCE, *made, []
    listed = _plain_instances(X, ())
    features = tuple(channel_names(listed, None))
    sequences = SequenceInput(features).read(listed, limits=NO_LIMITS, where="X", expecting=_TRAINING)
    return SEQUENCE, sequences, features, []


def _pictures(X: Any, shape: tuple[int, int, int] | None, expecting: str) -> Pictures | None:  # noqa: ANN401
    """The pictures of an array, or of a list of arrays; None where there are none."""
    array = _array_of(X, expecting)
    if array is None:
        return None
    axes = array.ndim
    if axes == 3:
        array = array[..., None]
    if array.ndim != 4:
        expected = "pictures × height × width, or with the channels behind"
        raise InvalidInput.at("X", f"{expecting} expects {expected}; got {axes} axes")
    found = (array.shape[1], array.shape[2], array.shape[3])
    if 0 in array.shape:
        raise InvalidInput.at("X", "expected at least one picture, and pixels in it")
    is_moved = shape is not None and found != shape and (*found[1:], found[0]) == shape
    if shape is not None and found != shape and not is_moved:
        raise InvalidInput.at(
            "X", f"{expecting} expects pictures of {_shown(shape)}, these are {_shown(found)}"
        )
    numbers = _numbers(array, lambda place: "X" + "".join(f"[{each}]" for each in place[:axes]))
    packed = numbers.tobytes()
    pictures = Pictures(packed, found, "U8" if numbers.dtype.kind == "u" else "F32", "X")
    return _channels_last(pictures) if is_moved else pictures


def _listed_channels_first(X: Any, shape: tuple[int, int, int]) -> Pictures | None:  # noqa: ANN401
    """Pictures of the shape in nested lists whose channels come first; None where they are none."""
    height, width, channels = shape
    found, level = [], next(iter(X), None) if isinstance(X, (list, tuple)) else None
    while isinstance(level, (list, tuple)) and level:
        found.append(len(level))
        level = level[0]
    if found == [*shape] or found != [channels, height, width]:
        return None
    reader = PictureInput((channels, height, width))
    return _channels_last(reader.read(_plain_instances(X, (_IMAGE,)), limits=NO_LIMITS, where="X"))


def _channels_last(pictures: Pictures) -> Pictures:
    """The pictures with their first axis as the last one."""
    import numpy as np

    channels, height, width = pictures.shape
    numbers = np.frombuffer(pictures.packed, "u1" if pictures.dtype == "U8" else "<f4")
    moved = numbers.reshape(-1, *pictures.shape).transpose(0, 2, 3, 1)
    return Pictures(moved.tobytes(), (height, width, channels), pictures.dtype, pictures.where)


def _array_of(X: Any, expecting: str) -> "NDArray[Any] | None":  # noqa: ANN401
    """Arrays of one shape as one; None where nothing is an array."""
    import numpy as np

    if hasattr(X, "__array__") and kind_of_dtype(X) != "O":
        return np.asarray(X)
    listed = list(X) if hasattr(X, "__iter__") and not isinstance(X, (str, bytes, dict)) else []
    if not listed or not all(map(_is_array, listed)):
        return None
    arrays = [np.asarray(each) for each in listed]
    for index, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            first = f"X[0] is {_shown(arrays[0].shape)}"
            message = f"{expecting} expects pictures of one shape: this is {_shown(array.shape)}, and {first}"
            raise InvalidInput.at(f"X[{index}]", message)
    return np.stack(arrays)


def _is_array(value: Any) -> bool:  # noqa: ANN401
    named = any(hasattr(value, name) for name in ("__array__", "__array_interface__"))
    return named and getattr(value, "ndim", None) != 0


def _numbers(array: "NDArray[Any]", path: "Callable[[tuple[int, ...]], str]") -> "Numbers":
    """As float32, or as bytes where all are whole numbers from 0 to 255. Raises `InvalidInput`."""
    import numpy as np

    if array.dtype.kind not in "fiub":
        raise InvalidInput.at("X", f"expected numbers, got an array of {array.dtype}")
    if array.dtype.kind != "f" and (array.dtype.itemsize == 1 and array.dtype.kind != "i"):
        return np.ascontiguousarray(array, np.uint8)
    if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() < 256:
        return array.astype(np.uint8)
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(array, "<f4")
    finite = np.isfinite(numbers)
    if not finite.all():
        place = tuple(int(each) for each in np.argwhere(~finite)[0])
        message = f"expected a finite number of single precision, got {shown(array[place].item())}"
        raise InvalidInput.at(path(place), message)
    return numbers


def _sequences(
    X: Any,  # noqa: ANN401
    channels: tuple[str, ...] | None,
    expecting: str,
) -> tuple[Sequences, tuple[str, ...]] | None:
    """Sequences of arrays or of data frames, and the names of their channels; None where there are none."""
    import numpy as np

    if hasattr(X, "columns"):
        names = channels or tuple(map(str, X.columns))
        listed: list[Any] = [
            np.column_stack([np.asarray(cell) for cell in cells])
            for cells in zip(*(_cells(X, name, training=channels is None) for name in names), strict=True)
        ]
    elif hasattr(X, "__iter__") and not isinstance(X, (str, bytes, dict)):
        listed, names = list(X), channels or ()
    else:
        return None
    if not listed or not all(map(_is_array, listed)):
        return None
    arrays, lengths = [], []
    for index, each in enumerate(listed):
        if not names:
            names = _names_of(each)
        array = _steps(each, names, f"X[{index}]", expecting)
        arrays.append(array)
        lengths.append(len(array))
    steps = np.concatenate(arrays)
    return Sequences(steps.tobytes(), len(names), lengths, "F32", "X"), names


def _names_of(each: Any) -> tuple[str, ...]:  # noqa: ANN401
    """What the channels of a first sequence are called."""
    if hasattr(each, "columns"):
        return tuple(map(str, each.columns))
    return tuple(f"x{channel}" for channel in range(each.shape[1] if len(each.shape) > 1 else 1))


def _steps(each: Any, names: tuple[str, ...], where: str, expecting: str) -> "NDArray[Any]":  # noqa: ANN401
    """One sequence as steps × channels."""
    import numpy as np

    if hasattr(each, "columns"):
        known = {str(column): column for column in each.columns}
        missing = [name for name in names if name not in known]
        if missing:
            raise InvalidInput.at(where, f"{expecting} expects the channels {', '.join(missing)}")
        array = np.column_stack([np.asarray(each[known[name]]) for name in names])
    else:
        array = np.asarray(each)
    shape = array.shape
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != len(names) or not len(array):
        expected = f"steps × {len(names)} channels, at least one step"
        raise InvalidInput.at(where, f"{expecting} expects {expected}; got {_shown(shape)}")
    numbers = _numbers(array, lambda place: where + "".join(f"[{axis}]" for axis in place[: len(shape)]))
    return numbers.astype("<f4")


def _cells(X: Any, name: str, *, training: bool) -> list[Any]:  # noqa: ANN401
    """A data frame's column, each of whose cells is a list of numbers."""
    known = {str(column): column for column in X.columns}
    if name not in known:
        raise InvalidInput.at("X", f"expected a data frame with the column {name}")
    cells = list(X[known[name]])
    for row, cell in enumerate(cells):
        if not hasattr(cell, "__len__") or isinstance(cell, (str, bytes, dict)):
            told = f"expected a list of numbers in {shown(name)}, got {shown(cell)}"
            raise InvalidInput.at(
                f"X[{row}]", "; ".join([told, *(_texts_alone(X) if training else ()), _FRAMES])
            )
    return cells


def _texts_alone(X: Any) -> list[str]:  # noqa: ANN401
    """How to pass the texts of a data frame that has other columns too, if it has texts."""
    texts = [str(column) for column in X.columns if isinstance(next(iter(X[column]), None), str)]
    return [f"of texts pass the column alone: df[{shown(name)}]" for name in texts[:1]]


def _column(X: Any, features: Sequence[str] | None) -> Any:  # noqa: ANN401
    """The one column of a data frame; anything else as it is."""
    if not hasattr(X, "columns"):
        return X
    known = {str(column): column for column in X.columns}
    name = features[0] if features else next(iter(known), "")
    if name not in known or (features is None and len(known) > 1):
        raise InvalidInput.at("X", f"expected a data frame with the column {name or _IMAGE} alone")
    return X[known[name]]


def _are_texts(X: Any) -> bool:  # noqa: ANN401
    """Whether the first value that is there is a text, or a row of one."""
    if hasattr(X, "columns"):
        if len(X.columns) != 1:
            return False
        X = X[X.columns[0]]
    if kind_of_dtype(X) in ("U", "T"):
        return True
    if not hasattr(X, "__iter__"):
        return False
    first = next((each for each in X if not _is_missing(each)), None)
    if isinstance(first, dict):
        return len(first) == 1 and isinstance(next(iter(first.values())), str)
    return isinstance(first, str)


def _is_missing(value: Any) -> bool:  # noqa: ANN401
    return kind_of_dtype(value) in ("", "f") and not hasattr(value, "__len__") and json_value(value) is None


def _name_of(X: Any) -> str:  # noqa: ANN401
    """What texts are called: as a frame's column is, a series, or the member of an object."""
    if hasattr(X, "columns"):
        return str(X.columns[0])
    first = next(iter(X), None)
    if isinstance(first, dict):
        return str(next(iter(first)))
    name = getattr(X, "name", None)
    return name if isinstance(name, str) and name else _TEXT


def _plain_instances(X: Any, features: Sequence[str]) -> list[Any]:  # noqa: ANN401
    """Lists and a data frame's column as nested lists of plain values. Raises `InvalidInput`."""
    if hasattr(X, "columns"):
        X = _column(X, features or None)
    if not hasattr(X, "__iter__") or isinstance(X, (str, bytes)):
        raise InvalidInput.at("X", "expected a list or an array of instances")
    found = []
    for index, instance in enumerate(X):
        try:
            found.append(_plain(instance))
        except NotTaken as reason:
            raise InvalidInput.at(f"X[{index}]", str(reason)) from None
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401
    if hasattr(value, "__array__") and _is_array(value):
        return value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return json_value(value)


def _shown(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "one number"
