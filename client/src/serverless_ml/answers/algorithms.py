"""What can be trained."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer, Listed


@dataclass(frozen=True, kw_only=True, repr=False)
class Algorithm(Answer):
    """An algorithm: what it takes, and its hyperparameters as JSON Schema."""

    picture: ClassVar[str] = "algorithm"

    name: str
    title: str = ""
    task: str = ""
    summary: str = ""
    takes: list[str] = field(default_factory=list)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    private_hyperparameters: list[str] | None = None
    available: bool = True


class Algorithms(Listed[Algorithm]):
    """The algorithms of a service."""

    picture = "algorithms"

    @classmethod
    def entry(cls, told: Any) -> Algorithm:
        """One of them."""
        return Algorithm.from_json(told)
