"""docs/benchmarks.md, its charts and docs/benchmarks.json; sections may be of several runs."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks import cells, charts

DOCS = Path(__file__).resolve().parent.parent / "docs"
RAW, PAGE, PICTURES = DOCS / "benchmarks.json", DOCS / "benchmarks.md", DOCS / "pictures"


type Bars = dict[str, dict[str, float]]
"""The numbers of a chart: by the groups of bars, and by the sides of each."""


class Chart(NamedTuple):
    """A chart of a section: `numbers` takes what is stored of it, and gives none where that is not shown.

    A file is called by its section and its `name`.
    """

    title: str
    unit: str
    numbers: Callable[[dict[str, Any]], Bars]
    name: str = ""


class Section(NamedTuple):
    """A part of the page: its heading, how it is measured, and its charts."""

    heading: str
    method: str
    charts: Sequence[Chart] = ()


def _cells(part: dict[str, Any], models: Sequence[str]) -> Bars:
    return {
        cell: {side: median(rounds) for side, rounds in sides.items()}
        for cell, sides in part["figures"]["microseconds"].items()
        if cell.split(" ")[0] in models and cell.split(" ")[1] in ("1", "100", "10000")
    }


def _cold(part: dict[str, Any]) -> Bars:
    return {
        what: {"first prediction": count / 1e6} for what, count in part["figures"]["instructions"].items()
    }


def _surfaces(part: dict[str, Any]) -> Bars:
    found: dict[str, dict[str, int]] = part["figures"].get("surfaces", {})
    return {
        surface: {what: count / 1e6 for what, count in counts.items()} for surface, counts in found.items()
    }


def _bulk(part: dict[str, Any]) -> Bars:
    rows = max((int(rows) for rows in part["figures"]["microseconds"]["JSON"]), default=0)
    found = part["figures"]["microseconds"]
    return {form: {"a request": by_rows[str(rows)]} for form, by_rows in found.items()}


def _http(part: dict[str, Any]) -> Bars:
    found = part["figures"]["microseconds"]
    return {
        f"{rows} {'row' if rows == '1' else 'rows'}": {
            name: median(by_rows[rows]) for name, by_rows in found.items()
        }
        for rows in next(iter(found.values()))
    }


def _dollars(part: dict[str, Any]) -> Bars:
    found: Bars = part["figures"].get("dollars", {})
    return found


def _columns(
    title: str, names: int, *columns: str, scale: Callable[[float], float] = float
) -> Callable[[dict[str, Any]], Bars]:
    """Bars of a table whose title begins so: a group for each row, called by its first cells, of columns.

    Without `columns` all others are meant. A cell's first number counts.
    """

    def bars(part: dict[str, Any]) -> Bars:
        found: Bars = {}
        for table in part["tables"]:
            if table["title"].startswith(title):
                for row in table["rows"]:
                    cells_of = dict(zip(table["columns"][names:], row[names:], strict=True))
                    shown = {side: _first_number(cells_of[side]) for side in columns or cells_of}
                    numbers = {side: scale(value) for side, value in shown.items() if value is not None}
                    found[", ".join(row[:names])] = numbers
        return found

    return bars


def _first_number(cell: str) -> float | None:
    found = re.match(r"[\d,.]+", cell)
    return float(found[0].replace(",", "")) if found else None


SECTIONS = {
    "warm": Section(
        "Warm requests",
        "Each side answers the same recorded events in a process of its own, three times in "
        "turn. A cell is the median of three medians of CPU time; the spread is between the "
        "three. The product checks the key, the path, the body and its limits, and writes its "
        "line to the log; the one-file handlers check a key, FastAPI checks types. A side whose "
        "labels are not the product's is not measured. scikit-learn has nothing like these "
        "networks: FastAPI serves them from their ONNX files, which is what fits into a function's "
        "zip, and by PyTorch, which takes an image; the handler of numpy has the same weights. "
        "Pictures are of 8 × 8 numbers, sequences of 20 steps of 3, texts of 5 to 60 words.",
        (
            Chart(
                "Warm request, CPU time by model and rows",
                "microseconds of CPU",
                lambda part: _cells(part, cells.TABLES),
            ),
            Chart(
                "Warm request of a network, CPU time by model and rows",
                "microseconds of CPU",
                lambda part: _cells(part, cells.NETWORKS),
                "networks",
            ),
        ),
    ),
    "cold": Section(
        "First predictions",
        "User-space instructions of a fresh process that answers one request and ends, compiled "
        "files being there. TLS is not in it. By surface, bare Python is that of the environment "
        "where the surface's packages are, and its runtime what the platform imports before the "
        "function: `awslambdaric.bootstrap`, `functions_framework`, `azure_functions_runtime`; on the "
        "laptop there is none. The servers and channels of platforms are not in it.",
        (
            Chart("First prediction of a fresh process", "million instructions", _cold),
            Chart("First prediction by surface", "million instructions", _surfaces, "surfaces"),
        ),
    ),
    "bulk": Section(
        "Rows in bulk",
        "The same rows in every form, in turn in one process; the median of 18 requests' CPU time.",
        (Chart("10,000 rows of 30 numbers by the form of the body", "microseconds of CPU", _bulk),),
    ),
    "http": Section(
        "Over HTTP",
        "The CPU time of a server's processes by the number of requests that they answered in "
        "two seconds, three times in turn. 16 clients hold their connections; what they take is "
        "not counted. Each gets its rows in its own form of JSON. MLServer checks no key and writes "
        "no line for a request, but counts them for Prometheus, makes an id for each, and would "
        "gzip an answer for who asks. BentoML checks no key. The product checks a key, the path, "
        "the body against its schema and its limits, and writes a line to the log; here it counts "
        "no rows. It predicts by its own arithmetic, the others call scikit-learn.",
        (Chart("A request over HTTP with 16 clients", "microseconds of the server's CPU", _http),),
    ),
    "money": Section(
        "Money",
        "The measured CPU time of warm requests, one at a time, under each cloud's published "
        "formula. A processor of theirs is taken to be as fast as the one that measured. "
        "Instances that answer several requests at once bill less where the least time is long. "
        "Gateways, storage and traffic come on top.",
        (Chart("A million predictions", "US dollars", _dollars),),
    ),
    "explanations": Section(
        "Explanations",
        "What a warm request for an explanation takes beside one for a prediction of the same rows of "
        "30 numbers, from event to answer. It is the difference between 220 requests and 20, in "
        "user-space instructions, which hardly spread. Of an SVM with a kernel it is the median CPU "
        "time of 60 rows, one at a time, without the request around it.",
        (
            Chart(
                "A prediction and an explanation of the same rows",
                "thousand instructions",
                _columns("An explanation", 2, "predict, thousand instructions", "explain"),
            ),
        ),
    ),
    "counting": Section(
        "Counting predictions",
        "The mean CPU time of warm requests by two services in one process, in turn for each request: "
        "one counts nothing, the other every row, and writes the counts. The first tenth is left out.",
        (
            Chart(
                "A warm request without and with counting, by rows",
                "microseconds of CPU",
                _columns("Warm request", 1, "µs, nothing counted", "µs, all counted"),
            ),
        ),
    ),
    "training": Section(
        "Training",
        "The CPU time of whole processes, from a CSV file to the stored model and its metrics, beside "
        "pandas and scikit-learn in an environment of their own. Each runs twice, in turn, and the "
        "lesser counts; elapsed times are what this machine took while it did other things. Metrics "
        "that differ by more than a thousandth are told. `python -m benchmarks.tables all` takes files "
        "of up to 200 MB.",
        (
            Chart(
                "Training on a CSV file",
                "seconds of CPU",
                _columns("Training", 3, "serverless-ml s", "pandas + scikit-learn s"),
            ),
        ),
    ),
    "scoring": Section(
        "Scoring and training on whole tables",
        "The CPU time and the peak of memory of jobs on Parquet files, in processes of their own; what "
        "they import is not counted. Each runs twice, in turn, and the lesser counts. The tables say "
        'how many rows there were: `make bench ONLY="scoring"` takes up to ten times as many as a run of '
        "everything.",
        (
            Chart(
                "Scoring a table",
                "microseconds of CPU a row",
                _columns("Scoring", 2, "rows a second", "rows a second there", scale=lambda rate: 1e6 / rate),
            ),
            Chart(
                "Training on a table, part by part and in memory",
                "seconds of CPU",
                _columns("Logistic regression", 1, "CPU s"),
                "streamed",
            ),
        ),
    ),
    "networks": Section(
        "Training networks",
        "The CPU time of an epoch of a convolutional network on random pictures, on one thread, beside "
        "the same layers in PyTorch, in the faster of its two memory formats. Each side runs twice, in "
        "turn, and the shortest epoch of all counts. What answering takes is told under warm requests.",
        (
            Chart(
                "An epoch of training, by pictures",
                "seconds of CPU",
                _columns("An epoch", 1, "serverless-ml s", "PyTorch s"),
            ),
        ),
    ),
    "growth": Section(
        "Growth",
        "What jobs and the registry ask of a store, counted in requests and kilobytes, so that nothing "
        'spreads: the same on every machine. `make bench ONLY="growth"` goes up to a million jobs and '
        "ten thousand versions and models.",
        (
            Chart(
                "Requests to the store, by jobs that are over",
                "requests",
                _columns("Requests to the store (and", 1),
            ),
            Chart(
                "Requests to the store, by versions and models",
                "requests",
                _columns("Requests to the store, and", 1),
                "registry",
            ),
        ),
    ),
    "packages": Section(
        "Packages",
        "The bytes of the zips that `make package` made last.",
        (Chart("Zips of a deployment", "bytes", _columns("Zips", 1)),),
    ),
}


def keep(name: str, taken: dict[str, Any], seconds: float) -> None:
    """Store a section that was measured, with when and where; of money, when its CPU times were."""
    raw = json.loads(RAW.read_text()) if RAW.exists() else {}
    measured = raw["warm"]["measured"] if name == "money" else _measured()
    raw[name] = {"measured": measured, "seconds": round(seconds), **json.loads(json.dumps(taken))}
    RAW.write_text(json.dumps({each: raw[each] for each in SECTIONS if each in raw}, indent=1) + "\n")


def figures(name: str) -> dict[str, Any]:
    """The numbers of a section that was measured before; empty where it was not."""
    raw = json.loads(RAW.read_text()) if RAW.exists() else {}
    found: dict[str, Any] = raw.get(name, {}).get("figures", {})
    return found


def write() -> None:
    """Write the page and its charts, of what is stored."""
    raw = json.loads(RAW.read_text())
    parts = [_HEAD]
    for name, section in SECTIONS.items():
        if name not in raw:
            continue
        part = raw[name]
        about = part["measured"]
        parts.append(f"## {section.heading}\n")
        parts.append(_sentences(section.method))
        parts.append(
            f"Measured on {about['date']} at commit `{about['commit']}`: {about['machine']}, "
            f"{about['processors']} processors, load {about['load']:.1f}, Python {about['python']}.\n"
        )
        for chart in section.charts:
            if found := chart.numbers(part):
                file = "-".join(filter(None, ("benchmarks", name, chart.name))) + ".svg"
                (PICTURES / file).write_text(_drawn(chart, found))
                parts.append(f"![{chart.title}](pictures/{file})\n")
        parts += [_markdown(table) for table in part["tables"]]
        if part["lines"]:
            parts.append("\n".join(f"- {line}" for line in part["lines"]) + "\n")
    PAGE.write_text("\n".join(parts))


_HEAD = """# Benchmarks

