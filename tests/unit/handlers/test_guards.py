"""Guards that are carried out: one step whatever two sweeps do, and nothing that a person did is undone."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from handlers.jobs import deliver
from ml_core.auditing.trail import Trail
from ml_core.guarding.guards import Guards
from ml_core.guarding.ladder import CLIMBING, ENDED, WATCHING, Ladder
from ml_core.guarding.tallies import Tally
from ml_core.registry.aliases import Aliases
from ml_core.registry.registry import artifact_key, manifest_key
from tests.unit.handlers.test_schedules_run import DAY, HOUR, NOON, TRAIN, Bench

PROMOTE = {
    "when": {"metric": "log_loss", "not_worse_by": 0.5, "confidence": 0.95},
    "steps": [10, 100],
    "step": "PT1H",
    "least": 300,
}
ROLLBACK = {"errors": 0.02, "p95_ms": None, "feedback_accuracy_drop": None, "for": "PT24H"}
HASHED: dict[str, Any] = {
    **TRAIN,
    "data": {"uri": "dataset://churn", "target": "b", "features": ["a"]},
    "split": {"by": "hash"},
    "test_fraction": 0.4,
}


def table(seed: int) -> str:
    of = random.Random(seed)  # noqa: S311
    rows = [
        (value, "x" if value + of.gauss(0, 1) > 0 else "y") for value in (of.gauss(0, 2) for _ in range(700))
    ]
    return "a,b\n" + "".join(f"{value!r},{label}\n" for value, label in rows)


class Guarded(Bench):
    """A model with two versions, of which the newer was trained by its schedule."""

    def trained(self, hours: int, seed: int) -> None:
        self.upload(table(seed))
        assert self.sweep(NOON + hours * HOUR) == 1
        deliver(self.services, self.jobs()[0].id)

    def prepared(self) -> "Guarded":
        self.put(every="PT6H", train=HASHED, promote=PROMOTE, rollback=ROLLBACK)
        self.trained(6, 1)
        self.aliases.set("m", "production", 1)
        self.trained(12, 2)
        return self

    @property
    def aliases(self) -> Aliases:
        return Aliases(self.services.registry)

    def guard(self, at: float | None = None) -> Ladder | None:
        """What a sweep makes of the ladder, with what it knew when it began."""
        self.now = self.now if at is None else at
        self.runner().run(self.schedules.get("m"))
        return self.guards().bring_on(self.schedules.get("m"))

    def guards(self) -> Guards:
        return Guards(self.schedules, self.services.registry, trail=Trail(self.services.store))

    def state(self) -> Any:
        alias = self.services.registry.model("m").alias("production")
        return alias.weights or alias.version


@pytest.fixture
def bench(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path).prepared()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tally]:
    """What each version has counted, by its number."""
    counts = {"old": Tally(), "new": Tally()}
    real = Guards._found

    def found(guards: Guards, *args: Any) -> Any:
        return real(guards, *args)._replace(old=counts["old"], new=counts["new"])

    monkeypatch.setattr(Guards, "_found", found)
    return counts


def test_the_new_version_is_compared_climbs_and_is_promoted(
    bench: Guarded, counted: dict[str, Tally]
) -> None:
    job = bench.jobs()[0]
    told = json.loads(bench.services.store.get(manifest_key(job.id)).data)["comparison"]
    assert (told["against"], told["reason"]) == (1, None)
    assert told["low"] <= told["difference"] <= told["high"]
    ladder = bench.guard()
    assert ladder is not None
    assert (ladder.at, bench.state()) == (CLIMBING, {"1": 90, "2": 10})
    bench.guard(bench.now + HOUR)
    assert bench.state() == {"1": 90, "2": 10}
    counted["new"] = Tally(predictions=300)
    ladder = bench.guard()
    assert ladder is not None
    assert (ladder.at, bench.state()) == (WATCHING, 2)
    changes = bench.aliases.history("m", "production").changes
    assert [(change.by, change.kind) for change in changes] == [("schedule", "set")] * 2 + [(None, "set")]
    assert changes[0].reason == "300 predictions were counted, next come 100 %"
    assert changes[1].reason.startswith("log_loss 0.")  # type: ignore[union-attr]
    assert changes[2].reason is None


def test_a_version_that_fails_is_rolled_back_with_the_reason(
    bench: Guarded, counted: dict[str, Tally]
) -> None:
    bench.guard()
    counted["new"] = Tally(requests=100, errors=20)
    ladder = bench.guard()
    assert ladder is not None
    assert (ladder.at, bench.state()) == (ENDED, 1)
    (change, *_) = bench.aliases.history("m", "production").changes
    assert (change.by, change.kind, change.restored) == ("schedule", "rollback", 1)
    assert change.reason == "20 of 100 requests failed, and errors is 0.02"
    again = bench.guard()
    assert (again, bench.state()) == (ladder, 1)


def test_a_persons_change_ends_it_and_stays(bench: Guarded) -> None:
    bench.guard()
    bench.aliases.set("m", "production", {"1": 80, "2": 20})
    ladder = bench.guard(bench.now + HOUR)
    assert ladder is not None
    assert (ladder.at, ladder.reason) == (ENDED, "the alias was changed by somebody")
    assert bench.state() == {"1": 80, "2": 20}


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"promote": PROMOTE, "alias": "canary"}, "the schedule is for the alias 'canary' now"),
        ({"promote": None}, "the schedule promotes no more"),
    ],
)
def test_an_edited_schedule_ends_what_it_does_not_ask_for(
    bench: Guarded, edit: dict[str, Any], reason: str
) -> None:
    bench.guard()
    bench.put(every="PT6H", train=HASHED, rollback=ROLLBACK, **edit)
    ladder = bench.guard(bench.now + HOUR)
    assert ladder is not None
    assert (ladder.at, ladder.reason) == (ENDED, reason)
    assert bench.state() == {"1": 90, "2": 10}


def test_two_sweeps_that_read_the_same_make_one_step(bench: Guarded) -> None:
    bench.runner().run(bench.schedules.get("m"))
    read = bench.schedules.get("m")
    first, second = bench.guards().bring_on(read), bench.guards().bring_on(read)
    assert first is not None
    assert (first.at, second) == (CLIMBING, None)
    assert len(bench.aliases.history("m", "production").changes) == 2


class Crash(Exception):
    """The sweep is gone."""


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_sweep_that_dies_makes_no_step_twice(
    bench: Guarded, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It dies at each of its writes of the ladder: when it begins, before the alias is changed, and after."""
    bench.runner().run(bench.schedules.get("m"))
    real, calls = Guards._noted, 0

    def die(guards: Guards, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Crash
        return real(guards, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Guards, "_noted", die)
        with pytest.raises(Crash):
            bench.guards().bring_on(bench.schedules.get("m"))
    ladder = bench.guard()
    assert ladder is not None
    assert (ladder.at, ladder.step, bench.state()) == (CLIMBING, 1, {"1": 90, "2": 10})
    assert len(bench.aliases.history("m", "production").changes) == 2


def test_without_an_alias_nothing_is_moved(tmp_path: Path) -> None:
    bench = Guarded(tmp_path)
    bench.put(every="PT6H", train=HASHED, promote=PROMOTE)
    bench.trained(6, 1)
    ladder = bench.guard()
    assert ladder is not None
    assert (ladder.at, ladder.reason) == (ENDED, "there is no alias 'production' to move")
    assert bench.services.registry.model("m").aliases == []


def test_a_version_before_that_is_gone_is_told_of(tmp_path: Path) -> None:
    bench = Guarded(tmp_path)
    bench.put(every="PT6H", train=HASHED, promote=PROMOTE)
    bench.trained(6, 1)
    bench.aliases.set("m", "production", 1)
    bench.services.store.delete(artifact_key(bench.jobs()[0].id))
    bench.trained(12, 2)
    ladder = bench.guard(NOON + 12 * HOUR + DAY / 48)
    assert ladder is not None
    assert ladder.at == ENDED
    assert "not compared with version 1: the version before is gone" in str(ladder.reason)
    assert bench.state() == 1
