"""Lambda's events, whole as they were recorded, through the adapter to real models and back."""

import json
import os
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.auth import PREDICT
from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.rest.http import Response
from handlers.settings import read_settings
from ml_core.errors import Unavailable
from ml_core.inputs.rows import Limits
from ml_core.jobs.leases import LEASE, claim
from ml_core.jobs.sweep import Swept
from ml_core.training.notebook import check_request
from providers.deploying.keys import new_key
from providers.local.runtime.queue import FolderQueue
from tests.unit.handlers.conftest import REQUESTS, services_over

EVENTS = os.path.join(os.path.dirname(__file__), "..", "..", "events")
KEY = new_key(PREDICT)


class Context:
    """What Lambda tells a function of its invocation."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def event(name: str, **replaced: str) -> dict[str, Any]:
    """A recorded event, with words in it replaced."""
    with open(os.path.join(EVENTS, f"{name}.json"), encoding="utf-8") as file:
        text = file.read()
    for word, value in {"KEY": KEY.key, **replaced}.items():
        text = text.replace(word, value)
    recorded: dict[str, Any] = json.loads(text)
    return recorded


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter as in a new process."""
    monkeypatch.setattr(bootstrap, "_SERVICES", [])
    monkeypatch.setattr(aws, "_API", [])


@pytest.fixture
def deployed(trained: Path) -> None:
    """The adapter over the trained models, asking for `KEY`."""
    settings = read_settings({"ML_ROOT": str(trained)})
    bootstrap._SERVICES.append(folder_services(settings, key_records=lambda: [KEY.record]))


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The adapter under `serverless invoke local`, over a new folder."""
    monkeypatch.setenv("IS_LOCAL", "true")
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("name", ["http_api_predict", "http_api_named_stage", "rest_api_predict"])
def test_a_prediction_over_every_kind_of_gateway(name: str) -> None:
    answer = aws.api(event(name), Context())
    assert answer["statusCode"] == 200
    assert answer["isBase64Encoded"] is False
    assert answer["headers"]["content-type"] == "application/json"
    body = json.loads(answer["body"])
    assert body["model"] == {"name": "iris", "version": 1}
    assert len(body["predictions"]) == 1
    json.dumps(answer)


@pytest.mark.usefixtures("deployed")
def test_the_request_id_is_the_gateways() -> None:
    asked = event("http_api_predict")
    assert aws.api(asked, Context())["headers"]["x-request-id"] == asked["requestContext"]["requestId"]


@pytest.mark.usefixtures("deployed")
def test_bytes_come_and_go_as_base64() -> None:
    answer = aws.api(event("function_url_binary_infer"), Context())
    assert answer["statusCode"] == 200
    assert answer["isBase64Encoded"] is True
    body = b64decode(answer["body"])
    length = int(answer["headers"]["inference-header-content-length"])
    header = json.loads(body[:length])
    assert header["id"] == "42"
    assert header["outputs"][0]["parameters"]["binary_data_size"] == len(body) - length


def test_query_and_cookies_of_payload_2_are_read() -> None:
    request = aws.from_event(event("http_api_list_models"))
    assert request.query == {"limit": "1", "after": "a-b"}
    assert request.headers["cookie"] == "a=1; b=2"
    assert request.body == b""


def test_several_headers_of_one_name_are_joined() -> None:
    assert aws.from_event(event("rest_api_predict")).headers["x-forwarded-for"] == "52.255.255.12, 10.0.0.1"


def test_a_path_is_decoded() -> None:
    encoded = event("http_api_predict")
    encoded["rawPath"] = "/v1/models/iris%3Apredict"
    assert aws.from_event(encoded).path == "/v1/models/iris:predict"


@pytest.mark.parametrize("path", ["/development/x", "/devil", "/v1/dev"])
def test_only_the_stage_itself_is_taken_off_a_path(path: str) -> None:
    staged = event("http_api_named_stage")
    staged["rawPath"] = path
    assert aws.from_event(staged).path == path


@pytest.mark.usefixtures("deployed")
def test_without_its_key_a_request_is_refused() -> None:
    answer = aws.api(event("http_api_predict", **{KEY.key: "wrong"}), Context())
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["code"] == "unauthenticated"


def test_a_long_text_travels_as_base64_because_json_would_double_its_quotes() -> None:
    body = json.dumps([""] * 500_000).encode()
    answer = aws.to_event(Response(200, {"content-type": "application/json"}, body))
    assert answer["isBase64Encoded"] is True
    assert b64decode(answer["body"]) == body
    assert len(json.dumps(answer)) < 6_000_000


@pytest.mark.usefixtures("deployed")
def test_a_bare_event_is_answered_with_the_prediction_itself() -> None:
    asked = event("invoke_predict")
    asked["instances"][1] = asked["instances"][0]
    answer = aws.api(asked, Context())
    assert answer["model"] == {"name": "iris", "version": 1}
    assert answer["classes"] == ["high", "low", "middle"]
    assert [sorted(row) for row in answer["predictions"]] == [["label", "probability"]] * 2


@pytest.mark.usefixtures("deployed")
def test_a_bare_event_may_name_a_version() -> None:
    assert aws.api({**event("invoke_predict"), "version": 7}, Context())["code"] == "version_not_found"


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    "bare",
    [
        {},
        {"model": 7},
        {"model": "../x"},
        {"model": "iris"},
        {"model": "iris", "instances": [[1e999]]},
        [],
        None,
    ],
)
def test_a_bare_event_that_is_wrong_is_answered_with_the_problem(bare: Any) -> None:
    answer = aws.api(bare, Context())
    assert 400 <= answer["status"] < 500
    assert answer["request_id"] == Context.aws_request_id


def test_without_a_key_configured_only_health_is_served(trained: Path) -> None:
    bootstrap._SERVICES.append(
        folder_services(read_settings({"ML_ROOT": str(trained)}), key_records=lambda: None)
    )
    closed = aws.api(event("http_api_predict"), Context())
    assert closed["statusCode"] == 503
    assert json.loads(closed["body"])["code"] == "not_configured"
    health = event("http_api_list_models")
    health["rawPath"] = "/v2/health/live"
    assert aws.api(health, Context())["body"] == '{"live":true}'


def test_invoke_local_trains_and_predicts_in_the_folder_without_a_key(local: Path) -> None:
    job = aws.train({"model": "iris", **REQUESTS["iris"]}, Context())
    assert job["state"] == "succeeded"
    assert job["version"] == 1
    assert aws.api(event("http_api_predict"), Context())["statusCode"] == 200
    assert (local / "models").is_dir() or os.listdir(local)


@pytest.mark.usefixtures("local")
def test_a_bare_training_that_is_wrong_is_answered_with_the_problem() -> None:
    assert aws.train({"model": "iris", "algorithm": "magic"}, Context())["code"] == "invalid_input"
    assert aws.train({"algorithm": "svm"}, Context())["faults"][0]["path"] == "$.model"
    assert aws.train({"model": "No Name", "algorithm": "svm"}, Context())["faults"][0]["path"] == "$.model"


def test_is_local_opens_nothing_in_the_real_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IS_LOCAL", "true")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    assert aws.services().asks_for_keys


def test_a_batch_runs_its_jobs_and_keeps_what_names_none_among_the_dead_letters(local: Path) -> None:
    """One job is trained, one was never heard of and is forgotten, and one message names no job."""
    services = services_over(local)
    request = check_request(REQUESTS["groups"], Limits())
    job = services.jobs.submit("groups", request.to_bytes(), request.summary())
    assert aws.train(event("sqs_batch", JOB=job.id), Context()) == {"batchItemFailures": []}
    assert services.jobs.get(job.id).state == "succeeded"
    (buried,) = (local / "~queue" / "~dead-letters").iterdir()
    assert buried.read_text() == "not json"


def test_a_message_that_fails_comes_again_and_is_a_dead_letter_in_the_end(local: Path) -> None:
    """The job's document is not one of ours: nothing can be done with its message, however often it comes."""
    services = services_over(local)
    job = services.jobs.submit("groups", b"{}", {})
    services.store.write_stream(f"jobs/{job.id}.json", [b"[]"])
    batch = event("sqs_batch", JOB=job.id)
    batch["Records"] = batch["Records"][:1]
    again = {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}
    assert aws.train(batch, Context()) == again
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = "20"
    assert aws.train(batch, Context()) == {"batchItemFailures": []}
    (buried,) = (local / "~queue" / "~dead-letters").iterdir()
    assert json.loads(buried.read_text()) == {"job": job.id}


