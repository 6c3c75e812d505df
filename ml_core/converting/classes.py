"""The labels of a fitted classifier."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.fitted import attribute, is_text, refuse
from ml_core.errors import shown

if TYPE_CHECKING:
    from ml_core.inputs.labels import Label


def labels_of(classifier: Any, path: str) -> "tuple[Label, ...]":  # noqa: ANN401 - scikit-learn is untyped
    """Its classes as Python's strings, integers or truth values, in its order. Raises `NotConverted`."""
    classes = np.asarray(attribute(classifier, "classes_", path))
    if classes.ndim != 1 or len(classes) < 2:
        refuse(path, "expected classes_ of two classes or more: its state does not fit together")
    labels = [each.item() if hasattr(each, "item") else each for each in classes]
    kinds = {type(label) for label in labels}
    if kinds not in ({str}, {int}, {bool}):
        example = next((label for label in labels if type(label) not in (str, int, bool)), labels[0])
        advice = "y.astype(int) are integers" if kinds == {float} else "y.astype(str) are strings"
        refuse(
            path,
            f"expected strings, integers or truth values as labels, all of one kind, got {shown(example)}: "
            f"fit it to such labels; {advice}",
        )
    if kinds == {int} and not all(-(2**63) <= label < 2**63 for label in labels):
        refuse(path, "a label is past 64 bits with a sign: fit it to smaller numbers, or to y.astype(str)")
    if len(set(labels)) != len(labels):
        refuse(path, "two of its classes are the same: fit it again")
    if kinds == {str} and not all(map(is_text, labels)):
        refuse(path, "a label is no text (half of a surrogate pair): replace it, and fit it again")
    return tuple(labels)
