"""What notices tell of: ids, names and numbers of what happened; no value of a row, no text of an error."""

from typing import TYPE_CHECKING, Any

from ml_core.conflicts import BudgetSpent
from ml_core.notices.outbox import put
from ml_core.registry.origins import uploaded

if TYPE_CHECKING:
    from ml_core.jobs.jobs import Job
    from ml_core.ports import ObjectStore
    from ml_core.registry.registry import Alias
    from ml_core.scheduling.triggers import Slot

SET, PROMOTED, ROLLED_BACK, DELETED = "alias.set", "alias.promoted", "alias.rolled_back", "alias.deleted"
_REFUSED, _SPENT = "schedule.refused", "budget.spent"


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
    if data["error"] == BudgetSpent.code:
        _budget_spent(store, job.model, job.request.get("data"), job.id, once=job.id)


def schedule_refused(
    store: "ObjectStore", model: str, slot: "Slot", code: str, train: dict[str, Any]
) -> None:
    """Write down that a run of a schedule was refused, with the code of the error; once for a slot.

    `train` is the training that the schedule asks for. Raises `Unavailable`.
    """
    once = f"{model.lower()}\n{slot.trigger}\n{slot.name}"
    data = {"model": model, "trigger": slot.trigger, "slot": slot.name, "error": code}
    put(store, _REFUSED, data, once=once)
    if code == BudgetSpent.code:
        _budget_spent(store, model, train.get("data"), None, once=once)


def _budget_spent(store: "ObjectStore", model: str, data: Any, job: str | None, *, once: str) -> None:  # noqa: ANN401 - JSON
    """Write down that a dataset's privacy budget did not pay for a training."""
    upload = uploaded(data.get("uri")) if isinstance(data, dict) else None
    dataset = None if upload is None else upload.dataset
    put(store, _SPENT, {"model": model, "dataset": dataset, "job": job}, once=once)


def alias_moved(store: "ObjectStore", kind: str, model: str, alias: "Alias", by: str | None) -> None:
    """Write down that an alias points elsewhere, and how: `SET`, `PROMOTED` or `ROLLED_BACK`.

    There is one notice of each write of it. Raises `Unavailable`.
    """
    data = {
        "model": model,
        "alias": alias.alias,
        "version": alias.version,
        "weights": alias.weights,
        "by": by,
    }
    put(store, kind, data, once=alias.etag)


def alias_deleted(store: "ObjectStore", model: str, alias: str, by: str | None) -> None:
    """Write down that an alias is gone. Raises `Unavailable`."""
    put(store, DELETED, {"model": model, "alias": alias, "version": None, "weights": None, "by": by})
