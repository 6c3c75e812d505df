"""Spans of requests and jobs, as a collector receives them: OTLP over HTTP, read by the official protobuf."""

import http.client
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from handlers.jobs import deliver
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.services import Services
from handlers.tracing.tracing import Tracing
from tests.span_collector import Collector, collecting
from tests.unit.handlers.conftest import IRIS, ROWS, copy_of, services_over, serving

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PREDICT = "POST /v1/models/{model}:predict"
SECRET = "a-value-that-nobody-may-read"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        yield made


def _freezing(root: Path, share: str = "1") -> Services:
    """Services of a process that stands still once it has answered, as a function's."""
    services = services_over(root, ML_TRACES=share, ML_MONITORING_DAYS="0")
    services._freezes = True
    return services


def _asked(api: Api, rows: Any = IRIS, path: str = "/v1/models/iris:predict", **headers: Any) -> Response:
    told = {"content-type": "application/json", **headers}
    return api.handle(Request("POST", path, {}, told, json.dumps({"instances": rows}).encode(), "r1"))


def _known(span: Span) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in span.attributes
    }


def test_a_recorded_request_has_arrived_before_it_is_answered(trained: Path, collector: Collector) -> None:
    api = Api(_freezing(trained))
    answer = _asked(api, traceparent=f"00-{TRACE}-{SPAN}-00", tracestate="a=1", baggage=f"who={SECRET}")
    spans = {span.name: span for span in collector.received()}
    root = spans[PREDICT]
    assert answer.headers["traceparent"] == f"00-{TRACE}-{root.span_id.hex()}-01"
    assert answer.headers["tracestate"] == root.trace_state == "a=1"
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert root.parent_span_id.hex() == SPAN
    assert root.kind == Span.SPAN_KIND_SERVER
    known = _known(root)
    assert known.pop("version") == 1
    assert known == {
        "http.request.method": "POST", "http.route": "/v1/models/{model}:predict",
        "http.response.status_code": 200, "request_id": "r1", "model": "iris", "rows": len(IRIS),
    }  # fmt: skip
    assert spans["predict"].parent_span_id == root.span_id
    stored = [span for span in spans.values() if span.name.startswith("store ")]
    assert stored
    assert {span.parent_span_id for span in stored} == {spans["predict"].span_id}
    assert {tuple(_known(span)) for span in stored} == {("folder",)}


def test_spans_tell_no_value_key_or_text_of_an_error(trained: Path, collector: Collector) -> None:
    api = Api(_freezing(trained))
    headers = {"authorization": f"Bearer {SECRET}", "baggage": f"who={SECRET}"}
    assert _asked(api, [[SECRET, 1, 2, 3]], **headers).status == 422
    assert _asked(api, path=f"/v1/models/{SECRET}:predict", **headers).status == 404
    assert _asked(api, path=f"/{SECRET}", **headers).status == 404
    services = _freezing(trained)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    services._models = type("Failing", (), {"resolve": fail})()
    assert _asked(Api(services), **headers).status == 500
    spans = collector.received()
    assert [_known(span)["http.response.status_code"] for span in spans if not span.parent_span_id] == [
        422, 404, 404, 500,
    ]  # fmt: skip
    assert not [span for span in spans if span.events]
    assert [span.status.code for span in spans if not span.parent_span_id][-1] == Status.STATUS_CODE_ERROR
    assert not [span for span in spans if span.status.message]
    assert not [body for body in collector.bodies if SECRET.encode() in body]


