"""Whether a fitted object and what it was turned into say the same of some rows."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from serverless_ml.graphs.fitted import FittedObject
from serverless_ml.graphs.running import run

if TYPE_CHECKING:
    from serverless_ml._core.model.model import Model
    from serverless_ml._core.onnx.scan import ScannedGraph


class Answers(NamedTuple):
    """What was said of rows: labels, or None; and a matrix of numbers, or None, with what they are."""

    labels: list[Any] | None
    numbers: Any
    called: str = ""


class Comparison(NamedTuple):
    """How far two answers are from one another.

    Args:
        rows: of how many rows.
        differing: the rows, from 1, whose labels differ; None where there are no labels.
        largest: the largest difference of two numbers; None where there are none that can be compared.
        called: what the numbers are.
    """

    rows: int
    differing: list[int] | None
    largest: float | None
    called: str

    def lines(self) -> list[str]:
        """It in words."""
        said = []
        if self.differing is not None:
            first = ", ".join(map(str, self.differing[:5])) + (", …" if len(self.differing) > 5 else "")
            said.append(f"{len(self.differing)} labels differ" + (f" (rows {first})" if first else ""))
        if self.largest is not None:
            said.append(f"the largest difference of a {self.called} is {self.largest:.2g}")
        return [f"compared on {self.rows:,} rows: {'; '.join(said) or 'there is nothing to compare'}"]

    def told(self) -> dict[str, Any]:
        """It as a version's origin tells it."""
        differ = None if self.differing is None else len(self.differing)
        return {"rows": self.rows, "labels_differ": differ, "largest_difference": self.largest}


def of_object(fitted: FittedObject, rows: Any) -> Answers:
    """What the object says itself."""
    import numpy as np

    estimator = fitted.estimator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that an array has no names
        if not fitted.is_classifier:
            found = np.asarray(estimator.predict(rows))
            if found.dtype.kind == "i":  # clusters, or what is an outlier
                return Answers(found.ravel().tolist(), None)
            return Answers(None, _matrix(found), "prediction")
        labels = np.asarray(estimator.predict(rows)).ravel().tolist()
        for method, called in (("predict_proba", "probability"), ("decision_function", "score")):
            if hasattr(estimator, method):
                return Answers(labels, _matrix(getattr(estimator, method)(rows)), called)
    return Answers(labels, None)


def of_graph(
    data: bytes, scanned: "ScannedGraph", feed: Mapping[str, Any], classes: Sequence[Any] | None
) -> Answers:
    """What the graph says, with the labels that `classes` calls its own."""
    import numpy as np

    outputs = run(data, feed)
    labels, numbers = None, None
    for port, found in zip(scanned.outputs, outputs, strict=True):
        if port.datatype in ("INT64", "INT32", "BYTES") and labels is None:
            labels = np.asarray(found).ravel().tolist()
        elif port.datatype == "MAPS":
            numbers = np.array([[row[label] for label in sorted(row)] for row in found], float)
        elif numbers is None:
            numbers = _matrix(found)
    if labels is not None and classes is not None:
        known = scanned.classes or tuple(range(len(classes)))
        named = dict(zip(known, classes, strict=False))
        labels = [named.get(label, label) for label in labels]
    return Answers(labels, numbers)


def of_model(model: "Model", rows: Sequence[Mapping[str, Any]], like: Answers) -> Answers:
    """What a model of this project's says; its rows have the columns that it knows."""
    listed = [[row[name] for name in model.features] for row in rows]
    labels = list(model.predict(listed))
    for method, called in (("predict_proba", "probability"), ("decision_function", "score")):
        if like.called == called and hasattr(model, method):
            return Answers(labels, _matrix(getattr(model, method)(listed)), called)
    return Answers(labels, None)


def compared(one: Answers, other: Answers, rows: int) -> Comparison:
    """How far two answers are from one another."""
    differing = None
    if one.labels is not None and other.labels is not None:
        pairs = zip(one.labels, other.labels, strict=True)
        differing = [place for place, (left, right) in enumerate(pairs, 1) if left != right]
    return Comparison(rows, differing, _largest(one.numbers, other.numbers), one.called or other.called)


def _largest(one: Any, other: Any) -> float | None:
    import numpy as np

    if one is None or other is None:
        return None
    if one.shape[1] == 1 and other.shape[1] == 2:  # of two classes a score, and it with its opposite
        other = other[:, 1:]
    if other.shape[1] == 1 and one.shape[1] == 2:
        one = one[:, 1:]
    if one.shape != other.shape:
        return None
    found = np.abs(one - other)
    return float(np.nanmax(found)) if found.size and not np.isnan(found).all() else None


def _matrix(found: Any) -> Any:
    import numpy as np

    array = np.asarray(found, float)
    return array.reshape(len(array), -1)