def test_a_job_that_comes_again_is_a_new_message(local: Path) -> None:
    """SQS counts how often it gave out a message; one that never failed is not to be counted."""
    services = services_over(local)
    job = services.jobs.submit("groups", b"{}", {})
    assert claim(services.jobs, job.id).lease is not None
    batch = event("sqs_batch", JOB=job.id)
    batch["Records"] = batch["Records"][:1]
    batch["Records"][0]["attributes"]["ApproximateReceiveCount"] = "90"
    assert aws.train(batch, Context()) == {"batchItemFailures": []}, "SQS deletes the present one"
    due, pause = FolderQueue(str(local)).due()
    assert due == []
    assert pause is not None
    assert LEASE / 2 < pause < LEASE + 2


def test_where_it_cannot_be_sent_the_present_message_comes_again(
    local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable("the role may not send")

    monkeypatch.setattr(FolderQueue, "defer", refuse)
    hidden: list[tuple[str, float]] = []
    queue = SimpleNamespace(hide=lambda receipt, seconds: hidden.append((receipt, seconds)))
    monkeypatch.setattr("providers.aws.runtime.wiring.queue", lambda _: queue)
    services = services_over(local)
    job = services.jobs.submit("groups", b"{}", {})
    assert claim(services.jobs, job.id).lease is not None
    (record,) = event("sqs_batch", JOB=job.id)["Records"][:1]
    again = {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert aws.train({"Records": [record]}, Context()) == again
    ((receipt, seconds),) = hidden
    assert receipt == record["receiptHandle"]
    assert seconds > LEASE / 2


@pytest.mark.usefixtures("local")
def test_the_schedule_sweeps() -> None:
    counts = aws.sweep(event("schedule"), Context())
    assert counts == {**Swept()._asdict(), "notices": 0}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    "replaced",
    [
        {"requestContext": 7},
        {"isBase64Encoded": True, "body": "a"},
        {"headers": [1]},
        {"rawPath": 3},
        {"multiValueHeaders": {"a": 1}},
    ],
)
def test_an_event_that_no_gateway_sends_is_malformed(replaced: dict[str, Any]) -> None:
    assert aws.api({**event("http_api_predict"), **replaced}, Context())["statusCode"] == 400
