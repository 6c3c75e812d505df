"""What explanations promise besides their numbers: labels, faults, bounds, and one answer for one row."""

from math import comb
from typing import Any

import numpy as np
import pytest

from ml_core.explaining.rbf import RbfGame
from ml_core.inputs.rows import Rows
from ml_core.model.explanations import explain
from ml_core.model.model import Model
from tests.unit.ml_core.coalitions import of_rows, shapley
from tests.unit.ml_core.explained import LIMITS, fitted
from tests.unit.ml_core.reference import CLASSIFICATION

ALL: list[tuple[str, dict[str, Any]]] = [
    ("logistic_regression", {}),
    ("svm", {"kernel": "linear"}),
    ("svm", {"kernel": "rbf"}),
    ("svm", {"kernel": "poly", "degree": 2, "coef0": 1.0}),
    ("svm", {"kernel": "sigmoid", "gamma": 0.05}),
    ("kmeans", {"n_clusters": 3, "scale": True}),
]


def rows_of(model: Model, X: Any, where: str = "$.instances") -> Rows:
    found = model.rows(np.asarray(X).tolist(), limits=LIMITS, where=where)
    assert isinstance(found, Rows)
    return found


def of(dataset: str, algorithm: str, **chosen: Any) -> tuple[Model, Any]:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    return fitted(algorithm, X[::2].tolist(), y[::2].tolist(), **chosen), X


@pytest.mark.parametrize(("algorithm", "chosen"), ALL)
@pytest.mark.parametrize("dataset", ["iris", "breast_cancer"])
def test_the_label_is_the_predicted_one_and_the_other_is_next(
    dataset: str, algorithm: str, chosen: Any
) -> None:
    model, X = of(dataset, algorithm, **chosen)
    rows = rows_of(model, X[:60:10] if dataset == "breast_cancer" else X[::25])
    found = explain(model, rows)
    outputs = ["label", "distance" if algorithm == "kmeans" else "decision"]
    predicted = model.predict_rows(rows, outputs)
    assert [each.label for each in found] == predicted["label"]
    for each, told in zip(found, predicted[outputs[1]], strict=True):
        if algorithm == "kmeans":
            order = sorted(range(3), key=told.__getitem__)
        elif dataset == "breast_cancer":
            order = [int(each.label), 1 - int(each.label)]
        else:
            order = sorted(range(3), key=lambda label, told=told: -told[label])  # type: ignore[misc]
        assert [each.label, each.against] == order[:2]
    unit = {"logistic_regression": "log-odds", "svm": "decision", "kmeans": "squared distance"}[algorithm]
    assert {each.unit for each in found} == {unit}
    if "probability" in model.outputs:
        told = model.predict_rows(rows, ["probability"])["probability"]
        assert [each.probability for each in found] == [
            p[int(each.label)] for p, each in zip(told, found, strict=True)
        ]
    else:
        assert {each.probability for each in found} == {None}


def test_a_calibrated_svm_tells_its_probability_beside_the_margin() -> None:
    model, X = of("breast_cancer", "svm", kernel="linear", probability=True)
    rows = rows_of(model, X[:5])
    told = model.predict_rows(rows, ["probability", "decision"])
    for each, p, decision in zip(explain(model, rows), told["probability"], told["decision"], strict=True):
        assert each.probability == p[int(each.label)]
        assert each.margin == pytest.approx(decision if each.label == 1 else -decision, rel=1e-12)


@pytest.mark.parametrize(("algorithm", "chosen"), ALL)
def test_a_row_is_explained_alike_alone_and_among_others(algorithm: str, chosen: Any) -> None:
    for dataset in ("iris", "breast_cancer"):
        model, X = of(dataset, algorithm, **chosen)
        asked = X[[0, 50, 140]] if algorithm == "svm" else np.vstack([X[[0, 50, 140]], X, X, X])
        together = explain(model, rows_of(model, asked))
        for place in range(3):
            (alone,) = explain(model, rows_of(model, X[[[0, 50, 140][place]]]))
            assert alone._replace(probability=None) == together[place]._replace(probability=None)
        again = Model.from_bytes(model.to_bytes())
        assert explain(again, rows_of(again, asked)) == together


def test_ties_are_told_as_they_are_predicted() -> None:
    """No line parts the classes: what the margin is but for rounding decides nothing here."""
    square = [[0, 0], [1, 1], [0, 1], [1, 0]]
    model = fitted("svm", square * 6, ["even", "even", "odd", "odd"] * 6, kernel="linear", scale=False)
    rows = rows_of(model, [*square, [0.5, 0.5]])
    found = explain(model, rows)
    assert [each.label for each in found] == model.predict_rows(rows)["label"]
    assert all(abs(each.margin) < 1e-9 for each in found)
    middle = fitted("kmeans", [[-1.0]] * 20 + [[1.0]] * 20, None, n_clusters=2, scale=False)
    rows = rows_of(middle, [[0.0], [1e-300], [-1e-300]])
    assert [each.label for each in explain(middle, rows)] == middle.predict_rows(rows)["label"]


