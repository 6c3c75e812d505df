"""What a fitted object consists of: the steps before, and the last one, which predicts."""

import sys
from typing import TYPE_CHECKING, Any

from ml_core.converting.fitted import attribute, is_one_of, name_of, refuse
from ml_core.converting.steps import steps_of
from ml_core.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

# Searches that scikit-learn has only where they were enabled.
_HALVING = "sklearn.model_selection._search_successive_halving"


class FittedStep(Record):
    """A step and the names that lead to it, as `preprocess.num`."""

    path: str
    estimator: Any


def unwrapped(estimator: Any, path: str = "") -> list[FittedStep]:  # noqa: ANN401 - scikit-learn is untyped
    """The steps of a fitted object in their order, the last of which predicts. Raises `NotConverted`."""
    if isinstance(estimator, type):
        refuse(path or estimator.__name__, "it is a class: make an object of it, and call its fit")
    for search in _searches():
        if is_one_of(estimator, (search,), path or name_of(estimator)):
            best = getattr(estimator, "best_estimator_", None)
            if best is None:
                where = path or name_of(estimator)
                refuse(where, "it has no best_estimator_: call its fit, with refit=True")
            return unwrapped(best, path)
    from sklearn.pipeline import Pipeline

    if not is_one_of(estimator, (Pipeline,), path or name_of(estimator)):
        return [FittedStep(path or name_of(estimator), estimator)]
    *before, (name, last) = steps_of(estimator, path or name_of(estimator))
    inner = [FittedStep(_joined(path, name), each) for name, each in before]
    if last is None or isinstance(last, str):
        refuse(_joined(path, name), "the last step predicts nothing")
    return inner + unwrapped(last, _joined(path, name))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _searches() -> "Iterator[type]":
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

    yield from (GridSearchCV, RandomizedSearchCV)
    halving = sys.modules.get(_HALVING)
    if halving is not None:
        yield from (halving.HalvingGridSearchCV, halving.HalvingRandomSearchCV)


def names_in(steps: list[FittedStep]) -> tuple[str, ...] | None:
    """The names of the columns that it was fitted to, where it knows them."""
    for step in steps:
        if step.estimator is not None and not isinstance(step.estimator, str):
            names = getattr(step.estimator, "feature_names_in_", None)
            return None if names is None else tuple(str(name) for name in names)
    return None


def width_in(steps: list[FittedStep]) -> int:
    """How many columns it was fitted to. Raises `NotConverted` where it was not fitted."""
    first = next(step for step in steps if step.estimator is not None and not isinstance(step.estimator, str))
    width = attribute(first.estimator, "n_features_in_", first.path)
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        refuse(first.path, f"expected a number of columns that it was fitted to, got {width!r}: fit it again")
    return width
