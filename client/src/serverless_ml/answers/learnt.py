"""What a version learnt, and of which rows."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer


@dataclass(frozen=True, kw_only=True, repr=False)
class Parameters(Answer):
    """What a version learnt, on the table's own columns and in their units.

    `kind` is `linear` (`decisions` with coefficients), `kernel` or `centres` (`clusters`).
    """

    picture: ClassVar[str] = "parameters"

    model: dict[str, Any]
    algorithm: str
    kind: str
    columns: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    clusters: list[dict[str, Any]] = field(default_factory=list)
    calibration: list[dict[str, Any]] | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Profile(Answer):
    """What the rows were like that a version was trained on: counts and means of at least 20 rows."""

    picture: ClassVar[str] = "profile"

    model: dict[str, Any]
    rows: int
    columns: list[dict[str, Any]] = field(default_factory=list)
    predicted: dict[str, Any] | None = None
