"""Feature handling that is fitted with a model (by `fitting.py`) and travels with it."""

from __future__ import annotations

from math import isfinite, sumprod

from ml_core.errors import ArtifactInvalid
from ml_core.records import Record
from ml_core.safetensors import Tensor, float64

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from ml_core.preprocessing.encoding import Encoding

# Folding moves `mean / scale` into the intercept, where it cancels against the products and takes as many
# digits with it: up to 1e4 leaves twelve.
MOST_SHIFT = 1e4


class Scaling:
    """Standard scaling, (x - mean) / scale for each feature; a constant one has scale 1."""

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        if mean.shape != scale.shape or len(mean.shape) != 1 or min(scale.values) <= 0:
            raise ArtifactInvalid("a scaling needs a mean and a positive scale for each feature")
        self.mean = mean
        self.scale = scale

    @property
    def folds_precisely(self) -> bool:
        """Whether weights can take the scaling in without losing digits."""
        return all(
            abs(mean / scale) < MOST_SHIFT
            for mean, scale in zip(self.mean.values, self.scale.values, strict=True)
        )

    def widened(self, width: int) -> Scaling:
        """The same for rows that go on with features that are not scaled."""
        rest = width - self.mean.size
        return Scaling(
            Tensor.of([*self.mean.values, *[0.0] * rest]), Tensor.of([*self.scale.values, *[1.0] * rest])
        )

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that `restored` finds again."""
        return {"scaling.mean": self.mean, "scaling.scale": self.scale}

    @classmethod
    def restored(cls, tensors: dict[str, Tensor]) -> Scaling | None:
        """Take the scaling out of an artifact's tensors, if it has one."""
        if "scaling.mean" not in tensors and "scaling.scale" not in tensors:
            return None
        return cls(float64(tensors.pop("scaling.mean"), 1), float64(tensors.pop("scaling.scale"), 1))


class Preprocessing(Record):
    """What rows pass on their way to a fitted state: first the encoding, then the scaling."""

    encoding: Encoding | None = None
    scaling: Scaling | None = None


def absorb_scaling(
    weights: Tensor, intercepts: tuple[float, ...], scaling: Scaling
) -> tuple[Tensor, tuple[float, ...]] | None:
    """Weights and intercepts that give for x what these give for (x - mean) / scale.

    None where that would lose digits.

    w·(x - m)/s + b = (w/s)·x + (b - (w/s)·m)
    """
    mean, scale = scaling.mean.values, scaling.scale.values
    rows = [tuple(w / s for w, s in zip(row, scale, strict=True)) for row in weights.rows]
    shifted = tuple(b - sumprod(row, mean) for row, b in zip(rows, intercepts, strict=True))
    finite = all(map(isfinite, shifted)) and all(all(map(isfinite, row)) for row in rows)
    if not (finite and scaling.folds_precisely):
        return None
    return Tensor.of((w for row in rows for w in row), *weights.shape), shifted
