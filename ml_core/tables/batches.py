"""How much of a file is read at once: bound by bytes, whatever the table's width and its cells' length."""

from ml_core.errors import TooLarge

BATCH_BYTES = 1 << 26
BATCH_ROWS = 1 << 16
# Columns that a file may have, also those that nobody wants: each takes memory before a row is read.
MOST_READ = 100_000


def check_width(columns: int) -> None:
    """Refuse a file of too many columns. Raises `TooLarge`."""
    if columns > MOST_READ:
        raise TooLarge(f"the file has {columns} columns; at most {MOST_READ} are read")


def rows_at_once(row_bytes: float, most: int = BATCH_ROWS) -> int:
    """How many rows of so many bytes a batch has: at least one, and never more than `most`."""
    return max(1, min(most, BATCH_ROWS, int(BATCH_BYTES // max(1, row_bytes))))
