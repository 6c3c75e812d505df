"""What reading a table asks of where its files are."""

from typing import Protocol

from ml_core.datasets.sources import DataFile


class DataFiles(Protocol):
    """Where files are: `datasets/sources.py` is one."""

    def files(self, uri: str, /) -> list[DataFile]:
        """The files at an address, of a folder in order. Raises `InvalidInput` and `Unavailable`."""
        ...

    def part(self, file: DataFile, begin: int, end: int, /) -> bytes:
        """The bytes of a file from `begin` to before `end`, as it was when it was found.

        Raises `RevisionMismatch` where it changed, and `Unavailable`.
        """
        ...

    def part_into(self, file: DataFile, begin: int, to: memoryview, /) -> int:
        """Read as many bytes as `to` has from `begin` on into it; how many there were. Raises as `part`."""
        ...
