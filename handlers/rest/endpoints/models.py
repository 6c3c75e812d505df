"""The registered models and their versions."""

from typing import Any

from handlers.limits import MODEL, among
from handlers.rest.call import Call
from handlers.rest.endpoints.aliases import described_alias
from handlers.rest.etags import tagged_response
from handlers.rest.http import Response, json_response
from ml_core.registry.registry import Version


def models(call: Call) -> Response:
    """List the models, in the order that their names have in lower case.

    `entries` has what a list shows of each: its newest version with the metric that stands for what that
    reached, its aliases, and the same metric of the versions before.
    """
    from ml_core.registry.overview import overview

    query = call.query()
    page = call.services.registry.models(
        call.page_length(query), query.get("after"), among=among(call.caller, MODEL)
    )
    entries = [{**overview(model)._asdict(), "description": None, "tags": {}} for model in page.models]
    names = [model.name for model in page.models]
    return json_response({"models": names, "entries": entries, "next_after": page.next_after})


def model(call: Call) -> Response:
    """Show a model: its newest versions, its aliases, and TensorFlow Serving's `model_version_status`.

    `deleted` has those that were deleted among them. `next_before` continues all three lists with what is
    older; null ends them.
    """
    from ml_core.registry.listing import versions_page

    query = call.query(others=True)
    found = call.services.registry.model(call.path["model"])
    page = versions_page(found, call.page_length(query), query.get("before"))
    value = {
        "name": found.name,
        "ready": found.ready,
        "versions": [_described(version) for version in reversed(page.versions)],
        "aliases": {alias.alias: described_alias(alias) for alias in found.aliases},
        "deleted": [each._asdict() for each in call.services.deletion.deleted(found, page.deleted)],
        "model_version_status": [
            {
                "version": str(version.version),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
            for version in page.versions
        ],
        "next_before": page.next_before,
    }
    return tagged_response(value, f"r{found.revision}", call.header("if-none-match"))


def versions(call: Call) -> Response:
    """Compare a model's versions, newest first: what each reached, and what it came from."""
    query = call.query()
    page = call.services.versions.page(call.path["model"], call.page_length(query), query.get("before"))
    return json_response(page._asdict())


def version(call: Call) -> Response:
    """Show a version: what it was trained on and with, what it reached, and how to check its artifact."""
    found = call.services.versions.get(call.path["model"], int(call.path["version"]))
    return tagged_response(found, found["sha256"], call.header("if-none-match"))


def delete_version(call: Call) -> Response:
    """Delete a version that no alias points at. Its number is never used again.

    It can be restored for a while. With `purge=true` nothing can bring it back, not even if it was deleted
    before, and what is stored of it goes with the next sweep.
    """
    number = int(call.path["version"])
    call.services.deletion.delete_version(call.path["model"], number, purge=_purging(call))
    call.note(model=call.path["model"], version=number)
    return Response(204, {}, b"")


def delete_model(call: Call) -> Response:
    """Delete a model that has no alias, with all versions. A later model of that name counts on from them.

    Its versions can be restored for a while; `purge=true` as for a version.
    """
    call.services.deletion.delete_model(call.path["model"], purge=_purging(call))
    call.note(model=call.path["model"])
    return Response(204, {}, b"")


def restore_version(call: Call) -> Response:
    """Bring back a version that was deleted lately, and its model where that was deleted too."""
    name, number = call.path["model"], int(call.path["version"])
    call.services.deletion.restore(name, number)
    call.note(model=name, version=number)
    return json_response(call.services.versions.get(name, number))


def _purging(call: Call) -> bool:
    return call.query().get("purge") == "true"


def _described(entry: Version) -> dict[str, Any]:
    """A version in its model's list."""
    return entry._asdict()
