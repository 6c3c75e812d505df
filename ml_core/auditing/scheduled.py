"""What a schedule does, in the trail of changes as a person's request would be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ml_core.auditing.trail import SCHEDULE
from ml_core.errors import TooManyJobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ml_core.auditing.trail import Trail

_TOO_MANY, _AGAINST_IT = 429, 409  # what a person would be answered


@contextmanager
def by_schedule(
    trail: Trail | None,
    method: str,
    route: str,
    about: dict[str, Any],
    *,
    done: int,
    refusals: tuple[type[Exception], ...],
) -> Iterator[dict[str, Any]]:
    """Write down what the block is about to do, and then how it ended; without a trail nothing.

    Args:
        trail: where it is written down.
        method: of the request that would do the same.
        route: its path, with names in braces.
        about: what it is about, by the names of `TrailEntry`.
        done: the status that a person would be answered, where the block comes to its end.
        refusals: what it raises where it is refused. Of anything else the end stays open: it may have been
            done.

    The block gets a dictionary for what is known at its end only. Raises as `Trail.begin` and `Trail.end`.
    """
    told: dict[str, Any] = {}
    if trail is None:
        yield told
        return
    entry = trail.begin(by=SCHEDULE, method=method, route=route, request_id=None, about=about)
    try:
        yield told
    except TooManyJobs:
        trail.end(entry, _TOO_MANY, {})
        raise
    except refusals:
        trail.end(entry, _AGAINST_IT, {})
        raise
    trail.end(entry, done, told)
