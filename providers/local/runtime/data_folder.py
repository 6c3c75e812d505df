"""The folder of plain files that a laptop trains from."""

import errno
import os
import stat
from collections.abc import Iterator

from ml_core.errors import ObjectNotFound, Unavailable
from ml_core.ports import Opened, check_key

_CHUNK = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Without O_NONBLOCK opening a pipe would wait for somebody to write to it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class DataFolder:
    """The `DataStore` port over the files below `root`; symbolic links there are not followed.

    Each folder on the way is opened from the one above it, so that nothing can be put in its place meanwhile.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)

    def opened(self, key: str) -> Opened:
        """The file. Raises `ObjectNotFound` for what is no plain file below the root, and `Unavailable`."""
        check_key(key)
        *folders, name = key.split("/")
        try:
            file = self._descend(folders, name)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
                raise ObjectNotFound(f"the data folder holds no plain file '{key}'") from error
            raise Unavailable(f"the data folder {self._root} cannot be read") from error
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            os.close(file)
            raise ObjectNotFound(f"the data folder holds no plain file '{key}'")
        return Opened(found.st_size, _revision(found), _chunks(file, key, _revision(found)))

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


def _chunks(file: int, key: str, revision: str) -> Iterator[bytes]:
    with os.fdopen(file, "rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk
        if _revision(os.fstat(file)) != revision:
            raise Unavailable(f"'{key}' changed while it was being read")