`make bench` writes this page, its charts and [the numbers behind them](benchmarks.json).
`make bench ONLY="warm cold"` measures some sections anew and keeps the others.
Each says when, at which commit and on what machine it was measured.
CPU time and instructions are compared, never walls: what else a machine does hardly changes the former two.
Ratios travel between machines, microseconds do not.
"""


def _sentences(text: str) -> str:
    """A sentence a line."""
    return text.replace(". ", ".\n") + "\n"


def _drawn(chart: Chart, found: Bars) -> str:
    sides = [*dict.fromkeys(side for row in found.values() for side in row)]
    groups = [(name, [row.get(side) for side in sides]) for name, row in found.items()]
    return charts.bars(chart.title, chart.unit, sides, groups)


def _markdown(table: dict[str, Any]) -> str:
    columns = table["columns"]
    numbers = [all(_is_number(row[place]) for row in table["rows"]) for place in range(len(columns))]
    lines = [columns, ["--:" if each else "---" for each in numbers], *table["rows"]]
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{table['title']}:\n\n{rows}\n"


def _is_number(cell: str) -> bool:
    return cell in ("", "–") or _first_number(cell) is not None


def _measured() -> dict[str, Any]:
    from datetime import UTC, datetime

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit.stdout.strip(),
        "machine": _processor(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )
