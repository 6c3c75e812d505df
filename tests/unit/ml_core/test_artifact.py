"""Artifacts: what was saved predicts the same bits, other bytes are refused, nothing in them runs."""

import contextlib
import json
import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors as library
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core import safetensors, train_model
from ml_core.errors import ArtifactInvalid
from ml_core.inputs.rows import Limits, Rows
from ml_core.model import artifact
from ml_core.model.model import Model
from ml_core.safetensors import Tensor
from tests.unit.ml_core.reference import CLASSIFICATION, packed

HERE = os.path.dirname(os.path.abspath(__file__))
KEPT = os.path.join(HERE, "artifacts")
IRIS = CLASSIFICATION["iris"]
CANCER = CLASSIFICATION["breast_cancer"]


def _far_off() -> Any:
    """Iris in columns whose offset is too large for scaling to be folded."""
    return IRIS.data + 1e6


MODELS: dict[str, Callable[[], Model]] = {
    "logistic_regression": lambda: train_model(IRIS.data, IRIS.target),
    "logistic_regression_two_classes": lambda: train_model(CANCER.data, CANCER.target == 1),
    "logistic_regression_scaled": lambda: train_model(_far_off(), IRIS.target_names[IRIS.target]),
    "svm_linear": lambda: train_model(IRIS.data, IRIS.target, "svm", kernel="linear"),
    "svm_rbf_calibrated": lambda: train_model(IRIS.data, IRIS.target, "svm", probability=True),
    "svm_poly": lambda: train_model(IRIS.data, IRIS.target, "svm", kernel="poly", scale=False, coef0=1),
    "svm_sigmoid": lambda: train_model(CANCER.data, CANCER.target, "svm", kernel="sigmoid", C=0.5),
    "kmeans": lambda: train_model(IRIS.data, algorithm="kmeans", n_clusters=3),
    "kmeans_scaled": lambda: train_model(IRIS.data, algorithm="kmeans", n_clusters=4, scale=True),
}


def rows_for(model: Model) -> Rows:
    data = IRIS.data if len(model.features) == 4 else CANCER.data
    return Rows(packed(data[::10]), data.shape[1])


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]()


def test_a_loaded_model_predicts_the_same_bits(model: Model) -> None:
    loaded = Model.from_bytes(model.to_bytes())
    assert loaded.description == model.description
    assert loaded.outputs == model.outputs
    assert loaded.predict_rows(rows_for(model), model.outputs) == model.predict_rows(
        rows_for(model), model.outputs
    )


def test_dumping_a_loaded_model_gives_the_same_bytes(model: Model) -> None:
    data = model.to_bytes()
    assert Model.from_bytes(data).to_bytes() == data
    assert Model.from_bytes(data).nbytes == len(data)


def test_training_again_gives_the_same_bytes(model: Model, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["model"]
    assert MODELS[name]().to_bytes() == model.to_bytes()


def test_the_library_reads_what_is_written(model: Model) -> None:
    entries = dict(library.deserialize(model.to_bytes()))  # type: ignore[no-untyped-call]
    assert set(entries) >= set(model.estimator.tensors())
    for name, tensor in model.estimator.tensors().items():
        assert entries[name]["dtype"] == "F64"
        assert tuple(entries[name]["shape"]) == tensor.shape
        assert bytes(entries[name]["data"]) == bytes(tensor.packed)


@pytest.mark.parametrize("name", ["logistic_regression", "logistic_regression_scaled", "svm_linear"])
def test_scaling_is_folded_where_that_is_precise(name: str) -> None:
    assert (MODELS[name]().scaling is None) == (name != "logistic_regression_scaled")


@pytest.mark.parametrize("kept", sorted(os.listdir(KEPT)))
def test_artifacts_of_every_format_so_far_are_read(kept: str) -> None:
    """Each file holds an artifact (hexadecimal), rows, and what the release that wrote it predicted."""
    with open(os.path.join(KEPT, kept), encoding="utf-8") as file:
        told = json.load(file)
    loaded = Model.from_bytes(bytes.fromhex(told["artifact"]))
    predicted = loaded.predict_rows(loaded.rows(told["rows"], limits=Limits()), loaded.outputs)
    expected = told["predictions"]
    if isinstance(expected, list):  # format 1 was written down when outputs had places
        places = zip(("label", "probability", "decision", "distance"), expected, strict=True)
        expected = {output: values for output, values in places if values is not None}
    assert predicted.keys() == expected.keys()
    for output, values in predicted.items():
        if isinstance(values[0], str):
            assert values == expected[output]
        else:
            np.testing.assert_allclose(values, expected[output], rtol=1e-12, atol=0)


def test_there_is_an_artifact_of_the_present_format_for_each_algorithm() -> None:
    from ml_core import algorithms

    assert {f"{artifact.FORMAT}-{name}.json" for name in algorithms.names()} <= set(os.listdir(KEPT))


SMALL = train_model([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]] * 3, [True, False, True] * 3).to_bytes()


