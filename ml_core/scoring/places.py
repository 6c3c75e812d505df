"""What a job that scores writes, and under which names.

    part-00000.parquet      the predictions of a part of the table, or part-00000.csv
    rejects-00000.csv       which of its rows have none, and why; only where there are some
    counts/00000000.json    how many rows these are: put last, so that what it counts is there

They stand below `scores/{job}/` in the deployment's own store. Where the request names another place, the
first two stand there in a folder named by the job, and only the counts are in the own store. Each is written
once: of several attempts at a part, or of an engine's repetitions, the first counts.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ml_core.errors import ObjectExists, ObjectNotFound
from ml_core.ports import ObjectStore, every_object

if TYPE_CHECKING:
    from ml_core.datasets.reopening import Stores
    from ml_core.scoring.request import ScoringRequest

PREFIX = "scores/"
_COUNTS = "counts/"
_DIGITS = 8
_READERS = 8  # at a time
_LEAST_DIGITS = 5  # in names of files


class PartCounts(NamedTuple):
    """What was written of one part: rows with predictions and without, and the two files' bytes."""

    rows: int
    rejected: int
    size: int
    rejects_size: int

    def to_bytes(self) -> bytes:
        """The counts as JSON."""
        return json.dumps(self._asdict()).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "PartCounts":
        """The counts that `to_bytes` wrote."""
        return cls(**json.loads(stored))


class ScorePlace:
    """Where one job's files are written.

    Args:
        stores: the deployment's own, and where else may be written.
        request: what is scored.
        job: the job's id.
    """

    def __init__(self, stores: "Stores", request: "ScoringRequest", job: str) -> None:
        self._stores = stores
        self._request = request
        self._job = job

    def counts(self, part: int) -> PartCounts | None:
        """What was written of a part; None while that is not all. Raises `Unavailable`."""
        return _counts(self._stores.store, self._job, part)

    def write(self, part: int, scores: bytes, rejects: bytes, *, rows: int, rejected: int) -> PartCounts:
        """Write what there is of a part; the counts of what is there then. Raises `Unavailable`."""
        rejects_size = self._put(rejects_name(part), rejects) if rejects else 0
        size = self._put(scores_name(part, self._request.written), scores)
        counts = PartCounts(rows, rejected, size, rejects_size)
        with suppress(ObjectExists):
            self._stores.store.put_if_absent(counts_key(self._job, part), counts.to_bytes())
        return counts

    def _put(self, name: str, data: bytes) -> int:
        """Write a file once; its size, or that of the one that is there."""
        to = self._request.to
        if to is not None:
            uri = f"{to}{self._job}/{name}"
            try:
                self._stores.outputs.put_if_absent(uri, data)
            except ObjectExists:
                return self._stores.outputs.size(uri)
            return len(data)
        key = file_key(self._job, name)
        try:
            self._stores.store.put_if_absent(key, data)
        except ObjectExists:
            return self._stores.store.opened(key).size
        return len(data)


def scores_name(part: int, written: str) -> str:
    """The file of a part's predictions."""
    return f"part-{part:0{_LEAST_DIGITS}d}.{written}"


def rejects_name(part: int) -> str:
    """The file of the rows of a part that have none."""
    return f"rejects-{part:0{_LEAST_DIGITS}d}.csv"


def folder_of(job: str) -> str:
    """What the keys of a job's files begin with."""
    return f"{PREFIX}{job}/"


def file_key(job: str, name: str) -> str:
    """Where a file is kept in the deployment's own store."""
    return f"{folder_of(job)}{name}"


def counts_key(job: str, part: int) -> str:
    """Where a part's counts are kept."""
    return f"{counts_folder(job)}{part:0{_DIGITS}d}.json"


def counts_folder(job: str) -> str:
    """What the keys of all counts of a job begin with."""
    return f"{folder_of(job)}{_COUNTS}"


def parts_done(store: ObjectStore, job: str) -> Iterator[int]:
    """The parts of which everything is written, in order. Raises `Unavailable`."""
    for found in every_object(store, counts_folder(job)):
        yield part_of(found.key)


def counts_of(store: ObjectStore, job: str, parts: Sequence[int]) -> list[PartCounts | None]:
    """The counts of several parts, some read at a time; None for one without. Raises `Unavailable`."""
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(partial(_counts, store, job), parts))


def _counts(store: ObjectStore, job: str, part: int) -> PartCounts | None:
    try:
        return PartCounts.from_bytes(store.get(counts_key(job, part)).data)
    except ObjectNotFound:
        return None


def part_of(key: str) -> int:
    """The part whose counts have that key."""
    return int(key.rpartition("/")[2].removesuffix(".json"))
