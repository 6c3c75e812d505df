"""Long bodies of rows: simdjson packs lists of numbers while it parses them, ten times as fast as `json`.

It is asked only for what numbers alone can say: an object with a list of lists of numbers, all of one
length, whose other members are words, numbers, or a list of words. It reads the same JSON as the same
numbers. Whatever else a body holds, and whatever is wrong with it, is left to the parser of short bodies:
also where there is no simdjson.
"""

from __future__ import annotations

from ml_core.inputs.rows import Rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

try:
    from simdjson import Array, Object, Parser
except ImportError:  # it has no wheel for this interpreter
    Parser = None  # type: ignore[assignment, misc]

# What simdjson raises of JSON that it does not read, and of what is no list of numbers.
_OTHERWISE = (ValueError, TypeError, KeyError, RuntimeError, AttributeError)


def parse_with_rows(data: bytes, rows: str, parse: Callable[[bytes], Any]) -> Any:
    """What `parse` makes of the data, and raises; but an object's member `rows` is `Rows` where it can be."""
    packed = None if Parser is None else _packed(data, rows)
    if packed is None:
        return parse(data)
    packed[rows].as_sent = lambda: parse(data)[rows]
    return packed


def _packed(data: bytes, rows: str) -> dict[str, Any] | None:
    """The object with its rows packed; None where it is any other."""
    try:
        document: Any = Parser().parse(data)
        lists = document[rows]
        numbers = memoryview(lists.as_buffer(of_type="d")).toreadonly()
        widths = set(map(len, lists))
        others = _others(document, rows)
    except _OTHERWISE:
        return None
    if others is None or len(widths) != 1:
        return None
    (width,) = widths
    arrays = 1 + len(lists) + sum(isinstance(value, list) for value in others.values())
    # All lists are flattened: a list in a row, or a number beside rows, shows in the number of brackets.
    # To take them out and measure is three times as fast as to count them.
    brackets = len(data) - len(data.replace(b"[", b""))
    if brackets != arrays or len(numbers) != 8 * width * len(lists) or not width:
        return None
    return {**others, rows: Rows(numbers, width, f"$.{rows}")}


def _others(document: Object, rows: str) -> dict[str, Any] | None:
    """The members beside the rows; None where a name is repeated, or one is more than words or numbers."""
    names = list(document)
    others: dict[str, Any] = {name: document[name] for name in names if name != rows}
    for name, value in others.items():
        if isinstance(value, Array):
            others[name] = words = [*value]
            if not all(isinstance(word, str) for word in words):
                return None
        elif isinstance(value, Object):
            return None
    return others if len(others) + 1 == len(names) else None
