"""Durations: what is one, how long it is, and why another text is none."""

import re

import pytest

from ml_core.scheduling.durations import LEAST, MOST, PATTERN, duration_faults, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT10M", 600),
        ("PT90M", 5_400),
        ("PT6H", 21_600),
        ("PT1H30M", 5_400),
        ("P1D", 86_400),
        ("P1DT12H", 129_600),
        ("P1DT10M", 87_000),
        ("P2W", 1_209_600),
        ("P366D", 366 * 86_400),
        ("P0DT10M", 600),
    ],
)
def test_a_duration_has_its_seconds(text: str, seconds: int) -> None:
    assert duration_faults(text, "$.every") == []
    assert seconds_of(text) == seconds
    assert re.fullmatch(PATTERN[1:-1], text)
    assert LEAST <= seconds <= MOST


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "PT", "P1DT", "1D", "P1", "PT1", "p1d", "P1D ", "P-1D", "P1.5D", "PT5M", "PT0M", "P0D"),
        *(
            "P367D",
            "P53W",
            "P1W1D",
            "PT10S",
            "PT9M",
            "P9999999D",
            "P\uff11D",
            "P1D\n",
            "P" + "1" * 5_000 + "D",
        ),
        *(None, 600, 1.5, True, ["P1D"], {}),
    ],
)
def test_what_is_no_duration_is_told_where_it_stands(text: object) -> None:
    (fault,) = duration_faults(text, "$.every")
    assert fault.path == "$.every"
    assert fault.message.startswith("expected a duration from PT10M to P366D")
    assert len(fault.message) < 300


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P1Y2M", "P3MT1H", "P1M2D"])
def test_months_and_years_are_refused_with_the_reason(text: str) -> None:
    (fault,) = duration_faults(text, "$.every")
    assert "months and years are not of one length" in fault.message
