# Made of `_async/lists.py` by `client/generate_sync.py`: change that one.
"""Reads lists, page by page, to their end."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serverless_ml._sync.requests import Requests

_PAGE = 100


def listed(
    requests: Requests,
    path: str,
    member: str,
    limit: int | None = None,
    *,
    by: str = "after",
    query: Mapping[str, Any] | None = None,
) -> list[Any]:
    """The entries of a list.

    Args:
        requests: whom to ask.
        path: where the list is.
        member: of the answer, that has a page's entries.
        limit: how many entries at most; None for all.
        by: the parameter that continues the list; the answer says its value as `next_…`.
        query: what narrows the list.
    """
    entries: list[Any] = []
    place: Any = None
    while limit is None or len(entries) < limit:
        most = _PAGE if limit is None else min(_PAGE, limit - len(entries))
        page = requests.get(path, {**(query or {}), "limit": most, by: place})
        entries += page[member]
        place = page.get(f"next_{by}")
        if place is None:
            break
    return entries


def day(said: date | str | None) -> str | None:
    """A day or a time as the service takes it."""
    return said.isoformat() if isinstance(said, date) else said
