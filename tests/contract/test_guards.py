"""Guards on every store: one step, whatever fails, is killed, comes between, or sweeps at once."""

import json
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from ml_core.auditing.trail import Trail
from ml_core.guarding.guards import Guards
from ml_core.guarding.ladder import CLIMBING, ENDED, Ladder
from ml_core.monitoring.counting import Monitor
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import Aliases
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.scheduling.schedule import Schedule
from ml_core.scheduling.schedules import Schedules
from tests.contract.faults import FaultyStore, do_twice, fail_before, lose_answer
from tests.contract.test_schedules import Killed, kill_after, kill_before
from tests.unit.ml_core.monitoring.observed import model as asked_model
from tests.unit.ml_core.monitoring.observed import observed

HOUR, DAY = 3_600, 86_400
NOON = 20_000 * DAY + 43_200
OLD, NEW = "0" * 27 + "1", "0" * 27 + "2"
PROMOTE = {
    "when": {"metric": "log_loss", "not_worse_by": 0.01, "confidence": 0.95},
    "steps": [10, 50, 100],
    "step": "PT1H",
    "least": 100,
}
ROLLBACK = {"errors": 0.02, "p95_ms": None, "feedback_accuracy_drop": None, "for": "PT24H"}
GUARDED = Schedule({"algorithm": "quick"}, "P1D", promote=PROMOTE, rollback=ROLLBACK)
COMPARISON = {
    "against": 1, "metric": "log_loss", "confidence": 0.95, "rows": 500, "new": 0.4, "old": 0.41,
    "difference": -0.01, "low": -0.02, "high": 0.005, "reason": None,
}  # fmt: skip
LIVE = ("m", "production")
TENTH: dict[str, int] = {"1": 90, "2": 10}
HALF: dict[str, int] = {"1": 50, "2": 50}
# Operations of a sweep that makes a ladder's first step.
OPERATIONS = 23


class Deployment(NamedTuple):
    """A model whose second version was trained by its schedule, and whoever sweeps it."""

    store: ObjectStore
    told: list[str]

    def sweep(self, now: float, store: ObjectStore | None = None) -> Ladder | None:
        """What a sweep makes of the ladder, by its clock and as it reaches the store."""
        store = self.store if store is None else store
        schedules = Schedules(store, lambda: now)

        def tell(action: str, *_: object) -> None:
            self.told.append(action)

        guards = Guards(schedules, Registry(store), trail=Trail(store, lambda: now), tell=tell)
        return guards.bring_on(schedules.get("m"))

    @property
    def schedules(self) -> Schedules:
        return Schedules(self.store, lambda: NOON)

    @property
    def aliases(self) -> Aliases:
        return Aliases(Registry(self.store))

    @property
    def state(self) -> Any:
        alias = Registry(self.store).model("m").alias("production")
        return alias.weights or alias.version

    @property
    def changes(self) -> list[str | None]:
        """By whom the alias was changed, oldest first."""
        return [change.by for change in self.aliases.history(*LIVE).changes[::-1]]

    def ask(self, at: float, *, fine: int = 0, failed: int = 0) -> None:
        """Have an instance count requests to the new version at a time, and store that."""
        now, asked = at, asked_model()
        instance = Monitor(self.store, print, clock=lambda: now, run=lambda write: write())
        for number in range(fine + failed):
            now = at + (60 if number == fine + failed - 1 else 0)
            is_fine = number < fine
            seen = observed(asked, [0.5, 1.5], job=NEW) if is_fine else observed(asked, job=NEW)
            instance.take(seen, 200 if is_fine else 500, 1.0)


@pytest.fixture
def deployment(store: ObjectStore) -> Deployment:
    """An alias that answers with the first version, while the second may climb."""
    registry = Registry(store)
    for job, manifest in ((OLD, {}), (NEW, {"comparison": COMPARISON})):
        store.put_if_absent(artifact_key(job), b"artifact")
        store.put_if_absent(manifest_key(job), json.dumps(manifest).encode())
        registry.register("m", job, sha256="", size=8, algorithm="logistic_regression")
    Aliases(registry).set(*LIVE, 1)
    found = Deployment(store, [])
    found.schedules.put("m", GUARDED)
    run: dict[str, Any] = {"trigger": "every", "slot": "s", "at": "", "outcome": "started", "reason": None}
    run |= {"job": NEW, "ended": "succeeded", "version": 2}
    found.schedules.change_state("m", lambda state: {**state, "runs": [run]})
    return found


def faulty_sweep(deployment: Deployment, nth: int, fault: Callable[..., object]) -> FaultyStore:
    """A sweep whose nth operation goes wrong."""
    faulty = FaultyStore(deployment.store, nth, fault)
    try:
        deployment.sweep(NOON, faulty)
    except Exception:  # noqa: BLE001, S110 - the next sweep goes on
        pass
    except Killed:
        pass
    return faulty


