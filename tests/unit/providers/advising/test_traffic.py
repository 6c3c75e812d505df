"""What a person may write for --traffic, and the arrivals that it stands for."""

import itertools
from pathlib import Path

import pytest

from providers.advising.impossible import AdviceImpossible
from providers.advising.traffic import MONTH, of_trace, parse


@pytest.mark.parametrize(
    ("text", "rate", "burst", "office", "by_the_clock"),
    [
        ("2/s", 2, 1, False, False),
        ("2/s steady", 2, 1, False, False),
        ("2 /s  OFFICE", 2, 1, True, False),
        ("0.5/s office", 0.5, 1, True, False),
        (".5/s", 0.5, 1, False, False),
        ("90/min", 1.5, 1, False, False),
        ("7200/h", 2, 1, False, False),
        ("86400/day", 1, 1, False, False),
        ("bursts of 50, 0.1/s", 0.1, 50, False, False),
        ("bursts of 50 0.1/s office", 0.1, 50, True, False),
        ("50 every 10m", 50 / 600, 50, False, True),
        ("1 every 30s", 1 / 30, 1, False, True),
        ("100 every 2h office", 100 / 7200, 100, True, True),
    ],
)
def test_words_are_read(text: str, rate: float, burst: int, office: bool, by_the_clock: bool) -> None:
    traffic = parse(text)
    assert traffic.rate == pytest.approx(rate)
    assert (traffic.burst, traffic.office, traffic.by_the_clock) == (burst, office, by_the_clock)
    assert traffic.text == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "2", "two a second", "2/s tomorrow", "-2/s", "0/s", "nan/s", "inf/s", "1e9/s", "200000/s"),
        *(
            "bursts of 0, 1/s",
            "bursts of 20000, 1/s",
            "50 every",
            "50 every 0s",
            "5/fortnight",
            "1/day office",
        ),
        "50 every 2d office",
    ],
)
def test_what_cannot_be_read_is_refused_with_what_was_written(text: str) -> None:
    with pytest.raises(AdviceImpossible, match="--traffic: expected") as refused:
        parse(text)
    assert repr(text) in str(refused.value)


def test_a_month_has_as_many_as_the_words_say() -> None:
    assert parse("1/s").month == pytest.approx(MONTH)
    assert parse("2/s office").month == pytest.approx(2 * 8 * 3600 * 730 / 168 * 5)
    assert parse("50 every 10m").month == pytest.approx(50 * 730 * 6)


@pytest.mark.parametrize("text", ["5/s", "bursts of 50, 5/s", "50 every 10s", "1 every 1s", "7/min"])
def test_arrivals_are_in_order_as_many_as_said_and_the_same_again(text: str) -> None:
    traffic = parse(text)
    first, again = (list(itertools.islice(traffic.arrivals(3), 20_000)) for _ in range(2))
    assert first == again == sorted(first)
    assert 20_000 / first[-1] == pytest.approx(traffic.rate, rel=0.15)
    if traffic.burst == 1 and traffic.by_the_clock:
        return
    assert first != list(itertools.islice(traffic.arrivals(4), 20_000))


def test_a_burst_is_within_a_second() -> None:
    moments = list(itertools.islice(parse("50 every 10m").arrivals(1), 150))
    for begin in range(3):
        burst = moments[begin * 50 : begin * 50 + 50]
        assert begin * 600 <= burst[0] <= burst[-1] <= begin * 600 + 1


def test_more_of_the_same_shape_are_more_bursts() -> None:
    more = parse("bursts of 50, 0.1/s office").times(10)
    assert more.rate == pytest.approx(1.0)
    assert (more.burst, more.office) == (50, True)
    assert list(of_trace([0, 1, 9], "").times(2).trace) == [0, 0.5, 4.5]


def test_a_recorded_file_repeats_after_its_average_gap(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.txt"
    path.write_text("1700000004\n1700000000\n\n1700000006.5\n")
    traffic = parse(f"@{path}")
    assert list(traffic.trace) == [0, 4, 6.5]
    assert traffic.period == pytest.approx(9.75)
    assert list(itertools.islice(traffic.arrivals(1), 4)) == pytest.approx([0, 4, 6.5, 9.75])
    assert traffic.month == pytest.approx(MONTH / 9.75 * 3)


@pytest.mark.parametrize("held", [None, "", "3\n", "3\n3\n", "a\nb\n", "nan\n1\n", "inf\n1\n"])
def test_a_file_without_arrivals_is_refused(tmp_path: Path, held: str | None) -> None:
    path = tmp_path / "arrivals.txt"
    if held is not None:
        path.write_text(held)
    with pytest.raises(AdviceImpossible, match="expected a file with the seconds"):
        parse(f"@{path}")


def test_a_file_has_no_more_arrivals_than_can_be_simulated(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.txt"
    path.write_text("\n".join(map(str, range(100_001))))
    with pytest.raises(AdviceImpossible, match="expected at most 100,000 requests, got 100,001"):
        parse(f"@{path}")
