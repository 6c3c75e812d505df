# Made of `_async/jobs.py` by `client/generate_sync.py`: change that one.
"""A job of the service: how far it is, what comes of it, and how to stop it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from serverless_ml._sync.job_files import downloaded, files_of
from serverless_ml._sync.runtime import Interrupted, sleep
from serverless_ml.answers import Job, JobFiles, Version
from serverless_ml.display import Displayed
from serverless_ml.errors import (
    JobCancelled,
    JobFailed,
    NotConnected,
    ServiceError,
    TimedOut,
    TooMany,
    Unavailable,
)
from serverless_ml.references import model_path

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from serverless_ml._sync.requests import Requests

# Seconds between two looks: the first, by how much each is longer, and the longest.
_FIRST, _GROWS, _LONGEST = 0.1, 1.3, 3.0
# The seconds that a service which does not answer is waited for, besides a request's own retries.
_PATIENCE = 300.0


class JobHandle(Displayed):
    """A job. What it was when last looked at is in `record`; `refresh` looks again."""

    picture: ClassVar[str] = "job"

    def __init__(self, requests: Requests, record: Job) -> None:
        self._requests = requests
        self.record = record

    @property
    def id(self) -> str:
        """By which the service knows it."""
        return self.record.id

    @property
    def model(self) -> str:
        """The name of the model that it trains, or scores with."""
        return self.record.model

    @property
    def state(self) -> str:
        """`queued`, `running`, `succeeded`, `failed` or `cancelled`."""
        return self.record.state

    @property
    def phase(self) -> str | None:
        """What is being done while it runs, such as `fitting`."""
        return self.record.phase

    @property
    def percentage(self) -> float | None:
        """How much of the phase is done, where that is counted."""
        return self.record.percentage

    @property
    def version(self) -> int | None:
        """The version's number, as soon as there is one."""
        return self.record.version

    @property
    def created(self) -> datetime:
        """When it was sent."""
        return self.record.created

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.record.over

    @property
    def raw(self) -> dict[str, Any]:
        """The job as JSON, as it was when last looked at."""
        return self.record.raw

    def refresh(self) -> Job:
        """Look at it again."""
        self.record = Job.from_json(self._requests.get(f"/v1/jobs/{self.id}"))
        return self.record

    def cancel(self) -> Job:
        """Cancel it: at once while it waits, else as soon as its trainer notices. One that is over stays."""
        self.record = Job.from_json((self._requests.send("DELETE", f"/v1/jobs/{self.id}")).record())
        return self.record

    def wait(
        self,
        timeout: float | None = None,
        *,
        on_interrupt: str = "leave",
        seen: Callable[[Job], None] = lambda _: None,
    ) -> Version:
        """Wait until it is over; the version that came of it.

        Args:
            timeout: the seconds to wait at most; None for as long as it takes.
            on_interrupt: what Ctrl-C does, and cancelling the task of a coroutine: `cancel` cancels the job,
                `leave` lets it go on. Either way the exception goes on, and says what became of the job.
            seen: told of the job each time it was looked at.

        Raises:
            JobFailed: it ended without a version; the message says why and what to do.
            JobCancelled: it was cancelled.
            TimedOut: it takes longer; it goes on.
            NotConnected: the service has not answered for five minutes; the job goes on.
        """
        self.over_at_last(timeout, on_interrupt=on_interrupt, seen=seen)
        return self.result()

    def result(self) -> Version:
        """The version that came of it, where it is over. Raises `JobFailed`, `JobCancelled`, `TimedOut`."""
        self.check_succeeded()
        job = self.record
        if job.version is None:
            raise TimedOut(f"job {job.id} of '{job.model}' is not over: {job.state}")
        self._requests.forget()
        return Version.from_json(self._requests.get(f"{model_path(job.model)}/versions/{job.version}"))

    def files(self, *, limit: int | None = None) -> JobFiles:
        """The files that it has written, where it scores a table; while it runs, those that are finished."""
        return files_of(self._requests, self.id, limit=limit)

    def download(
        self, folder: str | os.PathLike[str] | None = None, *, progress: bool | None = None
    ) -> Path:
        """Write the files that it has written into a folder, each whole or not at all; where they are then.

        Args:
            folder: which is made where it is not there, and has no files of another scoring; without it here,
                called `<model>-scores-<job>`.
            progress: whether it is drawn; None for on a terminal and in a notebook.

        Raises:
            InvalidArgument: the files are in a bucket that the request named, or those of another scoring
                are in the folder.
        """
        return downloaded(self._requests, self.record, folder, progress=progress)

    def over_at_last(
        self, timeout: float | None, *, on_interrupt: str, seen: Callable[[Job], None]
    ) -> None:
        """Wait until it is over, as `wait` does."""
        try:
            self._until_over(timeout, seen)
        except Interrupted as interrupted:
            interrupted.args = (self._interrupted(on_interrupt),)
            raise

    def check_succeeded(self) -> None:
        """Raise `JobFailed` or `JobCancelled` where it is over without having succeeded."""
        job = self.record
        if job.state == "cancelled":
            raise JobCancelled(f"job {job.id} of '{job.model}' was cancelled", job=job.id)
        if job.state == "failed":
            error = job.error
            if error is None:
                raise JobFailed(f"job {job.id} of '{job.model}' failed", job=job.id)
            raise JobFailed(error.message, job=job.id, code=error.code, faults=error.faults)

    def _until_over(self, timeout: float | None, seen: Callable[[Job], None]) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        pause, answered = _FIRST, time.monotonic()
        seen(self.record)
        while not self.over:
            left = pause if end is None else min(pause, end - time.monotonic())
            if left <= 0:
                raise TimedOut(
                    f"job {self.id} of '{self.model}' is not over after {timeout:g} seconds: {self.state}. "
                    f"It goes on; look at it with .job('{self.id}')"
                )
            sleep(left)
            pause = min(_LONGEST, pause * _GROWS)
            try:
                self.refresh()
            except (NotConnected, TooMany, Unavailable) as error:
                if time.monotonic() - answered > _PATIENCE:
                    error.add_note(f"job {self.id} goes on; look at it with .job('{self.id}')")
                    raise
                continue
            answered = time.monotonic()
            seen(self.record)

    def _interrupted(self, on_interrupt: str) -> str:
        """What became of the job, as a sentence. Interrupted again, it ends at once."""
        look = f"look at it with .job('{self.id}')"
        if on_interrupt != "cancel":
            return f"job {self.id} of '{self.model}' goes on; {look}"
        try:
            job = self.cancel()
        except (NotConnected, ServiceError) as error:
            return f"job {self.id} of '{self.model}' could not be cancelled ({error}) and goes on; {look}"
        if job.state == "cancelled" or not job.over:
            return f"job {self.id} of '{self.model}' is cancelled"
        return f"job {self.id} of '{self.model}' had ended already ({job.state}); {look}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of {self.model!r}: {self.state}>"
