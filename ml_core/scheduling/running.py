"""Carries schedules out: the sweep comes here with every schedule, and what is due becomes a job.

The job is submitted first and noted in the schedule's document then. Its Idempotency-Key is of the model, the
trigger and the slot, never of what people wrote: two sweeps make one job, one that dies in between makes none
twice, and an edit while it runs runs no slot again.

What a run may do is asked of `Preparing` each time, for the key by which the schedule was written.
"""

from __future__ import annotations

import hashlib
import logging
from itertools import batched
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ml_core.auditing.scheduled import by_schedule
from ml_core.datasets.sources import newest_upload, upload_in
from ml_core.documents import read, timestamp
from ml_core.errors import (
    Conflict,
    InvalidInput,
    JobNotFound,
    MalformedInput,
    NotFound,
    ObjectNotFound,
    Refused,
    ServerlessMLError,
    TooLarge,
    TooManyJobs,
)
from ml_core.jobs.jobs import FAILED
from ml_core.monitoring.drift import DRIFTED
from ml_core.monitoring.feedback import feedback_of
from ml_core.monitoring.parts import date_of
from ml_core.monitoring.reading import window
from ml_core.monitoring.report import report
from ml_core.registry.registry import PRODUCTION, model_key
from ml_core.registry.retention import DAY
from ml_core.scheduling.schedule import DRIFT, UPLOAD
from ml_core.scheduling.schedules import schedule_key
from ml_core.scheduling.triggers import (
    REFUSED,
    STARTED,
    TOO_MANY,
    UNCHANGED,
    Present,
    ScheduledRun,
    Slot,
    due,
    held,
    is_unchanged,
    looked_at,
    noted,
    upload_slot,
)
from ml_core.training.against import Against

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ml_core.auditing.trail import Trail
    from ml_core.datasets.sources import DataFile
    from ml_core.jobs.jobs import Job, Jobs
    from ml_core.ports import ObjectStore
    from ml_core.registry.registry import Registry, Version
    from ml_core.scheduling.schedule import Schedule
    from ml_core.scheduling.schedules import Schedules, StoredSchedule
    from ml_core.scheduling.triggers import Held, State

log = logging.getLogger(__name__)

DRIFT_DAYS = 7  # whole days of UTC that are looked at
# Bytes of an artifact that a sweep loads to look at drift: it has little memory.
LARGEST_ARTIFACT = 32 << 20
_BATCH = 100
_ACCEPTED = 202  # what a person would be answered, for the trail
# What tries again would not mend: the slot is refused.
_FINAL = (InvalidInput, MalformedInput, TooLarge, NotFound, Conflict, Refused)


class PreparedRun(NamedTuple):
    """A run that may be made.

    Args:
        data: the job's input.
        summary: what the job tells of its request.
        asked: the digest of what was asked for, whatever an address means today.
        files: finds what there is at the address now, each with its revision.
        check: raises what there is against a job that is new.
        reads: the address of the upload that is read, where it is another.
    """

    data: bytes
    summary: dict[str, Any]
    asked: str
    files: Callable[[], list[DataFile]]
    check: Callable[[], None]
    reads: str | None


class Preparing(Protocol):
    """Says what a run trains on, and whether it may."""

    def prepare(
        self, writer: str | None, model: str, train: dict[str, Any], split_key: str | None = None
    ) -> PreparedRun:
        """What the key with the id `writer` trains now. Raises what asking for such a training does.

        `split_key` is that of the hash by which rows are held out, where they are.
        """


class CarriedOut(NamedTuple):
    """How many jobs were started, and the key of the schedule at which time ran out, None for none."""

    started: int
    after: str | None


