"""How far the sweeps have come: a small document, so that each goes on where the last one stopped."""

from typing import NamedTuple

from ml_core.documents import Body, read, replace_damaged
from ml_core.errors import DocumentDamaged, ObjectNotFound
from ml_core.ports import ObjectStore

_KEY = "sweeps/progress.json"


class SweepProgress(NamedTuple):
    """Where the next sweep goes on; None is at the beginning.

    Args:
        all_marked: whether every job of the store was looked at once, so that the marks tell of all.
        looked_at: the id of the job up to which the present round of looks has come.
        open_job: the id of the open job at which time ran out.
        idempotency: the key up to which records of Idempotency-Keys were looked at.
        counts: the key up to which a day's look at the counts of predictions has come.
        counts_looked: the last day on which all of them were looked at.
        schedule: the key of the schedule at which time ran out.
    """

    all_marked: bool = False
    looked_at: str | None = None
    open_job: str | None = None
    idempotency: str | None = None
    counts: str | None = None
    counts_looked: str | None = None
    schedule: str | None = None


def read_progress(store: ObjectStore) -> SweepProgress:
    """How far the sweeps have come; at the beginning where there was none. Raises `Unavailable`."""
    try:
        body = read(store, _KEY).body
        return SweepProgress(**{name: body[name] for name in SweepProgress._fields if name in body})
    except (ObjectNotFound, DocumentDamaged):
        return SweepProgress()


def write_progress(store: ObjectStore, progress: SweepProgress) -> None:
    """Remember it; of two sweeps at once the later one counts. Raises `Unavailable`."""

    def change(body: Body | None) -> Body:
        return {**(body or {}), **progress._asdict()}

    replace_damaged(store, _KEY, change)
