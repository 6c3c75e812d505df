"""What was made from a dataset, and the deletion of a dataset."""

from handlers.limits import MODEL, among
from handlers.rest.call import Call
from handlers.rest.etags import polled
from handlers.rest.http import Response, json_response
from ml_core.datasets.datasets import present_upload
from ml_core.erasing.made_versions import made_versions_page, was_used
from ml_core.errors import DatasetNotFound
from ml_core.registry.retention import DAY

_SCAN_SECONDS = 5.0  # for what earlier releases made, within one request
_ERASING_SECONDS = 15.0


def versions(call: Call) -> Response:
    """List the versions that were made from a dataset, of all models, newest first; also of a deleted one.

    Versions that were deleted are among them. A version that was registered from a download of another one's
    artifact is a `copy`. `complete` is false while versions that an earlier release made are still looked up:
    ask again. A key for some models has those of these models alone. A page may be short, with more to come.
    """
    query = call.query()
    name, services = call.path["dataset"], call.services
    complete = services.origin_scan(_SCAN_SECONDS).first_round()
    try:
        present_upload(services.store, name)
    except DatasetNotFound:
        if not was_used(services.store, name):
            raise
    page = made_versions_page(
        services.registry,
        name,
        call.page_length(query),
        query.get("after"),
        retention=call.settings.retention * DAY,
        among=among(call.caller, MODEL),
    )
    return polled(call, {**page._asdict(), "complete": complete})


def delete_dataset(call: Call) -> Response:
    """Delete all uploads of a dataset, and what was found in them. Versions keep naming what they were of.

    With `with_versions=true` all versions made from it are purged too, copies among them, jobs that read it
    are cancelled, and the answer tells what is gone, what the sweep removes, what expires when and what
    deletion cannot remove. It is a 409 that names them while aliases point at such versions. A 202 means that
    jobs are still ending or that time ran out: ask again. Broken off anywhere, the same request does what is
    missing.
    """
    name, services = call.path["dataset"], call.services
    call.note(dataset=name)
    if call.query().get("with_versions") != "true":
        services.datasets.delete(name)
        return Response(204, {}, b"")
    report = services.erasing(_ERASING_SECONDS).erase(name, among(call.caller, MODEL))
    call.note(complete=report.complete, versions=len(report.versions))
    return json_response(report.told(), status=200 if report.complete else 202)