def test_any_changed_bit_is_noticed() -> None:
    for position in range(len(SMALL)):
        for bit in (1, 0x80):
            changed = bytearray(SMALL)
            changed[position] ^= bit
            with pytest.raises(ArtifactInvalid):
                Model.from_bytes(bytes(changed))


def test_any_cut_or_continuation_is_noticed() -> None:
    for wrong in [SMALL[:length] for length in range(len(SMALL))] + [
        SMALL + b"\0",
        SMALL + SMALL,
        b"\0" + SMALL,
    ]:
        with pytest.raises(ArtifactInvalid):
            Model.from_bytes(wrong)


@given(data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: SMALL[:200] + tail))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactInvalid):
        Model.from_bytes(data)


def with_header(header: Any, content: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + content


METADATA = {"__metadata__": {"serverless-ml": "{}", "sha256": ""}}
F64 = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x05\x95",  # a pickle
        b"\xff" * 16,
        struct.pack("<Q", 2**63) + b"{}",
        with_header(b"\xff\xfe"),
        with_header(b"[" * 100_000),
        with_header(b'{"a":' * 50_000),
        with_header([]),
        with_header({}),
        with_header({"__metadata__": None}),
        with_header({"__metadata__": {"serverless-ml": 1}}),
        with_header({"__metadata__": {"serverless-ml": "[]"}}),
        with_header({"__metadata__": {"serverless-ml": "{"}}),
        with_header({**METADATA, "a": F64}, b""),
        with_header({**METADATA, "a": F64}, b"\0" * 16),
        with_header({**METADATA, "a": {**F64, "dtype": "F32"}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "shape": [2]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "shape": [0], "data_offsets": [0, 0]}}),
        with_header({**METADATA, "a": {**F64, "shape": [True]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "shape": [1, 1, 1]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "shape": [-1]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "shape": [2**60, 2**60]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "data_offsets": [8, 0]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "data_offsets": [0, 8.0]}}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "data_offsets": [0]}}, b"\0" * 8),
        with_header({**METADATA, "a": F64, "b": F64}, b"\0" * 8),
        with_header({**METADATA, "a": {**F64, "more": 1}}, b"\0" * 8),
        with_header({**METADATA, "a": 1}),
        with_header({**METADATA, "a": F64}, struct.pack("<d", float("nan"))),
        with_header({**METADATA, "a": F64}, struct.pack("<d", float("inf"))),
        with_header(METADATA),
        with_header({**METADATA, **{str(index): F64 for index in range(100)}}, b"\0" * 8),
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactInvalid):
        Model.from_bytes(data)


type Change = Callable[[dict[str, Any], dict[str, Tensor]], None]


def forged(change: Change, name: str) -> bytes:
    """An artifact whose content was changed and whose checksum fits."""
    description, content = safetensors.read(MODELS[name]().to_bytes())
    change(description, content)
    return safetensors.write(description, content)


def _set(**values: Any) -> Change:
    return lambda description, _: description.update(values)


def _set_parameter(**values: Any) -> Change:
    return lambda description, _: description["parameters"].update(values)


def _without(name: str) -> Change:
    def change(description: dict[str, Any], content: dict[str, Tensor]) -> None:
        content.pop(name, None)
        description.pop(name, None)
        description.get("parameters", {}).pop(name, None)

    return change


# Of the calibrated SVM: what its description, and the parameters in it, must not say.
NAMES = ("os", "..errors", "__init__", "logistic_regression", "kmeans", "", None, 1, "svm.py", "/etc")
KERNEL = {"kind": "rbf", "gamma": 1.0, "coef0": 0.0, "degree": 3}
DESCRIPTIONS: dict[str, tuple[Any, ...]] = {
    "format": (0, 4, "1", None, True, []),
    "algorithm": NAMES,
    "features": ([], ["a"], None, 4, [1, 2, 3, 4], "abcd", ["a", "b", "c", "a"]),
    "classes": ([], None, [0, 1], [0, 0, 1], [0, 1, "2"], [0, 1, 2.0], [[0], [1], [2]], "abc", [0, 1, True]),
    "parameters": (None, [], {}, 1),
    "hyperparameters": (None, 1, "abc"),
}
PARAMETERS: dict[str, tuple[Any, ...]] = {
    "classes": (-1, 0, 1, 2, 4, "3", None, 10**9),
    "counts": ([], [1, 1, 1], None, [-1, 1, 2], ["a"], [10**9] * 3),
    "intercepts": ([], [1.0], None, ["a"] * 3, "abc"),
    "calibration": ({}, [], 1, {"slopes": [1], "offsets": [1]}, {"slopes": [1, 2, None], "offsets": [1] * 3}),
    "kernel": (
        None, "rbf", {}, {**KERNEL, "kind": "cubic"}, {**KERNEL, "gamma": -1.0}, {**KERNEL, "gamma": "1"},
        {**KERNEL, "degree": 0}, {**KERNEL, "degree": 1.5}, {**KERNEL, "coef0": None},
    ),
    "surplus": (1,),
}  # fmt: skip
MISSING = ("vectors", "dual", "scaling.mean", "scaling.scale", "counts", "kernel", "classes", "format")
# Of any model: tensors that do not fit.
TENSORS: list[tuple[str, str, Tensor]] = [
    ("logistic_regression", "surplus", Tensor.of([1.0])),
    ("logistic_regression", "weights", Tensor.of([1.0] * 12)),
    ("logistic_regression", "weights", Tensor.of([1.0] * 12, 4, 3)),
    ("logistic_regression_scaled", "scaling.scale", Tensor.of([0.0] * 4)),
    ("logistic_regression_scaled", "scaling.scale", Tensor.of([-1.0] * 4)),
    ("logistic_regression_scaled", "scaling.mean", Tensor.of([1.0] * 3)),
    ("kmeans", "centres", Tensor.of([1.0] * 4)),
    ("svm_linear", "weights", Tensor.of([1.0] * 8, 2, 4)),
]


