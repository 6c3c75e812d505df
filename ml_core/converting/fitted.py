"""What scikit-learn's fitted objects hold, looked at with care: an object may hold anything."""

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ml_core.errors import NotConverted, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

_NOTHING = object()


def refuse(path: str, message: str) -> NoReturn:
    """Raise `NotConverted` at a step."""
    raise NotConverted.at(path, message)


def name_of(estimator: object) -> str:
    """An object's class as people call it."""
    return type(estimator).__name__


def is_one_of(estimator: object, kinds: "Collection[type]", path: str) -> bool:
    """Whether an object is of one of these classes itself.

    Raises `NotConverted` for one of a class that is derived from them, or with methods of its own: what it
    computes, nobody knows.
    """
    kind = type(estimator)
    if kind in kinds:
        own = [name for name in vars(estimator) if callable(getattr(kind, name, None))]
        if own:
            refuse(
                path, f"its method {own[0]} is not that of {kind.__name__}: it is not known what it computes"
            )
        return True
    base = next((each for each in kinds if issubclass(kind, each)), None)
    if base is not None:
        refuse(
            path,
            f"expected a {base.__name__} of scikit-learn itself, got {kind.__name__}, which is derived from "
            f"it: it is not known what it computes; fit a {base.__name__}",
        )
    return False


def attribute(estimator: object, name: str, path: str) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """An attribute that fitting makes. Raises `NotConverted` where it is not there."""
    found = getattr(estimator, name, _NOTHING)
    if found is _NOTHING:
        refuse(path, f"the {name_of(estimator)} is not fitted (it has no {name}): call its fit first")
    return found


def numbers(estimator: object, name: str, path: str, shape: "Sequence[int | None]") -> "NDArray[np.float64]":
    """Finite numbers that fitting makes, of this shape; None in it is any. Raises `NotConverted`."""
    found = array(attribute(estimator, name, path))
    if found is None or len(found.shape) != len(shape) or not _fits(found.shape, shape):
        told = " × ".join("any" if each is None else str(each) for each in shape)
        got = "none" if found is None else " × ".join(map(str, found.shape)) or "one number"
        refuse(
            path,
            f"expected {name} of {told} numbers, got {got}: its state does not fit together; fit it again",
        )
    if not np.isfinite(found).all():
        refuse(path, f"{name} holds a number that is not finite: fit it again")
    return found


def array(values: Any) -> "NDArray[np.float64] | None":  # noqa: ANN401
    """Numbers as an array of float64, with all zeros where they are sparse; None for what is none."""
    if hasattr(values, "toarray"):
        values = values.toarray()
    try:
        found = np.asarray(values)
        return found.astype(np.float64) if found.dtype.kind in "fiub" else None
    except (TypeError, ValueError):
        return None


def _fits(shape: "Sequence[int]", expected: "Sequence[int | None]") -> bool:
    return all(wanted is None or size == wanted for size, wanted in zip(shape, expected, strict=True))


def is_text(value: object) -> bool:
    """Whether a value is a string that can be written: half of a surrogate pair cannot."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def check_width(estimator: object, width: int, path: str) -> None:
    """Raise `NotConverted` unless it was fitted to so many columns."""
    fitted = attribute(estimator, "n_features_in_", path)
    if fitted != width:
        refuse(
            path,
            f"the {name_of(estimator)} was fitted to {shown(fitted)} columns, and {width} reach it: "
            "it was not fitted with the steps before it",
        )


def finite(value: object, name: str, path: str, *, above: float | None = None) -> float:
    """A number that is finite, and above a bound. Raises `NotConverted`."""
    found = array(value)
    if found is None or found.shape != () or not np.isfinite(found) or (above is not None and found <= above):
        bound = "" if above is None else f" above {above:g}"
        refuse(path, f"expected a finite number{bound} for {name}, got {shown(value)}")
    return float(found)
