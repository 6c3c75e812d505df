"""Schedules that are carried out: one job a slot, by the key of who wrote it, whatever happens in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from handlers.auth import ANYONE, digest
from handlers.jobs import deliver, sweep_once
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from handlers.trainings import ScheduledTraining, checked_training, prepared_training
from ml_core.errors import Unavailable
from ml_core.jobs.jobs import Job, Jobs
from ml_core.monitoring.counting import Monitor
from ml_core.scheduling.running import Runner, present
from ml_core.scheduling.schedule import Schedule
from ml_core.scheduling.schedules import Schedules
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import asking

DAY, HOUR = 86_400, 3_600
NOON = 20_000 * DAY + 12 * HOUR
ROWS = "a,b\n" + "1,x\n2,y\n" * 20
TRAIN = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "b"}}


class Bench:
    """A deployment over a folder, a clock that stands where it is put, and keys where they are asked for."""

    def __init__(self, root: Path, keys: list[dict[str, Any]] | None = None, **settings: str) -> None:
        self.keys = keys
        self.services = self._open(root, settings)
        self.now = float(NOON)
        self.uploads = 0
        self.schedules = Schedules(self.services.store, lambda: self.now)

    def _open(self, root: Path, settings: dict[str, str]) -> Services:
        read = read_settings({"ML_ROOT": str(root), "ML_KEY_TTL": "0", **settings})
        return folder_services(read, key_records=None if self.keys is None else lambda: self.keys)

    def upload(self, rows: str = ROWS, dataset: str = "churn") -> str:
        """Put a file there as an upload does; its id."""
        self.uploads += 1
        upload = f"{(1 << 48) - 1 - int((self.now + self.uploads) * 1000):012x}{self.uploads:016x}"
        self.services.store.put_if_absent(f"datasets/{dataset}/{upload}", rows.encode())
        return upload

    def put(self, model: str = "m", *, by: str | None = None, **members: Any) -> None:
        schedule = Schedule(**{"train": TRAIN, "every": None, **members})
        found = present(self.services.registry, model, schedule)
        self.schedules.put(model, schedule, by=by, present=found)

    def runner(self) -> Runner:
        services = self.services
        training = ScheduledTraining(services, lambda: self.now)
        return Runner(self.schedules, services.jobs, services.registry, training)

    def sweep(self, at: float | None = None) -> int:
        self.now = self.now if at is None else at
        return self.runner().sweep(lambda: True).started

    def jobs(self) -> list[Job]:
        return self.services.jobs.list(100).jobs

    def runs(self, model: str = "m") -> list[tuple[str, str]]:
        return [(run["trigger"], run["outcome"]) for run in self.schedules.get(model).state["runs"]]

    def reason(self, model: str = "m") -> str:
        return str(self.schedules.get(model).state["runs"][0]["reason"])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def key(name: str = "ada", **limits: Any) -> dict[str, Any]:
    record = {"id": name, "roles": ["admin"], "sha256": digest(name), "created": "2024-01-01T00:00:00Z"}
    return {**record, **limits}


def test_each_slot_has_one_job_however_often_it_is_swept(bench: Bench) -> None:
    bench.upload()
    bench.put(every="P1D")
    assert bench.sweep() == 0
    assert [bench.sweep(NOON + DAY + minutes * 60) for minutes in (0, 10, 20)] == [1, 0, 0]
    (job,) = bench.jobs()
    said = job.request["schedule"]
    assert (said["trigger"], said["slot"]) == ("every", "2024-10-05T00:00:00Z")
    assert {len(said["data"]), len(said["request"])} == {64}
    assert job.request["data"]["uri"].startswith("dataset://churn/")
    assert bench.runs() == [("every", "started")]


def test_the_job_trains_and_its_version_is_noted(bench: Bench) -> None:
    bench.upload()
    bench.put(every="P1D")
    bench.sweep(NOON + DAY)
    (job,) = bench.jobs()
    deliver(bench.services, job.id)
    bench.sweep(NOON + DAY + 600)
    (run,) = bench.schedules.get("m").state["runs"]
    assert (run["job"], run["ended"], run["version"]) == (job.id, "succeeded", 1)


def test_two_sweeps_that_read_the_same_make_one_job(bench: Bench) -> None:
    bench.upload()
    bench.put(every="P1D")
    bench.now = NOON + DAY
    first, second = bench.schedules.get("m"), bench.schedules.get("m")
    assert bench.runner().run(first) == 1
    bench.runner().run(second)
    assert len(bench.jobs()) == 1
    assert bench.runs() == [("every", "started")]
    assert bench.schedules.get("m").state["day"] == ["2024-10-05", 1]


class Crash(Exception):
    """The sweep is gone."""


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("died_before", ["submit", "change_state"])
def test_a_sweep_that_dies_makes_no_job_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, died_before: str, edited: bool
) -> None:
    bench.upload()
    bench.put(every="P1D")
    bench.now = NOON + DAY
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise Crash

        patch.setattr(Jobs if died_before == "submit" else Schedules, died_before, die)
        with pytest.raises(Crash):
            bench.runner().run(bench.schedules.get("m"))
    if edited:
        bench.put(every="P1D", train={**TRAIN, "seed": 7})
    assert bench.sweep(NOON + DAY + 600) == 1
    assert len(bench.jobs()) == 1
    assert bench.sweep(NOON + DAY + 1200) == 0
    assert len(bench.jobs()) == 1


def test_what_a_job_of_a_dead_sweep_reads_is_not_taken_for_the_newest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that came between the two sweeps is trained on at the next slot."""
    bench.upload()
    bench.put(every="P1D")
    bench.now = NOON + DAY
    with monkeypatch.context() as patch:
        patch.setattr(Schedules, "change_state", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            bench.runner().run(bench.schedules.get("m"))
    bench.upload(ROWS + "3,x\n")
    bench.sweep(NOON + DAY + 600)
    assert bench.sweep(NOON + 2 * DAY) == 1
    assert len(bench.jobs()) == 2


def test_unchanged_data_train_nothing_until_something_changes(bench: Bench) -> None:
    bench.upload()
    bench.put(every="P1D")
    assert [bench.sweep(NOON + days * DAY) for days in (1, 2, 3)] == [1, 0, 0]
    assert bench.runs() == [("every", "unchanged"), ("every", "unchanged"), ("every", "started")]
    bench.upload(ROWS + "3,x\n")
    assert bench.sweep(NOON + 4 * DAY) == 1
    assert bench.sweep(NOON + 5 * DAY) == 0
    bench.put(every="P1D", train={**TRAIN, "seed": 7})
    assert bench.sweep(NOON + 6 * DAY) == 1


def test_data_whose_training_failed_are_tried_again(bench: Bench) -> None:
    bench.upload("a,b\n1,x\n")
    bench.put(every="P1D")
    bench.sweep(NOON + DAY)
    deliver(bench.services, bench.jobs()[0].id)
    assert bench.jobs()[0].state == "failed"
    assert bench.sweep(NOON + 2 * DAY) == 1


def test_a_file_that_was_put_again_is_other_data(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    table = tmp_path / "files" / "t.csv"
    table.write_text(ROWS)
    bench = Bench(tmp_path / "root", ML_DATA_ROOT=str(tmp_path / "files"))
    bench.put(every="P1D", train={**TRAIN, "data": {"uri": "file:t.csv", "target": "b"}})
    assert [bench.sweep(NOON + days * DAY) for days in (1, 2)] == [1, 0]
    table.write_text(ROWS + "3,x\n")
    assert bench.sweep(NOON + 3 * DAY) == 1


def test_an_upload_starts_a_run_and_only_once(bench: Bench) -> None:
    bench.upload()
    bench.put(on=("upload",))
    assert bench.sweep() == 0
    newest = bench.upload(ROWS + "3,x\n")
    assert [bench.sweep(), bench.sweep(NOON + 600)] == [1, 0]
    assert bench.jobs()[0].request["data"]["uri"] == f"dataset://churn/{newest}"
    bench.services.store.delete(f"datasets/churn/{newest}")
    assert bench.sweep(NOON + 1200) == 0


def test_a_schedule_may_be_there_before_its_data(bench: Bench) -> None:
    bench.put(every="P1D", on=("upload",))
    assert bench.sweep(NOON + DAY) == 0
    assert bench.runs() == [("every", "refused")]
    assert "nothing was found at dataset://churn" in bench.reason()
    bench.upload()
    assert bench.sweep(NOON + DAY + 600) == 1
    assert bench.runs() == [("upload", "started"), ("every", "refused")]


def test_of_several_triggers_at_once_one_trains(bench: Bench) -> None:
    bench.put(every="P1D", on=("upload",))
    bench.upload()
    assert bench.sweep(NOON + DAY) == 1
    assert bench.runs() == [("upload", "unchanged"), ("every", "started")]


def test_runs_wait_for_the_pause_and_for_the_day(bench: Bench) -> None:
    bench.put(on=("upload",), at_most_every="PT6H", most_a_day=1)
    bench.upload()
    assert bench.sweep() == 1
    bench.upload(ROWS + "3,x\n")
    assert bench.sweep(NOON + HOUR) == 0
    assert bench.runs()[0] == ("upload", "too_soon")
    assert bench.sweep(NOON + 7 * HOUR) == 0
    assert bench.runs()[0] == ("upload", "most_a_day")
    assert bench.sweep(NOON + 13 * HOUR) == 1
    assert bench.runs() == [("upload", "started"), ("upload", "started")]


def test_a_run_waits_while_there_are_too_many_jobs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ML_MAX_JOBS="1")
    bench.upload()
    blocking = bench.services.jobs.submit("other", b"{}", {})
    bench.put(every="P1D")
    assert bench.sweep(NOON + DAY) == 0
    assert bench.runs() == [("every", "too_many")]
    bench.services.jobs.cancel(blocking.id)
    assert bench.sweep(NOON + DAY + 600) == 1
    assert bench.runs() == [("every", "started")]


def test_a_paused_or_removed_schedule_starts_nothing(bench: Bench) -> None:
    bench.upload()
    bench.put("paused", every="P1D", paused=True)
    bench.put("removed", every="P1D")
    bench.schedules.delete("removed")
    assert bench.sweep(NOON + DAY) == 0
    assert bench.jobs() == []


def test_a_schedule_that_is_removed_while_it_runs_notes_its_slot(bench: Bench) -> None:
    bench.upload()
    bench.put(every="P1D")
    bench.now = NOON + DAY
    stored = bench.schedules.get("m")
    bench.schedules.delete("m")
    assert bench.runner().run(stored) == 1
    bench.put(every="P1D")
    assert bench.sweep(NOON + DAY + 600) == 0
    assert bench.runs() == [("every", "started")]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([key()], None),
        ([], "the key ada, by which the schedule was written, is gone"),
        ([key("eve")], "the key ada, by which the schedule was written, is gone"),
        ([key(expires="2024-10-05T00:00:00Z")], "the key ada expired on 2024-10-05T00:00:00Z"),
        ([key(expires="2024-10-09T00:00:00Z")], None),
        ([key(roles=["train"])], "the key ada has the right 'admin' no more"),
        ([key(models=["other-*"])], "expected a model that this key is for ('other-*'), got 'm'"),
        ([key(models=["m"], datasets=["churn"])], None),
        ([key(datasets=["fruit"])], "expected a dataset that this key is for ('fruit'), got 'churn'"),
        ([{**key(), "strange": 1}], "the key ada, by which the schedule was written, is gone"),
    ],
)
def test_a_run_may_what_the_key_may_by_which_it_was_written(
    tmp_path: Path, now: list[dict[str, Any]], said: str | None
) -> None:
    bench = Bench(tmp_path, [key()])
    bench.upload()
    bench.put(every="P1D", by="ada")
    bench.keys = now
    assert bench.sweep(NOON + DAY) == (said is None)
    if said is None:
        assert bench.jobs()[0].submitter == "ada"
        return
    assert bench.runs() == [("every", "refused")]
    assert bench.reason().startswith(said)
    assert bench.sweep(NOON + DAY + 600) == 0
    assert len(bench.runs()) == 1


