"""Graphs of others as models of ours: what onnxruntime answers, or refused at the node that is another's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from ml_core.converting.onnx_graphs import from_onnx
from ml_core.errors import InvalidInput, NotConverted
from ml_core.onnx.graph import DOUBLE, FLOAT, INT64, Graph
from ml_core.registering.checking import check_artifact
from ml_core.training.notebook import train_model
from tests.unit.ml_core.onnx_files.files import SAMPLES, sample
from tests.unit.ml_core.onnx_runtime import options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ml_core.inputs.labels import Label
    from ml_core.model.model import Model
    from ml_core.onnx.graph import Value

# The samples that are converted, and how far numbers may be off: those of float32 have seven digits.
CONVERTED = {
    "logistic-binary": 1e-6,
    "logistic-binary-maps": 1e-6,
    "logistic-words": 1e-6,
    "logistic-words-maps": 1e-6,
    "logistic-double": 1e-14,
    "pipeline": 1e-6,
    "svc-binary": 1e-5,
    "kmeans": 2e-4,
    "kmeans-double": 1e-12,
}
# The others, and the node at which they end.
REFUSED = {
    "columns": ("model.graph.input[2]", "BYTES"),
    "forest": ("model.graph.node[0]", "TreeEnsembleClassifier"),
    "lightgbm": ("model.graph.node[0]", "TreeEnsembleClassifier"),
    "xgboost": ("model.graph.node[0]", "TreeEnsembleClassifier"),
    "ridge": ("model.graph.node[0]", "LinearRegressor"),
    "svc": ("model.graph.node[2]", "Less"),
    "torch-mlp": ("model.graph.node[1]", "Relu"),
    "torch-mlp-opset9": ("model.graph.node[1]", "Relu"),
    "torch-cnn": ("model.graph.input[0]", "[None, 1, 28, 28]"),
    "torch-cnn-fixed": ("model.graph.input[0]", "[1, 1, 28, 28]"),
    "torch-lstm": ("model.graph.input[0]", "[None, None, 3]"),
    "torch-lstm-dynamo": ("model.graph.input[0]", "[None, None, 3]"),
}


def test_every_sample_is_one_or_the_other() -> None:
    assert {file.stem for file in SAMPLES.glob("*.onnx")} == CONVERTED.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", CONVERTED)
def test_samples_answer_as_onnxruntime(name: str) -> None:
    """On the rows that are kept, and on two thousand around them."""
    told = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    model = from_onnx(sample(name))
    (given,) = told["inputs"]
    rows = np.array(given["data"]).reshape(given["shape"])
    kept = {each["name"]: each["data"] for each in told["outputs"]}
    label = next(key for key in kept if "label" in key)
    assert model.predict_rows(model.rows_of(rows), ["label"])["label"] == kept[label]
    chance = np.random.default_rng(0)
    some = rows[chance.integers(len(rows), size=2_000)] * chance.normal(1, 0.2, (2_000, rows.shape[1]))
    if given["datatype"] == "FP32":
        some = some.astype(np.float32)
    assert_same(sample(name), model, some, CONVERTED[name])


def assert_same(data: bytes, model: Model, rows: Any, most: float) -> None:
    """Labels are equal, and other outputs as near as this to one of the model's."""
    session = onnxruntime.InferenceSession(data, options())
    (given,) = session.get_inputs()
    answers = session.run(None, {given.name: rows})
    ours = model.predict_rows(model.rows_of(rows.astype(np.float64)), model.outputs)
    for port, answer in zip(session.get_outputs(), answers, strict=True):
        if port.type in ("tensor(float)", "tensor(double)") or isinstance(answer, list):
            assert nearest(answer, ours, model, len(rows)) <= most, port.name
        else:
            assert answer.ravel().tolist() == ours["label"], port.name


def nearest(answer: Any, ours: dict[str, list[Any]], model: Model, rows: int) -> float:
    """The largest difference to that output of the model's which is nearest; of two classes one may stand."""
    if isinstance(answer, list):
        answer = np.array([[row[label] for label in model.classes or ()] for row in answer])
    answer = answer.reshape(rows, -1)
    found = [np.array(ours[name]).reshape(rows, -1) for name in ours if name != "label"]
    found += [each[:, 1:] for each in found if each.shape[1] == 2]
    found += [
        np.hstack([sign * each, -sign * each]) for each in found for sign in (-1, 1) if each.shape[1] == 1
    ]
    return min(float(np.abs(each - answer).max()) for each in found if each.shape == answer.shape)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_where(name: str) -> None:
    with pytest.raises(NotConverted) as error:
        from_onnx(sample(name))
    (fault,) = error.value.faults
    path, said = REFUSED[name]
    assert fault.path == path
    assert said in fault.message


