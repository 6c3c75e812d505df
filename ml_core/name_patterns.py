"""Patterns of names: `churn`, `fraud-*`. `*` stands for any characters, and for none.

Names that differ only in case are one thing (`names.py`), so that a pattern matches all spellings of a name
or none of them.
"""

from __future__ import annotations

from ml_core.errors import InvalidInput, shown
from ml_core.names import RULE, is_name

ANY = "*"


def matches(pattern: str, name: str) -> bool:
    """Whether a name is one of the pattern's."""
    first, *others = pattern.lower().split(ANY)
    name = name.lower()
    if not others:
        return name == first
    *middle, last = others
    if not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def check_pattern(pattern: str, where: str) -> None:
    """Raise `InvalidInput` for a pattern that no name can match."""
    first, star, rest = pattern.partition(ANY)
    middle, last_star, last = rest.rpartition(ANY)
    # What a star stands for at least: a letter, where the name could not begin or end otherwise.
    possible = [
        f"{first}{one}{middle.replace(ANY, '')}{other}{last}"
        for one in ("", *("a" * len(star)))
        for other in ("", *("a" * len(last_star)))
    ]
    if not any(map(is_name, possible)):
        raise InvalidInput.at(
            where,
            f"expected a pattern that a name can match, with {ANY!r} for any characters, got "
            f"{shown(pattern)}; a name has {RULE}",
        )