@pytest.mark.parametrize("shift", [0.0, 2020.0, 1e6, 1.7e9])
@pytest.mark.parametrize(("algorithm", "chosen"), [ALL[0], ALL[1], ALL[5]])
def test_columns_far_from_zero_lose_no_digits(algorithm: str, chosen: Any, shift: float) -> None:
    X, y = CLASSIFICATION["iris"].data + shift, CLASSIFICATION["iris"].target
    model = fitted(algorithm, X.tolist(), y.tolist(), **chosen)
    for each in explain(model, rows_of(model, X[::7])):
        most = max(map(abs, each.attributions.values()))
        assert each.error <= 1e-12 * max(most, abs(each.base))
    background = X[[3, 60, 120]]
    rows = rows_of(model, X[[0, 149]])
    for row, each in zip(
        X[[0, 149]], explain(model, rows, background=rows_of(model, background)), strict=True
    ):
        own, other = int(each.label), int(each.against)
        base, parts = of_rows(model, row, background, own, other)
        # What predicting itself loses to a weight's product with the whole column, no more.
        lost = 1e-12 * max(np.abs(parts).max(), shift * 1e-3 if model.scaling is None else 0.0)
        assert np.abs(np.array(list(each.attributions.values())) - parts).max() <= lost
        assert abs(each.base - base) <= 1e-12 * abs(base) + lost


def test_of_many_columns_few_nodes_are_exact() -> None:
    model, X = of("digits", "svm")
    rows = rows_of(model, X[:40])
    found = explain(model, rows)
    for each in found:
        assert each.error <= 1e-12 * max(map(abs, each.attributions.values()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RbfGame, "nodes", lambda _self, n_columns: [n_columns // 2])
        exact = explain(model, rows)
    for one, other in zip(found, exact, strict=True):
        differences = [one.attributions[name] - other.attributions[name] for name in model.features]
        assert max(map(abs, differences)) <= 1e-12 * max(map(abs, other.attributions.values()))


@pytest.mark.parametrize(("kernel", "degree"), [("rbf", 0), ("poly", 2), ("poly", 3), ("poly", 5)])
def test_many_columns_drawn_by_themselves(kernel: str, degree: int) -> None:
    """By the product of each column's mean factor, or the moments of a sum, for all coalitions."""
    columns = 7 if degree else 12
    X, y = CLASSIFICATION["breast_cancer"].data[:, :columns], CLASSIFICATION["breast_cancer"].target
    chosen = {"kernel": kernel, "coef0": 0.5, **({"degree": degree} if degree else {})}
    model = fitted("svm", X[::3].tolist(), y[::3].tolist(), **chosen)
    assert model.profile is not None
    assert model.scaling is not None
    machine: Any = model.estimator
    pairs, mean, scale = (
        machine.pairs,
        np.array(model.scaling.mean.values),
        np.array(model.scaling.scale.values),
    )
    S, a = np.array(pairs.vectors.rows), np.array(pairs.coefficients.dual.rows[0])
    gamma = pairs.kernel.gamma
    drawn = [np.array(column.marginal(0)) for column in model.profile.columns]
    coded = [((each[:, 0] - m) / s, each[:, 1]) for each, m, s in zip(drawn, mean, scale, strict=True)]
    coalitions = (np.arange(1 << columns)[:, None] >> np.arange(columns)) & 1 == 1
    for row in X[[4]]:
        (each,) = explain(model, rows_of(model, row[None]))
        x = (row - mean) / scale
        if kernel == "rbf":
            p = np.exp(-gamma * (x - S) ** 2)
            q = np.stack(
                [shares @ np.exp(-gamma * (z[:, None] - S[:, g]) ** 2) for g, (z, shares) in enumerate(coded)]
            )
            kernels_of = np.array([np.where(known, p, q.T).prod(axis=1) for known in coalitions])
        else:
            terms = [
                (gamma * value * s, gamma * z[:, None] * s, shares)
                for value, s, (z, shares) in zip(x, S.T, coded, strict=True)
            ]
            kernels_of = np.array([moment(known, terms, degree) for known in coalitions])
        sign = 1 if each.label == 0 else -1
        values = sign * (kernels_of @ a + pairs.intercepts[0])
        parts = shapley(values, columns)
        assert np.abs(np.array(list(each.attributions.values())) - parts).max() <= 1e-12 * np.abs(parts).max()
        assert each.base == pytest.approx(values[0], rel=1e-12, abs=1e-12 * np.abs(parts).max())


def moment(known: Any, terms: Any, degree: int) -> Any:
    """The mean of (0.5 + a sum of independent terms)^degree: moments of a sum are convolved."""
    moments = np.array([np.full(len(terms[0][0]), 0.5**power) for power in range(degree + 1)])
    for is_known, (present, drawn, shares) in zip(known, terms, strict=True):
        own = [present**power if is_known else shares @ drawn**power for power in range(degree + 1)]
        moments = np.array(
            [
                sum(comb(power, k) * own[k] * moments[power - k] for k in range(power + 1))
                for power in range(degree + 1)
            ]
        )
    return moments[degree]
