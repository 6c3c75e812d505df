"""What a model says of a block of a table: arrays for the rows that it can be asked, and a reason for others.

A row whose result overflows, or whose text cannot be taken, is found by halving: the others are asked all
together.
"""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core.arithmetic import vectorised
from ml_core.arithmetic.bounds import BLOCK_NUMBERS, NotFinite
from ml_core.errors import InvalidInput, ServerlessMLError, TooLarge, shown
from ml_core.graphs.instances import GraphRows
from ml_core.inputs.columns import CATEGORY
from ml_core.inputs.scalars import json_value
from ml_core.scanning.block import Block, Reject
from ml_core.scanning.numbers import Numbers, numbers, whole_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.inputs.columns import Feature
    from ml_core.model.model import Model

    # By the outputs' own names: an entry for each row, labels as class or cluster numbers.
    type Arrays = dict[str, NDArray[Any]]

_OVERFLOW = "these values are so large that the model's result overflows"
_TEXTS = 256  # that a network is asked at a time
# So many numbers at a time stay in the processor's cache, and of so many rows at a time what is done once for
# all of them does not count.
_CACHED_NUMBERS, _ROWS = 1 << 17, 2_048


class _ArrayArithmetic:
    """The arithmetic in numpy, with labels as arrays too: a list of them costs more than to compute them.

    The rows are an array already, in whatever order of memory.
    """

    largest = staticmethod(vectorised.largest_numbers)
    most_votes = staticmethod(vectorised.most_voted_numbers)
    nearest = staticmethod(vectorised.nearest_numbers)

    @staticmethod
    def matrix(rows: "NDArray[np.float64]", width: int) -> "NDArray[np.float64]":
        """The rows."""
        return rows.reshape(-1, width)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(vectorised, name)


_ARRAYS: "Arithmetic[Any]" = _ArrayArithmetic()  # type: ignore[assignment]  # the rest is the module's


class Predicted(NamedTuple):
    """What is known of a block's rows.

    Args:
        rows: those with predictions, by their places in the block; None for all.
        values: what was asked of them.
        rejected: the others, in the order of their lines.
    """

    rows: "NDArray[np.intp] | None"
    values: "Arrays"
    rejected: list[Reject]


class Predictor:
    """Asks a model for `outputs`, which are the outputs' own names."""

    def __init__(self, model: "Model", outputs: Sequence[str]) -> None:
        self._model = model
        self._outputs = outputs
        self._features = model.columns
        self._memory = np.empty(_at_once(model, len(self._features)) * len(self._features))

    def predicted(self, block: Block) -> Predicted:
        """What the model says of the rows of a block."""
        if self._model.takes_texts:
            return _of_mixed(self._model, block, self._features, self._outputs)
        if self._model.reader:
            return _of_texts(self._model, block, self._outputs)
        values = _of_whole(self._model, block, self._features, self._outputs, self._memory)
        if values is not None:
            return Predicted(None, values, sorted(block.rejected, key=lambda reject: reject.line))
        read = numbers(block, self._features, gaps=self._model.takes_gaps)
        return _of_numbers(self._model, block, self._outputs, read)


def _of_whole(
    model: "Model",
    block: Block,
    features: "Sequence[Feature]",
    outputs: Sequence[str],
    memory: "NDArray[np.float64]",
) -> "Arrays | None":
    """The values of rows whose numbers stand in the block as they are; None where a row has to be read apart.

    Rows are copied, looked at and asked about a few at a time, in memory that stays in the processor's cache.
    """
    columns = whole_columns(block, features) if block.rows else None
    if columns is None:
        return None
    step = _at_once(model, len(features))
    found: list[Arrays] = []
    for begin in range(0, block.rows, step):
        X = columns.matrix(begin, min(begin + step, block.rows), memory)
        if not isfinite(X.sum()):  # else each of them is
            return None
        try:
            found.append(_of_rows(model, X, outputs))
        except (NotFinite, InvalidInput, TooLarge):
            return None
    return _joined(found)


def _of_numbers(model: "Model", block: Block, outputs: Sequence[str], read: Numbers) -> Predicted:
    X = read.good
    found = [*_answered(lambda some: _of_rows(model, X[some], outputs), slice(0, len(X)))]
    rows = None if read.kept is None else np.flatnonzero(read.kept)
    return _Found(found, rows, read.rejected).of(model, block, outputs)


def _of_mixed(
    model: "Model", block: Block, features: "Sequence[Feature]", outputs: Sequence[str]
) -> Predicted:
    """What an imported model says of rows with texts, which come as they stand in the table."""
    measured = [feature for feature in features if feature.kind != CATEGORY]
    read = numbers(block, measured, gaps=model.takes_gaps) if measured else None
    rejected = [*read.rejected] if read else []
    kept = np.ones(block.rows, np.bool_) if read is None or read.kept is None else read.kept.copy()
    columns: list[Any] = []
    for feature in features:
        if feature.kind != CATEGORY:
            columns.append(read.X[:, measured.index(feature)] if read else ())
            continue
        texts = _cells_of(block, feature.name)
        for row, text in enumerate(texts):
            if not isinstance(text, str) and kept[row]:
                kept[row] = False
                message = f"expected a text, got {shown(json_value(text))}"
                rejected.append(Reject(row, int(block.lines[row]), feature.name, message))
        columns.append(texts)
    rows = np.flatnonzero(kept)

    def ask(some: slice) -> "Arrays":
        taken = [[column[row] for row in rows[some]] for column in columns]
        values = model.estimator.predict(GraphRows(taken, "rows"), outputs)
        return {name: np.asarray(values[name]) for name in outputs}

    found = [*_answered(ask, slice(0, len(rows)))]
    return _Found(found, rows, sorted(rejected, key=lambda reject: reject.line)).of(model, block, outputs)


