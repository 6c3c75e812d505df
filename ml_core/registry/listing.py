"""Pages of a model's versions."""

from typing import NamedTuple

from ml_core.documents import Body
from ml_core.registry.registry import ModelDocument, Version, version_of

MOST_LOOKED_AT = 1000  # numbers, for one page


class VersionsPage(NamedTuple):
    """Part of a model's versions, newest first, and what was deleted among them, as entries.

    `next_before` continues it, None ends it. A page on which little is left of many deleted versions may be
    short, even empty, with more to come.
    """

    versions: list[Version]
    deleted: list[Body]
    next_before: int | None


def versions_page(model: ModelDocument, limit: int, before: int | None = None) -> VersionsPage:
    """At most `limit` versions below the number `before`. Raises `Unavailable`."""
    top = model.next_version if before is None else min(before, model.next_version)
    bottom = max(1, top - MOST_LOOKED_AT)
    live: list[Version] = []
    deleted: list[Body] = []
    for entry in model.entries_below(top, bottom, at_once=limit + 1):
        if "deleted" in entry:
            deleted.append(entry)
        elif len(live) < limit:
            live.append(version_of(entry))
        else:
            last = live[-1].version
            return VersionsPage(live, [each for each in deleted if each["version"] > last], last)
    return VersionsPage(live, deleted, bottom if bottom > 1 else None)
