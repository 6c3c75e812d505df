"""An NPZ of sequences and labels: sequences × steps, or × numbers of a step too, with or without lengths."""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.errors import InvalidInput, MalformedInput
from ml_core.inputs.arrays import Sequences
from ml_core.inputs.kinds import SEQUENCE
from ml_core.inputs.rounding import erased_in_steps
from ml_core.picture_files.archive import WHERE, Archive, ArchiveEntry
from ml_core.picture_files.headers import read_header
from ml_core.picture_files.labelled_arrays import (
    LENGTHS,
    SEQUENCES,
    ArrayHeader,
    ArrayPair,
    array_headers,
    check_array,
    check_pair,
    held_out_by_name,
    pairs_of,
    read_array,
    read_labels,
    told_of_pairs,
)
from ml_core.training.instances import TrainingInstances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.tables.memory import Budget

_AXES = (2, 3)
_LARGEST = float(np.finfo(np.float32).max)
# A number as it stands in the file, and three times as float32: unpacked, without padding, and in the part
# that is trained on.
_BYTES_A_NUMBER = 12
# So many entries of a zip file that is no NPZ tell what it holds.
_LOOKED_AT = 20


def read_arrays(path: str, budget: "Budget", *, held_out: bool) -> TrainingInstances:
    """The sequences in the NPZ at `path`; arrays for a test are held out, if anything is.

    Raises `InvalidInput`, `MalformedInput`, `TooLarge`.
    """
    with Archive(path, budget) as archive:
        if not all(entry.name.endswith(".npy") for entry in archive.entries):
            raise MalformedInput(f"expected an NPZ file of arrays; {_other_zip(archive)}")
        headers = array_headers(archive)
        pairs = pairs_of(headers, SEQUENCES, LENGTHS)
        for pair in pairs:
            _check(pair)
        _check_widths([pair.samples for pair in pairs])
        numbers = [prod(pair.samples.shape) for pair in pairs]
        in_file = sum(pair.samples.entry.size for pair in pairs)
        budget.check_bytes(in_file + sum(numbers) * _BYTES_A_NUMBER, copies=1)
        targets = read_labels(archive, pairs)
        warnings = told_of_pairs(headers, pairs)
        read = [_read(archive, pair, warnings) for pair in pairs]
    steps = np.concatenate([each for each, _ in read])
    lengths = np.concatenate([each for _, each in read])
    width = steps.shape[1]
    test = held_out_by_name(pairs) if held_out else None
    return TrainingInstances(
        SEQUENCE,
        Sequences(memoryview(steps).cast("B"), width, lengths.tolist(), "F32", WHERE),
        _names(width),
        targets,
        tuple(dict.fromkeys(warnings)),
        test=None if test is None else memoryview(test.astype("u1")),
        in_file=True,
    )


def _other_zip(archive: Archive) -> str:
    """What a zip file holds that is no NPZ."""
    if any(_is_picture(archive, entry) for entry in archive.entries[:_LOOKED_AT]):
        return "the zip holds pictures, which cnn takes"
    return "the file is another zip file"


def _is_picture(archive: Archive, entry: ArchiveEntry) -> bool:
    try:
        with archive.open(entry) as file:
            return read_header(file, entry.path[-1]) is not None
    except MalformedInput:
        return False


def _check(pair: ArrayPair) -> None:
    """Raise `InvalidInput` for arrays that are no sequences with labels."""
    check_pair(pair, "sequence")
    samples, lengths = pair.samples, pair.lengths
    if len(samples.shape) not in _AXES or not all(samples.shape):
        raise InvalidInput.at(
            WHERE,
            f"expected sequences × steps, or × numbers of a step too, at least one of each, got {samples}",
        )
    if lengths is None:
        return
    check_array(lengths, "iu", "whole numbers")
    if lengths.shape != samples.shape[:1]:
        raise InvalidInput.at(WHERE, f"expected a length for each sequence: {samples} has {lengths}")


def _check_widths(arrays: list[ArrayHeader]) -> None:
    if len({array.shape[2:] for array in arrays}) > 1:
        told = ", ".join(map(str, arrays))
        raise InvalidInput.at(WHERE, f"expected steps of equally many numbers in all arrays, got {told}")


def _names(width: int) -> tuple[str, ...]:
    return tuple(f"x{channel}" for channel in range(width))


def _read(
    archive: Archive, pair: ArrayPair, warnings: list[str]
) -> "tuple[NDArray[np.float32], NDArray[np.int64]]":
    """All steps that count, and how many each sequence has; `warnings` take what is to be said of them."""
    array = read_array(archive, pair.samples)
    array = array.reshape(*array.shape[:2], -1)
    lengths = _lengths(archive, pair.lengths, array)
    counts = np.arange(array.shape[1]) < lengths[:, None]
    with np.errstate(over="ignore"):
        counted = array[counts]
        steps: NDArray[np.float32] = counted.astype("<f4")
    if not (np.abs(steps) <= _LARGEST).all():
        step = int(np.flatnonzero(~(np.abs(steps) <= _LARGEST).all(axis=1))[0])
        sequence = int(np.searchsorted(np.cumsum(lengths), step, side="right"))
        raise InvalidInput.at(
            WHERE,
            f"sequence {sequence} of {pair.samples} holds a number that is missing, infinite or past float32"
            + (
                ""
                if pair.lengths
                else "; of sequences of unequal length, an array of lengths says which steps count"
            ),
        )
    warnings += erased_in_steps(counted, _names(counted.shape[1]))
    return steps, lengths


def _lengths(archive: Archive, header: ArrayHeader | None, array: Any) -> "NDArray[np.int64]":  # noqa: ANN401 - an array
    """How many steps of each sequence count. Raises `InvalidInput`."""
    most = array.shape[1]
    if header is None:
        return np.full(len(array), most, np.int64)
    lengths = read_array(archive, header)
    wrong = np.flatnonzero((lengths < 1) | (lengths > most))
    if len(wrong):
        place = int(wrong[0])
        raise InvalidInput.at(
            WHERE,
            f"expected lengths from 1 to {most} in {header}, got {int(lengths[place])} for sequence {place}",
        )
    return lengths.astype(np.int64)
