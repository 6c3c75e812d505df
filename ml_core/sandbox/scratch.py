"""Folders for a while, which outlive nobody: what a killed process left is removed by the next one."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PREFIX = "serverless-ml-job-"


@contextmanager
def scratch_folder() -> Iterator[str]:
    """A new folder that is removed in the end, or by the next caller if this process is killed before.

    A platform may keep the disk of a function that it killed, and start the next one on it.
    """
    _remove_abandoned()
    unlocked = tempfile.mkdtemp(prefix="serverless-ml-new-")
    # The lock ends with the process, however it ends; children do not inherit it.
    held = os.open(unlocked, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    folder = unlocked.replace("serverless-ml-new-", _PREFIX)
    os.rename(unlocked, folder)  # locked before anybody takes it for abandoned
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _remove_abandoned() -> None:
    place = tempfile.gettempdir()
    for name in os.listdir(place):
        if name.startswith(_PREFIX):
            with suppress(OSError):  # somebody else's, held, or gone meanwhile
                _remove_if_abandoned(os.path.join(place, name))


def _remove_if_abandoned(folder: str) -> None:
    """Raises `BlockingIOError` for a folder that is held."""
    found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(found)