def test_a_schedule_of_before_there_were_keys_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [key()])
    bench.upload()
    bench.put(every="P1D")
    assert bench.sweep(NOON + DAY) == 0
    assert "when no key was asked for" in bench.reason()


def test_keys_that_cannot_be_read_leave_the_slot_due(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [key()])
    bench.upload()
    bench.put(every="P1D", by="ada")

    def unreadable() -> list[dict[str, Any]]:
        raise Unavailable("not now")

    gate: Any = bench.services.gate
    readable, gate._read = gate._read, unreadable
    assert bench.sweep(NOON + DAY) == 0
    assert bench.runs() == []
    gate._read = readable
    assert bench.sweep(NOON + DAY + 600) == 1


def test_a_setting_that_forbids_the_address_refuses_the_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(every="P1D", train={**TRAIN, "data": {"uri": "s3://lake/t.csv", "target": "b"}})
    bench.sweep(NOON + DAY)
    assert bench.runs() == [("every", "refused")]
    assert "ML_DATA_BUCKETS" in bench.reason()


def test_private_runs_pay_from_the_budget_and_are_refused_when_it_is_spent(bench: Bench) -> None:
    privacy = {"epsilon": 1, "delta": 1e-6, "bounds": {"a": [0, 9]}, "classes": ["x", "y"]}
    body = json.dumps({"budget": {"epsilon": 1.2, "delta": 1e-6}}).encode()
    assert asking(bench.services)("PUT", "/v1/datasets/churn/budget", body).status == 200
    bench.upload()
    bench.put("open", every="P1D")
    bench.put(every="P1D", train={**TRAIN, "privacy": privacy})
    assert bench.sweep(NOON + DAY) == 1
    assert bench.runs("open") == [("every", "refused")]
    assert "has a privacy budget" in bench.reason("open")
    deliver(bench.services, bench.jobs()[0].id)
    assert bench.jobs()[0].state == "succeeded"
    bench.upload(ROWS + "3,x\n")
    assert bench.sweep(NOON + 2 * DAY) == 0
    assert bench.runs() == [("every", "refused"), ("every", "started")]
    assert "does not pay for this training" in bench.reason()


