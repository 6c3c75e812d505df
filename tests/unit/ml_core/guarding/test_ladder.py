"""What a guard decides, for tables of what it may find."""

import json
from typing import Any

import numpy as np
import pytest

from ml_core.guarding.ladder import (
    CLIMBING,
    DONE,
    ENDED,
    GIVE_UP,
    HOLD,
    ROLL_BACK,
    STEP,
    WATCHING,
    AliasSeen,
    Decision,
    GuardFindings,
    Ladder,
    Rules,
    after,
    decided,
    was_carried_out,
)
from ml_core.guarding.tallies import Tally, fault_of
from ml_core.monitoring.counts import LATENCY_ENDS

T, HOUR = 1_700_000_000.0, 3600.0
RULES = Rules(
    {
        "when": {"metric": "log_loss", "not_worse_by": 0.01, "confidence": 0.95},
        "steps": [10, 50, 100],
        "step": "PT1H",
        "least": 300,
    },
    {"errors": 0.02, "p95_ms": 500, "feedback_accuracy_drop": 0.05, "for": "PT24H"},
)
LADDER = Ladder("production", 3, "job-3", 4, "job-4", "e1", T, T)
MINE = AliasSeen("e1", 3, "ada")
COMPARISON = {
    "against": 3, "metric": "log_loss", "confidence": 0.95, "rows": 500, "new": 0.4, "old": 0.41,
    "difference": -0.01, "low": -0.02, "high": 0.005, "reason": None,
}  # fmt: skip


def tally(requests: int, errors: int = 0, slow: int = 0, labelled: int = 0, correct: int = 0) -> Tally:
    """So many requests of one row; `slow` of them took three seconds, the others ten milliseconds."""
    latency = [0] * (len(LATENCY_ENDS) + 1)
    latency[LATENCY_ENDS.index(10)], latency[LATENCY_ENDS.index(3000)] = requests - slow, slow
    return Tally(requests, errors, tuple(latency), requests, labelled, correct)


def found(**more: Any) -> GuardFindings:
    return GuardFindings(
        **{"alias": MINE, "gone": (), "old": Tally(), "new": Tally(), "comparison": COMPARISON, **more}
    )


def test_a_version_climbs_step_by_step_and_is_watched() -> None:
    ladder, now = LADDER, T
    states: list[str] = []
    for action, state, hours in (
        (STEP, {"3": 90, "4": 10}, 0),
        (HOLD, None, 0.5),
        (STEP, {"3": 50, "4": 50}, 1),
        (STEP, 4, 1),
        (HOLD, None, 23),
        (DONE, None, 1),
        (HOLD, None, 1),
    ):
        now += hours * HOUR
        some = found(new=tally(int(now - T) + 1), alias=AliasSeen(ladder.etag, 3, "schedule"))
        decision = decided(ladder, RULES, some, now)
        assert (decision.action, decision.state) == (action, state)
        ladder = after(ladder, decision, RULES, some, etag=f"e{len(states)}", now=now)
        ladder = Ladder.of(json.loads(json.dumps(ladder.described())))
        states.append(ladder.at)
    assert states == [CLIMBING, CLIMBING, CLIMBING, WATCHING, WATCHING, ENDED, ENDED]


@pytest.mark.parametrize(
    ("comparison", "action", "says"),
    [
        (COMPARISON, STEP, "log_loss 0.4, of version 3 0.41, on the same 500 rows"),
        (
            {**COMPARISON, "high": 0.0101},
            GIVE_UP,
            "may be worse by 0.0101, and not_worse_by is 0.01",
        ),
        ({**COMPARISON, "metric": "accuracy", "low": -0.009}, STEP, "accuracy"),
        ({**COMPARISON, "metric": "accuracy", "low": -0.02, "high": 0.001}, GIVE_UP, "may be worse by 0.02"),
        (
            {**COMPARISON, "difference": None, "reason": "other classes"},
            GIVE_UP,
            "not compared .*: other classes",
        ),
        (None, GIVE_UP, "nothing was compared"),
    ],
)
def test_the_first_step_takes_a_comparison(comparison: Any, action: str, says: str) -> None:
    decision = decided(LADDER, RULES, found(comparison=comparison), T)
    assert decision.action == action
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(decision.reason)


MID = LADDER._replace(at=CLIMBING, step=1)


