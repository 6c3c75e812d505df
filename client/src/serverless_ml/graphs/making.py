"""A fitted object as a graph of ONNX, by the converters of the extra `onnx`.

A graph computes with double precision where its converter can, as most of scikit-learn's do. Trees do not:
their converters round the places where they split, and to compare values that are not rounded with them
goes wrong where a value is such a place. Of single precision both are rounded alike.
"""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from serverless_ml.errors import Fault, InvalidInput, NotInstalled
from serverless_ml.graphs.fitted import LIGHTGBM, SCIKIT_LEARN, XGBOOST, FittedObject
from serverless_ml.graphs.running import run, runtime

if TYPE_CHECKING:
    from serverless_ml._core.onnx.scan import ScannedGraph

EXTRA = (
    "install the client with its extra `onnx`: `pip install './client[onnx]'` in a clone of the project, or "
    "skl2onnx, onnxmltools and onnxruntime beside it"
)
# Operator sets that all converters know.
_OPSETS = {"": 18, "ai.onnx.ml": 3}
_OPSETS_OF_BOOSTERS = 15
_SPLITS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
_MOST_TEXT = 300


class MadeGraph(NamedTuple):
    """A graph: its file, and what that says of itself; `double` where it takes numbers of 64 bits."""

    data: bytes
    scanned: "ScannedGraph"
    double: bool


def check_installed() -> None:
    """Raise `NotInstalled` where the extra is missing."""
    try:
        runtime()
        import onnxmltools  # noqa: F401
        import skl2onnx  # noqa: F401
    except ImportError as error:
        raise NotInstalled(
            f"to turn it into ONNX takes {error.name}, which is not installed: {EXTRA}"
        ) from None


def graph_of(fitted: FittedObject) -> MadeGraph:
    """The graph of a fitted object, which onnxruntime runs here, and which a service takes.

    Raises:
        NotInstalled: the extra is missing.
        InvalidInput: no converter knows a part of it, or the graph has something that no service runs.
    """
    check_installed()
    if fitted.library == SCIKIT_LEARN:
        with contextlib.suppress(InvalidInput):
            made = _tried(fitted, double=True)
            if not any(name in made.scanned.operators for name in _SPLITS):
                return made
    return _tried(fitted, double=False)


def scanned_graph(data: bytes, *, called: str = "this graph") -> "ScannedGraph":
    """What a file of ONNX says of itself. Raises `InvalidInput` for one that no service runs."""
    from serverless_ml._core import errors
    from serverless_ml._core.onnx.scan import scan

    try:
        return scan(data)
    except errors.InvalidInput as error:
        faults = [Fault(fault.path, fault.message) for fault in error.faults]
        raise InvalidInput(
            f"{called} cannot be imported", code=error.code, faults=faults, omitted=error.omitted
        ) from None


def outputs_of(fitted: FittedObject, scanned: "ScannedGraph") -> dict[str, str] | None:
    """What the graph's outputs are to be called; None where only the service can tell."""
    names = [port.name for port in scanned.outputs]
    has_labels = fitted.is_classifier or fitted.library != SCIKIT_LEARN
    if has_labels and len(names) == 2:
        scores = fitted.is_classifier and not hasattr(fitted.estimator, "predict_proba")
        second = "score" if scores else "probability"
        return {"label": names[0], second: names[1]}
    return {"prediction": names[0]} if len(names) == 1 and not fitted.is_classifier else None


def _tried(fitted: FittedObject, *, double: bool) -> MadeGraph:
    convert = {SCIKIT_LEARN: _by_skl2onnx, XGBOOST: _by_xgboost, LIGHTGBM: _by_lightgbm}[fitted.library]
    try:
        # Converters print and warn of what a person can do nothing about.
        with _quiet():
            data = bytes(convert(fitted, double=double).SerializeToString())
    except Exception as error:  # noqa: BLE001 - they raise whatever they meet
        said = " ".join(str(error).split())[:_MOST_TEXT]
        name = type(fitted.estimator).__name__
        raise InvalidInput(f"{name} cannot be turned into ONNX: {type(error).__name__}: {said}") from None
    scanned = scanned_graph(data, called=f"{type(fitted.estimator).__name__}, turned into ONNX,")
    _run_once(data, scanned, fitted)
    return MadeGraph(data, scanned, double)


def _run_once(data: bytes, scanned: "ScannedGraph", fitted: FittedObject) -> None:
    """Raise `InvalidInput` where onnxruntime does not run it."""
    from serverless_ml.graphs.cells import example_of, feed_of

    try:
        run(data, feed_of(scanned, example_of(fitted)))
    except Exception as error:  # noqa: BLE001 - they raise whatever they meet
        said = " ".join(str(error).split())[:_MOST_TEXT]
        raise InvalidInput(f"onnxruntime does not run what it was turned into: {said}") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _by_skl2onnx(fitted: FittedObject, *, double: bool) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    _register_boosters()
    number = DoubleTensorType if double else FloatTensorType
    if fitted.by_column:
        names = fitted.names or tuple(f"x{place}" for place in range(fitted.width))
        types = [
            (name, (StringTensorType if place in fitted.words else number)([None, 1]))
            for place, name in enumerate(names)
        ]
    else:
        types = [("X", (StringTensorType if fitted.words else number)([None, fitted.width]))]
    said = {"initial_types": types, "target_opset": _OPSETS}
    if fitted.is_classifier:
        with contextlib.suppress(NameError, ValueError):  # a last step that knows no such option
            return convert_sklearn(fitted.estimator, options={"zipmap": False}, **said)
    return convert_sklearn(fitted.estimator, **said)


def _by_lightgbm(fitted: FittedObject, *, double: bool) -> Any:  # noqa: ARG001 - it knows single precision alone
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("X", FloatTensorType([None, fitted.width]))]
    return convert_lightgbm(
        fitted.estimator, initial_types=types, target_opset=_OPSETS_OF_BOOSTERS, zipmap=False
    )


def _by_xgboost(fitted: FittedObject, *, double: bool) -> Any:  # noqa: ARG001 - it knows single precision alone
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    estimator = fitted.estimator
    booster = estimator.get_booster() if hasattr(estimator, "get_booster") else estimator
    names = booster.feature_names
    booster.feature_names = None  # the converter reads columns by their numbers
    try:
        types = [("X", FloatTensorType([None, fitted.width]))]
        return convert_xgboost(estimator, initial_types=types, target_opset=_OPSETS_OF_BOOSTERS)
    finally:
        booster.feature_names = names


def _register_boosters() -> None:
    """Have skl2onnx convert steps of LightGBM and XGBoost, of those that are here.

    Their converters import the library itself, which need not be installed where it fitted no step.
    """
    from importlib import import_module

    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes as of_classes,
    )
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes as of_numbers

    converters = {
        "lightgbm": ("LGBM", "lightgbm.operator_converters.LightGbm"),
        "xgboost": ("XGB", "xgboost.operator_converters.XGBoost"),
    }
    for module, (name, place) in converters.items():
        if module not in sys.modules:
            continue
        convert = getattr(import_module(f"onnxmltools.convert.{place}"), f"convert_{module}")
        for kind, shapes in (("Classifier", of_classes), ("Regressor", of_numbers)):
            known = getattr(sys.modules[module], f"{name}{kind}")
            options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
            update_registered_converter(
                known,
                f"{module}{kind}",
                shapes,
                convert,
                options=options if kind == "Classifier" else {"split": None},
            )
