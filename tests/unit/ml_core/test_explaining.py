"""Explanations are the Shapley values of their game: held to all coalitions of a row's columns."""

from math import isnan
from typing import Any

import numpy as np
import pytest

from ml_core.explaining.explanation import Explanation
from ml_core.inputs.rows import Rows
from ml_core.model.explanations import explain
from ml_core.model.model import Model
from ml_core.profiles.profile import NumbersProfile, Profile, WordsProfile
from ml_core.safetensors import unpack_rows
from tests.unit.ml_core.coalitions import margins, of_marginals, of_rows
from tests.unit.ml_core.explained import CHURN_ROWS, LIMITS, churn_rows, fitted, of_churn
from tests.unit.ml_core.reference import CLASSIFICATION

# Everything whose parts are exact.
EXACT: list[tuple[str, dict[str, Any]]] = [
    ("logistic_regression", {}),
    ("svm", {"kernel": "linear"}),
    ("svm", {"kernel": "rbf"}),
    ("svm", {"kernel": "rbf", "gamma": 2.0}),
    ("svm", {"kernel": "poly", "degree": 1, "coef0": 0.5}),
    ("svm", {"kernel": "poly", "degree": 2, "coef0": 1.0}),
    ("svm", {"kernel": "poly", "degree": 3}),
    ("svm", {"kernel": "poly", "degree": 5, "coef0": 0.3}),
    ("kmeans", {"n_clusters": 4, "scale": True}),
]


def coarse(model: Model) -> list[list[tuple[float, float]]]:
    """Few values for each column of the churn table, so that all combinations can be asked for."""
    missing = float("nan")
    by_kind = {
        "number": [(20.0, 0.25), (47.5, 0.5), (missing, 0.25)],
        "boolean": [(0.0, 0.3), (1.0, 0.6), (missing, 0.1)],
        "date": [(18_000.0, 0.4), (20_100.25, 0.6)],
        "category": [(0.0, 0.5), (1.0, 0.2), (2.0, 0.2), (missing, 0.1)],
    }
    two_words = [(0.0, 0.5), (1.0, 0.4), (missing, 0.1)]
    return [two_words if len(feature.words) == 2 else by_kind[feature.kind] for feature in model.columns]


def coarse_profile(model: Model) -> Profile:
    """The profile whose marginals are those of `coarse`."""
    columns: list[Any] = []
    for feature, drawn in zip(model.columns, coarse(model), strict=True):
        counts = [round(share * 1000) for _, share in drawn]
        missing = sum(count for count, (value, _) in zip(counts, drawn, strict=True) if isnan(value))
        there = [(value, count) for count, (value, _) in zip(counts, drawn, strict=True) if not isnan(value)]
        values, kept = [value for value, _ in there], tuple(count for _, count in there)
        if feature.kind == "category":
            words = tuple(int(value) for value in values)
            columns.append(WordsProfile(feature.name, feature.kind, missing, words, kept, 0))
        else:
            edges = tuple((values[place] + values[place + 1]) / 2 for place in range(len(values) - 1))
            columns.append(
                NumbersProfile(feature.name, feature.kind, missing, edges, kept, tuple(values), -1e9, 1e9)
            )
    return Profile(1000, columns)


def with_profile(model: Model, profile: Profile) -> Model:
    """The same model with another profile, as it would come from its artifact."""
    model.profile_bytes = profile.to_bytes()
    return Model.from_bytes(model.to_bytes())


def check(model: Model, rows: Rows, explanations: list[Explanation], expected: Any) -> None:
    """All that an exact explanation says, against a function that gives base and parts by definition."""
    labels = model.predict_rows(rows)["label"]
    assert [each.label for each in explanations] == labels
    numbered = list(model.classes or range(1000))
    for row, each in zip(unpack_rows(rows.packed, rows.n_features), explanations, strict=True):
        own, other = numbered.index(each.label), numbered.index(each.against)
        assert own != other
        base, parts = expected(np.array(row), own, other)
        found = np.array([each.attributions[name] for name in model.features])
        most = np.abs(parts).max()
        assert most > 0
        assert np.abs(found - parts).max() <= 1e-12 * most, (found, parts)
        assert abs(each.base - base) <= 1e-12 * max(most, abs(base))
        (margin,) = margins(model, np.array([row]), own, other).tolist()
        assert each.margin == pytest.approx(margin, rel=1e-12, abs=1e-12 * max(most, abs(base)))
        assert each.error <= 1e-12 * max(most, abs(base))
        assert (each.method, each.exact, each.standard_errors) == ("exact", True, None)


@pytest.mark.parametrize(("algorithm", "chosen"), EXACT)
def test_words_dates_flags_and_gaps_each_column_drawn_by_itself(algorithm: str, chosen: Any) -> None:
    model = of_churn(algorithm, **chosen)
    model = with_profile(model, coarse_profile(model))
    rows, drawn = churn_rows(model), coarse(model)
    explanations = explain(model, rows)
    assert {each.game for each in explanations} == {"marginals"}
    check(model, rows, explanations, lambda *asked: of_marginals(model, asked[0], drawn, *asked[1:]))


@pytest.mark.parametrize(("algorithm", "chosen"), EXACT)
def test_words_dates_flags_and_gaps_against_whole_rows(algorithm: str, chosen: Any) -> None:
    model = of_churn(algorithm, **chosen)
    rows = churn_rows(model)
    background = churn_rows(model, [CHURN_ROWS[2], CHURN_ROWS[3], {**CHURN_ROWS[0], "age": 30}])
    others = np.array(list(unpack_rows(background.packed, background.n_features)))
    explanations = explain(model, rows, background=background)
    assert {each.game for each in explanations} == {"rows"}
    check(model, rows, explanations, lambda *asked: of_rows(model, asked[0], others, *asked[1:]))


def numbers(dataset: str, columns: int) -> tuple[Any, Any]:
    """Rows of a real table with its first columns that have more than one value."""
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    X = X[:, X.std(axis=0) > 1.0 if dataset == "digits" else slice(None)][:, :columns]
    return X, y


@pytest.mark.parametrize(
    ("dataset", "columns"), [("iris", 4), ("wine", 11), ("breast_cancer", 12), ("digits", 9)]
)
@pytest.mark.parametrize(("algorithm", "chosen"), EXACT)
def test_real_tables_of_two_and_more_classes(dataset: str, columns: int, algorithm: str, chosen: Any) -> None:
    X, y = numbers(dataset, columns)
    model = fitted(algorithm, X[::3].tolist(), y[::3].tolist(), **chosen)
    rows = model.rows(X[1:120:40].tolist(), limits=LIMITS)
    background = model.rows(X[[5, 100]].tolist(), limits=LIMITS)
    assert isinstance(rows, Rows)
    assert isinstance(background, Rows)
    explanations = explain(model, rows, background=background)
    check(model, rows, explanations, lambda *asked: of_rows(model, asked[0], X[[5, 100]], *asked[1:]))
    for label in sorted({*(model.classes or range(4))} - {each.label for each in explanations}):
        check(
            model,
            rows,
            explain(model, rows, against=label, background=background),
            lambda *asked: of_rows(model, asked[0], X[[5, 100]], *asked[1:]),
        )
