"""Mixed columns give what the pipeline gives that one would write in scikit-learn, in both arithmetics."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from ml_core.arithmetic import plain, vectorised
from ml_core.errors import ArtifactInvalid, InvalidInput
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.preprocessing.encoding import Encoding
from ml_core.training.notebook import Trained, TrainingRequest, check_request, fit

LIMITS = Limits()
NAMES = ["age", "income", "plan", "active", "city"]


def table(rows: int, missing: float, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of mixed columns in which the target depends on all of them, and some values are missing."""
    random = np.random.default_rng(seed)
    plans, cities = ["basic", "plus", "pro"], [f"city {number}" for number in range(12)]
    data, targets = [], []
    for _ in range(rows):
        row: dict[str, Any] = {
            "age": float(random.normal(40, 12)),
            "income": int(random.integers(0, 90_000)),
            "plan": str(random.choice(plans)),
            "active": bool(random.random() < 0.5),
            "city": str(random.choice(cities)),
        }
        score = row["age"] / 12 + row["income"] / 30_000 + plans.index(row["plan"]) + row["active"]
        targets.append("yes" if score + random.normal() > 6.5 else "no")
        data.append({name: None if random.random() < missing else value for name, value in row.items()})
    targets[:8] = ["yes", "no"] * 4
    return data, targets


def reference(rows: list[dict[str, Any]], estimator: Any, *, scale: bool = True) -> tuple[Any, Any]:
    """The pipeline that a data scientist would write, and its matrix of objects."""
    X = np.array([[row[name] for name in NAMES] for row in rows], dtype=object)
    numbers = make_pipeline(
        _AsFloat(),
        SimpleImputer(add_indicator=True),
        *([StandardScaler()] if scale else []),
    )
    columns = ColumnTransformer(
        [("numbers", numbers, [0, 1, 3]), ("words", OneHotEncoder(handle_unknown="ignore"), [2, 4])]
    )
    return make_pipeline(columns, estimator), X


class _AsFloat(StandardScaler):  # type: ignore[misc] # scikit-learn is untyped
    """Objects as float64, None as NaN: what pandas does when it reads a column."""

    def fit(self, X: Any, y: Any = None) -> "_AsFloat":  # noqa: ARG002
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any, copy: Any = None) -> Any:  # noqa: ARG002
        return X.astype(float)


def trained(rows: list[Any], targets: list[Any] | None, **body: Any) -> tuple[Trained, Model]:
    sent = {"instances": rows, "targets": targets, **body}
    request = check_request(json.loads(json.dumps({k: v for k, v in sent.items() if v is not None})), LIMITS)
    result = fit(TrainingRequest.from_bytes(request.to_bytes()), lambda *_: None)
    return result, Model.from_bytes(result.artifact)


def both_arithmetics(model: Model, rows: list[Any], outputs: list[str]) -> list[Any]:
    """The answers for the rows one by one (plain Python) and all at once (numpy)."""
    singly = [model.predict_rows(model.rows([row], limits=LIMITS), outputs) for row in rows]
    together = model.predict_rows(model.rows(rows * 40, limits=LIMITS), outputs)
    answers = []
    for output, many in together.items():
        one_by_one = [answer[output][0] for answer in singly]
        if output == "label":
            assert one_by_one == many[: len(rows)]
        else:
            most = np.abs(many).max()  # relative to the terms, of which none is much larger than this
            assert_allclose(one_by_one, many[: len(rows)], rtol=1e-12, atol=1e-12 * most)
        answers.append(many[: len(rows)])
    return answers


