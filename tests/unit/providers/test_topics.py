"""Topics of the three clouds are told as their documents say, and what is not taken is tried again."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from ml_core.errors import NotConfigured, Unavailable
from providers import http
from providers.aws.runtime import wiring as aws
from providers.azure.runtime import identity
from providers.azure.runtime import wiring as azure
from providers.azure.runtime.topic import EventGridTopic
from providers.google.runtime import wiring as google

ARN = "arn:aws:sns:eu-west-1:123456789012:ml-events"
PATH = "projects/p1/topics/ml-events"
ENDPOINT = "https://ml-events.westeurope-1.eventgrid.azure.net/api/events"
BODY = json.dumps(
    {"type": "job.failed", "timestamp": "2026-11-27T11:00:00Z", "data": {"model": "iris", "job": "a" * 28}}
).encode()


class Cloud:
    """A service of a cloud that keeps what it is asked, and answers with a status."""

    def __init__(self) -> None:
        self.status = 200
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                cloud.came.append((self.path, {n.lower(): v for n, v in self.headers.items()}, body))
                self._answer(cloud.status, b"<no-json/>")

            def do_GET(self) -> None:
                cloud.came.append((self.path, {n.lower(): v for n, v in self.headers.items()}, b""))
                self._answer(200, json.dumps(
                    {"access_token": "t0k", "expires_in": 3600, "expires_on": "9999999999"}
                ).encode())  # fmt: skip

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


@contextmanager
def serving() -> Iterator[Cloud]:
    cloud = Cloud()
    running = threading.Thread(target=cloud.server.serve_forever, kwargs={"poll_interval": 0.01})
    running.start()
    try:
        yield cloud
    finally:
        cloud.server.shutdown()
        running.join()
        cloud.server.server_close()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setattr(http, "TRIES", 1)
    with serving() as running:
        yield running


def aws_env(cloud: Cloud) -> dict[str, str]:
    return {
        "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session", "AWS_ENDPOINT_URL": f"http://{cloud.authority}",
    }  # fmt: skip


def test_sns_gets_the_message_with_its_attributes(cloud: Cloud) -> None:
    topic = aws.topic(aws_env(cloud), ARN)
    topic.send("n1", BODY)
    ((path, headers, body),) = cloud.came
    form = {name: value for name, (value,) in parse_qs(body.decode()).items()}
    assert path == "/"
    assert form == {
        "Action": "Publish", "Version": "2010-03-31", "TopicArn": ARN, "Message": BODY.decode(),
        "MessageAttributes.entry.1.Name": "id",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "n1",
        "MessageAttributes.entry.2.Name": "type",
        "MessageAttributes.entry.2.Value.DataType": "String",
        "MessageAttributes.entry.2.Value.StringValue": "job.failed",
    }  # fmt: skip
    assert "/eu-west-1/sns/aws4_request" in headers["authorization"], "the topic's region signs"
    assert headers["x-amz-security-token"] == "session"
    assert topic.name == ARN


def test_pub_sub_gets_the_message_with_its_attributes(cloud: Cloud) -> None:
    env = {"GCE_METADATA_HOST": cloud.authority, "GOOGLE_ENDPOINT_URL_PUBSUB": f"http://{cloud.authority}"}
    google.topic(env, PATH).send("n1", BODY)
    _, (path, headers, body) = cloud.came
    (message,) = json.loads(body)["messages"]
    assert path == f"/v1/{PATH}:publish"
    assert base64.b64decode(message["data"]) == BODY
    assert message["attributes"] == {"id": "n1", "type": "job.failed"}
    assert headers["authorization"] == "Bearer t0k"


def test_event_grid_gets_an_event_in_its_schema(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    identity.forget()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{cloud.authority}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "h")
    topic = EventGridTopic(f"http://{cloud.authority}/api/events", {"ML_STORAGE__clientId": "c1"})
    topic.send("n1", BODY)
    (asked, *_), (path, headers, body) = cloud.came
    assert "resource=https%3A%2F%2Feventgrid.azure.net" in asked
    assert "client_id=c1" in asked
    assert path == "/api/events?api-version=2018-01-01"
    assert headers["authorization"] == "Bearer t0k"
    assert json.loads(body) == [
        {
            "id": "n1", "eventType": "job.failed", "subject": "models/iris",
            "eventTime": "2026-11-27T11:00:00Z", "data": {"model": "iris", "job": "a" * 28},
            "dataVersion": "1",
        }
    ]  # fmt: skip
    identity.forget()


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_what_is_not_taken_is_tried_again(cloud: Cloud, status: int) -> None:
    cloud.status = status
    env = {"GCE_METADATA_HOST": cloud.authority, "GOOGLE_ENDPOINT_URL": f"http://{cloud.authority}"}
    grid = EventGridTopic(f"http://{cloud.authority}/api/events", {}, lambda _: "t0k")
    for topic in (aws.topic(aws_env(cloud), ARN), google.topic(env, PATH), grid):
        with pytest.raises(Unavailable, match=str(status)):
            topic.send("n1", BODY)


@pytest.mark.parametrize("name", ["", "ml-events", "arn:aws:sqs:eu-west-1:1:q", f"{ARN}:subscription", PATH])
def test_what_is_no_topic_of_sns(name: str) -> None:
    with pytest.raises(NotConfigured, match="ML_TOPIC: expected the ARN of a topic of SNS"):
        aws.topic({}, name)


@pytest.mark.parametrize(
    "name", ["", "ml-events", "projects//topics/x", f"{PATH}/x", "projects/p/queues/x", ARN]
)
def test_what_is_no_topic_of_pub_sub(name: str) -> None:
    with pytest.raises(NotConfigured, match="ML_TOPIC: expected projects/<project>/topics/<topic>"):
        google.topic({}, name)


@pytest.mark.parametrize(
    "name",
    ["", "https://evil.example.com/api/events", ENDPOINT.replace("https", "http"), f"{ENDPOINT}?x=1",
     "https://evil.example.com/.eventgrid.azure.net/api/events"],
)  # fmt: skip
def test_what_is_no_topic_of_event_grid(name: str) -> None:
    with pytest.raises(NotConfigured, match="ML_TOPIC: expected https://"):
        azure.topic({}, name)
    assert azure.topic({}, ENDPOINT).name == ENDPOINT
