"""What the page of limits says comes past a limit of one request, comes: each is sent once too much."""

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.unit.documenting.test_limits import limits
from tests.unit.handlers.conftest import ROWS, asking, copy_of, services_over

TWO = ["a"] * 15 + ["b"] * 15
TRAIN, PREDICT = "/v1/models/new:train", "/v1/models/iris:predict"


class Sent(NamedTuple):
    """A request that is past a limit, under settings of its own, and what fills it up before."""

    method: str
    path: str
    body: Any = None
    settings: Mapping[str, str] = MappingProxyType({})
    headers: Mapping[str, str] = MappingProxyType({})
    before: tuple[tuple[str, str, Any], ...] = ()


def _train(**other: Any) -> dict[str, Any]:
    return {"algorithm": "svm", "instances": ROWS, "targets": TWO, **other}


def _png(width: int, height: int) -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def _pictures(width: int, height: int) -> dict[str, Any]:
    return {"algorithm": "cnn", "instances": [{"b64": _png(width, height)}] * 2, "targets": ["a", "b"]}


_LONG = {"b64": base64.b64encode(bytes(4 * 1_000_001)).decode(), "dtype": "float32"}
_SCHEDULE = {"train": {"algorithm": "svm", "data": {"uri": "dataset://iris", "target": "b"}}, "every": "P1D"}
_FILL = {"missing": ["a" * 200] * 100, "exclude": [f"{place:0200}" for place in range(400)]}
_SHORT = {"ML_MAX_BODY_BYTES": "1024"}

