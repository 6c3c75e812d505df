"""NPZ files of pictures and labels, as Keras' `mnist.npz`, MedMNIST and `numpy.savez` have them.

What arrays there are is read from their headers; of one that is wanted the size is checked before it is read.
Nothing is unpickled.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import InvalidInput, MalformedInput, shown
from ml_core.inputs.labels import Labels
from ml_core.picture_files.archive import WHERE, Archive, ArchiveEntry, EntryReader
from ml_core.picture_files.folders import TEST, TRAINING, VALIDATION
from ml_core.picture_files.sizes import SHAPE_WHERE, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label

# What arrays are called, without case and with `_` for other signs; the first that is there is meant.
_PICTURES = ("x", "images", "image", "pictures", "data", "features", "arr_0")
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "arr_1")
_OF_PARTS = {
    TRAINING: ("train", "training"),
    TEST: ("test", "testing"),
    VALIDATION: ("val", "valid", "validation"),
}
_NUMBERS, _WHOLE = "buif", "bui"
_LABEL_KINDS = "buifUS"
_MOST_HEADER, _LONGEST_READ = 10_000, 1 << 20
_MOST_ARRAYS = 1_000
_MOST_NAMED = 8
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# Of pixels looked at together.
_BLOCK = 1 << 22


class ArrayHeader(NamedTuple):
    """An array of a file: where it is, its name, its shape and type, and how many bytes stand before it."""

    entry: ArchiveEntry
    name: str
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    header_bytes: int

    def __str__(self) -> str:
        return f"{shown(self.name)} ({'×'.join(map(str, self.shape)) or 'one value'}, {self.dtype})"


class ArrayPair(NamedTuple):
    """Pictures and their labels; `part` is TRAINING, TEST or VALIDATION where names say it."""

    pictures: ArrayHeader
    labels: ArrayHeader
    part: str | None


class NpzLayout(NamedTuple):
    """The arrays that are read, the shape of a picture, how the arrays come to it, and what is to be said."""

    pairs: list[ArrayPair]
    shape: Shape
    moved: bool
    warnings: list[str]

    @property
    def pictures(self) -> int:
        """How many there are."""
        return sum(pair.pictures.shape[0] for pair in self.pairs)

    @property
    def whole(self) -> bool:
        """Whether all numbers are of one byte."""
        return all(
            pair.pictures.dtype.kind in "bu" and pair.pictures.dtype.itemsize == 1 for pair in self.pairs
        )


def lay_out_arrays(archive: Archive, said: Shape | None) -> NpzLayout:
    """Which arrays are pictures and labels. Raises `InvalidInput` and `MalformedInput`."""
    headers = _headers(archive)
    pairs = _pairs(headers)
    shapes = {pair.pictures.shape[1:] for pair in pairs}
    if len(shapes) > 1:
        told = ", ".join(str(pair.pictures) for pair in pairs)
        raise InvalidInput.at(WHERE, f"expected pictures of one shape in all arrays, got {told}")
    for pair in pairs:
        _check_pair(pair)
    warnings: list[str] = []
    shape, moved = _shape_of(pairs[0].pictures, said, warnings)
    used = {array.name for pair in pairs for array in pair[:2]}
    if spare := [header for header in headers if header.name not in used]:
        more = f" and {len(spare) - _MOST_NAMED} more" if len(spare) > _MOST_NAMED else ""
        warnings.append(f"arrays are left out: {', '.join(map(str, spare[:_MOST_NAMED]))}{more}")
    if {TEST, VALIDATION} <= {pair.part for pair in pairs}:
        warnings.append("the arrays for validation are trained on; those for the test are held out")
    return NpzLayout(pairs, shape, moved, warnings)


def read_pixels(archive: Archive, layout: NpzLayout) -> "NDArray[Any]":
    """All pictures: uint8 where all are whole numbers from 0 to 255, else float32."""
    arrays = [_pixels(_read(archive, pair.pictures), pair.pictures) for pair in layout.pairs]
    dtype = np.uint8 if all(array.dtype == np.uint8 for array in arrays) else np.float32
    height, width, channels = layout.shape
    whole = np.empty((layout.pictures, height, width, channels), dtype)
    begin = 0
    for array in arrays:
        target = whole[begin : begin + len(array)]
        if layout.moved:
            target[...] = array.transpose(0, 2, 3, 1)
        else:
            target[...] = array.reshape(target.shape)
        begin += len(array)
    return whole


def read_labels(archive: Archive, layout: NpzLayout) -> Labels:
    """The label of each picture. Raises `InvalidInput` for what is none."""
    read = [_labels(_read(archive, pair.labels), pair.labels) for pair in layout.pairs]
    if len({labels.dtype.kind for labels in read}) > 1:
        raise InvalidInput.at(WHERE, "expected labels of one type in all arrays")
    different, numbers = np.unique(np.concatenate(read), return_inverse=True)
    classes: list[Label] = different.tolist()
    return Labels(tuple(classes), numbers.astype(np.int64, copy=False))


def held_out(layout: NpzLayout) -> "NDArray[np.bool_] | None":
    """Whether each picture is held out, where the arrays' names say it."""
    parts = [pair.part for pair in layout.pairs]
    if len(parts) == 1:
        return None
    part = TEST if TEST in parts else VALIDATION
    return np.concatenate([np.full(pair.pictures.shape[0], pair.part == part) for pair in layout.pairs])


