"""Deploying a model to Lambda: what the emulator cannot show."""

from typing import Any

import pytest

from ml_core.errors import InvalidInput, TooLarge, Unavailable
from providers.aws.deploying import functions


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> functions._Deployment:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return functions._Deployment("iris", 512, "eu-central-1", lambda _: None)


def refusal(deployment: functions._Deployment, message: str) -> Exception:
    """What boto3 raises when Lambda calls a parameter invalid."""
    kind = deployment._lambda.exceptions.InvalidParameterValueException
    error: Exception = kind({"Error": {"Message": message}}, "CreateFunction")
    return error


def test_a_role_that_lambda_does_not_know_yet_is_waited_for(deployment: functions._Deployment) -> None:
    unknown = refusal(deployment, "The role defined for the function cannot be assumed by Lambda.")
    outcomes: list[Any] = [unknown, unknown, {"FunctionArn": "arn"}]

    def create() -> dict[str, Any]:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        answer: dict[str, Any] = outcome
        return answer

    assert deployment._when_the_role_is_known(create, [0, 0, 0]) == {"FunctionArn": "arn"}
    assert outcomes == []


def test_any_other_refusal_is_the_last_word(deployment: functions._Deployment) -> None:
    calls: list[int] = []

    def create() -> dict[str, Any]:
        calls.append(1)
        raise refusal(deployment, "Unzipped size must be smaller than 262144000 bytes")

    with pytest.raises(Exception, match="Unzipped size"):
        deployment._when_the_role_is_known(create, [0, 0, 0])
    assert calls == [1]


@pytest.mark.parametrize("memory_mb", [0, 127, 10_241])
def test_memory_that_lambda_does_not_offer_is_refused_before_anything_is_built(memory_mb: int) -> None:
    with pytest.raises(InvalidInput, match="128 to 10240"):
        functions.deploy(b"", "iris", memory_mb=memory_mb, region=None, progress=lambda _: None)


def test_a_payload_that_no_call_carries_is_refused_before_it_is_sent() -> None:
    with pytest.raises(TooLarge, match="at most 6,291,456 bytes on Lambda, got"):
        functions.invoke("iris", bytes(6 * 1024 * 1024 + 1), region="eu-central-1")


def test_a_cloud_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unavailable, match="AWS: Could not connect"):
        functions.invoke("iris", b"{}", region="eu-central-1")
