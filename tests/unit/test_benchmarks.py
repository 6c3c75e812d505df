"""The report of `make bench`: the page says what the numbers beside it say, and charts are drawings."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import charts, money, report


def test_the_page_and_its_charts_are_made_of_the_numbers_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody edits them by hand."""
    page, pictures = report.PAGE, report.PICTURES
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(report, "PICTURES", tmp_path)
    report.write()
    assert (tmp_path / "page.md").read_text() == page.read_text()
    drawn = {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    assert drawn == {path.name: path.read_text() for path in pictures.glob("benchmarks-*.svg")}


def test_each_section_says_when_and_where_it_was_measured() -> None:
    kept = json.loads(report.RAW.read_text())
    assert kept
    for name, section in kept.items():
        assert name in report.SECTIONS
        assert section["measured"].keys() == {*("date", "commit", "machine", "processors", "load", "python")}
        assert section["tables"] or section["lines"]


def test_a_chart_has_a_bar_for_each_value_and_none_for_what_was_not_measured() -> None:
    drawn = charts.bars("a & b", "µs", ["x", "y"], [("one", [10, 1000]), ("two", [100, None])])
    root = ET.fromstring(drawn)  # noqa: S314 - we wrote it
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == "a & b"
    lengths = [
        float(bar.attrib["width"]) for bar in root.iter(f"{space}rect") if bar.attrib["height"] == "13"
    ]
    assert len(lengths) == 3
    # On the scale of powers of ten from 10 to 1,000: nothing, all of it, and half of it.
    assert lengths == [1, lengths[1], pytest.approx(lengths[1] / 2, abs=0.1)]


@pytest.mark.parametrize(
    ("cloud", "microseconds", "dollars"),
    [
        # 0.289 processors: 100 µs are 0.35 ms, billed as one; 10 ms are 34.6, billed as 35.
        (0, 100, 0.20 + 1e6 * 0.001 * 0.5 * 0.0000166667),
        (0, 10_000, 0.20 + 1e6 * 0.035 * 0.5 * 0.0000166667),
        # Rounded up to 100 ms.
        (1, 100, 0.40 + 1e6 * 0.1 * (0.000024 + 0.5 * 0.0000025)),
        (1, 150_000, 0.40 + 1e6 * 0.2 * (0.000024 + 0.5 * 0.0000025)),
        # At least a second.
        (2, 100, 0.40 + 1e6 * 1 * 0.5 * 0.000026),
        (2, 300_000, 0.40 + 1e6 * 1.2 * 0.5 * 0.000026),
    ],
)
def test_a_million_predictions_cost_what_the_published_formula_says(
    cloud: int, microseconds: float, dollars: float
) -> None:
    assert money.cost(money.PRICES[cloud], microseconds) == pytest.approx(dollars)


def test_each_number_of_a_price_says_where_it_comes_from() -> None:
    for _, *numbers in money.PRICES:
        for number in numbers:
            assert number.source in (money.CHOSEN, money.NOT_CHECKED) or "read" in number.source
            assert ("read" in number.source) == ("https://" in number.source)
