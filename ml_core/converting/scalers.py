"""Scalers: each is (x - shift) / scale of every column on its own."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.fitted import check_width, numbers, refuse
from ml_core.converting.matrix_columns import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ml_core.converting.matrix_columns import Column

    type Shifts = tuple[NDArray[np.float64], NDArray[np.float64]]


def of_scaler(scaler: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401 - scikit-learn is untyped
    """What a fitted scaler makes of columns. Raises `NotConverted`."""
    check_width(scaler, len(columns), path)
    shifts, scales = _SHIFTS[type(scaler).__name__](scaler, len(columns), path)
    if not (np.isfinite(shifts).all() and np.isfinite(scales).all() and (scales > 0).all()):
        refuse(path, "it divides by a number that is not above 0, or not finite: fit it again")
    return [
        scaled(column, shift, scale)
        for column, shift, scale in zip(columns, shifts.tolist(), scales.tolist(), strict=True)
    ]


def _standard(scaler: Any, width: int, path: str) -> "Shifts":  # noqa: ANN401
    shifts = numbers(scaler, "mean_", path, (width,)) if scaler.with_mean else np.zeros(width)
    return shifts, numbers(scaler, "scale_", path, (width,)) if scaler.with_std else np.ones(width)


def _robust(scaler: Any, width: int, path: str) -> "Shifts":  # noqa: ANN401
    shifts = numbers(scaler, "center_", path, (width,)) if scaler.with_centering else np.zeros(width)
    return shifts, numbers(scaler, "scale_", path, (width,)) if scaler.with_scaling else np.ones(width)


def _min_max(scaler: Any, width: int, path: str) -> "Shifts":  # noqa: ANN401
    _check_clip(scaler, path)
    factors, summands = numbers(scaler, "scale_", path, (width,)), numbers(scaler, "min_", path, (width,))
    if not (factors > 0).all():
        refuse(path, "it multiplies by a number that is not above 0: fit it again")
    return -summands / factors, 1.0 / factors


def _max_abs(scaler: Any, width: int, path: str) -> "Shifts":  # noqa: ANN401
    _check_clip(scaler, path)
    return np.zeros(width), numbers(scaler, "scale_", path, (width,))


def _check_clip(scaler: Any, path: str) -> None:  # noqa: ANN401
    if getattr(scaler, "clip", False):
        refuse(path, "clip=True cuts numbers off, which a model here does not do: fit it with clip=False")


_SHIFTS: "dict[str, Callable[[Any, int, str], Shifts]]" = {
    "StandardScaler": _standard,
    "RobustScaler": _robust,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
}
