"""Rows as files have them, in pieces of bounded size: read, kept beside the predictions, and written."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

CSV, TSV, JSON_LINES, JSON, PARQUET = "csv", "tsv", "jsonl", "json", "parquet"
FORMATS = (CSV, TSV, JSON_LINES, JSON, PARQUET)
PICTURES = "png"
"""A PNG file, or a zip of them: only read."""
SUFFIXES = {
    ".csv": CSV,
    ".txt": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": JSON,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".png": PICTURES,
    ".zip": PICTURES,
}
MOST_ROWS = 10_000
MOST_BYTES = 1 << 20
"""Of a piece: a request of this size is below every service's limit unless somebody lowered it."""

FILE = "file"
"""The column with the names of pictures."""
INSTANCE = "instance"
"""The column of what is no row of a table: a picture, a sequence or a text."""


class Piece(NamedTuple):
    """Rows that follow one another, each with its place in the file: a line, or a number from 1."""

    rows: list[dict[str, Any]]
    places: Sequence[int]

    def halves(self) -> tuple["Piece", "Piece"]:
        """The first half of the rows and the rest."""
        middle = len(self.rows) // 2
        return (
            Piece(self.rows[:middle], self.places[:middle]),
            Piece(self.rows[middle:], self.places[middle:]),
        )


def different_names(given: Sequence[str]) -> list[str]:
    """A header's names as the service tells them apart: `a`, `a.1`; and `x2` for an empty third one."""
    names: dict[str, None] = {}
    seen: Counter[str] = Counter()
    for place, each in enumerate(given):
        name = each or f"x{place}"
        while name in names:
            seen[each] += 1
            name = f"{each}.{seen[each]}"
        names[name] = None
    return list(names)
