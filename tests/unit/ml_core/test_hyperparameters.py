"""Hyperparameters: one declaration checks a request and is shown as JSON Schema."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core import algorithms
from ml_core.errors import InvalidInput
from ml_core.hyperparameters import AnyOf, Flag, Integer, Kind, ListOf, Number, OneOf, Weights

KINDS: dict[str, Kind] = {
    "number": Number(least=0, most=5),
    "number above": Number(above=0, most=1e6),
    "integer": Integer(-1, 7),
    "flag": Flag(),
    "words": OneOf("a", "b", None),
    "numbers": OneOf(1, 3, 7),
    "words and numbers": OneOf("a", 3, None),
    "list": ListOf(Integer(1, 3), 0, 2),
    "list of words": ListOf(OneOf("a", None), 1, 2),
    "weights": Weights(),
    "any": AnyOf(OneOf("auto"), Integer(1, 3), Number(above=10, most=20)),
}
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 25)
    | st.floats(-3, 25)
    | st.sampled_from(["a", "b", "c", "auto", 10**400, 1e6, 0.0, -0.0, 3.0, 7.5]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("name", KINDS)
@given(value=json_values)
@settings(max_examples=150)
def test_a_kind_takes_just_what_its_schema_allows(name: str, value: Any) -> None:
    from ml_core.hyperparameters import REFUSED

    kind = KINDS[name]
    allowed = jsonschema.Draft202012Validator(kind.schema()).is_valid(value)
    assert (kind.read(value) is not REFUSED) == allowed


@pytest.mark.parametrize("name", algorithms.names())
def test_an_algorithms_schema_is_valid_and_allows_its_own_defaults(name: str) -> None:
    info = algorithms.algorithms()[name]
    schema: Any = info.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {each: declared["default"] for each, declared in schema["properties"].items()}
    jsonschema.validate(defaults, schema)
    assert info.check({}) == info.check(defaults) == defaults
    assert all(declared["description"] for declared in schema["properties"].values())


@pytest.mark.parametrize("name", ["kmeans", "logistic_regression", "svm"])
def test_defaults_are_scikit_learns(name: str) -> None:
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    estimators = {"logistic_regression": LogisticRegression, "svm": SVC, "kmeans": KMeans}
    theirs = estimators[name]().get_params()
    ours = algorithms.algorithm(name).check({})
    ours_alone = {"scale", "probability", "loss"}
    assert {key: theirs.get(key, "none") for key in ours if key not in ours_alone} == {
        key: value for key, value in ours.items() if key not in ours_alone
    }


def test_a_loss_that_does_not_go_with_the_rest_is_refused() -> None:
    check = algorithms.algorithm("svm").check
    assert check({"loss": "squared_hinge", "kernel": "linear"})["loss"] == "squared_hinge"
    with pytest.raises(InvalidInput) as refused:
        check({"loss": "squared_hinge", "probability": True})
    assert {fault.path: fault.message for fault in refused.value.faults} == {
        "$.hyperparameters.loss": "'squared_hinge' needs the kernel 'linear', got 'rbf'",
        "$.hyperparameters.probability": (
            "expected false with the loss 'squared_hinge', got true; 'hinge' is calibrated"
        ),
    }


@pytest.mark.parametrize("wrong", [[], "C", 1, None, True])
def test_hyperparameters_are_an_object(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.hyperparameters: expected an object"):
        algorithms.algorithm("svm").check(wrong)


def test_each_wrong_hyperparameter_is_told() -> None:
    given = {"C": 0, "kernel": "cubic", "gama": 1, "class_weight": {"yes": -1}, "max_iter": 0, "a b": 1}
    with pytest.raises(InvalidInput) as refused:
        algorithms.algorithm("svm").check(given)
    paths = [fault.path for fault in refused.value.faults]
    assert sorted(paths) == sorted(
        [f"$.hyperparameters.{name}" for name in ("C", "kernel", "gama", "class_weight", "max_iter")]
        + ['$.hyperparameters["a b"]']
    )
    messages = {fault.path: fault.message for fault in refused.value.faults}
    assert messages["$.hyperparameters.C"] == "expected a number above 0 to 1e+10, got 0"
    assert messages["$.hyperparameters.gama"].startswith(
        "svm has no such hyperparameter; it has kernel, loss, C, gamma"
    )


def test_equal_values_of_other_types_are_one_hyperparameter() -> None:
    """1 and 1.0 train equal models, so they must give equal artifacts."""
    check = algorithms.algorithm("svm").check
    assert repr(check({"C": 1, "degree": 3.0, "gamma": 2})) == repr(
        check({"C": 1.0, "degree": 3, "gamma": 2.0})
    )


def test_the_lists_of_a_network_are_read_and_told() -> None:
    check = algorithms.algorithm("cnn").check
    assert check({"channels": [8.0], "dense": [], "kernel_size": 5.0}) == check(
        {"channels": [8], "dense": [], "kernel_size": 5}
    )
    with pytest.raises(InvalidInput) as refused:
        check({"channels": [], "dense": [0], "kernel_size": 4, "pooling": 3})
    messages = {
        fault.path.removeprefix("$.hyperparameters."): fault.message for fault in refused.value.faults
    }
    assert messages == {
        "channels": "expected a list of 1 to 6, each an integer from 1 to 256, got a list of 0",
        "dense": "expected a list of 0 to 3, each an integer from 1 to 1024, got a list of 1",
        "kernel_size": "expected 1 or 3 or 5 or 7, got 4",
        "pooling": 'expected "max" or "average", got 3',
    }
