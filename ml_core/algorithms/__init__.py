"""One file for each algorithm: its hyperparameters, `fit`, and a fitted state that predicts.

A file of this folder that sets `ALGORITHM` is an algorithm, under the file's name; nothing else lists it.
What it does not have to care for is done once, around it: labels become class numbers from 0, scaling,
splitting and measuring (`training/`), and the artifact's bytes (`model/artifact.py`).
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ml_core import hyperparameters
from ml_core.errors import AlgorithmNotFound, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.hyperparameters import Hyperparameter
    from ml_core.inputs.columns import Feature
    from ml_core.preprocessing.scaling import Preparation, Scaling
    from ml_core.safetensors import Tensor

CLASSIFICATION = "classification"
CLUSTERING = "clustering"


class Answers[M](NamedTuple):
    """What a fitted state says of some rows: class numbers always, the rest where asked, as matrices."""

    labels: list[int]
    probabilities: M | None = None
    decisions: M | None = None
    distances: M | None = None


class Fitted(Protocol):
    """What an algorithm learnt. Predicting changes nothing in it."""

    @property
    def outputs(self) -> dict[str, int]:
        """How many values a row has in each output that `answer` can give.

        Of "label", "probability", "decision" and "distance".
        """
        ...

    @property
    def features(self) -> int:
        """How many features it was fitted on."""
        ...

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart; None if its labels are cluster numbers."""
        ...

    @property
    def columns(self) -> int:
        """The columns of the widest matrix that `answer` makes of the rows."""
        ...

    def answer[M](self, arithmetic: "Arithmetic[M]", X: M, outputs: "Sequence[str]") -> Answers[M]:
        """The answers for rows of features. Raises `arithmetic.NotFinite`."""
        ...

    def folded(self, scaling: "Scaling") -> "Fitted | None":
        """An equal state that takes rows before the scaling, or None where weights alone cannot say it."""
        ...

    def parameters(self) -> "dict[str, object]":
        """The part of its state that is no tensor, as JSON values."""
        ...

    def tensors(self) -> "dict[str, Tensor]":
        """The tensors of its state; `Algorithm.restore` makes an equal state of both parts."""
        ...


# `Table` and `Algorithm` are no `NamedTuple`s: those compile annotations that are strings, at a quarter of
# the cost of starting Python.
class Table:
    """Rows to fit: features `X` (rows × features), and `y`, the class number of each row, or None."""

    def __init__(
        self,
        X: "NDArray[np.float64]",
        y: "NDArray[np.int64] | None",
        seed: int,
        columns: "tuple[Feature, ...] | None" = None,
    ) -> None:
        self.X = X
        self.y = y
        self.seed = seed
        # What the columns are, where they are more than numbers without gaps; X is then as in `features`.
        self.columns = columns


class Size(NamedTuple):
    """How much there is to fit: rows, and how many of them the rarest class has (None without classes)."""

    rows: int
    rarest: int | None


class Algorithm:
    """An algorithm as its file declares it.

    `objections` says what speaks against fitting so much data with some hyperparameters. `fit` gives the
    state fitted to a table, and what rows pass before they reach it. `restore` makes a state of
    its `parameters` and `tensors`, taking out of both what it knows; it raises `KeyError`, `TypeError`,
    `ValueError` or `ArtifactInvalid` where it cannot. `objective` is what is optimised, as a name among the
    metrics.
    """

    def __init__(
        self,
        *,
        title: str,
        task: str,
        objective: str,
        hyperparameters: "tuple[Hyperparameter, ...]",
        objections: "Callable[[Size, Mapping[str, Any]], list[Fault]]",
        fit: "Callable[[Table, Mapping[str, Any]], tuple[Fitted, Preparation]]",
        restore: "Callable[[dict[str, Any], dict[str, Tensor]], Fitted]",
    ) -> None:
        self.title = title
        self.task = task
        self.objective = objective
        self.hyperparameters = hyperparameters
        self.objections = objections
        self.fit = fit
        self.restore = restore


def no_objections(size: Size, chosen: "Mapping[str, Any]") -> list[Fault]:  # noqa: ARG001 - the contract's shape
    """For an algorithm that takes every amount of data."""
    return []


class AlgorithmInfo:
    """An algorithm and its name, for those who list algorithms and check requests."""

    def __init__(self, name: str, algorithm: Algorithm) -> None:
        self.name = name
        self.algorithm = algorithm
        self.title = algorithm.title
        self.task = algorithm.task

    def schema(self) -> dict[str, object]:
        """The JSON Schema of the hyperparameters, with defaults and meanings."""
        return hyperparameters.schema(self.algorithm.hyperparameters)

    def check(self, given: object, where: str = "$.hyperparameters") -> dict[str, object]:
        """The hyperparameters with defaults filled in. Raises `InvalidInput`."""
        return hyperparameters.check(self.algorithm.hyperparameters, given, where, algorithm=self.name)


def names() -> list[str]:
    """The algorithms' names, which are the names of this folder's files."""
    files = [file for folder in __path__ for file in os.listdir(folder)]
    return sorted(
        stem for stem, extension in map(os.path.splitext, files) if extension == ".py" and stem != "__init__"
    )


def algorithm(name: str) -> AlgorithmInfo:
    """One algorithm; only its own file is imported. Raises `AlgorithmNotFound`."""
    if name not in names():  # before the import: a name that somebody sent must not choose what code runs
        raise AlgorithmNotFound(f"no algorithm is called {name!r}; there are {', '.join(names())}")
    declared: Algorithm = import_module(f"{__name__}.{name}").ALGORITHM
    return AlgorithmInfo(name, declared)


def algorithms() -> dict[str, AlgorithmInfo]:
    """Every algorithm by name. Imports neither numpy nor scikit-learn."""
    return {name: algorithm(name) for name in names()}
