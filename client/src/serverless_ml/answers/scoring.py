"""A table that was scored: how much came of it, and the files that hold it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer, Listed


@dataclass(frozen=True, kw_only=True, repr=False)
class ScoreResult(Answer):
    """What came of a job that scores: rows predicted and rejected, and what was written.

    `uri` is the place that the request named; None for the deployment's own store.
    """

    rows: int
    rejected: int = 0
    files: int = 0
    bytes: int = 0
    uri: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Engine(Answer):
    """What did a job's work, in how many passes over how many parts, and why it was that one."""

    name: str
    passes: int | None = None
    parts: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class JobFile(Answer):
    """A file that a job wrote: `scores`, or `rejects` with rows that could not be predicted.

    It is read from `url` with `headers` until it `expires`, or where it is at a `uri` of its own, there.
    """

    picture: ClassVar[str] = "job_file"

    name: str
    kind: str
    rows: int
    size: int
    method: str = "GET"
    url: str | None = None
    headers: dict[str, Any] | None = None
    expires: datetime | None = None
    uri: str | None = None


class JobFiles(Listed[JobFile]):
    """The files of a job, by their names."""

    picture = "job_files"

    @classmethod
    def entry(cls, told: Any) -> JobFile:
        """One of them."""
        return JobFile.from_json(told)
