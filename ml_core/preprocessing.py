"""Feature handling that is fitted with a model and travels with it."""

from math import isfinite, isnan, sumprod
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.errors import ArtifactInvalid
from ml_core.features import CATEGORY, Encoding, Layout
from ml_core.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.base import BaseEstimator

    from ml_core.features import Feature
    from ml_core.models import Table

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

    def widened(self, width: int) -> "Scaling":
        """The same for rows that go on with features that are not scaled."""
        rest = width - self.mean.size
        return Scaling(
            Tensor.of([*self.mean.values, *[0.0] * rest]), Tensor.of([*self.scale.values, *[1.0] * rest])
        )

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that `restored` finds again."""
        return {"scaling.mean": self.mean, "scaling.scale": self.scale}

    @classmethod
    def restored(cls, tensors: dict[str, Tensor]) -> "Scaling | None":
        """Take the scaling out of an artifact's tensors, if it has one."""
        if "scaling.mean" not in tensors and "scaling.scale" not in tensors:
            return None
        return cls(tensors.pop("scaling.mean"), tensors.pop("scaling.scale"))


class Preparation(NamedTuple):
    """What rows pass on their way to a fitted state: first the encoding, then the scaling."""

    encoding: Encoding | None = None
    scaling: Scaling | None = None


def pipeline(
    table: "Table",
    estimator: "BaseEstimator",
    *,
    scale: bool,
    dense: bool = False,
) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """The estimator behind what the table's columns need, as scikit-learn's pipeline.

    For numbers without gaps that is `StandardScaler`, if they are to be scaled. For other columns it is a
    `ColumnTransformer`: numbers, truth values and dates through `SimpleImputer(add_indicator=True)` and the
    scaler, words through `OneHotEncoder(handle_unknown="ignore")`, to which a missing word is one word more.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if table.columns is None:
        steps = [StandardScaler()] if scale else []
    else:
        steps = [_column_transformer(table.columns, scale=scale, dense=dense)]
    return make_pipeline(*steps, estimator)


def _column_transformer(columns: "Sequence[Feature]", *, scale: bool, dense: bool) -> Any:  # noqa: ANN401
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(add_indicator=True), *([StandardScaler()] if scale else []))
    words = OneHotEncoder(handle_unknown="ignore")
    chosen = [
        (name, transformer, places)
        for name, transformer, places in (
            (_NUMBERS, numbers, [place for place, each in enumerate(columns) if each.kind != CATEGORY]),
            (_WORDS, words, [place for place, each in enumerate(columns) if each.kind == CATEGORY]),
        )
        if places
    ]
    return ColumnTransformer(chosen, sparse_threshold=0.0 if dense else 0.3)


_NUMBERS, _WORDS = "numbers", "words"


def fitted_preparation(fitted: Any, columns: "Sequence[Feature] | None" = None) -> Preparation:  # noqa: ANN401
    """What a fitted `pipeline` does before its estimator."""
    if columns is None:
        return Preparation(None, _fitted_scaling(fitted[0]) if len(fitted) > 1 else None)
    features = list(columns)
    numbers: tuple[tuple[int, float], ...] = ()
    flagged: tuple[int, ...] = ()
    words: list[tuple[int, int, bool]] = []
    scaling = None
    for name, transformer, places in fitted[0].transformers_:
        if name == _NUMBERS:
            # A column without any value has no mean; scikit-learn drops it and keeps its flag.
            means = transformer[0].statistics_.tolist()
            numbers = tuple(
                (place, mean) for place, mean in zip(places, means, strict=True) if not isnan(mean)
            )
            flagged = tuple(places[flag] for flag in transformer[0].indicator_.features_.tolist())
            scaling = _fitted_scaling(transformer[1]) if len(transformer) > 1 else None
        elif name == _WORDS:
            for place, codes in zip(places, transformer.categories_, strict=True):
                known = [int(code) for code in codes.tolist() if not isnan(code)]
                features[place] = features[place]._replace(
                    words=tuple(columns[place].words[code] for code in known)
                )
                words.append((place, len(known), len(known) < len(codes)))
    layout = Layout(numbers, flagged, tuple(words))
    if scaling:
        scaling = scaling.widened(layout.width)
    return Preparation(Encoding(tuple(features), layout), scaling)


def _fitted_scaling(scaler: Any) -> Scaling:  # noqa: ANN401 - scikit-learn is untyped
    return Scaling(Tensor.of(scaler.mean_.tolist()), Tensor.of(scaler.scale_.tolist()))


def folded(
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
