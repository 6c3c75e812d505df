"""Checked rows as everything behind them takes them, and how much of them one request may hold."""

from __future__ import annotations

from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


MOST_PICTURE_NUMBERS = 1 << 25
"""How many numbers the pictures of one request may have together: of a PNG file few bytes hold many."""


class Limits(Record):
    """How much one request may hold."""

    max_rows: int = 100_000
    max_columns: int = 10_000
    # rows × numbers in an answer's row
    max_cells: int = 1_000_000
    max_classes: int = 1_000
    # characters of a label, or of a feature's name
    max_text: int = 200
    # numbers of all pictures
    max_picture_numbers: int = MOST_PICTURE_NUMBERS


class Rows:
    """Checked rows of finite numbers, as little-endian float64 one row after another.

    `where` is the JSON path of the list they came in. `as_sent` makes that list anew, of rows which a parser
    has packed before anybody knew what the model takes; None for rows that a model has checked.
    """

    __slots__ = ("as_sent", "n_features", "packed", "where")

    def __init__(self, packed: bytes | memoryview, n_features: int, where: str = "$.instances") -> None:
        self.packed = packed
        self.n_features = n_features
        self.where = where
        self.as_sent: Callable[[], object] | None = None

    def __len__(self) -> int:
        return len(self.packed) // (8 * self.n_features)

    def blocks(self, rows: int) -> Iterator[memoryview]:
        """The packed rows, at most `rows` at a time, uncopied."""
        view, step = memoryview(self.packed), 8 * self.n_features * rows
        return (view[begin : begin + step] for begin in range(0, len(view), step))
