"""An object store that is a folder, with a compare-and-swap that holds between processes.

How it stands a SIGKILL or a power cut at any moment: an object is written to a file beside the tree, brought
to the disk, and renamed into place while a lock is held; the kernel frees a dead process's lock. A reader
takes no lock: an open file is one version of the object, whatever is renamed over it.

A file is the object's revision (32 random hex digits, so that no two writes ever share one, not even around a
delete) and a newline, then its bytes. File names are the keys' segments in lower-case ASCII, so that no file
system's ideas about case or Unicode matter; a folder ends in `.d` and an object never does, so `a` and `a/b`
can both be.
"""

from __future__ import annotations

import os
import time

from ml_core.errors import ObjectExists, ObjectNotFound, RevisionMismatch, Unavailable
from ml_core.objects import ObjectInfo, Opened, Page, StoredObject, check_key, check_limit, check_range

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

_HEADER = 33  # bytes: the revision and a newline
_CHUNK = 1 << 20  # bytes read at once from a stream
_LONGEST_NAME = 80  # bytes of a segment per file name: at most 240 once encoded, and file systems take 255
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")
_ENCODED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.%")
_LOCKS = 64
_FORGOTTEN = 3600.0  # seconds after which a file that nobody finished writing is removed


class FolderStore:
    """The `ObjectStore` port over the folder `root`, which is made when something is first written."""

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        self._unfinished = os.path.join(self._root, "~unfinished")
        self._locks = os.path.join(self._root, "~locks")
        self._tidied = False

    def get(self, key: str) -> StoredObject:
        """The object. Raises `ObjectNotFound`."""
        path = self._path(key)
        with _DISK_ERRORS, _open(path, key) as file:
            revision = _read_revision(file)
            return StoredObject(file.read(), revision)

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        """The object, or None while it still has `revision`. Raises `ObjectNotFound`."""
        path = self._path(key)
        with _DISK_ERRORS, _open(path, key) as file:
            found = _read_revision(file)
            return None if found == revision else StoredObject(file.read(), found)

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new object and return its revision. Raises `ObjectExists`."""
        path = self._path(key)
        with _DISK_ERRORS:
            if os.path.exists(path):
                raise ObjectExists(f"the object store already holds '{key}'")
            with _Unfinished(self._unfinished_path(), (data,)) as written, self._lock(key):
                if os.path.exists(path):
                    raise ObjectExists(f"the object store already holds '{key}'")
                written.publish(path, self._root)
                return written.revision

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        """Replace the object that has `revision` and return the new one. Raises `RevisionMismatch`."""
        path = self._path(key)
        with _DISK_ERRORS:
            _check_revision(path, key, revision)  # most losers are told before they write anything
            with _Unfinished(self._unfinished_path(), (data,)) as written, self._lock(key):
                _check_revision(path, key, revision)
                written.publish(path, self._root)
                return written.revision

    def list(self, prefix: str, *, after: str | None = None, limit: int = 1000) -> Page:
        """At most `limit` (1 to 1000) objects whose keys begin with `prefix` and sort after `after`."""
        check_limit(limit)
        found: list[ObjectInfo] = []
        with _DISK_ERRORS:
            for key, entry in _walk(self._root, b"", prefix.encode(), (after or "").encode()):
                if len(found) == limit:
                    return Page(found, found[-1].key)
                info = _describe(key, entry)
                if info is not None:
                    found.append(info)
        return Page(found, None)

    def delete(self, key: str) -> None:
        """Remove the object; one that is absent already is no error."""
        path = self._path(key)
        with _DISK_ERRORS:
            try:
                os.stat(path)  # where nothing is, no folder is made for a lock either
                with self._lock(key):
                    os.unlink(path)
            except FileNotFoundError:
                return
        self._remove_empty_folders(path)

    def opened(self, key: str) -> Opened:
        """The object's size, revision and chunks, all of one version. Raises `ObjectNotFound`."""
        path = self._path(key)
        with _DISK_ERRORS:
            file = _open(path, key)  # one version, whatever is renamed over it
            try:
                revision = _read_revision(file)
            except BaseException:
                file.close()
                raise
            size = os.fstat(file.fileno()).st_size - _HEADER
            chunks = _chunks(file)
            next(chunks)  # from here on the generator closes the file, read or not
            return Opened(size, revision, chunks)

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        """Bytes of that revision. Raises `ObjectNotFound`, `RevisionMismatch`."""
        check_range(begin, end)
        with _DISK_ERRORS, self._unchanged(key, begin, revision) as file:
            return file.read(end - begin)

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        """The same into memory that is there. Raises as `part`."""
        with _DISK_ERRORS, self._unchanged(key, begin, revision) as file:
            return file.readinto(to)

    def _unchanged(self, key: str, begin: int, revision: str) -> io.BufferedReader:
        """An object's file, of that revision, to be read from `begin` on. Raises as `part`."""
        file = _open(self._path(key), key)
        try:
            _check_same(_read_revision(file), revision, key)
            file.seek(_HEADER + begin)
        except BaseException:
            file.close()
            raise
        return file

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write or replace an object from chunks; nothing is visible until the last one is stored."""
        path = self._path(key)
        with _DISK_ERRORS, _Unfinished(self._unfinished_path(), chunks) as written, self._lock(key):
            written.publish(path, self._root)

    def _path(self, key: str) -> str:
        check_key(key)
        *folders, name = key.encode().split(b"/")
        parts = [self._root]
        for folder in folders:
            parts += _names(folder)
            parts[-1] += ".d"
        parts += _names(name)
        if parts[-1].endswith((".d", ".c")):
            parts[-1] = f"{parts[-1][:-1]}%{ord(parts[-1][-1]):02x}"
        return os.path.join(*parts)

    def _lock(self, key: str) -> _Lock:
        from binascii import crc32  # that of zlib, which a prediction would import for this alone

        # A few locks for all keys, kept for ever: removing a lock's file would let two processes hold "it".
        return _Lock(self._locks, f"{crc32(key.encode()) % _LOCKS:02d}")

    def _unfinished_path(self) -> str:
        _make_folder(self._unfinished, self._root)
        if not self._tidied:
            self._tidied = True
            _remove_forgotten(self._unfinished)
        return os.path.join(self._unfinished, os.urandom(16).hex())

    def _remove_empty_folders(self, path: str) -> None:
        folder = os.path.dirname(path)
        while folder != self._root:
            try:
                os.rmdir(folder)
            except OSError:  # not empty, or another process was first: writers make their folders anew
                return
            folder = os.path.dirname(folder)


class _DiskErrors:
    """What the operating system refuses becomes `Unavailable`; callers are not told this machine's paths."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise Unavailable(f"the object store's folder failed: {error.strerror}") from error


