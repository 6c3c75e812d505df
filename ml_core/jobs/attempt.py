"""One attempt at a job: its file is fetched, a child process does the work, and that is judged."""

import logging
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_core.datasets.fetching import Fetched, Fetching
from ml_core.digests import sha256
from ml_core.engines import write_engines
from ml_core.errors import InvalidInput, ObjectNotFound, TooLarge, Unavailable
from ml_core.jobs import job_errors
from ml_core.jobs.checkpoints import Binding, release_of
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.data_access import DataAccess
from ml_core.jobs.fit_child import (
    NO_ROOM,
    Broken,
    Defect,
    FitChild,
    FittedArtifact,
    OutOfDisk,
    OutOfMemory,
    OutOfTime,
    Paused,
    RequestRefused,
    Result,
    Scored,
    Unreadable,
)
from ml_core.jobs.inputs import JobFile, file_of
from ml_core.jobs.job_checkpoint import JobCheckpoint
from ml_core.jobs.job_errors import JobError
from ml_core.jobs.jobs import input_key
from ml_core.jobs.leases import Lease
from ml_core.jobs.surroundings import Surroundings
from ml_core.jobs.warm_fits import zygote_for
from ml_core.jobs.watch import Interruption, Watch
from ml_core.registry.registry import artifact_key
from ml_core.sandbox.background import Background, Work
from ml_core.sandbox.scratch import scratch_folder
from ml_core.training.against import LARGEST, Against

log = logging.getLogger(__name__)


class AttemptFailed(NamedTuple):
    """Trying again is no use."""

    error: JobError


class HandedOver(NamedTuple):
    """The checkpoint moved, and the next attempt goes on from there; why this one ended."""

    reason: str


type Ended = FittedArtifact | Scored | AttemptFailed | HandedOver | Broken | Interruption

_LAST_PUT = 2.0  # seconds for which a checkpoint on its way to the store is waited for that nobody needs


