"""Algorithms are discovered, models answer what they are asked, and nothing changes while they do."""

import copy
import os
from typing import Any

import numpy as np
import pytest

from ml_core import algorithms, predict, train_model
from ml_core.arithmetic.bounds import BLOCK_NUMBERS
from ml_core.errors import AlgorithmNotFound, InvalidInput
from ml_core.inputs.kinds import TABLE
from ml_core.inputs.rows import Rows
from ml_core.model.model import Model
from tests.unit.ml_core.data_frames import DataFrame
from tests.unit.ml_core.reference import CLASSIFICATION, packed

IRIS, CANCER = CLASSIFICATION["iris"], CLASSIFICATION["breast_cancer"]
CHOSEN: dict[str, dict[str, Any]] = {"svm": {"probability": True}, "kmeans": {"n_clusters": 3}}


OF_TABLES = [name for name, info in algorithms.algorithms().items() if TABLE in info.algorithm.takes]


@pytest.fixture(params=OF_TABLES)
def model(request: pytest.FixtureRequest) -> Model:
    y = None if request.param == "kmeans" else IRIS.target_names[IRIS.target]
    return train_model(IRIS.data, y, request.param, **CHOSEN.get(request.param, {}))


def rows(X: Any) -> Rows:
    return Rows(packed(np.asarray(X)), np.shape(X)[1])


def test_the_algorithms_are_the_files_of_their_folder() -> None:
    files = os.listdir(os.path.dirname(algorithms.__file__))
    contract = {"__init__.py", "base.py", "contract.py", "learnt.py", "outputs.py", "one_versus_rest.py"}
    shared = {f"network_{part}.py" for part in ("estimator", "hyperparameters", "sizes", "training")}
    found = {file[:-3] for file in files if file.endswith(".py") and file not in contract | shared}
    assert set(algorithms.algorithms()) == set(algorithms.names()) == found
    assert {"logistic_regression", "svm", "kmeans"} <= found


@pytest.mark.parametrize(
    "name",
    [
        "forest",
        "",
        "__init__",
        "base",
        "contract",
        "learnt",
        "outputs",
        "tasks",
        "network_sizes",
        "..errors",
        "svm.py",
        "SVM",
    ],
)
def test_a_name_that_is_no_file_is_no_algorithm(name: str) -> None:
    with pytest.raises(AlgorithmNotFound):
        algorithms.algorithm(name)


