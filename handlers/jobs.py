"""What reaches the trainer: messages of a queue, the sweep's schedule, and requests to train at once."""

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from handlers.logs import log, log_unforeseen
from handlers.version import VERSION
from ml_core.datasets.datasets import DescriptionRequest, description_request
from ml_core.errors import InvalidInput, MalformedInput, ServerlessMLError, Unavailable
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.jobs import Job, Jobs, is_job_id
from ml_core.jobs.sweep import sweep
from ml_core.jobs.trainer import Outcome, fail_dead_lettered, run_job
from ml_core.names import check_name
from ml_core.registry.retention import DAY
from ml_core.sandbox.memory import FunctionMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.services import Services
    from handlers.tracing.tracing import Tracing
    from ml_core.registry.registry import Alias
    from ml_core.scheduling.schedules import StoredSchedule
    from ml_core.scheduling.triggers import Slot

MOST_FAILURES = 19  # of a message, before the one that makes it a dead letter
_SWEEP_SECONDS = 105.0  # after which a sweep begins to tell nobody any more: the function has 120
_TELLING_SECONDS = 15.0  # for notices, after a job and in a sweep
FAILED = 60.0  # seconds until a message comes again that failed for a reason that nobody foresaw


class NowQueue:
    """The queue of a job that is run where it is submitted: nothing has to be told to anyone."""

    def submit(self, job_id: str) -> None:
        """Send nothing."""

    def defer(self, job_id: str, seconds: float) -> None:
        """There are no deliveries."""

    def bury(self, message: str) -> None:
        """There are no messages."""


