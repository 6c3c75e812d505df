"""Graphs of ONNX become versions, and are asked as any other version is."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from serverless_ml import (
    AsyncClient,
    Client,
    Conflict,
    InvalidArgument,
    InvalidInput,
    JobFailed,
    ServiceError,
)

from client.tests.service import ROOT, Service

SAMPLES = ROOT / "tests" / "samples" / "onnx"
IRIS = ["sepal length", "sepal width", "petal length", "petal width"]
KINDS = ["setosa", "versicolor", "virginica"]


def sample(name: str) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A file, and what onnxruntime took and gave of it, as arrays by name."""
    told = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    inputs, outputs = ({each["name"]: _array(each) for each in told[kind]} for kind in ("inputs", "outputs"))
    return SAMPLES / f"{name}.onnx", inputs, outputs


def _array(each: dict[str, Any]) -> Any:
    if each["datatype"] == "MAPS":
        return each["data"]
    return np.array(each["data"], object if each["datatype"] == "BYTES" else None).reshape(each["shape"])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_rows_of_a_frame_are_answered_as_the_file_says(ml: Client, frame: Callable[..., Any]) -> None:
    path, inputs, outputs = sample("lightgbm")
    (X,), shares = inputs.values(), outputs["probabilities"]
    version = ml.import_onnx(
        "boosted", path, features=IRIS, classes=KINDS, example=X[:2], origin={"description": "of a study"}
    )
    assert (version.algorithm, version.features, version.classes) == ("onnx", IRIS, KINDS)
    assert version.graph is not None
    assert version.graph["form"] == "matrix"
    assert version.registered is not None
    assert version.registered["origin"]["description"] == "of a study"
    rows = frame({name: X[:, place] for place, name in enumerate(IRIS)} | {"another": X[:, 0]})
    assert list(ml.predict("boosted", rows)) == [KINDS[label] for label in outputs["label"]]
    both = ml.predict("boosted", rows, outputs=["label", "probability"])
    found = np.column_stack([both[f"probability_{name}"] for name in KINDS])
    expected = np.array([[share for _, share in row] for row in shares])
    assert np.abs(found - expected).max() < 1e-6


def test_a_frame_with_words_is_answered_as_the_file_says(ml: Client) -> None:
    path, inputs, outputs = sample("columns")
    rows = pd.DataFrame({name: values[:, 0] for name, values in inputs.items()})
    version = ml.import_onnx("wines", path.read_bytes())
    assert (version.features, version.graph["form"] if version.graph else None) == (list(inputs), "columns")
    label, shares = outputs.values()
    assert list(ml.predict("wines", rows)) == label.tolist()
    answered = ml.predict("wines", rows, outputs=["probability"])
    assert np.abs(answered.to_numpy() - shares).max() < 1e-6
    assert list(ml.predict("wines", rows.to_dict("records"))) == label.tolist()


def test_numbers_of_a_regression_are_a_list(ml: Client) -> None:
    path, inputs, outputs = sample("ridge")
    ml.import_onnx("diabetes", path)
    (X,), (expected,) = inputs.values(), outputs.values()
    assert np.asarray(ml.predict("diabetes", X), float) == pytest.approx(expected.ravel(), rel=1e-5)


@pytest.mark.parametrize("name", ["torch-cnn", "torch-cnn-fixed", "torch-lstm"])
def test_tensors_are_answered_as_the_file_says(ml: Client, name: str) -> None:
    path, inputs, outputs = sample(name)
    (X,), (expected,) = inputs.values(), outputs.values()
    ml.import_onnx(name, path, outputs={"decision": next(iter(outputs))}, classes=range(expected.shape[1]))
    for sent in (X, X.astype(np.float32), X.tolist(), list(X)):
        found = np.asarray(ml.predict(name, sent, outputs=["decision"]), float)
        assert found.reshape(expected.shape) == pytest.approx(expected, abs=1e-5)
    assert list(ml.predict(name, X)) == expected.argmax(1).tolist()


def test_what_the_service_refuses_is_told_with_its_place(ml: Client, tmp_path: Path) -> None:
    broken = (SAMPLES / "ridge.onnx").read_bytes().replace(b"LinearRegressor", b"LinearRegressoR")
    with pytest.raises(JobFailed) as failed:
        ml.import_onnx("refused", broken)
    assert [fault.path for fault in failed.value.faults] == ["model.graph.node[0].op_type"]
    with pytest.raises(JobFailed, match="a pickle"):
        ml.import_onnx("refused", b"\x80\x04\x95pickle")
    with pytest.raises(InvalidInput) as refused:
        ml.import_onnx("refused", SAMPLES / "ridge.onnx", features=["a", "a"])
    assert [fault.path for fault in refused.value.faults] == ["$.features[1]"]
    with pytest.raises(FileNotFoundError):
        ml.import_onnx("refused", tmp_path / "nothing")
    with pytest.raises(InvalidArgument, match="serverless-ml import"):
        ml.import_onnx("refused", object())
    assert "refused" not in list(ml.models())


def test_where_nobody_runs_graphs_it_says_what_to_deploy(tmp_path: Path) -> None:
    with Service(tmp_path, ML_ONNX="") as off, Client(off.url, progress=False) as client:
        with pytest.raises(ServiceError, match="onnx: yes") as refused:
            client.import_onnx("boosted", SAMPLES / "lightgbm.onnx")
        assert (refused.value.status, refused.value.code) == (501, "not_deployed")


async def _imported(url: str) -> Any:
    async with AsyncClient(url, progress=False) as client:
        job = await client.import_onnx("awaited", SAMPLES / "lightgbm.onnx", wait=False)
        return await job.wait()


def test_it_is_awaited_too(ml: Client) -> None:
    assert asyncio.run(_imported(ml.url)).algorithm == "onnx"


def test_a_copy_says_the_same(ml: Client, tmp_path: Path) -> None:
    names = {"label": "label", "chance": "probabilities"}
    said = ml.import_onnx(
        "copied-graph", SAMPLES / "lightgbm.onnx", features=IRIS, classes=KINDS, outputs=names
    )
    with Service(tmp_path, ML_ONNX="here") as other, Client(other.url, progress=False) as there:
        made = ml.copy("copied-graph", to=there)
        assert (made.graph, made.sha256) == (said.graph, said.sha256)
        row = [dict(zip(IRIS, (5.1, 3.5, 1.4, 0.2), strict=True))]
        answers = [each.predict("copied-graph", row, outputs=["label", "chance"]) for each in (ml, there)]
        assert answers[0] == answers[1]
    assert made.registered is not None
    assert made.registered["origin"]["version"]["service"] == ml.url


def test_what_it_cannot_do_is_told(ml: Client) -> None:
    ml.import_onnx("told", SAMPLES / "ridge.onnx")
    with pytest.raises(InvalidInput, match=r"imported graph of ONNX.*\.onnx\(path\)"):
        ml.load("told")
    with pytest.raises(Conflict, match="it is not explained"):
        ml.explain("told", [[0] * 10])
