"""What algorithms and their callers expect of each other. For type checkers: no prediction imports it."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.inputs.specs import InputSpec
    from ml_core.preprocessing.scaling import Scaling
    from ml_core.privacy.answers import Answers
    from ml_core.privacy.budget import Noise, PrivacyBudget
    from ml_core.safetensors import Tensor

    # An entry for each row: labels as numbers; else a number, or a row of numbers (also one of one number).
    # Lists or numpy's arrays.
    type Values = Any


class Batch(Protocol):
    """Rows to predict, encoded and scaled as the estimator was fitted to them."""

    request_rows: int
    """How many rows the request has that these are a part of."""
    arithmetic: "Arithmetic[Any] | None"
    """The arithmetic to compute in; None lets the estimator choose by its work."""

    def __len__(self) -> int: ...

    def matrix[M](self, arithmetic: "Arithmetic[M]") -> M:
        """The rows as that arithmetic has them; one-hot columns may stay folded together."""
        ...

    def dense(self) -> "NDArray[np.float64]":
        """The rows as an array, rows × `n_features_in`."""
        ...


class FittedEstimator(Protocol):
    """What an algorithm learnt. Predicting changes nothing in it.

    It may have more members, three of them for people who keep models. `gives_top` says that `predict`
    can be asked for `outputs.TOP`; without it the probabilities are computed where the greatest is to be
    counted. `learnt()` gives a record of `learnt.py`; without it `GET …/parameters` answers that there is
    no description, and explanations are estimates of what `predict` says of other rows.
    `contains_training_rows` says whether its state holds rows that it was fitted to, so that who has the
    artifact has them; else that is unknown. `onnx(graph, X)` adds its nodes to a graph of
    `ml_core/onnx/graph.py` and gives each output's `Value`; without it `GET …/onnx` answers that there is no
    such file. `multiplications(instances)` says how many pictures or sequences take, where a
    request is to be bounded by that.
    """

    @property
    def input(self) -> "InputSpec":
        """What one instance is: for a table's row its numbers after encoding."""
        ...

    @property
    def outputs(self) -> "tuple[OutputSpec, ...]":
        """What `predict` can give; "label" is among them."""
        ...

    @property
    def n_classes(self) -> int | None:
        """How many classes it tells apart; None if its labels are cluster numbers."""
        ...

    @property
    def peak_width(self) -> int:
        """The columns of the widest matrix that predicting makes of the rows."""
        ...

    def predict(self, batch: Any, outputs: "Sequence[str]") -> "Mapping[str, Values]":  # noqa: ANN401
        """The outputs that are asked for, and any others, by name. Raises `NotFinite`.

        Rows of a table come as a `Batch`, pictures and sequences as a `NetworkBatch`.
        """
        ...

    def absorb_scaling(self, scaling: "Scaling") -> "FittedEstimator | None":
        """An equal estimator of rows before the scaling, or None where weights alone cannot say it."""
        ...

    def parameters(self) -> "dict[str, object]":
        """The part of its state that is no tensor, as JSON values."""
        ...

    def tensors(self) -> "dict[str, Tensor]":
        """The tensors of its state; `Algorithm.restore` makes an equal estimator of both parts."""
        ...


class Checkpoints(Protocol):
    """Where a fit that takes longer than one delivery keeps what it continues from.

    What was told of the progress by then is kept with each state. Tell a step before a state is saved that
    has it; or, when a fit continues, tell again what was told after the state that it continues from.
    """

    def latest(self) -> bytes | None:
        """What was saved last, of this request, these data and this release; None at a fit's beginning."""
        ...

    def save(self, state: bytes) -> None:
        """Keep a state in the place of the one before. Save often: it is a file on this machine's disk."""
        ...


class PrivateData(Protocol):
    """The rows of a private training, as sums over them need them.

    Rows are whole numbers of `privacy/rows.py`; each depends on one row of the table alone.
    """

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        ...

    @property
    def numbers(self) -> int:
        """How many of the first columns are of numbers; those after them are flags and words."""
        ...

    @property
    def classes(self) -> int | None:
        """How many classes there are; None where there are none."""
        ...

    @property
    def longest(self) -> int:
        """No row is longer, in the units of rows."""
        ...

    @property
    def budget(self) -> "PrivacyBudget":
        """What may be spent on them."""
        ...

    @property
    def noise(self) -> "Noise":
        """Where noise comes from."""
        ...

    @property
    def candidates(self) -> "Callable[[int], NDArray[np.float64]]":
        """So many rows that might be, chosen without a look at those that are; in units of 1."""
        ...

    def blocks(self) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        """The rows in blocks, and their classes; of rows without classes the second means nothing."""
        ...


class FittedPrivately(NamedTuple):
    """An estimator of rows in units of 1, and what it answers, computed in whole numbers."""

    estimator: FittedEstimator
    answers: "Answers"
