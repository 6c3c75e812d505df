"""A model of numbers and words with a profile, and observations of its predictions."""

from typing import Any

from ml_core.algorithms.logistic_regression import LogisticRegression
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.monitoring.observation import Observation
from ml_core.profiles.profile import NumbersProfile, Profile
from ml_core.safetensors import Tensor
from ml_core.serving import Served


def profile(columns: int = 2) -> Profile:
    """Of columns whose bins are cut at 0, 1 and 2."""
    of_each = NumbersProfile("x", "number", 0, (0.0, 1.0, 2.0), (20,) * 4, (0.0,) * 4, -10.0, 10.0)
    return Profile(80, [of_each._replace(name=f"x{column}") for column in range(columns)])


def model(columns: int = 2, profile_bytes: bytes | None = b"") -> Model:
    """Of two classes, the second where the columns' sum is above 0. An empty profile is that of above."""
    return Model(
        LogisticRegression(Tensor.of([1.0] * columns, 1, columns), (0.0,)),
        algorithm="logistic_regression",
        hyperparameters={},
        features=tuple(f"x{column}" for column in range(columns)),
        classes=("no", "yes"),
        profile_bytes=profile(columns).to_bytes() if profile_bytes == b"" else profile_bytes,
    )


def observed(of: Model, *rows: list[Any], job: str = "job", name: str = "churn") -> Observation:
    """What is observed when these rows are predicted."""
    seen = Observation(Served(of, name, 1, None, False, job), job)
    if rows:
        seen.rows = of.rows(list(rows), limits=Limits())
        of.predict_rows(seen.rows, see=seen.see)
    return seen
