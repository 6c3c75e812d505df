"""How often luck has a worse version climb, of few rows and many draws of them, and a good one stay.

Each draw is another table of rows that neither version has seen. What is allowed is by how much the new
version is worse in truth, to the last digit, so that each climb is an error.
"""

import numpy as np
import pytest

from ml_core.algorithms.logistic_regression import LogisticRegression
from ml_core.guarding.ladder import STEP, AliasSeen, GuardFindings, Ladder, Rules, decided
from ml_core.guarding.tallies import Tally
from ml_core.inputs.samples import TableSamples
from ml_core.model.model import Model
from ml_core.safetensors import Tensor
from ml_core.training import comparing
from ml_core.training.against import Against
from ml_core.training.comparing import HeldOut, comparison

CONFIDENCE = 0.95
LADDER = Ladder("production", 1, "job-1", 2, "job-2", "e1", 0.0, 0.0)


def version(*weights: float) -> Model:
    """A version that multiplies three columns by these."""
    return Model(
        LogisticRegression(Tensor.of([*weights], 1, 3), (0.0,)),
        algorithm="logistic_regression",
        hyperparameters={},
        features=("a", "b", "rare"),
        classes=("no", "yes"),
    )


def drawn(count: int, random: np.random.Generator) -> HeldOut:
    """Rows of two columns that tell the class as `TRUE` says, and one that tells nothing, rarely set."""
    X = np.column_stack([random.normal(size=(count, 2)), random.random(count) < 0.04]).astype(np.float64)
    y = random.random(count) < 1 / (1 + np.exp(-1.5 * X[:, :2].sum(axis=1)))
    return HeldOut(TableSamples(X), y.astype(np.int64), None)


TRUE = version(1.5, 1.5, 0)
WORSE = {
    "lost a column": version(0, 1.06, 0),
    "is too sure": version(4.5, 4.5, 0),
    "is wrong in half of rare rows": version(1.5, 1.5, -9),
}
AS_GOOD = version(1.56, 1.44, 0)
MANY = drawn(300_000, np.random.default_rng(0))


def promoted(
    new: Model, old: Model, metric: str, allowed: float, count: int, *, draws: int, seed: int = 1
) -> float:
    """The share of draws after which the new version climbs."""
    random, climbed = np.random.default_rng(seed), 0
    rules = Rules({"when": {"not_worse_by": allowed}, "steps": [10]}, None)
    for number in range(draws):
        told = comparison(new, old, drawn(count, random), Against(1, "job-1", metric, CONFIDENCE), number)
        found = GuardFindings(AliasSeen("e1", 1, None), (), Tally(), Tally(), told)
        climbed += decided(LADDER, rules, found, 0.0).action == STEP
    return climbed / draws


def truly_worse(new: Model, old: Model, metric: str) -> float:
    """By how much the new version is worse, of more rows than anybody has."""
    values = [
        comparing._scorer(each, MANY, new.features, metric).value(np.ones(300_000))  # type: ignore[union-attr]
        for each in (new, old)
    ]
    worse = values[0] - values[1]
    return worse if metric == "log_loss" else -worse


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bootstraps of a quarter of their draws, for time."""
    monkeypatch.setattr(comparing, "_MOST_DRAWS", 500)


RARE = "is wrong in half of rare rows"


@pytest.mark.parametrize(
    ("challenger", "metric", "count"),
    [
        *(("lost a column", metric, 50) for metric in ("accuracy", "roc_auc")),
        *(
            (RARE, metric, count)
            for metric in ("accuracy", "f1_macro", "balanced_accuracy", "roc_auc")
            for count in (50, 150)
        ),
        *(
            (each, "log_loss", count)
            for each in ("lost a column", "is too sure", RARE)
            for count in (200, 400)
        ),
    ],
)
def test_a_version_that_is_worse_climbs_by_luck_no_oftener_than_is_said(
    challenger: str, metric: str, count: int
) -> None:
    new = WORSE[challenger]
    worse = truly_worse(new, TRUE, metric)
    assert worse > 0.005
    assert promoted(new, TRUE, metric, worse, count, draws=60) <= 1 - CONFIDENCE


@pytest.mark.parametrize(
    ("metric", "allowed", "count", "least", "most"),
    [
        ("log_loss", 0.01, 200, 0.0, 0.05),  # too few rows to tell
        ("log_loss", 0.01, 600, 0.9, 1.0),
        ("accuracy", 0.02, 100, 0.0, 0.05),
        ("accuracy", 0.02, 600, 0.8, 1.0),
    ],
)
def test_a_version_that_is_as_good_climbs_where_there_are_rows_enough(
    metric: str, allowed: float, count: int, least: float, most: float
) -> None:
    assert least <= promoted(AS_GOOD, TRUE, metric, allowed, count, draws=60) <= most
