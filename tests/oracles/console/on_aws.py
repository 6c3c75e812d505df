"""AWS on a port of this machine: the built zips under Lambda's runtime client, as an HTTP API serves them.

What a browser uploads goes straight to the bucket, which checks each signature and lets pages in by the rules
that the deployment's template gives it.
"""

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conformance.case import Request
from tests.conformance.clouds.aws import client, gateway, record
from tests.framework import Packages
from tests.ministack import REGION, Ministack
from tests.runtime.lambda_runtime import Function, runtime_client, unpacked

BUCKET, QUEUE, KEYS = "console-models", "console-train", "/console/keys"
_TRAIN_SECONDS = 300


@contextmanager
def packaged(zips: Packages, aws: Ministack, folder: str, keys: list[dict[str, Any]]) -> Iterator[str]:
    """The address of the service, which knows these keys.

    Args:
        zips: what `serverless package` made.
        aws: the emulator, which has to check signatures: only then it keeps a bucket's rules.
        folder: an empty folder of its own.
        keys: the records of the keys.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        url = f"http://127.0.0.1:{server.server_port}"
        queue = _make(aws, keys, _rules(zips, url))
        layers = [zips.predict_layer, zips.training_layer]
        env = {"ML_BUCKET": BUCKET, "ML_QUEUE_URL": queue, "ML_KEYS_PARAMETER": KEYS, "ML_ALIAS_TTL": "0"}
        both: dict[str, Any] = {
            "task": unpacked([zips.code], f"{folder}/task"),
            "runtime": runtime_client(folder),
            "env": {**aws.env, **env},
        }
        opt = unpacked(layers[:1], f"{folder}/opt-api"), unpacked(layers, f"{folder}/opt-train")
        with (
            Function("handlers.clouds.aws.api", opt=opt[0], **both) as api,
            Function("handlers.clouds.aws.train", opt=opt[1], timeout=_TRAIN_SECONDS, **both) as train,
            _delivering(client(aws, "sqs"), queue, train),
        ):
            server.RequestHandlerClass = type("Bound", (_Handler,), {"api": api, "one": threading.Lock()})
            with ThreadPoolExecutor(1) as pool:
                pool.submit(server.serve_forever, poll_interval=0.05)
                try:
                    yield url
                finally:
                    server.shutdown()


def _make(aws: Ministack, keys: list[dict[str, Any]], rules: list[dict[str, Any]]) -> str:
    """Bucket, keys and queue; the queue's address."""
    s3, sqs = client(aws, "s3"), client(aws, "sqs")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": rules})
    client(aws, "ssm").put_parameter(Name=KEYS, Value=json.dumps(keys), Type="SecureString")
    queue = sqs.create_queue(QueueName=QUEUE, Attributes={"VisibilityTimeout": "900"})
    return str(queue["QueueUrl"])


def _rules(zips: Packages, url: str) -> list[dict[str, Any]]:
    """The rules that the template gives the bucket by itself, with this address for the HTTP API's."""
    template = os.path.join(os.path.dirname(zips.code), "cloudformation-template-update-stack.json")
    with open(template, encoding="utf-8") as file:
        bucket = json.load(file)["Resources"]["Models"]["Properties"]
    (rule,) = (each for each in bucket["CorsConfiguration"]["CorsRules"] if "AllowedOrigins" in each)
    (origin,) = rule["AllowedOrigins"]
    assert origin["Fn::Sub"].startswith("https://${HttpApi}.execute-api."), origin
    return [
        {
            "AllowedOrigins": [url],
            "AllowedMethods": rule["AllowedMethods"],
            "AllowedHeaders": rule["AllowedHeaders"],
            "ExposeHeaders": rule["ExposedHeaders"],
            "MaxAgeSeconds": rule["MaxAge"],
        }
    ]


@contextmanager
def _delivering(sqs: Any, queue: str, train: Function) -> Iterator[None]:
    """What the queue's event source does: each message that comes reaches the trainer."""
    over = threading.Event()

    def deliver() -> None:
        while not over.is_set():
            received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
            for message in received.get("Messages", []):
                answer = train.invoke({"Records": [record(message)]})
                assert answer == {"batchItemFailures": []}, answer
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(deliver)
        try:
            yield
        finally:
            over.set()
        delivered.result()


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the function as an event, one after the other: there is one instance."""

    protocol_version = "HTTP/1.1"
    api: Function
    one: threading.Lock

    def handle(self) -> None:
        """Answer until the browser leaves, which it may do at any time."""
        with suppress(ConnectionError):
            super().handle()

    def _ask(self) -> None:
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length is not None else None
        with self.one:
            answer = gateway(self.api, Request(self.command, self.path, tuple(self.headers.items()), body))
        self.send_response(answer.status)
        for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _ask  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing beside what the function logs."""
