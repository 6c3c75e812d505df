"""Lines in the log."""

import json

import pytest

from handlers import logs
from handlers.logs import log, log_request, log_unforeseen


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    log("info", "request", request_id="r\n1", status=200, model=None)
    written = capsys.readouterr().out
    assert written.count("\n") == 1
    line = json.loads(written)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "severity": "INFO",
        "event": "request",
        "request_id": "r\n1",
        "status": 200,
    }


@pytest.mark.parametrize("rows", [{}, {"rows": None}, {"rows": 0}, {"rows": 10_000}])
@pytest.mark.parametrize("status", [200, 422, 503])
def test_a_request_s_line_is_what_any_line_of_its_members_is(
    capsys: pytest.CaptureFixture[str], rows: dict[str, int | None], status: int
) -> None:
    odd = 'a"\\\n%s %(id)s {0} \u00e9\u2028'
    for cold, request_id, trace in ((True, odd, {}), (False, "r2", {"trace_id": "4bf9"}), (False, odd, {})):
        fields = trace | {
            "method": "POST",
            "route": odd,
            "model": None,
            "version": 1,
            "cold": cold,
            "status": status,
        }
        log("error" if status == 503 else "info", "request", request_id=request_id, **fields, **rows)
        log_request({"request_id": request_id, **fields, **rows}, 0.0123456)
        expected, line = map(json.loads, capsys.readouterr().out.splitlines())
        assert line.pop("latency_ms") == 12.346
        assert list(line)[: 5 + len(trace)] == ["time", "level", "severity", "event", *trace, "request_id"]
        assert line.pop("time")[:4] == expected.pop("time")[:4]
        assert line == expected


def test_what_lines_of_requests_share_is_forgotten_when_there_is_much(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_MOST_FORMS", 3)
    forms: dict[object, str] = {}
    monkeypatch.setattr(logs, "_FORMS", forms)
    for version in range(10):
        log_request({"request_id": "r", "version": version, "status": 200}, 0.001)
        assert len(forms) <= 3
    assert [json.loads(line)["version"] for line in capsys.readouterr().out.splitlines()] == [*range(10)]


def test_the_unforeseen_is_logged_without_the_values_that_a_library_quotes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        try:
            float("feature value 42")
        except ValueError as error:
            raise KeyError("feature value 42") from error
    except KeyError as error:
        log_unforeseen(error, request_id="r1")
    written = capsys.readouterr().out
    line = json.loads(written)
    assert "42" not in written.replace(line["time"], "")
    assert line["error"] == "KeyError"
    assert line["causes"] == ["ValueError"]
    assert line["request_id"] == "r1"
    assert any("test_logs.py" in frame for frame in line["traceback"])
