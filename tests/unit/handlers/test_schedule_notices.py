"""What the sweep does by itself is told and written down: slots it refuses, aliases it moves."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.jobs import deliver, sweep_once
from ml_core.errors import Unavailable
from ml_core.guarding.ladder import CLIMBING, WATCHING
from ml_core.guarding.tallies import Tally
from ml_core.ports import every_object
from ml_core.scheduling.schedules import Schedules
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import asking
from tests.unit.handlers.test_guards import HASHED, PROMOTE, ROLLBACK, Crash, Guarded, counted
from tests.unit.handlers.test_notices import SET_TO, Told, told
from tests.unit.handlers.test_schedules_run import ROWS, TRAIN, Bench

__all__ = ["counted", "told"]

PRIVACY = {"epsilon": 1, "delta": 1e-6, "bounds": {"a": [0, 9]}, "classes": ["x", "y"]}


def notices(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    """Those that nobody has sent yet, by their kinds."""
    found = [
        json.loads(bench.services.store.get(each.key).data)["notice"]
        for each in every_object(bench.services.store, "notices/")
    ]
    return sorted((notice["type"], notice["data"]) for notice in found)


def budget(bench: Bench, epsilon: float) -> None:
    body = json.dumps({"budget": {"epsilon": epsilon, "delta": 1e-6}}).encode()
    assert asking(bench.services)("PUT", "/v1/datasets/churn/budget", body).status == 200


def refused_slot(bench: Bench, told: Told) -> dict[str, Any]:
    """Sweeps twice what is due now; the one notice that a run was refused."""
    sweep_once(bench.services)
    sweep_once(bench.services)
    assert bench.runs()[0][1] == "refused"
    (data,) = [data for _, kind, data in told.came if kind == "schedule.refused"]
    return data


def test_a_refused_slot_is_told_once_with_its_code(tmp_path: Path, told: Told) -> None:
    bench = Bench(tmp_path, None, **SET_TO)
    bench.put(on=("upload",))
    upload = bench.upload()
    budget(bench, 1)  # what is not private may not read it any more
    data = refused_slot(bench, told)
    assert data == {"model": "m", "trigger": "upload", "slot": f"churn/{upload}", "error": "budget"}
    assert told.kinds == ["schedule.refused"]


def test_a_budget_that_does_not_pay_for_a_run_is_told(tmp_path: Path, told: Told) -> None:
    bench = Bench(tmp_path, None, **SET_TO)
    bench.put(on=("upload",), train={**TRAIN, "privacy": PRIVACY})
    bench.upload()
    budget(bench, 0.5)
    data = refused_slot(bench, told)
    assert data["error"] == "budget_spent"
    assert sorted(told.kinds) == ["budget.spent", "schedule.refused"]
    (spent,) = [data for _, kind, data in told.came if kind == "budget.spent"]
    assert spent == {"model": "m", "dataset": "churn", "job": None}


def test_a_budget_that_does_not_pay_for_a_job_is_told(tmp_path: Path, told: Told) -> None:
    """Two were sent while there was enough for either; the second is refused when it would begin."""
    bench = Bench(tmp_path, None, **SET_TO)
    bench.upload()
    budget(bench, 1.2)
    body = json.dumps({**TRAIN, "privacy": PRIVACY}).encode()
    for _ in range(2):
        assert asking(bench.services)("POST", "/v1/models/m:train", body).status == 202
    second, first = bench.jobs()
    for job in (first, second):
        deliver(bench.services, job.id)
    assert sorted(told.kinds) == ["budget.spent", "job.failed", "job.succeeded"]
    (spent,) = [data for _, kind, data in told.came if kind == "budget.spent"]
    failed = next(job for job in bench.jobs() if job.state == "failed")
    assert spent == {"model": "m", "dataset": "churn", "job": failed.id}


def test_a_refusal_that_cannot_be_told_is_tried_again(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one forgotten whose sweep dies before the slot is noted; and it is told once all the same."""
    bench = Bench(tmp_path, None, **SET_TO)
    bench.put(on=("upload",), train={**TRAIN, "privacy": PRIVACY})
    bench.upload(ROWS)
    budget(bench, 0.5)
    with monkeypatch.context() as patch:
        real = FolderStore.put_if_absent

        def fail(store: FolderStore, key: str, data: bytes) -> str:
            if key.startswith("notices/"):
                raise Unavailable("away")
            return real(store, key, data)

        patch.setattr(FolderStore, "put_if_absent", fail)
        sweep_once(bench.services)
    assert (bench.runs(), notices(bench)) == ([], [])
    with monkeypatch.context() as patch:
        patch.setattr(Schedules, "change_state", lambda *_: (_ for _ in ()).throw(Crash()))
        patch.setattr("handlers.jobs.send_notices", lambda *_: 0)
        sweep_once(bench.services)
    assert bench.runs() == []
    assert [kind for kind, _ in notices(bench)] == ["budget.spent", "schedule.refused"]
    sweep_once(bench.services)
    assert bench.runs() == [("upload", "refused")]
    assert sorted(told.kinds) == ["budget.spent", "schedule.refused"]


