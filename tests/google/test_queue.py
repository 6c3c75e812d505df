"""Submitting to Cloud Tasks from a function: the message, the identity, and what when nobody listens."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_core.errors import Unavailable
from ml_core.ports import ObjectStore
from providers.google.runtime.identity import MARGIN, Identity
from providers.google.runtime.queue import TasksQueue
from providers.local.runtime.store import FolderStore
from tests.google import tasks

TARGET = "https://europe-west1-demo-1.cloudfunctions.net/serverless-ml-dev-train"
CALLER = "serverless-ml-dev-caller@demo-1.iam.gserviceaccount.com"


@pytest.fixture
def beside() -> Iterator[tasks.Beside]:
    with tasks.running() as servers:
        yield servers


def queue_of(beside: tasks.Beside) -> TasksQueue:
    return TasksQueue(tasks.QUEUE, TARGET, CALLER, beside.env, store=no_store, clock=lambda: 1_800_000_000.0)


def no_store() -> ObjectStore:
    raise AssertionError("nothing is buried here")


def test_a_submitted_job_is_a_task_for_the_train_function_in_the_callers_name(beside: tasks.Beside) -> None:
    queue_of(beside).submit("job-1")
    (task,) = beside.tasks
    assert (task.url, json.loads(task.body), task.caller, task.due) == (TARGET, {"job": "job-1"}, CALLER, "")


def test_a_deferred_job_is_a_task_for_later(beside: tasks.Beside) -> None:
    queue_of(beside).defer("job-1", 90)
    (task,) = beside.tasks
    assert (json.loads(task.body), task.due) == ({"job": "job-1"}, "2027-01-15T08:01:30Z")


def test_a_token_is_kept_until_shortly_before_it_expires(beside: tasks.Beside) -> None:
    # Each token asks for the time once, and once more when it is fetched.
    times = iter([0.0, 0.0, 3600 - MARGIN - 1, 3600 - MARGIN, 3600 - MARGIN, 3600.0])
    identity = Identity(beside.env, clock=lambda: next(times))
    assert [identity.token() for _ in range(4)] == [tasks.TOKEN] * 4
    assert beside.tokens_given == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_refusal_is_tried_again(beside: tasks.Beside, status: int) -> None:
    beside.refuse = [status, status]
    queue_of(beside).submit("job-1")
    assert len(beside.tasks) == 1


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_final_refusal_is_unavailable_at_once(beside: tasks.Beside, status: int) -> None:
    beside.refuse = [status, 200]
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        queue_of(beside).submit("job-1")
    assert beside.refuse == [200]


def test_a_metadata_server_that_gives_no_token_is_unavailable(beside: tasks.Beside) -> None:
    beside.token_lifetime = "soon"  # type: ignore[assignment]
    with pytest.raises(Unavailable, match="no access token"):
        queue_of(beside).submit("job-1")


def test_a_queue_that_does_not_answer_is_unavailable(beside: tasks.Beside) -> None:
    env = {**beside.env, "GOOGLE_ENDPOINT_URL_CLOUDTASKS": "http://127.0.0.1:1"}
    with pytest.raises(Unavailable):
        TasksQueue(tasks.QUEUE, TARGET, CALLER, env, store=no_store).submit("job-1")


def test_a_message_that_nobody_can_work_off_is_kept_in_the_bucket(tmp_path: Path) -> None:
    """Cloud Tasks has no dead letters: it drops what it gives up."""
    store = FolderStore(str(tmp_path))
    queue = TasksQueue(tasks.QUEUE, TARGET, CALLER, {}, store=lambda: store, clock=lambda: 1_800_000_000.0)
    queue.bury("not json")
    queue.bury("not json")
    buried = store.list("dead-letters/").objects
    assert [each.key.partition("-")[0] for each in buried] == ["dead"] * 2
    assert store.get(buried[0].key).data == b"not json"