CHANCE = np.random.default_rng(7)
TABLE = CHANCE.normal(5, 3, (90, 4))
SPREAD = TABLE * np.array([1.0, 100.0, 0.01, 1.0]) + np.array([0.0, 5_000.0, 0.0, -3.0])
HINGE = {"kernel": "linear", "loss": "squared_hinge"}


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 7], [True, False], ["a", "b", "c"], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize(
    ("algorithm", "chosen"),
    [
        ("logistic_regression", {}),
        ("logistic_regression", {"scale": False}),
        ("svm", HINGE),
        ("svm", HINGE | {"scale": False}),
    ],
)
@pytest.mark.parametrize("table", [TABLE, SPREAD], ids=["plain", "spread"])
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_our_own_classifiers_come_back(
    table: Any, algorithm: str, chosen: dict[str, object], labels: list[Label]
) -> None:
    places = (np.argsort(np.argsort(TABLE[:, 0])) * len(labels)) // len(TABLE)
    fitted = train_model(
        pd.DataFrame(table, columns=["a", "b", "c d", "ü"]),
        [labels[place] for place in places],
        algorithm=algorithm,
        hyperparameters=chosen,
    )
    model = from_onnx(fitted.to_onnx())
    assert (model.algorithm, model.features, model.classes) == (algorithm, fitted.features, fitted.classes)
    assert model.outputs == fitted.outputs
    assert_same(fitted.to_onnx(), model, table, 1e-9)


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("table", [TABLE, SPREAD], ids=["plain", "spread"])
def test_our_own_clusters_come_back(table: Any, scale: bool) -> None:
    fitted = train_model(
        table.tolist(), algorithm="kmeans", hyperparameters={"n_clusters": 4, "scale": scale}
    )
    model = from_onnx(fitted.to_onnx())
    assert (model.algorithm, model.features, model.classes) == ("kmeans", fitted.features, None)
    assert model.estimator.tensors()["centres"].rows == fitted.estimator.tensors()["centres"].rows
    assert_same(fitted.to_onnx(), model, table, 1e-9)


class Writing:
    """A graph of three columns, and what is made of them step by step, each drawn."""

    def __init__(self, seed: int, datatype: int = DOUBLE) -> None:
        self.chance = np.random.default_rng(seed)
        self.graph = Graph(["x", "label", "scores"])
        self.datatype = datatype
        self.x = self.graph.input("x", datatype, ["N", 3])

    def numbers(self, *shape: int, least: float | None = None) -> Value:
        drawn = self.chance.normal(0, 1, shape) if least is None else self.chance.uniform(least, 3, shape)
        return self.graph.constant(
            self.datatype, shape, drawn.astype("<f4" if self.datatype == FLOAT else "<f8").tobytes()
        )

    def scaled(self, value: Value) -> Value:
        """One to three steps that move and scale columns."""
        for _ in range(int(self.chance.integers(1, 4))):
            shape = ((3,), (1, 3), (1,), ())[int(self.chance.integers(4))]
            operator = ("Add", "Sub", "Mul", "Div")[int(self.chance.integers(4))]
            number = self.numbers(*shape, least=0.5)
            both = (value, number)
            if operator in ("Add", "Mul") and self.chance.random() < 0.5:
                both = (number, value)
            value = self.graph.node(operator, *both)
        return value

    def linear(self, value: Value, classes: int, width: int = 3) -> Value:
        if self.chance.random() < 0.5:
            product = self.graph.node("MatMul", value, self.numbers(width, classes))
            return self.graph.node("Add", product, self.numbers(classes))
        alpha, beta = float(np.float32(self.chance.uniform(-2, 2))), 0.5
        return self.graph.node(
            "Gemm",
            value,
            self.numbers(classes, width),
            self.numbers(1, classes),
            transB=1,
            alpha=alpha,
            beta=beta,
        )

    def done(self, label: Value | None, scores: Value | None, width: int) -> bytes:
        if label is not None:
            self.graph.output("label", label, ["N"])
        if scores is not None:
            self.graph.output("scores", scores, ["N", width])
        return self.graph.to_bytes("drawn", version=1, properties={})


