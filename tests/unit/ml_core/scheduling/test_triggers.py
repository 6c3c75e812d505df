"""Which slots are due: told by a table, by clocks that jump, by edits and by pauses."""

from typing import Any

import pytest

from ml_core.documents import timestamp
from ml_core.scheduling.schedule import DRIFT, EVERY, UPLOAD, Schedule
from ml_core.scheduling.triggers import (
    MOST_RUNS,
    REFUSED,
    SPENT_FOR_TODAY,
    STARTED,
    TOO_MANY,
    TOO_SOON,
    UNCHANGED,
    Present,
    ScheduledRun,
    Slot,
    State,
    due,
    held,
    is_unchanged,
    looked_at,
    new_state,
    next_slot,
    noted,
    rewritten,
)

DAY, HOUR = 86_400, 3_600
NOON = 20_000 * DAY + 12 * HOUR
TRAIN = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "left"}}
OTHER = {"algorithm": "logistic_regression", "data": {"uri": "dataset://other", "target": "left"}}
NOTHING = Present()


def schedule(**members: Any) -> Schedule:
    """A schedule, of each day unless something else is said."""
    return Schedule(**{"train": TRAIN, "every": "P1D", **members})


def begun(of: Schedule, now: float = NOON, found: Present = NOTHING) -> State:
    """The state of a schedule that was just written."""
    return rewritten(None, of, new_state(), found, now)


def run_of(slot: Slot, outcome: str = STARTED, **members: Any) -> ScheduledRun:
    return ScheduledRun(slot.trigger, slot.name, "2026-11-27T00:00:00Z", outcome, **members)


def after(state: State, slot: Slot, outcome: str = STARTED, now: float = NOON) -> State:
    """The state once a slot was dealt with."""
    changed = noted(state, run_of(slot, outcome), now, {"data": "d", "request": "r", "job": "j"})
    assert changed is not None
    return changed


def names(slots: list[Slot]) -> list[str]:
    return [slot.name for slot in slots]


