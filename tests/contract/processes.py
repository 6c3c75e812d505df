"""What other processes do to a store: `python -m tests.contract.processes PLACE TASK ARGUMENT...`."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable

from ml_core.errors import ObjectExists, RevisionMismatch
from ml_core.jobs import Jobs
from ml_core.ports import ObjectStore
from ml_core.registry import Registry
from ml_core.trainer import run_job
from tests.contract.faults import QUICK, QUICK_FIT, FaultyStore, RememberingQueue
from tests.contract.places import Place


def count(store: ObjectStore, key: str, times: str) -> None:
    """Add one to the number in an object, again and again, by compare-and-swap alone."""
    _wait_for_the_start()
    for _ in range(int(times)):
        while True:
            found = store.get(key)
            try:
                store.put_if_unchanged(key, b"%d" % (int(found.data) + 1), found.revision)
                break
            except RevisionMismatch:
                continue


def create(store: ObjectStore, folder: str, times: str) -> None:
    """Try to be the first to write each of some objects, and say which ones it was."""
    _wait_for_the_start()
    won = []
    for number in range(int(times)):
        try:
            store.put_if_absent(f"{folder}/{number}", b"%d" % os.getpid())
            won.append(number)
        except ObjectExists:
            continue
    print(json.dumps(won))


def overwrite(store: ObjectStore, key: str) -> None:
    """Replace an object with contents that prove themselves whole, without end."""
    print("ready", flush=True)
    while True:
        data = os.urandom(200_000)
        store.write_stream(key, (data, hashlib.sha256(data).digest()))
        found = store.get(key)
        try:
            store.put_if_unchanged(key, data + hashlib.sha256(data).digest(), found.revision)
        except RevisionMismatch:
            continue


def register(store: ObjectStore, model: str, times: str) -> None:
    """Register versions of one model, and say which numbers the jobs got."""
    registry = Registry(store)
    _wait_for_the_start()
    numbers = {}
    for _ in range(int(times)):
        job = os.urandom(14).hex()
        numbers[job] = registry.register(model, job, sha256=job, size=1, algorithm="none")
    print(json.dumps(numbers))


def train(store: ObjectStore, job_id: str, nth: str, moment: str) -> None:
    """Run a job, and be killed before or after the `nth` operation on the store."""

    def killed(operation: Callable[[], object]) -> None:
        try:
            if moment == "after":
                operation()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    jobs = Jobs(FaultyStore(store, int(nth), killed), RememberingQueue())
    run_job(job_id, jobs, Registry(jobs.store), fit_command=QUICK_FIT, pace=QUICK)


def _wait_for_the_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task for task in (count, create, overwrite, register, train)
}

if __name__ == "__main__":
    _, place, task, *arguments = sys.argv
    TASKS[task](Place(*json.loads(place)).open(), *arguments)
