"""Training jobs: how far they are, and how to stop them."""

from typing import Any

from handlers.limits import MODEL, among, check
from handlers.rest.call import Call
from handlers.rest.http import Response, json_response
from ml_core.jobs.jobs import Job


def jobs(call: Call) -> Response:
    """List jobs, newest first. A page of a filtered list may be short, with more to come."""
    query = call.query()
    check(call.caller, query)
    page = call.services.jobs.list(
        call.page_length(query),
        query.get("after"),
        state=query.get("state"),
        model=query.get("model"),
        among=among(call.caller, MODEL),
    )
    listed = [described_job(found, history=False) for found in page.jobs]
    return json_response({"jobs": listed, "next_after": page.next_after})


def job(call: Call) -> Response:
    """Show a job."""
    found = call.services.jobs.get(call.path["job"], among=among(call.caller, MODEL))
    call.note(job=found.id, model=found.model)
    return json_response(described_job(found))


def cancel(call: Call) -> Response:
    """Cancel a job: at once while it waits, else as soon as its trainer notices. One that is over stays."""
    found = call.services.jobs.cancel(call.path["job"], among=among(call.caller, MODEL))
    call.note(job=found.id, model=found.model)
    return json_response(described_job(found), status=200 if found.over else 202)


def described_job(found: Job, *, history: bool = True) -> dict[str, Any]:
    """A job as JSON. In a list it is without its history: a page of them would be too long an answer."""
    metrics = found.metrics
    if metrics is not None and not history:
        metrics = {name: part for name, part in metrics.items() if name != "history"} or None
    return {**found._asdict(), "metrics": metrics}
