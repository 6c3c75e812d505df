"""Arrays of an NPZ, and a label for each of their samples: which they are by name, and what is in them.

What arrays there are is read from their headers; of one that is wanted the size is checked before it is read.
Nothing is unpickled.
"""

from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.errors import InvalidInput, MalformedInput, shown
from ml_core.inputs.labels import Labels
from ml_core.picture_files.archive import WHERE, Archive, ArchiveEntry, EntryReader
from ml_core.picture_files.folders import TEST, TRAINING, VALIDATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label

# What arrays are called, without case and with `_` for other signs; the first that is there is meant.
SEQUENCES = ("x", "sequences", "sequence", "series", "data", "features", "arr_0")
LENGTHS = ("lengths", "length", "seq_lengths", "seq_len", "n_steps")
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "arr_1")
_OF_PARTS = {
    TRAINING: ("train", "training"),
    TEST: ("test", "testing"),
    VALIDATION: ("val", "valid", "validation"),
}
_NUMBERS = "buif"
_LABEL_KINDS = "buifUS"
_MOST_HEADER, _LONGEST_READ = 10_000, 1 << 20
_MOST_ARRAYS = 1_000
_MOST_NAMED = 8
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


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
    """Samples and their labels; `part` is TRAINING, TEST or VALIDATION where names say it.

    `lengths` are how many steps of each sample count, where there is such an array.
    """

    samples: ArrayHeader
    labels: ArrayHeader
    part: str | None
    lengths: ArrayHeader | None = None

    def arrays(self) -> list[ArrayHeader]:
        """Those that there are."""
        return [self.samples, self.labels, *([] if self.lengths is None else [self.lengths])]


def array_headers(archive: Archive) -> list[ArrayHeader]:
    """All arrays of a file. Raises `InvalidInput`, `MalformedInput`."""
    if len(archive.entries) > _MOST_ARRAYS:
        raise InvalidInput.at(
            WHERE, f"the file has {len(archive.entries)} arrays; at most {_MOST_ARRAYS} are read"
        )
    return [_header(archive, entry) for entry in archive.entries]


def pairs_of(
    headers: Sequence[ArrayHeader], names: Sequence[str], lengths: Sequence[str] = ()
) -> list[ArrayPair]:
    """Samples, called by one of the names, and their labels: of the parts of a split, or the only ones.

    Raises `InvalidInput` where there are none.
    """
    by_name = {
        "".join(c if c.isalnum() else "_" for c in header.name.casefold()): header for header in headers
    }

    def named(called: Sequence[str], part: Sequence[str]) -> ArrayHeader | None:
        spelled = (each for name in called for word in part for each in (f"{name}_{word}", f"{word}_{name}"))
        return next((by_name[each] for each in (spelled if part else called) if each in by_name), None)

    pairs = []
    for part, words in _OF_PARTS.items():
        samples, labels = named(names, words), named(_LABELS, words)
        if samples is not None and labels is not None:
            pairs.append(ArrayPair(samples, labels, part, named(lengths, words)))
    if pairs and pairs[0].part == TRAINING:
        return pairs if len(pairs) > 1 else [pairs[0]._replace(part=None)]
    samples, labels = named(names, ()), named(_LABELS, ())
    if samples is None or labels is None or pairs:
        there = ", ".join(map(str, headers[:_MOST_NAMED]))
        raise InvalidInput.at(
            WHERE,
            f"expected arrays x (or {names[1]}) and y (or labels), or x_train, y_train, x_test and y_test; "
            f"the file has {there}",
        )
    return [ArrayPair(samples, labels, None, named(lengths, ()))]