def test_the_schedule_of_a_deleted_model_goes_with_it(bench: Bench) -> None:
    bench.upload()
    bench.put(every="P1D")
    bench.sweep(NOON + DAY)
    deliver(bench.services, bench.jobs()[0].id)
    bench.services.registry.clock = lambda: NOON + DAY + 60
    bench.services.deletion.delete_model("m")
    bench.upload(ROWS + "3,x\n")
    assert bench.sweep(NOON + 2 * DAY) == 0
    assert list(bench.schedules.read(list(bench.schedules.keys()))) == []
    bench.now = NOON + 2 * DAY
    bench.put(every="P1D")
    assert bench.sweep(NOON + 3 * DAY) == 1


def test_one_that_is_damaged_or_fails_keeps_no_other_from_its_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.upload()
    for name in ("a", "b", "c", "d"):
        bench.put(name, every="P1D")
    FolderStore(str(bench.services.settings.root)).delete("schedules/a.json")
    bench.services.store.put_if_absent("schedules/a.json", b"?")
    real = ScheduledTraining.prepare

    def prepare(
        training: ScheduledTraining, writer: str | None, model: str, train: dict[str, Any], *key: str | None
    ) -> Any:
        if model == "b":
            raise Unavailable("a bucket is not there now")
        if model == "c":
            raise RuntimeError("nobody foresaw this")
        return real(training, writer, model, train, *key)

    monkeypatch.setattr(ScheduledTraining, "prepare", prepare)
    assert bench.sweep(NOON + DAY) == 1
    assert [job.model for job in bench.jobs()] == ["d"]


