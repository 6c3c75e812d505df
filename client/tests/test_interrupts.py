"""Ctrl-C while a job is waited for, in a real process; and a coroutine's task that is cancelled."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serverless_ml
from serverless_ml import AsyncClient, Client, InvalidArgument, JobCancelled, TimedOut

from client.tests.misbehaving import HANDS_ON, Came, Misbehaving, Says
from client.tests.service import ROOT, Service

DIGITS = ROOT / "examples" / "digits.zip"
# Prints when it waits; of what ends it the last line tells.
PROGRAM = """
import sys
from serverless_ml import Client
with Client(sys.argv[1], progress=False) as client:
    long = {{"epochs": 1000}}
    client.train(sys.argv[2], {data!r}, algorithm="cnn", hyperparameters=long, on_interrupt=sys.argv[3])
"""


@pytest.fixture
def between(service: Service) -> Iterator[Misbehaving]:
    with Misbehaving(service.url) as server:
        yield server


def interrupted(url: str, model: str, on_interrupt: str, *when: threading.Event) -> str:
    """What a program says at its end that is interrupted each time when something has happened."""
    path = str(Path(serverless_ml.__file__).parents[1])
    script = f"import sys\nsys.path.insert(0, {path!r})\n{PROGRAM.format(data=str(DIGITS))}"
    process = subprocess.Popen(
        [sys.executable, "-c", script, url, model, on_interrupt], stderr=subprocess.PIPE, text=True
    )
    try:
        for event in when:
            assert event.wait(120)
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0
    return said.strip().splitlines()[-1]


def when_asked(between: Misbehaving, method: str, end: str) -> threading.Event:
    """Set when such a request has come, which the service answers."""
    come = threading.Event()

    def act(came: Came) -> str:
        if came.method == method and end in came.path:
            come.set()
        return HANDS_ON

    between.always = act
    return come


def test_the_first_one_cancels_the_job(between: Misbehaving, ml: Client) -> None:
    said = interrupted(between.url, "stopped", "cancel", when_asked(between, "GET", "/v1/jobs/"))
    (job,) = ml.jobs(model="stopped")
    assert said == f"KeyboardInterrupt: job {job.id} of 'stopped' is cancelled"
    assert job.state == "cancelled" or job.cancelling
    with pytest.raises(JobCancelled):
        ml.job(job.id).wait()


def test_or_leaves_it_and_says_how_to_look_at_it(between: Misbehaving, ml: Client) -> None:
    said = interrupted(between.url, "goes-on", "leave", when_asked(between, "GET", "/v1/jobs/"))
    (job,) = ml.jobs(model="goes-on")
    assert said == f"KeyboardInterrupt: job {job.id} of 'goes-on' goes on; look at it with .job('{job.id}')"
    assert not job.cancelling
    with pytest.raises(TimedOut, match=r"goes on; look at it with \.job"):
        ml.job(job.id).wait(0.05)
    ml.job(job.id).cancel()


def test_a_job_whose_request_is_interrupted_is_found_and_cancelled(between: Misbehaving, ml: Client) -> None:
    come, go = threading.Event(), threading.Event()

    def hold(came: Came) -> Says | str:
        if not come.is_set() and came.path.endswith(":train"):
            says = between._asked(came)  # it is done, and the answer does not come
            come.set()
            go.wait(60)
            return says
        return HANDS_ON

    between.always = hold
    said = interrupted(between.url, "unsaid", "cancel", come)
    go.set()
    (job,) = ml.jobs(model="unsaid")
    assert said == "KeyboardInterrupt: a job of 'unsaid' is cancelled"
    assert job.state == "cancelled" or job.cancelling


def test_a_second_one_ends_at_once(between: Misbehaving, ml: Client) -> None:
    come, cancelling, go = threading.Event(), threading.Event(), threading.Event()

    def hold(came: Came) -> str:
        if came.method == "DELETE":
            cancelling.set()
            go.wait(60)
        elif "/v1/jobs/" in came.path:
            come.set()
        return HANDS_ON

    between.always = hold
    try:
        assert interrupted(between.url, "twice", "cancel", come, cancelling).startswith("KeyboardInterrupt")
        assert not ml.jobs(model="twice")[0].cancelling
    finally:
        go.set()
    ml.job(ml.jobs(model="twice")[0].id).cancel()


def test_a_task_that_is_cancelled_cancels_the_job(between: Misbehaving, ml: Client) -> None:
    come = when_asked(between, "GET", "/v1/jobs/")

    async def work() -> str:
        async with AsyncClient(between.url, progress=False) as client:
            task = asyncio.create_task(
                client.train("dropped", DIGITS, algorithm="cnn", hyperparameters={"epochs": 1000})
            )
            await asyncio.to_thread(come.wait, 120)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return str(error)
        return "it ended"

    said = asyncio.run(work())
    (job,) = ml.jobs(model="dropped")
    assert said == f"job {job.id} of 'dropped' is cancelled"
    assert job.state == "cancelled" or job.cancelling


def test_what_is_neither_is_refused(ml: Client) -> None:
    with pytest.raises(InvalidArgument, match="'cancel' or 'leave'"):
        ml.train("never", [[1.0]], on_interrupt="stop")
