"""AWS: the built zips under Lambda's own runtime client, behind what an HTTP API makes of a request."""

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from providers.aws.deploying import packaging
from providers.aws.runtime import wiring
from tests.conformance.case import Answer, Request
from tests.conformance.cases.scoring import LAKE
from tests.conformance.cloud import Records, Running
from tests.ministack import Ministack
from tests.runtime.lambda_runtime import Function, runtime_client, unpacked

BUCKET, QUEUE, GRAPHS = "conformance-models", "conformance-train", "conformance-onnx"
KEYS, NO_KEYS = "/conformance/keys", "/conformance/no-keys"
# What an HTTP API hands over as text; all else is Base64.
_TEXTS = ("text/", "application/json", "application/javascript", "application/xml")
# What its documentation says it does with these: they are its own.
_GATEWAYS = {"connection", "content-length", "date", "transfer-encoding"}


@contextmanager
def started(
    request: pytest.FixtureRequest,
    folder: str,
    keys: Records,
    settings: dict[str, str],
    web: dict[str, str],
) -> Iterator[Running]:
    """See `tests.conformance.cloud.Cloud`."""
    zips = request.getfixturevalue("aws_packages")
    aws: Ministack = request.getfixturevalue("ministack")
    sqs = client(aws, "sqs")
    queue = _make(aws, keys)
    both = [zips.predict_layer, zips.training_layer]
    places = {
        "runtime": runtime_client(folder),
        "task": unpacked([zips.code], f"{folder}/task"),
        "api": unpacked(both[:1], f"{folder}/opt-api"),
        "train": unpacked(both, f"{folder}/opt-train"),
        "sweep": unpacked(both[:1], f"{folder}/opt-sweep"),
    }

    graphs = Function(
        "handlers.onnx.aws.run",
        task=unpacked([packaging.graph_function()], f"{folder}/graphs"),
        opt=None,
        runtime=places["runtime"],
        env={"ML_ARTIFACTS": f"{wiring.signer({**aws.env, 'ML_BUCKET': BUCKET}).below}artifacts/"},
    )
    stack = ExitStack()
    invoked = stack.enter_context(invocations(stack.enter_context(graphs)))

    def function(name: str, parameter: str, **more: str) -> Function:
        env = {"ML_BUCKET": BUCKET, "ML_QUEUE_URL": queue, "ML_KEYS_PARAMETER": parameter}
        env |= {"ML_ONNX": GRAPHS, "AWS_ENDPOINT_URL_LAMBDA": invoked}
        env |= {"ML_DATA_BUCKETS": f"s3://{BUCKET}/lake", "ML_OUTPUT_BUCKETS": f"s3://{BUCKET}/out"}
        return Function(
            f"handlers.clouds.aws.{name}",
            task=places["task"],
            opt=places[name],
            runtime=places["runtime"],
            env={**aws.env, **env, **settings, **more},
        )

    with (
        stack,
        function("api", KEYS) as api,
        function("api", NO_KEYS) as closed,
        function("api", KEYS, **web) as for_pages,
        function("train", KEYS) as train,
        function("sweep", KEYS) as sweep,
    ):

        def deliver() -> None:
            while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    answer = train.invoke({"Records": [record(message)]})
                    assert answer == {"batchItemFailures": []}, answer
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

        store = wiring.store({**aws.env, "ML_BUCKET": BUCKET})
        for key, data in LAKE.items():
            store.put_if_absent(key, data)
        yield Running(
            lambda sent: gateway(api, sent),
            lambda sent: gateway(closed, sent),
            lambda sent: gateway(for_pages, sent),
            deliver,
            lambda: check_swept(sweep.invoke({})),
            store,
            f"s3://{BUCKET}/lake/",
            f"s3://{BUCKET}/out/",
        )


@contextmanager
def invocations(function: Function) -> Iterator[str]:
    """Lambda's API as far as one function can be invoked by it; its address."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["content-length"])))
            named = self.path == f"/2015-03-31/functions/{GRAPHS}/invocations"
            signed = self.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ")
            answer = json.dumps(function.invoke(event)).encode() if named and signed else b"{}"
            self.send_response(200 if named and signed else 403)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def check_swept(counts: object) -> None:
    """What the function answers is what it did."""
    assert isinstance(counts, dict), counts
    assert "scheduled" in counts, counts


def client(aws: Ministack, service: str) -> Any:
    """boto3's client of a service of the emulator."""
    return boto3.client(
        service,
        endpoint_url=aws.url,
        region_name=aws.env["AWS_REGION"],
        aws_access_key_id=aws.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws.env["AWS_SECRET_ACCESS_KEY"],
    )


def _make(aws: Ministack, keys: Records) -> str:
    """Bucket, keys and queue; the queue's address."""
    client(aws, "s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.env["AWS_REGION"]}
    )
    client(aws, "ssm").put_parameter(Name=KEYS, Value=json.dumps(keys), Type="SecureString")
    queue = client(aws, "sqs").create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": "900"})
    return str(queue["QueueUrl"])


def record(message: dict[str, Any]) -> dict[str, Any]:
    """A message as Lambda's event source hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def gateway(function: Function, request: Request) -> Answer:
    """What an HTTP API does: a request becomes an event of payload 2.0, and the function's answer HTTP."""
    answer = function.invoke(_event(request))
    assert isinstance(answer, dict), answer
    assert "statusCode" in answer, answer  # else a caller gets 500 from the gateway
    body = b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return Answer(answer["statusCode"], headers, b"" if request.method == "HEAD" else body)


def _event(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name.lower() not in _GATEWAYS:
            joined = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
            headers[name.lower()] = joined
    headers.setdefault("host", "conformance.execute-api.eu-central-1.amazonaws.com")
    if request.body is not None:
        headers["content-length"] = str(len(request.body))
    about = {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": about, "requestId": "JKJaXmPLvHcESHA=", "stage": "$default"},
    }
    return {**event, **_body(request.body, headers)}


def _body(body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
    if body is None:
        return {"isBase64Encoded": False}
    if headers.get("content-type", "").startswith(_TEXTS) and "content-encoding" not in headers:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:  # an event is JSON: it could not hold such a text
            pass
    return {"body": b64encode(body).decode(), "isBase64Encoded": True}
