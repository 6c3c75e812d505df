"""Events of `invoke` as HTTP requests, for the clouds whose functions speak nothing else.

The same event files serve every cloud: an HTTP request in the shape that AWS gives it (payload 2.0), or the
bare event, `{"model": "iris", "instances": [[…]]}`, and `{"model": "iris", "algorithm": …}` for training.
A bare event means here what it means to `handlers/direct.py`.
"""

import base64
import json
from typing import Any, NamedTuple
from urllib.parse import quote

from ml_core.errors import shown
from providers.deploying.plan import DeploymentFailed

_VERBS = ("predict", "explain", "feedback")


class HttpCall(NamedTuple):
    """One HTTP request. `target` is the path with its query, percent-encoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def http_call(event: object) -> HttpCall:
    """The request in an event.

    Raises:
        DeploymentFailed: when the event is neither an HTTP request nor a bare event with a model's name.
    """
    if not isinstance(event, dict):
        raise DeploymentFailed(f"expected an event that is a JSON object, got {shown(event)}")
    if "requestContext" in event or "rawPath" in event:
        return _of_payload(event)
    if not isinstance(event.get("model"), str):
        raise DeploymentFailed(
            'expected an HTTP event, or one that names its model: {"model": "iris", "instances": [[…]]}'
        )
    return _bare(dict(event))


def _bare(body: dict[str, Any]) -> HttpCall:
    model, version, alias = body.pop("model"), body.pop("version", None), body.pop("alias", None)
    if isinstance(version, float) and version.is_integer():
        version = int(version)
    chosen = (
        f"/versions/{_quoted(version)}"
        if version is not None
        else f"/aliases/{_quoted(alias)}"
        if alias is not None
        else ""
    )
    verb = body.pop("verb", "predict")
    if verb not in _VERBS:
        raise DeploymentFailed(
            f'expected the event\'s "verb" to be "predict", "explain" or "feedback", got {shown(verb)}'
        )
    headers = {"content-type": "application/json"}
    if (key := body.pop("routing_key", None)) is not None:
        headers["x-routing-key"] = str(key)
    target = f"/v1/models/{_quoted(model)}{chosen}:{verb}"
    return HttpCall("POST", target, headers, json.dumps(body).encode())


def _quoted(name: object) -> str:
    return quote(str(name), safe="")


def _of_payload(event: dict[str, Any]) -> HttpCall:
    method = event.get("requestContext", {}).get("http", {}).get("method", "GET")
    query = event.get("rawQueryString") or ""
    body = str(event.get("body") or "")
    data = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    for hop in ("host", "content-length", "connection"):
        headers.pop(hop, None)
    return HttpCall(method, (event.get("rawPath") or "/") + (f"?{query}" if query else ""), headers, data)


def answer(event: object, status: int, headers: dict[str, str], body: bytes) -> object:
    """What `invoke` prints: the answer as AWS prints it for an HTTP event, its JSON alone for a bare one."""
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    if isinstance(event, dict) and ("requestContext" in event or "rawPath" in event):
        return {"statusCode": status, "headers": headers, "body": text, "isBase64Encoded": encoded}
    try:
        return json.loads(text)
    except ValueError:
        return {"statusCode": status, "body": text}
