"""Calls to AWS without its SDK: signed as the SDK signs, tried again when that may help."""

import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.errors import Unavailable
from providers.aws.runtime import json_api
from providers.aws.runtime.queue import SqsQueue

LOCALHOST = os.path.join(os.path.dirname(__file__), "localhost.pem")

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG"}
Answer = tuple[int, str]


class Service:
    """An AWS service that answers as it was told, and keeps what it was asked."""

    def __init__(self, answers: list[Answer], *, tls: bool = False, chunked: bool = False) -> None:
        self.answers = answers
        self.targets: list[str] = []
        self.bodies: list[Any] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                service.targets.append(self.headers["x-amz-target"])
                service.bodies.append(json.loads(body))
                status, answer = service.answers[min(len(service.bodies), len(service.answers)) - 1]
                self.send_response(status)
                if chunked:
                    self.send_header("transfer-encoding", "chunked")
                    self.end_headers()
                    for part in (answer[:5], answer[5:]):
                        self.wfile.write(f"{len(part):x};note=1\r\n{part}\r\n".encode())
                    self.wfile.write(b"0\r\n\r\n")
                else:
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer.encode())

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(LOCALHOST)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def env(self) -> dict[str, str]:
        address = f"{self.scheme}://127.0.0.1:{self.server.server_port}"
        return {**KEYS, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": address}


@contextlib.contextmanager
def service(*answers: Answer, tls: bool = False, chunked: bool = False) -> Iterator[Service]:
    running = Service(list(answers), tls=tls, chunked=chunked)
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.server.shutdown()
        thread.join()
        running.server.server_close()


def call(running: Service, pauses: list[float] | None = None) -> dict[str, Any]:
    sleep = (pauses if pauses is not None else []).append
    return json_api.call(json_api.SSM, "GetParameter", {"Name": "/keys"}, running.env, sleep=sleep)


def refusal(code: str) -> str:
    return json.dumps(
        {"__type": f"com.amazonaws.ssm#{code}", "message": "arn:aws:iam::123456789012:role/api may not"}
    )


@settings(max_examples=50)
@given(
    body=st.binary(max_size=200),
    operation=st.text("abcXYZ", min_size=1),
    token=st.none() | st.text("aB/+=", min_size=1),
    region=st.sampled_from(["us-east-1", "cn-north-1"]),
    api=st.sampled_from([json_api.SSM, json_api.SQS]),
)
def test_a_request_is_signed_exactly_as_botocore_signs_it(
    body: bytes, operation: str, token: str | None, region: str, api: json_api.JsonService
) -> None:
    env = {**KEYS, "AWS_REGION": region} | ({"AWS_SESSION_TOKEN": token} if token else {})
    url = json_api.endpoint(api, env)
    credentials = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], token)
    request = AWSRequest("POST", url + "/", data=body)
    request.headers["content-type"] = f"application/x-amz-json-{api.json_version}"
    request.headers["x-amz-target"] = f"{api.target}.{operation}"
    SigV4Auth(credentials, api.name, region).add_auth(request)

    ours = json_api.signed(
        {
            "content-type": request.headers["content-type"],
            "host": url.removeprefix("https://"),
            "x-amz-date": request.headers["X-Amz-Date"],
            "x-amz-target": request.headers["x-amz-target"],
        },
        body,
        api.name,
        env,
    )

    assert ours["authorization"] == request.headers["Authorization"]
    assert ours.get("x-amz-security-token") == token


def test_the_answer_of_the_service_comes_back() -> None:
    with service((200, '{"Parameter": {"Value": "[]"}}')) as running:
        assert call(running) == {"Parameter": {"Value": "[]"}}
        assert running.targets == ["AmazonSSM.GetParameter"]
        assert running.bodies == [{"Name": "/keys"}]


def test_an_answer_in_chunks_is_put_together() -> None:
    with service((200, '{"Parameter": {}}'), chunked=True) as running:
        assert call(running) == {"Parameter": {}}


