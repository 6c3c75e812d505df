"""Cells of CSV, whatever they say: the number or the refusal of each is what `:predict` gives."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.errors import InvalidInput
from ml_core.inputs.by_column import packed_columns
from ml_core.inputs.columns import BOOLEAN, CATEGORY, DATE, NUMBER, Feature, written_in_cells
from ml_core.inputs.rules import DAY_FIRST, MONTH_FIRST, NAMED_MONTH, YEAR_FIRST, ValueRule
from ml_core.inputs.samples import matrix_of
from ml_core.mapping import InTurn
from ml_core.scanning.blocks import blocks
from ml_core.scanning.numbers import Numbers, numbers
from ml_core.scanning.planning import plan_of
from ml_core.tables.options import GAP_SIGNS, MISSING_WORDS, ReadOptions
from tests.unit.ml_core.scanning.memory import MemoryData

MISSING = (*MISSING_WORDS, *GAP_SIGNS, "-999", "1900-01-01")
WORDS = ("1", "2.0", "a", "b c", "true", "")
FEATURES = [
    Feature("cell", NUMBER),
    Feature("cell", NUMBER, (), ValueRule(text=True, missing=MISSING)),
    Feature("cell", NUMBER, (), ValueRule(text=True, missing=MISSING, decimal=",", thousands=".")),
    Feature("cell", NUMBER, (), ValueRule(text=True, missing=MISSING, thousands=",", unit="$")),
    Feature("cell", NUMBER, (), ValueRule(text=True, missing=MISSING, required=True, unit="%")),
    Feature("cell", BOOLEAN, (), ValueRule(text=True, missing=MISSING)),
    Feature("cell", BOOLEAN, (), ValueRule(missing=MISSING, true=("yes", "1"), false=("no", "0"))),
    *(
        Feature("cell", DATE, (), ValueRule(text=True, missing=MISSING, date=order))
        for order in ("", DAY_FIRST, MONTH_FIRST, YEAR_FIRST, NAMED_MONTH)
    ),
    Feature("cell", CATEGORY, WORDS, ValueRule(text=True, missing=MISSING_WORDS)),
    Feature("cell", CATEGORY, WORDS, ValueRule(missing=("a",), filled=("b c",))),
    Feature("cell", CATEGORY, WORDS, ValueRule(closed=True, required=True)),
    Feature("cell", CATEGORY, ("1", "2", "3.5"), ValueRule(spelled=True, word_kind="number")),
    Feature("cell", CATEGORY, ("false", "true"), ValueRule(spelled=True, word_kind="boolean", closed=True)),
]
ODD = [
    *(
        "1",
        "-2.5",
        "1e3",
        "+7",
        ".5",
        "5.",
        "0x10",
        "1_000",
        "inf",
        "-Infinity",
        "nan",
        "NaN",
        "1e999",
        "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}",
    ),
    *(
        " 3 ",
        "1.234,5",
        "1,234.5",
        "$5",
        "5 %",
        "(5.25)",
        "-$1,000",
        "1 000",
        "12,34,567",
        "5-",
        "\u22125",
        "--",
    ),
    *("9007199254740993", "0.1", "123456789012345678901234567890", "4.9e-324", "1.7976931348623157e308"),
    *(
        "2024-05-31",
        "2024-05-31T12:00:00.1234567Z",
        "31.05.2024",
        "05/31/2024 12:00 pm",
        "2024/5/1",
        "31 May 2024",
    ),
    *(
        "1900-01-01",
        "0000-01-01",
        "2024-02-30",
        "2024-05-31 23:59:60",
        "2024-W22-5",
        "9999-12-31",
        "0001-01-01",
    ),
    *(
        "true",
        "True",
        "YES",
        "no",
        "0",
        "a",
        " a ",
        "b c",
        "a\nb",
        'say "it"',
        "2",
        "2.0",
        "3.5",
        "é",
        "",
        " ",
        "-999",
    ),
    *MISSING_WORDS,
    *GAP_SIGNS,
]


def scanned(cells: list[str], feature: Feature, *, gaps: bool) -> Numbers:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["cell", "other"], *([cell, "x"] for cell in cells)])
    data = MemoryData(t=text.getvalue().encode())
    plan = plan_of(
        data,
        "file:",
        options=ReadOptions(delimiter=",", header=True),
        declared=None,
        mapper=InTurn(),
        stores=None,
    )
    (block,) = blocks(data, plan, plan.parts[0], ["cell"])
    return numbers(block, [feature], gaps=gaps)


def check(cells: list[str], feature: Feature, *, gaps: bool) -> None:
    found = scanned(cells, feature, gaps=gaps)
    answered: list[Any] = found.X[:, 0].tolist()
    for reject in found.rejected:
        assert reject.row is not None
        answered[reject.row] = reject.message
    expected: list[Any] = []
    for cell in cells:
        try:
            rows = packed_columns(
                [written_in_cells(feature, gaps=gaps)], [[cell]], lambda *_: "", "", gaps=gaps
            )
            expected.append(float(matrix_of(rows)[0, 0]))
        except InvalidInput as refused:
            expected.append(refused.faults[0].message)
    assert json.dumps(answered) == json.dumps(expected)
    assert found.kept is None or found.kept.tolist() == [not isinstance(each, str) for each in expected]


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("feature", FEATURES, ids=range(len(FEATURES)))
def test_each_odd_cell_is_read_as_a_prediction_reads_it(feature: Feature, gaps: bool) -> None:
    check(ODD, feature, gaps=gaps)
    for cell in ODD:
        check([cell], feature, gaps=gaps)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FEATURES),
    st.lists(
        st.sampled_from(ODD) | st.text(max_size=6) | st.floats().map(repr) | st.dates().map(str), max_size=100
    ),
)
def test_any_cells_are_read_as_a_prediction_reads_them(feature: Feature, cells: list[str]) -> None:
    if cells and not any("\0" in cell for cell in cells):
        check([cell.encode("utf-8", "replace").decode() for cell in cells], feature, gaps=True)


@pytest.mark.parametrize("feature", FEATURES[7:12], ids=range(5))
def test_many_different_dates_are_read_at_once_as_each_alone(feature: Feature) -> None:
    days = np.datetime64("1899-12-25") + np.arange(400)
    written = {
        "": "%Y-%m-%d",
        DAY_FIRST: "%d.%m.%Y",
        MONTH_FIRST: "%m/%d/%Y 10:30",
        YEAR_FIRST: "%Y/%m/%d",
        NAMED_MONTH: "%d %b %Y",
    }
    cells = [day.strftime(written[feature.rule.date]) for day in days.tolist()]
    check([*cells, "?", ""], feature, gaps=True)
    check([*cells, "soon"], feature, gaps=False)


@pytest.mark.parametrize("feature", FEATURES[1:5], ids=range(4))
def test_many_different_numbers_are_read_at_once_as_each_alone(feature: Feature) -> None:
    point, thousands = feature.rule.decimal, feature.rule.thousands
    unit = "$" if feature.rule.unit == "$" else ""
    texts = [f"{number * 1_234.5:,.2f}" for number in range(-150, 150)]
    cells = [text.replace(",", "T").replace(".", point).replace("T", thousands) for text in texts]
    check([f"{unit}{cell}" if cell[0] != "-" else cell for cell in cells], feature, gaps=True)
    check([*cells, "-999", "many", "1e400"], feature, gaps=True)
