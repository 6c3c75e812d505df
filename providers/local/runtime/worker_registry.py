"""Which workers of a folder are alive: each holds a lock on a file, and the system lets go when it dies."""

import fcntl
import os
import time
from contextlib import suppress

_STALE = 3600.0  # seconds


class FolderWorkers:
    """The workers of the folder `root`; this process is one of them for as long as it lives."""

    def __init__(self, root: str) -> None:
        self.name = os.urandom(8).hex()
        self._folder = os.path.join(os.path.abspath(root), "~queue", "~workers")
        os.makedirs(self._folder, exist_ok=True)
        self._held = os.open(os.path.join(self._folder, self.name), os.O_RDONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def is_gone(self, trainer: str) -> bool:
        """Whether the worker of that name is dead. One that is not registered may be alive."""
        if not trainer.isalnum():
            return False
        path = os.path.join(self._folder, trainer)
        try:
            found = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(found, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(found)
        return True

    def refresh(self) -> None:
        """Mark this worker as alive."""
        os.utime(self._held)

    def remove_stale(self) -> None:
        """Remove the files of workers that died so long ago that their leases have run out."""
        with suppress(OSError):
            for found in os.scandir(self._folder):
                if time.time() - found.stat().st_mtime > _STALE and self.is_gone(found.name):
                    os.unlink(found.path)
