"""What other processes do to a store: `python -m tests.contract.processes PLACE TASK ARGUMENT...`."""

import hashlib
import importlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import batched
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from ml_core.conflicts import NothingToRollBack
from ml_core.datasets.reopening import Reopening
from ml_core.datasets.sources import DataFile
from ml_core.errors import ModelNotFound, NameTaken, ObjectExists, RevisionMismatch, Unavailable
from ml_core.jobs.jobs import Jobs
from ml_core.jobs.trainer import run_job
from ml_core.monitoring.feedback import ID_LENGTH, Truth
from ml_core.monitoring.feedback import count as count_truths
from ml_core.monitoring.receipts import Receipts
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import Aliases, Terms
from ml_core.registry.registry import Registry
from ml_core.scoring.request import ScoringRequest
from ml_core.serving import Models
from tests.contract.backend import backend
from tests.contract.bench import quick_context
from tests.contract.faults import QUICK, Clock, FaultyStore, RememberingQueue
from tests.contract.places import Place

if TYPE_CHECKING:
    from ml_core.model.model import Model

JOB_OF_RECEIPTS = "a" * 28


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


def tell(store: ObjectStore, first: str, number: str) -> None:
    """Give a receipt, be told the truth of predictions of two days, and say what was counted."""
    minute = 20_000 * 24 * 60
    truths = [
        Truth(at.to_bytes(ID_LENGTH), minute + at % 2 * 24 * 60, 0, None, at // 2 % 2)
        for at in range(int(first), int(first) + int(number))
    ]
    _wait_for_the_start()
    (receipt,) = Receipts(store).of("iris", JOB_OF_RECEIPTS).make(1, minute, [(0, None)])
    taken = [
        count_truths(store, [(JOB_OF_RECEIPTS, each) for each in batch]) for batch in batched(truths, 10)
    ]
    counted, repeated = map(sum, zip(*taken, strict=True))
    print(json.dumps({"receipt": receipt, "counted": counted, "repeated": repeated}))


def register(store: ObjectStore, model: str, times: str) -> None:
    """Register versions of one model, and say which numbers the jobs got."""
    registry = Registry(store)
    _wait_for_the_start()
    numbers = {}
    for _ in range(int(times)):
        job = os.urandom(14).hex()
        numbers[job] = registry.register(model, job, sha256=job, size=1, algorithm="none")
    print(json.dumps(numbers))


def claim(store: ObjectStore, name: str, times: str) -> None:
    """Register a model's versions, and say how many were; none after another spelling was there."""
    registry, registered = Registry(store), 0
    _wait_for_the_start()
    for _ in range(int(times)):
        job = os.urandom(14).hex()
        with suppress(NameTaken):
            registry.register(name, job, sha256=job, size=1, algorithm="none")
            registered += 1
    print(registered)


def move(store: ObjectStore, model: str, times: str, seed: str) -> None:
    """Promote, roll back and share the alias production at random, and say which changes were done."""
    aliases, chance = Aliases(Registry(store)), random.Random(seed)  # noqa: S311
    me, name = Terms(by=f"{seed}-{os.getpid()}"), (model, "production")
    _wait_for_the_start()
    for _ in range(int(times)):
        version = chance.randint(1, 5)
        what = chance.choice(["promote", "share", "roll back"])
        if what == "promote":
            aliases.promote(*name, version, terms=me)
        elif what == "share":
            aliases.set(*name, {str(version): 90, str(version % 5 + 1): 10}, me)
        else:
            with suppress(NothingToRollBack):
                aliases.roll_back(*name, terms=me)
    mine = [change for change in aliases.history(*name, limit=1000).changes if change.by == me.by]
    print(json.dumps([change.number for change in mine]))


def follow(store: ObjectStore, model: str, until: str) -> None:
    """Serve a model without pause until it is that version, and say when it was."""
    models = Models(store, load=lambda data: cast("Model", SimpleNamespace(nbytes=len(data))))
    _wait_for_the_start()
    print(f"serving {models.resolve(model).version}", flush=True)
    while models.resolve(model).version != int(until):
        time.sleep(0.002)
    print(time.time())


def train(  # noqa: PLR0917 - words of a command
    store: ObjectStore, job_id: str, nth: str, moment: str, folder: str, ahead: str = "0"
) -> None:
    """Run a job, and be killed before or after the `nth` operation on the store, if there is one."""

    def killed(operation: Callable[[], object]) -> None:
        try:
            if moment == "after":
                operation()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    tempfile.tempdir = folder
    clock = Clock()
    clock.ahead = float(ahead)
    jobs = Jobs(FaultyStore(store, int(nth), killed), RememberingQueue(), clock)
    run_job(job_id, quick_context(jobs))


def train_on_a_small_disk(store: ObjectStore, job_id: str, folder: str) -> None:
    """Run a job where no file may hold more than some kilobytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    train(store, job_id, "0", "never", folder)


def work(store: ObjectStore, folder: str, *job_ids: str) -> None:
    """Run the jobs, again and again, until each is over."""
    tempfile.tempdir = folder
    waiting = list(job_ids)
    context = quick_context(Jobs(store, RememberingQueue()))._replace(intervals=QUICK._replace(lease=0.5))
    print("ready", flush=True)
    while waiting:
        job_id = waiting.pop(0)
        outcome = run_job(job_id, context)
        if outcome.defer is not None:
            waiting.append(job_id)
            time.sleep(0.02)


def promote(store: ObjectStore, model: str, alias: str, seed: str) -> None:
    """Point an alias at versions that exist, each time on the condition that nobody else did, until told."""
    registry, chance, written, lost = Registry(store), random.Random(seed), 0, 0  # noqa: S311 - chance
    aliases = Aliases(registry)
    over = threading.Event()
    _wait_for_the_start()

    def listen() -> None:
        sys.stdin.readline()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    while not (over.is_set() and written):  # whoever always lost the race writes when the others have stopped
        try:
            document = registry.model(model)
            etags = {each.alias: each.etag for each in document.aliases}
            known = Terms(by=seed, one_of=frozenset({etags[alias]})) if alias in etags else Terms(by=seed)
            aliases.set(model, alias, chance.choice(document.versions).version, known)
            written += 1
        except ModelNotFound:
            time.sleep(0.02)  # there is no version yet
        except (RevisionMismatch, Unavailable):  # somebody else wrote, or all of them at once
            lost += 1
    print(json.dumps([written, lost]))


def read_part(_store: ObjectStore, reopening: str, uri: str, size: str, revision: str) -> None:
    """Open the places that a reopening names, and say what is in a file of theirs."""
    data = Reopening(*json.loads(reopening)).open().data
    sys.stdout.write(data.part(DataFile(uri, int(size), revision), 0, int(size)).decode())


def score(_store: ObjectStore, reopening: str, request: str, job: str) -> None:
    """Score a table as the child process of a job does."""
    from tests.contract.scored_table import score_once

    score_once(Reopening(*json.loads(reopening)), ScoringRequest.from_bytes(request.encode()), job)


def write_result(_store: ObjectStore, reopening: str, uri: str, result: str) -> None:
    """Open the places that a reopening names, and write a result to one of them."""
    Reopening(*json.loads(reopening)).open().outputs.put_if_absent(uri, result.encode())


def _wait_for_the_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task
    for task in (
        claim,
        count,
        create,
        follow,
        move,
        overwrite,
        register,
        score,
        tell,
        train,
        train_on_a_small_disk,
        work,
        promote,
        read_part,
        write_result,
    )
}


def do_each_in_a_fork() -> None:
    """Do what the lines of standard input say, each in a copy of this process, which has imported all."""
    for line in sys.stdin:
        place, task, *arguments = json.loads(line)
        backend(place[0])
        importlib.import_module("obstore.store")
        if task == "score":
            importlib.import_module("ml_core.scoring.writing")
            importlib.import_module("ml_core.scanning.planning")
        pid = os.fork()
        if not pid:
            sys.stdin.close()
            TASKS[task](Place(*place).open(), *arguments)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        do_each_in_a_fork()
    else:
        _, place, task, *arguments = sys.argv
        TASKS[task](Place(*json.loads(place)).open(), *arguments)
