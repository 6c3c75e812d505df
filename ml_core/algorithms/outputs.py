"""What an estimator gives for a row: named outputs, each with what its values are and their shape."""

from __future__ import annotations

from math import prod

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

# What an output's values are: class or cluster numbers, or numbers.
LABEL, NUMBER = "label", "number"


class OutputSpec:
    """One output of an estimator: its name, what its values are, and the shape of a row's value.

    The shape `()` is one number for each row, `(k,)` a list of k. Names that have a meaning everywhere:
    "label", class or cluster numbers, which every estimator gives; "probability" and "decision", in the order
    of the classes, where of two classes a decision is one number, positive for the second; "distance".
    `datatype` is the Open Inference Protocol's word for the values, where they are no labels.
    """

    __slots__ = ("datatype", "kind", "name", "shape", "width")

    def __init__(
        self, name: str, shape: tuple[int, ...] = (), kind: str = NUMBER, datatype: str = "FP64"
    ) -> None:
        self.name = name
        self.shape = shape
        self.kind = kind
        self.datatype = datatype
        self.width = prod(shape)  # how many values a row has


LABELS = OutputSpec("label", kind=LABEL)

# What may be asked of an estimator that `gives_top`, though it is no output for callers: the greatest
# probability of each row, a list. To count it is then cheaper than to compute all probabilities.
TOP = "top probability"

# scikit-learn's methods, after which MLServer names the outputs of its models. Either name is taken where an
# output is asked for; what is not here has one name everywhere.
METHODS = {
    "label": "predict",
    "probability": "predict_proba",
    "decision": "decision_function",
    "distance": "transform",
}


def by_every_name(specs: Mapping[str, OutputSpec]) -> dict[str, OutputSpec]:
    """Outputs by each of the names that they may be asked by. Where two claim a name, it is its owner's."""
    return {METHODS[name]: spec for name, spec in specs.items() if name in METHODS} | dict(specs)
