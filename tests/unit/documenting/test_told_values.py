"""Tables that list all of something have all of it: outcomes, exit codes, parts of a report."""

import ast
import re

import pytest

from ml_core.algorithms.tasks.curves import MOST_CLASSES, MOST_POINTS
from ml_core.erasing import report
from ml_core.monitoring.report import STATES
from ml_core.scheduling.durations import RULE
from ml_core.scheduling.schedule import DEFAULT_A_DAY, MOST_A_DAY
from ml_core.scheduling.triggers import OUTCOMES
from ml_core.tables.options import TYPES
from tests.unit.documenting.reading import coded, table_under, tables, text


def _ints(module: str, name: str) -> list[int]:
    """The members of an enumeration, read without importing what it stands beside."""
    found = next(node for node in ast.parse(text(module)).body if getattr(node, "name", "") == name)
    assert isinstance(found, ast.ClassDef)
    return [int(ast.literal_eval(each.value)) for each in found.body if isinstance(each, ast.Assign)]


def test_the_page_of_the_command_line_has_every_exit_code() -> None:
    told = [int(row[0]) for row in table_under("docs/command-line.md", "exit code")]
    assert told == _ints("client/src/serverless_ml/command_line/exits.py", "Exit")


def test_the_page_of_schedules_has_every_outcome_and_bound() -> None:
    page = "docs/schedules.md"
    assert [coded(row[0])[0] for row in table_under(page, "`outcome`")] == list(OUTCOMES)
    members = {coded(row[0])[0]: row[1] for row in table_under(page, "member")}
    assert f"1 to {MOST_A_DAY}, {DEFAULT_A_DAY} without it" in members["most_a_day"]
    least, most = re.findall(r"PT?\d+[A-Z]", RULE)[:2]
    assert f"from `{least}` to `{most}`" in members["every"]


def test_the_page_of_privacy_has_every_line_of_an_erasures_report() -> None:
    (table,) = [each for each in tables("docs/privacy.md") if each[0][:2] == ["part", "`what`"]]
    told: dict[str, set[str]] = {}
    part = ""
    for row in table[1:]:
        part = coded(row[0])[0] if row[0] else part
        told.setdefault(part, set()).update(coded(row[1]))
    kept = report.KeptDays(*(1 for _ in report.KeptDays._fields))
    assert told == {
        "gone": {line.what for line in report.gone(1, 1, 1, 1)},
        "going": {line.what for line in report.going(1, 1)},
        "expires": {line.what for line in report.expiring(kept)},
        "stays": {line.what for line in report.staying(("s3://lake/",), 1)},
    }


@pytest.mark.parametrize("page", ["docs/tables.md", "docs/datasets.md"])
def test_the_pages_of_tables_have_every_type_of_a_column(page: str) -> None:
    (row,) = [row for row in table_under(page, "member") if row[0] == "`types`"]
    assert coded(row[1]) == list(TYPES)


def test_the_page_of_monitoring_has_every_state() -> None:
    page = text("docs/monitoring.md")
    assert [state for state in STATES if f"`{state}`" not in page] == []


def test_the_page_of_versions_has_the_bounds_of_curves() -> None:
    page = text("docs/versions.md")
    assert f"at most {MOST_POINTS} points" in page
    assert f"of up to {'ten' if MOST_CLASSES == 10 else MOST_CLASSES} classes" in page
