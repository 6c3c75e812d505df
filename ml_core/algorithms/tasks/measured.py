"""What measuring a model gives, whatever its task."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Measured(NamedTuple):
    """How good a model is on some rows, as JSON values: metrics, and what is too long to be among them.

    `values` is what it said of them: "label", class or cluster numbers, and "probability" where it gives any.
    """

    metrics: dict[str, object]
    curves: list[dict[str, Any]]
    values: "dict[str, NDArray[Any]]"

    @classmethod
    def of(
        cls, metrics: dict[str, object], curves: list[dict[str, Any]], found: "dict[str, NDArray[Any]]"
    ) -> "Measured":
        """What was measured; of what was `found` it keeps labels and probabilities."""
        kept = {name: values for name, values in found.items() if name in ("label", "probability")}
        return cls(metrics, curves, kept)