@pytest.mark.parametrize(
    "cut", [b"", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", b"?\r\n\r\n{}"]
)
def test_an_answer_that_was_cut_off_is_no_answer(cut: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(3):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(cut)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        env = {**KEYS, "AWS_REGION": "us-east-1"}
        env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable):
            json_api.call(json_api.SSM, "GetParameter", {}, env, sleep=lambda _: None)
        thread.join()


def test_a_certificate_that_only_the_system_knows_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a proxy which a company puts before AWS."""
    monkeypatch.setenv("SSL_CERT_FILE", LOCALHOST)
    with service((200, '{"ok": 1}'), tls=True) as running:
        assert call(running) == {"ok": 1}


def test_a_certificate_that_nobody_knows_is_refused_before_anything_is_sent() -> None:
    with service((200, "{}"), tls=True) as running:
        with pytest.raises(Unavailable):
            call(running)
        assert running.bodies == []


def test_the_roots_are_those_that_aws_publishes() -> None:
    """By the SHA-256 fingerprints on https://www.amazontrust.com/repository/."""
    with open(
        os.path.join(os.path.dirname(json_api.__file__), "amazon_roots.pem"), encoding="ascii"
    ) as roots:
        certificates = roots.read().split("-----BEGIN CERTIFICATE-----")[1:]
    found = {
        hashlib.sha256(
            ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE-----" + each.split("#")[0])
        ).hexdigest()
        for each in certificates
    }
    assert found == {
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    }


@pytest.mark.parametrize("passing", [(500, "{}"), (503, "busy"), (400, refusal("ThrottlingException"))])
def test_what_may_pass_is_tried_again_after_a_short_pause(passing: Answer) -> None:
    pauses: list[float] = []
    with service(passing, passing, (200, '{"ok": 1}')) as running:
        assert call(running, pauses) == {"ok": 1}
    assert len(pauses) == 2
    assert all(0 <= pause <= 0.4 for pause in pauses)


def test_three_failures_are_the_last_word() -> None:
    with service((500, "{}")) as running:
        with pytest.raises(Unavailable, match="AWS refused ssm GetParameter"):
            call(running)
        assert len(running.bodies) == 3


def test_a_refusal_is_not_tried_again_and_names_its_code_but_not_our_roles() -> None:
    with service((400, refusal("AccessDeniedException"))) as running:
        with pytest.raises(json_api.ServiceError) as raised:
            call(running)
        assert len(running.bodies) == 1
    assert raised.value.service_code == "AccessDeniedException"
    assert "arn:" not in str(raised.value)


def test_a_port_where_nobody_listens_is_unavailable() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        env = {**KEYS, "AWS_REGION": "us-east-1"}
        env["AWS_ENDPOINT_URL_SSM"] = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(Unavailable, match="did not answer"):
            json_api.call(json_api.SSM, "GetParameter", {}, env, sleep=lambda _: None)


def test_a_missing_credential_is_named() -> None:
    with pytest.raises(Unavailable, match="AWS_SECRET_ACCESS_KEY is not set"):
        json_api.call(json_api.SSM, "GetParameter", {}, {"AWS_REGION": "us-east-1"}, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({"AWS_REGION": "eu-west-1"}, "https://sqs.eu-west-1.amazonaws.com"),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, "https://sqs.cn-north-1.amazonaws.com.cn"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SSM": "http://b"}, "http://a"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SQS": "http://b"}, "http://b"),
    ],
)
def test_the_address_is_awss_own_unless_the_environment_names_one(env: dict[str, str], address: str) -> None:
    assert json_api.endpoint(json_api.SQS, env) == address


def test_a_submitted_job_is_a_message_that_names_it() -> None:
    with service((200, "{}")) as running:
        SqsQueue("http://queue", "http://dead", running.env).submit("job-1")
    assert running.targets == ["AmazonSQS.SendMessage"]
    assert running.bodies == [{"QueueUrl": "http://queue", "MessageBody": '{"job": "job-1"}'}]


@pytest.mark.parametrize(("seconds", "sent"), [(0.2, 0), (30.4, 30), (-1.0, 0), (1e6, 900)])
def test_a_deferral_is_a_new_message_within_what_sqs_takes(seconds: float, sent: int) -> None:
    """SQS counts how often it gave out a message: one that was shown again would be a dead letter in time."""
    with service((200, "{}")) as running:
        SqsQueue("http://queue", "http://dead", running.env).defer("job-1", seconds)
    assert running.targets == ["AmazonSQS.SendMessage"]
    assert running.bodies == [
        {"QueueUrl": "http://queue", "MessageBody": '{"job": "job-1"}', "DelaySeconds": sent}
    ]


def test_a_message_that_failed_is_hidden_for_a_while() -> None:
    with service((200, "{}")) as running:
        SqsQueue("http://queue", "http://dead", running.env).hide("receipt", 60.0)
    assert running.targets == ["AmazonSQS.ChangeMessageVisibility"]
    assert running.bodies == [
        {"QueueUrl": "http://queue", "ReceiptHandle": "receipt", "VisibilityTimeout": 60}
    ]


READ_KEYS = """
import json, sys
from providers.aws.runtime import wiring
assert wiring.key_records(json.loads(sys.argv[1])) == [{}]
heavy = {"hashlib", "hmac", "stringprep", "http.client", "email", "ssl", "typing", "urllib.parse"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""


def test_a_key_is_read_without_openssl_and_without_the_tables_of_idna() -> None:
    """Each of them costs a first prediction a fifth of a bare Python and more; TLS alone needs OpenSSL."""
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
    with service((200, json.dumps({"Parameters": [{"Name": "/keys/1", "Value": "{}"}]}))) as running:
        done = subprocess.run(
            [
                sys.executable,
                "-S",
                "-c",
                READ_KEYS,
                json.dumps({**running.env, "ML_KEYS_PARAMETER": "/keys"}),
            ],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert json.loads(done.stdout) == []
