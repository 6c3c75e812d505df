"""Copies the data of a job to a file on this machine."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from typing import Any, NamedTuple

from ml_core.datasets.sources import DataSources
from ml_core.errors import TooLarge

# What has to be left on the disk for everybody else.
_SPARE_BYTES = 16 << 20


class Fetched(NamedTuple):
    """A file, and where it came from: address, size in bytes, revision and SHA-256."""

    path: str
    lineage: dict[str, Any]


class Fetching:
    """The data at `uri` on its way to the file `path`: iterate, and take `fetched` in the end.

    Iterating gives the fraction that is there, chunk by chunk. Raises `InvalidInput` where nothing may be
    read or nothing is there, `TooLarge` for what the disk does not hold, and `Unavailable`.
    """

    def __init__(self, sources: DataSources, uri: str, path: str) -> None:
        self._sources = sources
        self._uri = uri
        self._path = path
        self.fetched: Fetched | None = None

    def __iter__(self) -> Iterator[float]:
        location, opened = self._sources.open(self._uri)
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
