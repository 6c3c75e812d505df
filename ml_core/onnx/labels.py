"""The labels that nodes and tensors of a graph name."""

from __future__ import annotations

from ml_core.errors import InvalidInput
from ml_core.onnx.messages import text_of
from ml_core.onnx.stored_tensors import INT64, STRING

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ml_core.onnx.stored_tensors import StoredTensor
    from ml_core.onnx.wire_format import NumberRun

type Labels = tuple[str | int, ...]

MOST_LABELS = 10_000
MOST_LABEL_BYTES = 1024
# Operators that name labels, by their attributes of whole numbers and of words.
NAMING = {
    "ZipMap": ("classlabels_int64s", "classlabels_strings"),
    "TreeEnsembleClassifier": ("classlabels_int64s", "classlabels_strings"),
    "LinearClassifier": ("classlabels_ints", "classlabels_strings"),
    "SVMClassifier": ("classlabels_ints", "classlabels_strings"),
}


def whole_labels(numbers: Iterable[NumberRun], path: str) -> Labels:
    """The labels of an attribute of whole numbers. Raises `InvalidInput`."""
    runs = list(numbers)
    _check(sum(run.total() for run in runs), path)
    return tuple(value for run in runs for value in run.integers())


def word_labels(words: Sequence[memoryview], path: str) -> Labels:
    """The labels of an attribute of words. Raises `InvalidInput`."""
    _check(len(words), path)
    return tuple(text_of(word, f"{path}[{place}]", MOST_LABEL_BYTES) for place, word in enumerate(words))


def listed_labels(tensor: StoredTensor, path: str) -> Labels:
    """The labels of a tensor of words or of int64. Raises `InvalidInput`."""
    return word_labels(tensor.words, path) if tensor.datatype == STRING else tensor.integers()


def may_be_labels(tensor: StoredTensor) -> bool:
    """Whether a tensor is a list of several words or whole numbers, and not too long."""
    return (
        tensor.datatype in (INT64, STRING) and len(tensor.shape) == 1 and 2 <= tensor.elements <= MOST_LABELS
    )


def _check(labels: int, path: str) -> None:
    if labels > MOST_LABELS:
        raise InvalidInput.at(path, f"expected at most {MOST_LABELS:,} labels, got {labels:,}")