def job_of(message: str | bytes) -> str:
    """The id of the job that a message names.

    Raises:
        MalformedInput: the message is not `{"job": "<id>"}`.
    """
    try:
        job = json.loads(message)["job"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedInput("the message names no job") from error
    if not isinstance(job, str) or not (is_job_id(job) or description_request(job)):
        raise MalformedInput("the message names no job")
    return job


def receive(
    services: "Services",
    message: str,
    *,
    failures: int,
    deadline: float | None = None,
) -> float | None:
    """Work off a message; the seconds after which it has to come again, None for never.

    A message that names no job becomes a dead letter at once. One that fails for a reason that nobody foresaw
    becomes one when it has done so often, and its job says so. Until then the error is raised, so that
    the platform delivers it again.

    Args:
        services: of the cloud that delivered it.
        message: `{"job": "<id>"}`.
        failures: how often this message has failed before, as far as the platform knows.
        deadline: when the platform will end this process, in seconds since the epoch.
    """
    try:
        job_id = job_of(message)
    except MalformedInput as error:
        log("error", "dead letter", detail=str(error), bytes=len(message))
        services.queue.bury(message)
        return None
    return work_off(
        services, job_id, failures=failures, make_context=lambda: trainer_context(services, deadline)
    )


def work_off(
    services: "Services", job_id: str, *, failures: int, make_context: "Callable[[], TrainerContext]"
) -> float | None:
    """What `receive` does with a message that names a job. A context that cannot be made is a failure."""
    try:
        return deliver(services, job_id, make_context())
    except Exception as error:
        if failures < MOST_FAILURES:
            raise
        log_unforeseen(error, job=job_id)
        _give_up(services, job_id, failures + 1)
        services.queue.bury(json.dumps({"job": job_id}))
        return None


def _give_up(services: "Services", job_id: str, failures: int) -> None:
    """Have the job say that its message is a dead letter, if its document can still be written."""
    reason = f"{failures} deliveries failed for a reason that is in the service's log"
    try:
        job = fail_dead_lettered(job_id, services.jobs, services.registry, reason)
    except ServerlessMLError as error:
        log("error", "dead letter", job=job_id, detail=str(error))
    else:
        log("error", "dead letter", job=job_id, state=job.state if job else None)


def deliver(services: "Services", job_id: str, context: TrainerContext | None = None) -> float | None:
    """Run a job that was delivered; the seconds after which it has to be delivered again, None for never.

    Where it is another key's turn, a job of that key is run, and this one comes again at once.
    """
    asked = description_request(job_id)
    if asked is not None:
        _describe(services, asked)
        return None
    context = context or trainer_context(services)
    turn = _turn(services, job_id)
    instead = _run_instead(turn, context, services.tracing) if turn != job_id else None
    if instead is None:
        outcome = _run_logged(job_id, context, services.tracing)
        if outcome.job is not None and outcome.job.over:
            send_notices(services, _TELLING_SECONDS, context.deadline)
        return outcome.defer
    # Where the store failed, it would fail again at once.
    return 0.0 if instead.job else instead.defer or 0.0


def send_notices(services: "Services", seconds: float, deadline: float | None = None) -> int:
    """Tell of what happened, for so long at most; how many notices were told to all.

    What is not sent now is sent by a sweep. It never raises: a job that has ended has ended.
    """
    left = seconds if deadline is None else min(seconds, deadline - time.time() - _TELLING_SECONDS)
    if not services.tells or left <= 0:
        return 0
    from ml_core.notices.outbox import send_due

    until = time.monotonic() + left
    try:
        return send_due(services.store, services.senders, lambda: time.monotonic() < until).told
    except ServerlessMLError as error:
        log("error", "notices", detail=str(error))
    except Exception as error:  # noqa: BLE001 (see above)
        log_unforeseen(error, notices=True)
    return 0


def _turn(services: "Services", job_id: str) -> str:
    """Which job to run on the delivery of one; that one itself where the store does not say."""
    try:
        return services.turns.choose(services.jobs, job_id)
    except Unavailable as error:
        log("warning", "turn", job=job_id, detail=str(error))
        return job_id


def _run_instead(job_id: str, context: TrainerContext, tracing: "Tracing | None") -> Outcome | None:
    """Run a job whose own message has not come yet; None where that failed, which is counted when it does."""
    try:
        return _run_logged(job_id, context, tracing)
    except Exception as error:  # noqa: BLE001 (the message that came is about another job)
        log_unforeseen(error, job=job_id)
        return None


def _run_logged(job_id: str, context: TrainerContext, tracing: "Tracing | None") -> Outcome:
    """Run a job, with a line in the log of what became of it."""
    started = time.perf_counter()
    outcome = run_job(job_id, context) if tracing is None else tracing.job(run_job, job_id, context)
    job = outcome.job
    log(
        "info",
        "delivery",
        job=job_id,
        model=job.model if job else None,
        state=job.state if job else None,
        version=job.version if job else None,
        attempts=len(job.attempts) if job else None,
        latency_ms=round((time.perf_counter() - started) * 1000, 3),
        again_in=outcome.defer,
    )
    return outcome


def _describe(services: "Services", asked: DescriptionRequest) -> None:
    """Describe an upload. What the store keeps from being done is not tried again: who asks sends another."""
    from ml_core.datasets.describing import describe_upload

    noted = {"upload": asked.upload, "options": asked.digest or None}
    try:
        describe_upload(asked, services.store, services.data, memory_of(services))
    except Unavailable as error:
        log("warning", "describing", **noted, detail=str(error))
    else:
        log("info", "describing", **noted)


def sweep_once(services: "Services") -> dict[str, Any]:
    """Bring stray jobs back on their way, and remove what nobody needs; the counts of each."""
    from handlers.trainings import ScheduledTraining
    from ml_core.auditing.trail import Trail
    from ml_core.guarding.guards import Guards
    from ml_core.scheduling.running import Runner

    settings, began = services.settings, time.monotonic()
    trail = Trail(services.store) if settings.audit_days else None
    runner = Runner(
        services.schedules,
        services.jobs,
        services.registry,
        ScheduledTraining(services),
        trail=trail,
        guard=Guards(
            services.schedules,
            services.registry,
            trail=trail,
            tell=partial(_tell_of_alias, services) if services.tells else None,
        ).bring_on,
        tell=partial(_tell_of_refusal, services) if services.tells else None,
    )
    counts = sweep(
        services.jobs,
        services.registry,
        retention=settings.retention * DAY,
        monitoring_days=settings.monitoring_days,
        audit_days=settings.audit_days,
        data=services.data,
        schedules=runner.sweep,
    )._asdict()
    left = _SWEEP_SECONDS - (time.monotonic() - began)
    counts["notices"] = send_notices(services, min(_TELLING_SECONDS, left))
    log("info", "sweep", **counts)
    return counts


def _tell_of_alias(services: "Services", action: str, model: str, alias: "Alias") -> None:
    """Write a notice down of an alias that a guard moved. Raises `Unavailable`; the next sweep tells."""
    from ml_core.auditing.trail import SCHEDULE
    from ml_core.guarding.ladder import ROLL_BACK
    from ml_core.notices.events import PROMOTED, ROLLED_BACK, SET, alias_moved

    kind = ROLLED_BACK if action == ROLL_BACK else SET if alias.weights else PROMOTED
    alias_moved(services.store, kind, model, alias, SCHEDULE)


def _tell_of_refusal(services: "Services", stored: "StoredSchedule", slot: "Slot", code: str) -> None:
    """Write a notice down of a slot that is refused. Raises `Unavailable`; the next sweep tells."""
    from ml_core.notices.events import schedule_refused

    schedule_refused(services.store, stored.model, slot, code, stored.schedule.train)


def train_now(services: "Services", event: dict[str, Any], deadline: float | None = None) -> Job:
    """Train on `{"model": …, "algorithm": …, …}` in this process and return the finished job.

    Raises:
        InvalidInput: the event breaks the contract.
        NameTaken: a model's name differs from this one in case alone.
        BudgetRefused, BudgetSpent: the dataset's privacy budget is against it.
    """
    from ml_core.datasets.private_reading import DataUse
    from ml_core.training.reference import TableReference
    from ml_core.training.request import check_request

    body = dict(event)
    model = body.pop("model", None)
    if not isinstance(model, str):
        raise InvalidInput.at("$.model", "the name of the model is expected")
    check_name(model, "$.model")
    services.registry.check_spelling(model)
    jobs = Jobs(services.store, NowQueue())
    context = trainer_context(services, deadline)._replace(jobs=jobs)
    request = check_request(body, services.limits, services.data.check, seconds=context.allowed_seconds)
    data = request.data
    if isinstance(data, TableReference):
        services.private_reading.check(DataUse(data.uri, request.rho))
    job = jobs.submit(model, request.to_bytes(), request.summary())
    return run_job(job.id, context).job or job


def trainer_context(services: "Services", deadline: float | None = None) -> TrainerContext:
    """Where this process trains and under what conditions."""
    return TrainerContext(
        services.jobs,
        services.registry,
        services.data,
        memory_of(services),
        deadline=deadline,
        train_hours=services.settings.train_hours,
        release=VERSION,
        engines=services.engines,
        stores=services.reopening,
    )


def memory_of(services: "Services") -> FunctionMemory:
    """What the platform gives the train function."""
    megabytes = services.settings.train_memory
    return FunctionMemory(megabytes << 20 if megabytes else None, services.disk_is_memory)
