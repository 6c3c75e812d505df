"""A zip file's entries, read without ever writing one, and held against what hostile files try.

Names lead nowhere: nothing is unpacked to the disk. They are checked because labels are made of them, and an
archive with `..` in it is not what somebody meant to send.
"""

import os
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple, Self

from ml_core.errors import Fault, InvalidInput, MalformedInput, TooLarge, raise_faults, shown
from ml_core.tables.memory import NO_BUDGET, Budget

WHERE = "$.data"
MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
# What file managers and version control leave beside pictures; so is whatever begins with a point.
_LITTER = frozenset(("__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "$recycle.bin"))
_ENCRYPTED, _MARKED_UTF8 = 0x1, 0x800
_DAMAGED = "it cannot be unpacked: the zip file is damaged"
# No file of one picture is larger.
MOST_ENTRY_BYTES = 256 << 20
# Pictures and arrays are packed inside, or stored as they are: a whole archive does not grow by this much.
_MOST_GROWTH, _GROWTH_OF_SMALL = 100, 64 << 20
# Each entry of a directory has 46 bytes at least, and takes about so many of memory for each of them.
_MEMORY_OF_DIRECTORY = 24
_END_RECORD, _LONGEST_END = b"PK\x05\x06", 22 + (1 << 16)
_LOCATOR64, _END_RECORD64 = b"PK\x06\x07", b"PK\x06\x06"


class ArchiveEntry(NamedTuple):
    """One file of an archive: the parts of its path, and how the archive knows it."""

    path: tuple[str, ...]
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """The path as people write it."""
        return "/".join(self.path)

    @property
    def size(self) -> int:
        """Bytes, unpacked; no more are ever read."""
        return self.info.file_size


def is_archive(head: bytes) -> bool:
    """Whether a file that begins with `head` is a zip file."""
    return head.startswith(MAGIC)


class Archive:
    """A zip file that is open for reading, its entries checked.

    Raises:
        MalformedInput: for a file that is no zip file.
        InvalidInput: for entries that are encrypted, links, there twice, or named as no file is.
        TooLarge: for more than there is memory for, before it is taken, and for what grows as bombs do.
    """

    def __init__(self, path: str, budget: Budget = NO_BUDGET) -> None:
        _check_directory(path, budget)
        try:
            self._file = zipfile.ZipFile(path)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - zipfile raises a dozen kinds at broken directories
            raise MalformedInput("the zip file is broken: its directory cannot be read") from None
        try:
            self.entries = self._checked(os.path.getsize(path))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _checked(self, size: int) -> list[ArchiveEntry]:
        files = [info for info in self._file.infolist() if not info.is_dir()]
        entries = [ArchiveEntry(_parts(info), info) for info in files]
        entries = [entry for entry in entries if not _is_litter(entry.path)]
        raise_faults(_faults(entries))
        if not entries:
            raise InvalidInput.at(WHERE, "the zip file holds no files")
        unpacked = sum(entry.size for entry in entries)
        if unpacked > _MOST_GROWTH * size + _GROWTH_OF_SMALL:
            raise TooLarge(
                f"the zip file of {size} bytes says that it holds {unpacked}, "
                f"more than {_MOST_GROWTH} times as many"
            )
        return entries

    def open(self, entry: ArchiveEntry) -> "EntryReader":
        """The bytes of a file, at most as many as it says that it has. Raises `MalformedInput`."""
        try:
            return EntryReader(self._file.open(entry.info))
        except Exception:  # noqa: BLE001 - as above
            raise MalformedInput(_DAMAGED) from None

    def read(self, entry: ArchiveEntry) -> bytes:
        """The same, all at once. Raises `MalformedInput`, also for more than a picture can have."""
        if entry.size > MOST_ENTRY_BYTES:
            raise MalformedInput(f"it has {entry.size} bytes; at most {MOST_ENTRY_BYTES} are taken")
        with self.open(entry) as file:
            data = file.read()
        if len(data) != entry.size:
            raise MalformedInput(_DAMAGED)
        return data


class EntryReader:
    """A file of an archive that is being read. Its `read` raises `MalformedInput` where it is damaged."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes, of those that are left."""
        try:
            return self._file.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
            raise MalformedInput(_DAMAGED) from None


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    """The folders and the file of a path; some Windows programs write it with backslashes.

    What is not marked as UTF-8 is read as of the first zip programs; macOS marks nothing, and writes UTF-8.
    """
    name = info.filename
    if not info.flag_bits & _MARKED_UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    first, *others = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    inner = tuple(part for part in others if part not in ("", "."))
    return inner if first == "." and inner else (first, *inner)


def _is_litter(path: tuple[str, ...]) -> bool:
    return any(
        part.casefold() in _LITTER or (part.startswith(".") and part not in (".", "..")) for part in path
    )


def _faults(entries: list[ArchiveEntry]) -> Iterator[Fault]:
    times = Counter(entry.path for entry in entries)
    told: set[tuple[str, ...]] = set()
    for entry in entries:
        wrong = _wrong(entry)
        if wrong is None and times[entry.path] > 1 and entry.path not in told:
            told.add(entry.path)
            wrong = "is there twice"
        if wrong is not None:
            yield Fault(WHERE, f"{shown(entry.name)} in the zip file {wrong}")


def _wrong(entry: ArchiveEntry) -> str | None:
    info = entry.info
    if ".." in entry.path or not entry.path[0] or entry.path[0].endswith(":"):
        return "has a path that leads out of it: name files by folders and names alone"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a symbolic link: put the file itself there"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted: write the zip file without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed by another method than deflate: write the zip file again with the usual one"
    return None


def _check_directory(path: str, budget: Budget) -> None:
    """Refuse a directory that would take more memory than there is: it is read as a whole."""
    size = _directory_size(path)
    if budget.bytes is not None and size * _MEMORY_OF_DIRECTORY > budget.bytes // 2:
        raise TooLarge(
            f"the zip file's directory has {size} bytes, which takes more memory to read than the trainer "
            "has: "
            "use fewer files, write them as NPZ, or give the train function more memory"
        )


def _directory_size(path: str) -> int:
    """How long the directory is at most: what its end says, or all that there is."""
    whole = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(max(0, whole - _LONGEST_END))
        tail = file.read()
        place = tail.rfind(_END_RECORD)
        if place < 0 or place + 22 > len(tail):
            return 0  # no zip file, as zipfile will say
        size = int.from_bytes(tail[place + 12 : place + 16], "little")
        locator = tail[place - 20 : place] if place >= 20 else b""
        if locator.startswith(_LOCATOR64):
            file.seek(min(whole, int.from_bytes(locator[8:16], "little")))
            record = file.read(56)
            if record.startswith(_END_RECORD64):
                size = int.from_bytes(record[40:48], "little")
    return min(size, whole)