class Attempt:
    """An attempt at a held job. It changes nothing but the job's lease."""

    def __init__(self, lease: Lease, context: TrainerContext, watch: Watch, access: DataAccess) -> None:
        self._lease = lease
        self._access = access
        self._context = context
        self._watch = watch
        self._job = lease.job.id
        self._seconds = context.seconds_left  # that the platform gave, for who asks why they were too few

    def run(self) -> Ended:
        """What became of it. Raises `LeaseLost`, `BudgetRefused`, `BudgetSpent`, `Unavailable`."""
        try:
            with scratch_folder() as folder:
                request = self._request()
                self._access.begin(request)
                file = file_of(request)
                if file is None:
                    elsewhere = self._lease.job.request.get("data") is not None
                    return self._fit(request, folder, None if elsewhere else len(request))
                return self._fit_file(file, request, folder)
        except InvalidInput as error:
            return AttemptFailed(job_errors.refusal(error))
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            return AttemptFailed(job_errors.disk_full(self._lease.job))

    def _fit_file(self, file: JobFile, request: bytes, folder: str) -> Ended:
        path = os.path.join(folder, "data")
        fetched = self._fetch(file, path)
        if fetched is None:  # the disk does not hold it: it is read from where it is
            if os.path.exists(path):
                os.unlink(path)
            return self._fit(request, folder, None)
        if not isinstance(fetched, Fetched):
            return fetched
        refusal = file.refusal(fetched)
        if refusal is not None:
            return AttemptFailed(refusal)
        ended = self._fit(request, folder, fetched.lineage["size"], fetched.lineage)
        if not isinstance(ended, FittedArtifact):
            return ended
        return ended._replace(manifest={**ended.manifest, **file.told(self._lease.job, fetched)})

    def _request(self) -> bytes:
        try:
            return self._context.jobs.store.get(input_key(self._job)).data
        except ObjectNotFound as error:
            self._lease.look()  # raises LeaseLost when another trainer has ended the job meanwhile
            raise Unavailable(f"the input of job '{self._job}' is missing") from error

    def _fetch(self, file: JobFile, path: str) -> Fetched | Ended | None:
        """Bring what the job names to the file `path`; None for a table that the disk does not hold."""

        def fetch(task: Background[Fetched]) -> Fetched:
            fetching = Fetching(lambda: file.open(self._context), path)
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
            if isinstance(error, TooLarge) and file.is_table and self._context.stores is not None:
                return None
            return AttemptFailed(job_errors.refusal(error))

    def _fit(
        self, request: bytes, folder: str, size: int | None, lineage: Mapping[str, Any] | None = None
    ) -> Ended:
        """Work in a child process on `size` bytes of data, in a file of this lineage if there is one.

        None: the data is read part by part from where it is.
        """
        data = None if lineage is None else lineage["sha256"]
        binding = Binding(sha256(request), data, release_of(self._context.release))
        checkpoint = JobCheckpoint(self._context.jobs.store, self._job, folder, binding)
        if self._lease.advanced_to is not None:
            with Background("fetching", lambda _: checkpoint.fetch()) as fetching:
                interruption = self._watch.wait(fetching)
            if interruption is not None:
                return self._interrupted(interruption, fetching)
            if not fetching.result():
                uri = lineage["uri"] if lineage else "the data"
                return AttemptFailed(job_errors.data_changed(uri, self._lease.job))
        Surroundings(self._job, self._context.stores).write(folder)
        write_engines(folder, self._context.engines)
        self._write_against(folder)
        self._access.pay()
        with zygote_for(request, self._lease.job.request, size, self._context) as zygote:
            child = FitChild(
                request,
                folder,
                self._context.fit_command,
                zygote=zygote,
                memory=self._context.memory.left(len(request) if size is None else size),
                deadline=self._context.last_moment,
                allowed_seconds=self._context.allowed_seconds,
                history=checkpoint.history,
            )
            with child:
                interruption = self._watch.wait(child, checkpoint)
                result = child.result() if interruption is None else interruption
        self._lease.history = child.history
        if child.said and not isinstance(result, Interruption):
            log.error("job %s: the fitting process's last output:\n%s", self._job, "\n".join(child.said))
        if isinstance(result, _MAY_BE_CONTINUED) and result not in _WANTED:
            self._watch.hand_over(child, checkpoint)
        else:
            checkpoint.wait(_LAST_PUT)
        if isinstance(result, OutOfMemory):
            return AttemptFailed(job_errors.out_of_memory(size, child.memory, self._lease.job))
        return self._judge(result, child, checkpoint)

    def _write_against(self, folder: str) -> None:
        """Give the child the version that the new one is to be compared with, if it is to be."""
        against = Against.of(self._lease.job.request)
        if against is None:
            return
        try:
            found = self._context.jobs.store.opened(artifact_key(against.job))
        except ObjectNotFound:
            against.write(folder, None)
        else:  # of one that is too large nothing is read
            against.write(folder, b"".join(found.chunks) if found.size <= LARGEST else None)

    def _judge(self, result: Result | Interruption, child: FitChild, checkpoint: JobCheckpoint) -> Ended:
        """What becomes of the job."""
        match result:
            case FittedArtifact() | Scored() | Broken():
                return result
            case Paused(reason):
                return self._handed_over(reason)
            case OutOfTime() | Interruption.OVER if self._lease.has_advanced or checkpoint.saved:
                return self._handed_over(f"{Interruption.OVER.value} ({job_errors.how_far(child)})")
            case Interruption.STOPPING if self._lease.has_advanced:
                return self._handed_over(f"{result.value} ({job_errors.how_far(child)})")
            case Interruption():
                return self._interrupted(result, child)
        return AttemptFailed(self._error(result, child))

    def _handed_over(self, reason: str) -> HandedOver | Broken:
        """The next attempt goes on, if this one has come anywhere; else it is tried again a few times."""
        if self._lease.has_advanced:
            return HandedOver(reason)
        return Broken(job_errors.DEADLINE_EXCEEDED, f"{reason}, but the store has no further checkpoint")

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
                return job_errors.defect(self._job, self._lease.job)
            case OutOfDisk():
                return job_errors.disk_full(self._lease.job)
            case OutOfTime():
                return job_errors.too_slow(self._seconds, child, self._lease.job, self._context.time_setting)
        raise AssertionError(result)

    def _interrupted(
        self, interruption: Interruption, work: Work
    ) -> AttemptFailed | HandedOver | Broken | Interruption:
        """Time that is over is a failure, of which the work says how far it was; but not of one continued."""
        if interruption is Interruption.OVER and self._lease.advanced_to is not None:
            return self._handed_over(f"{interruption.value} ({job_errors.how_far(work)})")
        if interruption is Interruption.OVER:
            return AttemptFailed(
                job_errors.too_slow(self._seconds, work, self._lease.job, self._context.time_setting)
            )
        if interruption is Interruption.SPENT:
            return AttemptFailed(
                job_errors.spent(self._lease.most_seconds or 0, job_errors.how_far(work), self._lease.job)
            )
        return interruption


# After these the next attempt goes on from the newest checkpoint, if there is one.
_MAY_BE_CONTINUED = (Paused, OutOfTime, Broken, Interruption)
_WANTED = frozenset({Interruption.CANCELLED, Interruption.SPENT})
