"""Jobs: how far they are, what they wrote, and how to stop them."""

from typing import Any

from handlers.limits import MODEL, among, check, check_data
from handlers.rest.call import Call
from handlers.rest.etags import polled
from handlers.rest.http import Response, json_response
from ml_core.jobs.jobs import Job
from ml_core.scoring.listing import ListedFile
from ml_core.scoring.request import KIND as SCORE


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
    return polled(call, {"jobs": listed, "next_after": page.next_after})


def job(call: Call) -> Response:
    """Show a job."""
    found = call.services.jobs.get(call.path["job"], among=among(call.caller, MODEL))
    call.note(job=found.id, model=found.model)
    return polled(call, described_job(found))


def files(call: Call) -> Response:
    """List the files that a job wrote, and sign an address to GET each from, for 15 minutes.

    Only a job that scores a table writes any. While it runs, those are listed that are finished. What was
    written to a place that the request named has its address there, which is not signed. A key for some
    datasets has the files of those alone, as rows of the table may be in them; of a dataset that has a
    privacy budget by now nobody has any (409, `budget`).
    """
    query = call.query()
    found = call.services.jobs.get(call.path["job"], among=among(call.caller, MODEL))
    call.note(job=found.id, model=found.model)
    if found.request.get("kind") == SCORE:
        uri = found.request["data"]["uri"]
        check_data(call.caller, uri)
        call.services.private_reading.check_open(uri)
    page = call.services.job_files.page(found, call.page_length(query), query.get("after"))
    return json_response({"files": [_file(call, each) for each in page.files], "next_after": page.next_after})


def _file(call: Call, found: ListedFile) -> dict[str, Any]:
    """A file as JSON: its own place, or a signed address that the caller can use."""
    told: dict[str, Any] = {"name": found.name, "kind": found.kind, "rows": found.rows, "size": found.size}
    if found.signed is None:
        return {**told, "uri": found.uri}
    signed = {**found.signed._asdict(), "url": call.address(found.signed.url), "method": "GET"}
    return {**told, **signed}


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
