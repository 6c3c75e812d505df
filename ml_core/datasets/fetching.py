"""Copies the data of a job to a file on this machine."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ml_core.errors import TooLarge
from ml_core.objects import Opened

# What has to be left on the disk for everybody else.
_SPARE_BYTES = 16 << 20


class Fetched(NamedTuple):
    """A file, and where it came from: address, size in bytes, revision and SHA-256."""

    path: str
    lineage: dict[str, Any]


class Fetching:
    """Data on its way to the file `path`: iterate, and take `fetched` in the end.

    `open_data` says where it is and gives its content. Iterating gives the fraction that is there, chunk by
    chunk. Raises what `open_data` does, `TooLarge` for what the disk does not hold, and `Unavailable`.
    """

    def __init__(self, open_data: Callable[[], tuple[object, Opened]], path: str) -> None:
        self._open = open_data
        self._path = path
        self.fetched: Fetched | None = None

    def __iter__(self) -> Iterator[float]:
        location, opened = self._open()
        free = shutil.disk_usage(os.path.dirname(self._path)).free - _SPARE_BYTES
        digest, size = hashlib.sha256(), 0
        with open(self._path, "wb") as file:
            yield 0.0
            for chunk in opened.chunks:
                size += len(chunk)
                if max(size, opened.size) > free:
                    raise TooLarge(
                        f"{location} has {max(size, opened.size)} bytes, but the trainer's disk has {free} "
                        "free: leave out columns or rows, write it as Parquet, or give the trainer more disk"
                    )
                file.write(chunk)
                digest.update(chunk)
                yield min(1.0, size / max(1, opened.size))
        lineage = {
            "uri": str(location),
            "size": size,
            "revision": opened.revision,
            "sha256": digest.hexdigest(),
        }
        self.fetched = Fetched(self._path, lineage)
