"""What notices tell of: ids, names and numbers of what happened; no value of a row, no text of an error."""

from typing import TYPE_CHECKING

from ml_core.notices.outbox import put

if TYPE_CHECKING:
    from ml_core.jobs.jobs import Job
    from ml_core.ports import ObjectStore
    from ml_core.registry.registry import Alias

SET, PROMOTED, ROLLED_BACK, DELETED = "alias.set", "alias.promoted", "alias.rolled_back", "alias.deleted"


def job_ended(store: "ObjectStore", job: "Job") -> None:
    """Write down that a job has succeeded, failed or was cancelled. Raises `Unavailable`."""
    data = {
        "job": job.id,
        "kind": job.request.get("kind") or "train",
        "model": job.model,
        "version": job.version,
        "submitter": job.submitter,
        "error": job.error["code"] if job.error else None,
    }
    put(store, f"job.{job.state}", data, once=job.id)


def alias_moved(store: "ObjectStore", kind: str, model: str, alias: "Alias", by: str | None) -> None:
    """Write down that an alias points elsewhere, and how: `SET`, `PROMOTED` or `ROLLED_BACK`.

    Raises `Unavailable`.
    """
    data = {
        "model": model,
        "alias": alias.alias,
        "version": alias.version,
        "weights": alias.weights,
        "by": by,
    }
    put(store, kind, data)


def alias_deleted(store: "ObjectStore", model: str, alias: str, by: str | None) -> None:
    """Write down that an alias is gone. Raises `Unavailable`."""
    put(store, DELETED, {"model": model, "alias": alias, "version": None, "weights": None, "by": by})
