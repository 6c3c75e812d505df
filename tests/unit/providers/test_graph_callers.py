"""How `api` and `train` call the function that runs graphs: bytes to bytes, and why there is no answer."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ml_core.errors import Unavailable
from providers.aws.runtime import graphs as on_aws
from providers.aws.runtime import wiring as aws
from providers.azure.runtime import wiring as azure
from providers.google.runtime import wiring as google
from tests.google import tasks

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "AWS_SESSION_TOKEN": "the-roles-token",
    "AWS_REGION": "eu-central-1",
}
PAYLOAD = b'{"url": "https://store/artifacts/x?sig=secret"}'


class Function:
    """What answers in the function's place: as it was told, keeping what it was asked."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, dict[str, str](), b'{"outputs": {}, "cold": true}'
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""


@contextmanager
def running() -> Iterator[Function]:
    function = Function()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            function.asked.append((self.path, {n.lower(): v for n, v in self.headers.items()}, body))
            self.send_response(function.status)
            for name, value in {**function.headers, "Content-Length": str(len(function.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(function.body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    function.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield function
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def function() -> Iterator[Function]:
    with running() as found:
        yield found


@pytest.fixture
def beside() -> Iterator[tasks.Beside]:
    with tasks.running() as servers:
        yield servers


def settings(cloud: str, function: Function, beside: tasks.Beside) -> dict[str, str]:
    if cloud == "aws":
        return {**KEYS, "ML_ONNX": "serverless-ml-dev-onnx", "AWS_ENDPOINT_URL": function.url}
    return {**beside.env, "ML_ONNX": f"{function.url}/serverless-ml-dev-onnx"}


CLOUDS: Mapping[str, Any] = {"aws": aws, "google": google, "azure": azure}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_without_the_setting_there_is_nobody_to_ask(cloud: str) -> None:
    assert CLOUDS[cloud].graphs({}) is None
    assert CLOUDS[cloud].graphs({"ML_ONNX": ""}) is None


@pytest.mark.parametrize("cloud", CLOUDS)
def test_bytes_go_and_bytes_come_back(cloud: str, function: Function, beside: tasks.Beside) -> None:
    caller = CLOUDS[cloud].graphs(settings(cloud, function, beside))
    assert [caller.call(PAYLOAD) for _ in range(3)] == [function.body] * 3
    assert [body for _, _, body in function.asked] == [PAYLOAD] * 3


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "not"), (404, "deploy with --param onnx=yes"), (429, "at once"), (413, "too long"), (500, "500")],
)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_refusal_is_said_in_words_without_what_was_sent(
    cloud: str, status: int, said: str, function: Function, beside: tasks.Beside
) -> None:
    caller = CLOUDS[cloud].graphs(settings(cloud, function, beside))
    function.status, function.body = status, b"secret"
    with pytest.raises(Unavailable, match=said) as refused:
        caller.call(PAYLOAD)
    assert "secret" not in str(refused.value)
    assert "https://" not in str(refused.value)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_nobody_there_is_said(cloud: str, beside: tasks.Beside) -> None:
    with running() as gone:
        told = settings(cloud, gone, beside)
    with pytest.raises(Unavailable, match="cannot be reached"):
        CLOUDS[cloud].graphs(told).call(PAYLOAD)


@pytest.mark.parametrize(
    "name", ["serverless-ml-dev-onnx", "arn:aws:lambda:eu-central-1:111122223333:function:ml-onnx"]
)
def test_a_call_of_lambda_is_signed_as_its_sdk_signs(name: str, function: Function) -> None:
    aws.graphs({**KEYS, "ML_ONNX": name, "AWS_ENDPOINT_URL": function.url}).call(PAYLOAD)  # type: ignore[union-attr]
    ((path, headers, body),) = function.asked
    assert unquote(path) == f"/2015-03-31/functions/{name}/invocations"
    assert "x-amz-invocation-type" not in headers  # RequestResponse is the default
    names = ("content-type", "host", "x-amz-date", "x-amz-security-token")
    request = AWSRequest("POST", f"{function.url}{path}", {each: headers[each] for each in names}, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    keys = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], KEYS["AWS_SESSION_TOKEN"])
    auth = SigV4Auth(keys, "lambda", KEYS["AWS_REGION"])
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert headers["authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"errorMessage": "2026-11-27T20:00:00Z 1 Task timed out after 28.00 seconds", "errorType": "X"},
            "failed: timed out",
        ),
        ({"errorType": "Runtime.ExitError", "errorMessage": "secret"}, "failed: Runtime.ExitError"),
        ([], "failed: it did not say why"),
    ],
)
def test_a_function_of_lambda_that_failed_is_said_by_the_kind_of_its_error(
    answer: object, said: str, function: Function, beside: tasks.Beside
) -> None:
    function.headers, function.body = {"X-Amz-Function-Error": "Unhandled"}, json.dumps(answer).encode()
    with pytest.raises(Unavailable, match=said) as failed:
        aws.graphs(settings("aws", function, beside)).call(PAYLOAD)  # type: ignore[union-attr]
    assert "secret" not in str(failed.value)


def test_lambda_is_not_sent_what_it_does_not_take(function: Function, beside: tasks.Beside) -> None:
    caller = aws.graphs(settings("aws", function, beside))
    assert caller is not None
    caller.call(b"x" * on_aws.MOST_PAYLOAD_BYTES)
    with pytest.raises(Unavailable, match="expected at most 6291456 bytes, got 6291457"):
        caller.call(b"x" * (on_aws.MOST_PAYLOAD_BYTES + 1))
    assert len(function.asked) == 1


def test_on_google_an_identity_goes_along_and_is_kept_until_shortly_before_it_expires(
    function: Function, beside: tasks.Beside
) -> None:
    told = settings("google", function, beside)
    caller = google.graphs(told)
    assert caller is not None
    for _ in range(3):
        caller.call(PAYLOAD)
    assert beside.audiences == [told["ML_ONNX"]]
    path, headers, _ = function.asked[0]
    assert path == "/serverless-ml-dev-onnx"
    assert headers["authorization"].startswith("Bearer ey")
    beside.identity_expiry = 0
    caller = google.graphs(told)
    assert caller is not None
    for _ in range(2):
        caller.call(PAYLOAD)
    assert beside.audiences == [told["ML_ONNX"]] * 3


def test_what_calls_imports_nothing_heavy_before_a_graph_is_asked() -> None:
    """Each of these costs a cold start; no prediction of a model of ours pays for it."""
    import subprocess
    import sys

    program = (
        "import sys; import providers.aws.runtime.wiring as wiring; wiring.graphs({}); "
        "print([each for each in ('http.client', 'ssl', 'urllib.parse', 'providers.kept_connections') "
        "if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