def test_a_sweep_without_time_goes_on_where_the_last_one_stopped(bench: Bench) -> None:
    bench.upload()
    for name in ("a", "b", "c"):
        bench.put(name, every="P1D")
    bench.now = NOON + DAY
    looks = iter([True, True, True, False])
    carried = bench.runner().sweep(lambda: next(looks))
    assert (carried.started, carried.after) == (2, "schedules/b.json")
    rest = bench.runner().sweep(lambda: True, carried.after)
    assert (rest.started, rest.after) == (1, None)
    assert bench.runner().sweep(lambda: False).started == 0


def test_the_sweep_of_a_deployment_carries_schedules_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.put(on=("upload",))
    begun = bench.upload()
    counts = sweep_once(bench.services)
    assert counts["scheduled"] == 1
    assert sweep_once(bench.services)["scheduled"] == 0
    (job,) = bench.jobs()
    assert job.request["data"]["uri"].endswith(begun)
    assert json.loads(FolderStore(str(tmp_path)).get("schedules/m.json").data)["state"]["last"]


def predicted(bench: Bench, rows: list[list[float]], at: float) -> None:
    """Have the model asked about rows at a time, and what is counted of it stored."""
    counting = Monitor(bench.services.store, print, clock=lambda: at, run=lambda write: write())
    bench.services.__dict__["_monitor"] = counting
    body = json.dumps({"instances": rows}).encode()
    assert asking(bench.services)("POST", "/v1/models/m:predict", body).status == 200