def _headers(archive: Archive) -> list[ArrayHeader]:
    if len(archive.entries) > _MOST_ARRAYS:
        raise InvalidInput.at(
            WHERE, f"the file has {len(archive.entries)} arrays; at most {_MOST_ARRAYS} are read"
        )
    return [_header(archive, entry) for entry in archive.entries]


def _header(archive: Archive, entry: ArchiveEntry) -> ArrayHeader:
    name = entry.name.removesuffix(".npy")
    with archive.open(entry) as file:
        counted = _Counted(file)
        try:
            version = np.lib.format.read_magic(counted)
            read = _HEADER_READERS[version]
            shape, _, dtype = read(counted, max_header_size=_MOST_HEADER)
        # The header is Python's text: what the parser raises at it, MemoryError included, is its own fault.
        except Exception:  # noqa: BLE001
            raise MalformedInput(f"array {shown(name)} cannot be read: its header is broken") from None
    return ArrayHeader(entry, name, shape, dtype, counted.bytes)


class _Counted:
    """An array's bytes, counted while its header is read."""

    def __init__(self, file: EntryReader) -> None:
        self._file = file
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(min(size, _LONGEST_READ) if size >= 0 else _LONGEST_READ)
        self.bytes += len(data)
        return data


def _pairs(headers: Sequence[ArrayHeader]) -> list[ArrayPair]:
    """Pictures with their labels, by name: of the parts of a split, or the only ones."""
    by_name = {
        "".join(c if c.isalnum() else "_" for c in header.name.casefold()): header for header in headers
    }

    def named(names: Sequence[str], part: Sequence[str]) -> ArrayHeader | None:
        spelled = (each for name in names for word in part for each in (f"{name}_{word}", f"{word}_{name}"))
        return next((by_name[each] for each in (spelled if part else names) if each in by_name), None)

    pairs = []
    for part, words in _OF_PARTS.items():
        pictures, labels = named(_PICTURES, words), named(_LABELS, words)
        if pictures is not None and labels is not None:
            pairs.append(ArrayPair(pictures, labels, part))
    if pairs and pairs[0].part == TRAINING:
        return pairs if len(pairs) > 1 else [pairs[0]._replace(part=None)]
    pictures, labels = named(_PICTURES, ()), named(_LABELS, ())
    if pictures is None or labels is None or pairs:
        there = ", ".join(map(str, headers[:_MOST_NAMED]))
        raise InvalidInput.at(
            WHERE,
            "expected arrays x (or images) and y (or labels), or x_train, y_train, x_test and y_test; the "
            "file has "
            f"{there}",
        )
    return [ArrayPair(pictures, labels, None)]


def _check_pair(pair: ArrayPair) -> None:
    """Refuse arrays that do not belong together, or are of a type that is none of pictures or labels."""
    pictures, labels, _ = pair
    for array, kinds, what in ((pictures, _NUMBERS, "numbers"), (labels, _LABEL_KINDS, "labels")):
        if array.dtype.kind == "O":
            raise InvalidInput.at(
                WHERE,
                f"array {shown(array.name)} holds Python's objects, which could run code: save {what} as "
                "such",
            )
        if array.dtype.kind not in kinds:
            raise InvalidInput.at(WHERE, f"expected {what} in {array}")
        if prod(array.shape) * array.dtype.itemsize != array.entry.size - array.header_bytes:
            raise MalformedInput(f"array {array} does not have as many bytes as its shape says")
    shape = labels.shape
    if len(shape) == 2 and shape[1] > 1:
        raise InvalidInput.at(
            WHERE, f"expected a label for each picture, got {labels}: of one-hot rows save argmax(axis=1)"
        )
    if len(shape) not in (1, 2) or shape[0] != pictures.shape[0]:
        raise InvalidInput.at(WHERE, f"expected a label for each picture: {pictures} has {labels}")
    if not pictures.shape[0]:
        raise InvalidInput.at(WHERE, f"there are no pictures in {pictures}")


