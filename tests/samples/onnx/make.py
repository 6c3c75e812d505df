"""Small ONNX files as other libraries export them, each beside what onnxruntime answers.

    python tests/samples/onnx/make.py [name …]

It needs an environment of its own with onnx, onnxruntime, skl2onnx, onnxmltools, scikit-learn, pandas,
xgboost, lightgbm, torch and onnxscript. Each JSON says under `made_with` which versions made its file;
others change bytes, not what the samples are for. Tables are those that scikit-learn ships, or are computed
here.

`<name>.json` holds `inputs` and `outputs`: `name`, `datatype` and `shape` as in the Open Inference Protocol,
and `data`, which is flat. An output of the datatype MAPS has no shape: its `data` is a list of
`[label, number]` pairs for each row.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROWS = 6
DATATYPES = {
    "float32": "FP32", "float64": "FP64", "float16": "FP16", "bool": "BOOL", "object": "BYTES",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
}  # fmt: skip

Feed = Mapping[str, Any]
Made = tuple[bytes, Feed]


def logistic_regression(*, classes: int, zipmap: bool, double: bool = False) -> Made:
    """Two classes are of whole numbers, three are words."""
    from sklearn.datasets import load_breast_cancer, load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import scale

    table = load_breast_cancer() if classes == 2 else load_wine()
    X = scale(table.data)
    y = table.target if classes == 2 else table.target_names[table.target].astype(str)
    fitted = LogisticRegression().fit(X, y)
    return by_skl2onnx(fitted, X, zipmap=zipmap, double=double)


def pipeline() -> Made:
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_wine(return_X_y=True)
    return by_skl2onnx(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), X, zipmap=False)


def svc(*, classes: int) -> Made:
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC

    X, y = load_iris(return_X_y=True)
    return by_skl2onnx(SVC().fit(X[y < classes], y[y < classes]), X, zipmap=False)


def k_means(*, double: bool) -> Made:
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_iris

    X, _ = load_iris(return_X_y=True)
    return by_skl2onnx(KMeans(3, n_init=1, random_state=0).fit(X), X, double=double)


def forest() -> Made:
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    X, y = load_iris(return_X_y=True)
    return by_skl2onnx(RandomForestClassifier(10, max_depth=4, random_state=0).fit(X, y), X, zipmap=False)


def ridge() -> Made:
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    X, y = load_diabetes(return_X_y=True)
    return by_skl2onnx(Ridge().fit(X, y), X)


def columns() -> Made:
    """One input for each column, words among them."""
    import pandas as pd
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = load_wine(as_frame=True)
    frame = table.data[["alcohol", "proline"]].copy()
    frame["colour"] = pd.cut(table.data.color_intensity, 3, labels=["pale", "ruby", "deep"]).astype(str)
    frame["origin"] = np.where(table.data.hue > 1, "north", "south")
    words, numbers = ["colour", "origin"], ["alcohol", "proline"]
    fitted = make_pipeline(
        ColumnTransformer(
            [("words", OneHotEncoder(handle_unknown="ignore"), words), ("numbers", StandardScaler(), numbers)]
        ),
        LogisticRegression(),
    ).fit(frame, table.target_names[table.target].astype(str))
    types = {name: StringTensorType if name in words else FloatTensorType for name in frame}
    made = to_onnx(
        fitted,
        initial_types=[(name, types[name]([None, 1])) for name in frame],
        options={"zipmap": False},
    )
    some = spread(frame)
    feed = {
        name: np.asarray(some[name], object if name in words else np.float32).reshape(-1, 1) for name in frame
    }
    return made.SerializeToString(), feed


def xgboost() -> Made:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from sklearn.datasets import load_iris
    from xgboost import XGBClassifier

    X, y = load_iris(return_X_y=True)
    fitted = XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1).fit(X, y)
    made = convert_xgboost(fitted, initial_types=[("input", FloatTensorType([None, 4]))], target_opset=15)
    return made.SerializeToString(), {"input": spread(X).astype(np.float32)}


def lightgbm() -> Made:
    from lightgbm import LGBMClassifier
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    fitted = LGBMClassifier(n_estimators=8, num_leaves=7, n_jobs=1, verbose=-1).fit(X, y)
    made = convert_lightgbm(fitted, initial_types=[("input", FloatTensorType([None, 4]))], target_opset=15)
    return made.SerializeToString(), {"input": spread(X).astype(np.float32)}


def mlp(*, old: bool = False) -> Made:
    import torch
    from torch import nn

    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(1))
    drawn = torch.randn(ROWS, 8, generator=torch.Generator().manual_seed(1))
    if old:  # as exporters of 2018: weights are named among the inputs too
        more = {"opset_version": 9, "keep_initializers_as_inputs": True}
        return by_torch(network, drawn, "features", "probabilities", {0: "N"}, dynamo=False, **more)
    return by_torch(network, drawn, "features", "probabilities", {0: "N"})


def cnn(*, fixed: bool = False) -> Made:
    import torch
    from torch import nn

    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8 * 49, 10),
    )  # fmt: skip
    drawn = torch.rand(1 if fixed else 3, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    return by_torch(network, drawn, "image", "scores", {} if fixed else {0: "N"})


def lstm(*, old: bool) -> Made:
    import torch
    from torch import nn

    class Network(nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 8, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, steps: Any) -> Any:
            return self.head(self.lstm(steps)[0][:, -1])

    drawn = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(3))
    axes = {0: "N", 1: "T"}
    return by_torch(Network(), drawn, "steps", "scores", axes, dynamo=not old)


def by_skl2onnx(fitted: Any, X: Any, *, zipmap: bool | None = None, double: bool = False) -> Made:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = DoubleTensorType if double else FloatTensorType
    made = to_onnx(
        fitted,
        initial_types=[("X", kind([None, X.shape[1]]))],
        options=None if zipmap is None else {"zipmap": zipmap},
        target_opset=18,
    )
    return made.SerializeToString(), {"X": spread(X).astype(np.float64 if double else np.float32)}


def by_torch(
    network: Any,
    drawn: Any,
    given: str,
    answer: str,
    axes: Mapping[int, str],
    *,
    dynamo: bool = True,
    **more: Any,
) -> Made:
    """By the exporter of today, or (`dynamo=False`) by that of PyTorch 1 and 2."""
    import torch

    network.eval()
    file = io.BytesIO()
    names = {"input_names": [given], "output_names": [answer]}
    if not dynamo:
        by_name = {given: dict(axes), answer: {0: axes[0]}}
        torch.onnx.export(network, (drawn,), file, dynamo=False, dynamic_axes=by_name, **names, **more)
        return file.getvalue(), {given: drawn.numpy()}
    shapes = ({place: torch.export.Dim(name) for place, name in axes.items()} or None,)
    program = torch.onnx.export(
        network, (drawn,), dynamo=True, external_data=False, dynamic_shapes=shapes, verbose=False, **names
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.onnx"
        program.save(str(path), external_data=False)
        return without_stacks(path.read_bytes()), {given: drawn.numpy()}


def without_stacks(file: bytes) -> bytes:
    """The file without the places in source files that PyTorch notes with each node."""
    import onnx

    model = onnx.load_from_string(file)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    return bytes(model.SerializeToString())


def spread(rows: Any) -> Any:
    """Some rows, evenly spaced."""
    places = np.linspace(0, len(rows) - 1, ROWS).astype(int)
    return rows.iloc[places] if hasattr(rows, "iloc") else rows[places]


def answers(file: bytes, feed: Feed) -> dict[str, Any]:
    """What onnxruntime makes of a feed."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it tells its maker else
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))


