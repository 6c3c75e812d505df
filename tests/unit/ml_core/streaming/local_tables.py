"""Tables in a folder of this machine, as a task opens them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_core.datasets.sources import DataFile
from ml_core.mapping import InTurn
from ml_core.scanning.plan import Plan
from ml_core.scanning.planning import plan_of
from ml_core.streaming.looking import LookedTable, Looking
from ml_core.streaming.passes import Passes
from ml_core.tables.options import NOTHING_SAID, ReadOptions


class LocalFiles(NamedTuple):
    """The files of a folder as `DataSources` gives them."""

    folder: str

    def files(self, uri: str) -> list[DataFile]:
        """The files of the folder, whatever the address."""
        del uri
        found = sorted(path for path in Path(self.folder).rglob("*") if path.is_file())
        return [DataFile(str(path), path.stat().st_size, "1") for path in found]

    def part(self, file: DataFile, begin: int, end: int) -> bytes:
        """Some of a file's bytes."""
        with open(file.uri, "rb") as opened:
            opened.seek(begin)
            return opened.read(end - begin)

    def part_into(self, file: DataFile, begin: int, to: memoryview) -> int:
        """The same into memory that is there."""
        with open(file.uri, "rb") as opened:
            opened.seek(begin)
            return opened.readinto(to)


class LocalStores(NamedTuple):
    """What a task opens."""

    data: Any


class Folder(NamedTuple):
    """How a task opens the files of a folder."""

    folder: str

    def open(self) -> LocalStores:
        """The stores."""
        return LocalStores(LocalFiles(self.folder))


def written(folder: Path, files: Mapping[str, bytes]) -> Folder:
    """A folder of such files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Folder(str(folder))


def plan(place: Folder, *, options: ReadOptions = NOTHING_SAID, part_bytes: int = 1 << 26) -> Plan:
    """The plan of a folder's table."""
    data: Any = LocalFiles(place.folder)
    return plan_of(
        data, "file:t/", options=options, declared=None, mapper=InTurn(), stores=None, part_bytes=part_bytes
    )


def looked(place: Folder, of: Plan, options: ReadOptions = NOTHING_SAID) -> LookedTable:
    """What the columns of a folder's table are."""
    left_out = options.left_out()
    names = [name for name in of.names if name not in left_out]
    stores: Any = place
    return Looking(stores, of, options, names, Passes(InTurn(), "test", lambda *_: None)).table()
