"""What reading a request's values did that its caller may not expect: told when they ask for it."""

from __future__ import annotations

from ml_core.errors import shown
from ml_core.inputs.columns import CATEGORY, UNKNOWN

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ml_core.inputs.columns import Feature

MOST_NOTES = 100


class Notes:
    """Notes on values, each with the value's path; past `MOST_NOTES` they are only counted."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.omitted = 0

    def look_at(
        self, feature: Feature, values: Sequence[object], numbers: Sequence[Any], path: Callable[[int], str]
    ) -> None:
        """Note words that were read as missing, and categories that training has not seen.

        `numbers` are what the values were read as; `path` says where the value of a row stands.
        """
        for row, (value, number) in enumerate(zip(values, numbers, strict=True)):
            if value is not None and number != number:  # noqa: PLR0124 - NaN
                self.add(path(row), f"{shown(value)} was read as a missing value")
            elif feature.kind == CATEGORY and number == UNKNOWN:
                self.add(path(row), f"{shown(value)} was not seen in training: it is encoded as all zeros")

    def add(self, path: str, message: str) -> None:
        """Note something of the value at a path."""
        if len(self.told) < MOST_NOTES:
            self.told.append({"path": path, "message": message})
        else:
            self.omitted += 1

    def members(self) -> dict[str, object]:
        """The notes as members of an answer."""
        return {"notes": self.told, **({"notes_omitted": self.omitted} if self.omitted else {})}