@pytest.mark.matrix
@pytest.mark.parametrize("fault", [fail_before, lose_answer, do_twice, kill_before, kill_after])
@pytest.mark.parametrize("nth", range(1, OPERATIONS + 1))
def test_a_sweep_that_goes_wrong_at_any_operation_makes_one_step(
    deployment: Deployment, nth: int, fault: Callable[..., object]
) -> None:
    faulty_sweep(deployment, nth, fault)
    for minutes in (10, 20):
        ladder = deployment.sweep(NOON + minutes * 60)
    assert ladder is not None
    assert (ladder.at, ladder.step, ladder.intended) == (CLIMBING, 1, None)
    assert (deployment.state, deployment.changes) == (TENTH, [None, "schedule"])
    assert set(deployment.told) == {"step"}


def test_no_operation_of_such_a_sweep_is_left_out(deployment: Deployment) -> None:
    faulty = faulty_sweep(deployment, 0, fail_before)
    assert len(faulty.operations) == OPERATIONS, faulty.operations


def test_many_sweeps_at_once_make_one_step(deployment: Deployment) -> None:
    def sweep() -> None:
        for _ in range(3):
            deployment.sweep(NOON)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ladder = deployment.sweep(NOON)
    assert ladder is not None
    assert (ladder.at, ladder.step, ladder.intended) == (CLIMBING, 1, None)
    assert (deployment.state, deployment.changes) == (TENTH, [None, "schedule"])


@pytest.mark.matrix
@pytest.mark.parametrize("nth", range(1, OPERATIONS + 1))
def test_a_persons_change_between_any_two_operations_stays(deployment: Deployment, nth: int) -> None:
    """Also one to the very weights that the schedule would set."""
    state = TENTH if nth % 2 else {"1": 80, "2": 20}

    def meanwhile(operation: Callable[[], object]) -> object:
        deployment.aliases.set(*LIVE, state)
        return operation()

    faulty_sweep(deployment, nth, meanwhile)
    # What the sweep had read before may still be done once, and never on top of the person's change.
    changes = deployment.changes
    assert changes in ([None, None], [None, "schedule", None])
    deployment.ask(NOON, fine=200)
    for hours in (1, 2, 30):
        deployment.sweep(NOON + hours * HOUR)
    assert (deployment.state, deployment.changes) == (state, changes)


@pytest.mark.matrix
@pytest.mark.parametrize("nth", range(1, OPERATIONS + 1))
@pytest.mark.parametrize("edit", [{"promote": None}, {"alias": "canary"}])
def test_a_schedule_that_is_edited_between_any_two_operations(
    deployment: Deployment, nth: int, edit: dict[str, Any]
) -> None:
    """Once it is written, what was not intended before is not begun any more."""
    intended: list[bool] = []

    def meanwhile(operation: Callable[[], object]) -> object:
        deployment.schedules.put("m", GUARDED._replace(**edit))
        ladder = deployment.schedules.get("m").state["ladder"]
        intended.append(ladder is not None and (ladder["intended"] is not None or ladder["step"] > 0))
        return operation()

    faulty_sweep(deployment, nth, meanwhile)
    moved = deployment.changes[1:]
    assert moved == (["schedule"] if intended == [True] else [])
    deployment.ask(NOON, fine=200)
    for hours in (1, 2, 30):
        ladder = deployment.sweep(NOON + hours * HOUR)
    assert ladder is None or ladder.at == ENDED
    assert deployment.changes[1:] == moved


def test_a_clock_that_jumps_ahead_and_back_in_the_middle(deployment: Deployment) -> None:
    """It shortens no step that has seen too little, waits for its own time again, and guards meanwhile."""
    deployment.sweep(NOON)
    ahead, back = NOON + 30 * DAY, NOON + 2 * HOUR
    ladder = deployment.sweep(ahead)
    assert (deployment.state, ladder and ladder.reason) == (
        TENTH,
        "0 of 100 predictions were counted in step 1",
    )
    deployment.ask(NOON + HOUR, fine=150)
    deployment.sweep(ahead)
    assert deployment.state == HALF
    deployment.ask(back, fine=200)
    for hours in range(3, 72, 12):
        deployment.sweep(NOON + hours * HOUR)
    assert (deployment.state, len(deployment.changes)) == (HALF, 3), "the step began at a time to come"
    deployment.ask(NOON + 72 * HOUR, failed=40)
    ladder = deployment.sweep(NOON + 73 * HOUR)
    assert ladder is not None
    assert (ladder.at, deployment.state) == (ENDED, 1)
    assert "requests failed" in str(ladder.reason)
    assert deployment.told == ["step", "step", "roll_back"]


def test_a_ladder_that_began_while_the_clock_was_ahead_is_guarded(deployment: Deployment) -> None:
    deployment.sweep(NOON + 30 * DAY)
    assert deployment.state == TENTH
    deployment.ask(NOON, fine=200)
    ladder = deployment.sweep(NOON + 2 * HOUR)
    assert ladder is not None
    assert (ladder.at, deployment.state) == (CLIMBING, TENTH)
    deployment.ask(NOON + 3 * HOUR, failed=40)
    ladder = deployment.sweep(NOON + 4 * HOUR)
    assert ladder is not None
    assert (ladder.at, deployment.state) == (ENDED, 1)
