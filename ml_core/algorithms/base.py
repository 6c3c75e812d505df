"""The contract of an algorithm, and what most of them share.

An algorithm's file says `ALGORITHM = Algorithm(…)`. Its `fit` gives a fitted estimator, whose `predict` gives
the outputs that it declares. `contract.py` has the types of both; what runs is here.
"""

from __future__ import annotations

from ml_core import hyperparameters
from ml_core.arithmetic import choose
from ml_core.errors import Fault, InvalidInput, member, raise_faults
from ml_core.inputs.kinds import TABLE

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.algorithms.contract import (
        Batch,
        Checkpoints,
        FittedEstimator,
        FittedPrivately,
        PrivateData,
        Values,
    )
    from ml_core.algorithms.outputs import OutputSpec
    from ml_core.algorithms.tasks import Task
    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.hyperparameters import Hyperparameter
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.samples import Samples, TableSamples
    from ml_core.onnx.graph import Graph, Value
    from ml_core.preprocessing.scaling import Preprocessing
    from ml_core.safetensors import Tensor


# The classes here are no `NamedTuple`s and no protocols: those compile their annotations when they are
# imported, at a quarter of the cost of starting Python.
class TrainingData:
    """What to fit: samples, and `y`, the class number of each, or None.

    Args:
        samples: rows of a table, pictures, sequences or texts, as in `inputs/samples.py`.
        y: int64, from 0; None where the task takes no targets.
        seed: what randomness starts from.
        groups: the group of each sample, int64, where samples of one group stay on one side of every split.
    """

    def __init__(
        self,
        samples: Samples,
        y: NDArray[np.int64] | None,
        seed: int,
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        self.samples = samples
        self.y = y
        self.seed = seed
        self.groups = groups

    @property
    def X(self) -> NDArray[np.float64]:  # noqa: N802 - the field's name for a matrix of features
        """Rows of a table × features: float64, NaN where a value is missing."""
        return self._table.X

    @property
    def columns(self) -> tuple[Feature, ...] | None:
        """What a table's columns are, where they are more than numbers without gaps."""
        return self._table.columns

    @property
    def _table(self) -> TableSamples:
        from ml_core.inputs.samples import TableSamples

        assert isinstance(self.samples, TableSamples), "these samples are no rows of a table"  # noqa: S101
        return self.samples


class DataSize:
    """How much there is to fit, and in how much time.

    Args:
        rows: how many samples.
        rarest: how many of them the rarest class has; None without classes.
        shape: of a picture its height, width and channels; of a step of a sequence -1 and its numbers; of
            text, and of what is not known yet, None.
        steps: how many steps all sequences have together; None where that is not known yet.
        seconds: how long a training may take that is continued; None where nothing bounds it.
    """

    __slots__ = ("rarest", "rows", "seconds", "shape", "steps")

    def __init__(
        self,
        rows: int,
        rarest: int | None,
        shape: tuple[int, ...] | None = None,
        steps: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self.rows = rows
        self.rarest = rarest
        self.shape = shape
        self.steps = steps
        self.seconds = seconds

    def within(self, seconds: float | None) -> DataSize:
        """As much data, to be fitted in so much time."""
        return DataSize(self.rows, self.rarest, self.shape, self.steps, seconds)


class FitContext:
    """What a running `fit` may tell and ask.

    Args:
        progress: told how much of how much is done, and the metrics reached by then; the job shows the
            percentage, the version keeps the metrics as its history.
        deadline: when a fit that has checkpoints should have saved one and raised `Unfinished`, in seconds
            since the epoch; None where nothing ends it. A little later it is killed.
        checkpoints: keeps what a longer fit continues from; None where a fit cannot be continued.
        seconds: how long a training may take that is continued, all together; None where nothing bounds it.
    """

    def __init__(
        self,
        progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
        deadline: float | None = None,
        checkpoints: Checkpoints | None = None,
        seconds: float | None = None,
    ) -> None:
        self._progress = progress
        self.deadline = deadline
        self.checkpoints = checkpoints
        self.seconds = seconds

    def progress(self, done: int, of: int, metrics: Mapping[str, float] | None = None) -> None:
        """Tell that `done` of `of` steps are done."""
        if self._progress is not None:
            self._progress(done, of, metrics or {})


class Algorithm:
    """An algorithm as its file declares it.

    Args:
        title: its name for people.
        task: what is learnt, and so how it is measured.
        summary: in a sentence or two, what it is good for, for people who choose one.
        objective: what is optimised, as a name among the task's metrics.
        hyperparameters: their names, bounds, defaults and meanings.
        fit: the estimator fitted to the data, and what rows pass before they reach it.
        restore: the estimator of its `parameters` and `tensors`. It takes out of both what it knows, and
            raises `KeyError`, `TypeError`, `ValueError` or `ArtifactInvalid` where it cannot.
        check_size: the faults of fitting so much data with some hyperparameters; None for an algorithm that
            takes every amount.
        check_together: what is wrong with hyperparameters that are each in order: a name and a message for
            each fault; None where any go together.
        keeps_rows: whether artifacts trained with some hyperparameters hold training rows, None where
            these do not tell; asked of versions that were trained before estimators said it themselves.
        requires: modules that the trainer must have beyond the training set (requirements/train.txt).
        takes: what kinds of instances (`inputs/kinds.py`) it is fitted to.
        environment: the variables that the process which fits sets before it imports numpy; None for none.
            Where there is one, a version tells what was computed with (`numerics`).
        fit_private: the estimator, fitted with differential privacy from noisy sums over the rows alone; None
            where `not_private` says why it is not. Rows with classes begin with the constant 1.
        private_hyperparameters: the names of those that count then.
    """

    def __init__(
        self,
        *,
        title: str,
        task: Task,
        summary: str = "",
        objective: str,
        hyperparameters: tuple[Hyperparameter, ...],
        fit: Callable[[TrainingData, Mapping[str, Any], FitContext], tuple[FittedEstimator, Preprocessing]],
        restore: Callable[[dict[str, Any], dict[str, Tensor]], FittedEstimator],
        check_size: Callable[[DataSize, Mapping[str, Any]], list[Fault]] | None = None,
        check_together: Callable[[Mapping[str, Any]], list[tuple[str, str]]] | None = None,
        keeps_rows: Callable[[Mapping[str, Any]], bool | None] | None = None,
        requires: tuple[str, ...] = (),
        takes: tuple[str, ...] = (TABLE,),
        environment: Callable[[], Mapping[str, str]] | None = None,
        fit_private: Callable[[PrivateData, Mapping[str, Any]], FittedPrivately] | None = None,
        private_hyperparameters: tuple[str, ...] = (),
        not_private: str = "nobody has said how",
    ) -> None:
        self.title = title
        self.task = task
        self.summary = summary
        self.objective = objective
        self.hyperparameters = hyperparameters
        self.fit = fit
        self.restore = restore
        self.check_size = check_size or _takes_every_size
        self.check_together = check_together or _go_together
        self.keeps_rows = keeps_rows or _not_known
        self.requires = requires
        self.takes = takes
        self.environment = environment
        self.fit_private = fit_private
        self.private_hyperparameters = private_hyperparameters
        self.not_private = not_private


def _not_known(chosen: Mapping[str, Any]) -> None:  # noqa: ARG001 - the shape
    return None


def _go_together(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:  # noqa: ARG001 - the shape
    return []


def _takes_every_size(size: DataSize, chosen: Mapping[str, Any]) -> list[Fault]:  # noqa: ARG001 - the shape
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
        declared = hyperparameters.schema(self.algorithm.hyperparameters)
        return {"title": f"{self.name} hyperparameters", **declared}

    def check(self, given: object, where: str = "$.hyperparameters") -> dict[str, object]:
        """The hyperparameters with defaults filled in.

        Raises `InvalidInput` for these, and where a module is missing that the algorithm is trained with.
        """
        if missing := self.missing():
            raise InvalidInput.at(
                "$.algorithm",
                f"{self.name} is trained with {', '.join(missing)}, which is not installed: install it where "
                "the service and its trainer run",
            )
        chosen = hyperparameters.check(self.algorithm.hyperparameters, given, where, algorithm=self.name)
        wrong = self.algorithm.check_together(chosen)
        raise_faults(Fault(member(where, name), message) for name, message in wrong)
        return chosen

    def missing(self) -> list[str]:
        """The modules that training needs beyond the training set, and that are not installed here."""
        from importlib.util import find_spec

        return [name for name in self.algorithm.requires if find_spec(name) is None]


class ArithmeticEstimator:
    """An estimator that predicts by the arithmetics' functions, in plain Python or vectorised.

    Which of the two is decided by the work: few multiplications are done before numpy would be imported.
    Equal requests are answered by equal arithmetic.
    """

    outputs: tuple[OutputSpec, ...]

    @property
    def work(self) -> int:
        """How many multiplications a row takes."""
        raise NotImplementedError

    def predict(self, batch: Batch, outputs: Sequence[str]) -> Mapping[str, Values]:
        """The outputs of the batch's rows. Raises the arithmetic's `NotFinite`."""
        arithmetic = batch.arithmetic or choose(batch.request_rows, self.work)
        return self.compute(arithmetic, batch.matrix(arithmetic), outputs)

    def compute[M](self, arithmetic: Arithmetic[M], X: M, outputs: Sequence[str]) -> dict[str, M | list[int]]:
        """The same in one arithmetic. Raises `arithmetic.NotFinite`."""
        raise NotImplementedError

    def onnx(self, graph: Graph, X: Value) -> Mapping[str, Value]:
        """The outputs as the nodes of a graph compute them."""
        from ml_core.onnx.arithmetic import GraphArithmetic

        arithmetic: Any = GraphArithmetic(graph)  # its labels are a `Value`, no list
        names = [spec.name for spec in self.outputs]
        written: Mapping[str, Any] = self.compute(arithmetic, X, names)
        return written
