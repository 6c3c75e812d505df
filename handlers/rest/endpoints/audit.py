"""The trail of changes: who asked for what, when, and how it was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.limits import DATASET, MODEL, among, check
from handlers.rest.http import Response, json_response
from handlers.rest.spans import span_of
from ml_core.auditing.reading import entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.auth import Caller
    from handlers.rest.call import Call
    from ml_core.auditing.trail import TrailEntry


def audit(call: Call) -> Response:
    """List who asked for which change, newest first.

    A page of a filtered list may be short, with more to come.
    An entry is written before the change is made, and its `status` before that is answered: null is one that
    is being made, or whose answer nobody knows. Keys are told by their ids alone. What only reads or predicts
    is not listed. A key for some models or datasets lists what was about those.
    """
    query = call.query()
    model = query.get("model")
    check(call.caller, query)
    begin, end = span_of(query)
    page = entries(
        call.services.store,
        call.page_length(query),
        query.get("after"),
        begin=begin,
        end=end if "to" in query else None,
        told=_told_to(call.caller, model),
    )
    listed = [entry._asdict() for entry in page.entries]
    days = call.settings.audit_days
    kept = {"on": days > 0, "setting": "ML_AUDIT_DAYS", "days": days}
    return json_response({"audit": kept, "entries": listed, "next_after": page.next_after})


def _told_to(caller: Caller, model: str | None) -> Callable[[TrailEntry], bool] | None:
    """Says of an entry whether it is listed for a caller who asks for one model, or for all."""
    if model is None and not caller.limited:
        return None
    models, datasets = among(caller, MODEL), among(caller, DATASET)

    def told(entry: TrailEntry) -> bool:
        if model is not None and (entry.model or "").lower() != model.lower():
            return False
        if not caller.limited:
            return True
        allowed = [
            allows is None or allows(name)
            for allows, name in ((models, entry.model), (datasets, entry.dataset))
            if name is not None
        ]
        return bool(allowed) and all(allowed)

    return told
