"""Aliases: names that point at a version, each with an ETag of its own."""

from typing import Any

from handlers.rest.call import Call
from handlers.rest.etags import tagged_response, tags
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.registry import Alias

ALIAS_BODY: Schema = {
    "type": "object",
    "required": ["version"],
    "additionalProperties": False,
    "properties": {"version": {"type": "integer", "minimum": 1, "maximum": 999_999_999}},
    "examples": [{"version": 3}],
}


def alias(call: Call) -> Response:
    """Show an alias."""
    found = call.services.registry.model(call.path["model"]).alias(call.path["alias"])
    return tagged_response(described_alias(found), found.etag, call.header("if-none-match"))


def put_alias(call: Call) -> Response:
    """Point an alias at a version. With If-Match only if nobody else has moved it meanwhile."""
    version = call.body()["version"]
    model, name = call.path["model"], call.path["alias"]
    moved = call.services.registry.set_alias(model, name, version, if_match=_condition(call))
    call.note(model=model, version=version, alias=name)
    return json_response(described_alias(moved), headers={"etag": f'"{moved.etag}"'})


def delete_alias(call: Call) -> Response:
    """Remove an alias; the version that it points at stays."""
    model, name = call.path["model"], call.path["alias"]
    call.services.registry.delete_alias(model, name, if_match=_condition(call))
    call.note(model=model, alias=name)
    return Response(204, {}, b"")


def described_alias(entry: Alias) -> dict[str, Any]:
    """An alias as JSON."""
    return entry._asdict()


def _condition(call: Call) -> str | None:
    """The one ETag of If-Match that decides: the alias's own if it is among them."""
    wanted = tags(call.header("if-match"))
    if len(wanted) <= 1 or "*" in wanted:
        return None if not wanted else "*" if "*" in wanted else wanted[0]
    present = {entry.alias: entry.etag for entry in call.services.registry.model(call.path["model"]).aliases}
    now = present.get(call.path["alias"], "")
    return now if now in wanted else wanted[0]