_DISK_ERRORS = _DiskErrors()


class _Unfinished:
    """An object that is on the disk beside the tree; leaving the `with` removes what was not published."""

    def __init__(self, path: str, chunks: Iterable[bytes]) -> None:
        self._path = path
        self._chunks = chunks
        self.revision = os.urandom(16).hex()

    def __enter__(self) -> _Unfinished:
        try:
            with open(self._path, "xb") as file:
                file.write(self.revision.encode() + b"\n")
                file.writelines(self._chunks)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def publish(self, path: str, root: str) -> None:
        """Rename the file into place and bring the renaming to the disk."""
        folder = os.path.dirname(path)
        while True:
            try:
                _make_folder(folder, root)
                os.replace(self._path, path)
                break
            except FileNotFoundError:
                if not os.path.exists(self._path):
                    raise
                # a deleter removed the folder while it was empty: make it again
        _sync_folder(folder)

    def _remove(self) -> None:
        try:  # noqa: SIM105  # contextlib is not imported for a prediction
            os.unlink(self._path)
        except FileNotFoundError:
            pass  # published


class _Lock:
    """An exclusive lock between processes and threads; the kernel frees it when its holder dies."""

    def __init__(self, folder: str, name: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, name)
        self._file = -1

    def __enter__(self) -> None:
        import fcntl

        os.makedirs(self._folder, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError:
            os.close(self._file)
            raise

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _open(path: str, key: str) -> io.BufferedReader:
    try:
        return open(path, "rb")  # the caller's `with` closes it
    except FileNotFoundError as error:
        raise ObjectNotFound(f"the object store holds no '{key}'") from error


def _read_revision(file: io.BufferedReader) -> str:
    header = file.read(_HEADER)
    if len(header) != _HEADER or header[-1:] != b"\n":
        raise Unavailable("a file in the object store's folder was not written by it")
    return header[:-1].decode("ascii", "replace")


def _check_revision(path: str, key: str, revision: str) -> None:
    try:
        with _open(path, key) as file:
            found = _read_revision(file)
    except ObjectNotFound as error:
        raise RevisionMismatch(f"'{key}' is gone") from error
    _check_same(found, revision, key)


def _check_same(found: str, revision: str, key: str) -> None:
    if found != revision:
        raise RevisionMismatch(f"'{key}' changed meanwhile")


def _chunks(opened: io.BufferedReader) -> Iterator[bytes]:
    with _DISK_ERRORS, opened as file:
        yield b""
        while chunk := file.read(_CHUNK):
            yield chunk


def _names(segment: bytes) -> list[str]:
    """The file names of one segment: all but the last end in `.c` and hold what is too long for one name."""
    pieces = [segment[start : start + _LONGEST_NAME] for start in range(0, len(segment), _LONGEST_NAME)]
    names = ["".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in piece) for piece in pieces]
    return [f"{name}.c" for name in names[:-1]] + names[-1:]


