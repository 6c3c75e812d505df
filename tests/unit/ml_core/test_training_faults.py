"""What cannot be trained on is refused, with where and what; as early as it can be known."""

import json
import re
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from ml_core import algorithms, train_model
from ml_core.errors import Fault, InvalidInput, TooLarge
from ml_core.inputs.kinds import TABLE
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import check_request, fit

ROWS = [[float(index), float(index * index % 7)] for index in range(20)]
LABELS = ["yes", "no"] * 10
OF_TABLES = [name for name, info in algorithms.algorithms().items() if TABLE in info.algorithm.takes]


def body(**changed: Any) -> dict[str, Any]:
    request = {"algorithm": "logistic_regression", "instances": ROWS, "targets": LABELS, **changed}
    return {name: value for name, value in request.items() if value is not ...}


def faults(limits: Limits | None = None, **changed: Any) -> list[Fault]:
    with pytest.raises(InvalidInput) as refused:
        check_request(body(**changed), limits or Limits())
    return refused.value.faults


@pytest.mark.parametrize("wrong", [None, [], "train", 1, True])
def test_a_request_is_an_object(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^\$: expected an object"):
        check_request(wrong, Limits())


# change, path of the first fault, what its message has to say
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"algorithm": ...}, "$.algorithm", "got null"),
    ({"algorithm": "forest"}, "$.algorithm", r'or "logistic_regression" or "rnn" or "svm", got \'forest\''),
    ({"algorithm": ["svm"]}, "$.algorithm", "got a list of 1"),
    ({"algorithm": "../errors"}, "$.algorithm", "expected"),
    ({"more": 1, "again": 2}, "$.more", "no such member"),
    ({"data": {"uri": "s3://bucket/file.csv"}}, "$.instances", "the rows are in 'data'"),
    ({"hyperparameters": {"C": -1}}, "$.hyperparameters.C", "above 0"),
    ({"hyperparameters": {"depth": 3}}, "$.hyperparameters.depth", "no such hyperparameter"),
    ({"hyperparameters": {"C": float("nan")}}, "$.hyperparameters.C", "got nan"),
    ({"hyperparameters": {"C": 10**400}}, "$.hyperparameters.C", "1329 bits"),
    ({"hyperparameters": [1]}, "$.hyperparameters", "expected an object"),
    ({"test_fraction": 1}, "$.test_fraction", "from 0 to 0.9, got 1"),
    ({"test_fraction": "0.2"}, "$.test_fraction", "expected a number"),
    ({"test_fraction": None}, "$.test_fraction", "got null"),
    ({"test_fraction": True}, "$.test_fraction", "got true"),
    ({"seed": -1}, "$.seed", "an integer from 0"),
    ({"seed": 1.5}, "$.seed", "got 1.5"),
    ({"instances": ...}, "$.instances", "expected a list of rows, got null"),
    ({"instances": []}, "$.instances", "at least one row"),
    ({"instances": [[]] * 20}, "$.instances[0]", "at least one feature"),
    ({"instances": [[1, 2], [1]], "targets": ["a", "b"]}, "$.instances[1]", "row 1 has 1"),
    ({"instances": [[1, "2"], [1, 2]]}, "$.instances[0][1]", "expected a number, got '2'"),
    ({"instances": [[1, 10**400], [1, 2]]}, "$.instances[0][1]", "finite number"),
    ({"instances": [[1, float("nan")], [1, 2]]}, "$.instances[0][1]", "finite number"),
    ({"instances": [{"a": 1}, {"b": 1}], "targets": [1, 2]}, "$.instances[1]", "'a' is missing"),
    ({"instances": [{"": 1}, {"": 1}], "targets": [1, 2]}, "$.instances[0][0]", "not empty"),
    ({"feature_names": ["a"]}, "$.feature_names", "1 names for rows of 2 features"),
    ({"feature_names": ["a", "a"]}, "$.feature_names", "'a' is there more than once"),
    ({"feature_names": ["a", 2]}, "$.feature_names[1]", "expected a string, got 2"),
    ({"feature_names": ["a", "b" * 201]}, "$.feature_names[1]", "at most 200 characters, got 201"),
    ({"feature_names": ["a", "\ud800"]}, "$.feature_names[1]", "surrogate"),
    ({"feature_names": "ab"}, "$.feature_names", "expected a list of names"),
    ({"targets": ...}, "$.targets", "expected a list of labels, one for each row, got null"),
    ({"targets": LABELS[:-1]}, "$.targets", "a label for each of 20 rows, got 19"),
    ({"targets": []}, "$.targets", "at least two classes, got none"),
    ({"targets": ["yes"] * 20}, "$.targets", "at least two classes, got only 'yes'"),
    ({"targets": [1.5, 2.0] * 10}, "$.targets[0]", "strings, integers or booleans, all of one kind; got 1.5"),
    ({"targets": [None, "a"] * 10}, "$.targets[0]", "got null"),
    ({"targets": ["a", 1] * 10}, "$.targets[1]", "'a' came before 1"),
    ({"targets": [1, True] * 10}, "$.targets[1]", "1 came before true"),
    ({"targets": [[1], [2]] * 10}, "$.targets[0]", "a list of 1"),
    ({"targets": [0, 2**63] * 10}, "$.targets[1]", "64 bits"),
    ({"targets": ["a", "b" * 201] * 10}, "$.targets[1]", "at most 200 characters"),
    ({"targets": ["a", "\udfff"] * 10}, "$.targets[1]", "surrogate"),
    ({"targets": ["a"] * 19 + ["b"]}, "$.test_fraction", "'b' has a single row.*with test_fraction 0"),
    (
        {"targets": list(range(10)) * 2},
        "$.test_fraction",
        "4 of 20 rows would be held out, fewer than the 10 classes",
    ),
    (
        {"targets": ["a", "b", "c", "d"] * 5, "test_fraction": 0.9},
        "$.test_fraction",
        "2 of 20 rows would be trained on, fewer than the 4 classes",
    ),
    (
        {"hyperparameters": {"class_weight": {"yes": 2, "maybe": 1}}},
        "$.hyperparameters.class_weight.maybe",
        "no row has such a label",
    ),
    ({"algorithm": "kmeans"}, "$.targets", "kmeans takes no targets"),
    (
        {"algorithm": "kmeans", "targets": ..., "hyperparameters": {"n_clusters": 17}},
        "$.hyperparameters.n_clusters",
        "17 clusters need at least 17 rows to train on, there are 16",
    ),
    (
        {
            "algorithm": "svm",
            "targets": ["a"] * 19 + ["b"],
            "test_fraction": 0,
            "hyperparameters": {"probability": True},
        },
        "$.hyperparameters.probability",
        "at least 2 rows of each class",
    ),
    ({"instances": [[1.0]], "targets": ["a"]}, "$.targets", "at least two classes"),
    (
        {"algorithm": "kmeans", "instances": [[1.0]], "targets": ..., "hyperparameters": {"n_clusters": 1}},
        "$.test_fraction",
        "no row of 1 is left to train on",
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_cannot_be_trained_on_is_refused_before_a_job_is_made(case: int) -> None:
    changed, path, message = REFUSED[case]
    first = faults(**changed)[0]
    assert first.path == path
    assert re.search(message, first.message)
    assert len(first.message) < 300


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(max_rows=19), "20 rows; at most 19"),
        (Limits(max_columns=1), "2 features; at most 1"),
        (Limits(max_classes=1), "2 classes; at most 1"),
    ],
)
def test_past_a_limit_the_request_is_too_large(limits: Limits, told: str) -> None:
    with pytest.raises(TooLarge, match=told):
        check_request(body(), limits)


