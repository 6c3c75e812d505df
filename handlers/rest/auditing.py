"""Changes are written down: who asks for one before it is made, what came of it before that is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.logs import log
from handlers.rest.problems import status_of_error
from ml_core.auditing.trail import Trail
from ml_core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from handlers.rest.call import Call
    from handlers.rest.http import Response
    from ml_core.auditing.trail import TrailEntry

_LONGEST_ID = 200  # characters of a request's id


def audited(endpoint: Callable[[Call], Response]) -> Callable[[Call], Response]:
    """The endpoint with its calls in the trail of changes.

    It raises `Unavailable` where nothing was done. Where an answer cannot be written down, it is given all
    the same: the change is made, and the trail says who asked for it.
    """

    def answer(call: Call) -> Response:
        trail = Trail(call.services.store)
        entry = trail.begin(
            by=call.caller.id or None,
            method=call.route.method,
            route=call.route.path,
            request_id=call.request.request_id[:_LONGEST_ID],
            about={**call.path, "version": call.version},
        )
        try:
            response = endpoint(call)
        except Exception as error:
            _end(trail, entry, status_of_error(error, call.route.invalid), call.record)
            raise
        _end(trail, entry, response.status, call.record)
        return response

    return answer


def _end(trail: Trail, entry: TrailEntry, status: int, about: dict[str, Any]) -> None:
    try:
        trail.end(entry, status, about)
    except Unavailable as error:
        log("error", "audit", entry=entry.id, detail=str(error))
