"""Training jobs: how far they are, and how to stop them."""

from typing import Any

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response
from ml_core.jobs.jobs import Job


def jobs(call: Call) -> Response:
    """List jobs, newest first. A page of a filtered list may be short, with more to come."""
    query = call.query()
    page = call.services.jobs.list(
        call.page_length(query), query.get("after"), state=query.get("state"), model=query.get("model")
    )
    return json_response(
        {"jobs": [described_job(found) for found in page.jobs], "next_after": page.next_after}
    )


def job(call: Call) -> Response:
    """Show a job."""
    found = call.services.jobs.get(call.path["job"])
    call.note(job=found.id, model=found.model)
    return json_response(described_job(found))


def cancel(call: Call) -> Response:
    """Cancel a job: at once while it waits, else as soon as its trainer notices. One that is over stays."""
    found = call.services.jobs.cancel(call.path["job"])
    call.note(job=found.id, model=found.model)
    return json_response(described_job(found), status=200 if found.over else 202)


def described_job(found: Job) -> dict[str, Any]:
    """A job as JSON."""
    return found._asdict()
