"""What deploying a model as a function says on every cloud, before and after the cloud itself."""

import json
from typing import Any

import pytest

import providers
from ml_core.errors import (
    InvalidInput,
    MalformedInput,
    ModelNotFound,
    NotFound,
    ServerlessMLError,
    Unavailable,
)
from providers.deploying.functions import answered


class Fitted:
    def to_bytes(self) -> bytes:
        raise AssertionError("nothing is made of a model whose function cannot be")


@pytest.mark.parametrize("name", ["", "-a", "a b", "ä", "a_b", "x" * 49])
def test_a_name_that_some_cloud_would_refuse_is_refused_at_once(name: str) -> None:
    with pytest.raises(InvalidInput, match="expected 1 to 48 letters, digits and hyphens, got"):
        providers.deploy_model(Fitted(), name)


@pytest.mark.parametrize("provider", ["mars", "local"])
def test_an_unknown_provider_is_not_found(provider: str) -> None:
    with pytest.raises(NotFound, match=provider):
        providers.invoke_model("iris", {"instances": []}, provider=provider)


@pytest.mark.parametrize("payload", [{"instances": [[float("nan")]]}, {"instances": {1, 2}}])
def test_a_payload_that_is_not_json_is_invalid(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        providers.invoke_model("iris", payload)


def test_an_answer_is_what_predict_answers() -> None:
    assert answered(b'{"predictions": [1]}') == {"predictions": [1]}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("unavailable", Unavailable),
        ("model_not_found", ModelNotFound),
        ("not_found", NotFound),
        ("internal", ServerlessMLError),
        ("of_a_later_release", ServerlessMLError),
    ],
)
def test_a_problem_is_raised_as_the_error_that_it_was(code: str, kind: type[ServerlessMLError]) -> None:
    with pytest.raises(kind, match="what happened") as raised:
        answered(json.dumps({"code": code, "detail": "what happened"}).encode())
    assert type(raised.value) is kind


def test_faults_come_back_with_their_paths() -> None:
    faults = [{"path": "$.instances[2]", "message": "has 7 features"}]
    with pytest.raises(InvalidInput) as raised:
        answered(json.dumps({"code": "invalid_input", "detail": "…", "faults": faults}).encode())
    assert raised.value.faults == [("$.instances[2]", "has 7 features")]


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"3"])
def test_an_answer_of_something_else_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedInput, match="deploy_model"):
        answered(answer)


def test_the_public_functions_are_imported_only_when_they_are_asked_for() -> None:
    assert providers.__all__ == ["deploy_model", "invoke_model"]
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = providers.nothing_of_the_kind
