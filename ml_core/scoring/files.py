"""The files that a job has written, as a list: those of parts that are done, in the parts' order."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, Protocol

from ml_core.errors import InvalidInput, shown
from ml_core.ports import ObjectStore, every_object
from ml_core.scoring.places import (
    PartCounts,
    counts_folder,
    counts_key,
    counts_of,
    file_key,
    part_of,
    rejects_name,
    scores_name,
)
from ml_core.scoring.request import KIND

SCORES, REJECTS = "scores", "rejects"


class ScoringJob(Protocol):
    """A job, of whatever kind."""

    @property
    def id(self) -> str:
        """Under which its files are kept."""

    @property
    def request(self) -> Mapping[str, Any]:
        """What it tells of its request."""


class ScoredFile(NamedTuple):
    """A file: its rows and bytes, and its key in the deployment's own store, or its address elsewhere."""

    name: str
    kind: str
    rows: int
    size: int
    key: str | None
    uri: str | None


class FilesPage(NamedTuple):
    """Part of a job's files; `next_after` continues it, None ends it."""

    files: list[ScoredFile]
    next_after: str | None


_NAME = re.compile(r"(part|rejects)-(\d{5,8})\.(?:parquet|csv)")


def scored_files(store: ObjectStore, job: ScoringJob, *, limit: int, after: str | None = None) -> FilesPage:
    """At most `limit` files behind the one that is named; of a job that is under way those that are done.

    There are none of a job of another kind, or of one whose files are gone. Raises `InvalidInput` (`after`),
    `Unavailable`.
    """
    if job.request.get("kind") != KIND:
        return FilesPage([], None)
    begin, part = None, 0
    if after is not None:
        found = _NAME.fullmatch(after)
        if found is None:
            raise InvalidInput.at("after", f"expected the name of one of the job's files, got {shown(after)}")
        part = int(found[2]) + (found[1] == "rejects")
        begin = counts_key(job.id, part - 1) if part else None
    listed = islice(every_object(store, counts_folder(job.id), begin), limit + 2)
    parts = [part_of(each.key) for each in listed]
    files = [
        file
        for each, counts in zip(parts, counts_of(store, job.id, parts), strict=True)
        if counts is not None
        for file in _files_of(job, each, counts)
        if file.name != after
    ]
    page = files[:limit]
    return FilesPage(page, page[-1].name if len(files) > limit else None)


def _files_of(job: ScoringJob, part: int, counts: PartCounts) -> Iterator[ScoredFile]:
    to = job.request.get("to")

    def file(name: str, kind: str, rows: int, size: int) -> ScoredFile:
        if to is None:
            return ScoredFile(name, kind, rows, size, file_key(job.id, name), None)
        return ScoredFile(name, kind, rows, size, None, f"{to['uri']}{job.id}/{name}")

    yield file(scores_name(part, job.request["format"]), SCORES, counts.rows, counts.size)
    if counts.rejects_size:
        yield file(rejects_name(part), REJECTS, counts.rejected, counts.rejects_size)
