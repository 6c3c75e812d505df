"""What a table that says nothing of its form is: rows of lists, or rows with a text."""

from typing import TYPE_CHECKING

from ml_core.errors import InvalidInput, shown
from ml_core.tables import reading
from ml_core.tables.columns import CATEGORY, LISTS, TEXT, Column

if TYPE_CHECKING:
    from ml_core.tables.memory import Budget
    from ml_core.training.reference import TableReference

# What the first rows say is held to be true of all: reading finds out where it is not.
_LOOKED_AT = 1_000
# The part of different words among those of texts.
_MANY = 0.5
_MOST_NAMED = 20


def guess(
    data: "TableReference", path: str, budget: "Budget", held_out_by: str | None
) -> "tuple[TableReference, str]":
    """The reference with the form that the table has, and what is to be said of it.

    Raises `InvalidInput` where there is more than one, or none.
    """
    dataset = reading.read(
        path,
        declared=data.format,
        most_rows=_LOOKED_AT,
        budget=budget,
        options=data.options.reading(held_out_by),
    )
    columns = [column for column in dataset.columns if column.name not in (data.target, held_out_by)]
    lists = [column.name for column in columns if column.kind == LISTS]
    if lists:
        named = ", ".join(f"'{name}'" for name in lists[:_MOST_NAMED])
        told = f'each row was read as a sequence, of the lists in {named}; "features" in data names others'
        return data._replace(features=tuple(lists)), told
    words = [column for column in columns if column.kind in (CATEGORY, TEXT)]
    texts = words if len(words) == 1 else [column for column in words if _looks_like_texts(column)]
    if len(texts) == 1:
        name = texts[0].name
        return data._replace(
            text=name
        ), f"column '{name}' was read as the text; \"text\" in data names another"
    there = ", ".join(shown(column.name) for column in columns[:_MOST_NAMED])
    raise InvalidInput.at(
        "$.data",
        'expected "text" (the column of texts), "sequence": {"id": "machine", "order": "time"} (where each '
        'row is one step) or "features" (columns of lists, where each row is one sequence): '
        f"the table has {there or 'no other column'}",
    )


def _looks_like_texts(column: Column) -> bool:
    """Whether most words of a column are different, as texts are and categories are not."""
    return column.kind == TEXT or len(column.words) > _MANY * int(column.present.sum())
