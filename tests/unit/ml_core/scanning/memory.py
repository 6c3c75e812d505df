"""Files in memory as data sources, with every read checked against the file."""

from ml_core.datasets.sources import DataFile


class MemoryData:
    """Files by their names; a folder is all of them."""

    def __init__(self, **files: bytes) -> None:
        self.contents = {f"file:{name}": content for name, content in files.items()}
        self.read = 0
        self.largest = 0

    def files(self, uri: str) -> list[DataFile]:
        """All files."""
        del uri
        return [DataFile(uri, len(content), "1") for uri, content in self.contents.items() if content]

    def part(self, file: DataFile, begin: int, end: int) -> bytes:
        """Some bytes."""
        content = self.contents[file.uri]
        assert 0 <= begin < end <= len(content), (begin, end, len(content))
        self.read += end - begin
        self.largest = max(self.largest, end - begin)
        return content[begin:end]

    def part_into(self, file: DataFile, begin: int, to: memoryview) -> int:
        """The same into memory that is there."""
        to[:] = self.part(file, begin, begin + len(to))
        return len(to)
