"""Messages that fail: they come again, and in the end their job says that they are dead letters."""

import json
import threading
from pathlib import Path

import pytest

from handlers.jobs import MOST_FAILURES, deliver, job_of, receive, trainer_context, work_off
from handlers.local.services import folder_services
from handlers.services import Services
from handlers.settings import read_settings
from ml_core.errors import MalformedInput, NotConfigured
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.trainer import Outcome
from ml_core.jobs.turns import Turns
from providers.local.runtime.queue import FolderQueue, work
from tests.contract.faults import QUICK, QUICK_FIT
from tests.unit.handlers.conftest import asking, services_over


@pytest.fixture
def broken(tmp_path: Path) -> Services:
    """A trainer that was deployed with a setting that it cannot read: every delivery fails."""
    settings = read_settings({"ML_ROOT": str(tmp_path), "ML_DATA_BUCKETS": "http://lake"})
    return folder_services(settings, key_records=None)


def dead_letters(root: Path) -> list[str]:
    return [letter.read_text() for letter in Path(FolderQueue(str(root)).dead_letters).iterdir()]


@pytest.mark.parametrize(
    "message",
    ["", "not json", "[]", "{}", '{"job": 7}', '{"job": ""}', '{"job": "../models/iris"}', "[" * 100_000],
)
def test_a_message_that_names_no_job_is_a_dead_letter_at_once(
    tmp_path: Path, broken: Services, message: str
) -> None:
    with pytest.raises(MalformedInput):
        job_of(message)
    assert receive(broken, message, failures=0) is None
    assert dead_letters(tmp_path) == [message]


def test_a_message_that_fails_again_and_again_is_a_dead_letter_and_its_job_says_so(
    tmp_path: Path, broken: Services
) -> None:
    job = broken.jobs.submit("iris", b"{}", {})
    message = json.dumps({"job": job.id})
    for failures in range(MOST_FAILURES):
        with pytest.raises(NotConfigured, match="allow-list"):
            receive(broken, message, failures=failures)
    assert broken.jobs.get(job.id).state == "queued"
    assert receive(broken, message, failures=MOST_FAILURES) is None
    assert dead_letters(tmp_path) == [message]
    ended = broken.jobs.get(job.id)
    assert ended.error is not None
    assert (ended.state, ended.error["code"]) == ("failed", "dead_lettered")
    assert f"{MOST_FAILURES + 1} deliveries failed" in ended.error["message"]
    assert "send the request again" in ended.error["message"]


def test_a_dead_letter_whose_job_never_was_is_kept_all_the_same(tmp_path: Path, broken: Services) -> None:
    assert (
        work_off(broken, "f" * 28, failures=MOST_FAILURES, make_context=lambda: trainer_context(broken))
        is None
    )
    assert dead_letters(tmp_path) == [json.dumps({"job": "f" * 28})]


def quick(services: Services) -> TrainerContext:
    """A trainer's context, with the stand-in for the fitting process."""
    return trainer_context(services)._replace(intervals=QUICK, fit_command=QUICK_FIT)


def submitted(services: Services, *keys: str) -> list[str]:
    """A job of each key, for a model of that name."""
    return [services.jobs.submit(key, b"{}", {}, submitter=key).id for key in keys]


def test_a_delivery_runs_the_job_whose_turn_it_is_and_comes_again_for_its_own(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    services._turns = Turns(lambda: 0.5)
    first, second, mine = submitted(services, "ann", "ann", "bob")
    assert deliver(services, first, quick(services)) is None
    assert deliver(services, second, quick(services)) == 0.0, "it is bob's turn"
    assert [services.jobs.get(each).state for each in (second, mine)] == ["queued", "succeeded"]
    assert deliver(services, mine, quick(services)) is None, "its own message finds nothing to do"
    assert deliver(services, second, quick(services)) is None
    assert services.jobs.get(second).state == "succeeded"
    assert [len(services.jobs.get(each).attempts) for each in (first, second, mine)] == [1, 1, 1]


def test_a_job_that_fails_in_anothers_turn_costs_that_one_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    services = services_over(tmp_path)
    delivered, broken = submitted(services, "ann", "bob")
    services._turns = Turns()
    monkeypatch.setattr(services._turns, "choose", lambda *_: broken)
    context = quick(services)
    services.store.write_stream(f"jobs/{broken}.json", [b"[]"])
    assert deliver(services, delivered, context) is None
    assert services.jobs.get(delivered).state == "succeeded"
    assert broken in capsys.readouterr().out


def test_a_message_waits_where_the_store_fails_in_anothers_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_over(tmp_path)
    delivered, other = submitted(services, "ann", "bob")
    services._turns = Turns()
    monkeypatch.setattr(services._turns, "choose", lambda *_: other)
    monkeypatch.setattr("handlers.jobs.run_job", lambda *_: Outcome(None, 15.0))
    assert deliver(services, delivered, quick(services)) == 15.0


def test_the_laptops_trainer_takes_turns_among_keys(tmp_path: Path) -> None:
    """All of one key's jobs were sent before the first of another's; the order is that of their ends."""
    services = services_over(tmp_path)
    sent = submitted(services, *["ann"] * 6, "bob", "bob")
    stopping, ended = threading.Event(), list[str]()

    def handle(job_id: str, failures: int) -> float | None:
        again = work_off(services, job_id, failures=failures, make_context=lambda: quick(services))
        states = [services.jobs.get(each) for each in sent]
        ended.extend(job.model for job in states if job.over and job.id not in seen)
        seen.update(job.id for job in states if job.over)
        if len(seen) == len(sent):
            stopping.set()
        return again

    seen: set[str] = set()
    work(FolderQueue(str(tmp_path)), handle, lambda: None, stopping)
    assert ended.index("bob") <= 1
    assert ended[:4].count("bob") == 2
    assert all(services.jobs.get(each).state == "succeeded" for each in sent)


def test_a_job_shows_its_history_and_a_list_of_jobs_does_not(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    running = services.jobs.submit("iris", json.dumps({"steps": 4, "per_delivery": 2}).encode(), {})
    ended = services.jobs.submit("iris", json.dumps({"steps": 2}).encode(), {})
    assert deliver(services, running.id, quick(services)) == 0.0
    assert deliver(services, ended.id, quick(services)) is None
    reply = asking(services)
    shown = [json.loads(reply("GET", f"/v1/jobs/{each.id}").body) for each in (running, ended)]
    assert [len(each["metrics"]["history"]) for each in shown] == [2, 2]
    assert shown[0]["attempts"][0]["outcome"] == "continued"
    listed = {each["id"]: each for each in json.loads(reply("GET", "/v1/jobs").body)["jobs"]}
    assert listed[running.id]["metrics"] is None
    assert listed[ended.id]["metrics"] == {"training": {"loss": 0.5}}
    (version,) = json.loads(reply("GET", "/v1/models/iris/versions").body)["versions"]
    assert version["metrics"] == {"training": {"loss": 0.5}}