@pytest.mark.parametrize("seed", range(40))
def test_drawn_classifiers(seed: int) -> None:
    drawn = Writing(seed)
    classes = int(drawn.chance.integers(2, 6))
    hidden = drawn.linear(drawn.scaled(drawn.x), 4) if seed % 3 == 0 else drawn.scaled(drawn.x)
    scores = drawn.linear(hidden, classes, 4 if seed % 3 == 0 else 3)
    shares = drawn.graph.node("Softmax", scores, axis=(1, -1)[seed % 2])
    place = drawn.graph.node("ArgMax", (scores, shares)[seed // 2 % 2], axis=1, keepdims=0, datatype=INT64)
    names = drawn.graph.words([f"c{number}" for number in range(classes)])
    data = drawn.done(drawn.graph.node("Gather", names, place), shares, classes)
    model = from_onnx(data, features=["a", "b", "c"])
    assert model.algorithm == "logistic_regression"
    assert model.features == ("a", "b", "c")
    assert_same(data, model, drawn.chance.normal(0, 2, (300, 3)), 1e-9)


@pytest.mark.parametrize("classes", [1, 2, 3, 6])
@pytest.mark.parametrize("activation", [None, "Softmax", "Sigmoid"])
def test_a_layer_of_a_network(classes: int, activation: str | None) -> None:
    """As PyTorch has it: no labels, which the caller knows."""
    drawn = Writing(classes, FLOAT)
    scores = drawn.linear(drawn.x, classes)
    answer = drawn.graph.node(activation, scores) if activation else scores
    data = drawn.done(None, answer, classes)
    labels = [f"c{number}" for number in range(max(2, classes))]
    possible = {None: classes != 2, "Softmax": classes > 1, "Sigmoid": classes == 1}
    if not possible[activation]:
        with pytest.raises(NotConverted):
            from_onnx(data, classes=labels)
        return
    model = from_onnx(data, classes=labels)
    assert model.algorithm == ("logistic_regression" if activation else "svm")
    assert model.classes == tuple(labels)
    assert_same(data, model, drawn.chance.normal(0, 2, (300, 3)).astype(np.float32), 1e-5)
    with pytest.raises(InvalidInput, match=r"^classes: expected .* got none: the graph names none$"):
        from_onnx(data)
    assert_same(data, from_onnx(data, classes=labels), drawn.chance.normal(0, 2, (9, 3)).astype("f4"), 1e-5)
    mixed: list[Any] = [[1.5, *labels[1:]], [None, *labels[1:]], [[], *labels[1:]], [1, *labels[1:]]]
    for wrong in (labels[1:], [*labels, "more"], ["c0"] * len(labels), *mixed):
        with pytest.raises(InvalidInput, match=r"^classes: expected "):
            from_onnx(data, classes=wrong)


def test_columns_in_inputs_of_their_own() -> None:
    """Their names are those of the inputs, and one that nothing looks at is no feature."""
    graph = Graph(["b", "a", "unused"])
    first, second, _ = (graph.input(name, DOUBLE, ["N", 1]) for name in ("b", "a", "unused"))
    rows = graph.node("Concat", second, first, axis=1)
    scores = graph.node("Gemm", rows, graph.doubles([1.0, -2.0], 1, 2), graph.doubles([0.5]), transB=1)
    graph.output("scores", graph.node("Sigmoid", scores), ["N", 1])
    data = graph.to_bytes("columns", version=1, properties={})
    model = from_onnx(data, classes=["no", "yes"])
    assert model.features == ("a", "b")
    feed = {name: np.array([[1.0], [3.0]]) * (2 if name == "b" else 1) for name in ("a", "b", "unused")}
    (answer,) = onnxruntime.InferenceSession(data, options()).run(None, feed)
    found = model.predict_rows(model.rows_of(np.array([[1.0, 2.0], [3.0, 6.0]])), ["probability"])[
        "probability"
    ]
    assert np.allclose(np.array(found)[:, 1], answer[:, 0], atol=1e-12)


def changed(name: str, change: Callable[[onnx.ModelProto], object]) -> bytes:
    read = onnx.load_from_string(sample(name))
    change(read)
    return bytes(read.SerializeToString())


def attribute(read: onnx.ModelProto, node: int, name: str) -> Any:
    return next(each for each in read.graph.node[node].attribute if each.name == name)


def weight(read: onnx.ModelProto, name: str, change: Callable[[Any], Any]) -> None:
    held = next(each for each in read.graph.initializer if each.name == name)
    held.CopyFrom(onnx.numpy_helper.from_array(change(onnx.numpy_helper.to_array(held).copy()), name))


def _transform(kind: bytes) -> Callable[[onnx.ModelProto], object]:
    return lambda read: setattr(attribute(read, 0, "post_transform"), "s", kind)


@pytest.mark.parametrize(
    ("name", "change", "path"),
    [
        # What is nearly k-means, and is not.
        ("kmeans", lambda m: weight(m, "Ad_Addcst", lambda numbers: numbers * 1.001), "node[5]"),
        ("kmeans-double", lambda m: weight(m, "Ad_Addcst", lambda numbers: numbers + 1e-6), "node[5]"),
        ("kmeans", lambda m: setattr(attribute(m, 2, "alpha"), "f", -1.5), "node[5]"),
        ("kmeans", lambda m: setattr(attribute(m, 5, "axis"), "i", 0), "node[5]"),
        ("kmeans", lambda m: setattr(m.graph.node[5], "op_type", "ArgMax"), "node[5]"),
        ("kmeans", lambda m: weight(m, "Mu_Mulcst", lambda numbers: numbers + 1), "node[1]"),
        # One class against the rest, and other transforms.
        ("logistic-words", _transform(b"LOGISTIC"), "node[1]"),
        ("logistic-words", _transform(b"PROBIT"), "node[0]"),
        ("logistic-words", _transform(b"SOFTMAX_ZERO"), "node[0]"),
        ("logistic-words", _transform(b"NONE"), "node[1]"),
        ("logistic-binary", lambda m: attribute(m, 0, "coefficients").floats.__setitem__(0, 9), ""),
        ("pipeline", lambda m: setattr(attribute(m, 2, "norm"), "s", b"L2"), "node[2]"),
        ("pipeline", lambda m: attribute(m, 0, "scale").floats.__setitem__(0, float("nan")), "node[0]"),
        # Labels that are not those.
        ("logistic-binary", lambda m: attribute(m, 0, "classlabels_ints").ints.append(2), "node[0]"),
        ("logistic-binary-maps", lambda m: attribute(m, 2, "classlabels_int64s").ints.reverse(), ""),
        ("logistic-binary-maps", lambda m: setattr(attribute(m, 1, "to"), "i", 1), "node[1]"),
        ("logistic-double", lambda m: setattr(attribute(m, 2, "axis"), "i", 0), "node[2]"),
        ("logistic-double", lambda m: setattr(m.graph.node[3], "op_type", "LogSoftmax"), "node[3]"),
        # An input of another type, and an output that nobody makes.
        ("pipeline", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 7), "input[0]"),
        ("pipeline", lambda m: setattr(m.graph.output[1], "name", "nobody"), ""),
        ("pipeline", lambda m: setattr(m.graph.output[1], "name", "variable"), "output.variable"),
    ],
)
def test_what_is_nearly_one_of_them(
    name: str, change: Callable[[onnx.ModelProto], object], path: str
) -> None:
    from_onnx(sample(name))
    with pytest.raises(NotConverted) as error:
        from_onnx(changed(name, change))
    assert [fault.path for fault in error.value.faults] == [f"model.graph.{path}".rstrip(".")]


def test_one_label_for_each_row_is_enough() -> None:
    """Of a graph that gives labels alone the scores are decisions here."""

    def label_alone(read: onnx.ModelProto) -> None:
        del read.graph.output[1]

    data = changed("logistic-double", label_alone)
    model = from_onnx(data)
    assert (model.algorithm, model.outputs) == ("svm", ("label", "decision"))
    assert_same(data, model, np.random.default_rng(1).normal(0, 2, (300, 13)), 0)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (["a"], "features: expected 13 names, one for each column, got 1"),
        ([*"abcdefghijkla"], r"features\[12\]: expected a name, once, got 'a'"),
        ([*"abcdefghijkl", ""], r"features\[12\]: expected a name, once, got ''"),
        ([*"abcdefghijkl", 7], r"features\[12\]: expected a name, once, got 7"),
        ([*"abcdefghijkl", "\ud800"], r"features\[12\]: expected a name, once, got "),
    ],
)
def test_names_of_the_features(features: Sequence[Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{said}"):
        from_onnx(sample("pipeline"), features=features)
    assert from_onnx(sample("pipeline"), features=[*"abcdefghijklm"]).features == tuple("abcdefghijklm")


def test_classes_that_the_graph_names_itself() -> None:
    names = ["class_0", "class_1", "class_2"]
    assert from_onnx(sample("logistic-words"), classes=names).classes == tuple(names)
    with pytest.raises(InvalidInput, match=r"^classes: expected those of the graph"):
        from_onnx(sample("logistic-words"), classes=["a", "b", "c"])
    with pytest.raises(InvalidInput, match=r"^classes: expected none, clusters have numbers, got 3"):
        from_onnx(sample("kmeans"), classes=names)


def test_what_may_not_be_imported_is_not_converted_either() -> None:
    with pytest.raises(InvalidInput, match=r"^model: expected ") as error:
        from_onnx(b"no model")
    assert not isinstance(error.value, NotConverted)


def test_a_model_that_comes_of_it_is_explained_and_stored() -> None:
    model = from_onnx(sample("pipeline"))
    assert type(model).from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()
    assert model.learnt() is not None


@pytest.mark.parametrize("kernel", ["LINEAR", "RBF", "POLY", "SIGMOID"])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_support_vector_machines(kernel: str, classes: int) -> None:
    """As skl2onnx writes SVC: the labels are onnxruntime's, and of two classes the decision."""
    chance = np.random.default_rng(classes)
    counts = [int(count) for count in chance.integers(1, 6, classes)]
    pairs = classes * (classes - 1) // 2
    node = onnx.helper.make_node(
        "SVMClassifier", ["X"], ["label", "scores"], domain="ai.onnx.ml",
        classlabels_ints=[7 * number for number in range(classes)],
        coefficients=chance.normal(0, 1, (classes - 1) * sum(counts)).tolist(),
        kernel_params=[0.5, 0.25, 3.0], kernel_type=kernel, post_transform="NONE",
        rho=chance.normal(0, 1, pairs).tolist(), vectors_per_class=counts,
        support_vectors=chance.normal(0, 1, sum(counts) * 3).tolist(),
    )  # fmt: skip
    outputs = [onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, [None])]
    if classes == 2:
        outputs.append(onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [None, 2]))
    given = onnx.helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, [None, 3])
    graph = onnx.helper.make_graph([node], "svm", [given], outputs)
    opsets = [onnx.helper.make_opsetid("ai.onnx.ml", 1), onnx.helper.make_opsetid("", 18)]
    data = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    model = from_onnx(data)
    assert (model.algorithm, model.outputs) == ("svm", ("label", "decision"))
    assert_same(data, model, chance.normal(0, 1, (500, 3)).astype(np.float32), 1e-4)


