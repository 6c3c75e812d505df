"""The registered models and their versions."""

from typing import Any

from handlers.limits import MODEL, among
from handlers.rest.call import Call
from handlers.rest.endpoints.aliases import described_alias
from handlers.rest.etags import digested, polled, tagged_response, wanted
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.names import PATTERN
from ml_core.registry.about import MOST_CHARACTERS, MOST_OF_TAG, MOST_TAGS, About
from ml_core.registry.registry import Version

ABOUT_BODY: Schema = {
    "title": "AboutChange",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "description": {
            "type": ["string", "null"],
            "maxLength": MOST_CHARACTERS,
            "description": "Plain text of any lines; null takes it away.",
        },
        "tags": {
            "type": ["object", "null"],
            "maxProperties": MOST_TAGS,
            "patternProperties": {PATTERN: {"type": ["string", "null"], "maxLength": MOST_OF_TAG}},
            "additionalProperties": False,
            "description": "By name, whose rule is that of models; null takes one away, or all.",
            "x-checked-by": "ml_core.registry.about",
        },
    },
    "examples": [{"description": "Apples and quinces, by weight and colour.", "tags": {"team": "orchard"}}],
}


def models(call: Call) -> Response:
    """List the models, or those whose names begin with `prefix`, in the order of their names in lower case.

    `entries` has what a list shows of each: its newest version with the metric that stands for what that
    reached, its aliases, the same metric of the versions before, and what people wrote about it.
    """
    from ml_core.registry.overview import overview

    query = call.query()
    page = call.services.registry.models(
        call.page_length(query),
        query.get("after"),
        prefix=query.get("prefix", ""),
        among=among(call.caller, MODEL),
    )
    names = [model.name for model in page.models]
    written = call.services.abouts.of_models(names)
    entries = [
        {**overview(model)._asdict(), "description": about.description, "tags": about.tags}
        for model, about in zip(page.models, written, strict=True)
    ]
    return _page(call, entries, page.next_after)


def _page(call: Call, entries: list[dict[str, Any]], next_after: str | None) -> Response:
    """A page of the list, of fewer models where what was written about them is too long for one answer."""
    names = [entry["name"] for entry in entries]
    response = json_response({"models": names, "entries": entries, "next_after": next_after})
    if len(entries) > 1 and len(response.body) > call.settings.max_answer_bytes:
        half = len(entries) // 2
        return _page(call, entries[:half], names[half - 1])
    return digested(response, call.header("if-none-match"))


def model(call: Call) -> Response:
    """Show a model: its newest versions, its aliases, and TensorFlow Serving's `model_version_status`.

    `deleted` has those that were deleted among them. `next_before` continues all three lists with what is
    older; null ends them.
    """
    from ml_core.registry.listing import versions_page

    query = call.query(others=True)
    found = call.services.registry.model(call.path["model"])
    page = versions_page(found, call.page_length(query), query.get("before"))
    about = call.services.abouts.of_model(found.name)
    value = {
        "name": found.name,
        **about._asdict(),
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
    etag = _etag(f"r{found.revision}", about)
    return tagged_response(value, etag, call.header("if-none-match"))


def change_model(call: Call) -> Response:
    """Describe a model, and tag it (JSON Merge Patch, RFC 7396): null takes away, what is not named stays.

    With If-Match only if the description and tags still have that `about_etag`; without it the last one wins.
    """
    name = call.path["model"]
    changed = call.services.abouts.change_model(name, call.body(), wanted(call))
    call.note(model=name)
    return json_response(changed._asdict())


def versions(call: Call) -> Response:
    """Compare a model's versions, newest first: what each reached, and what it came from."""
    query = call.query()
    page = call.services.versions.page(call.path["model"], call.page_length(query), query.get("before"))
    return polled(call, page._asdict())


def version(call: Call) -> Response:
    """Show a version: what it was trained on and with, what it reached, and how to check its artifact."""
    found, about = _version(call)
    return tagged_response(found, _etag(found["sha256"], about), call.header("if-none-match"))


def change_version(call: Call) -> Response:
    """Describe a version, and tag it, as a model. What was trained never changes.

    With If-Match only if the description and tags still have that `about_etag`; without it the last one wins.
    """
    name, number = call.path["model"], int(call.path["version"])
    changed = call.services.abouts.change_version(name, number, call.body(), wanted(call))
    call.note(model=name, version=number)
    return json_response(changed._asdict())


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

    Its versions can be restored for a while; `purge=true` as for a version. Its schedule goes with it.
    """
    call.services.deletion.delete_model(call.path["model"], purge=_purging(call))
    call.services.schedules.forget(call.path["model"], purge=_purging(call))
    call.note(model=call.path["model"])
    return Response(204, {}, b"")


def restore_version(call: Call) -> Response:
    """Bring back a version that was deleted lately, and its model where that was deleted too."""
    name, number = call.path["model"], int(call.path["version"])
    call.services.deletion.restore(name, number)
    call.note(model=name, version=number)
    return json_response(_version(call)[0])


def _version(call: Call) -> tuple[dict[str, Any], About]:
    """All that is known of a version, and what of it people wrote."""
    found = call.services.versions.get(call.path["model"], int(call.path["version"]))
    about = call.services.abouts.of_version(found["job"])
    return {**found, **about._asdict()}, about


def _etag(etag: str, about: About) -> str:
    """That of what is shown, which changes when people write something else about it."""
    return f"{etag}-{about.about_etag}" if about.is_written else etag


def _purging(call: Call) -> bool:
    return call.query().get("purge") == "true"


def _described(entry: Version) -> dict[str, Any]:
    """A version in its model's list."""
    return entry._asdict()
