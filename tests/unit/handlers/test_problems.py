"""Errors as answers."""

import json

import pytest

import handlers.errors
import ml_core.conflicts
import ml_core.errors
from handlers.errors import MethodNotAllowed
from handlers.rest.problems import TITLES, is_foreseen, problem_response, status_of
from handlers.settings import SettingInvalid
from ml_core.errors import Fault, InvalidInput, ServerlessMLError, Unauthenticated


def _all(kind: type[ServerlessMLError]) -> list[type[ServerlessMLError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in _all(child))]


OURS = [
    kind
    for kind in _all(ServerlessMLError)
    if kind.__module__ in {each.__name__ for each in (ml_core.errors, ml_core.conflicts, handlers.errors)}
]
# Groups that are never raised themselves.
WITHOUT_STATUS = {"ServerlessMLError", "Refused"}


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_a_status_and_a_title(kind: type[ServerlessMLError]) -> None:
    assert is_foreseen(kind.__new__(kind)) == (kind.__name__ not in WITHOUT_STATUS)
    assert status_of(kind) in TITLES


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in OURS]
    assert len(set(codes)) == len(codes)


def test_an_answer_has_the_standards_members_and_the_clients_string() -> None:
    response = problem_response(
        InvalidInput([Fault("$.a", "is odd"), Fault("$.b", "is even")]), request_id="r1"
    )
    assert response.status == 422
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.body) == {
        "type": "/docs#invalid_input",
        "title": "The request breaks the contract",
        "status": 422,
        "detail": "$.a: is odd; $.b: is even",
        "code": "invalid_input",
        "request_id": "r1",
        "error": "$.a: is odd; $.b: is even",
        "faults": [{"path": "$.a", "message": "is odd"}, {"path": "$.b", "message": "is even"}],
    }


def test_many_faults_are_bounded_and_the_rest_is_counted() -> None:
    answer = json.loads(problem_response(InvalidInput([Fault("$", "x")] * 100), request_id="r").body)
    assert len(answer["faults"]) == 20
    assert answer["faults_omitted"] == 80


def test_the_open_inference_protocol_calls_invalid_input_400() -> None:
    assert problem_response(InvalidInput.at("$", "x"), request_id="r", invalid=400).status == 400


def test_problem_json_is_for_those_who_accept_it() -> None:
    response = problem_response(Unauthenticated("x"), request_id="r", accept="Application/Problem+JSON, */*")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "error", [ValueError("secret 42"), SettingInvalid("ML_X is 'secret'"), ServerlessMLError("secret")]
)
def test_the_unforeseen_tells_nothing_but_the_request_id(error: Exception) -> None:
    response = problem_response(error, request_id="r9")
    assert response.status == 500
    assert b"secret" not in response.body
    assert json.loads(response.body)["request_id"] == "r9"


def test_headers_that_a_status_needs() -> None:
    assert (
        problem_response(Unauthenticated("x"), request_id="r")
        .headers["www-authenticate"]
        .startswith("Bearer")
    )
    assert problem_response(MethodNotAllowed("PUT", "GET"), request_id="r").headers["allow"] == "GET"
