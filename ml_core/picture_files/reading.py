"""The one door to files of pictures: a zip of class folders or an NPZ becomes labelled pictures."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.errors import Fault, InvalidInput, MalformedInput, raise_faults
from ml_core.inputs.labels import Label, Labels
from ml_core.inputs.samples import PictureSamples
from ml_core.picture_files import folders, jpeg, npz
from ml_core.picture_files.archive import Archive
from ml_core.picture_files.folders import LabelledPicture
from ml_core.picture_files.format_names import NPZ, ZIP
from ml_core.picture_files.formats import opened
from ml_core.picture_files.headers import PNG, PictureHeader
from ml_core.picture_files.labelled_arrays import held_out_by_name, read_labels
from ml_core.picture_files.sizes import Shape, check_shape, shape_of
from ml_core.pictures import png
from ml_core.pictures.shaping import shaped
from ml_core.tables.memory import NO_BUDGET, Budget

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.pictures.png import PackedPng
    from ml_core.pictures.shaping import Pixels

# A PNG's lines, what they stand in while filters are undone, and its pixels in the model's channels.
_BYTES_A_PIXEL_UNPACKED = 16
# PNGs that are alike are decoded together, up to so many bytes of them.
_TOGETHER_BYTES = 1 << 20


class PictureSet(NamedTuple):
    """Labelled pictures, uint8 wherever the file allows.

    `held_out` says of each whether it is, where the file says so. `resized` says that sizes were changed:
    then a prediction may do the same. `groups` are those of the pictures' folders, where they were asked for.
    """

    samples: PictureSamples
    targets: Labels
    held_out: "NDArray[np.bool_] | None" = None
    groups: "NDArray[np.int64] | None" = None
    warnings: tuple[str, ...] = ()
    format: str = ""
    resized: bool = False


def read_pictures(
    path: str,
    *,
    shape: Shape | None = None,
    format: str | None = None,  # noqa: A002 - as requests call it
    budget: Budget = NO_BUDGET,
    by_folder: bool = False,
) -> PictureSet:
    """The pictures in a file, read by its content whatever it is called.

    Args:
        path: the file.
        shape: height, width and channels that all are brought to; None where they are alike.
        format: what somebody said that it is, "zip" or "npz".
        budget: the memory that there is.
        by_folder: whether pictures of one folder within a class's are a group.

    Raises:
        MalformedInput: for a file that holds no pictures.
        InvalidInput: for what does not fit together, with each entry that cannot be read.
        TooLarge: for more than there is memory for, before it is taken.
    """
    check_shape(shape)
    found, archive = opened(path, format, budget)
    with archive:
        if found == NPZ:
            if by_folder:
                raise no_columns()
            return _of_arrays(archive, shape, budget)
        return _of_folders(archive, shape, budget, by_folder=by_folder)


def no_columns() -> InvalidInput:
    """The refusal of a column to hold out by, of a file that has none."""
    return InvalidInput.at("$.split", "a file with labels of its own has no columns to hold instances out by")


def _of_arrays(archive: Archive, shape: Shape | None, budget: Budget) -> PictureSet:
    layout = npz.lay_out_arrays(archive, shape)
    read = sum(pair.samples.entry.size + pair.labels.entry.size for pair in layout.pairs)
    budget.check_pictures(
        layout.pictures, layout.shape, bytes_a_number=1 if layout.whole else 4, unpacked=read
    )
    targets = read_labels(archive, layout.pairs)
    if len(targets.classes) < 2:
        raise InvalidInput.at("$.data", f"the pictures are all of one class, {targets.classes[0]!r}")
    samples = PictureSamples(npz.read_pixels(archive, layout))
    return PictureSet(samples, targets, held_out_by_name(layout.pairs), None, tuple(layout.warnings), NPZ)


def _of_folders(archive: Archive, shape: Shape | None, budget: Budget, *, by_folder: bool) -> PictureSet:
    scanned = folders.scan(archive)
    raise_faults(scanned.faults)
    layout = folders.lay_out(scanned.pictures)
    if layout.lacking is not None:
        raise InvalidInput.at("$.data", layout.lacking)
    groups, told_groups = folders.groups_of(layout.pictures) if by_folder else (None, [])
    headers = [each.found.header for each in layout.pictures]
    made, told = shape_of(headers, shape)
    largest = max(header.height * header.width for header in headers)
    budget.check_pictures(len(headers), made, unpacked=_BYTES_A_PIXEL_UNPACKED * largest)
    array = np.empty((len(headers), *made), np.uint8)
    raise_faults(_fill(array, archive, layout.pictures))
    warnings = (*folders.told_others(scanned.others), *layout.warnings, *told_groups, *told)
    held_out = layout.held_out()
    return PictureSet(
        PictureSamples(array),
        _targets(folders.labels_of(layout.pictures)),
        None if held_out is None else np.array(held_out),
        None if groups is None else np.array(groups, np.int64),
        warnings,
        ZIP,
        resized=any((header.height, header.width) != made[:2] for header in headers),
    )


def _targets(labels: Sequence[Label]) -> Labels:
    classes = tuple(sorted(set(labels)))  # all of one type
    numbers = {label: number for number, label in enumerate(classes)}
    return Labels(classes, np.array([numbers[label] for label in labels], np.int64))


def _fill(array: "Pixels", archive: Archive, pictures: Sequence[LabelledPicture]) -> Iterator[Fault]:
    """Decode every picture into its place in the array; a fault for each that cannot be."""
    place = 0
    for _, alike in groupby(pictures, key=lambda each: each.found.header):
        group = list(alike)
        yield from _fill_alike(array[place : place + len(group)], archive, group)
        place += len(group)


def _fill_alike(array: "Pixels", archive: Archive, pictures: list[LabelledPicture]) -> Iterator[Fault]:
    """Pictures of one format and size."""
    header = pictures[0].found.header
    if header.format != PNG:
        for target, each in zip(array, pictures, strict=True):
            try:
                target[...] = _of_jpeg(archive.read(each.found.entry), header, array.shape[1:])
            except MalformedInput as error:
                yield folders.unreadable(each.found.entry, error)
        return
    step = max(1, _TOGETHER_BYTES // (4 * header.height * header.width))
    for begin in range(0, len(pictures), step):
        yield from _fill_pngs(array[begin : begin + step], archive, pictures[begin : begin + step])


def _of_jpeg(data: bytes, header: PictureHeader, shape: tuple[int, ...]) -> "Pixels":
    height, width = shape[:2]
    is_smaller = height < header.height and width < header.width
    return shaped(jpeg.decode(data, (height, width) if is_smaller else None), shape)


def _fill_pngs(array: "Pixels", archive: Archive, pictures: Sequence[LabelledPicture]) -> Iterator[Fault]:
    unpacked: list[tuple[int, PackedPng]] = []
    for place, each in enumerate(pictures):
        try:
            unpacked.append((place, png.unpack(archive.read(each.found.entry))))
        except MalformedInput as error:
            yield folders.unreadable(each.found.entry, error)
    unpacked.sort(key=lambda each: each[1].header)
    for _, same in groupby(unpacked, key=lambda each: each[1].header):
        alike = list(same)
        try:
            decoded = png.pixels_of([packed for _, packed in alike])
        except MalformedInput:
            yield from _one_by_one(alike, pictures)  # says which
            continue
        for (place, _), pixels in zip(alike, decoded, strict=True):
            array[place] = shaped(pixels, array.shape[1:])


def _one_by_one(
    alike: Sequence[tuple[int, "PackedPng"]], pictures: Sequence[LabelledPicture]
) -> Iterator[Fault]:
    for place, packed in alike:
        try:
            png.pixels_of([packed])
        except MalformedInput as error:
            yield folders.unreadable(pictures[place].found.entry, error)
