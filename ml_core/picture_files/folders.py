"""A zip of class folders: which class each picture is of, and which pictures are held out, by their paths.

The layout is that of torchvision's `ImageFolder` and Keras' `image_dataset_from_directory`: the first folder
of a picture's path is its class. Above the classes may stand folders that hold everything (`data/…`), and
then `train` and `test`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ml_core.errors import Fault, InvalidInput, MalformedInput, raise_faults, shown
from ml_core.picture_files.archive import WHERE, Archive, ArchiveEntry
from ml_core.picture_files.headers import PictureHeader, read_header

TRAINING, TEST, VALIDATION = "train", "test", "validation"
_PARTS = {
    "train": TRAINING,
    "training": TRAINING,
    "test": TEST,
    "testing": TEST,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
}
_MOST_NAMED = 5


class FoundPicture(NamedTuple):
    """A picture of an archive."""

    entry: ArchiveEntry
    header: PictureHeader


class LabelledPicture(NamedTuple):
    """A picture with its class; `part` is TRAINING, TEST or VALIDATION where folders say it.

    `folder` is the one within the class's that it stands in, None where it stands in the class's own.
    """

    found: FoundPicture
    label: str
    part: str | None
    folder: str | None = None


class FolderScan(NamedTuple):
    """What an archive holds: pictures, what is wrong with others (some, and how many), and other files."""

    pictures: list[FoundPicture]
    faults: list[Fault]
    broken: int
    others: list[str]


class FolderLayout(NamedTuple):
    """Pictures in the order of their paths, and what is to be said of the folders.

    `lacking` is what keeps them from being trained on: a class without pictures to learn of, or one class
    alone.
    """

    pictures: list[LabelledPicture]
    warnings: list[str]
    lacking: str | None = None

    @property
    def is_split(self) -> bool:
        """Whether folders say which pictures are held out."""
        return any(each.part is not None for each in self.pictures)

    def held_out(self) -> list[bool] | None:
        """Whether each picture is held out, where folders say it: those of `test`, else of `validation`."""
        if not self.is_split:
            return None
        part = TEST if any(each.part == TEST for each in self.pictures) else VALIDATION
        return [each.part == part for each in self.pictures]


def scan(archive: Archive) -> FolderScan:
    """Read the header of each picture. Broken ones are counted, and as many told as a caller is told."""
    pictures, others = [], []
    faults: list[Fault] = []
    broken = 0
    for entry in sorted(archive.entries):
        try:
            with archive.open(entry) as file:
                header = read_header(file, entry.path[-1])
        except MalformedInput as error:
            broken += 1
            if len(faults) <= InvalidInput.MOST_FAULTS:
                faults.append(unreadable(entry, error))
            continue
        if header is None:
            others.append(entry.name)
        else:
            pictures.append(FoundPicture(entry, header))
    return FolderScan(pictures, faults, broken, others)


def unreadable(entry: ArchiveEntry, error: MalformedInput) -> Fault:
    """The fault of a picture that cannot be read."""
    return Fault(WHERE, f"{shown(entry.name)}: {error}")


def lay_out(pictures: Sequence[FoundPicture]) -> FolderLayout:
    """The pictures by their folders.

    Raises `InvalidInput` where there are none, where some stand in no folder, or where folders may be meant
    in two ways.
    """
    if not pictures:
        raise InvalidInput.at(
            WHERE,
            "the zip file holds no pictures: put PNG and JPEG files into a folder for each class. A table "
            "is not taken in a zip file: unpack it first",
        )
    bare = _bare_paths([found.entry.path for found in pictures])
    warnings: list[str] = []
    parts = _parts_of(bare)
    placed: list[LabelledPicture] = []
    loose: list[str] = []
    unlabelled = _unlabelled(bare, parts)
    for found, path in zip(pictures, bare, strict=True):
        part = parts.get(path[0]) if parts else None
        inner = path[1:] if part else path
        if path[0] in unlabelled:
            continue
        if len(inner) < 2:
            loose.append(found.entry.name)
        else:
            placed.append(LabelledPicture(found, inner[0], part, inner[1] if len(inner) > 2 else None))
    raise_faults(
        Fault(WHERE, f"{shown(name)} is in no folder that says its class, such as cats/1.png")
        for name in loose
    )
    if unlabelled:
        names = ", ".join(f"{shown(name)}" for name in sorted(unlabelled))
        warnings.append(
            f"the pictures of {names} are in no class folders and are left out; others are held out in "
            "their place"
        )
        if not {each.part for each in placed} & {TEST, VALIDATION}:
            placed = [each._replace(part=None) for each in placed]
    placed = _tidied(placed, warnings)
    _check_cases(placed)
    return FolderLayout(placed, warnings, _checked_parts(placed, warnings))


def labels_of(pictures: Iterable[LabelledPicture]) -> list[str] | list[int]:
    """The labels: folders' names, or whole numbers where all folders are named by such, as in `0` to `9`."""
    names = [each.label for each in pictures]
    if all(_is_integer(name) for name in set(names)):
        return list(map(int, names))
    return names


def groups_of(pictures: Sequence[LabelledPicture]) -> tuple[list[int], list[str]]:
    """The number of each picture's group, its folder within the class's, and what is to be said of them.

    Folders of one name are one group, also in several classes. Raises `InvalidInput` where there are none.
    """
    names = sorted({each.folder for each in pictures if each.folder is not None})
    if not names:
        raise InvalidInput.at(
            "$.split.column",
            "there are no folders within the classes' to hold pictures out by: put the pictures of each "
            "subject into one, such as cats/tom/1.png",
        )
    numbers = {name: number for number, name in enumerate(names)}
    alone = 0
    groups = []
    for each in pictures:
        if each.folder is None:
            groups.append(len(names) + alone)
            alone += 1
        else:
            groups.append(numbers[each.folder])
    told = f"pictures that stand in a class's own folder are each a group of their own: {alone}"
    return groups, [told] if alone else []


def told_others(others: Sequence[str]) -> list[str]:
    """What is to be said of files that are no pictures."""
    if not others:
        return []
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return [f"files that are no pictures are left out: {', '.join(map(shown, others[:_MOST_NAMED]))}{more}"]


def _is_integer(name: str) -> bool:
    return name.isascii() and len(name) <= 15 and name.removeprefix("-").isdigit() and str(int(name)) == name


def _bare_paths(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The paths without the folders that hold everything, where a class folder stands below."""
    while all(len(path) > 2 for path in paths) and len({path[0] for path in paths}) == 1:
        paths = [path[1:] for path in paths]
    return paths


def _parts_of(paths: list[tuple[str, ...]]) -> dict[str, str]:
    """The part that each top folder is, where they are such as `train` and `test`; else empty."""
    tops = {path[0] for path in paths if len(path) > 1}
    parts = {top: _PARTS[top.strip().casefold()] for top in tops if top.strip().casefold() in _PARTS}
    if TRAINING not in parts.values() or len(set(parts.values())) < 2:
        return {}
    if len(parts) < len(tops):
        beside = ", ".join(map(shown, sorted(tops - parts.keys())[:_MOST_NAMED]))
        raise InvalidInput.at(
            WHERE,
            f"beside the folders {', '.join(map(shown, sorted(parts)))} there is {beside}: are these parts "
            "of a "
            "split, or classes? Put all classes into the parts, or name them otherwise",
        )
    return parts


def _unlabelled(paths: list[tuple[str, ...]], parts: dict[str, str]) -> set[str]:
    """The parts, but for those to train on, of which no picture is in a class folder."""
    labelled = {path[0] for path in paths if len(path) > 2}
    return {top for top, part in parts.items() if part != TRAINING and top not in labelled}


def _tidied(pictures: list[LabelledPicture], warnings: list[str]) -> list[LabelledPicture]:
    """The pictures, with folders' names that begin or end with space as one class with those that do not."""
    odd = sorted({each.label for each in pictures if each.label != each.label.strip()})
    if odd:
        warnings.append(
            f"spaces around folders' names are left out: {', '.join(map(shown, odd[:_MOST_NAMED]))}"
        )
    return [each._replace(label=each.label.strip() or each.label) for each in pictures]


def _check_cases(pictures: list[LabelledPicture]) -> None:
    spellings: dict[str, set[str]] = {}
    for each in pictures:
        spellings.setdefault(each.label.casefold(), set()).add(each.label)
    raise_faults(
        Fault(
            WHERE,
            f"folders differ only in upper and lower case: {', '.join(map(shown, sorted(alike)))}. Give "
            "one class "
            "one name, and two classes names that differ otherwise",
        )
        for _, alike in sorted(spellings.items())
        if len(alike) > 1
    )


def _checked_parts(pictures: list[LabelledPicture], warnings: list[str]) -> str | None:
    """What is lacking: pictures to learn a class of, or a second class."""
    learnt = Counter(each.label for each in pictures if each.part in (None, TRAINING, VALIDATION))
    kept = {each.part for each in pictures}
    if kept == {TRAINING, VALIDATION}:
        learnt = Counter(each.label for each in pictures if each.part == TRAINING)
    lost = sorted({each.label for each in pictures} - learnt.keys())
    if lost:
        return (
            f"there is nothing to train on for {', '.join(map(shown, lost[:_MOST_NAMED]))}: only held-out "
            "pictures are of that class"
        )
    if len(learnt) < 2:
        return (
            f"the pictures are all of one class, {shown(next(iter(learnt)))}: there is nothing to tell "
            "apart. Put each class into a folder of its own"
        )
    if {TEST, VALIDATION} <= kept:
        warnings.append(
            "the pictures of the validation folder are trained on; those of the test folder are held out"
        )
    single = sorted(label for label, pictures_of in learnt.items() if pictures_of == 1)
    if single:
        warnings.append(
            f"a single picture is there to train on for {', '.join(map(shown, single[:_MOST_NAMED]))}"
        )
    return None
