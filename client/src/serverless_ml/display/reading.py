"""What a document of JSON holds, as the type that is expected, or nothing.

A picture is no place to judge an answer: what an older service does not say, or a newer one says in another
way, is left out.
"""

import math
from typing import Any

from serverless_ml.display.text import float_of

type Document = dict[str, Any]


def at(raw: object, *names: str) -> Any:
    """Return the member at the end of a path, or None."""
    for name in names:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def members(raw: object, *names: str) -> Document:
    """Return an object, or an empty one."""
    found = at(raw, *names)
    return found if isinstance(found, dict) else {}


def items(raw: object, *names: str) -> list[Any]:
    """Return a list, or an empty one."""
    found = at(raw, *names)
    return found if isinstance(found, list) else []


def documents(raw: object, *names: str) -> list[Document]:
    """Return the objects of a list."""
    return [item for item in items(raw, *names) if isinstance(item, dict)]


def number(raw: object, *names: str) -> float | None:
    """Return a finite number, a whole one as int, or None."""
    return _finite(at(raw, *names))


def numbers(raw: object, *names: str) -> list[float]:
    """Return the finite numbers of a list."""
    return [found for item in items(raw, *names) if (found := _finite(item)) is not None]


def _finite(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    return float_of(value) if math.isfinite(float_of(value)) else None


def text(raw: object, *names: str) -> str:
    """Return a text, or an empty one."""
    found = at(raw, *names)
    return found if isinstance(found, str) else ""


def texts(raw: object, *names: str) -> list[str]:
    """Return the texts of a list."""
    return [item for item in items(raw, *names) if isinstance(item, str)]