def told(name: str, value: Any) -> dict[str, Any]:
    """A value as the JSON has it."""
    if isinstance(value, list):
        pairs = [[[label, float(number)] for label, number in each.items()] for each in value]
        return {"name": name, "datatype": "MAPS", "data": pairs}
    data = value.ravel().tolist()
    return {"name": name, "datatype": DATATYPES[value.dtype.name], "shape": list(value.shape), "data": data}


SAMPLES: dict[str, tuple[Callable[[], Made], tuple[str, ...]]] = {
    "logistic-binary": (lambda: logistic_regression(classes=2, zipmap=False), ("scikit-learn", "skl2onnx")),
    "logistic-binary-maps": (
        lambda: logistic_regression(classes=2, zipmap=True),
        ("scikit-learn", "skl2onnx"),
    ),
    "logistic-words": (lambda: logistic_regression(classes=3, zipmap=False), ("scikit-learn", "skl2onnx")),
    "logistic-words-maps": (
        lambda: logistic_regression(classes=3, zipmap=True),
        ("scikit-learn", "skl2onnx"),
    ),
    "logistic-double": (
        lambda: logistic_regression(classes=3, zipmap=False, double=True),
        ("scikit-learn", "skl2onnx"),
    ),
    "pipeline": (pipeline, ("scikit-learn", "skl2onnx")),
    "columns": (columns, ("scikit-learn", "skl2onnx")),
    "svc-binary": (lambda: svc(classes=2), ("scikit-learn", "skl2onnx")),
    "svc": (lambda: svc(classes=3), ("scikit-learn", "skl2onnx")),
    "kmeans": (lambda: k_means(double=False), ("scikit-learn", "skl2onnx")),
    "kmeans-double": (lambda: k_means(double=True), ("scikit-learn", "skl2onnx")),
    "forest": (forest, ("scikit-learn", "skl2onnx")),
    "ridge": (ridge, ("scikit-learn", "skl2onnx")),
    "xgboost": (xgboost, ("xgboost", "onnxmltools")),
    "lightgbm": (lightgbm, ("lightgbm", "onnxmltools")),
    "torch-mlp": (mlp, ("torch", "onnxscript")),
    "torch-mlp-opset9": (lambda: mlp(old=True), ("torch",)),
    "torch-cnn": (cnn, ("torch", "onnxscript")),
    "torch-cnn-fixed": (lambda: cnn(fixed=True), ("torch", "onnxscript")),
    "torch-lstm": (lambda: lstm(old=True), ("torch",)),
    "torch-lstm-dynamo": (lambda: lstm(old=False), ("torch", "onnxscript")),
}


def main() -> None:
    """Make all of them, or those that are named."""
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or SAMPLES:
        make, packages = SAMPLES[name]
        if "torch" in packages:
            import torch

            torch.manual_seed(0)
        file, feed = make()
        found = answers(file, feed)
        (HERE / f"{name}.onnx").write_bytes(file)
        description = {
            "made_with": {package: version(package) for package in (*packages, "onnxruntime")},
            "inputs": [told(given, value) for given, value in feed.items()],
            "outputs": [told(output, value) for output, value in found.items()],
        }
        (HERE / f"{name}.json").write_text(json.dumps(description) + "\n", encoding="utf-8")
        print(f"{name}: {len(file):,} bytes")


if __name__ == "__main__":
    main()