def test_the_callers_flag_and_trace_decide_nothing(trained: Path, collector: Collector) -> None:
    services = _freezing(trained)
    drawn = iter([0.4, 0.6, 0.49, 0.5])
    services.__dict__["tracing"] = Tracing(0.5, freezes=True, chance=lambda: next(drawn))
    api = Api(services)
    parents = [f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-01", f"00-{'0' * 31}1-{SPAN}-01", None]
    flags = []
    for parent in parents:
        headers = {} if parent is None else {"traceparent": parent}
        flags.append(_asked(api, **headers).headers["traceparent"][-2:])
    assert flags == ["01", "00", "01", "00"]
    assert len([span for span in collector.received() if span.name == PREDICT]) == 2


def test_a_collector_that_fails_costs_no_answer_and_is_left_alone_for_a_while(
    trained: Path, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    collector.status = 400
    api = Api(_freezing(trained))
    assert [_asked(api).status for _ in range(3)] == [200] * 3
    assert len(collector.bodies) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line["level"] for line in lines if line["event"] == "traces"] == ["warning"]


def test_the_laptops_server_sends_them_meanwhile(trained: Path, collector: Collector) -> None:
    with serving(services_over(trained, ML_TRACES="1", ML_MONITORING_DAYS="0")) as address:
        connection = http.client.HTTPConnection(*address, timeout=60)
        body = json.dumps({"instances": IRIS})
        connection.request("POST", "/v1/models/iris:predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        place = answer.getheader("traceparent")
        connection.close()
        spans = collector.until(PREDICT)
    assert place == f"00-{spans[-1].trace_id.hex()}-{spans[-1].span_id.hex()}-01"
    assert "predict" in {span.name for span in spans}


def test_a_job_has_a_span_for_each_phase(trained: Path, tmp_path: Path, collector: Collector) -> None:
    services = _freezing(copy_of(trained, tmp_path / "root"))
    api = Api(services)
    body = json.dumps({"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": ROWS})
    headers = {"content-type": "application/json"}
    answer = api.handle(Request("POST", "/v1/models/new:train", {}, headers, body.encode(), "r1"))
    assert answer.status == 202, answer.body
    job = json.loads(answer.body)["id"]
    (request,) = [span for span in collector.received() if _known(span).get("job") == job]
    assert deliver(services, job) is None
    spans = collector.received()
    root = spans[-1]
    assert root.name == "job"
    assert root.kind == Span.SPAN_KIND_CONSUMER
    assert (root.trace_id, root.parent_span_id) == (request.trace_id, request.span_id)
    assert _known(root) == {"job": job, "model": "new", "state": "succeeded", "version": 1, "attempts": 1}
    phases = [span for span in spans if span.name.startswith("job ")]
    assert {span.parent_span_id for span in phases} == {root.span_id}
    assert phases[-1].name == "job registering"
    assert {span.trace_id for span in spans} == {root.trace_id}
    for earlier, later in itertools.pairwise(phases):
        assert earlier.end_time_unix_nano <= later.start_time_unix_nano


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_job_is_drawn_where_its_request_was_not_recorded(
    trained: Path, tmp_path: Path, collector: Collector, flags: str
) -> None:
    """Whatever the caller says: its trace is in no document, so that it has no job recorded."""
    services = _freezing(copy_of(trained, tmp_path / "root"))
    drawn = iter([1.0, 1.0, 0.0])
    services.__dict__["tracing"] = Tracing(0.5, freezes=True, chance=lambda: next(drawn))
    api = Api(services)
    body = json.dumps({"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": ROWS})
    headers = {"content-type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-{flags}"}
    answer = api.handle(Request("POST", "/v1/models/new:train", {}, headers, body.encode(), "r1"))
    job = json.loads(answer.body)["id"]
    assert TRACE.encode() not in services.store.get(f"jobs/{job}.json").data
    assert deliver(services, job) is None
    assert collector.received() == []
    assert deliver(services, job) is None
    root = collector.received()[-1]
    assert (root.name, root.parent_span_id) == ("job", b"")
    assert root.trace_id.hex() != TRACE


def test_a_job_that_is_not_there_is_delivered_as_if_nothing_were_recorded(
    trained: Path, tmp_path: Path, collector: Collector
) -> None:
    services = _freezing(copy_of(trained, tmp_path / "root"))
    assert deliver(services, "f" * 28) is None
    assert collector.received()[-1].name == "job"


def test_what_is_not_recorded_imports_nothing_of_opentelemetry(trained: Path) -> None:
    program = """
import sys
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request
from handlers.settings import read_settings
api = Api(folder_services(read_settings({"ML_ROOT": sys.argv[1], "ML_TRACES": "0"}), None))
headers = {"content-type": "application/json"}
body = b'{"instances": [[1, 2, 3, 4]]}'
assert api.handle(Request("POST", "/v1/models/iris:predict", {}, headers, body, "r")).status == 200
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", program, str(trained)], check=True, timeout=60)


def test_where_the_packages_are_missing_requests_are_answered_and_the_log_says_so(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "handlers.tracing.spans", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    api = Api(_freezing(trained))
    answers = [_asked(api) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert {answer.headers["traceparent"][-2:] for answer in answers} == {"00"}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert len([line for line in lines if line["event"] == "traces"]) == 1
