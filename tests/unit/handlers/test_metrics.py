"""What the laptop's server tells Prometheus, read by Prometheus' own parser."""

import hashlib
import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from handlers.local.metrics import MOST_MODELS, OTHER, Metrics
from handlers.local.services import folder_services
from handlers.rest.http import Request
from handlers.rest.routes import ROUTES
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.jobs.marks import mark_ended
from tests.unit.handlers.conftest import IRIS, copy_of, services_over, serving

PREDICT = "/v1/models/{model}:predict"
Read = dict[str, dict[tuple[tuple[str, str], ...], float]]


def _read(text: str) -> Read:
    """The samples by name and labels, each of them once; every family has its help and its type."""
    found: Read = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), sample
            found[sample.name][labels] = sample.value
    return found


def _asked(
    address: tuple[str, int], method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*address, timeout=60)
    sent = None if body is None else json.dumps(body).encode()
    connection.request(
        method, path, sent, {"Content-Type": "application/json", "Connection": "close", **headers}
    )
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def _metrics(services: Services) -> Metrics:
    return Metrics(services, None, lambda: 3)


def _told(metrics: Metrics, **headers: str) -> Read:
    response = metrics.answer(Request("GET", "/metrics", {}, headers, b"", "r1"))
    assert response.status == 200, response.body
    return _read(response.body.decode())