def _shape_of(array: ArrayHeader, said: Shape | None, warnings: list[str]) -> tuple[Shape, bool]:
    """The shape of a picture, and whether its channels come first in the file."""
    found = array.shape[1:]
    if len(found) == 2:
        found = (*found, 1)
    fits = f'say "image": [height, width, channels] in data for {array}'
    if len(found) == 1 and said is not None and prod(said) == found[0]:
        return said, False
    if len(found) != 3:
        raise InvalidInput.at(
            SHAPE_WHERE,
            f"expected pictures × height × width, or × channels too, got {array}; of pixels in one row, "
            '"image": [height, width, channels] says the shape',
        )
    if not all(found):
        raise InvalidInput.at(WHERE, f"pictures without pixels: {array}")
    first = (found[1], found[2], found[0])
    if said is not None:
        if said == found:
            return said, False
        if said == first:
            return said, True
        raise InvalidInput.at(
            SHAPE_WHERE,
            f"expected {list(found)}, the shape of a picture in {array}, got {list(said)}; arrays are not "
            "resized",
        )
    if found[2] > 4 and found[0] <= 4:
        warnings.append(
            f"the channels of {array} are taken to come first: pictures of {'×'.join(map(str, first))}; "
            f"{fits} if not"
        )
        return first, True
    return (found[0], found[1], found[2]), False


def _read(archive: Archive, array: ArrayHeader) -> "NDArray[Any]":
    """An array, whose size was checked. Raises `MalformedInput`."""
    with archive.open(array.entry) as file:
        try:
            read: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        except MalformedInput:
            raise MalformedInput(f"array {array} cannot be unpacked: the file is damaged") from None
        except (ValueError, OSError, EOFError):
            raise MalformedInput(f"array {array} cannot be read: it is broken") from None
    return read


def _pixels(array: "NDArray[Any]", header: ArrayHeader) -> "NDArray[Any]":
    """Pixels as uint8, where they are whole numbers from 0 to 255, or as float32."""
    kind = array.dtype.kind
    if kind == "b" or array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if kind in _WHOLE and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    flat = single.reshape(-1)
    if not all(np.isfinite(flat[begin : begin + _BLOCK]).all() for begin in range(0, len(flat), _BLOCK)):
        place = int(np.flatnonzero(~np.isfinite(flat))[0]) // max(1, prod(array.shape[1:]))
        raise InvalidInput.at(
            WHERE, f"picture {place} of {header} holds a number that is missing, infinite or past float32"
        )
    return single


def _labels(array: "NDArray[Any]", header: ArrayHeader) -> "NDArray[Any]":
    labels = array.reshape(-1)
    kind = labels.dtype.kind
    if kind == "f":
        whole = labels.astype(np.float64)
        if not (np.isfinite(whole) & (whole == np.floor(whole)) & (np.abs(whole) < 2**53)).all():
            raise InvalidInput.at(
                WHERE, f"expected labels that are words, truth values or whole numbers in {header}"
            )
        return whole.astype(np.int64)
    if kind in "iu":
        if (labels > 2**53).any() or (labels < -(2**53)).any():
            raise InvalidInput.at(WHERE, f"labels of {header} are past 2^53, which JSON does not hold")
        return labels.astype(np.int64)
    if kind == "b":
        return labels
    return _words(labels, header)


def _words(labels: "NDArray[Any]", header: ArrayHeader) -> "NDArray[Any]":
    """Labels that are words, of characters that Unicode has."""
    wrong = InvalidInput.at(WHERE, f"labels of {header} are empty, or no text")
    try:
        if labels.dtype.kind == "S":
            labels = np.char.decode(labels, "utf-8")
        words = np.unique(labels).tolist()
        for word in words:
            word.encode()
    except (UnicodeError, ValueError):
        raise wrong from None
    if "" in words:
        raise wrong
    return labels