@pytest.mark.parametrize(
    ("ladder", "some", "now", "action", "says"),
    [
        (MID, found(new=tally(299)), T + HOUR, HOLD, "299 of 300 predictions"),
        (MID, found(new=tally(300)), T + HOUR - 1, HOLD, "step 1 lasts until"),
        (MID, found(new=tally(300)), T + HOUR, STEP, "next come 50 %"),
        (MID, found(new=tally(300)), T - HOUR, HOLD, "step 1 lasts until"),  # the clock went back
        (MID, found(alias=AliasSeen("e2", 3, "ada"), new=tally(300, 300)), T, GIVE_UP, "changed by 'ada'"),
        (MID, found(alias=AliasSeen("e2", 3, None)), T, GIVE_UP, "changed by somebody"),
        (MID, found(alias=None), T, GIVE_UP, "the alias was removed"),
        (MID, found(gone=(3,)), T, GIVE_UP, "version 3 was deleted"),
        (MID, found(new=tally(100, 20)), T, ROLL_BACK, "20 of 100 requests failed"),
        (MID, found(new=tally(100, 4)), T, HOLD, "step 1"),  # may be chance
        (MID, found(new=tally(10, 10)), T, HOLD, "step 1"),  # too few
        (MID, found(new=tally(200, 0, 60)), T, ROLL_BACK, "60 of 200 requests took longer than 500 ms"),
        (
            MID,
            found(new=tally(500, 0, 0, 400, 280), old=tally(500, 0, 0, 400, 380)),
            T,
            ROLL_BACK,
            "280 of 400 labelled predictions were right",
        ),
        (MID, found(new=tally(9, 0, 0, 400, 370), old=tally(9, 0, 0, 400, 380)), T, HOLD, "step 1"),
        (MID._replace(at=WATCHING), found(new=tally(100, 20)), T + HOUR, ROLL_BACK, "requests failed"),
        (MID._replace(began=(Tally(), tally(100, 20))), found(new=tally(150, 20)), T, HOLD, "step 1"),
        (MID._replace(at=ENDED, reason="it was over"), found(gone=(4,)), T, HOLD, "it was over"),
    ],
)
def test_what_it_decides(ladder: Ladder, some: GuardFindings, now: float, action: str, says: str) -> None:
    decision = decided(ladder, RULES, some, now)
    assert decision.action == action
    assert says in decision.reason
    assert decision.state == {STEP: {"3": 50, "4": 50}, ROLL_BACK: 3}.get(action)


def test_without_rollback_nothing_is_watched() -> None:
    rules = RULES._replace(rollback=None)
    ladder = MID._replace(step=2)
    some = found(new=tally(300, 300))
    decision = decided(ladder, rules, some, T + HOUR)
    assert (decision.action, decision.state) == (STEP, 4)
    assert after(ladder, decision, rules, some, etag="e2", now=T + HOUR).at == ENDED


def test_a_change_of_a_sweep_that_died_is_known_again() -> None:
    state: dict[str, int] = {"3": 90, "4": 10}
    intending = LADDER._replace(intended=Decision(STEP, "why", state))
    assert Ladder.of(json.loads(json.dumps(intending.described()))) == intending
    assert was_carried_out(intending, AliasSeen("e2", state, "schedule"))
    for alias in (AliasSeen("e2", state, "ada"), AliasSeen("e2", 3, "schedule"), MINE, None):
        assert not was_carried_out(intending, alias)
    assert not was_carried_out(LADDER, AliasSeen("e2", state, "schedule"))


def test_counts_that_were_lost_count_nothing() -> None:
    assert tally(5).since(tally(10, 3, 0, 4, 4)) == tally(0)
    assert tally(10, 3).since(tally(4, 1)) == tally(6, 2)
    assert tally(5).since(Tally()) == tally(5)


def looks(share: float, *, requests: int, every: int, rounds: int, seed: int) -> float:
    """How often a version that fails so often is rolled back, looked at after each `every` requests."""
    failed = np.random.default_rng(seed).random((rounds, requests)) < share
    sums = failed.cumsum(axis=1)[:, every - 1 :: every]
    back = [
        any(
            fault_of(Tally((look + 1) * every, int(errors)), Tally(), {"errors": 0.02})
            for look, errors in enumerate(row)
        )
        for row in sums
    ]
    return sum(back) / rounds


def test_how_often_errors_as_allowed_are_taken_for_too_many() -> None:
    """A day of looks every ten minutes at a version that fails exactly as often as it may: one in fifty."""
    assert looks(0.02, requests=14_400, every=100, rounds=300, seed=1) <= 0.02


def test_how_soon_many_errors_are_found() -> None:
    """One in ten fails: it is rolled back within some two hundred requests, nearly always."""
    assert looks(0.1, requests=300, every=50, rounds=200, seed=2) >= 0.9