def test_a_shape_of_more_columns_than_there_is_room_for() -> None:
    def wide(read: onnx.ModelProto) -> None:
        read.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40

    with pytest.raises(
        NotConverted, match=r"^model\.graph\.input\[0\]: expected rows .* at most 100,000 of them"
    ):
        from_onnx(changed("pipeline", wide))


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("activation", ["Softmax", None])
def test_labels_in_another_order(classes: int, activation: str | None) -> None:
    """A model has them in ascending order, which registering asks for."""
    drawn = Writing(classes)
    scores = drawn.linear(drawn.x, classes)
    place = drawn.graph.node("ArgMax", scores, axis=1, keepdims=0, datatype=INT64)
    labels = [f"c{number}" for number in drawn.chance.permutation(classes)]
    if classes == 2:
        labels = ["yes", "no"]
    label = drawn.graph.node("Gather", drawn.graph.words(labels), place)
    data = drawn.done(label, drawn.graph.node(activation, scores, axis=1) if activation else None, classes)
    model = from_onnx(data)
    assert model.classes == tuple(sorted(labels))
    check_artifact(model.to_bytes())
    rows = drawn.chance.normal(0, 2, (200, 3))
    answers = onnxruntime.InferenceSession(data, options()).run(None, {"x": rows})
    assert model.predict(rows).tolist() == answers[0].tolist()
    if activation:
        order = [labels.index(str(name)) for name in model.classes]
        found = model.predict_rows(model.rows_of(rows), ["probability"])["probability"]
        assert np.allclose(found, answers[1][:, order], atol=1e-12)


@pytest.mark.parametrize("labels", [None, ["b", "a", "c"], [True, False]])
def test_places_of_classes_are_their_labels_unless_they_are_given(labels: list[Label] | None) -> None:
    classes = len(labels) if labels else 4
    drawn = Writing(5)
    place = drawn.graph.node("ArgMax", drawn.linear(drawn.x, classes), axis=1, keepdims=0, datatype=INT64)
    data = drawn.done(place, None, classes)
    model = from_onnx(data, classes=labels)
    rows = drawn.chance.normal(0, 2, (200, 3))
    (answer,) = onnxruntime.InferenceSession(data, options()).run(None, {"x": rows})
    assert model.predict(rows).tolist() == [labels[each] if labels else each for each in answer]


@pytest.mark.parametrize("name", CONVERTED)
def test_what_comes_of_samples_may_be_registered(name: str) -> None:
    check_artifact(from_onnx(sample(name)).to_bytes())


def test_labels_of_machines_stay_in_their_order() -> None:
    def reverse(read: onnx.ModelProto) -> None:
        attribute(read, 0, "classlabels_ints").ints.reverse()

    with pytest.raises(NotConverted, match=r"^model\.graph: expected labels in ascending order"):
        from_onnx(changed("svc-binary", reverse))