def _segment(name: str) -> bytes | None:
    """The piece of a key that a file name stands for; None for a file that is not the store's."""
    if not _ENCODED.issuperset(name):
        return None
    first, *escaped = name.encode().split(b"%")
    try:
        return first + b"".join(bytes((int(part[:2], 16),)) + part[2:] for part in escaped)
    except ValueError:
        return None


def _walk(folder: str, stem: bytes, prefix: bytes, after: bytes) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Keys in ascending order of their bytes, without entering folders that the listing cannot need.

    All keys below a folder begin with the folder's own, which ends in `/`: sorting the entries of a folder by
    that and descending in this order sorts the whole tree.
    """
    for key, entry in sorted(_entries(folder, stem), key=lambda entry: entry[0]):
        if not key.endswith(b"/"):
            if key > after and key.startswith(prefix):
                yield key.decode(), entry
        elif (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
            yield from _walk(entry.path, key, prefix, after)


def _entries(folder: str, stem: bytes) -> Iterator[tuple[bytes, os.DirEntry[str]]]:
    try:
        found = os.scandir(folder)
    except FileNotFoundError:  # nothing was ever written, or a folder went away meanwhile
        return
    with found:
        for entry in found:
            ending = entry.name[-2:]
            piece = _segment(entry.name[:-2] if ending in {".d", ".c"} else entry.name)
            if piece is None:
                continue
            if ending == ".c":
                yield from _entries(entry.path, stem + piece)
            else:
                yield stem + piece + (b"/" if ending == ".d" else b""), entry


def _describe(key: str, entry: os.DirEntry[str]) -> ObjectInfo | None:
    try:
        status = entry.stat()
    except FileNotFoundError:  # deleted meanwhile
        return None
    return ObjectInfo(key, max(status.st_size - _HEADER, 0), status.st_mtime)


def _make_folder(folder: str, root: str) -> None:
    """Make a folder and what is above it, and bring their names to the disk."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if folder != root:
        _make_folder(parent, root)
    else:
        os.makedirs(parent, exist_ok=True)
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    _sync_folder(parent)


def _sync_folder(folder: str) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _remove_forgotten(folder: str) -> None:
    """Remove what writers that were killed left behind."""
    oldest = time.time() - _FORGOTTEN
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)
            except FileNotFoundError:
                pass  # finished meanwhile
