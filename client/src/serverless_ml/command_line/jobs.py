"""Jobs: how far they are, what became of them, and how to stop one."""

from typing import TYPE_CHECKING, Annotated

import typer

from serverless_ml.command_line.frame import command
from serverless_ml.command_line.models import Limit
from serverless_ml.command_line.session import Session
from serverless_ml.command_line.showing import show_members, show_table
from serverless_ml.command_line.training import OnInterrupt

if TYPE_CHECKING:
    from serverless_ml.answers import Job

PANEL = "Jobs"
Id = Annotated[str, typer.Argument(metavar="JOB", help="A job's id, as `train` and `jobs` tell it.")]


@command(
    "jobs",
    panel=PANEL,
    examples="""
serverless-ml jobs
serverless-ml jobs --model churn --state running
serverless-ml jobs --limit 10 --json
""",
)
def jobs(
    session: Session,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="Only queued, running, succeeded, failed or cancelled ones."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of one model.")] = None,
    limit: Limit = 50,
) -> None:
    """List the jobs, the newest first.

    In a pipe a line is: id, model, state, phase, percentage, version, when it was sent.
    """
    with session.client() as client:
        found = client.jobs(state=state, model=model, limit=limit)
    listed = [each.raw for each in found]
    rows = [
        (
            each["id"],
            each["model"],
            each["state"],
            each.get("phase"),
            each.get("percentage"),
            each.get("version"),
            each.get("created"),
        )
        for each in listed
    ]
    columns = ("job", "model", "state", "phase", "%", "version", "created")
    show_table(session, listed, columns, rows, picture=found, empty="no jobs")


@command("job", panel=PANEL, examples="serverless-ml job fe5df5b1c2722bc3b6e237ab323d --wait")
def job(
    session: Session,
    id: Id,  # noqa: A002  the argument's name
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it is over, and show the version.")
    ] = False,
    on_interrupt: OnInterrupt = "leave",
) -> None:
    """Show a job, or wait for it. With --wait, one that fails is exit code 5."""
    from serverless_ml.command_line.waiting import check_on_interrupt, waited

    check_on_interrupt(on_interrupt)
    with session.client() as client:
        waited(session, client.job(id), wait=wait, on_interrupt=on_interrupt)


@command("cancel", panel=PANEL, examples="serverless-ml cancel fe5df5b1c2722bc3b6e237ab323d")
def cancel(session: Session, id: Id) -> None:  # noqa: A002
    """Cancel a job. One that is over stays as it is."""
    with session.client() as client:
        record = client.job(id).cancel()
    show_job(session, record)


def show_job(session: Session, job: "Job") -> None:
    """Show a job; why one failed is among it."""
    raw = job.raw
    error = raw.get("error") or {}
    members = [
        ("job", raw["id"]),
        ("model", raw["model"]),
        ("state", raw["state"]),
        ("cancelling", True if raw.get("cancelling") else None),
        ("phase", raw.get("phase")),
        ("percentage", raw.get("percentage")),
        ("version", raw.get("version")),
        ("created", raw.get("created")),
        ("finished", raw.get("finished")),
        ("rows", (raw.get("result") or {}).get("rows")),
        ("rejected", (raw.get("result") or {}).get("rejected")),
        ("engine", (raw.get("engine") or {}).get("name")),
        ("error", error.get("message")),
    ]
    show_members(session, raw, [(name, value) for name, value in members if value is not None], picture=job)
