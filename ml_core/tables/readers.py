"""The formats that are read, one reader each. What a reader needs is imported when it is used.

A format is added here by one line of `READERS`, and by a module of this folder with a function
`read(path: str, request: ReadRequest) -> Dataset`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ml_core.errors import Fault, shown
from ml_core.tables import signatures
from ml_core.tables.options import NOTHING_SAID, ReadOptions, check_names

if TYPE_CHECKING:
    from ml_core.tables.cells import ListCells, TextCells
    from ml_core.tables.columns import Dataset
    from ml_core.tables.keys import KeyCells

CSV, PARQUET, JSON_LINES, NPY = "csv", "parquet", "jsonl", "npy"


def _unchecked(_: int) -> None:
    """Nobody set a limit."""


class ReadRequest(NamedTuple):
    """What is asked of a reader.

    `wanted` chooses columns by name, and `options` say what would be guessed of them. Reading ends after the
    batch in which `most_rows` is reached. `check` is
    called with the rows and the wanted columns, as far as they are known, before memory is taken for them; it
    raises what speaks against it. Columns of `texts` are read as they are written, those of `lists` as lists
    of numbers, and words of `keys` as what tells rows apart; `check_bytes` is called with the bytes of such
    cells that are held.
    """

    wanted: Callable[[str], bool]
    most_rows: int | None
    check: Callable[[int, int], None]
    options: ReadOptions = NOTHING_SAID
    texts: Collection[str] = ()
    lists: Collection[str] = ()
    check_bytes: Callable[[int], None] = _unchecked
    keys: Collection[str] = ()

    def check_names(self, names: Sequence[str]) -> None:
        """Raise `InvalidInput` for what the options say of columns that a table does not have."""
        check_names(self.options, names)

    def text_cells(self, name: str) -> "TextCells":
        """An empty column of texts; only words that somebody said are missing ones."""
        from ml_core.tables.cells import TextCells

        return TextCells(name, self.options.missing or (), self.check_bytes)

    def key_cells(self, name: str) -> "KeyCells | None":
        """An empty column of words that tell rows apart; None where it is none, or said to be of a type."""
        from ml_core.tables.keys import KeyCells

        if name not in self.keys or self.options.types.get(name, "category") != "category":
            return None
        return KeyCells(name, self.options.missing or (), self.check_bytes)

    def list_cells(self, name: str) -> "ListCells":
        """An empty column of lists."""
        from ml_core.tables.cells import ListCells

        return ListCells(name, self.check_bytes)


class TableReader(Protocol):
    """Reads the files of one format."""

    @property
    def name(self) -> str:
        """The format's name, as `data.format` says it."""
        ...

    def matches(self, head: bytes, /) -> bool:
        """Whether a file that begins with `head` has this format. No two readers match the same file."""
        ...

    def load(self) -> object:
        """Import what reading needs."""
        ...

    def read(self, path: str, request: ReadRequest) -> "Dataset":
        """The table in a file. Raises `MalformedInput`, and what the request's `check` raises."""
        ...


class _ModuleReader(NamedTuple):
    """The reader that is a module of this folder."""

    name: str
    matches: Callable[[bytes], bool]
    module: str

    def load(self) -> "Callable[[str, ReadRequest], Dataset]":
        """The module's `read`."""
        read: Callable[[str, ReadRequest], Dataset] = import_module(f"ml_core.tables.{self.module}").read
        return read

    def read(self, path: str, request: ReadRequest) -> "Dataset":
        """The table in a file."""
        return self.load()(path, request)


READERS: Final[tuple[TableReader, ...]] = (
    _ModuleReader(CSV, signatures.is_csv, "delimited"),
    _ModuleReader(PARQUET, signatures.is_parquet, "parquet"),
    _ModuleReader(JSON_LINES, signatures.is_json_lines, "json_lines"),
    _ModuleReader(NPY, signatures.is_npy, "npy"),
)
FORMATS: Final = tuple(reader.name for reader in READERS)


def format_schema(formats: Sequence[str] = FORMATS) -> dict[str, Any]:
    """The JSON Schema of a format that somebody says a file has."""
    return {"enum": list(formats), "description": "Refused where the content says another."}


def format_faults(given: Mapping[str, Any], where: str, formats: Sequence[str] = FORMATS) -> list[Fault]:
    """What is wrong with the format that a body says."""
    kind = given.get("format")
    if kind is None or kind in formats:
        return []
    return [Fault(f"{where}.format", f"expected one of {', '.join(formats)}, got {shown(kind)}")]


def load_readers() -> None:
    """Import what reading needs, of each format. A tight bound on memory can make that crash already."""
    for reader in READERS:
        reader.load()


def cannot_be_read(how: str) -> str:
    """What is said of a file that made its reader fail."""
    return f"the file cannot be read: {how}; see whether another program opens it, and write it again"
