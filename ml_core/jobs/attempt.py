"""One attempt at a job: its data is fetched, a model is fitted in a child process, and that is judged."""

import logging
import os
from typing import NamedTuple

from ml_core.datasets.fetching import Fetched, Fetching
from ml_core.errors import InvalidInput, ObjectNotFound, TooLarge, Unavailable
from ml_core.jobs import job_errors
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.fit_child import (
    NO_ROOM,
    Broken,
    Defect,
    FitChild,
    FittedArtifact,
    OutOfDisk,
    OutOfMemory,
    OutOfTime,
    RequestRefused,
    Result,
    Unreadable,
)
from ml_core.jobs.job_errors import JobError
from ml_core.jobs.jobs import input_key
from ml_core.jobs.leases import Lease
from ml_core.jobs.watch import Interruption, Watch
from ml_core.sandbox.background import Background, Work
from ml_core.sandbox.scratch import scratch_folder
from ml_core.training.reference import TableReference, refuse_tables, table_of

log = logging.getLogger(__name__)


class AttemptFailed(NamedTuple):
    """Trying again is no use."""

    error: JobError


type Ended = FittedArtifact | AttemptFailed | Broken | Interruption


class Attempt:
    """An attempt at a held job. It changes nothing but the job's lease."""

    def __init__(self, lease: Lease, context: TrainerContext, watch: Watch) -> None:
        self._lease = lease
        self._context = context
        self._watch = watch
        self._job = lease.job.id
        self._seconds = context.seconds_left  # that the platform gave, for who asks why they were too few

    def run(self) -> Ended:
        """What became of it. Raises `LeaseLost`, `Unavailable`."""
        try:
            with scratch_folder() as folder:
                request = self._request()
                table = table_of(request)
                if table is None:
                    return self._fit(request, folder, len(request))
                return self._fit_table(table, request, folder)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return AttemptFailed(job_errors.disk_full())

    def _fit_table(self, table: TableReference, request: bytes, folder: str) -> Ended:
        fetched = self._fetch(table, os.path.join(folder, "data"))
        if not isinstance(fetched, Fetched):
            return fetched
        ended = self._fit(request, folder, fetched.lineage["size"])
        if not isinstance(ended, FittedArtifact):
            return ended
        return ended._replace(manifest={**ended.manifest, "data": table.lineage(fetched.lineage)})

    def _request(self) -> bytes:
        try:
            return self._context.jobs.store.get(input_key(self._job)).data
        except ObjectNotFound as error:
            self._lease.look()  # raises LeaseLost when another trainer has ended the job meanwhile
            raise Unavailable(f"the input of job '{self._job}' is missing") from error

    def _fetch(self, table: TableReference, path: str) -> Fetched | AttemptFailed | Interruption:
        """Bring the table to the file `path`."""

        def fetch(task: Background[Fetched]) -> Fetched:
            sources = self._context.data
            if sources is None:
                refuse_tables(table.uri)
            fetching = Fetching(sources, table.uri, path)
            for fraction in fetching:
                if task.left.is_set():
                    raise Unavailable("fetching was broken off")
                task.percentage = round(100 * fraction, 1)
            assert fetching.fetched is not None  # noqa: S101  # for the type checker: iterated to its end
            return fetching.fetched

        with Background("fetching", fetch) as fetching:
            interruption = self._watch.wait(fetching)
        if interruption is not None:
            return self._interrupted(interruption, fetching)
        try:
            return fetching.result()
        except (InvalidInput, TooLarge) as error:
            return AttemptFailed(job_errors.refusal(error))

    def _fit(self, request: bytes, folder: str, size: int) -> Ended:
        """Fit in a child process what has `size` bytes of data."""
        memory = self._context.memory.left(size)
        child = FitChild(
            request, folder, self._context.fit_command, memory=memory, deadline=self._context.last_moment
        )
        with child:
            interruption = self._watch.wait(child)
            if interruption is not None:
                return self._interrupted(interruption, child)
            result = child.result()
        if isinstance(result, FittedArtifact):
            return result
        if child.said:
            log.error("job %s: the fitting process's last output:\n%s", self._job, "\n".join(child.said))
        if isinstance(result, Broken):
            return result
        if isinstance(result, OutOfMemory):
            return AttemptFailed(job_errors.out_of_memory(size, memory))
        return AttemptFailed(self._error(result, child))

    def _error(self, result: Result, child: FitChild) -> JobError:
        """Why there is no model, for the caller; the log is told what callers are not."""
        match result:
            case RequestRefused(error):
                return error
            case Unreadable(how, traceback):
                log.error("job %s: its file made the reader fail\n%s", self._job, traceback or "")
                return job_errors.unreadable(how)
            case Defect(traceback):
                log.error("job %s: the fit failed in an unforeseen way\n%s", self._job, traceback)
                return job_errors.defect(self._job)
            case OutOfDisk():
                return job_errors.disk_full()
            case OutOfTime():
                return job_errors.too_slow(self._seconds, child, self._context.time_setting)
        raise AssertionError(result)

    def _interrupted(self, interruption: Interruption, work: Work) -> AttemptFailed | Interruption:
        """Time that is over is a failure, of which the work says how far it was."""
        if interruption is Interruption.OVER:
            return AttemptFailed(job_errors.too_slow(self._seconds, work, self._context.time_setting))
        return interruption
