"""Arrow's arrays as numpy's, missing values marked.

arro3 converts no array with missing values, and hands out every array by the Arrow C data interface
(https://arrow.apache.org/docs/format/CDataInterface.html), whose struct is read here.
"""

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from arro3.core import (
    Array,
    DataType,
    dictionary_dictionary,
    dictionary_indices,
    list_flatten,
    list_offsets,
    struct_field,
)

from ml_core.errors import MalformedInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from arro3.core import RecordBatch
    from numpy.typing import NDArray

STRING = DataType.string()
_FLOAT = DataType.float64()
_MICROSECONDS = DataType.timestamp("us")
_INTEGER = DataType.int64()
_DICTIONARY = DataType.dictionary(DataType.int32(), STRING)
_STRINGS = (DataType.is_string, DataType.is_large_string, DataType.is_string_view)
_LISTS = (DataType.is_list, DataType.is_large_list, DataType.is_fixed_size_list)
_MICROSECONDS_A_DAY = 86_400e6


@contextmanager
def engine(doing: str = "the file's values cannot be read") -> "Iterator[None]":
    """Whatever the engine throws at a file is the file's fault: a `MalformedInput` that begins with `doing`.

    The engine raises nothing more special than `Exception`; a panic of it derives from BaseException alone.
    """
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - the engine raises nothing more special
        reason = str(error).strip().rpartition("\n")[2].rpartition("rror: ")[2][:200]
        raise MalformedInput(f"{doing}: {reason}") from None
    except BaseException as error:
        # A panic of the engine derives from BaseException alone.
        if type(error).__name__ == "PanicException":
            raise MalformedInput("the file is broken: the reader gave up on it") from None
        raise


class _ArrowArray(ctypes.Structure):
    """The struct `ArrowArray`, as far as it is read."""

    _fields_ = (
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("children", ctypes.POINTER(ctypes.c_void_p)),
    )


