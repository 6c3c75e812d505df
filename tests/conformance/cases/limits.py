"""Limits: the last that is taken, and the first that is not."""

import gzip
import json

from tests.conformance.case import get, post
from tests.conformance.cases.inference import tensor

MIB = 1024 * 1024
ROW = [6.3, 2.5, 4.9, 1.5]
PATH = "/v1/models/iris:predict"
LINE = "/v1/models/line:predict"
BODY = json.dumps({"instances": [ROW]}).encode()
JSON = {"Content-Type": "application/json"}
GZIP = {**JSON, "Content-Encoding": "gzip"}
BINARY = {"Content-Type": "application/octet-stream"}


def _padded(length: int) -> bytes:
    """A request of that many bytes."""
    return BODY + b" " * (length - len(BODY))


CASES = [
    post("a body of 4 MiB", PATH, _padded(4 * MIB), 200, JSON),
    post("a body of 4 MiB and a byte", PATH, _padded(4 * MIB + 1), 413, JSON, code="too_large"),
    post("a body of 4 MiB that is no text", PATH, b"\xff" * (4 * MIB), 400, BINARY, code="malformed_input"),
    post("a body of 4 MiB when decoded", PATH, gzip.compress(_padded(4 * MIB), mtime=0), 200, GZIP),
    post(
        "a body of 4 MiB and a byte when decoded",
        PATH,
        gzip.compress(_padded(4 * MIB + 1), mtime=0),
        413,
        GZIP,
        code="too_large",
    ),
    post(
        "a small body that would be 100 MiB",
        PATH,
        gzip.compress(b" " * (100 * MIB), 9, mtime=0),
        413,
        GZIP,
        code="too_large",
    ),
    post("a long body for no such path", "/nowhere", _padded(4 * MIB + 1), 404, JSON, code="route_not_found"),
    post("a long body of a stranger", PATH, _padded(4 * MIB + 1), 401, JSON, key="", code="unauthenticated"),
    post("100,000 rows", LINE, {"instances": [[0.5]] * 100_000}),
    post("100,001 rows", LINE, {"instances": [[0.5]] * 100_001}, 413, code="too_large"),
    post(
        "100,001 rows of a tensor",
        "/v2/models/line/infer",
        {"inputs": [tensor(shape=[100_001, 1], data=[0] * 100_001)]},
        413,
        code="too_large",
    ),
    post("an answer of more than a MiB", LINE, {"instances": [[0.3]] * 3000, "outputs": ["distance"]}),
    post(
        "an answer past 4 MiB",
        LINE,
        {"instances": [[0.3]] * 14_000, "outputs": ["distance"]},
        413,
        code="too_large",
    ),
    post(
        "an answer of bytes, more than a MiB",
        "/v2/models/line/infer",
        {
            "inputs": [tensor(shape=[6000, 1], data=[0.3] * 6000)],
            "outputs": [{"name": "transform", "parameters": {"binary_data": True}}],
        },
    ),
    post(
        "more numbers than an answer may hold",
        LINE,
        {"instances": [[0.5]] * 80_001, "outputs": ["distance"]},
        413,
        code="too_large",
    ),
    get("a path of 8,000 characters", f"/v1/models/{'x' * 8000}", 404, code="model_not_found"),
]
