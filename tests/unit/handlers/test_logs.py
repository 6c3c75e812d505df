"""Lines in the log."""

import json

import pytest

from handlers.logs import log, log_unforeseen


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