def _labels(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def test_requests_and_predictions_are_told_over_http(trained: Path) -> None:
    with serving(services_over(trained, ML_MONITORING_DAYS="0")) as address:
        for _ in range(3):
            assert _asked(address, "POST", "/v1/models/iris:predict", {"instances": IRIS})[0] == 200
        assert _asked(address, "POST", "/v1/models/iris:predict", {"instances": [["x"]]})[0] == 422
        assert _asked(address, "BREW", "/no/such/path")[0] == 404
        assert _asked(address, "HEAD", "/metrics")[2] == b""
        status, headers, body = _asked(address, "GET", "/metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    told = _read(body.decode())
    requests = told["serverless_ml_requests_total"]
    assert requests[_labels(method="POST", route=PREDICT, status="2xx")] == 3
    assert requests[_labels(method="POST", route=PREDICT, status="4xx")] == 1
    assert requests[_labels(method=OTHER, route=OTHER, status="4xx")] == 1
    assert told["serverless_ml_request_seconds_count"][_labels(route=PREDICT)] == 4
    assert told["serverless_ml_request_seconds_bucket"][_labels(route=PREDICT, le="+Inf")] == 4
    assert told["serverless_ml_request_seconds_sum"][_labels(route=PREDICT)] > 0
    assert told["serverless_ml_predictions_total"] == {_labels(model="iris"): 3}
    assert told["serverless_ml_predicted_rows_total"] == {_labels(model="iris"): 3 * len(IRIS)}
    assert told["serverless_ml_connections"][()] >= 1
    assert told["serverless_ml_queue_due"] == {(): 0}


def test_jobs_are_told_by_state(trained: Path, tmp_path: Path) -> None:
    services = services_over(copy_of(trained, tmp_path / "root"))
    before = _told(_metrics(services))["serverless_ml_jobs"]
    assert before[_labels(state="succeeded")] == 4
    for number in range(3):
        mark_ended(services.store, f"{number:028x}", "failed")
    services.jobs.submit("iris", b"{}", {"algorithm": "kmeans"})
    told = _told(_metrics(services))
    assert {labels[0][1]: number for labels, number in told["serverless_ml_jobs"].items()} == {
        "queued": 1, "running": 0, "succeeded": 4, "failed": 3, "cancelled": 0,
    }  # fmt: skip
    assert told["serverless_ml_queue_due"] == {(): 1}


def test_a_histogram_counts_each_answer_in_every_bound_above_it(tmp_path: Path) -> None:
    metrics = _metrics(services_over(tmp_path))
    for seconds in (0.0005, 0.001, 0.03, 29.0, 31.0):
        metrics.count({"method": "GET", "route": "/v1/models"}, 200, seconds)
    told = _told(metrics)["serverless_ml_request_seconds_bucket"]
    assert {dict(labels)["le"]: number for labels, number in told.items()} == {
        "0.001": 2, "0.0025": 2, "0.005": 2, "0.01": 2, "0.025": 2, "0.05": 3, "0.1": 3, "0.25": 3, "0.5": 3,
        "1.0": 3, "2.5": 3, "5.0": 3, "10.0": 3, "30.0": 4, "+Inf": 5,
    }  # fmt: skip


def test_the_number_of_labels_is_bounded(tmp_path: Path) -> None:
    metrics = _metrics(services_over(tmp_path))
    for number in range(3 * MOST_MODELS):
        metrics.count({"method": "POST", "route": PREDICT, "model": f"m{number}", "rows": 2}, 200, 0.1)
        metrics.count({"method": f"M{number}"}, 404, 0.1)
    told = _told(metrics)
    models = told["serverless_ml_predictions_total"]
    assert len(models) == MOST_MODELS + 1
    assert models[_labels(model=OTHER)] == 2 * MOST_MODELS
    assert sum(told["serverless_ml_predicted_rows_total"].values()) == 6 * MOST_MODELS
    assert len(told["serverless_ml_requests_total"]) == 2


def test_every_name_of_a_route_can_be_a_label(tmp_path: Path) -> None:
    metrics = _metrics(services_over(tmp_path))
    for route in ROUTES:
        metrics.count({"method": route.method, "route": route.path}, 200, 0.1)
    told = _told(metrics)["serverless_ml_requests_total"]
    assert {(dict(labels)["method"], dict(labels)["route"]) for labels in told} == {
        (route.method, route.path) for route in ROUTES
    }


KEYS = {role: f"sml_key_to_{role}" for role in ("predict", "feedback", "inspect", "train", "admin")}


def _guarded(root: Path, **limits: Any) -> Services:
    records = [
        {
            "id": role, "roles": [role], "created": "2026-01-01T00:00:00Z",
            "sha256": hashlib.sha256(key.encode()).hexdigest(), **limits,
        }
        for role, key in KEYS.items()
    ]  # fmt: skip
    return folder_services(read_settings({"ML_ROOT": str(root)}), key_records=lambda: records)


@pytest.mark.parametrize(
    ("role", "status"),
    [("predict", 403), ("feedback", 403), ("inspect", 200), ("train", 200), ("admin", 200), (None, 401)],
)
def test_it_takes_the_right_to_inspect(tmp_path: Path, role: str | None, status: int) -> None:
    headers = {} if role is None else {"authorization": f"Bearer {KEYS[role]}"}
    answer = _metrics(_guarded(tmp_path)).answer(Request("GET", "/metrics", {}, headers, b"", "r1"))
    assert answer.status == status, answer.body
    assert (b"serverless_ml_" in answer.body) == (status == 200)


def test_a_key_for_some_models_reads_no_name_of_another(tmp_path: Path) -> None:
    metrics = _metrics(_guarded(tmp_path, models=["sales-*"]))
    for model in ("sales-1", "secret-1", "secret-2"):
        metrics.count({"method": "POST", "route": PREDICT, "model": model, "rows": 5}, 200, 0.1)
    told = _told(metrics, authorization=f"Bearer {KEYS['inspect']}")
    assert told["serverless_ml_predictions_total"] == {_labels(model="sales-1"): 1, _labels(model=OTHER): 2}
    assert told["serverless_ml_predicted_rows_total"] == {
        _labels(model="sales-1"): 5,
        _labels(model=OTHER): 10,
    }


@pytest.mark.parametrize(
    ("method", "path", "base", "concerned"),
    [
        ("GET", "/metrics", "", True),
        ("HEAD", "/metrics", "", True),
        ("POST", "/metrics", "", False),
        ("GET", "/metrics/", "", False),
        ("GET", "/ml/metrics", "", False),
        ("GET", "/ml/metrics", "/ml", True),
        ("GET", "/metrics", "/ml", True),
    ],
)
def test_whose_path_it_is(tmp_path: Path, method: str, path: str, base: str, concerned: bool) -> None:
    settings = {"ML_BASE_PATH": base} if base else {}
    metrics = _metrics(services_over(tmp_path, **settings))
    assert metrics.concerns(Request(method, path, {}, {}, b"", "r1")) is concerned


def test_no_page_of_another_site_reads_it(trained: Path) -> None:
    with serving(services_over(trained)) as address:
        assert _asked(address, "GET", "/metrics", Origin="https://evil.example")[0] == 403
