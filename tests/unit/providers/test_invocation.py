"""A bare event of `invoke` asks the same of every cloud, also of those whose functions speak HTTP alone."""

from typing import Any
from urllib.parse import unquote

import pytest

from handlers.direct import VERBS, predict_directly
from handlers.rest.http import Request, Response
from providers.deploying.invocation import http_call
from providers.deploying.plan import DeploymentFailed

BODY = {"instances": [[1, 2]], "outputs": ["label"]}
EVENTS: list[dict[str, Any]] = [
    {},
    {"version": 2},
    {"version": 2.0},
    {"version": "x/y"},
    {"version": 2, "alias": "production"},
    {"alias": "production"},
    {"alias": "größe"},
    {"routing_key": "customer-7"},
    {"routing_key": 7},
    {"verb": "predict"},
    {"verb": "explain"},
    {"verb": "feedback"},
    {"verb": "explain", "version": 3, "top": 2},
    {"verb": "explain", "alias": "canary", "routing_key": "k", "against": "no"},
]


class Listening:
    """Stands where an `Api` is, and keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def handle(self, request: Request, _: object) -> Response:
        self.asked.append(request)
        return Response(200, {}, b"{}")


def directly(event: Any) -> Any:
    """The request that a function makes of an event which reaches it as it is, or else its answer."""
    api: Any = Listening()
    answer = predict_directly(api, event, "r1")
    return api.asked[0] if api.asked else answer


@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("model", ["iris", "My model", "a/b"])
def test_an_event_is_the_same_request_on_every_cloud(event: dict[str, Any], model: str) -> None:
    event = {"model": model, **event, **BODY}
    call, asked = http_call(event), directly(event)
    assert (call.method, unquote(call.target), call.body) == (asked.method, asked.path, asked.body)
    assert call.headers == {"content-type": "application/json", **asked.headers}


@pytest.mark.parametrize("verb", ["train", "promote", "Explain", "", None, 7, ["explain"], "explain/x"])
def test_another_verb_is_refused_before_anything_is_asked(verb: Any) -> None:
    event = {"model": "iris", "verb": verb, **BODY}
    problem = directly(event)
    assert (problem["status"], problem["code"]) == (422, "invalid_input")
    assert problem["faults"][0]["path"] == "$.verb"
    with pytest.raises(DeploymentFailed, match='"predict", "explain" or "feedback", got'):
        http_call(event)


def test_the_verbs_are_those_of_the_function() -> None:
    assert [http_call({"model": "m", "verb": verb}).target for verb in VERBS] == [
        f"/v1/models/m:{verb}" for verb in VERBS
    ]