def guarded(tmp_path: Path, steps: list[int]) -> Guarded:
    """A model whose second version may climb these steps, in a deployment that tells."""
    bench = Guarded(tmp_path, None, **SET_TO)
    bench.put(every="PT6H", train=HASHED, promote={**PROMOTE, "steps": steps}, rollback=ROLLBACK)
    bench.trained(6, 1)
    bench.aliases.set("m", "production", 1)
    bench.trained(12, 2)
    bench.put(every="P366D", train=HASHED, promote={**PROMOTE, "steps": steps}, rollback=ROLLBACK)
    return bench


def by_schedule(bench: Guarded) -> list[tuple[Any, ...]]:
    """Changes of aliases in the trail, oldest first."""
    entries = json.loads(asking(bench.services)("GET", "/v1/audit").body)["entries"][::-1]
    names = ("by", "method", "route", "status", "model", "alias", "version")
    return [tuple(entry[name] for name in names) for entry in entries if entry["alias"] is not None]


SET = ("schedule", "PUT", "/v1/models/{model}/aliases/{alias}")
BACK = ("schedule", "POST", "/v1/models/{model}/aliases/{alias}:rollback")


def test_what_guards_do_is_told_and_in_the_trail(
    tmp_path: Path, told: Told, counted: dict[str, Tally]
) -> None:
    bench = guarded(tmp_path, [100])
    told.came.clear()
    sweep_once(bench.services)
    assert bench.state() == 2
    counted["new"] = Tally(requests=100, errors=20)
    sweep_once(bench.services)
    assert bench.state() == 1
    moved = {"model": "m", "alias": "production", "weights": None, "by": "schedule"}
    assert [(kind, data) for _, kind, data in told.came if kind.startswith("alias.")] == [
        ("alias.promoted", {**moved, "version": 2}),
        ("alias.rolled_back", {**moved, "version": 1}),
    ]
    assert by_schedule(bench) == [(*SET, 200, "m", "production", 2), (*BACK, 200, "m", "production", 1)]
    sweep_once(bench.services)
    assert len(by_schedule(bench)) == 2


def test_a_step_of_several_shares_is_told_as_such(tmp_path: Path, told: Told) -> None:
    bench = guarded(tmp_path, [10, 100])
    told.came.clear()
    sweep_once(bench.services)
    ((_, kind, data),) = [each for each in told.came if each[1].startswith("alias.")]
    assert (kind, data["weights"], data["by"]) == ("alias.set", {"1": 90, "2": 10}, "schedule")


@pytest.mark.parametrize(
    ("steps", "at", "kind"), [([10, 100], CLIMBING, "alias.set"), ([100], WATCHING, "alias.promoted")]
)
@pytest.mark.parametrize("failing", ["notices/", "audit/"])
def test_an_alias_that_moved_untold_is_told_by_the_next_sweep(  # noqa: PLR0917
    tmp_path: Path,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[int],
    at: str,
    kind: str,
    failing: str,
) -> None:
    """The notice, or the end of the entry in the trail, cannot be written once the alias has moved."""
    bench = guarded(tmp_path, steps)
    told.came.clear()
    with monkeypatch.context() as patch:
        real = FolderStore.put_if_absent

        def fail(store: FolderStore, key: str, data: bytes) -> str:
            if key.startswith(failing) and (failing == "notices/" or key.endswith(".end")):
                raise Unavailable("away")
            return real(store, key, data)

        patch.setattr(FolderStore, "put_if_absent", fail)
        sweep_once(bench.services)
    assert bench.state() != 1
    assert [kind for kind in told.kinds if kind.startswith("alias.")] == []
    for _ in range(2):
        sweep_once(bench.services)
    ladder = bench.schedules.get("m").state["ladder"]
    assert (ladder["at"], ladder["step"], ladder["intended"]) == (at, 1, None)
    assert [each for each in told.kinds if each.startswith("alias.")] == [kind]
    (*_, status, _, _, _) = by_schedule(bench)[0]
    assert status == (200 if failing == "notices/" else None), "it may have been made or not, the trail says"


def test_a_move_that_cannot_be_written_down_is_not_made(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = guarded(tmp_path, [100])
    told.came.clear()
    with monkeypatch.context() as patch:
        real = FolderStore.put_if_absent

        def fail(store: FolderStore, key: str, data: bytes) -> str:
            if key.startswith("audit/"):
                raise Unavailable("away")
            return real(store, key, data)

        patch.setattr(FolderStore, "put_if_absent", fail)
        sweep_once(bench.services)
    assert bench.state() == 1
    assert "alias.promoted" not in told.kinds
    sweep_once(bench.services)
    assert bench.state() == 2
    assert told.kinds.count("alias.promoted") == 1