def _cells_of(block: Block, name: str) -> list[Any]:
    """The cells of a column of texts; an empty one of a text file is an empty text."""
    cells = block.columns.get(name)
    values: Any = [None] * block.rows if cells is None else cells
    if not isinstance(values, list):
        values = values.to_pylist()
    return ["" if value is None else value for value in values] if block.written else values


def _at_once(model: "Model", width: int) -> int:
    """How many rows a model is asked about at a time."""
    return max(1, min(BLOCK_NUMBERS // model.peak_width, max(_ROWS, _CACHED_NUMBERS // max(1, width))))


def _of_rows(model: "Model", X: "NDArray[np.float64]", outputs: Sequence[str]) -> "Arrays":
    """The values of rows of numbers, whose matrices are bounded. Raises `NotFinite`."""
    step = _at_once(model, X.shape[1])
    if len(X) <= step:
        rows: Any = X  # which `_ARRAYS` takes as it is
        # As a request of many rows is computed, however many rows a block has.
        values = model.compute(rows, outputs, arithmetic=_ARRAYS, request_rows=step)
        return {name: np.asarray(values[name]) for name in outputs}
    return _joined([_of_rows(model, X[at : at + step], outputs) for at in range(0, len(X), step)])


def _of_texts(model: "Model", block: Block, outputs: Sequence[str]) -> Predicted:
    cells = block.columns.get(model.features[0])
    texts: Any = [None] * block.rows if cells is None else cells
    if not isinstance(texts, list):
        texts = texts.to_pylist()
    if block.written:
        texts = ["" if text is None else text for text in texts]
    found: list[tuple[slice, Arrays | str]] = []
    for begin in range(0, block.rows, _TEXTS):
        some = slice(begin, min(begin + _TEXTS, block.rows))
        found += _answered(lambda these: _of_some_texts(model, texts[these], outputs), some)
    return _Found(found, None, []).of(model, block, outputs)


def _of_some_texts(model: "Model", texts: list[str], outputs: Sequence[str]) -> "Arrays":
    from ml_core.preprocessing.network_batch import NetworkBatch

    read: Any = model.reader
    instances = read.of_columns([texts], lambda _, row: str(row), "", expecting="the model")
    values = model.estimator.predict(NetworkBatch(instances), outputs)
    return {name: np.asarray(values[name]) for name in outputs}


def _answered(ask: "Callable[[slice], Arrays]", rows: slice) -> "Iterator[tuple[slice, Arrays | str]]":
    """Runs of rows with their values, or of one row with the reason why there are none, in order."""
    if rows.start == rows.stop:
        return
    try:
        yield rows, ask(rows)
    except (NotFinite, InvalidInput, TooLarge) as error:
        if rows.stop - rows.start == 1:
            yield rows, _reason(error)
            return
        middle = (rows.start + rows.stop) // 2
        yield from _answered(ask, slice(rows.start, middle))
        yield from _answered(ask, slice(middle, rows.stop))


def _reason(error: ArithmeticError | ServerlessMLError) -> str:
    if isinstance(error, InvalidInput):
        return error.faults[0].message
    return str(error) if isinstance(error, ServerlessMLError) else _OVERFLOW


class _Found(NamedTuple):
    """What was found of a block's rows, in runs; `rows` are those that were asked about, None for all."""

    runs: "list[tuple[slice, Arrays | str]]"
    rows: "NDArray[np.intp] | None"
    rejected: list[Reject]

    def of(self, model: "Model", block: Block, outputs: Sequence[str]) -> Predicted:
        """All together."""
        rows, rejected = self.rows, self.rejected
        bad = [(run.start, reason) for run, reason in self.runs if isinstance(reason, str)]
        if bad:
            rows = np.arange(block.rows) if rows is None else rows
            column = model.features[0] if model.reader else ""
            at = [(int(rows[place]), reason) for place, reason in bad]
            rejected = [*rejected, *(Reject(row, int(block.lines[row]), column, why) for row, why in at)]
            rows = np.delete(rows, [place for place, _ in bad])
        found = [values for _, values in self.runs if not isinstance(values, str)]
        none: Arrays = {name: _no_values(model, name) for name in outputs}
        rejected = sorted([*block.rejected, *rejected], key=lambda reject: reject.line)
        return Predicted(rows, _joined(found) if found else none, rejected)


def _no_values(model: "Model", name: str) -> "NDArray[Any]":
    return np.empty((0, *model.output_specs[name].shape))


def _joined(runs: "list[Arrays]") -> "Arrays":
    if len(runs) == 1:
        return runs[0]
    return {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
