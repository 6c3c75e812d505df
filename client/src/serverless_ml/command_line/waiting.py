"""Waits for jobs, says how far they are, and does on Ctrl-C what it was told to do."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from serverless_ml.command_line.exits import CommandError, Interrupted
from serverless_ml.command_line.progress_line import Line
from serverless_ml.command_line.session import Session
from serverless_ml.errors import NotConnected, ServiceError

if TYPE_CHECKING:
    from serverless_ml import JobHandle
    from serverless_ml.answers import Job

CANCEL, LEAVE = "cancel", "leave"
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24


def check_on_interrupt(said: str) -> None:
    """Raises `CommandError` for what Ctrl-C cannot do."""
    if said not in (CANCEL, LEAVE):
        raise CommandError(f"--on-interrupt: expected {CANCEL} or {LEAVE}, got {said!r}")


def submitted[Handle: "JobHandle"](model: str, send: Callable[[], Handle]) -> Handle:
    """Send a request for a job. Raises `Interrupted`, and whatever sending raises."""
    try:
        job = send()
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted while the job was being sent; "
            f"`serverless-ml jobs --model {model}` shows whether it began"
        ) from None
    return job


def waited(session: Session, job: "JobHandle", *, wait: bool, on_interrupt: str) -> None:
    """Wait for a job and show what comes of it; without `wait` show the job.

    Raises the same as `succeeded`.
    """
    if not succeeded(session, job, wait=wait, on_interrupt=on_interrupt):
        return
    from serverless_ml import ScoringHandle

    if isinstance(job, ScoringHandle):
        from serverless_ml.command_line.scores import show_scores

        show_scores(session, job.result(), None, force=False)
        return
    from serverless_ml.command_line.describing import show_version
    from serverless_ml.command_line.showing import on_terminal

    version = job.result()
    if session.json or not on_terminal():  # a version that draws itself has them
        for warning in version.warnings:
            session.say(f"warning: {warning}")
    show_version(session, version)


def succeeded(session: Session, job: "JobHandle", *, wait: bool, on_interrupt: str) -> bool:
    """Wait until a job has succeeded; without `wait` show it, and answer False.

    Raises:
        Interrupted: Ctrl-C, after the job was cancelled or left.
        JobFailed, JobCancelled: it did not.
    """
    line = Line(session)
    try:
        # Within, since they take a while: whoever interrupts then is told of the job too.
        from serverless_ml.command_line.jobs import show_job

        if not wait:
            show_job(session, job.record)
            return False
        session.say(f"job {job.id} is {job.state}")
        job.over_at_last(None, on_interrupt=LEAVE, seen=lambda record: line.show(how_far(record)))
    except KeyboardInterrupt:
        line.clear()
        raise Interrupted(_after_interrupt(job, on_interrupt)) from None
    finally:
        line.clear()
    job.check_succeeded()
    return True


def _after_interrupt(job: "JobHandle", on_interrupt: str) -> str:
    """What became of the job, after it was cancelled where that is wanted."""
    look = f"`serverless-ml job {job.id}` shows it"
    if on_interrupt == LEAVE:
        return f"interrupted: job {job.id} goes on; {look}"
    try:
        record = job.cancel()
    except KeyboardInterrupt:
        return f"interrupted twice: job {job.id} may go on; {look}"
    except (NotConnected, ServiceError) as error:
        return f"interrupted: job {job.id} could not be cancelled ({error}) and goes on; {look}"
    if record.over and record.state != "cancelled":
        return f"interrupted: job {job.id} had {record.state} already; {look}"
    return f"interrupted: job {job.id} is cancelled"


def how_far(job: "Job") -> str:
    """A job in a line: its phase, how much of it is done, and of epochs how the loss went."""
    said = [job.model, job.phase or job.state]
    if job.percentage is not None:
        said.append(f"{job.percentage:.0f} %")
    history: list[dict[str, Any]] = (job.metrics or {}).get("history") or []
    if history:
        said.append(epochs(history))
    return "  ".join(said)


def epochs(history: list[dict[str, Any]]) -> str:
    """The newest epoch, and the curve of the loss: of rows held back where there are any."""
    last = history[-1]
    name = "validation_loss" if last.get("validation_loss") is not None else "loss"
    values = [each[name] for each in history if isinstance(each.get(name), int | float)]
    metrics = "  ".join(
        f"{key} {value:.4g}"
        for key, value in last.items()
        if key not in ("done", "of") and isinstance(value, int | float)
    )
    return f"{last.get('done')} of {last.get('of')}  {metrics}  {curve(values)}".rstrip()


def curve(values: list[float]) -> str:
    """Numbers as bars of a height each, in at most 24 places."""
    if not values:
        return ""
    step = max(1, -(-len(values) // _WIDTH))
    shown = values[::-1][::step][::-1]
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in shown)
