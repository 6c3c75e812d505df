"""What was predicted: traffic, drift and live accuracy."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer


@dataclass(frozen=True, kw_only=True, repr=False)
class Monitoring(Answer):
    """What a version was asked, and how far that is from what it was trained on.

    `state` is `drifted` if anything is; `drifted` names the columns.
    """

    picture: ClassVar[str] = "monitoring"

    model: dict[str, Any]
    state: str
    monitoring: dict[str, Any] = field(default_factory=dict)
    window: dict[str, Any] = field(default_factory=dict)
    requests: int = 0
    refused: int = 0
    errors: int = 0
    latency: dict[str, Any] = field(default_factory=dict)
    predicted: int = 0
    counted: int = 0
    drifted: list[str] = field(default_factory=list)
    expected_accuracy: float | None = None
    feedback: dict[str, Any] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)
    predictions: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, repr=False)
class AliasMonitoring(Answer):
    """The versions that share an alias's traffic, side by side."""

    picture: ClassVar[str] = "alias_monitoring"

    model: dict[str, Any]
    alias: str
    monitoring: dict[str, Any] = field(default_factory=dict)
    window: dict[str, Any] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, repr=False)
class FeedbackCounts(Answer):
    """How many receipts are counted now, and how many had been before."""

    picture: ClassVar[str] = "feedback"

    counted: int
    repeated: int
