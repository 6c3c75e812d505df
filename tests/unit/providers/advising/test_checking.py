"""`advise --check`: lines of Lambda's logs in every form that AWS documents."""

import json

import pytest

from providers.advising.checking import comparison, read_reports
from providers.advising.impossible import AdviceImpossible
from providers.advising.simulation import InstanceRules

ID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
BEGIN = f"REPORT RequestId: {ID}\tDuration: "
WARM = f"{BEGIN}3.41 ms\tBilled Duration: 4 ms\tMemory Size: 512 MB\tMax Memory Used: 84 MB\t\n"
COLD = (
    f"{BEGIN}81.25 ms\tBilled Duration: 312 ms\tMemory Size: 512 MB\tMax Memory Used: 83 MB\t"
    "Init Duration: 230.17 ms\t\n"
)
TRACED = WARM.rstrip("\n") + "\nXRAY TraceId: 1-5f9a-xmpl\tSegmentId: 0a1b\tSampled: true\t\n"
TRACED_IN_ONE = WARM.rstrip() + "\tXRAY TraceId: 1-5f9a-xmpl\tSegmentId: 0a1b\tSampled: true\n"
TIMED_OUT = (
    f"{BEGIN}29000.00 ms\tBilled Duration: 29000 ms\tMemory Size: 512 MB\tMax Memory Used: 84 MB\t"
    "Status: timeout\n"
)
CRASHED = (
    f"{BEGIN}12.00 ms\tBilled Duration: 12 ms\tMemory Size: 512 MB\tMax Memory Used: 512 MB\tStatus: error\t"
    "Error Type: Runtime.OutOfMemory\n"
)
RESTORED = (
    f"{BEGIN}9.04 ms\tBilled Duration: 210 ms\tMemory Size: 512 MB\tMax Memory Used: 90 MB\t"
    "Restore Duration: 610.44 ms\tBilled Restore Duration: 200 ms\t\n"
)
METRICS = {"durationMs": 3.41, "billedDurationMs": 4, "memorySizeMB": 512, "maxMemoryUsedMB": 84}


def platform(status: str = "success", **more: float) -> dict[str, object]:
    return {
        "time": "2026-11-01T10:00:00.000Z",
        "type": "platform.report",
        "record": {"requestId": ID, "status": status, "metrics": {**METRICS, **more}},
    }


OTHERS = [
    f"START RequestId: {ID} Version: $LATEST\n",
    '{"time": "2026-11-01T10:00:00Z", "event": "request", "latency_ms": 3.1, "cold": false}\n',
    f"END RequestId: {ID}\n",
    "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:…\n",
    json.dumps({"type": "platform.start", "record": {"requestId": ID}}) + "\n",
    "{ not JSON\n",
    "\n",
]


@pytest.mark.parametrize(
    "line",
    [
        WARM,
        WARM.replace("\t", "  "),
        f"2026-11-01T10:00:00.123000+00:00 2026/11/01/[$LATEST]0a1b2c {WARM}",
        TRACED,
        TRACED_IN_ONE,
        json.dumps(platform()) + "\n",
        f"2026-11-01T10:00:00.123000+00:00 2026/11/01/[$LATEST]0a1b2c {json.dumps(platform())}\n",
        json.dumps({"events": [{"logStreamName": "x", "message": WARM}]}),
        json.dumps({"events": [{"message": each} for each in (*OTHERS, WARM)]}, indent=4),
        json.dumps([{"message": json.dumps(platform())}], indent=4),
        WARM.replace("Billed Duration: 4 ms", "Billed Duration: 4.00 ms"),
    ],
)
def test_each_form_of_a_warm_request_is_read(line: str) -> None:
    (report,) = read_reports(line.splitlines(keepends=True))
    assert not report.cold
    assert list(report) == [3.41, 4, 512, 84, None, None, ""]


def test_cold_restored_and_failed_requests_are_told_apart() -> None:
    cold, restored, late, crashed = read_reports([COLD, RESTORED, TIMED_OUT, CRASHED])
    assert (cold.load, cold.cold, cold.duration, cold.billed) == (230.17, True, 81.25, 312)
    assert (restored.restored, restored.cold, restored.billed, restored.duration) == (610.44, True, 210, 9.04)
    assert (late.failed, crashed.failed) == ("timeout", "error")
    from_json = read_reports([json.dumps(platform(initDurationMs=230.17)), json.dumps(platform("timeout"))])
    assert (from_json[0].load, from_json[1].failed) == (230.17, "timeout")


def test_a_whole_log_gives_its_requests_alone() -> None:
    log = [line for report in (COLD, WARM, TRACED, WARM) for line in (*OTHERS, report)]
    assert len(read_reports("".join(log).splitlines(keepends=True))) == 4


def test_a_document_in_one_line_gives_each_of_its_requests() -> None:
    spaced = WARM.replace("\t", "  ")
    events = [{"message": each} for each in (*OTHERS, spaced, COLD, spaced, json.dumps(platform()))]
    for document in ({"events": events}, events):
        found = read_reports([json.dumps(document)])
        assert [report.billed for report in found] == [4, 312, 4, 4]


@pytest.mark.parametrize(
    "lines", [[], OTHERS, ["REPORT RequestId: x\tDuration: ms\n"], ['{"type": "platform.report"}'], ["[]"]]
)
def test_a_log_without_reports_is_refused(lines: list[str]) -> None:
    with pytest.raises(AdviceImpossible, match="--check: expected lines"):
        read_reports(lines)


def test_forecast_stands_beside_what_was_reported() -> None:
    rules = InstanceRules(0.003, 0.08, 0.2, 0.2, 900, 1, 0.001, 0.001, False, True)
    table = comparison([*read_reports([COLD, TIMED_OUT]), *read_reports([WARM] * 3)], rules, 512)
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["requests"] == ["", "4", ""]
    assert rows["failed or timed out, not compared"][1] == "1"
    assert rows["share of cold starts"][1] == "25.00%"
    assert rows["warm: duration, median, ms"] == ["3.00", "3.41", "1.14"]
    assert rows["cold: loading code, median, ms"] == ["200", "230", "1.15"]
    # (3 × 3 + 280) / 4 beside (3 × 4 + 312) / 4
    assert rows["billed a request, mean, ms"] == ["72.25", "81.00", "1.12"]
    assert rows["memory used, most, MB"] == ["", "84.00", ""]
    only_cold = comparison(read_reports([COLD]), rules, 512)
    assert {row[0]: row[2] for row in only_cold.rows}["warm: duration, median, ms"] == "none"
