"""`SimpleImputer`: what takes the place of a column's missing values, and flags of where they were."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.fitted import attribute, check_width, name_of, refuse
from ml_core.converting.matrix_columns import NULL, Gap, MissingFlag, SourceValue, is_plain, python_scalar

if TYPE_CHECKING:
    from ml_core.converting.matrix_columns import Column


def of_imputer(imputer: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401 - scikit-learn is untyped
    """What a fitted imputer makes of columns. Raises `NotConverted`."""
    check_width(imputer, len(columns), path)
    statistics = np.asarray(attribute(imputer, "statistics_", path), dtype=object)
    if statistics.shape != (len(columns),):
        refuse(path, f"expected statistics_ of {len(columns)} values: its state does not fit together")
    mark = python_scalar(imputer.missing_values, path)
    fills = [python_scalar(each, path) for each in statistics]
    kept = [
        place
        for place, fill in enumerate(fills)
        if fill is not NULL or getattr(imputer, "keep_empty_features", False)
    ]
    if any(fills[place] is NULL for place in kept):
        refuse(path, "it puts a missing value in the place of missing ones: fit it with another fill_value")
    filled = [_filled(columns[place], Gap(mark, fills[place]), path) for place in kept]
    return filled + _flags(imputer, columns, mark, path)


def _filled(column: "Column", gap: Gap, path: str) -> "Column":
    if not isinstance(
        column, SourceValue
    ):  # what an earlier step computed of words and gaps has none of its own
        if gap.mark is NULL:
            return column
        refuse(path, _AFTER.format(gap.mark))
    if column.gap is not None:
        if gap.mark is NULL or (column.gap.mark == gap.mark != column.gap.fill):
            return column  # nothing is missing any more
        refuse(path, "an imputer came before it that takes something else for missing: leave one of them out")
    if is_plain(column):
        return column._replace(gap=gap)
    if gap.mark is not NULL:
        refuse(path, _AFTER.format(gap.mark))
    if isinstance(gap.fill, str):
        refuse(path, "it puts a word in the place of a number")
    return column._replace(gap=Gap(NULL, column.shift + column.scale * gap.fill))


_AFTER = "missing_values={!r} would be looked for among what an earlier step computed: put the imputer first"


def _flags(imputer: Any, columns: "list[Column]", mark: Any, path: str) -> "list[Column]":  # noqa: ANN401
    """The flags behind the values, of the columns that had gaps when it was fitted."""
    if not imputer.add_indicator:
        return []
    indicator = attribute(imputer, "indicator_", path)
    flagged = np.asarray(attribute(indicator, "features_", path))
    sound = flagged.ndim == 1 and all(
        type(each) is int and 0 <= each < len(columns) for each in flagged.tolist()
    )
    if name_of(indicator) != "MissingIndicator" or not sound or indicator.features != "missing-only":
        refuse(path, "its indicator of missing values is not what fitting makes: fit it again")
    if python_scalar(indicator.missing_values, path) != mark:
        refuse(path, "its indicator takes something else for missing than itself: fit it again")
    flags: list[Column] = []
    for place in flagged.tolist():
        column = columns[place]
        if not isinstance(column, SourceValue) or column.gap is not None:
            refuse(path, "it flags the gaps of what an earlier step filled: put this imputer first")
        if mark is not NULL and not is_plain(column):
            refuse(path, _AFTER.format(mark))
        flags.append(MissingFlag(column.source, mark))
    return flags
