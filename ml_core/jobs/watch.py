"""Waiting for work while its job is held: the lease is renewed, and somebody may wish the work to end."""

import time
from enum import Enum

from ml_core.errors import Unavailable
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.job_checkpoint import JobCheckpoint
from ml_core.jobs.jobs import Job
from ml_core.jobs.leases import Lease
from ml_core.sandbox.background import Work

# One that was on its way already, then the newest, and that once more where another trainer's was there.
_TRIES = 3


class Interruption(Enum):
    """Why work is broken off."""

    STOPPING = "the trainer was asked to stop"
    CANCELLED = "the job is to be cancelled"
    OVER = "the time is over"
    SPENT = "the request's seconds are spent"


class Watch:
    """Waits for one job's work. Every method raises `LeaseLost`, and `Unavailable` past the lease."""

    def __init__(self, lease: Lease, context: TrainerContext) -> None:
        self._lease = lease
        self._context = context
        self._renewed = time.monotonic()
        self._checkpoint: JobCheckpoint | None = None

    def wait(self, work: Work, checkpoint: JobCheckpoint | None = None) -> Interruption | None:
        """Wait for the work's end; None when it has come, else why the work is to be broken off before.

        What the work saves as its `checkpoint` is put into the store when the lease is renewed.
        """
        self._checkpoint = checkpoint
        stopping = self._context.stopping
        while not self._has_ended(work):
            if stopping is not None and stopping.is_set():
                return Interruption.STOPPING
            if self._context.is_over():
                return Interruption.OVER
            if self._lease.is_spent:
                return Interruption.SPENT
            if self._renew(work).cancelling:
                return Interruption.CANCELLED
        return None

    def wait_on(self, work: Work) -> bool:
        """Wait for the end of work that is too late to cancel; False when the time is over before."""
        # Giving the job back takes less time than saying why it failed.
        spare = -self._context.intervals.shutdown_grace / 2
        while not self._has_ended(work):
            if self._context.is_over(spare):
                return False
            self._renew(work)
        return True

    def _has_ended(self, work: Work) -> bool:
        """Whether work has ended, or ends before the next look."""
        if self._context.phase_begins is not None and work.phase is not None:
            self._context.phase_begins(work.phase)
        return work.ended.wait(self._context.intervals.poll_interval)

    def _renew(self, work: Work) -> Job:
        """The job, whose lease is renewed when it is time to, and when the store has another checkpoint."""
        now, intervals = time.monotonic(), self._context.intervals
        is_time = now - self._renewed >= intervals.renewal
        self._lease.history = work.history or self._lease.history
        try:
            if not self._note_checkpoint() and not is_time:
                return self._lease.look()
            job = self._lease.renew(work.phase, work.percentage)
        except Unavailable:
            if now - self._renewed > intervals.lease:
                raise  # somebody else may hold the job by now
            return self._lease.job
        self._renewed = now
        if is_time and self._checkpoint is not None and self._checkpoint.is_due:
            self._checkpoint.keep()
        return job

    def _note_checkpoint(self) -> bool:
        """Whether the store has another checkpoint, which the lease writes down when it is renewed."""
        if self._checkpoint is None or not self._checkpoint.settle():
            return False
        self._lease.advanced_to = self._checkpoint.digest
        return True

    def hand_over(self, work: Work, checkpoint: JobCheckpoint) -> None:
        """Put what the work saved last into the store, as far as there is time: somebody else goes on."""
        for _ in range(_TRIES):
            if checkpoint.is_kept:
                return
            keeping = checkpoint.keep()
            keeping.phase, keeping.percentage, keeping.history = work.phase, work.percentage, work.history
            if not self.wait_on(keeping):
                return
            self._note_checkpoint()
