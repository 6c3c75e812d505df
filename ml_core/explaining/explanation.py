"""An explanation: what it says of one instance."""

from __future__ import annotations

from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from ml_core.inputs.labels import Label

EXACT, PERMUTATIONS, GRADIENTS = "exact", "permutations", "integrated_gradients"
MARGINALS, ROWS, BASELINE = "marginals", "rows", "baseline"

MOST_SHOWN = 5
"""How many columns an explanation shows in a notebook."""


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

    def __repr__(self) -> str:
        """In one line, as a notebook shows it: of a table the largest parts, and the sum of the rest."""
        from ml_core.errors import shown

        sides = f"{shown(self.label)} rather than {shown(self.against)}"
        told = f"<Explanation of {sides}: margin {self.margin:.4g} ({self.unit}), base {self.base:.4g}"
        if not isinstance(self.attributions, dict):
            return told + ">"
        largest = sorted(self.attributions.items(), key=lambda part: -abs(part[1]))
        told += "".join(f", {name} {part:+.4g}" for name, part in largest[:MOST_SHOWN])
        others = [part for _, part in largest[MOST_SHOWN:]]
        return f"{told}, {len(others)} more {sum(others):+.4g}>" if others else told + ">"
