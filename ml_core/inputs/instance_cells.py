"""Pictures, sequences and texts as rows of a data frame have them: objects by column, and a cell for each.

`{"image": [[…]]}` is a picture, `{"volt": [1, 2], "amp": [3, 4]}` a sequence of two steps, `{"review": "…"}`
a text.
"""

from __future__ import annotations

from ml_core.errors import Fault, InvalidInput, member, raise_faults, shown
from ml_core.inputs.encoded import B64, DTYPE
from ml_core.inputs.instances import IGNORED, no_feature

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def cells_of(
    row: dict[str, object], columns: Sequence[str], where: str, expecting: str, unknown: str
) -> list[object]:
    """The cells of the columns. `expecting` and `unknown` as in `rows_from_json`. Raises `InvalidInput`."""
    raise_faults(wrong_cells(row, columns, where, expecting, unknown))
    return [row[name] for name in columns]


def wrong_cells(
    row: dict[str, object], columns: Sequence[str], where: str, expecting: str, unknown: str
) -> Iterator[Fault]:
    """What a row lacks, and what it has that nobody expects."""
    for name in columns:
        if name not in row:
            yield Fault(where, f"feature {shown(name)} is missing")
    if unknown is not IGNORED:
        known = frozenset(columns)
        for name in row:
            if name not in known:
                yield Fault(member(where, name), no_feature(expecting, name, unknown))


def encoded_of(row: dict[str, object], columns: Sequence[str], unknown: str) -> dict[str, object] | None:
    """The members that are an instance's bytes; None for a row of cells."""
    if (B64 not in row and DTYPE not in row) or not row.keys().isdisjoint(columns):
        return None
    return {name: row[name] for name in (B64, DTYPE) if name in row} if unknown is IGNORED else row


def each_read[T](count: int, read: Callable[[int], T]) -> list[T]:
    """What is read of each instance by its number. Raises `InvalidInput` with the faults of all."""
    found: list[T] = []
    faults: list[Fault] = []
    for index in range(count):
        try:
            found.append(read(index))
        except InvalidInput as wrong:
            faults += wrong.faults
            if len(faults) > InvalidInput.MOST_FAULTS:
                break
    if faults:
        raise InvalidInput(faults)
    return found