@pytest.mark.parametrize(
    ("every", "seconds", "slots"),
    [
        ("P1D", 0, []),  # the slot in which it was written is past
        ("P1D", 11 * HOUR, []),
        ("P1D", 12 * HOUR, [timestamp(20_001 * DAY)]),
        ("P1D", 12 * HOUR + 1, [timestamp(20_001 * DAY)]),
        ("P1D", 9 * DAY, [timestamp(20_009 * DAY)]),  # of missed ones the newest alone
        ("PT1H", HOUR - 1, []),
        ("PT1H", HOUR, [timestamp(NOON + HOUR)]),
        ("PT10M", 25 * 60, [timestamp(NOON + 20 * 60)]),
        ("P7D", 0, []),
        ("P7D", 7 * DAY, [timestamp((NOON + 7 * DAY) // (7 * DAY) * 7 * DAY)]),
    ],
)
def test_slots_of_time_are_counted_from_the_epoch(every: str, seconds: int, slots: list[str]) -> None:
    of = schedule(every=every)
    assert names(due(of, begun(of), NOTHING, NOON + seconds)) == slots


def test_weeks_begin_on_thursdays_and_the_next_slot_is_told() -> None:
    assert next_slot(schedule(every="P1W"), NOON) == timestamp((20_000 // 7 + 1) * 7 * DAY)
    assert next_slot(schedule(every="P1D"), NOON) == timestamp(20_001 * DAY)
    assert next_slot(schedule(every="P1D"), 20_001 * DAY) == timestamp(20_002 * DAY)
    assert next_slot(schedule(every=None, on=(UPLOAD,)), NOON) is None
    assert next_slot(schedule(paused=True), NOON) is None


@pytest.mark.parametrize("outcome", [STARTED, UNCHANGED, REFUSED])
def test_a_slot_is_dealt_with_once(outcome: str) -> None:
    of = schedule()
    (slot,) = due(of, begun(of), NOTHING, NOON + DAY)
    state = after(begun(of), slot, outcome, NOON + DAY)
    assert due(of, state, NOTHING, NOON + DAY + 600) == []
    assert noted(state, run_of(slot), NOON + DAY + 600) is None
    assert due(of, state, NOTHING, NOON + 2 * DAY) != []


@pytest.mark.parametrize("outcome", [TOO_MANY, TOO_SOON, SPENT_FOR_TODAY])
def test_a_run_that_waits_is_noted_once_and_stays_due(outcome: str) -> None:
    of = schedule()
    (slot,) = due(of, begun(of), NOTHING, NOON + DAY)
    state = after(begun(of), slot, outcome, NOON + DAY)
    assert due(of, state, NOTHING, NOON + DAY + 600) == [slot]
    assert noted(state, run_of(slot, outcome), NOON + DAY + 600) is None
    done = after(state, slot, STARTED, NOON + DAY + 600)
    assert [each["outcome"] for each in done["runs"]] == [STARTED]
    assert state["started"] is None


def test_a_clock_that_jumped_ahead_and_came_back_runs_nothing_until_its_time_has_come() -> None:
    of = schedule(every="PT1H", at_most_every="PT1H")
    ahead = NOON + 10 * DAY
    (slot,) = due(of, begun(of), NOTHING, ahead)
    state = after(begun(of), slot, STARTED, ahead)
    for hours in range(24 * 10 + 1):
        assert due(of, state, NOTHING, NOON + hours * HOUR) == []
    (later,) = due(of, state, NOTHING, ahead + HOUR)
    assert later.name > slot.name


def test_writing_it_anew_brings_back_what_a_clock_had_ahead() -> None:
    of = schedule(every="PT1H", on=(UPLOAD, DRIFT), at_most_every="PT1H")
    ahead = NOON + 10 * DAY
    found = Present("churn/0a", 3)
    state = begun(of, found=found)
    for slot in due(of, state, found, ahead):
        state = after(state, slot, STARTED, ahead)
    assert held(of, state, NOON) is not None
    again = rewritten(of, of, state, found, NOON)
    assert again["last"] == {EVERY: timestamp(NOON), UPLOAD: "churn/0a"}
    assert names(due(of, again, found, NOON + HOUR)) == [timestamp(NOON + HOUR), f"{timestamp(NOON)[:10]}/3"]
    assert held(of, again, NOON + HOUR) is None


def test_an_edit_runs_no_slot_twice_and_takes_none_away() -> None:
    of = schedule()
    (slot,) = due(of, begun(of), NOTHING, NOON + DAY)
    edited = schedule(most_a_day=2)
    waiting = rewritten(of, edited, begun(of), NOTHING, NOON + DAY)
    assert due(edited, waiting, NOTHING, NOON + DAY) == [slot]
    done = after(begun(of), slot, STARTED, NOON + DAY)
    assert due(edited, rewritten(of, edited, done, NOTHING, NOON + DAY), NOTHING, NOON + DAY) == []


def test_a_new_rhythm_begins_with_the_next_slot() -> None:
    of, faster = schedule(), schedule(every="PT1H")
    state = rewritten(of, faster, begun(of), NOTHING, NOON + 600)
    assert due(faster, state, NOTHING, NOON + 601) == []
    assert names(due(faster, state, NOTHING, NOON + HOUR)) == [timestamp(NOON + HOUR)]
    back = rewritten(faster, of, state, NOTHING, NOON + 700)
    assert due(of, back, NOTHING, NOON + 800) == []


def test_what_came_in_a_pause_is_past() -> None:
    of, asleep = schedule(on=(UPLOAD,)), schedule(on=(UPLOAD,), paused=True)
    state = rewritten(of, asleep, begun(of, found=Present("churn/0f")), Present("churn/0f"), NOON)
    assert due(asleep, state, Present("churn/0a"), NOON + 3 * DAY) == []
    awake = rewritten(asleep, of, state, Present("churn/0a"), NOON + 3 * DAY)
    assert due(of, awake, Present("churn/0a"), NOON + 3 * DAY) == []
    assert names(due(of, awake, Present("churn/09"), NOON + 4 * DAY)) == [timestamp(20_004 * DAY), "churn/09"]


def test_a_schedule_that_was_removed_and_comes_back_runs_no_slot_twice() -> None:
    of = schedule(on=(UPLOAD,))
    state = begun(of, found=Present("churn/0f"))
    for slot in due(of, state, Present("churn/0e"), NOON + DAY):
        state = after(state, slot, STARTED, NOON + DAY)
    again = rewritten(None, of, state, Present("churn/0e"), NOON + DAY + 60)
    assert due(of, again, Present("churn/0e"), NOON + DAY + 120) == []


def test_uploads_are_due_when_they_are_newer() -> None:
    of = schedule(every=None, on=(UPLOAD,))
    state = begun(of, found=Present("churn/0f"))
    assert due(of, state, Present("churn/0f"), NOON) == []
    assert due(of, state, NOTHING, NOON) == []
    (slot,) = due(of, state, Present("churn/0e"), NOON)
    state = after(state, slot)
    # The newest was deleted: what is left is older, and no news.
    assert due(of, state, Present("churn/0f"), NOON) == []
    assert len(due(of, begun(of), Present("churn/0f"), NOON)) == 1  # the first upload, written for before


def test_another_dataset_begins_with_its_next_upload() -> None:
    of, other = schedule(every=None, on=(UPLOAD,)), schedule(every=None, on=(UPLOAD,), train=OTHER)
    state = rewritten(of, other, begun(of, found=Present("churn/0f")), Present("other/09"), NOON)
    assert due(other, state, Present("other/09"), NOON) == []
    assert names(due(other, state, Present("other/08"), NOON)) == ["other/08"]


def test_drift_is_looked_at_once_a_day_for_each_version() -> None:
    of = schedule(every=None, on=(DRIFT,), at_most_every="P1D")
    state = begun(of)
    (slot,) = due(of, state, Present(version=9), NOON)
    state = looked_at(state, slot) or {}
    assert looked_at(state, slot) is None
    assert due(of, state, Present(version=9), NOON + 60) == []
    assert due(of, state, Present(version=8), NOON + 60) == []
    assert len(due(of, state, Present(version=10), NOON + 60)) == 1
    assert len(due(of, state, Present(version=9), NOON + DAY)) == 1
    assert due(of, state, NOTHING, NOON + DAY) == []


def test_at_most_every_counts_from_the_run_before() -> None:
    of = schedule(every="PT1H", at_most_every="PT6H")
    (slot,) = due(of, begun(of), NOTHING, NOON + HOUR)
    state = after(begun(of), slot, STARTED, NOON + HOUR)
    told = held(of, state, NOON + 7 * HOUR - 1)
    assert told is not None
    assert told.outcome == TOO_SOON
    assert "at_most_every is PT6H" in told.reason
    assert held(of, state, NOON + 7 * HOUR) is None


def test_most_a_day_counts_days_of_utc() -> None:
    of = schedule(every="PT1H", most_a_day=2)
    state = begun(of)
    for hours in (1, 2):
        (slot,) = due(of, state, NOTHING, NOON + hours * HOUR)
        assert held(of, state, NOON + hours * HOUR) is None
        state = after(state, slot, STARTED, NOON + hours * HOUR)
    told = held(of, state, NOON + 3 * HOUR)
    assert told is not None
    assert told.outcome == SPENT_FOR_TODAY
    assert held(of, state, NOON + 12 * HOUR) is None
    # A clock that comes back starts no more than it may on the day that it came from.
    assert held(of, state, NOON - DAY) is not None


def test_the_same_data_and_request_are_unchanged() -> None:
    of = schedule()
    assert not is_unchanged(begun(of), "d", "r")
    state = after(begun(of), Slot(EVERY, timestamp(NOON + DAY)))
    assert is_unchanged(state, "d", "r")
    assert not is_unchanged(state, "d2", "r")
    assert not is_unchanged(state, "d", "r2")


def test_the_newest_runs_are_kept() -> None:
    of = schedule(every="PT1H", most_a_day=48)
    state = begun(of)
    for hours in range(1, 2 * MOST_RUNS):
        (slot,) = due(of, state, NOTHING, NOON + hours * HOUR)
        state = after(state, slot, STARTED, NOON + hours * HOUR)
    assert len(state["runs"]) == MOST_RUNS
    assert state["runs"][0]["slot"] == slot.name
