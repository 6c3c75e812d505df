"""Which slots of a schedule are due, whether a run has to wait, and what is noted of it.

Nothing is read here: all is decided from the schedule, its state, the time, and what was found. A slot is
one reason to train, and has one job whatever is delivered twice:

    every    the beginning of a span of UTC, counted from the epoch: no slot depends on when it was written
    upload   the dataset and the id of its newest upload
    drift    a day of UTC and the version that is looked at on it

`last` has the newest slot of each trigger that was dealt with, and only grows. So a clock that jumped ahead
and came back starts nothing until its time has come again, and of missed slots the newest alone is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.documents import timestamp
from ml_core.scheduling.schedule import DRIFT, EVERY, UPLOAD

if TYPE_CHECKING:
    from ml_core.scheduling.schedule import Schedule

STARTED, UNCHANGED, REFUSED = "started", "unchanged", "refused"
TOO_MANY, TOO_SOON, SPENT_FOR_TODAY = "too_many", "too_soon", "most_a_day"
OUTCOMES = (STARTED, UNCHANGED, REFUSED, TOO_MANY, TOO_SOON, SPENT_FOR_TODAY)
# What leaves a slot due: the next sweep tries again.
WAITING = frozenset({TOO_MANY, TOO_SOON, SPENT_FOR_TODAY})
MOST_RUNS = 20  # that are kept, the newest
LONGEST_REASON = 500  # characters

type State = dict[str, Any]


class Slot(NamedTuple):
    """One reason to train."""

    trigger: str
    name: str


class Present(NamedTuple):
    """What a sweep finds: the newest upload, as `upload_slot` says it, and the version that answers.

    None where there is none, or where the schedule does not ask.
    """

    upload: str | None = None
    version: int | None = None


class ScheduledRun(NamedTuple):
    """What became of a slot. `ended` is the state in which the job ended, `version` what it registered."""

    trigger: str
    slot: str
    at: str
    outcome: str
    job: str | None = None
    reason: str | None = None
    ended: str | None = None
    version: int | None = None


class Held(NamedTuple):
    """Why a run has to wait."""

    outcome: str
    reason: str


def new_state() -> State:
    """That of a schedule that never ran."""
    return {"last": {}, "day": None, "started": None, "trained": None, "runs": [], "ladder": None}


def every_slot(period: int, now: float) -> str:
    """The slot of `every` that a time is in."""
    return timestamp(now // period * period)


def next_slot(schedule: Schedule, now: float) -> str | None:
    """When the next slot of `every` begins; None where there is none to come."""
    if schedule.period is None or schedule.paused:
        return None
    return timestamp((now // schedule.period + 1) * schedule.period)


def upload_slot(dataset: str, upload: str) -> str:
    """The slot of an upload."""
    return f"{dataset.lower()}/{upload}"


def due(schedule: Schedule, state: State, found: Present, now: float) -> list[Slot]:
    """The slots that are due, one of a trigger at most; that of drift is one to look at."""
    if schedule.paused:
        return []
    slots = []
    if schedule.period is not None:
        slots.append(Slot(EVERY, every_slot(schedule.period, now)))
    if UPLOAD in schedule.on and found.upload is not None:
        slots.append(Slot(UPLOAD, found.upload))
    if DRIFT in schedule.on and found.version is not None:
        slots.append(Slot(DRIFT, f"{timestamp(now)[:10]}/{found.version}"))
    return [slot for slot in slots if is_newer(slot, state["last"].get(slot.trigger))]


def is_newer(slot: Slot, last: str | None) -> bool:
    """Whether a slot comes after the last one of its trigger."""
    if last is None:
        return True
    (first, _, rest), (last_first, _, last_rest) = slot.name.partition("/"), last.partition("/")
    if slot.trigger == EVERY:
        return slot.name > last
    if slot.trigger == UPLOAD:  # the ids of later uploads sort before those of earlier ones
        return first != last_first or rest < last_rest
    return (first, int(rest)) > (last_first, int(last_rest))


def held(schedule: Schedule, state: State, now: float) -> Held | None:
    """Why no run may start now; None where one may."""
    started = state["started"]
    if schedule.pause and started is not None and now < started + schedule.pause:
        return Held(
            TOO_SOON,
            f"the last run started at {timestamp(started)}, and at_most_every is {schedule.at_most_every}",
        )
    today = timestamp(now)[:10]
    # A day to come is that of a clock that came back: its runs count until it is over.
    day, count = state["day"] or (today, 0)
    if day >= today and count >= schedule.most_a_day:
        return Held(
            SPENT_FOR_TODAY, f"{count} runs started on {day}, and most_a_day is {schedule.most_a_day}"
        )
    return None


def is_unchanged(state: State, data: str, request: str) -> bool:
    """Whether the last run that started was one on this data, by this request."""
    trained = state["trained"]
    return trained is not None and (trained["data"], trained["request"]) == (data, request)


def noted(state: State, run: ScheduledRun, now: float, trained: dict[str, Any] | None = None) -> State | None:
    """The state with a run in it; None where its slot was dealt with already, by another sweep.

    A run that waits is noted once, until something else becomes of its slot. `trained` says what a run that
    started trains on.
    """
    slot = Slot(run.trigger, run.slot)
    if not is_newer(slot, state["last"].get(run.trigger)):
        return None
    said = {**run._asdict(), "reason": run.reason and run.reason[:LONGEST_REASON]}
    others = []
    for each in state["runs"]:
        if (each["trigger"], each["slot"]) != slot:
            others.append(each)
        elif each["outcome"] == run.outcome and run.outcome in WAITING:
            return None
    changed = {**state, "runs": [said, *others][:MOST_RUNS]}
    if run.outcome not in WAITING:
        changed["last"] = {**state["last"], run.trigger: run.slot}
    if run.outcome == STARTED:
        today = timestamp(now)[:10]
        day, count = state["day"] or (today, 0)
        changed["day"] = [day, count + 1] if day >= today else [today, 1]
        changed["started"] = max(now, state["started"] or now)
        changed["trained"] = trained
    return changed


def looked_at(state: State, slot: Slot) -> State | None:
    """The state once a slot turned out to be no reason to train; None where it was dealt with already."""
    if not is_newer(slot, state["last"].get(slot.trigger)):
        return None
    return {**state, "last": {**state["last"], slot.trigger: slot.name}}


def rewritten(before: Schedule | None, after: Schedule, state: State, found: Present, now: float) -> State:
    """The state of a schedule that people write anew; `found` is what there is at that moment.

    The slots that a new rhythm, a dataset, or the end of a pause find are past: who wants a run now asks for
    one. Any other edit takes away no slot, and none brings one back. What a clock that was ahead has left
    counts no longer.
    """
    last = {name: slot for name, slot in state["last"].items() if name == DRIFT}
    asleep = before is None or before.paused
    if after.period is not None:
        slot, known = every_slot(after.period, now), state["last"].get(EVERY)
        begins = asleep or before is None or before.every != after.every
        last[EVERY] = slot if known is None or known > slot else max(known, slot) if begins else known
    elif EVERY in state["last"]:
        last[EVERY] = min(state["last"][EVERY], timestamp(now))
    if UPLOAD in after.on and found.upload is not None:
        present, known = Slot(UPLOAD, found.upload), state["last"].get(UPLOAD)
        begins = asleep or before is None or UPLOAD not in before.on or before.dataset != after.dataset
        last[UPLOAD] = present.name if begins and is_newer(present, known) else known or present.name
    elif UPLOAD in state["last"]:
        last[UPLOAD] = state["last"][UPLOAD]
    today = timestamp(now)[:10]
    if DRIFT in last and last[DRIFT][:10] > today:
        del last[DRIFT]
    day, started = state["day"], state["started"]
    return {
        **state,
        "last": last,
        "day": None if day is not None and day[0] > today else day,
        "started": None if started is None else min(started, now),
    }