@pytest.mark.parametrize("missing", [0.0, 0.01, 0.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_logistic_regression_on_mixed_columns_is_scikit_learns(missing: float, seed: int) -> None:
    rows, targets = table(300, missing, seed)
    result, model = trained(rows, targets, algorithm="logistic_regression", seed=seed)
    pipeline, X = reference(rows, LogisticRegression())
    train, test = train_test_split(range(300), test_size=0.2, random_state=seed, stratify=targets)
    pipeline.fit(X[train], np.array(targets)[train])
    asked = [rows[place] for place in test[:30]] + [
        {"age": None, "income": 1, "plan": "never seen", "active": True, "city": None}
    ]
    labels, probabilities, decisions = both_arithmetics(model, asked, ["label", "probability", "decision"])
    X_asked = np.array([[row[name] for name in NAMES] for row in asked], dtype=object)
    assert labels == pipeline.predict(X_asked).tolist()
    assert_allclose(probabilities, pipeline.predict_proba(X_asked), rtol=1e-9, atol=1e-9)
    assert_allclose(decisions, pipeline.decision_function(X_asked), rtol=1e-9, atol=1e-9)
    accuracy: Any = result.manifest["metrics"]
    assert accuracy["test"]["accuracy"] == pytest.approx(pipeline.score(X[test], np.array(targets)[test]))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_an_svm_on_mixed_columns_is_scikit_learns(kernel: str) -> None:
    rows, targets = table(150, 0.1, 3)
    _, model = trained(rows, targets, algorithm="svm", hyperparameters={"kernel": kernel}, test_fraction=0)
    pipeline, X = reference(rows, SVC(kernel=kernel))
    pipeline.fit(X, targets)
    labels, decisions = both_arithmetics(model, rows[:25], ["label", "decision"])
    assert labels == pipeline.predict(X[:25]).tolist()
    assert_allclose(decisions, pipeline.decision_function(X[:25]), rtol=1e-9, atol=1e-9)


def test_calibration_refits_the_encoding_in_each_fold() -> None:
    from sklearn.calibration import CalibratedClassifierCV

    rows, targets = table(120, 0.2, 5)
    _, model = trained(rows, targets, algorithm="svm", hyperparameters={"probability": True}, test_fraction=0)
    pipeline, X = reference(rows, SVC())
    calibrated = CalibratedClassifierCV(pipeline, method="sigmoid", ensemble=False, cv=5).fit(X, targets)
    (_, probabilities) = both_arithmetics(model, rows[:10], ["label", "probability"])
    assert_allclose(probabilities, calibrated.predict_proba(X[:10]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scale", [True, False])
def test_k_means_on_mixed_columns_is_scikit_learns(scale: bool) -> None:
    rows, _ = table(120, 0.1, 4)
    _, model = trained(
        rows, None, algorithm="kmeans", hyperparameters={"n_clusters": 3, "scale": scale}, test_fraction=0
    )
    pipeline, X = reference(rows, KMeans(3, random_state=0), scale=scale)
    pipeline.fit(X)
    labels, distances = both_arithmetics(model, rows[:25], ["label", "distance"])
    assert labels == pipeline.predict(X[:25]).tolist()
    # scikit-learn adds up squares, which lose to each other what the distance of a near centre keeps.
    squares = np.square(pipeline.transform(X[:25]))
    assert_allclose(np.square(distances), squares, rtol=1e-9, atol=1e-9 * squares.max())


def test_equal_input_and_seed_give_equal_bytes_and_no_test_row_leaks_into_them() -> None:
    rows, targets = table(80, 0.2, 6)
    first, model = trained(rows, targets, algorithm="logistic_regression")
    again, _ = trained(rows, targets, algorithm="logistic_regression")
    assert first.artifact == again.artifact
    _, test = train_test_split(range(80), test_size=0.2, random_state=0, stratify=targets)
    rows[test[0]] = {"age": 1e9, "income": None, "plan": "only held out", "active": None, "city": "nowhere"}
    other, _ = trained(rows, targets, algorithm="logistic_regression")
    assert other.artifact == first.artifact
    assert model.encoding is not None
    assert model.encoding.features[2].words == ("basic", "plus", "pro")


def test_columns_may_come_in_any_order_and_rows_as_lists_or_objects() -> None:
    rows, targets = table(80, 0.2, 7)
    _, model = trained(rows, targets, algorithm="logistic_regression")
    row = rows[0]
    backwards = dict(reversed(row.items()))
    as_list = [row[name] for name in NAMES]
    packed = [bytes(model.rows([each], limits=LIMITS).packed) for each in (row, backwards, as_list)]
    assert len(set(packed)) == 1
    result, _ = trained(
        [list(each.values()) for each in rows], targets, algorithm="logistic_regression", feature_names=NAMES
    )
    assert result.artifact == trained(rows, targets, algorithm="logistic_regression")[0].artifact


@pytest.mark.parametrize(
    ("row", "path", "message"),
    [
        ({"age": "31"}, "$.instances[0].age", "expected a number, got '31'"),
        ({"age": True}, "$.instances[0].age", "expected a number, got true"),
        ({"income": math.inf}, "$.instances[0].income", "finite"),
        ({"plan": 3}, "$.instances[0].plan", "expected a string, got 3"),
        ({"active": 1}, "$.instances[0].active", "expected true or false, got 1"),
        ({"active": "true"}, "$.instances[0].active", "expected true or false, got 'true'"),
        ({"salary": 1}, "$.instances[0].salary", "has no feature 'salary'; leave it out"),
    ],
)
def test_a_prediction_with_a_wrong_column_says_which(row: dict[str, Any], path: str, message: str) -> None:
    rows, targets = table(60, 0.1, 8)
    _, model = trained(rows, targets, algorithm="logistic_regression")
    with pytest.raises(InvalidInput) as refused:
        model.rows([{**rows[0], **row}], limits=LIMITS)
    assert [fault.path for fault in refused.value.faults] == [path]
    assert message in refused.value.faults[0].message


def test_a_column_that_mixes_kinds_is_refused_where_it_does() -> None:
    body = {
        "algorithm": "kmeans",
        "instances": [[1, "a"], ["1", "b"], [2, 7], [3, None]],
        "hyperparameters": {"n_clusters": 2},
    }
    with pytest.raises(InvalidInput) as refused:
        check_request(body, LIMITS)
    assert [fault.path for fault in refused.value.faults] == ["$.instances[1][0]", "$.instances[2][1]"]


def test_numbers_in_quotes_are_not_taken_for_words() -> None:
    body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}}
    with pytest.raises(InvalidInput, match=r"\$.instances\[0\]\[1\]: expected a number, got '1'"):
        check_request({**body, "instances": [[1, "1"], [2, "2.5"], [3, None]]}, LIMITS)
    check_request({**body, "instances": [[1, "1"], [2, "2b"], [3, None]]}, LIMITS)


def test_numbers_without_gaps_need_no_encoding_and_take_no_null() -> None:
    _, model = trained([[1, 2], [2, 1], [3, 4], [5, 1]], ["a", "b"] * 2, algorithm="svm", test_fraction=0)
    assert model.encoding is None
    with pytest.raises(InvalidInput, match="expected a number, got null"):
        model.rows([[None, 1]], limits=LIMITS)


def test_a_column_without_any_value_is_not_looked_at() -> None:
    rows = [{"a": number, "b": None, "c": 1} for number in range(10)]
    result, model = trained(rows, [0, 1] * 5, algorithm="logistic_regression", test_fraction=0)
    assert result.manifest["warnings"] == [
        "column 'b' has no value in any row trained on: it is not looked at"
    ]
    one, other = (
        model.predict_rows(model.rows([{"a": 1, "b": value, "c": 1}], limits=LIMITS), ["decision"])[
            "decision"
        ]
        for value in (None, 5)
    )
    # scikit-learn keeps the flag, which was 1 throughout and carries no weight after scaling
    assert one == other


@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 3), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_arithmetics_encode_alike_bit_for_bit(
    numbers: int, words: int, truths: int, rows: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    described: list[dict[str, Any]] = [
        {
            "name": f"n{place}",
            "kind": "number" if place >= truths else "boolean",
            "replacement": None if random.random() < 0.2 else float(random.normal()),
            "flagged": bool(random.random() < 0.5),
        }
        for place in range(numbers)
    ] + [
        {
            "name": f"w{place}",
            "kind": "category",
            "words": [str(word) for word in range(int(random.integers(0, 4)))],
            "missing_is_a_word": bool(random.random() < 0.5),
        }
        for place in range(words)
    ]
    encoding = Encoding.restored(described)
    assert encoding.description() == described
    X = np.concatenate(
        [random.normal(size=(rows, numbers)), random.integers(-1, 4, (rows, words)).astype(float)], axis=1
    )
    X[random.random(X.shape) < 0.3] = np.nan
    for place, entry in enumerate(described[numbers:], start=numbers):
        X[:, place] = np.where(X[:, place] >= len(entry["words"]), -1, X[:, place])
    packed = X.astype("<f8").tobytes()
    rows_encoded = vectorised.encoded(vectorised.matrix(packed, X.shape[1]), encoding.layout)
    wide = vectorised.dense(rows_encoded)
    assert wide.shape == (rows, encoding.layout.width)
    assert_array_equal(plain.encoded(plain.matrix(packed, X.shape[1]), encoding.layout), wide)
    if not isinstance(rows_encoded, vectorised.OneHotRows):
        assert not words
        return
    weights = random.normal(size=(3, encoding.layout.width))
    assert_allclose(rows_encoded.products(weights), wide @ weights.T, rtol=1e-12, atol=1e-12)
    assert_allclose(rows_encoded.squares(), (wide**2).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    "broken",
    [
        [],
        "x",
        [{"name": "a", "kind": "number"}],
        [{"name": "a", "kind": "number", "replacement": math.nan, "flagged": True}],
        [{"name": "a", "kind": "number", "replacement": True, "flagged": True}],
        [{"name": "a", "kind": "category", "words": [1], "missing_is_a_word": False}],
        [{"name": "a", "kind": "category", "words": ["x"]}],
        [{"name": 1, "kind": "number", "replacement": 1, "flagged": False}],
        [{"name": "a", "kind": "code", "replacement": 1, "flagged": False}],
    ],
)
def test_an_encoding_that_is_not_whole_is_no_artifact(broken: Any) -> None:
    with pytest.raises(ArtifactInvalid):
        Encoding.restored(broken)
