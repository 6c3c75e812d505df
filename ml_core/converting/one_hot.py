"""`OneHotEncoder`: a column for each category of each column."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.converting.fitted import attribute, check_width, is_text, refuse
from ml_core.converting.matrix_columns import NULL, KnownWords, SourceValue, Word, is_plain, python_scalar
from ml_core.errors import shown
from ml_core.inputs.rules import spelled

if TYPE_CHECKING:
    from ml_core.converting.matrix_columns import Column, Gap

_ALL_ZEROS = ("ignore", "infrequent_if_exist", "warn")


def of_encoder(encoder: Any, columns: "list[Column]", path: str) -> "list[Column]":  # noqa: ANN401 - scikit-learn is untyped
    """What a fitted encoder makes of columns. Raises `NotConverted`."""
    check_width(encoder, len(columns), path)
    lists = attribute(encoder, "categories_", path)
    if not isinstance(lists, list) or len(lists) != len(columns):
        refuse(path, f"expected categories_ of {len(columns)} columns: its state does not fit together")
    if any(each is not None for each in getattr(encoder, "_infrequent_indices", None) or ()):
        refuse(
            path,
            "it takes rare categories together (min_frequency, max_categories), which a model here does not: "
            "give them one name before, or fit it without",
        )
    if encoder.handle_unknown != "error" and encoder.handle_unknown not in _ALL_ZEROS:
        refuse(path, f"expected handle_unknown of 'error' or 'ignore', got {shown(encoder.handle_unknown)}")
    dropped = attribute(encoder, "drop_idx_", path)
    dropped = [None] * len(columns) if dropped is None else np.asarray(dropped, dtype=object).tolist()
    dropped = [each if each is None else python_scalar(each, path) for each in dropped]
    if len(dropped) != len(columns):
        refuse(path, "its dropped categories do not fit its columns: fit it again")
    closed = encoder.handle_unknown == "error"
    found: list[Column] = []
    for column, categories, drop in zip(columns, lists, dropped, strict=True):
        if not isinstance(column, SourceValue) or not is_plain(column):
            refuse(
                path,
                "it encodes what an earlier step computed: only columns as they come are words here; of an "
                "imputer before it, fit one with add_indicator=False",
            )
        words, known = _words(np.asarray(categories), closed=closed, gap=column.gap, path=path)
        _check_place(drop, len(words), path)
        found += [Word(column.source, word, known) for place, word in enumerate(words) if place != drop]
    return found


def _check_place(drop: Any, categories: int, path: str) -> None:  # noqa: ANN401
    if drop is not None and not (type(drop) is int and 0 <= drop < categories):
        refuse(path, "the category that it drops is none of its own: fit it again")


def _words(
    categories: Any,  # noqa: ANN401
    *,
    closed: bool,
    gap: "Gap | None",
    path: str,
) -> tuple[list[str | None], KnownWords]:
    """A column's categories as words, None for a missing value, and all that is known of them."""
    if categories.ndim != 1:
        refuse(path, "expected a list of categories for each column: its state does not fit together")
    scalars = [python_scalar(each, path) for each in categories]
    present = [each for each in scalars if each is not NULL]
    if len(scalars) - len(present) > 1:
        refuse(
            path,
            "None and NaN are different categories, and JSON has one null: replace one of them, fit it again",
        )
    kind = _kind(present, path)
    words = [None if each is NULL else each if isinstance(each, str) else spelled(each) for each in scalars]
    there = tuple(word for word in words if word is not None)
    if len(set(there)) != len(there):
        refuse(path, "two categories are written alike: fit it again")
    return words, KnownWords(there, kind, len(present) < len(scalars), closed, gap)


def _kind(scalars: list[Any], path: str) -> str:
    """What the categories are: words, numbers or truth values."""
    kinds = {
        "boolean" if isinstance(each, bool) else "" if isinstance(each, str) else "number" for each in scalars
    }
    if len(kinds) > 1:
        refuse(
            path,
            "the categories of one column are of several kinds: make all of them words, and fit it again",
        )
    for each in scalars:
        if isinstance(each, float) and each - each != 0:
            refuse(path, "infinity is a category, which JSON has no number for: replace it, and fit it again")
        if isinstance(each, str) and not is_text(each):
            refuse(path, "a category is no text (half of a surrogate pair): replace it, and fit it again")
    return kinds.pop() if kinds else ""
