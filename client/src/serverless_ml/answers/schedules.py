"""Schedules: when a model is trained again by itself."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer


@dataclass(frozen=True, kw_only=True, repr=False)
class ScheduledRun(Answer):
    """What became of one reason to train.

    `outcome` is `started`, `unchanged`, `refused`, `too_many`, `too_soon` or `most_a_day`. `ended` is the
    state in which the job ended, and `version` what it registered.
    """

    trigger: str
    slot: str
    at: datetime
    outcome: str
    job: str | None = None
    reason: str | None = None
    ended: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Schedule(Answer):
    """When a model is trained again by itself, on what, and what became of it; runs newest first.

    `writer` is the id of the key that wrote it: a run may do what this key may. `next` is when the next slot
    of `every` begins.
    """

    picture: ClassVar[str] = "schedule"

    model: str
    etag: str
    train: dict[str, Any]
    updated: datetime
    every: str | None = None
    on: list[str] = field(default_factory=list)
    at_most_every: str | None = None
    most_a_day: int = 0
    alias: str = "production"
    promote: dict[str, Any] | None = None
    rollback: dict[str, Any] | None = None
    paused: bool = False
    writer: str | None = None
    next: datetime | None = None
    runs: tuple[ScheduledRun, ...] = ()
    guard: dict[str, Any] | None = None
