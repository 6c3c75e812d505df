"""Waiting for work while its job is held: the lease is renewed, and somebody may wish the work to end."""

import time
from enum import Enum

from ml_core.errors import Unavailable
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import Job
from ml_core.jobs.leases import Lease
from ml_core.sandbox.background import Work


class Interruption(Enum):
    """Why work is broken off."""

    STOPPING = "the trainer was asked to stop"
    CANCELLED = "the job is to be cancelled"
    OVER = "the time is over"


class Watch:
    """Waits for one job's work. Every method raises `LeaseLost`, and `Unavailable` past the lease."""

    def __init__(self, lease: Lease, context: TrainerContext) -> None:
        self._lease = lease
        self._context = context
        self._renewed = time.monotonic()

    def wait(self, work: Work) -> Interruption | None:
        """Wait for the work's end; None when it has come, else why the work is to be broken off before."""
        stopping = self._context.stopping
        while not work.ended.wait(self._context.intervals.poll_interval):
            if stopping is not None and stopping.is_set():
                return Interruption.STOPPING
            if self._context.is_over():
                return Interruption.OVER
            if self._renew(work).cancelling:
                return Interruption.CANCELLED
        return None

    def wait_on(self, work: Work) -> bool:
        """Wait for the end of work that is too late to cancel; False when the time is over before."""
        # Giving the job back takes less time than saying why it failed.
        spare = -self._context.intervals.shutdown_grace / 2
        while not work.ended.wait(self._context.intervals.poll_interval):
            if self._context.is_over(spare):
                return False
            self._renew(work)
        return True

    def _renew(self, work: Work) -> Job:
        """The job, whose lease is renewed when it is time to."""
        now, intervals = time.monotonic(), self._context.intervals
        try:
            if now - self._renewed < intervals.renewal:
                return self._lease.look()
            job = self._lease.renew(work.phase, work.percentage)
        except Unavailable:
            if now - self._renewed > intervals.lease:
                raise  # somebody else may hold the job by now
            return self._lease.job
        self._renewed = now
        return job
