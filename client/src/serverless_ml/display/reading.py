"""What a document of JSON holds, as the type that is expected, or nothing.

A picture is no place to judge an answer: what an older service does not say, or a newer one says in another
way, is left out.
"""

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
    """Return a number, a whole one as int, or None."""
    found = at(raw, *names)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def numbers(raw: object, *names: str) -> list[float]:
    """Return the numbers of a list as floats."""
    return [
        float_of(item) if isinstance(item, int) else item
        for item in items(raw, *names)
        if isinstance(item, (int, float)) and not isinstance(item, bool)
    ]


def text(raw: object, *names: str) -> str:
    """Return a text, or an empty one."""
    found = at(raw, *names)
    return found if isinstance(found, str) else ""


def texts(raw: object, *names: str) -> list[str]:
    """Return the texts of a list."""
    return [item for item in items(raw, *names) if isinstance(item, str)]
