"""What a file of pictures holds, or an NPZ of sequences, in figures, by its headers: nothing is decoded."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ml_core.errors import InvalidInput, MalformedInput, TooLarge
from ml_core.inputs.labels import Label, Labels
from ml_core.picture_files import folders, npz
from ml_core.picture_files.archive import Archive
from ml_core.picture_files.folders import FolderScan
from ml_core.picture_files.format_names import NPZ, ZIP
from ml_core.picture_files.formats import FORMAT_WHERE, opened
from ml_core.picture_files.labelled_arrays import (
    LENGTHS,
    SEQUENCES,
    ArrayPair,
    array_headers,
    check_pair,
    held_out_by_name,
    pairs_of,
    read_labels,
)
from ml_core.picture_files.sizes import SHAPE_WHERE, Shape, check_shape, shape_of
from ml_core.tables.memory import NO_BUDGET, Budget

PICTURES, SEQUENCES_KIND = "pictures", "sequences"
# Of more classes and sizes the most frequent are shown; of broken files some.
MOST_CLASSES, MOST_SIZES, _MOST_BROKEN = 1_000, 20, 20


def describe_pictures(
    path: str, declared: str | None, budget: Budget = NO_BUDGET, image: Shape | None = None
) -> dict[str, Any]:
    """Format, pictures, classes, sizes, split and warnings as JSON values.

    `classes` are in the order of a model's, each with how many pictures are trained on and how many are
    `held_out` by the file's own split; `sizes` are the most frequent. `unreadable` says how many files cannot
    be read, and why some cannot; `shape` is null where `image` in `data` has to say it, and `error` says why
    the file as it is cannot be trained on. `image` is the shape that a training would be told.

    Raises `MalformedInput` and `TooLarge` for a file of which nothing can be said, `InvalidInput` for another
    format than the declared one, and an `image` that the file's pictures are not brought to.
    """
    check_shape(image)
    said = {FORMAT_WHERE, *([] if image is None else [SHAPE_WHERE])}
    try:
        found, archive = opened(path, declared, budget)
        with archive:
            if found != NPZ:
                return _of_folders(archive, image)
            sequences = _sequences_in(archive) if image is None else []
            if sequences:
                return _of_sequences(archive, sequences, budget)
            return _of_arrays(archive, budget, image)
    except InvalidInput as error:
        if any(fault.path in said for fault in error.faults):
            raise
        # Nobody said what the file does not hold: it is the file's fault.
        raise MalformedInput("; ".join(fault.message for fault in error.faults)) from None


def _of_folders(archive: Archive, image: Shape | None) -> dict[str, Any]:
    scanned = folders.scan(archive)
    try:
        layout = folders.lay_out(scanned.pictures)
    except InvalidInput:
        if not scanned.broken:
            raise
        raise MalformedInput(_told_broken(scanned)) from None  # mended, they may be what is lacking
    headers = [each.found.header for each in layout.pictures]
    warnings = [*folders.told_others(scanned.others), *layout.warnings]
    error = shape = None
    try:
        shape, told = shape_of(headers, image)
        warnings += told
    except InvalidInput as refused:
        error = refused.faults[0].message
    if scanned.broken:
        error = _told_broken(scanned)
    elif layout.lacking is not None:
        error = layout.lacking
    labels = folders.labels_of(layout.pictures)
    return {
        **_figures(ZIP, labels, layout.held_out(), warnings),
        "files": dict(Counter(header.format for header in headers)),
        "shape": None if shape is None else list(shape),
        "sizes": _sizes(Counter((header.height, header.width) for header in headers)),
        "grey": sum(not header.colour for header in headers),
        "unreadable": _unreadable(scanned),
        "error": error,
    }


def _sequences_in(archive: Archive) -> list[ArrayPair]:
    """Arrays that can be no pictures: of two axes, or with lengths. Arrays of three axes may be either."""
    try:
        pairs = pairs_of(array_headers(archive), SEQUENCES, LENGTHS)
    except InvalidInput:
        return []  # what is wrong is told by who looks for pictures
    are_sequences = all(len(pair.samples.shape) == 2 or pair.lengths is not None for pair in pairs)
    return pairs if are_sequences else []


def _of_sequences(archive: Archive, pairs: list[ArrayPair], budget: Budget) -> dict[str, Any]:
    for pair in pairs:
        check_pair(pair, "sequence")
    labels, held_out = _labels_of(archive, pairs, budget)
    first = pairs[0].samples.shape
    return {
        **_figures(NPZ, labels, held_out, [], SEQUENCES_KIND),
        "arrays": [str(array) for pair in pairs for array in pair.arrays()],
        "steps": max(pair.samples.shape[1] for pair in pairs),
        "channels": first[2] if len(first) > 2 else 1,
        "error": None if len(labels.classes) > 1 else "the sequences are all of one class",
    }


def _labels_of(archive: Archive, pairs: list[ArrayPair], budget: Budget) -> tuple[Labels, list[bool] | None]:
    """The labels, and which of them the file holds out."""
    if budget.bytes is not None and sum(pair.labels.entry.size for pair in pairs) > budget.bytes // 4:
        raise TooLarge("the labels take more memory than the trainer has")
    held_out = held_out_by_name(pairs)
    return read_labels(archive, pairs), None if held_out is None else held_out.tolist()


def _of_arrays(archive: Archive, budget: Budget, image: Shape | None) -> dict[str, Any]:
    layout = npz.lay_out_arrays(archive, image)
    labels, held_out = _labels_of(archive, layout.pairs, budget)
    height, width, channels = layout.shape
    return {
        **_figures(NPZ, labels, held_out, layout.warnings),
        "arrays": [str(array) for pair in layout.pairs for array in pair[:2]],
        "shape": [height, width, channels],
        "sizes": _sizes(Counter({(height, width): layout.pictures})),
        "grey": layout.pictures if channels == 1 else 0,
        "unreadable": {"files": 0, "faults": []},
        "error": None if len(labels.classes) > 1 else "the pictures are all of one class",
    }


def _figures(
    written: str,
    labels: Sequence[Label],
    held_out: list[bool] | None,
    warnings: list[str],
    kind: str = PICTURES,
) -> dict[str, Any]:
    """What is told of every format: how many there are of the kind, in all and of each class."""
    listed = list(labels)
    counts, apart = Counter(listed), Counter[Label]()
    if held_out is not None:
        apart.update(label for label, out in zip(listed, held_out, strict=True) if out)
    classes = [
        {"value": label, kind: counts[label], **({"held_out": apart[label]} if held_out else {})}
        for label in sorted(counts)  # all of one type
    ]
    return {
        "kind": kind,
        "format": written,
        kind: len(listed),
        "held_out": None if held_out is None else sum(held_out),
        "complete": len(classes) <= MOST_CLASSES,
        "classes": classes[:MOST_CLASSES],
        "warnings": warnings,
    }


def _sizes(sizes: Counter[tuple[int, int]]) -> list[dict[str, int]]:
    return [
        {"height": height, "width": width, "pictures": count}
        for (height, width), count in sizes.most_common(MOST_SIZES)
    ]


def _told_broken(scanned: FolderScan) -> str:
    """The files that cannot be read, in a sentence: a training tells them before all else, too."""
    first = scanned.faults[0].message
    if scanned.broken == 1:
        return f"a file cannot be read: {first}"
    return f"{scanned.broken} files cannot be read: mend them, or leave them out. The first: {first}"


def _unreadable(scanned: FolderScan) -> dict[str, Any]:
    return {"files": scanned.broken, "faults": [fault.message for fault in scanned.faults[:_MOST_BROKEN]]}
