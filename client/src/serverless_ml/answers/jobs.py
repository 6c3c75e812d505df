"""Jobs: how far each is, and what came of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer, Listed
from serverless_ml.answers.scoring import Engine, ScoreResult
from serverless_ml.errors import Fault

OVER = frozenset(("succeeded", "failed", "cancelled"))


@dataclass(frozen=True, kw_only=True, repr=False)
class JobError(Answer):
    """Why a job failed, and what to do."""

    code: str
    message: str
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class Attempt(Answer):
    """One try of a trainer at a job."""

    started: datetime
    ended: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    times: int = 1


@dataclass(frozen=True, kw_only=True, repr=False)
class Job(Answer):
    """A job. `state` is `queued`, `running`, `succeeded`, `failed` or `cancelled`."""

    picture: ClassVar[str] = "job"

    id: str
    model: str
    state: str
    phase: str | None = None
    percentage: float | None = None
    version: int | None = None
    metrics: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    error: JobError | None = None
    attempts: tuple[Attempt, ...] = ()
    request: dict[str, Any] = field(default_factory=dict)
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    cancelling: bool = False
    submitter: str | None = None
    result: ScoreResult | None = None
    engine: Engine | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in OVER

    @property
    def scores(self) -> bool:
        """Whether it scores a table; else a version comes of it."""
        return self.request.get("kind") == "score"


class Jobs(Listed[Job]):
    """Jobs, the newest first."""

    picture = "jobs"

    @classmethod
    def entry(cls, told: Any) -> Job:
        """One of them."""
        return Job.from_json(told)
