"""Figures that pages tell of the benchmarks are those of docs/benchmarks.json, wherever they stand."""

import json
import re
from functools import cache
from typing import Any

import pytest

from tests.unit.documenting.reading import PAGES, tables, text

# The page that is made of the numbers, which another test holds.
MADE = "docs/benchmarks.md"


@cache
def measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text("docs/benchmarks.json"))
    return found


@cache
def cold(what: str) -> float:
    """Instructions of a first prediction, as so many times those of bare Python."""
    instructions: dict[str, int] = measured()["cold"]["figures"]["instructions"]
    return instructions[what] / instructions["bare Python"]


def rows(section: str, title: str) -> dict[tuple[str, ...], list[str]]:
    """The rows of a table of the benchmarks, by their first two cells."""
    (found,) = [each for each in measured()[section]["tables"] if each["title"].startswith(title)]
    return {tuple(row[:2]): row for row in found["rows"]}


def _requests(cell: str) -> str:
    return cell.split(maxsplit=1)[0]


@cache
def statements() -> dict[str, set[str]]:
    """What stands for a figure in a sentence, and what it may be by the numbers."""
    epochs = [float(row[-2].split()[0]) for row in rows("networks", "An epoch of training").values()]
    jobs, registry = measured()["growth"]["tables"]
    sweeps = next(row for row in jobs["rows"] if row[0] == "a sweep")
    first = next(row for row in registry["rows"] if row[0].startswith("first prediction, newest"))
    packages = {row[0]: int(row[1].replace(",", "")) for row in measured()["packages"]["tables"][0]["rows"]}
    hundred = rows("explanations", "An explanation")["logistic regression", "100"]
    return {
        r"first prediction (?:takes|\([^)]*\) was) ([\d.]+) times bare Python": {
            f"{cold('serverless-ml, logistic regression, folder'):.1f}"
        },
        r"(\d+) times with\s+FastAPI": {f"{cold('FastAPI + Mangum + joblib + scikit-learn, file'):.0f}"},
        r"model in S3(?:, as on AWS,)? it (?:takes|was) ([\d.]+) times": {
            f"{cold('serverless-ml, logistic regression, key in SSM, model in S3'):.1f}"
        },
        r"an epoch of pictures took ([\d.]+ to [\d.]+) times": {f"{min(epochs):.1f} to {max(epochs):.1f}"},
        r"a first prediction makes (\w+) requests": {{"2": "two"}[_requests(first[1])]},
        r"a sweep makes (\d+ at 10 finished jobs and \d+ at 10,000)": {
            f"{_requests(sweeps[1])} at 10 finished jobs and {_requests(sweeps[2])} at 10,000"
        },
        r"the code has ([\d.]+) MB": {f"{packages['serverless-ml.zip'] / 1e6:.2f}"},
        r"100 rows of the logistic regression take (\d+ M instructions, [\d.]+ times)": {
            f"{float(hundred[3].replace(',', '')) / 1000:.0f} M instructions, {float(hundred[4]):.1f} times"
        },
    }


def told(statement: str) -> set[str]:
    """What the pages have in the place of a statement's figure."""
    return {found for page in PAGES if page != MADE for found in re.findall(statement, text(page))}


@pytest.mark.parametrize("statement", statements())
def test_every_figure_that_a_sentence_tells_is_the_one_that_was_measured(statement: str) -> None:
    assert told(statement) - statements()[statement] == set()


def test_the_pages_tell_such_figures() -> None:
    """A sentence may go; where most are gone, others have taken their place, and are to be held."""
    assert 2 * sum(bool(told(statement)) for statement in statements()) > len(statements())


def _millions(thousands: str) -> str:
    return f"{float(thousands.replace(',', '')) / 1000:.2f} M"


def test_what_an_explanation_costs_is_what_was_measured() -> None:
    measured_rows = rows("explanations", "An explanation")
    (table,) = [each for each in tables("docs/explain.md") if each[0][1:3] == ["`:predict`", "`:explain`"]]
    for name, predicted, explained, ratio in table[1:-1]:
        row = measured_rows[name.partition(",")[0], "1"]
        assert predicted.removesuffix(" instructions") == _millions(row[2])
        assert explained == _millions(row[3])
        assert ratio == f"{float(row[4]):.1f} ×"
    line = measured()["explanations"]["lines"][0]
    assert table[-1][1:3] == re.findall(r"(?:predict|explain) ([\d.]+ ms)", line)


def test_what_training_part_by_part_takes_is_what_was_measured() -> None:
    measured_rows = [
        row for (_, count), row in rows("scoring", "Logistic regression").items() if count == "1,000,000"
    ]
    (table,) = [each for each in tables("docs/large-tables.md") if each[0][:2] == ["trained", "CPU"]]
    for row, cells in zip(measured_rows, table[1:], strict=True):
        assert cells[1:3] == [f"{row[2]} s", f"{row[4]} MiB"]
    assert f"{measured_rows[0][5]} passes" in table[1][0]
