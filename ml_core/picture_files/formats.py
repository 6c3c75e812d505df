"""Which files hold pictures: zip files, told apart by what is in them."""

from ml_core.errors import InvalidInput, MalformedInput
from ml_core.picture_files.archive import Archive, is_archive
from ml_core.picture_files.format_names import NPZ, ZIP
from ml_core.tables.memory import NO_BUDGET, Budget
from ml_core.tables.sniffing import format_of
from ml_core.tables.text import SAMPLE_BYTES

FORMAT_WHERE = "$.data.format"
# What other programs keep as zip files: the entries that tell.
_DOCUMENTS = {
    "[Content_Types].xml": "an Office document, such as an Excel workbook",
    "mimetype": "an OpenDocument file",
    "META-INF/MANIFEST.MF": "a Java archive",
}


def holds_pictures(path: str, budget: Budget = NO_BUDGET) -> bool:
    """Whether a file may hold pictures: it is a zip file, and none of an office's documents.

    A broken one may too: reading it says what is wrong. Raises `TooLarge`.
    """
    with open(path, "rb") as file:
        if not is_archive(file.read(4)):
            return False
    try:
        with Archive(path, budget) as archive:
            return _document(archive) is None
    except (InvalidInput, MalformedInput):
        return True


def opened(path: str, declared: str | None, budget: Budget = NO_BUDGET) -> tuple[str, Archive]:
    """The format of a file, `ZIP` or `NPZ`, and its open archive.

    Raises:
        MalformedInput: for a file that holds no pictures, and what `Archive` raises.
        InvalidInput: for another format than the declared one.
    """
    with open(path, "rb") as file:
        head = file.read(SAMPLE_BYTES)
    if not is_archive(head):
        found = format_of(head)  # tells what else it is, or that nobody knows it
        raise MalformedInput(
            f"expected a zip file of pictures, or an NPZ file; by its content the file is {found}"
        )
    archive = Archive(path, budget)
    try:
        return _checked_format(archive, declared), archive
    except BaseException:
        archive.__exit__()
        raise


def _checked_format(archive: Archive, declared: str | None) -> str:
    if (document := _document(archive)) is not None:
        raise MalformedInput(f"expected a zip file of pictures, or an NPZ file; the file is {document}")
    found = NPZ if all(entry.name.endswith(".npy") for entry in archive.entries) else ZIP
    if declared not in (None, found):
        raise InvalidInput.at(FORMAT_WHERE, f"the file is no {declared}: by its content it is {found}")
    return found


def _document(archive: Archive) -> str | None:
    names = {entry.name for entry in archive.entries}
    return next((what for name, what in _DOCUMENTS.items() if name in names), None)
