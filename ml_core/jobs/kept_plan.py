"""The plan of the table that a job reads in parts: made at its first look, and the same for every attempt."""

from collections.abc import Callable

from ml_core.errors import ObjectExists, ObjectNotFound
from ml_core.jobs.jobs import plan_key
from ml_core.ports import ObjectStore
from ml_core.scanning.plan import Plan


def kept_plan(store: ObjectStore, job_id: str, make: Callable[[], Plan]) -> Plan:
    """The job's plan; the first that is made is kept. Raises `Unavailable`, and what making one does."""
    key = plan_key(job_id)
    try:
        return Plan.from_bytes(store.get(key).data)
    except ObjectNotFound:
        plan = make()
    try:
        store.put_if_absent(key, plan.to_bytes())
    except ObjectExists:  # another attempt's, or this one's own, whose answer was lost
        return Plan.from_bytes(store.get(key).data)
    return plan