@pytest.mark.parametrize(
    ("rows", "at", "started"),
    [
        ([[1000.0]] * 400, NOON - DAY, True),
        ([[1.0], [2.0]] * 200, NOON - DAY, False),
        ([[1000.0]] * 5, NOON - DAY, False),  # too few to be judged
        ([[1000.0]] * 400, NOON - 9 * DAY, False),  # before the last seven whole days
        ([[1000.0]] * 400, float(NOON), False),  # today is not over
        ([], 0.0, False),
    ],
)
def test_a_run_starts_when_the_version_that_answers_drifted(
    bench: Bench, rows: list[list[float]], at: float, started: bool
) -> None:
    bench.upload()
    trained = bench.services.jobs.submit("m", **_input(bench))
    deliver(bench.services, trained.id)
    if rows:
        predicted(bench, rows, at)
    bench.put(on=("drift",), at_most_every="PT6H")
    assert bench.sweep() == started
    assert bench.schedules.get("m").state["last"]["drift"] == "2024-10-04/1"
    assert bench.sweep(NOON + 600) == 0
    assert bench.runs() == ([("drift", "started")] if started else [])


def test_what_still_drifts_trains_nothing_anew_on_the_same_data(bench: Bench) -> None:
    bench.upload()
    trained = bench.services.jobs.submit("m", **_input(bench))
    deliver(bench.services, trained.id)
    predicted(bench, [[1000.0]] * 400, NOON - DAY)
    bench.put(on=("drift",), at_most_every="PT6H", alias="live")
    assert bench.sweep() == 0, "the alias is not there"
    bench.services.aliases.set("m", "live", 1)
    assert bench.sweep() == 1
    deliver(bench.services, bench.jobs()[0].id)
    assert bench.sweep(NOON + DAY) == 0
    assert bench.runs() == [("drift", "unchanged"), ("drift", "started")]


def test_whether_a_large_version_drifted_is_not_looked_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.upload()
    trained = bench.services.jobs.submit("m", **_input(bench))
    deliver(bench.services, trained.id)
    monkeypatch.setattr("ml_core.scheduling.running.LARGEST_ARTIFACT", 10)
    bench.put(on=("drift",), at_most_every="PT6H")
    assert bench.sweep() == 0
    assert bench.runs() == [("drift", "refused")]
    assert "the sweep reads 10" in bench.reason()


def _input(bench: Bench) -> dict[str, Any]:
    """What a job is made of that trains on the dataset."""
    request = checked_training(bench.services, ANYONE, TRAIN)
    prepared = prepared_training(bench.services, request)
    return {"data": prepared.data, "request": prepared.summary}