def test_a_file_in_the_folder_is_an_algorithm(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new algorithm is one file: nothing else has to name it."""
    source = os.path.join(os.path.dirname(algorithms.__file__), "kmeans.py")
    with open(source, encoding="utf-8") as file:
        (tmp_path / "another.py").write_text(file.read(), encoding="utf-8")
    monkeypatch.setattr(algorithms, "__path__", [str(tmp_path)])
    assert algorithms.names() == ["another"]
    assert algorithms.algorithm("another").title == "k-means clustering"


def test_predicting_changes_nothing(model: Model) -> None:
    before = copy.deepcopy(model.description), model.estimator.parameters(), dict(model.estimator.tensors())
    first = model.predict_rows(rows(IRIS.data), model.outputs)
    assert model.predict_rows(rows(IRIS.data), model.outputs) == first
    after = model.description, model.estimator.parameters(), model.estimator.tensors()
    assert repr(after[:2]) == repr(before[:2])
    assert {name: bytes(tensor.packed) for name, tensor in after[2].items()} == {
        name: bytes(tensor.packed) for name, tensor in before[2].items()
    }


def test_permuted_rows_give_permuted_predictions(model: Model) -> None:
    order = np.random.default_rng(0).permutation(len(IRIS.data))
    straight, permuted = (predict(model, X) for X in (IRIS.data, IRIS.data[order]))
    assert [straight[index] for index in order] == permuted


def test_only_what_is_asked_is_given(model: Model) -> None:
    for output in model.outputs:
        assert list(model.predict_rows(rows(IRIS.data[:2]), [output])) == [output]


@pytest.mark.parametrize("outputs", [[], ["labels"], ["label", "nothing"]])
def test_an_output_that_a_model_lacks_is_told(model: Model, outputs: list[str]) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.outputs.*label"):
        model.predict_rows(rows(IRIS.data), outputs)


def test_an_svm_without_calibration_has_no_probability() -> None:
    model = train_model(IRIS.data, IRIS.target, "svm")
    assert "probability" not in model.outputs
    with pytest.raises(InvalidInput, match="this model gives label, decision; it has no 'probability'"):
        predict(model, IRIS.data, "probability")


def test_cells_count_the_values_of_an_answer(model: Model) -> None:
    answer = model.predict_rows(rows(IRIS.data[:7]), model.outputs)
    assert model.cells(7, model.outputs) == sum(np.size(values) for values in answer.values())


def test_shapes_are_scikit_learns() -> None:
    two, three = train_model(CANCER.data, CANCER.target), train_model(IRIS.data, IRIS.target)
    assert np.shape(predict(two, CANCER.data, "decision")) == (569,)
    assert np.shape(predict(two, CANCER.data, "probability")) == (569, 2)
    assert np.shape(predict(three, IRIS.data, "decision")) == (150, 3)


@pytest.mark.parametrize(
    ("labels", "kind"), [(["b", "a"], str), ([7, -3], int), ([True, False], bool), ([2**62, 2**62 + 1], int)]
)
@pytest.mark.parametrize("algorithm", ["logistic_regression", "svm"])
def test_labels_come_back_as_they_were(algorithm: str, labels: list[Any], kind: type) -> None:
    y = [labels[number % 2] for number in range(20)]
    X = [[float(number % 2), float(number)] for number in range(20)]
    model = train_model(X, y, algorithm)
    assert model.classes == tuple(sorted(labels))
    assert predict(model, X) == y
    assert {type(label) for label in predict(model, X)} == {kind}


@pytest.mark.parametrize("algorithm", ["logistic_regression", "svm"])
def test_class_weights_are_keyed_by_the_labels_text(algorithm: str) -> None:
    """Weighing a class by 3 is what three copies of its rows are."""
    X, y = IRIS.data[50:], (IRIS.target[50:] == 1).tolist()
    chosen: dict[str, Any] = {"tol": 1e-8, "max_iter": 100_000, "scale": False}
    if algorithm == "svm":
        chosen["gamma"] = 0.1
    weighted = train_model(X, y, algorithm, class_weight={"true": 3.0}, **chosen)
    copies = [2 * label + 1 for label in y]
    repeated = train_model(np.repeat(X, copies, axis=0), np.repeat(y, copies), algorithm, **chosen)
    one, other = (predict(model, X, "decision") for model in (weighted, repeated))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_blocks_bound_the_memory_and_change_no_label() -> None:
    """A matrix of 10,000 rows × 2,000 vectors would be 160 MB."""
    import tracemalloc

    random = np.random.default_rng(0)
    X, y = random.normal(size=(1_500, 10)), random.integers(0, 2, 1_500)
    model = train_model(X, y, "svm", C=10.0)
    assert model.estimator.peak_width > 1_000
    many = rows(random.normal(size=(10_000, 10)))
    assert len(many) * model.estimator.peak_width > 2 * BLOCK_NUMBERS
    tracemalloc.start()
    labels = model.predict_rows(many)["label"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 8 * BLOCK_NUMBERS
    few = rows(np.frombuffer(many.packed).reshape(-1, 10)[-50:])
    assert labels is not None
    assert model.predict_rows(few)["label"] == labels[-50:]


@pytest.mark.parametrize("count", [1, 2_000])
@pytest.mark.parametrize("name", ["svm poly", "logistic_regression", "kmeans"])
def test_a_row_whose_result_overflows_is_refused_at_its_place(name: str, count: int) -> None:
    algorithm, _, kernel = name.partition(" ")
    y = None if algorithm == "kmeans" else IRIS.target
    chosen: dict[str, Any] = {"kernel": kernel} if kernel else {}
    model = train_model(IRIS.data, y, algorithm, scale=False, **chosen)
    X = np.repeat(IRIS.data[:1], count, axis=0)
    X[count - 1] = [1.7e308, -1.7e308, 1.7e308, -1.7e308]
    with pytest.raises(InvalidInput) as refused:
        model.predict_rows(rows(X))
    assert refused.value.faults[0].path == f"$.instances[{count - 1}]"


def test_a_data_frames_columns_are_found_by_name() -> None:
    named = dict(zip(["a", "b", "c", "d"], IRIS.data.T, strict=True))
    model = train_model(DataFrame(named), IRIS.target)
    assert model.features == ("a", "b", "c", "d")
    turned = DataFrame(dict(reversed(named.items())))
    assert predict(model, turned) == predict(model, IRIS.data)
    with pytest.raises(InvalidInput, match="expects the columns d"):
        predict(model, DataFrame({name: named[name] for name in "abc"}))


@pytest.mark.parametrize(
    "given", [list, tuple, np.asarray, np.ascontiguousarray, np.asfortranarray, list[Any]]
)
def test_rows_may_be_lists_tuples_or_arrays(given: Any) -> None:
    model = train_model(IRIS.data, IRIS.target)
    assert predict(model, given(IRIS.data.tolist())) == predict(model, IRIS.data)
    assert predict(model, [given(row) for row in IRIS.data.tolist()]) == predict(model, IRIS.data)