class _ArrowSchema(ctypes.Structure):
    """The struct `ArrowSchema`, as far as it is read."""

    _fields_ = (
        ("format", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("metadata", ctypes.c_void_p),
        ("flags", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("children", ctypes.POINTER(ctypes.c_void_p)),
    )


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def _buffers(array: Array, dtype: str) -> "tuple[NDArray[Any], NDArray[np.bool_] | None]":
    """The values of a primitive array, copied, and which of them are present (None: all)."""
    _, capsule = array.__arrow_c_array__()  # the capsule owns the memory until the end of this function
    found = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    end, start = found.offset + found.length, found.offset
    if not found.length:
        return np.empty(0, dtype), None
    size = np.dtype(dtype).itemsize
    values = np.frombuffer(ctypes.string_at(found.buffers[1], end * size), dtype)[start:]
    if not found.null_count or not found.buffers[0]:
        return values, None
    bits = np.frombuffer(ctypes.string_at(found.buffers[0], (end + 7) // 8), np.uint8)
    return values, np.unpackbits(bits, bitorder="little")[start:end].astype(bool)


def whole_floats(array: Array) -> "NDArray[np.float64] | None":
    """Numbers of double precision as they stand, to be read only; None for others, and where some miss."""
    if array.null_count or not DataType.is_float64(array.type):
        return None
    _, capsule = array.__arrow_c_array__()
    found = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    if not found.length:
        return np.empty(0)
    return np.asarray(_Floats(found.buffers[1] + found.offset * 8, found.length, capsule))


class WholeColumns:
    """Columns of numbers of double precision without gaps, where they stand: some rows at a time as one."""

    def __init__(self, owner: object, addresses: "Sequence[int]") -> None:
        self._owner = owner  # of the memory
        self._addresses = addresses

    @classmethod
    def of(cls, batch: "RecordBatch", places: "Iterable[int]") -> "WholeColumns | None":
        """The columns at some places of a batch; None where one of them is none such.

        The batch is handed out as a whole: handing out each column takes longer than to copy its numbers.
        """
        schema, capsule = batch.__arrow_c_array__()
        types = _ArrowSchema.from_address(_pointer(schema, b"arrow_schema")).children
        found = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
        addresses: list[int] = []
        for place in places:
            column = _ArrowArray.from_address(found.children[place])
            kind = ctypes.c_char_p.from_address(types[place]).value  # a type's struct begins with its format
            if kind != b"g" or column.null_count:
                return None
            addresses.append((column.buffers[1] or 0) + (found.offset + column.offset) * 8)
        return cls(capsule, addresses)

    def matrix(self, begin: int, end: int, memory: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """These rows, of each column's rows that are there, column after column at the start of `memory`."""
        width = len(self._addresses)
        X = memory[: (end - begin) * width].reshape(end - begin, width, order="F")
        to: int = X.ctypes.data
        size, first = 8 * (end - begin), 8 * begin
        for address in self._addresses:
            ctypes.memmove(to, address + first, size)
            to += size
        return X


class _Floats:
    """Numbers at an address, for numpy; `owner` owns the memory for as long as an array of them is there."""

    def __init__(self, address: int, count: int, owner: object) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "shape": (count,),
            "typestr": "<f8",
            "data": (address, True),
            "version": 3,
        }


def present_in(array: Array) -> "NDArray[np.bool_] | None":
    """Which values of an array of any type are present (None: all)."""
    if not array.null_count:
        return None
    _, capsule = array.__arrow_c_array__()  # as above
    found = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    end, start = found.offset + found.length, found.offset
    bits = np.frombuffer(ctypes.string_at(found.buffers[0], (end + 7) // 8), np.uint8)
    return np.unpackbits(bits, bitorder="little")[start:end].astype(bool)


def is_text(kind: DataType) -> bool:
    """Whether values of a type are words, also those of a dictionary."""
    if DataType.is_dictionary(kind):
        kind = kind.value_type or kind
    return is_one_of(kind, _STRINGS)


def is_list(kind: DataType) -> bool:
    """Whether values of a type are lists, whose elements can be read."""
    return is_one_of(kind, _LISTS)


def is_one_of(kind: DataType, kinds: "Iterable[Callable[[DataType], Any]]") -> bool:
    """Whether a type is one of several."""
    return any(is_kind(kind) for is_kind in kinds)


def elements(array: Array) -> "tuple[Array, NDArray[np.int64]]":
    """The elements of all lists, one after another, and how many each list has; none where it is missing."""
    with engine():
        flat = list_flatten(array)
        if array.type.list_size is not None:
            lengths = np.full(len(array), array.type.list_size, np.int64)
        else:
            kind = "<i8" if DataType.is_large_list(array.type) else "<i4"
            offsets = _buffers(list_offsets(array), kind)[0].astype(np.int64)
            lengths = offsets[1:] - offsets[:-1]
        present = present_in(array)
    if len(flat) != lengths.sum():
        raise MalformedInput("the file is broken: its lists do not have as many elements as they say")
    if present is None:
        return flat, lengths
    # A list that is missing may have elements all the same.
    if lengths[~present].any():
        flat = taken(flat, np.flatnonzero(np.repeat(present, lengths)))
    return flat, np.where(present, lengths, 0)


def fields(array: Array) -> "dict[str, Array]":
    """The members of structs by name. One of a struct that is missing is missing."""
    with engine():
        found = {field.name: struct_field(array, [place]) for place, field in enumerate(array.type.fields)}
        present = present_in(array)
        if present is None:
            return found
        there = np.where(present, np.arange(len(array)), -1)
        return {name: _taken_or_null(each, there) for name, each in found.items()}


def _taken_or_null(array: Array, places: "NDArray[np.int64]") -> Array:
    """The values at some places, null where a place is -1."""
    return array.take(Array([place if place >= 0 else None for place in places.tolist()], _INTEGER))


def decimal_places(kind: DataType) -> int:
    """How many digits after the point a type of decimals has; less than 0 where it is of whole tens."""
    capsule = kind.__arrow_c_schema__()  # as above
    # The struct ArrowSchema begins with its format: d:precision,scale or d:precision,scale,bits.
    described = ctypes.c_char_p.from_address(_pointer(capsule, b"arrow_schema")).value or b""
    return int(described.split(b",")[1])


def _with_nan(values: "NDArray[Any]", present: "NDArray[np.bool_] | None") -> "NDArray[np.float64]":
    floats: NDArray[np.float64] = values.astype(np.float64)
    if present is not None:
        floats[~present] = np.nan
    return floats


def numbers(array: Array) -> "NDArray[np.float64]":
    """Numbers, truth values, or words that say a number, as float64; NaN where there is none."""
    with engine():
        return _with_nan(*_buffers(array.cast(_FLOAT), "<f8"))


def integers(array: Array) -> "tuple[NDArray[Any], NDArray[np.bool_] | None]":
    """Whole numbers as they are, and which of them are present (None: all).

    They are of 64 bits, or Python's where a decimal has more.
    """
    kind = array.type.value_type or array.type if DataType.is_dictionary(array.type) else array.type
    unsigned = DataType.is_uint64(kind)
    with engine():
        plain = array.cast(DataType.uint64() if unsigned else _INTEGER)
        if plain.null_count > array.null_count:
            numbers = array.to_pylist()
            whole = np.array([int(number or 0) for number in numbers], object)
            return whole, np.array([number is not None for number in numbers])
        return _buffers(plain, "<u8" if unsigned else "<i8")


def days(array: Array) -> "NDArray[np.float64]":
    """Dates, times, or words that say one, as days since 1970-01-01 UTC; NaN where there is none."""
    with engine():
        if DataType.is_timestamp(array.type) and array.type.time_unit == "ns":
            # The engine would cut towards 1970; written, an instant is cut towards the past.
            instants, present = _buffers(array.cast(_INTEGER), "<i8")
            return _with_nan(instants // 1_000, present) / _MICROSECONDS_A_DAY
        return _with_nan(*_buffers(array.cast(_MICROSECONDS).cast(_INTEGER), "<i8")) / _MICROSECONDS_A_DAY


def strings(array: Array) -> Array:
    """Words of whatever type the file has them in, as strings."""
    with engine():
        return array.cast(STRING)


def coded(array: Array) -> "tuple[NDArray[np.int32], list[str | None]]":
    """Words as indices into the different ones, -1 where there is none, and these, in order of appearance."""
    with engine():
        encoded = array.cast(STRING).cast(_DICTIONARY)
        codes, present = _buffers(dictionary_indices(encoded), "<i4")
        words = list(dictionary_dictionary(encoded).to_pylist())
    return (codes if present is None else np.where(present, codes, np.int32(-1))), words


def taken(array: Array, places: "NDArray[np.int64]") -> Array:
    """The values at some places."""
    with engine():
        return array.take(Array.from_numpy(places))


def first_words(array: Array, most: int) -> list[str | None]:
    """At most so many words from the beginning."""
    with engine():
        return list(array.slice(0, min(most, len(array))).to_pylist())
