"""Where a trainer works and under what conditions: made once, and handed through."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ml_core.datasets.reopening import Reopening
from ml_core.datasets.sources import DataSources
from ml_core.engines import Engines
from ml_core.jobs.fit_child import FIT_COMMAND
from ml_core.jobs.jobs import Jobs
from ml_core.jobs.leases import LEASE, NO_WORKERS, RENEWAL, WorkerRegistry
from ml_core.registry.registry import Registry
from ml_core.sandbox.memory import FunctionMemory


class PollIntervals(NamedTuple):
    """How long a trainer waits for what, in seconds.

    Args:
        lease: for which it holds a job.
        renewal: between two renewals of the lease.
        poll_interval: between two looks at whether the job was cancelled.
        retry: before the second attempt; doubles with each.
        store_failed: until the job comes again when the store is not there.
        shutdown_grace: before the deadline, kept for writing down that the job failed.
        least: before that; with less a training is not begun.
    """

    lease: float = LEASE
    renewal: float = RENEWAL
    poll_interval: float = 1.0
    retry: float = 5.0
    store_failed: float = 15.0
    shutdown_grace: float = 10.0
    least: float = 5.0


class TrainerContext(NamedTuple):
    """Where a trainer works and under what conditions.

    Args:
        jobs: what there is to do.
        registry: where versions are registered.
        data: where training data may come from; None where requests hold their rows.
        memory: what the platform gives this function.
        deadline: when the platform ends this process, in seconds since the epoch.
        time_setting: the setting that says so where no platform does; for who asks how to get more time.
        stopping: set when the process has to end sooner: the fit ends, and its attempt is not counted.
        intervals: how long it waits for what.
        workers: who knows which trainers are alive.
        fit_command: starts the child process in which a model is fitted.
        train_hours: for how long a training is continued that one delivery is too short for, all together.
        release: the version of this service, which a checkpoint is of.
        engines: what works on many parts elsewhere, where that is turned on.
        stores: how another process opens the same stores; None where none has to.
        phase_begins: is told of each phase of a job that lasts as long as a look at it; None where nobody is.
    """

    jobs: Jobs
    registry: Registry
    data: DataSources | None = None
    memory: FunctionMemory = FunctionMemory()
    deadline: float | None = None
    time_setting: str = ""
    stopping: threading.Event | None = None
    intervals: PollIntervals = PollIntervals()
    workers: WorkerRegistry = NO_WORKERS
    fit_command: Sequence[str] = FIT_COMMAND
    train_hours: float = 12.0
    release: str = ""
    engines: Engines = {}  # noqa: RUF012 - the field of a tuple; nobody adds to it
    stores: Reopening | None = None
    phase_begins: Callable[[str], None] | None = None

    @property
    def last_moment(self) -> float | None:
        """When work has to be broken off, so that there is time to write down that it was."""
        return None if self.deadline is None else self.deadline - self.intervals.shutdown_grace

    @property
    def seconds_left(self) -> float:
        """Until the platform ends this process; 0 where it does not say."""
        return 0.0 if self.deadline is None else max(0.0, self.deadline - time.time())

    @property
    def allowed_seconds(self) -> float | None:
        """For how long a training may go on, in one delivery or several; None where nothing bounds it."""
        return None if self.deadline is None else max(3600 * self.train_hours, self.seconds_left)

    def is_over(self, spare: float = 0.0) -> bool:
        """Whether less than `spare` seconds are left to work in."""
        last = self.last_moment
        return last is not None and time.time() > last - spare
