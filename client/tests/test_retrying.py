"""When a request is tried again."""

import itertools
from datetime import UTC, datetime

import pytest
from serverless_ml import retrying

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        (" 7 ", 7.0),
        ("Thu, 26 Nov 2026 12:00:05 GMT", 5.0),
        ("Thu, 26 Nov 2026 11:59:00 GMT", 0.0),
        ("Thu, 26 Nov 2026 13:00:05 +0100", 5.0),
        ("99999999999999999999", 999999999.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retrying.retry_after(header, NOW) == seconds


def test_pauses_grow_to_a_bound_and_are_never_at_once() -> None:
    for draw in (0.0, 0.5, 1.0):
        pauses = [retrying.pause(tried, None, lambda draw=draw: draw) for tried in range(1, 200)]  # type: ignore[misc]
        assert all(pause is not None and 0 < pause <= retrying.MOST for pause in pauses)
        assert all(one <= other for one, other in itertools.pairwise(pauses))  # type: ignore[operator]


@pytest.mark.parametrize("asked", [0.0, 0.1, 2.0, 30.0, retrying.LONGEST])
def test_what_the_service_asks_for_is_waited_and_hardly_more(asked: float) -> None:
    for draw in (0.0, 1.0):
        pause = retrying.pause(1, asked, lambda draw=draw: draw)  # type: ignore[misc]
        assert pause is not None
        assert asked <= pause <= asked + 1


def test_more_than_the_bound_is_not_waited() -> None:
    assert retrying.pause(1, retrying.LONGEST + 1, lambda: 0.0) is None


@pytest.mark.parametrize("status", range(400, 600))
def test_only_what_may_pass_is_tried_again(status: int) -> None:
    again = retrying.transient(status, "", repeatable=True)
    assert again == (status in (429, 502, 503, 504))
    assert retrying.transient(status, "", repeatable=False) == (status == 429)
    assert not retrying.transient(status, "not_configured", repeatable=True)
