"""What a fitted object takes and gives: its columns, which of them hold words, and its classes."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from serverless_ml.errors import InvalidInput

SCIKIT_LEARN, XGBOOST, LIGHTGBM = "scikit-learn", "xgboost", "lightgbm"
_MODULES = {SCIKIT_LEARN: "sklearn", XGBOOST: "xgboost", LIGHTGBM: "lightgbm"}
# What LightGBM calls the columns of an array.
_COUNTED = re.compile(r"Column_\d+")


class FittedObject(NamedTuple):
    """A fitted object.

    Args:
        estimator: itself.
        library: whose it is.
        width: how many columns a row of it has.
        names: what it calls them; None where it was fitted to an array.
        words: a word of each column that holds words, by the column's place.
        classes: the labels; None where it gives none, or what no service takes as labels.
    """

    estimator: Any
    library: str
    width: int
    names: tuple[str, ...] | None
    words: dict[int, str]
    classes: list[Any] | None

    @property
    def is_classifier(self) -> bool:
        """Whether it gives labels of classes."""
        return hasattr(self.estimator, "classes_")

    @property
    def by_column(self) -> bool:
        """Whether its graph has an input for each column: it chooses columns, or some of them hold words."""
        mixed = 0 < len(self.words) < self.width
        return mixed or (self.names is not None and any(_branches(self.estimator)))

    @property
    def version(self) -> str:
        """Of the library, as it is here."""
        from importlib import import_module

        return str(getattr(import_module(_MODULES[self.library]), "__version__", "unknown"))


def looked_at(estimator: Any) -> FittedObject:
    """What a fitted object is. Raises `InvalidInput` for what is none, or is not fitted."""
    library = _library_of(estimator)
    width = _width_of(estimator)
    names = _names_of(estimator)
    if names is not None and len(names) != width:
        names = None
    words: dict[int, str] = {}
    _find_words(estimator, list(range(width)), names, words)
    return FittedObject(estimator, library, width, names, words, _classes_of(estimator))


def _library_of(estimator: Any) -> str:
    root = type(estimator).__module__.partition(".")[0]
    if root in (XGBOOST, LIGHTGBM):
        return root
    if hasattr(estimator, "get_params") and hasattr(estimator, "predict"):
        return SCIKIT_LEARN
    raise InvalidInput(
        "expected a fitted model of scikit-learn's, XGBoost's or LightGBM's that predicts, got "
        f"{type(estimator).__name__}"
    )


def _width_of(estimator: Any) -> int:
    for name in ("n_features_in_", "num_feature", "num_features"):
        try:
            found = getattr(estimator, name)
            return int(found() if callable(found) else found)
        except Exception:  # noqa: BLE001, S112 - what says that it is not fitted differs
            continue
    if _is_of_texts(estimator):
        return 1
    raise InvalidInput(f"expected a fitted model, got {type(estimator).__name__} that is not fitted")


def _is_of_texts(estimator: Any) -> bool:
    """Whether a text is all that it takes: what reads texts counts no columns."""
    steps: Any = getattr(estimator, "steps", None)
    return bool(steps) and isinstance(getattr(steps[0][1], "vocabulary_", None), dict)


def _names_of(estimator: Any) -> tuple[str, ...] | None:
    try:
        if hasattr(estimator, "get_booster"):
            found = estimator.get_booster().feature_names
        elif hasattr(estimator, "feature_name"):
            found = estimator.feature_name()
        else:
            found = getattr(estimator, "feature_names_in_", None)
        if found is None:
            found = getattr(estimator, "feature_names", None)
    except Exception:  # noqa: BLE001 - it has no names
        return None
    names = None if found is None else tuple(map(str, found))
    return None if not names or all(_COUNTED.fullmatch(name) for name in names) else names


def _classes_of(estimator: Any) -> list[Any] | None:
    found: Any = getattr(estimator, "classes_", None)
    classes = found.tolist() if hasattr(found, "tolist") else found
    if not isinstance(classes, list) or len(classes) < 2:
        return None
    kinds = {type(each) for each in classes}
    return classes if len(kinds) == 1 and kinds <= {str, int, bool} else None


def _branches(estimator: Any) -> Iterator[Any]:
    """The parts that choose columns, wherever they stand."""
    found = getattr(estimator, "best_estimator_", estimator)
    if hasattr(found, "transformers_"):
        yield found
    for _, step in getattr(found, "steps", None) or ():
        yield from _branches(step)


def _find_words(step: Any, columns: list[int], names: Sequence[str] | None, found: dict[int, str]) -> None:
    """Note a word of each column that a step reads as words."""
    step = getattr(step, "best_estimator_", step)
    for _, each in getattr(step, "steps", None) or ():
        _find_words(each, columns, names, found)
        if getattr(each, "statistics_", None) is None:  # what fills gaps leaves columns where they are
            return
    for _, each in getattr(step, "transformer_list", None) or ():
        _find_words(each, columns, names, found)
    for _, each, chosen in getattr(step, "transformers_", None) or ():
        if not isinstance(each, str):
            places = _places(chosen, names, len(columns))
            _find_words(each, [columns[place] for place in places], names, found)
    for column, word in zip(columns, _words_of(step), strict=False):
        if isinstance(word, str):
            found.setdefault(column, word)


def _words_of(step: Any) -> list[Any]:
    """Of each column a value that the step knows; it is a word where the column holds words."""
    if isinstance(known := getattr(step, "categories_", None), list):
        return [next((each for each in values if isinstance(each, str)), None) for values in known]
    if isinstance(known := getattr(step, "vocabulary_", None), dict):
        return [next(iter(known), "")]
    known = getattr(step, "statistics_", None)
    return [] if known is None else list(known)


def _places(chosen: Any, names: Sequence[str] | None, width: int) -> list[int]:
    """The columns that a part chooses: by names, numbers, a slice or truth values."""
    if isinstance(chosen, slice):
        return list(range(width))[chosen]
    listed = [chosen] if isinstance(chosen, str | int) else list(chosen)
    if listed and all(type(each).__name__ in ("bool", "bool_") for each in listed):
        return [place for place, each in enumerate(listed) if each]
    known = {name: place for place, name in enumerate(names or ())}
    places = [known.get(each, width) if isinstance(each, str) else int(each) for each in listed]
    return [place for place in places if -width <= place < width]
