"""What measuring a model gives, whatever its task."""

from typing import Any, NamedTuple


class Measured(NamedTuple):
    """How good a model is on some rows, as JSON values: metrics, and what is too long to be among them."""

    metrics: dict[str, object]
    curves: list[dict[str, Any]]
