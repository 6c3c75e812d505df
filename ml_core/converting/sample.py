"""Rows of the caller's own: the kinds that they show, whether their answers agree, and their profile."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.errors import Fault, InvalidInput, NotConverted, shown
from ml_core.inputs.columns import BOOLEAN, UNKNOWN
from ml_core.inputs.rows import Rows
from ml_core.inputs.samples import TableSamples, matrix_of
from ml_core.inputs.scalars import each_of, is_missing, kind_of_dtype
from ml_core.training.profiling import evenly_spaced, keep_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.model.model import Model

# scikit-learn's methods for the outputs that both have.
_METHODS = {"probability": "predict_proba", "decision": "decision_function", "distance": "transform"}
# Of so many rows, evenly spaced, the answers are compared. What is computed otherwise than it should be
# differs by far more; between equal computations there is only rounding.
_COMPARED_ROWS = 5_000
_ROUNDING = 1e-7


class Sample:
    """Rows as the estimator takes them.

    Args:
        rows: a data frame, an array or lists.
        names: what the estimator's columns are called.
        named: whether it knows these names itself, of a data frame that it was fitted to.
        where: what messages call the rows.

    Raises:
        InvalidInput: they do not have these columns, or there are none.
    """

    def __init__(self, rows: Any, names: tuple[str, ...], *, named: bool, where: str = "rows") -> None:  # noqa: ANN401 - whatever a notebook holds
        known = {str(column): column for column in getattr(rows, "columns", ())}
        self._named = named
        # Of a frame whose columns have other names, and of which it knows none, they count by their order.
        self._framed = hasattr(rows, "columns") and (named or any(name in known for name in names))
        if self._framed:
            for name in names:
                if name not in known:
                    raise InvalidInput.at(where, f"the column {shown(name)} is missing")
            self._columns: list[Any] = [rows[known[name]] for name in names]
            self._whole = rows
        else:
            array = np.asarray(rows, dtype=None if hasattr(rows, "dtype") or known else object)
            if array.ndim != 2 or array.shape[1] != len(names):
                raise InvalidInput.at(where, f"expected rows of {len(names)} columns, got {shown(rows)}")
            # In single precision scikit-learn would answer with seven digits.
            self._whole = array.astype(np.float64) if array.dtype.kind == "f" else array
            self._columns = list(self._whole.T)
        if not len(rows):
            raise InvalidInput.at(where, "expected at least one row, got none")

    def __len__(self) -> int:
        return len(self._whole)

    def kinds(self) -> dict[int, str]:
        """Which columns are truth values, by their numbers."""
        return {place: BOOLEAN for place, column in enumerate(self._columns) if _is_boolean(column)}

    def of_model(self, sources: tuple[int, ...]) -> Any:  # noqa: ANN401
        """The rows as the model takes them, which knows some of the columns."""
        return self._whole if self._framed else self._whole[:, list(sources)]

    def of_estimator(self) -> Any:  # noqa: ANN401
        """The rows as the estimator takes them: by names only where it was fitted to names."""
        if not self._framed:
            try:
                return self._whole.astype(np.float64)
            except (TypeError, ValueError):
                return self._whole
        if self._named:
            single = [column for column in self._whole.columns if str(self._whole[column].dtype) == "float32"]
            return self._whole.astype(dict.fromkeys(single, "float64")) if single else self._whole
        return np.column_stack([np.asarray(column) for column in self._columns])


def _is_boolean(column: Any) -> bool:  # noqa: ANN401
    """Whether all values that are there are true or false."""
    kind = kind_of_dtype(column)
    if kind in ("f", "i", "u", "b"):
        return kind == "b"
    there = False
    for value in each_of(column):
        if isinstance(value, bool | np.bool_):
            there = True
        elif not is_missing(value):
            return False
    return there


def compare(
    estimator: Any,  # noqa: ANN401 - scikit-learn is untyped
    model: "Model",
    sample: Sample,
    sources: tuple[int, ...],
) -> None:
    """Compare the answers of the estimator and of the model, and keep the rows' profile in the model.

    Raises `NotConverted` where they differ, and `InvalidInput` for rows that either refuses.
    """
    try:
        rows = model.rows_of(sample.of_model(sources))
    except InvalidInput as error:
        faults = [Fault("rows" + fault.path.removeprefix("X"), fault.message) for fault in error.faults]
        raise InvalidInput(faults) from None
    given = sample.of_estimator()
    places = evenly_spaced(len(sample), _COMPARED_ROWS)
    some = given.iloc[places] if hasattr(given, "iloc") else given[places]
    assert isinstance(rows, Rows)  # noqa: S101 - for the type checker: there is no reader
    matrix = matrix_of(rows)
    outputs = [name for name in _METHODS if name in model.outputs and not _is_by_pairs(estimator, name)]
    packed = np.ascontiguousarray(matrix[places]).tobytes()
    ours = {name: np.asarray(values) for name, values in model.compute(packed, ["label", *outputs]).items()}
    try:
        # Each time a copy of its own: a step with copy=False changes what it is given.
        labels = np.asarray(estimator.predict(some.copy()))
        theirs = {name: np.asarray(getattr(estimator, _METHODS[name])(some.copy())) for name in outputs}
    except Exception as error:
        raise InvalidInput.at("rows", f"the estimator itself refuses them: {str(error)[:200]}") from error
    for name, values in theirs.items():
        _check(ours[name].reshape(len(places), -1), values.reshape(len(places), -1), name, places)
    known = np.array(model.classes, dtype=object) if model.classes else np.arange(model.peak_width)
    different = np.flatnonzero(known[ours["label"]] != labels.astype(object))
    for row in different[: 1 if len(different) else 0].tolist():
        _differ(int(places[row]), "label", labels[row], known[ours["label"][row]])
    encoding = model.encoding
    if encoding is None:
        keep_profile(model, TableSamples(matrix))
        return
    words = [column for column, _, _ in encoding.layout.categories]
    known = ~(matrix[:, words] == UNKNOWN).any(axis=1)  # it was not fitted to rows with other words
    keep_profile(model, TableSamples(matrix[known], encoding.features))


def _is_by_pairs(estimator: Any, output: str) -> bool:  # noqa: ANN401
    """Whether an estimator gives a decision for each pair of classes, and not for each class."""
    last = estimator
    while hasattr(last, "best_estimator_") or hasattr(last, "steps"):
        last = last.best_estimator_ if hasattr(last, "best_estimator_") else last.steps[-1][1]
    return output == "decision" and getattr(last, "decision_function_shape", "ovr") != "ovr"


def _check(
    ours: "NDArray[np.float64]", theirs: "NDArray[np.float64]", output: str, places: "NDArray[np.int64]"
) -> None:
    if ours.shape != theirs.shape:
        _differ(int(places[0]), output, f"{theirs.shape[1]} numbers", f"{ours.shape[1]}")
    # scikit-learn takes the root of squares that lost digits to each other: it is squares that agree.
    power = 2 if output == "distance" else 1
    said, found = theirs**power, ours**power
    size = np.maximum(1.0, np.abs(said).max(axis=1, keepdims=True))
    wrong = np.argwhere(~(np.abs(found - said) <= _ROUNDING * size))
    if len(wrong):
        row, place = wrong[0].tolist()
        _differ(int(places[row]), output, theirs[row, place], ours[row, place])


def _differ(row: int, output: str, theirs: object, ours: object) -> None:
    raise NotConverted.at(
        f"rows[{row}]",
        f"the estimator's {output} is {theirs}, and that of the model made of it {ours}: "
        "it does something that is not known here",
    )
