"""What the trainer does with an upload that somebody asks about: read it, and write down what it holds."""

import json
import logging
import os
import sys
from contextlib import suppress
from typing import Any, NamedTuple

from ml_core.datasets.datasets import DescriptionRequest, description_key, is_done, record_key
from ml_core.datasets.fetching import Fetching
from ml_core.datasets.looking import PLAIN, Look
from ml_core.datasets.sources import DataSources, upload_key
from ml_core.documents import Body, update
from ml_core.errors import InvalidInput, ObjectNotFound, TooLarge, Unavailable
from ml_core.ports import ObjectStore
from ml_core.privacy.budgets import has_budget
from ml_core.sandbox.child_process import ChildProcess
from ml_core.sandbox.memory import FunctionMemory
from ml_core.sandbox.scratch import scratch_folder
from ml_core.tables.readers import cannot_be_read

MOST_ATTEMPTS = 3
_LONGEST = 600.0  # seconds
_COMMAND = (sys.executable, "-m", "ml_core.datasets.describe_process")

UNBOUND = FunctionMemory()

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What a file holds or why it cannot be read, of which revision of the bytes, and their SHA-256.

    `faults` are what it has against what was said of it, each with `path` and `message`; `faults_omitted` of
    them are not told.
    """

    of: str
    sha256: str | None = None
    description: dict[str, Any] | None = None
    error: str | None = None
    faults: tuple[dict[str, str], ...] = ()
    faults_omitted: int = 0


def describe_upload(
    request: DescriptionRequest, store: ObjectStore, sources: DataSources, memory: FunctionMemory = UNBOUND
) -> None:
    """Read an upload and write down what it holds. Raises `Unavailable`. `memory` is this function's.

    An attempt is counted before it is made: a file that takes the whole trainer down, however often its
    message comes again, is called unreadable in the end. Each set of options has attempts of its own.
    """
    upload, key = request.upload, description_key(*request)
    try:
        name = json.loads(store.get(record_key(upload)).data)["dataset"]
        if has_budget(store, name):
            return  # it was set after this was asked
        revision = store.opened(upload_key(name, upload)).revision
        begun = _begin(store, key, revision, may_be_first=not request.digest)
    except ObjectNotFound:
        return  # nothing was uploaded, or it is gone, or nobody asks any more
    if is_done(begun, revision):
        return
    try:
        look = Look.of(begun.get("options", {}))
        found = _read(f"dataset://{name}/{upload}", sources, revision, memory, look)
    except Unavailable:
        _write(store, key, Found(revision), attempts=-1)  # it was not the file's fault
        raise
    if found is not None and not has_budget(store, name):
        _write(store, key, found)


def _begin(store: ObjectStore, key: str, revision: str, *, may_be_first: bool) -> Body:
    """Count an attempt, unless there is nothing to do any more; the document as it then is.

    Raises `ObjectNotFound` where there is none that says the options.
    """

    def change(body: Body | None) -> Body | None:
        if body is None and not may_be_first:
            return None
        same = body is not None and body["of"] == revision
        if body is not None and same and is_done(body, revision):
            return None
        attempts = body["attempts"] if body is not None and same else 0
        error = None
        if attempts >= MOST_ATTEMPTS:
            error = (
                f"reading the file ended the trainer {attempts} times; the log of its platform says why: use "
                "fewer rows or columns"
            )
        return {**(body or {}), **Found(revision, error=error)._asdict(), "attempts": attempts + 1}

    return update(store, key, change).body


def _write(store: ObjectStore, key: str, found: Found, attempts: int = 0) -> None:
    """Write what was found, unless the document is gone: then the upload is too, or nobody asks any more."""

    def change(body: Body | None) -> Body | None:
        if body is None:
            return None
        return {**body, **found._asdict(), "attempts": max(0, body["attempts"] + attempts)}

    with suppress(ObjectNotFound):
        update(store, key, change)


def _read(uri: str, sources: DataSources, revision: str, memory: FunctionMemory, look: Look) -> Found | None:
    """What the file at an address holds; None where it is gone, or the reader ended for another reason.

    Raises `Unavailable`.
    """
    with scratch_folder() as folder:
        fetching = Fetching(lambda: sources.open(uri), os.path.join(folder, "data"))
        try:
            for _ in fetching:
                pass
        except InvalidInput:
            return None
        except TooLarge as error:
            return Found(revision, error=str(error))
        assert fetching.fetched is not None  # noqa: S101  # for the type checker: it was iterated to its end
        lineage = fetching.fetched.lineage
        told = _described_apart(uri, fetching.fetched.path, memory.left(lineage["size"]) or 0, look)
    if told is None:
        return None
    told.pop("traceback", None)
    return Found(lineage["revision"], lineage["sha256"], **told)


def _described_apart(uri: str, path: str, memory: int, look: Look = PLAIN) -> dict[str, Any] | None:
    """The description of a file, made in a process of its own: what a hostile file does happens there.

    None when that process ended before it came to the file, or was killed from outside: the attempt counts.
    What `look` says goes beside the file: it may be longer than an argument can be.
    """
    options = f"{path}.options"
    with open(options, "w", encoding="ascii") as file:
        json.dump(look.said(), file)
    said: list[bytes] = []
    command = [*_COMMAND, path, options, str(memory), *filter(None, sys.path)]
    with ChildProcess(command, said.append) as child:
        if not child.ended.wait(_LONGEST):
            return _unreadable("reading the file took too long")
        death = child.death
    if death.said:
        log.error("describing %s: the process's last output:\n%s", uri, "\n".join(death.said))
    if death.status:
        log.error("describing %s: the process %s", uri, death.how)
        if death.lacked_memory(memory or None):
            return _unreadable("reading the file takes more memory than the trainer has")
        is_files_fault = said and not death.killed
        return _unreadable(cannot_be_read(f"the reader {death.how}")) if is_files_fault else None
    described: dict[str, Any] = json.loads(said[-1])
    if described["traceback"]:
        log.error("describing %s: the reader failed\n%s", uri, described["traceback"])
    return described


def _unreadable(reason: str) -> dict[str, Any]:
    return {"description": None, "error": reason}
