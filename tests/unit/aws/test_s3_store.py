"""Where a bucket of data is: S3 refuses a request that goes to another region than the bucket's."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ml_core.errors import ObjectNotFound
from providers.aws.runtime.store import region_of
from providers.aws.runtime.wiring import data_bucket


class Handler(BaseHTTPRequestHandler):
    """S3, as it answers nobody in particular about a bucket."""

    def do_HEAD(self) -> None:
        self.send_response(301 if self.path == "/far" else 403 if self.path == "/closed" else 404)
        if self.path != "/none":
            self.send_header("x-amz-bucket-region", "ap-south-2")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests print nothing for requests that went well."""


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}", "AWS_REGION": "eu-west-1"}
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("bucket", "region"), [("far", "ap-south-2"), ("closed", "ap-south-2"), ("none", "eu-west-1")]
)
def test_a_bucket_is_read_in_its_own_region(env: dict[str, str], bucket: str, region: str) -> None:
    assert region_of(bucket, env) == region


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_the_buckets_of_other_clouds_are_not_here(scheme: str) -> None:
    with pytest.raises(ObjectNotFound, match="another cloud"):
        data_bucket({}, scheme, "lake")
