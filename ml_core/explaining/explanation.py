"""An explanation: what it says of one instance."""

from __future__ import annotations

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from ml_core.inputs.labels import Label

EXACT, PERMUTATIONS, GRADIENTS = "exact", "permutations", "integrated_gradients"
MARGINALS, ROWS, BASELINE = "marginals", "rows", "baseline"


class Explanation(Record):
    """Why `label` rather than `against`: base + the sum of the attributions is the margin.

    Args:
        label: the label that is explained, which is the predicted one.
        against: the label that it is compared with.
        unit: what margins are in: "log-odds", "decision" or "squared distance".
        base: the margin that is expected where no column is known.
        margin: the model's margin of `label` over `against`; positive for `label`.
        attributions: of a table each column's part by its name; of a picture rows of pixels, of a sequence
            its steps, of a text its words, as docs/explain.md says.
        probability: the probability that the model gives `label`; None where it gives none.
        method: how the parts were found: `EXACT`, `PERMUTATIONS` or `GRADIENTS`.
        game: what stands for a column that is not known: `MARGINALS`, `ROWS` or `BASELINE`.
        error: |base + sum of the attributions - margin|.
        standard_errors: of `PERMUTATIONS` that of each column's part; else None.
    """

    label: Label
    against: Label
    unit: str
    base: float
    margin: float
    attributions: Any
    probability: float | None
    method: str
    game: str
    error: float
    standard_errors: dict[str, float] | None = None

    @property
    def exact(self) -> bool:
        """Whether the parts are exact, but for rounding."""
        return self.method == EXACT
