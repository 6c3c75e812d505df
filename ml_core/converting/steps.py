"""Fitted steps before the last one: what each makes of the columns that reach it."""

from typing import TYPE_CHECKING, Any

from ml_core.converting.fitted import attribute, check_width, is_one_of, name_of, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ml_core.converting.matrix_columns import Column

    type Convert = Callable[[Any, list[Column], str], list[Column]]

TAKEN = (
    "SimpleImputer, StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, OneHotEncoder, "
    "ColumnTransformer and Pipeline"
)


def transformed(step: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401 - scikit-learn is untyped
    """What a fitted step makes of columns. Raises `NotConverted` for what is not known here."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return columns
    convert = next((convert for kinds, convert in _converters() if is_one_of(step, kinds, path)), None)
    if convert is None:
        refuse(path, f"{name_of(step)} is not converted; the steps before the last one may be {TAKEN}")
    return convert(step, columns, path)


def _converters() -> "Iterator[tuple[tuple[type, ...], Convert]]":
    """Classes of steps, and what converts one."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import (
        FunctionTransformer,
        MaxAbsScaler,
        MinMaxScaler,
        OneHotEncoder,
        RobustScaler,
        StandardScaler,
    )

    from ml_core.converting.imputers import of_imputer
    from ml_core.converting.one_hot import of_encoder
    from ml_core.converting.scalers import of_scaler

    yield (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler), of_scaler
    yield (SimpleImputer,), of_imputer
    yield (OneHotEncoder,), of_encoder
    yield (ColumnTransformer,), _side_by_side
    yield (Pipeline,), _one_after_another
    yield (FunctionTransformer,), _unchanged


def _unchanged(transformer: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401
    """The columns, if there is no function: that is what a ColumnTransformer fits for "passthrough"."""
    if transformer.func is not None:
        refuse(
            path,
            "a function of your own cannot be said as a model: apply it to the rows before they are sent",
        )
    return columns


def _one_after_another(pipeline: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401
    for name, step in steps_of(pipeline, path):
        columns = transformed(step, columns, f"{path}.{name}" if path else name)
    return columns


def steps_of(pipeline: Any, path: str) -> "Iterator[tuple[str, Any]]":  # noqa: ANN401
    """A pipeline's steps with their names. Raises `NotConverted`."""
    steps = attribute(pipeline, "steps", path)
    if not isinstance(steps, list) or not steps:
        refuse(path, "the pipeline has no steps")
    for name, step in steps:
        yield str(name), step


def _side_by_side(transformer: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401
    """What a ColumnTransformer makes: the results of each of its parts, in their order."""
    check_width(transformer, len(columns), path)
    parts = attribute(transformer, "transformers_", path)
    taken = attribute(transformer, "_transformer_to_input_indices", path)
    widths = attribute(transformer, "output_indices_", path)
    weights = transformer.transformer_weights or {}
    found: list[Column] = []
    for name, part, _ in parts:
        where = f"{path}.{name}" if path else str(name)
        places = taken.get(name)
        if not isinstance(places, list) or not all(0 <= place < len(columns) for place in places):
            refuse(where, "it is not known which columns it takes: fit it again")
        if not places or (isinstance(part, str) and part == "drop"):
            continue
        if weights.get(name, 1) != 1:
            refuse(where, "transformer_weights are not converted: scale the columns by a scaler instead")
        made = transformed(part, [columns[place] for place in places], where)
        begin_end = widths.get(name)
        if not isinstance(begin_end, slice) or begin_end != slice(len(found), len(found) + len(made)):
            refuse(where, f"it makes {len(made)} columns, and others were fitted to: fit the whole again")
        found += made
    return found
