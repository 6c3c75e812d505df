"""Any number of jobs that are over, as the trainer leaves them or left them before there were marks."""

import json
from collections.abc import Iterator

from ml_core.documents import timestamp
from ml_core.jobs.jobs import SUCCEEDED, Jobs, job_key, oldest_id
from ml_core.jobs.marks import ended_key
from tests.contract.faults import RememberingQueue
from tests.counting_store import CountingStore


def past_jobs(
    count: int, now: float, *, seconds: float, marked: bool, state: str = SUCCEEDED
) -> Iterator[tuple[str, bytes]]:
    """The objects of `count` jobs that ended one after the other within the last `seconds`.

    All documents are the same bytes, whatever the ids are: they take no memory, and nobody looks.
    """
    store = CountingStore()
    made = Jobs(store, RememberingQueue()).submit("past", b"{}", {"algorithm": "kmeans"})
    body = json.loads(store.get(job_key(made.id)).data)
    finished = {"state": state, "started": timestamp(now), "finished": timestamp(now)}
    document = json.dumps({**body, **finished}).encode()
    for number in range(count):
        created = now - seconds * (number + 1) / count
        job_id = f"{oldest_id(created)[:12]}{'0' * 4}{number:012x}"
        yield job_key(job_id), document
        if marked:
            yield ended_key(job_id, state), b"{}"
