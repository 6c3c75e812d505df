"""Schedules in a store: conditions, spellings, tombstones, and what the sweep notes meanwhile."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_core.conflicts import ScheduleNotFound
from ml_core.errors import DocumentDamaged, NameTaken, RevisionMismatch
from ml_core.scheduling.schedule import Schedule
from ml_core.scheduling.schedules import PREFIX, Conditions, Schedules, schedule_key
from ml_core.scheduling.triggers import STARTED, ScheduledRun, noted
from providers.local.runtime.store import FolderStore

NOON = 20_000 * 86_400 + 43_200
TRAIN = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "left"}}
DAILY = Schedule(TRAIN, "P1D")
RUN = ScheduledRun("every", "2026-11-27T00:00:00Z", "2026-11-27T00:05:00Z", STARTED, "0" * 28)
SAMPLE = Path(__file__).with_name("schedule-1.json")


def schedules_in(tmp_path: Path) -> Schedules:
    return Schedules(FolderStore(str(tmp_path)), lambda: NOON)


def run_in(schedules: Schedules, model: str) -> None:
    schedules.change_state(model, lambda state: noted(state, RUN, NOON))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    schedules = schedules_in(tmp_path)
    written = schedules.put("Churn", DAILY, by="ada")
    assert schedules.get("Churn") == written
    assert (written.schedule, written.writer, written.updated) == (DAILY, "ada", "2024-10-04T12:00:00Z")


def test_the_etag_is_of_what_people_wrote(tmp_path: Path) -> None:
    schedules = schedules_in(tmp_path)
    etag = schedules.put("m", DAILY).etag
    run_in(schedules, "m")
    assert schedules.get("m").etag == etag
    assert schedules.put("m", DAILY).etag != etag
    assert [run["slot"] for run in schedules.get("m").state["runs"]] == [RUN.slot]


@pytest.mark.parametrize(
    ("present", "conditions", "passes"),
    [
        (False, {}, True),
        (False, {"one_of": {"x"}}, False),
        (False, {"one_of": {"*"}}, False),
        (False, {"none_of": {"*"}}, True),
        (True, {}, True),
        (True, {"one_of": {"x"}}, False),
        (True, {"one_of": {"*"}}, True),
        (True, {"one_of": {"x", "mine"}}, True),
        (True, {"none_of": {"*"}}, False),
        (True, {"none_of": {"mine"}}, False),
        (True, {"none_of": {"x"}}, True),
    ],
)
def test_conditions(tmp_path: Path, present: bool, conditions: dict[str, set[str]], passes: bool) -> None:
    schedules = schedules_in(tmp_path)
    etag = schedules.put("m", DAILY).etag if present else ""
    named = {
        name: frozenset(etag if each == "mine" else each for each in tags)
        for name, tags in conditions.items()
    }
    if passes:
        schedules.put("m", DAILY, conditions=Conditions(**named))
        return
    with pytest.raises(RevisionMismatch):
        schedules.put("m", DAILY, conditions=Conditions(**named))


def test_a_removed_schedule_remembers_its_slots(tmp_path: Path) -> None:
    schedules = schedules_in(tmp_path)
    etag = schedules.put("m", DAILY, by="ada").etag
    run_in(schedules, "m")
    with pytest.raises(RevisionMismatch):
        schedules.delete("m", Conditions(frozenset({"another"})))
    schedules.delete("m", Conditions(frozenset({etag})))
    for again in (schedules.get, schedules.delete):
        with pytest.raises(ScheduleNotFound, match="model 'm' has no schedule"):
            again("m")
    assert list(schedules.read(list(schedules.keys()))) == []
    run_late = ScheduledRun("every", "2026-11-28T00:00:00Z", RUN.at, STARTED, "1" * 28)
    schedules.change_state("m", lambda state: noted(state, run_late, NOON))
    state = schedules.put("m", DAILY, conditions=Conditions(none_of=frozenset({"*"}))).state
    assert [run["slot"] for run in state["runs"]] == [run_late.slot, RUN.slot]


def test_a_purge_leaves_nothing_and_a_deletion_a_tombstone(tmp_path: Path) -> None:
    schedules = schedules_in(tmp_path)
    for name in ("never", "m"):
        schedules.forget(name)
        schedules.forget(name, purge=True)
    schedules.put("m", DAILY)
    schedules.forget("m")
    assert list(schedules.keys()) == [schedule_key("m")]
    with pytest.raises(ScheduleNotFound):
        schedules.get("m")
    schedules.forget("m", purge=True)
    assert list(schedules.keys()) == []
    run_in(schedules, "m")
    assert list(schedules.keys()) == []


def test_spellings_of_a_name_are_one_schedule(tmp_path: Path) -> None:
    schedules = schedules_in(tmp_path)
    schedules.put("Churn", DAILY)
    with pytest.raises(NameTaken, match="'Churn' exists"):
        schedules.put("churn", DAILY)
    with pytest.raises(ScheduleNotFound, match="'Churn' has one"):
        schedules.get("churn")
    with pytest.raises(ScheduleNotFound):
        schedules.delete("churn")
    schedules.delete("Churn")
    assert schedules.put("churn", DAILY).model == "churn"


@pytest.mark.parametrize("name", ["", "..", "a/b", "x" * 64])
def test_what_is_no_name_has_no_schedule(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScheduleNotFound):
        schedules_in(tmp_path).get(name)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        b"[]",
        b'{"revision":1,"writers":[]}',
        b'{"revision":1,"writers":[],"schedule":{},"model":"a","etag":"e","writer":null,"updated":"","state":{}}',
        b'{"revision":1,"writers":[],"schedule":3,"model":"a","etag":"e","writer":null,"updated":"","state":{}}',
    ],
)
def test_a_damaged_document_is_passed_over(tmp_path: Path, damaged: bytes) -> None:
    store = FolderStore(str(tmp_path))
    schedules = Schedules(store)
    store.put_if_absent(schedule_key("a"), damaged)
    schedules.put("b", DAILY)
    assert [found.model for found in schedules.read(list(schedules.keys()))] == ["b"]
    with pytest.raises(DocumentDamaged):
        schedules.get("a")


def test_a_document_of_this_release_is_read_by_later_ones(tmp_path: Path) -> None:
    """`schedule-1.json` is what this release wrote: whatever changes, it has to be read."""
    store = FolderStore(str(tmp_path))
    sample: dict[str, Any] = json.loads(SAMPLE.read_bytes())
    store.put_if_absent(f"{PREFIX}churn.json", SAMPLE.read_bytes())
    schedules = Schedules(store)
    found = schedules.get("churn")
    assert found.schedule.described() == sample["schedule"]
    assert found.state == sample["state"]
    assert (found.writer, found.etag) == ("ada", "7c1f0a9be2d34456")
    schedules.change_state("churn", lambda state: {**state, "started": 1.0})
    assert schedules.get("churn").schedule == found.schedule
