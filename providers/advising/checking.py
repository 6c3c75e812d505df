"""`--check`: what AWS reported of a real deployment's requests, beside what is forecast of them.

Lambda writes a line for each request to its log: REPORT and its figures as text, or `platform.report` as JSON
where the function logs JSON. `aws logs tail` puts time and stream before it; `aws logs filter-log-events`
puts it into a JSON document; tabs may have become spaces. All of these are read.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from statistics import fmean, median
from typing import Any, NamedTuple

from providers.advising.impossible import AdviceImpossible
from providers.advising.report import AdviceTable
from providers.advising.simulation import InstanceRules

_FIGURES = {
    "duration": re.compile(r"(?<!Billed )(?<!Init )(?<!Restore )\bDuration: (\d+(?:\.\d+)?) ms"),
    "billed": re.compile(r"(?<!Restore )\bBilled Duration: (\d+(?:\.\d+)?) ms"),
    "memory": re.compile(r"\bMemory Size: (\d+) MB"),
    "used": re.compile(r"\bMax Memory Used: (\d+) MB"),
    "load": re.compile(r"\bInit Duration: (\d+(?:\.\d+)?) ms"),
    "restored": re.compile(r"(?<!Billed )\bRestore Duration: (\d+(?:\.\d+)?) ms"),
}
_STATUS = re.compile(r"\bStatus: (\w+)")
_IN_JSON = {
    "duration": "durationMs",
    "billed": "billedDurationMs",
    "memory": "memorySizeMB",
    "used": "maxMemoryUsedMB",
    "load": "initDurationMs",
    "restored": "restoreDurationMs",
}


class ReportedRequest(NamedTuple):
    """One request, as AWS reported it: milliseconds and MB. No `load` where the instance was warm."""

    duration: float
    billed: float
    memory: float
    used: float
    load: float | None = None
    restored: float | None = None
    failed: str = ""

    @property
    def cold(self) -> bool:
        """Whether an instance was started, or restored, for it."""
        return self.load is not None or self.restored is not None


def read_reports(lines: Iterable[str]) -> list[ReportedRequest]:
    """The requests that a log tells of; all else in it is passed over.

    Raises `AdviceImpossible` where it tells of none.
    """
    text = list(lines)
    found = [report for line in text for report in _of_line(line)] or list(_of_document("".join(text)))
    if not found:
        raise AdviceImpossible(
            "--check: expected lines of a Lambda function's log that begin with REPORT, or are JSON of the "
            f"type platform.report, got none in {len(text):,} lines"
        )
    return found


def comparison(reports: list[ReportedRequest], rules: InstanceRules, memory: float) -> AdviceTable:
    """What was forecast beside what was reported; ended by themselves, that is: time-outs are told apart."""
    fine = [report for report in reports if not report.failed]
    warm = [report for report in fine if not report.cold]
    cold = [report for report in fine if report.cold]
    share = len(cold) / len(fine) if fine else 0.0
    billed_cold = rules.first_service + (rules.load if rules.load_billed else 0.0)
    usual = rules.service * 1000
    forecast = (
        fmean([math.ceil(usual)] * len(warm) + [math.ceil(billed_cold * 1000)] * len(cold)) if fine else 0.0
    )
    rows = [
        ["requests", "", f"{len(fine):,}", ""],
        ["failed or timed out, not compared", "", f"{len(reports) - len(fine):,}", ""],
        ["share of cold starts", "", f"{share:.2%}", ""],
        _row("warm: duration, median, ms", usual, [report.duration for report in warm], median),
        _row(
            "cold: duration, median, ms",
            rules.first_service * 1000,
            [report.duration for report in cold],
            median,
        ),
        _row(
            "cold: loading code, median, ms",
            rules.load * 1000,
            [report.load for report in cold if report.load is not None],
            median,
        ),
        _row("billed a request, mean, ms", forecast, [report.billed for report in fine], fmean),
        _row("GB-seconds a million requests", forecast * memory / 1024 * 1000, _billed(fine), fmean),
        _row("memory used, most, MB", None, [report.used for report in fine], max),
    ]
    return AdviceTable(
        "AWS Lambda: forecast and reported", ["", "forecast", "reported", "reported / forecast"], rows
    )


def _billed(reports: list[ReportedRequest]) -> list[float]:
    return [report.billed * report.memory / 1024 * 1000 for report in reports]


def _row(
    name: str, forecast: float | None, reported: list[float], of: Callable[[list[float]], float]
) -> list[str]:
    if not reported:
        return [name, _shown(forecast), "none", ""]
    found = float(of(reported))
    return [name, _shown(forecast), _shown(found), f"{found / forecast:.2f}" if forecast else ""]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _of_line(line: str) -> Iterator[ReportedRequest]:
    """JSON from its first bracket on, with what it holds; else the text, whose tabs JSON may have escaped."""
    text = line.strip()
    begin = 0 if text.startswith("[") else text.find("{")
    if begin >= 0:
        try:
            document = json.loads(text[begin:])
        except ValueError:
            pass  # a line of a longer document, or text that has a bracket
        else:
            yield from _of_value(document)
            return
    begin = text.find("REPORT RequestId:")
    if begin >= 0:
        yield from _of_text(text[begin:].replace("\\t", "\t"))


def _of_document(text: str) -> Iterator[ReportedRequest]:
    """A whole document of JSON over many lines, as the AWS command line writes it."""
    try:
        yield from _of_value(json.loads(text))
    except ValueError:
        return


def _of_value(value: object) -> Iterator[ReportedRequest]:
    if isinstance(value, list):
        for each in value:
            yield from _of_value(each)
    elif isinstance(value, dict):
        if value.get("type") == "platform.report" and isinstance(value.get("record"), dict):
            yield from _of_record(value["record"])
        for each in (value.get("events"), value.get("message")):
            if isinstance(each, str):
                yield from _of_line(each)
            elif each is not None:
                yield from _of_value(each)


def _of_record(record: dict[str, Any]) -> Iterator[ReportedRequest]:
    metrics = record.get("metrics")
    if not isinstance(metrics, dict) or "billedDurationMs" not in metrics:
        return
    figures: dict[str, Any] = {name: metrics.get(key) for name, key in _IN_JSON.items()}
    if all(isinstance(figures[name], int | float) for name in ("duration", "billed", "memory", "used")):
        status = record.get("status", "success")
        yield ReportedRequest(**figures, failed="" if status == "success" else str(status))


def _of_text(text: str) -> Iterator[ReportedRequest]:
    found = {name: pattern.search(text) for name, pattern in _FIGURES.items()}
    if all(found[name] for name in ("duration", "billed", "memory", "used")):
        status = _STATUS.search(text)
        yield ReportedRequest(
            **{name: float(each[1]) for name, each in found.items() if each},
            failed=status[1] if status and status[1] != "success" else "",
        )
