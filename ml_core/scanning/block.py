"""What reading a part gives: a few thousand rows at a time, and what could not be read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.errors import MalformedInput

if TYPE_CHECKING:
    from arro3.core import Array, RecordBatch

LONGEST_RECORD = 1 << 26
BLOCK_BYTES = 1 << 22
"""About how many bytes of a file, or of its values, a block has."""


class Reject(NamedTuple):
    """A row that cannot be used: where it stands in its file, and why.

    Args:
        row: its place in the block; None for a record that is no row, and is not in the block.
        line: the line that it ends at; of Parquet which row of the file it is, from 1.
        column: the column whose value is wrong; empty where it is not one column's.
        message: what is wrong, as `:predict` says it.
    """

    row: int | None
    line: int
    column: str
    message: str


class BatchColumns(Mapping[str, "Array"]):
    """The columns of a batch of Arrow's by their names: each is made when it is asked for."""

    def __init__(self, batch: "RecordBatch", places: Mapping[str, int]) -> None:
        self.batch = batch
        self.places = places

    def __getitem__(self, name: str) -> "Array":
        return self.batch.column(self.places[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class Block(NamedTuple):
    """Rows of a part, column by column.

    Args:
        rows: how many there are.
        columns: the values by the columns' names. Of CSV they are strings as they are written, an empty cell
            is null; of Parquet the file's own types; of JSON lines lists of JSON's values, None where a line
            has none. They stand in the file's order; those of JSON lines as they are asked for.
        lines: each row's line in its file, the one that it ends at; of Parquet its number there, from 1.
        written: whether cells are texts, as of CSV.
        rejected: records that are no rows, in order.
        absent: of JSON lines, the rows that lack a column, by its name; such columns alone are there.
    """

    rows: int
    columns: "Mapping[str, Array | list[Any]]"
    lines: Sequence[int]
    written: bool = False
    rejected: tuple[Reject, ...] = ()
    absent: Mapping[str, Sequence[int]] = {}


def check_record(held: bytes, line: int) -> None:
    """Raise `MalformedInput` for a record that begins in a line and is too long to be one."""
    if len(held) > LONGEST_RECORD:
        raise MalformedInput(
            f"the record that begins in line {line} has more than {LONGEST_RECORD >> 20} MiB: "
            "see whether a quote is never closed"
        )
