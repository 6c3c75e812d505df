"""Our explanations against shap's, which fits the same tables with scikit-learn in an environment of its own.

Run by `make oracles`. Both are given the same background rows, so that both play the same game.
"""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from ml_core.explaining.explanation import Explanation
from ml_core.inputs.rows import Limits
from ml_core.model.explanations import explain
from ml_core.training.notebook import train_model

ROOT = Path(__file__).resolve().parents[2]
TABLES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
# What is fitted (the rest of its hyperparameters are scikit-learn's defaults), and who explains it there.
FITTED: dict[str, tuple[str, dict[str, Any], str]] = {
    "logistic regression": ("logistic_regression", {}, "linear"),
    "linear": ("svm", {"kernel": "linear"}, "exact"),
    "rbf": ("svm", {"kernel": "rbf"}, "exact"),
    "narrow rbf": ("svm", {"kernel": "rbf", "gamma": 1.5, "C": 10.0}, "exact"),
    "poly": ("svm", {"kernel": "poly", "degree": 3, "coef0": 1.0}, "exact"),
    "k-means": ("kmeans", {"n_clusters": 5}, "exact"),
    "all columns": ("svm", {"kernel": "rbf"}, "kernel"),
    "ten columns": ("svm", {"kernel": "rbf"}, "kernel, as it comes"),
}
EXACT = [name for name, (*_, explainer) in FITTED.items() if "kernel" not in explainer]
MOST_COLUMNS, BACKGROUND, ROWS = 10, 20, 6
DIFFERENCE = {"linear": 1e-11, "exact": 1e-9}
"""Relative to the largest value of a row: the two fits are equal to rounding, and so are the values."""


class Case(NamedTuple):
    """What is fitted, to which table, and what is explained."""

    algorithm: str
    hyperparameters: dict[str, Any]
    explainer: str
    X: NDArray[np.float64]
    y: NDArray[np.int64]
    rows: NDArray[np.float64]
    background: NDArray[np.float64]


class Explained(NamedTuple):
    """Ours of a case: the explanations, their class numbers, and the CPU time that they took."""

    explanations: list[Explanation]
    pairs: list[tuple[int, int]]
    seconds: float


def case_of(table: str, name: str) -> Case:
    """A table, with few enough columns for all coalitions where shap goes through them."""
    algorithm, chosen, explainer = FITTED[name]
    X, y = TABLES[table](return_X_y=True)
    if explainer == "exact":
        X = X[:, :MOST_COLUMNS]
    order = np.random.default_rng(3).permutation(len(X))
    X, y = X[order], y[order]
    held = max(ROWS, len(X) // 4)
    return Case(
        algorithm, {"scale": True, **chosen}, explainer, X[:-held], y[:-held], X[-ROWS:], X[:BACKGROUND]
    )


CASES = {f"{table}, {name}": case_of(table, name) for table in TABLES for name in EXACT}
SAMPLED = {f"digits, {name}": case_of("digits", name) for name in FITTED if name not in EXACT}
ALL = {**CASES, **SAMPLED}


def ours(case: Case) -> Explained:
    """The explanations of a model that is trained as a notebook does."""
    y = None if case.algorithm == "kmeans" else case.y
    model = train_model(case.X, y, case.algorithm, hyperparameters=case.hyperparameters)
    rows = model.rows(case.rows.tolist(), limits=Limits())
    background = model.rows(case.background.tolist(), limits=Limits(), where="$.background.instances")
    explain(model, rows, background=background)  # what is worked out once
    began = time.process_time()
    found = explain(model, rows, background=background)
    seconds = time.process_time() - began
    labels = list(model.classes or range(case.hyperparameters.get("n_clusters", 0)))
    pairs = [(labels.index(each.label), labels.index(each.against)) for each in found]
    return Explained(found, pairs, seconds)


@pytest.fixture(scope="module")
def explained() -> dict[str, Explained]:
    """Ours, case by case."""
    return {name: ours(case) for name, case in ALL.items()}


@pytest.fixture(scope="module")
def shap(explained: dict[str, Explained]) -> dict[str, Any]:
    """What shap says of the same rows and pairs of classes."""
    folder = ROOT / "build" / "oracles"
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        name: {key: getattr(case, key) for key in ("algorithm", "hyperparameters", "explainer")}
        for name, case in ALL.items()
    }
    given: dict[str, Any] = {"cases": json.dumps(told)}
    for name, case in ALL.items():
        for key in ("X", "y", "rows", "background"):
            given[f"{name}/{key}"] = getattr(case, key)
        given[f"{name}/pairs"] = np.array(explained[name].pairs)
    np.savez_compressed(folder / "cases.npz", **given)
    python = ROOT / ".tools" / "shap" / "bin" / "python"
    script = Path(__file__).with_name("make_shapley_values.py")
    made = folder / "shapley_values.npz"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([python, script, folder / "cases.npz", made], check=True, env=environment)
    with np.load(made) as opened:
        return {name: opened[name] for name in opened.files}


def parts_of(told: Explained) -> NDArray[np.float64]:
    """Rows × columns."""
    return np.array([[*each.attributions.values()] for each in told.explanations])


@pytest.mark.parametrize("name", CASES)
def test_explanations_are_shaps(explained: dict[str, Explained], shap: dict[str, Any], name: str) -> None:
    told, theirs = explained[name], shap[f"{name}/values"]
    most = np.abs(theirs).max(axis=1)
    difference = (np.abs(parts_of(told) - theirs).max(axis=1) / most).max()
    print(f"{name}: largest difference {difference:.1e} of the largest value")
    assert difference <= DIFFERENCE[CASES[name].explainer]
    bases = np.array([each.base for each in told.explanations])
    np.testing.assert_allclose(bases, shap[f"{name}/base"], atol=1e-9 * float(most.max()))
    assert {(each.game, each.method) for each in told.explanations} == {("rows", "exact")}


@pytest.mark.parametrize("name", SAMPLED)
def test_sampling_costs_more_and_errs(
    explained: dict[str, Explained], shap: dict[str, Any], name: str
) -> None:
    """All coalitions of 64 columns cannot be gone through: shap's KernelExplainer draws some of them."""
    told, theirs = explained[name], shap[f"{name}/values"]
    parts, theirs_seconds = parts_of(told), float(shap[f"{name}/seconds"])
    most = np.abs(parts).max(axis=1, keepdims=True)
    errors = (np.abs(parts - theirs) / most).max(axis=1)
    off = max(each.error for each in told.explanations)
    print(
        f"{name}, {BACKGROUND} rows as background, a row: shap {theirs_seconds / ROWS:.2f} s, off by "
        f"{np.median(errors):.1%} of the largest value ({errors.max():.1%} at most); ours "
        f"{told.seconds / ROWS * 1000:.1f} ms, all together off by {off:.0e}"
    )
    assert errors.min() > 1e-6
    assert told.seconds < theirs_seconds
