"""The folder of plain files that a laptop trains from, and writes results to where it is told to."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ml_core.digests import sha256
from ml_core.errors import AccessRefused, ObjectExists, ObjectNotFound, RevisionMismatch, Unavailable
from ml_core.objects import LARGEST_PAGE, ObjectInfo, Opened, Page, check_key, check_limit, check_range

_CHUNK = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Without O_NONBLOCK opening a pipe would wait for somebody to write to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# A kernel that does not know the flag takes it for that of folders.
_NO_FILES_WITHOUT_NAMES = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
_UNFINISHED = ".unfinished"


class DataFolder:
    """The `OtherBucket` port over the files below `root`; symbolic links there are not followed.

    Each folder on the way is opened from the one above it, so that nothing can be put in its place meanwhile.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)

    def opened(self, key: str) -> Opened:
        """The file. Raises `ObjectNotFound` for what is no plain file below the root, and `Unavailable`."""
        file = self._open(key)
        found = os.fstat(file)
        chunks = _chunks(file, key, _revision(found))
        next(chunks)  # from here on the generator closes the file, read or not
        return Opened(found.st_size, _revision(found), chunks)

    def listed(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:
        """As `ObjectStore.list`: the plain files, also with names that no key has. Raises `Unavailable`."""
        check_limit(limit)
        found: list[ObjectInfo] = []
        try:
            above = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return Page(found, None)
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            for key, status in _walk(above, b"", _bytes(prefix), _bytes(after or "")):
                if len(found) == limit:
                    return Page(found, found[-1].key)
                found.append(ObjectInfo(key, status.st_size, status.st_mtime, _revision(status)))
        except OSError as error:
            raise self._unreadable(error) from error
        finally:
            os.close(above)
        return Page(found, None)

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        """Bytes of that revision. Raises `ObjectNotFound`, `RevisionMismatch`, `Unavailable`."""
        check_range(begin, end)
        with self._unchanged(key, revision) as file:
            return _read(file, begin, end)

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        """The same into memory that is there. Raises as `part`."""
        with self._unchanged(key, revision) as file:
            return _read_into(file, begin, to)

    @contextmanager
    def _unchanged(self, key: str, revision: str) -> Iterator[int]:
        """A file to read from, of that revision. Raises as `part`."""
        with os.fdopen(self._open(key), "rb", buffering=0) as file:
            try:
                yield file.fileno()
            except OSError as error:
                raise self._unreadable(error) from error
            # A file that was written over tells so after it was read.
            if _revision(os.fstat(file.fileno())) != revision:
                raise RevisionMismatch(f"'{key}' changed meanwhile")

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new file, whole or not at all; its revision. Raises `ObjectExists`, `Unavailable`."""
        check_key(key)
        *folders, name = key.split("/")
        try:
            os.makedirs(self._root, exist_ok=True)
            above = self._make_folders(folders)
            try:
                return _write_new(above, name, data)
            finally:
                os.close(above)
        except FileExistsError as error:
            raise ObjectExists(f"the data folder already holds '{key}'") from error
        except OSError as error:
            refused = error.errno in _NOT_THERE | _REFUSED
            kind = AccessRefused if refused else Unavailable
            raise kind(f"'{key}' cannot be written to the data folder {self._root}") from error

    def _make_folders(self, folders: list[str]) -> int:
        above = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                with suppress(FileExistsError):
                    os.mkdir(folder, dir_fd=above)
                below = os.open(folder, _FOLDER, dir_fd=above)
                os.close(above)
                above = below
        except BaseException:
            os.close(above)
            raise
        return above

    def _open(self, key: str) -> int:
        check_key(key)
        *folders, name = key.split("/")
        try:
            file = self._descend(folders, name)
        except OSError as error:
            if error.errno in _NOT_THERE:
                raise ObjectNotFound(f"the data folder holds no plain file '{key}'") from error
            raise self._unreadable(error) from error
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise ObjectNotFound(f"the data folder holds no plain file '{key}'")
        return file

    def _unreadable(self, error: OSError) -> Unavailable:
        kind = AccessRefused if error.errno in _REFUSED else Unavailable
        return kind(f"the data folder {self._root} cannot be read")

    def _descend(self, folders: list[str], name: str) -> int:
        above = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                below = os.open(folder, _FOLDER, dir_fd=above)
                os.close(above)
                above = below
            return os.open(name, _FILE, dir_fd=above)
        finally:
            os.close(above)


def _revision(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"


def _write_new(folder: int, name: str, data: bytes) -> str:
    """Write a file and give it its name when it is whole, which nobody can have given meanwhile.

    Until then it has no name, where the system knows such files (Linux): a writer that is killed leaves
    nothing. Elsewhere it has one beside its place, and whoever writes the file after all removes it.
    """
    file = _without_name(folder)
    if file is not None:
        with os.fdopen(file, "wb") as written:
            _fill(written, data)
            os.link(f"/proc/self/fd/{file}", name, dst_dir_fd=folder, follow_symlinks=True)
            revision = _revision(os.fstat(file))
    else:
        revision = _write_beside(folder, name, data)
    os.fsync(folder)
    return revision


def _without_name(folder: int) -> int | None:
    """A new file in a folder; None where files need names."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(".", flag | os.O_WRONLY, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno in _NO_FILES_WITHOUT_NAMES:
            return None
        raise


def _write_beside(folder: int, name: str, data: bytes) -> str:
    stem = f".{sha256(os.fsencode(name))[:16]}-"
    beside = f"{stem}{os.urandom(8).hex()}{_UNFINISHED}"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as written:
            _fill(written, data)
            try:
                os.link(beside, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError as error:  # removed by who was first
                raise FileExistsError(errno.EEXIST, "written by another", name) from error
            revision = _revision(os.fstat(file))
        # Others of this file, of writers that were killed or will be too late.
        for left in os.listdir(folder):
            if left.startswith(stem) and left.endswith(_UNFINISHED):
                _remove(folder, left)
    finally:
        _remove(folder, beside)
    return revision


def _fill(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _remove(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _bytes(key: str) -> bytes:
    return key.encode(errors="surrogateescape")


def _read(file: int, begin: int, end: int) -> bytes:
    """The bytes of a file from `begin` to before `end`; the system may give them in pieces."""
    pieces = []
    while begin < end and (piece := os.pread(file, end - begin, begin)):
        pieces.append(piece)
        begin += len(piece)
    return b"".join(pieces) if len(pieces) != 1 else pieces[0]


def _read_into(file: int, begin: int, to: memoryview) -> int:
    """The same into memory that is there; how many bytes there were."""
    done = 0
    while done < len(to) and (read := os.preadv(file, [to[done:]], begin + done)):
        done += read
    return done


def _walk(folder: int, stem: bytes, prefix: bytes, after: bytes) -> Iterator[tuple[str, os.stat_result]]:
    """Keys of plain files in ascending order of their bytes, and what the system says of them.

    All keys below a folder begin with the folder's own, which ends in `/`: sorting the entries of a folder by
    that and descending in this order sorts the whole tree. Links are not followed.
    """
    for key, name in sorted(_entries(folder, stem)):
        if not key.endswith(b"/"):
            if key > after and key.startswith(prefix) and (status := _plain(folder, name)):
                yield key.decode(errors="surrogateescape"), status
        elif (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
            try:
                below = os.open(name, _FOLDER, dir_fd=folder)
            except OSError as error:
                if error.errno not in _NOT_THERE:  # gone meanwhile, or a link in its place
                    raise
                continue
            try:
                yield from _walk(below, key, prefix, after)
            finally:
                os.close(below)


def _entries(folder: int, stem: bytes) -> Iterator[tuple[bytes, str]]:
    """The keys of a folder's files, and of its folders with a `/`, each with its name there."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield stem + os.fsencode(entry.name) + b"/", entry.name
            elif entry.is_file(follow_symlinks=False):
                yield stem + os.fsencode(entry.name), entry.name


def _plain(folder: int, name: str) -> os.stat_result | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:  # deleted meanwhile
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _chunks(file: int, key: str, revision: str) -> Iterator[bytes]:
    with os.fdopen(file, "rb") as opened:
        yield b""
        while chunk := opened.read(_CHUNK):
            yield chunk
        if _revision(os.fstat(file)) != revision:
            raise Unavailable(f"'{key}' changed while it was being read")