def _tensor(name: str, value: Tensor) -> Change:
    return lambda _, content: content.update({name: value})


FORGERIES: list[tuple[str, Change]] = [
    *(("svm_rbf_calibrated", _set(**{name: wrong})) for name, each in DESCRIPTIONS.items() for wrong in each),
    *(
        ("svm_rbf_calibrated", _set_parameter(**{name: wrong}))
        for name, each in PARAMETERS.items()
        for wrong in each
    ),
    *(("svm_rbf_calibrated", _without(name)) for name in MISSING),
    *((name, _tensor(tensor, value)) for name, tensor, value in TENSORS),
    ("logistic_regression", _without("weights")),
    ("logistic_regression", _without("intercepts")),
    ("kmeans", _without("centres")),
    ("kmeans", _set(classes=["a", "b", "c"])),
]


@pytest.mark.parametrize("forgery", range(len(FORGERIES)))
def test_a_forged_description_is_refused_though_its_checksum_fits(forgery: int) -> None:
    name, change = FORGERIES[forgery]
    with pytest.raises(ArtifactInvalid):
        Model.from_bytes(forged(change, name))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_forged_number_of_the_description_is_refused_or_harmless(seed: int) -> None:
    random = np.random.default_rng(seed)
    description, content = safetensors.read(SMALL)
    text = json.dumps(description)
    position = int(random.integers(len(text)))
    with contextlib.suppress(ValueError, ArtifactInvalid):
        character = '0123456789-.e"[]{}n'[random.integers(19)]
        changed = json.loads(text[:position] + character + text[position + 1 :])
        loaded = Model.from_bytes(safetensors.write(changed, content))
        assert isinstance(loaded, Model)


def test_the_container_takes_every_datatype_and_rank_and_the_library_reads_it() -> None:
    arrays: dict[str, Any] = {
        "picture": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        "weights": np.linspace(-1, 1, 120, dtype=np.float32).reshape(2, 3, 4, 5),
        "counts": np.array([[-(2**62)], [2**62]], dtype=np.int64),
        "numbers": np.array([0.1, -2.5]),
        **{f"layer {number}": np.full(1, float(number)) for number in range(200)},
    }
    names = {"uint8": "U8", "float32": "F32", "int64": "I64", "float64": "F64"}
    tensors = {
        name: Tensor(array.shape, array.tobytes(), names[str(array.dtype)]) for name, array in arrays.items()
    }
    data = safetensors.write({"a": 1}, tensors)
    described, read = safetensors.read(data)
    assert described == {"a": 1}
    assert {name: (each.dtype, each.shape, bytes(each.packed)) for name, each in read.items()} == {
        name: (each.dtype, each.shape, each.packed) for name, each in tensors.items()
    }
    theirs = dict(library.deserialize(data))  # type: ignore[no-untyped-call]
    assert {name: bytes(each["data"]) for name, each in theirs.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_a_number_that_is_none_is_refused_in_every_float(wrong: float, kind: str) -> None:
    array = np.array([[1.0, 3e38 if kind == "<f4" else 1e308], [0.0, wrong]], dtype=kind)
    data = safetensors.write(
        {}, {"a": Tensor(array.shape, array.tobytes(), "F32" if kind == "<f4" else "F64")}
    )
    with pytest.raises(ArtifactInvalid, match="not finite"):
        safetensors.read(data)
    safetensors.read(data, finite=False)


@pytest.mark.parametrize("dtype", ["F32", "I64", "U8"])
def test_an_algorithm_of_ours_takes_no_other_datatype(dtype: str) -> None:
    sizes = {"F32": 4, "I64": 8, "U8": 1}
    description, content = safetensors.read(SMALL)
    name, tensor = next(iter(content.items()))
    content[name] = Tensor(tensor.shape, bytes(sizes[dtype] * tensor.size), dtype)
    with pytest.raises(ArtifactInvalid):
        Model.from_bytes(safetensors.write(description, content))