class Runner:
    """Carries schedules out.

    Args:
        schedules: where they are.
        jobs: takes what they start.
        registry: has the models.
        preparing: says what a run may do.
        trail: where it is written down that a run was asked for; None for nowhere.
        guard: moves a schedule's alias, where that is to be done; None moves none.
        tell: tells of a slot that is refused, with the code of the error; None tells nobody.
    """

    def __init__(
        self,
        schedules: Schedules,
        jobs: Jobs,
        registry: Registry,
        preparing: Preparing,
        *,
        trail: Trail | None = None,
        guard: Callable[[StoredSchedule], object] | None = None,
        tell: Callable[[StoredSchedule, Slot, str], None] | None = None,
    ) -> None:
        self._guard = guard
        self._tell = tell
        self._trail = trail
        self._schedules = schedules
        self._jobs = jobs
        self._registry = registry
        self._preparing = preparing

    @property
    def _store(self) -> ObjectStore:
        return self._jobs.store

    def sweep(self, is_time: Callable[[], bool], after: str | None = None) -> CarriedOut:
        """Look at every schedule, those first that come after the key at which the last sweep stopped.

        One that cannot be worked on is told of in the log, and the next one follows. Raises `Unavailable`
        where the schedules cannot be listed.
        """
        keys = [*self._schedules.keys()]
        ordered = [key for key in keys if key > (after or "")] + [key for key in keys if key <= (after or "")]
        started, done = 0, after
        for batch in batched(ordered, _BATCH):
            if not is_time():
                return CarriedOut(started, done)
            for stored in self._schedules.read(batch):
                if not is_time():
                    return CarriedOut(started, done)
                started += self._run_safely(stored)
                done = schedule_key(stored.model)
            done = batch[-1]
        return CarriedOut(started, None)

    def _run_safely(self, stored: StoredSchedule) -> int:
        try:
            return self.run(stored)
        except ServerlessMLError as error:
            log.warning("the schedule of model %s waits for the next sweep: %s", stored.model, error)
        except Exception:
            log.exception("the schedule of model %s cannot be worked on", stored.model)
        return 0

    def run(self, stored: StoredSchedule) -> int:
        """Do what is due of one schedule; how many jobs were started. Raises `Unavailable`."""
        if self._is_orphaned(stored):
            self._schedules.forget(stored.model)
            return 0
        stored = self._note_ends(stored)
        self._guard_safely(stored)
        found = present(self._registry, stored.model, stored.schedule)
        now = self._schedules.clock()
        started = 0
        for slot in due(stored.schedule, stored.state, found, now):
            stored, run = self._work_off(stored, slot, found, now)
            started += run is not None and run.outcome == STARTED
        return started

    def _guard_safely(self, stored: StoredSchedule) -> None:
        """Have the alias moved, if it is to be. What fails there holds up no run."""
        if self._guard is None:
            return
        try:
            self._guard(stored)
        except ServerlessMLError as error:
            log.warning("the guard of model %s waits for the next sweep: %s", stored.model, error)
        except Exception:
            log.exception("the guard of model %s cannot be worked on", stored.model)

    def _is_orphaned(self, stored: StoredSchedule) -> bool:
        """Whether the model was deleted after the schedule was written, and nobody removed it with it."""
        try:
            deleted = read(self._store, model_key(stored.model)).body["deleted"]
        except ObjectNotFound:
            return False
        return deleted is not None and bool(deleted > stored.updated)

    def _note_ends(self, stored: StoredSchedule) -> StoredSchedule:
        """Note of runs whose jobs are over how they ended, and the versions that they registered."""
        ended = dict(self._ended(stored.state))
        if not ended:
            return stored

        def change(state: State) -> State:
            runs = [
                {**run, "ended": job.state, "version": job.version} if job is not None else run
                for run in state["runs"]
                for job in [ended.get(run["job"])]
            ]
            return {**state, "runs": runs}

        self._schedules.change_state(stored.model, change)
        return stored._replace(state=change(stored.state))

    def _ended(self, state: State) -> Iterator[tuple[str, Job]]:
        for run in state["runs"]:
            if run["job"] is not None and run["ended"] is None:
                job = self._job(run["job"])
                if job is not None and job.over:
                    yield job.id, job

    def _job(self, job_id: str) -> Job | None:
        try:
            return self._jobs.get(job_id)
        except JobNotFound:
            return None  # it ended so long ago that it was removed

    def _work_off(
        self, stored: StoredSchedule, slot: Slot, found: Present, now: float
    ) -> tuple[StoredSchedule, ScheduledRun | None]:
        """Do what a slot asks for, and note it; the schedule as it is now, and what became of the slot."""
        waits = held(stored.schedule, stored.state, now)
        run = trained = None
        if slot.trigger == DRIFT:
            if waits is not None:
                return stored, None  # whether anything drifted is looked at when a run may start
            refused = self._drifted(stored, found)
            if refused is None:
                return self._changed(stored, lambda state: looked_at(state, slot)), None
            if refused:
                run = self._refused(stored, slot, now, TooLarge(refused))
        if run is None:
            run, trained = self._start(stored, slot, waits, now)
        log.info("schedule of model %s: %s %s %s", stored.model, slot.trigger, slot.name, run.outcome)
        return self._changed(stored, lambda state: noted(state, run, now, trained)), run

    def _changed(self, stored: StoredSchedule, change: Callable[[State], State | None]) -> StoredSchedule:
        self._schedules.change_state(stored.model, change)
        return stored._replace(state=change(stored.state) or stored.state)

    def _start(
        self, stored: StoredSchedule, slot: Slot, waits: Held | None, now: float
    ) -> tuple[ScheduledRun, dict[str, Any] | None]:
        """Submit the job of a slot, if nothing is against it; the run, and what it trains on if known."""
        if waits is not None:
            return self._run(slot, now, waits.outcome, waits.reason), None
        try:
            prepared = self._preparing.prepare(
                stored.writer, stored.model, stored.schedule.train, stored.state.get("split_key")
            )
            data = _digest_of(prepared.files())
            if is_unchanged(stored.state, data, prepared.asked) and not self._has_failed(stored.state):
                reason = "neither the data nor what is trained has changed"
                return self._run(slot, now, UNCHANGED, reason), None
            job = self._submit(stored, slot, prepared, data)
        except TooManyJobs as error:
            return self._run(slot, now, TOO_MANY, str(error)), None
        except _FINAL as error:
            return self._refused(stored, slot, now, error), None
        # What a job of an earlier sweep reads may be older than what is there now: the job says what it was.
        said = job.request["schedule"]
        trained = {"data": said["data"], "request": said["request"], "job": job.id}
        return self._run(slot, now, STARTED, job=job.id), trained

    def _submit(self, stored: StoredSchedule, slot: Slot, prepared: PreparedRun, data: str) -> Job:
        """The job of a slot: a new one, or that of a sweep which could not note it."""
        once = idempotency_key(stored.model, slot)
        why: dict[str, Any] = {
            "trigger": slot.trigger,
            "slot": slot.name,
            "data": data,
            "request": prepared.asked,
        }
        against = self._against(stored)
        if against is not None:
            why["against"] = against._asdict()
        route, about = "/v1/models/{model}:train", {"model": stored.model}
        with by_schedule(self._trail, "POST", route, about, done=_ACCEPTED, refusals=_FINAL) as told:
            job = self._jobs.submit(
                stored.model,
                prepared.data,
                {**prepared.summary, "schedule": why},
                idempotency_key=once,
                body_digest=once,
                submitter=stored.writer,
                reads=prepared.reads,
                check=prepared.check,
            )
            told["job"] = job.id
        return job

    def _against(self, stored: StoredSchedule) -> Against | None:
        """What the new version is to be compared with: what the alias answers with now, if guards ask."""
        promote = stored.schedule.promote
        found = promote and _answering(self._registry, stored.model, stored.schedule.alias)
        if promote is None or not found:
            return None
        when = promote["when"]
        return Against(found.version, found.job, when["metric"], when["confidence"])

    def _has_failed(self, state: State) -> bool:
        """Whether the job of the last run failed: the same data are tried again then."""
        job = self._job(state["trained"]["job"])
        return job is not None and job.state == FAILED

    def _refused(
        self, stored: StoredSchedule, slot: Slot, now: float, error: ServerlessMLError
    ) -> ScheduledRun:
        """The run of a slot that cannot be, told before it is noted, so that none goes untold."""
        if self._tell is not None:
            self._tell(stored, slot, error.code)
        return self._run(slot, now, REFUSED, str(error))

    def _run(
        self, slot: Slot, now: float, outcome: str, reason: str | None = None, *, job: str | None = None
    ) -> ScheduledRun:
        return ScheduledRun(slot.trigger, slot.name, timestamp(now), outcome, job, reason)

    def _drifted(self, stored: StoredSchedule, found: Present) -> str | None:
        """Whether the version that answers drifted: None if not, else why that cannot be told, or nothing."""
        from ml_core.serving import Models

        answering = _answering(self._registry, stored.model, stored.schedule.alias)
        if answering is None or answering.version != found.version:
            return None  # it changed at this moment
        if answering.size > LARGEST_ARTIFACT:
            return (
                f"whether version {answering.version} drifted is not looked at: its artifact has "
                f"{answering.size:,} bytes, and the sweep reads {LARGEST_ARTIFACT:,}"
            )
        model = Models(self._store).resolve(stored.model, answering.version).model
        now = self._schedules.clock()
        end = now // DAY * DAY
        begin = end - DRIFT_DAYS * DAY
        told = report(
            model.profile,
            window(self._store, answering.job, begin, end, now=now).counts,
            features=model.columns,
            classes=model.classes,
            feedback=feedback_of(self._store, answering.job, date_of(begin), date_of(end - 1)),
        )
        return "" if told["state"] == DRIFTED else None


def present(registry: Registry, model: str, schedule: Schedule) -> Present:
    """What there is that a schedule asks for. Raises `Unavailable`."""
    upload = version = None
    if UPLOAD in schedule.on and schedule.dataset is not None:
        newest = newest_upload(registry.store, schedule.dataset)
        upload = newest and upload_slot(schedule.dataset, upload_in(newest.key)[1])
    if DRIFT in schedule.on:
        answering = _answering(registry, model, schedule.alias)
        version = answering and answering.version
    return Present(upload, version)


def _answering(registry: Registry, model: str, alias: str) -> Version | None:
    """The version that an alias answers with; of `production`, which need not be there, the newest."""
    try:
        return registry.model(model).pick(alias=None if alias == PRODUCTION else alias)
    except NotFound:
        return None


def idempotency_key(model: str, slot: Slot) -> str:
    """That of the job of a slot. No caller can send it: a header has no line breaks."""
    return f"schedule\n{model.lower()}\n{slot.trigger}\n{slot.name}"


def _digest_of(files: list[DataFile]) -> str:
    """Tells whether there is the same at an address as before."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.uri}\n{file.size}\n{file.revision}\n".encode())
    return digest.hexdigest()
