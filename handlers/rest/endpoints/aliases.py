"""Aliases: names that point at a version, or at several that share the traffic, each with its own ETag."""

from collections.abc import Callable
from functools import partial
from typing import Any

from handlers.logs import log
from handlers.rest.call import Call
from handlers.rest.etags import tagged_response, tags, wanted
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.errors import InvalidInput, Unavailable
from ml_core.names import PATTERN
from ml_core.notices.events import PROMOTED, ROLLED_BACK, SET, alias_deleted, alias_moved
from ml_core.registry.aliases import Terms
from ml_core.registry.history import Change
from ml_core.registry.registry import Alias
from ml_core.registry.weights import MOST_VERSIONS, MOST_WEIGHT, State, state_of

_VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999}

ALIAS_BODY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "oneOf": [{"required": ["version"]}, {"required": ["weights"]}],
    "properties": {
        "version": {**_VERSION, "description": "The version that gets all traffic."},
        "weights": {
            "type": "object",
            "description": "Versions and their shares of the traffic, in any proportion; 0 leaves one out.",
            "minProperties": 1,
            "maxProperties": MOST_VERSIONS,
            "patternProperties": {
                "^[1-9][0-9]{0,8}$": {"type": "integer", "minimum": 0, "maximum": MOST_WEIGHT}
            },
            "additionalProperties": False,
            "x-checked-by": "ml_core.registry.weights",
        },
    },
    "examples": [{"version": 1}, {"weights": {"1": 90, "2": 10}}],
}
PROMOTE_BODY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "version": {**_VERSION, "description": "The version that gets all traffic."},
        "alias": {
            "type": "string",
            "pattern": PATTERN,
            "description": "Instead: the alias whose version gets it.",
        },
    },
    "examples": [{"version": 1}, {"version": 2}],
}
ROLLBACK_BODY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "to": {
            "type": "integer",
            "minimum": 1,
            "maximum": 999_999_999,
            "description": "The number of a change in the history: back to what it made of the alias.",
        }
    },
    "examples": [{"to": 1}],
}


def alias(call: Call) -> Response:
    """Show an alias: the version that it points at, or the weights of several."""
    found = call.services.registry.model(call.path["model"]).alias(call.path["alias"])
    return tagged_response(described_alias(found), found.etag, call.header("if-none-match"))


def put_alias(call: Call) -> Response:
    """Point an alias at a version, or have several share its traffic.

    With If-Match only if nobody else has moved it meanwhile; with `If-None-Match: *` only if it is new.
    """
    state = state_of(call.body())
    return _moved(call, SET, call.services.aliases.set(*_named(call), state, terms=_terms(call)))


def promote(call: Call) -> Response:
    """Give all of an alias's traffic to one version, in one write.

    Without a body that is the newest of the versions that share the traffic.
    """
    body = call.optional_body()
    if len(body) > 1:
        raise InvalidInput.at("$", "needs 'version' or 'alias', not both")
    moved = call.services.aliases.promote(
        *_named(call),
        body.get("version"),
        source=body.get("alias"),
        terms=_terms(call),
    )
    return _moved(call, PROMOTED, moved)


def rollback(call: Call) -> Response:
    """Give all of an alias's traffic back to the version that had it before, in one write.

    The steps of a canary are passed over. A second roll-back goes back further; what was rolled back already
    is not come back to. `to` names a change of the history instead, whose result comes back.
    """
    to = call.optional_body().get("to")
    moved = call.services.aliases.roll_back(*_named(call), to, terms=_terms(call))
    return _moved(call, ROLLED_BACK, moved)


def delete_alias(call: Call) -> Response:
    """Remove an alias; the versions that it points at stay, and so does its history."""
    model, name = _named(call)
    call.services.aliases.delete(model, name, terms=_terms(call))
    _tell(call, partial(alias_deleted, call.services.store, model, name))
    call.note(model=model, alias=name)
    return Response(204, {}, b"")


def history(call: Call) -> Response:
    """List what was done to an alias, newest first: who, when, from what, to what. Also of one removed."""
    query = call.query()
    page = call.services.aliases.history(*_named(call), call.page_length(query), query.get("before"))
    changes = [_described_change(change) for change in page.changes]
    return json_response({"changes": changes, "next_before": page.next_before})


def described_alias(entry: Alias) -> dict[str, Any]:
    """An alias as JSON."""
    return entry._asdict()


def _described_change(change: Change) -> dict[str, Any]:
    return {
        "number": change.number,
        "time": change.time,
        "by": change.by,
        "kind": change.kind,
        "from": _described_state(change.before),
        "to": _described_state(change.after),
        "restored": change.restored,
        **({} if change.reason is None else {"reason": change.reason}),
    }


def _described_state(state: State | None) -> dict[str, Any] | None:
    """What an alias was, as a PUT takes it."""
    if state is None:
        return None
    return {"version": state} if isinstance(state, int) else {"weights": state}


def _named(call: Call) -> tuple[str, str]:
    return call.path["model"], call.path["alias"]


def _moved(call: Call, kind: str, alias: Alias) -> Response:
    model = call.path["model"]
    _tell(call, partial(alias_moved, call.services.store, kind, model, alias))
    call.note(model=model, version=alias.version, alias=alias.alias)
    warnings = call.services.versions.warnings(model, alias.versions) if alias.weights else []
    told = {"warnings": warnings} if warnings else {}
    return json_response({**described_alias(alias), **told}, headers={"etag": f'"{alias.etag}"'})


def _tell(call: Call, write: Callable[[str | None], None]) -> None:
    """Write a notice down, where anybody is told; the alias has moved, whether that succeeds or not."""
    if not call.services.tells:
        return
    try:
        write(call.caller.id or None)
    except Unavailable as error:
        log("error", "notices", detail=str(error))


def _terms(call: Call) -> Terms:
    """Who asks, and If-Match and If-None-Match."""
    unwanted = tags(call.header("if-none-match"))
    return Terms(call.caller.id or None, wanted(call), unwanted.all if unwanted else frozenset())