def check_pair(pair: ArrayPair, thing: str) -> None:
    """Refuse arrays that do not belong together, or are of a type that is none of samples or labels.

    `thing` is what a sample is. Raises `InvalidInput`, `MalformedInput`.
    """
    samples, labels = pair.samples, pair.labels
    for array, kinds, what in ((samples, _NUMBERS, "numbers"), (labels, _LABEL_KINDS, "labels")):
        check_array(array, kinds, what)
    shape = labels.shape
    if len(shape) == 2 and shape[1] > 1:
        raise InvalidInput.at(
            WHERE, f"expected a label for each {thing}, got {labels}: of one-hot rows save argmax(axis=1)"
        )
    if len(shape) not in (1, 2) or shape[0] != samples.shape[0]:
        raise InvalidInput.at(WHERE, f"expected a label for each {thing}: {samples} has {labels}")
    if not samples.shape[0]:
        raise InvalidInput.at(WHERE, f"there are no {thing}s in {samples}")


def check_array(array: ArrayHeader, kinds: str, what: str) -> None:
    """Refuse an array that holds not `what` it is to hold. Raises `InvalidInput`, `MalformedInput`."""
    if array.dtype.kind == "O":
        raise InvalidInput.at(
            WHERE,
            f"array {shown(array.name)} holds Python's objects, which could run code: save {what} as such",
        )
    if array.dtype.kind not in kinds:
        raise InvalidInput.at(WHERE, f"expected {what} in {array}")
    if prod(array.shape) * array.dtype.itemsize != array.entry.size - array.header_bytes:
        raise MalformedInput(f"array {array} does not have as many bytes as its shape says")


def told_of_pairs(headers: Iterable[ArrayHeader], pairs: Sequence[ArrayPair]) -> list[str]:
    """What is to be said of arrays that are not read, and of a split of three parts."""
    warnings = []
    used = {array.name for pair in pairs for array in pair.arrays()}
    if spare := [header for header in headers if header.name not in used]:
        more = f" and {len(spare) - _MOST_NAMED} more" if len(spare) > _MOST_NAMED else ""
        warnings.append(f"arrays are left out: {', '.join(map(str, spare[:_MOST_NAMED]))}{more}")
    if {TEST, VALIDATION} <= {pair.part for pair in pairs}:
        warnings.append("the arrays for validation are trained on; those for the test are held out")
    return warnings


def held_out_by_name(pairs: Sequence[ArrayPair]) -> "NDArray[np.bool_] | None":
    """Whether each sample is held out, where the arrays' names say it."""
    parts = [pair.part for pair in pairs]
    if len(parts) == 1:
        return None
    part = TEST if TEST in parts else VALIDATION
    return np.concatenate([np.full(pair.samples.shape[0], pair.part == part) for pair in pairs])


def read_labels(archive: Archive, pairs: Sequence[ArrayPair]) -> Labels:
    """The label of each sample. Raises `InvalidInput` for what is none."""
    read = [_labels(read_array(archive, pair.labels), pair.labels) for pair in pairs]
    if len({labels.dtype.kind for labels in read}) > 1:
        raise InvalidInput.at(WHERE, "expected labels of one type in all arrays")
    different, numbers = np.unique(np.concatenate(read), return_inverse=True)
    classes: list[Label] = different.tolist()
    return Labels(tuple(classes), numbers.astype(np.int64, copy=False))


def read_array(archive: Archive, array: ArrayHeader) -> "NDArray[Any]":
    """An array, whose size was checked. Raises `MalformedInput`."""
    with archive.open(array.entry) as file:
        try:
            read: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        except MalformedInput:
            raise MalformedInput(f"array {array} cannot be unpacked: the file is damaged") from None
        except (ValueError, OSError, EOFError):
            raise MalformedInput(f"array {array} cannot be read: it is broken") from None
    return read


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


def _labels(array: "NDArray[Any]", header: ArrayHeader) -> "NDArray[Any]":
    labels = array.reshape(-1)
    kind = labels.dtype.kind
    if kind == "f":
        whole = labels.astype(np.float64)
        if np.isnan(whole).any():
            raise InvalidInput.at(
                WHERE,
                f"sample {int(np.flatnonzero(np.isnan(whole))[0])} has no label: {header} holds NaN; leave "
                "out samples without a label",
            )
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