@pytest.mark.parametrize(
    "changed",
    [
        {"targets": ["a"] * 19 + ["b"], "test_fraction": 0},
        {"targets": list(range(10)) * 2, "test_fraction": 0.5},
        {"targets": [2**63 - 1, -(2**63)] * 10},
        {"targets": ["", " "] * 10},
        {"targets": [True, False] * 10, "hyperparameters": {"class_weight": {"true": 3}}},
        {"targets": [1, -1] * 10, "hyperparameters": {"class_weight": {"-1": 3}}},
        {"hyperparameters": None},
        {"data": None},
        {"algorithm": "kmeans", "targets": None},
        {"feature_names": ["größe", "a b"]},
        {"instances": [[index, -index] for index in range(20)], "seed": 7.0},
    ],
)
def test_what_can_be_trained_on_is_taken(changed: dict[str, Any]) -> None:
    assert fit(check_request(json.loads(json.dumps(body(**changed))), Limits()), lambda *_: None).artifact


def test_a_class_that_the_split_leaves_no_row_to_train_on_is_told() -> None:
    targets = ["a"] * 90 + ["b"] * 2 + ["c"] * 8
    request = body(instances=[[float(index)] for index in range(100)], targets=targets, test_fraction=0.85)
    with pytest.raises(InvalidInput, match=r"\$\.test_fraction: a class has no row left to train on"):
        fit(check_request(request, Limits()), lambda *_: None)


@pytest.mark.parametrize("magnitude", [1e308, 1e200, 1e150, 1e-310])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("algorithm", OF_TABLES)
def test_numbers_at_the_ends_of_double_precision_train_or_are_told_to_be_rescaled(
    algorithm: str, scale: bool, magnitude: float
) -> None:
    rows = (np.random.default_rng(0).uniform(-1, 1, (20, 2)) * magnitude).tolist()
    targets = ... if algorithm == "kmeans" else LABELS
    request = body(algorithm=algorithm, instances=rows, targets=targets, hyperparameters={"scale": scale})
    told = ""
    try:
        json.dumps(fit(check_request(request, Limits()), lambda *_: None).manifest, allow_nan=False)
    except InvalidInput as refused:
        told = str(refused)
    assert not told or (magnitude > 1e100 and "rescale" in told)


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        ([[1.0, 2.0], [3.0]], [0, 1], "row 1 has 1"),
        (np.array([["1", "2"], ["3", "4"]]), [0, 1], "expected a number, got '1'"),
        (np.zeros(3), [0, 1, 2], "expected rows × features"),
        (np.zeros((3, 1, 1)), [0, 1, 2], "got 3 axes"),
        (np.array([[1.0], [np.nan]]), [0, 1], r"X\[1\]\[0\]: expected a finite number"),
        (np.zeros((0, 2)), [], "at least one row"),
        (np.zeros((2, 1)), [0.5, 1.0], "integers or booleans"),
        (np.zeros((2, 1)), np.array([0.5, 1.0]), "integers or booleans"),
        (np.zeros((2, 1)), [0, 1, 1], "label for each of 2 rows, got 3"),
        (np.zeros((2, 1)), None, "list of labels"),
        ([[1], [True]], [0, 1], "expected a number, got true"),
        (sparse.csr_matrix([[1.0], [2.0]]), [0, 1], r"got a sparse matrix; X\.toarray\(\) has them all"),
    ],
)
def test_notebooks_are_told_as_well(X: Any, y: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        train_model(X, y)