# By the beginning of the row.
PAST: dict[str, Sent] = {
    "a request's body": Sent("POST", PREDICT, {"instances": ROWS * 40}, _SHORT),
    "an answer": Sent("POST", PREDICT, {"instances": ROWS * 40}, {"ML_MAX_ANSWER_BYTES": "1024"}),
    "rows to predict": Sent("POST", PREDICT, {"instances": ROWS}, {"ML_MAX_ROWS": "3"}),
    "features of rows": Sent("POST", TRAIN, _train(), {"ML_MAX_COLUMNS": "3"}),
    "values in an answer": Sent(
        "POST", PREDICT, {"instances": ROWS, "outputs": ["probability"]}, {"ML_MAX_CELLS": "3"}
    ),
    "work of a network": Sent(
        "POST",
        "/v1/models/iris:explain",
        {"instances": ROWS, "background": {"instances": ROWS}},
        {"ML_MAX_MULTIPLICATIONS": "3"},
    ),
    "pictures of one request": Sent("POST", TRAIN, _pictures(6_000, 6_000)),
    "sequences of one request": Sent(
        "POST",
        TRAIN,
        {"algorithm": "rnn", "feature_names": ["volt"], "instances": [_LONG] * 2, "targets": ["a", "b"]},
        {"ML_MAX_BODY_BYTES": str(32 << 20)},
    ),
    "classes of": Sent(
        "POST",
        TRAIN,
        _train(instances=[[row] for row in range(1_001)], targets=[str(row) for row in range(1_001)]),
    ),
    "a label": Sent("POST", TRAIN, _train(targets=["a" * 201, *TWO[1:]])),
    "rows in `background`": Sent(
        "POST", "/v1/models/iris:explain", {"instances": ROWS, "background": {"instances": ROWS[:1] * 101}}
    ),
    "receipts in one": Sent(
        "POST", "/v1/models/iris:feedback", {"receipts": [{"receipt": "A" * 40, "label": "low"}] * 1_001}
    ),
    "`limit` of a list": Sent("GET", "/v1/models?limit=1001"),
    "the header `X-Routing-Key`": Sent(
        "POST", PREDICT, {"instances": ROWS}, headers={"x_routing_key": "a" * 256}
    ),
    "the name of a model": Sent("POST", f"/v1/models/{'a' * 64}:train", _train()),
    "aliases of a model": Sent(
        "PUT",
        "/v1/models/iris/aliases/one-more",
        {"version": 1},
        before=tuple(("PUT", f"/v1/models/iris/aliases/a{place}", {"version": 1}) for place in range(100)),
    ),
    "versions that share": Sent(
        "PUT", "/v1/models/iris/aliases/shared", {"weights": {str(one): 1 for one in range(1, 12)}}
    ),
    "a weight among": Sent("PUT", "/v1/models/iris/aliases/shared", {"weights": {"1": 10_001}}),
    "a description": Sent("PATCH", "/v1/models/iris", {"description": "a" * 2_001}),
    "tags of": Sent("PATCH", "/v1/models/iris", {"tags": {f"t{place}": "a" for place in range(21)}}),
    "the value of a tag": Sent("PATCH", "/v1/models/iris", {"tags": {"t": "a" * 101}}),
    "jobs of all keys": Sent(
        "POST", TRAIN, _train(), {"ML_MAX_JOBS": "1"}, before=(("POST", TRAIN, _train()),)
    ),
    "a side of a picture": Sent("POST", TRAIN, _pictures(16_385, 10)),
    "columns of a private training": Sent(
        "POST",
        TRAIN,
        {
            "algorithm": "logistic_regression",
            "instances": [[0] * 1_001] * 4,
            "targets": ["a", "a", "b", "b"],
            "privacy": {
                "epsilon": 1,
                "delta": 1e-6,
                "bounds": {f"x{place}": [0, 1] for place in range(1_001)},
                "classes": ["a", "b"],
            },
        },
    ),
    "what `origin` says": Sent(
        "POST",
        "/v1/models/iris:register",
        {
            "uri": f"artifact://iris/{'0' * 28}",
            "origin": {"description": "a", "version": {"curves": "b" * 140_000}},
        },
    ),
    "rows in its `example`": Sent(
        "POST",
        "/v1/models/new:import",
        {"uri": f"artifact://new/{'0' * 28}", "example": [[1]] * 17},
        {"ML_ONNX": "here"},
    ),
    "`most_a_day` of a schedule": Sent("PUT", "/v1/models/iris/schedule", {**_SCHEDULE, "most_a_day": 49}),
    "a schedule, as JSON": Sent(
        "PUT",
        "/v1/models/iris/schedule",
        {**_SCHEDULE, "train": {"algorithm": "svm", "data": {**_SCHEDULE["train"]["data"], **_FILL}}},  # type: ignore[index]
    ),
    "weights of a network": Sent(
        "POST",
        TRAIN,
        {
            "algorithm": "cnn",
            "hyperparameters": {"channels": [256], "dense": [1_024]},
            "instances": [[[0] * 64] * 64] * 4,
            "targets": ["a", "a", "b", "b"],
            "test_fraction": 0,
        },
    ),
}
# What takes keys, a day's receipts, weeks, a graph that hangs or a connection of its own has other tests:
# test_admission.py and test_auth.py, ml_core/test_feedback.py, and those of ml_core/running/.
TRIED_ELSEWHERE = {
    "jobs of one key", "a key", "labels that are counted", "a job after its end", "a receipt",
    "one call of an imported", "a body that the server reads", "a file that is uploaded",
    "a request's header",
}  # fmt: skip


@pytest.fixture
def sending(trained: Path, tmp_path: Path) -> Callable[[Sent], Any]:
    """Sends a request to models that no other test changes."""
    root = copy_of(trained, tmp_path / "models")

    def send(sent: Sent) -> Any:
        ask = asking(services_over(root, **sent.settings))
        for method, path, body in sent.before:
            assert ask(method, path, json.dumps(body).encode()).status < 300
        return ask(
            sent.method,
            sent.path,
            b"" if sent.body is None else json.dumps(sent.body).encode(),
            **sent.headers,
        )

    return send


@pytest.mark.parametrize("begin", PAST)
def test_a_request_past_a_limit_is_answered_as_the_page_says(
    begin: str, sending: Callable[[Sent], Any]
) -> None:
    (limit,) = [limit for limit in limits() if limit.what.startswith(begin)]
    answered = sending(PAST[begin])
    found = json.loads(answered.body)
    assert limit.past.startswith(f"{answered.status} `{found['code']}`"), found
    figures = {*PAST[begin].settings.values(), limit.most.split()[0].replace(",", "")}
    assert any(re.search(rf"\b{figure}\b", found["detail"].replace(",", "")) for figure in figures), found


def test_every_refusal_of_the_page_is_tried() -> None:
    refused = [limit.what for limit in limits() if limit.past[:3].isdigit()]
    assert [what for what in refused if not what.startswith((*PAST, *TRIED_ELSEWHERE))] == []
