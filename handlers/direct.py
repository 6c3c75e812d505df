"""Bare events: a function is invoked with what to predict, explain or train on, without HTTP around it."""

import json
from typing import Any

from handlers.auth import OpenGate
from handlers.rest.api import Api
from handlers.rest.http import Request
from handlers.services import Services
from ml_core.errors import InvalidInput, ServerlessMLError, shown

VERBS = ("predict", "explain", "feedback")


def predict_directly(app: Api, event: Any, request_id: str) -> Any:
    """Answer `{"model": "iris", "instances": [[…]]}`, with `version` or `alias` where one is meant.

    `verb` is what stands after the colon over HTTP: "predict", "explain" or "feedback". `routing_key` is
    what the header X-Routing-Key is there.

    The answer is the body that the verb would have, or the problem with its `status`. No key is asked for:
    whoever may invoke the function itself was let in by the cloud.
    """
    body = dict(event) if isinstance(event, dict) else {}
    model, version, alias = body.pop("model", ""), body.pop("version", None), body.pop("alias", None)
    if isinstance(version, float) and version.is_integer():
        version = int(version)
    chosen = (
        f"/versions/{version}" if version is not None else f"/aliases/{alias}" if alias is not None else ""
    )
    verb = body.pop("verb", "predict")
    if verb not in VERBS:
        expected = '"predict", "explain" or "feedback"'
        return _problem(InvalidInput.at("$.verb", f"expected {expected}, got {shown(verb)}"), request_id)
    path = f"/v1/models/{model}{chosen}:{verb}"
    key = body.pop("routing_key", None)
    headers = {} if key is None else {"x-routing-key": str(key)}
    request = Request("POST", path, {}, headers, json.dumps(body).encode(), request_id)
    return json.loads(app.handle(request, OpenGate()).body)


def train_directly(services: Services, event: Any, deadline: float | None = None) -> Any:
    """Train on `{"model": "iris", "algorithm": …, "instances": …}` now; the finished job, or the problem."""
    from handlers.jobs import train_now
    from handlers.rest.endpoints.jobs import described_job

    try:
        return described_job(train_now(services, event, deadline))
    except ServerlessMLError as error:
        return _problem(error, "")


def _problem(error: ServerlessMLError, request_id: str) -> Any:
    from handlers.rest.problems import problem_response

    return json.loads(problem_response(error, request_id=request_id).body)
