"""Ctrl-C while a job is waited for: it is cancelled, or left, and 130 either way."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from serverless_ml import Client, JobHandle
from serverless_ml.errors import JobCancelled

from client.tests.command_line.running import SECONDS, run, started
from client.tests.service import ROOT, Service

LONG = (
    "train", ROOT / "examples" / "digits.zip", "-q", "--param", "epochs=1000", "--param", "patience=null",
    "--param", "channels=[8]",
)  # fmt: skip


def running(ml: Client, model: str) -> JobHandle:
    """The job of a model, as soon as its trainer fits."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for job in ml.jobs(model=model, state="running"):
            return ml.job(job.id)
        time.sleep(0.05)
    raise AssertionError(f"no job of {model} runs: {ml.jobs(model=model)}")


def interrupted(process: subprocess.Popen[str]) -> str:
    """What it says on stderr after Ctrl-C."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(("on_interrupt", "said"), [("cancel", "is cancelled"), ("leave", "goes on")])
def test_ctrl_c(service: Service, ml: Client, on_interrupt: str, said: str) -> None:
    model = f"interrupted-{on_interrupt}"
    with started(*LONG, "--model", model, "--on-interrupt", on_interrupt, url=service.url) as process:
        job = running(ml, model)
        err = interrupted(process)
    assert err.startswith(f"serverless-ml: interrupted: job {job.id} {said}")
    if on_interrupt == "leave":
        assert job.refresh().state == "running"
        assert f"serverless-ml job {job.id}" in err
        job.cancel()
    with pytest.raises(JobCancelled):
        job.wait()


def test_waiting_for_a_job_leaves_it(service: Service, ml: Client, tmp_path: Path) -> None:
    ran = run(*LONG, "--model", "left", "--no-wait", "--json", url=service.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    job = running(ml, "left")
    assert job.id == ran.json["id"]
    with started("job", job.id, "--wait", url=service.url) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"job {job.id} is running\n"
        assert "goes on" in interrupted(process)
    ran = run("cancel", job.id, url=service.url)
    assert ran.code == 0, ran.err
    with pytest.raises(JobCancelled):
        job.wait()
