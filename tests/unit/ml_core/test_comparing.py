"""A new version beside the one before it, on the same held-out rows."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    roc_auc_score,
)

from ml_core.algorithms.tasks.values import values_of
from ml_core.inputs.rows import Limits
from ml_core.inputs.samples import TableSamples
from ml_core.model.model import Model
from ml_core.training.against import Against
from ml_core.training.comparing import Champion, HeldOut, comparison
from ml_core.training.fitting import fit
from ml_core.training.request import check_request

LABELS = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1_macro": partial(f1_score, average="macro"),
}
SCORES = {"roc_auc": roc_auc_score, "pr_auc": average_precision_score}


def measured(metric: str, y: Any, found: dict[str, Any]) -> float:
    """What scikit-learn says."""
    if metric in LABELS:
        return float(LABELS[metric](y, found["label"]))
    if metric in SCORES:
        return float(SCORES[metric](y, found["probability"][:, 1]))
    return float(log_loss(y, found["probability"]))


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which the second column says less than the first of the class."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(count, 2))
    return X, (X[:, 0] + 0.3 * X[:, 1] + random.normal(size=count) > 0).astype(np.int64)


def model(
    names: tuple[str, ...] = ("a", "b"), labels: tuple[str, ...] = ("no", "yes"), **members: Any
) -> Model:
    """A model of columns of these names."""
    X, y = rows(300, 1)
    columns = {"a": X[:, 0], "b": X[:, 1], "c": np.ones(300)}
    body = {
        "algorithm": "logistic_regression",
        "instances": np.array([columns[name] for name in names]).T.tolist(),
        "feature_names": list(names),
        "targets": [labels[each] for each in y],
        **members,
    }
    return Model.from_bytes(fit(check_request(body, Limits()), lambda *_: None).artifact)


NEW, OLD = model(), model(("b",))
REVERSED = model(("b", "a"))


def held(count: int = 400, groups: int | None = None, seed: int = 2) -> HeldOut:
    X, y = rows(count, seed)
    return HeldOut(TableSamples(X), y, None if groups is None else np.arange(count) % groups)


def against(metric: str = "log_loss") -> Against:
    return Against(3, "a-job", metric, 0.95)


@pytest.mark.parametrize("metric", ["log_loss", *LABELS, *SCORES])
def test_both_are_measured_as_scikit_learn_does(metric: str) -> None:
    some = held()
    told = comparison(NEW, OLD, some, against(metric), 0)
    for name, each, X in (("new", NEW, some.samples.X), ("old", OLD, some.samples.X[:, 1:])):
        found = values_of(each, TableSamples(np.ascontiguousarray(X)), ["probability"])
        assert told[name] == pytest.approx(measured(metric, some.y, found))
    assert told["difference"] == told["new"] - told["old"]
    assert told["low"] < told["difference"] < told["high"]
    better = told["high"] < 0 if metric == "log_loss" else told["low"] > 0
    assert better
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_the_order_of_columns_is_each_versions_own() -> None:
    told = comparison(NEW, REVERSED, held(), against(), 0)
    assert abs(told["difference"]) < 1e-6


def test_the_interval_is_that_of_the_mean_of_differences() -> None:
    some = held(2_000)
    told = comparison(NEW, OLD, some, against(), 0)
    p = [
        values_of(each, TableSamples(np.ascontiguousarray(X)), ["probability"])["probability"]
        for each, X in ((NEW, some.samples.X), (OLD, some.samples.X[:, 1:]))
    ]
    every = np.arange(2_000)
    losses = [-np.log(each[every, some.y]) for each in p]
    differences = losses[0] - losses[1]
    error, mean, three = differences.std() / np.sqrt(2_000), differences.mean(), np.log(20)
    more = [max(each.max(), np.log(2)) - each.mean() for each in (differences, -differences)]
    high, low = (1.96 * error + three * each / (2_000 + three) for each in more)
    assert told["high"] - mean == pytest.approx(high, rel=0.1)
    assert mean - told["low"] == pytest.approx(low, rel=0.1)


@pytest.mark.parametrize("metric", ["log_loss", *LABELS, *SCORES])
def test_versions_that_answer_alike_may_still_differ_on_rows_that_are_not_there(metric: str) -> None:
    """Three rows in a hundred may do, at 95 %: that none of them is there has a chance of one in twenty."""
    told = [comparison(NEW, NEW, held(count, seed=3), against(metric), 0) for count in (200, 2_000)]
    assert [each["difference"] for each in told] == [0, 0]
    least = np.log(2) if metric == "log_loss" else 1
    for each, count in zip(told, (200, 2_000), strict=True):
        assert each["high"] == -each["low"] > 0.9 * least * np.log(20) / (count + np.log(20))
    assert told[0]["high"] > 5 * told[1]["high"]


def test_it_is_the_same_again_and_wider_where_rows_come_in_groups() -> None:
    X, y = rows(250, 5)
    twenty = HeldOut(TableSamples(np.repeat(X, 20, axis=0)), np.repeat(y, 20), None)
    first, second = (comparison(NEW, OLD, twenty, against(), 7) for _ in range(2))
    assert first == second
    grouped = comparison(NEW, OLD, twenty._replace(groups=np.repeat(np.arange(250), 20)), against(), 7)
    assert grouped["high"] - grouped["low"] > 3 * (first["high"] - first["low"])


@pytest.mark.parametrize(
    ("old", "some", "message"),
    [
        (OLD, held(199), "199 rows are held out, and it takes 200 for log_loss"),
        (OLD, held(400, 10), "10 groups are held out"),
        (model(labels=("no", "perhaps")), held(), "does not know 'yes'"),
        (model(("a", "c")), held(), "needs columns that the new one has not: 'c'"),
        (OLD, held()._replace(y=None), "labelled rows alone"),
        (NEW, HeldOut(TableSamples(np.full((60, 2), np.nan)), np.arange(60) % 2, None), "no missing values"),
    ],
)
def test_why_they_cannot_be_compared_is_told(old: Model, some: HeldOut, message: str) -> None:
    told = comparison(NEW, old, some, against(), 0)
    assert message in told["reason"]
    assert told["difference"] is told["low"] is told["high"] is None


def test_of_shares_fifty_rows_are_compared() -> None:
    assert (
        "49 rows are held out, and it takes 50"
        in comparison(NEW, OLD, held(49), against("accuracy"), 0)["reason"]
    )
    assert comparison(NEW, OLD, held(50), against("accuracy"), 0)["reason"] is None


def test_a_version_that_cannot_be_read_loses_no_training() -> None:
    for artifact in (None, b"?"):
        told = Champion(against(), artifact).compared(NEW, held(), 0)
        assert told["reason"].startswith("the version before")


def test_the_child_is_told_by_files(tmp_path: Path) -> None:
    assert Champion.read(str(tmp_path)) is None
    Against.of({"schedule": {"against": against()._asdict()}}).write(str(tmp_path), b"model")  # type: ignore[union-attr]
    assert Champion.read(str(tmp_path)) == Champion(against(), b"model")
    assert Against.of({"schedule": {"trigger": "every"}}) is None
    assert Against.of({}) is None
