"""The rows of a table as bodies of requests, each below the service's limits.

How many rows fit is estimated from the bytes of those before, and corrected: by what a chunk turns out to be,
by a refusal of the service, and by how long its answers are.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from serverless_ml.tables.cells import without_infinity
from serverless_ml.tables.refusing import refuse

if TYPE_CHECKING:
    from serverless_ml.tables.columns import Table
    from serverless_ml.tables.instances import Instances

MOST_BYTES = 4 * 1024 * 1024
"""What the service takes, and answers, unless it is set otherwise."""
MOST_ROWS = 100_000
# What else a body holds: outputs, a routing key.
_MARGIN = 4_096
# The first chunk tells how long rows are and how long an answer is.
_FIRST_ROWS = 2_000
# Of the limit so much is aimed at, since rows differ.
_AIM = 0.9
_GROWTH = 16


class Chunk(NamedTuple):
    """Rows from one to another, encoded as the member of a request that holds them."""

    start: int
    stop: int
    encoded: bytes

    def body(self, **members: Any) -> bytes:
        """The request's body, with other members beside the rows; those that are None are left out."""
        said = {name: value for name, value in members.items() if value is not None}
        more = _dumped(said) if said else b"{}"
        return self.encoded[:-1] + (b"," + more[1:] if said else b"}")


class Chunks(Iterator[Chunk]):
    """The chunks of a table in the order of its rows.

    Args:
        table: the rows.
        most_bytes: how long a body, and an answer, may be.
        most_rows: how many rows a request may have.
    """

    def __init__(
        self, table: "Table | Instances", most_bytes: int = MOST_BYTES, most_rows: int = MOST_ROWS
    ) -> None:
        self._table = table
        self._room = max(1, most_bytes - _MARGIN)
        self._most_rows = max(1, most_rows)
        self._next = 0
        self._rows = min(_FIRST_ROWS, self._most_rows)
        self._again: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        if self._again:
            start, stop = self._again.pop()
            stop_now = min(stop, start + self._rows)
        else:
            start, stop = self._next, self._table.rows
            stop_now = min(stop, start + self._rows)
        if start >= stop:
            raise StopIteration
        chunk = self._fitting(start, stop_now)
        if self._next == start:
            self._next = chunk.stop
        elif chunk.stop < stop:
            self._again.append((chunk.stop, stop))
        return chunk

    def _fitting(self, start: int, stop: int) -> Chunk:
        """As many of the rows as fit into a body. Raises `InvalidInput` where not even one does."""
        while True:
            encoded = _encoded(self._table.chunk(start, stop))
            each = len(encoded) / (stop - start)
            if len(encoded) <= self._room:
                fitting = int(self._room * _AIM / each)
                self._rows = max(1, min(fitting, self._rows * _GROWTH, self._most_rows))
                return Chunk(start, stop, encoded)
            if stop - start == 1:
                refuse(
                    f"one row is {len(encoded):,} bytes, and a request may have {self._room:,}", f"X[{start}]"
                )
            self._rows = max(1, min(int(self._room * _AIM / each), (stop - start) // 2))
            stop = start + self._rows

    def answered(self, chunk: Chunk, size: int) -> None:
        """Tell how many bytes a chunk's answer had, so that those of others fit as well."""
        each = max(size, 1) / (chunk.stop - chunk.start)
        self._most_rows = max(1, min(self._most_rows, int(self._room * _AIM / each)))
        self._rows = min(self._rows, self._most_rows)

    def refused(self, chunk: Chunk) -> bool:
        """Tell that a chunk was too large: its rows come again, in halves. False for a row alone."""
        rows = chunk.stop - chunk.start
        if rows == 1:
            return False
        self._room = min(self._room, max(1, len(chunk.encoded) * 3 // 5))
        self._most_rows = min(self._most_rows, (rows + 1) // 2)
        self._rows = min(self._rows, self._most_rows)
        self._again.append((chunk.start, chunk.stop))
        return True


def chunks(table: "Table | Instances", most_bytes: int = MOST_BYTES, most_rows: int = MOST_ROWS) -> Chunks:
    """The rows as bodies of requests; see `Chunks`. Raises `InvalidInput` for what cannot be sent."""
    return Chunks(table, most_bytes, most_rows)


def _encoded(member: dict[str, Any]) -> bytes:
    try:
        return _dumped(member)
    except UnicodeEncodeError:
        refuse("holds half of a surrogate pair: expected text")
    except ValueError:  # infinity
        return _dumped(_finite(member))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return without_infinity(
            [_finite(each) if isinstance(each, list | tuple | dict) else each for each in value]
        )
    return value


def place(table: "Table | Instances", start: int, path: str) -> str:
    """The place in X that a fault's JSON path of a chunk means, which began at the row `start`.

    `$.dataframe_split.data[4][1]` is `row 70004, column 'age'`; a path of anything else stays as it is.
    """
    if path.startswith("$.dataframe_split.columns"):
        number = path.removeprefix("$.dataframe_split.columns").strip("[]")
        given = table.columns or ()
        return f"column {given[int(number)]!r}" if number.isdecimal() and int(number) < len(given) else "X"
    for prefix in ("$.dataframe_split.data[", "$.instances["):
        if path.startswith(prefix):
            break
    else:
        return path
    row, _, rest = path.removeprefix(prefix).partition("]")
    if not row.isdecimal():
        return path
    told = f"row {start + int(row)}"
    names = table.columns
    cell, _, more = rest.removeprefix("[").partition("]")
    if names is None or not cell.isdecimal() or int(cell) >= len(names):
        return f"{told}{', ' + rest if rest else ''}"
    return f"{told}, column {names[int(cell)]!r}{', ' + more if more else ''}"


def advice(message: str) -> str:
    """What the service advises about a request, as it is said to the client."""
    return message.replace('send "unknown_columns": "ignore"', 'say unknown_columns="ignore"')
