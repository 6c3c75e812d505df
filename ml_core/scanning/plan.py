"""What a table consists of: its files as they were at one moment, and the parts that they are read in."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_core.datasets.sources import DataFile
from ml_core.digests import sha256
from ml_core.errors import ArtifactInvalid


class Part(NamedTuple):
    """A run of rows of one file.

    Args:
        number: its place among all parts.
        file: the file's place among the files.
        begin: the first byte, or of Parquet the first row group.
        end: the byte or row group after the last.
        rows: how many there are, where that is known before they are read.
        first: how many rows of its file (of text: lines) come before it.
        size: its bytes, for progress.
        told: of Parquet, the byte of the file's footer at which its first row group is described.
    """

    number: int
    file: int
    begin: int
    end: int
    rows: int | None
    first: int
    size: int
    told: int = 0


class Plan(NamedTuple):
    """A table's files, format and columns' names, how its text is read, and its parts in order."""

    files: tuple[DataFile, ...]
    format: str
    names: tuple[str, ...]
    how: Mapping[str, Any]
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """Tells the data of one plan from any other's: a SHA-256 of the files and their revisions."""
        return sha256(json.dumps(self.files).encode())

    def to_bytes(self) -> bytes:
        """The plan as JSON."""
        return json.dumps({"table": self._asdict()}).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Plan":
        """The plan that `to_bytes` wrote. Raises `ArtifactInvalid`."""
        try:
            said = json.loads(stored)["table"]
            files = tuple(DataFile(*each) for each in said["files"])
            parts = tuple(Part(*each) for each in said["parts"])
            return cls(files, said["format"], tuple(said["names"]), said["how"], parts)
        except (ValueError, TypeError, LookupError) as error:
            raise ArtifactInvalid("these bytes are no plan of a table") from error
