# Made of `_async/aliases.py` by `client/generate_sync.py`: change that one.
"""Changes aliases, so that trying again never does a thing twice.

The alias is read first, and the change is asked for on the condition that it is still so (`If-Match`). Where
the answer to a try is lost, the next one is refused with 412 if the first had its effect; then the history
says whether the change that was made is the one that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serverless_ml.answers import Alias
from serverless_ml.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serverless_ml._sync.requests import Requests

SET, PROMOTE, ROLLBACK, DELETE = "set", "promote", "rollback", "delete"
"""What is done to an alias, as its history calls it."""
_REQUESTS = {
    SET: ("PUT", ""),
    PROMOTE: ("POST", ":promote"),
    ROLLBACK: ("POST", ":rollback"),
    DELETE: ("DELETE", ""),
}
_CHANGED = 412


def change_alias(
    requests: Requests,
    path: str,
    kind: str,
    body: Mapping[str, Any] | None = None,
    etag: str | None = None,
) -> Alias | None:
    """Change an alias once; what it is then, None where it was removed.

    Args:
        requests: whom to ask.
        path: where the alias is.
        kind: what is done.
        body: with what.
        etag: which the alias has to have; None for the one that it has now.

    Raises:
        Conflict: somebody else changed it meanwhile, or it cannot be done; nothing was done.
        NotFound: there is no such model or version.
    """
    before = _state(requests, path)
    wanted = etag or (before and before["etag"])
    headers = {"if-match": f'"{wanted}"'} if wanted else {"if-none-match": "*"} if kind == SET else {}
    method, verb = _REQUESTS[kind]
    try:
        reply = requests.send(method, path + verb, body=body, headers=headers)
    except (Conflict, NotFound) as error:
        if error.tried == 1 or not _is_done(requests, path, kind, body, before):
            raise
        after = _state(requests, path)
        return None if after is None else Alias.from_json(after)
    return None if kind == DELETE else Alias.from_json(reply.record())


def _state(requests: Requests, path: str) -> dict[str, Any] | None:
    """The alias as JSON; None where there is none."""
    try:
        return requests.get(path)
    except NotFound as error:
        if error.code == "alias_not_found":
            return None
        raise


def _is_done(
    requests: Requests,
    path: str,
    kind: str,
    body: Mapping[str, Any] | None,
    before: dict[str, Any] | None,
) -> bool:
    """Whether the newest change of the alias is the one that was asked for."""
    changes = (requests.get(f"{path}/history", {"limit": 1}))["changes"]
    if not changes or changes[0]["kind"] != kind or changes[0]["from"] != _said(before):
        return False
    told = changes[0]["to"]
    if kind == SET:
        return bool(told == _shares(body or {}))
    return not (kind == PROMOTE and body and "version" in body) or bool(told == {"version": body["version"]})


def _said(alias: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An alias as its history says it."""
    if alias is None:
        return None
    return {"weights": alias["weights"]} if alias["weights"] else {"version": alias["version"]}


def _shares(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a PUT asks for, as the history says it: without shares of 0, and one version alone as that."""
    shares = {version: weight for version, weight in body.get("weights", {}).items() if weight}
    if len(shares) == 1:
        return {"version": int(next(iter(shares)))}
    return {"weights": shares} if shares else dict(body)
