"""The columns of a table, each as JSON's values from one row to another."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from serverless_ml.tables.cells import NotTakenError, json_values
from serverless_ml.tables.refusing import column_path, refuse


class Column(NamedTuple):
    """A column by its name.

    Args:
        name: what the service knows it by.
        take: its cells from one row to another, as its library has them.
        categorical: whether its frame says that it holds categories, whatever these are.
    """

    name: str
    take: Callable[[int, int], Sequence[Any]]
    categorical: bool = False

    def values(self, start: int, stop: int) -> list[Any]:
        """Its cells as JSON has them. Raises `InvalidInput` for one that has no form there."""
        try:
            return json_values(self.take(start, stop))
        except NotTakenError as reason:
            row = getattr(reason, "row", None)
            refuse(str(reason), column_path(self.name, None if row is None else start + row))


class Table:
    """Rows of columns.

    Args:
        native: what the caller holds, which an answer is to be like.
        fields: the columns.
        rows: how many rows there are.
        named: whether the columns have names of their own; else they are x0, x1 and so on, and rows are sent
            in the order of the model's features.
        is_one: whether the caller gave one row alone, and not a list of rows.
        notes: what is to be told to the person.
        training_notes: what is to be told besides where the table is trained on.
    """

    def __init__(
        self,
        native: Any,
        fields: Sequence[Column],
        rows: int,
        *,
        named: bool,
        is_one: bool = False,
        notes: Sequence[str] = (),
        training_notes: Sequence[str] = (),
    ) -> None:
        self.native = native
        self.fields = tuple(fields)
        self.rows = rows
        self.named = named
        self.is_one = is_one
        self.notes = tuple(notes)
        self.training_notes = tuple(training_notes)

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns; None where they have none of their own."""
        return tuple(field.name for field in self.fields) if self.named else None

    def chunk(self, start: int, stop: int) -> dict[str, Any]:
        """The rows from one to another as the member of a request that holds rows. Raises `InvalidInput`."""
        rows = list(zip(*(field.values(start, stop) for field in self.fields), strict=True))
        if self.named:
            return {"dataframe_split": {"columns": list(self.columns or ()), "data": rows}}
        return {"instances": rows}

    def taken(self, only: Sequence[str] | None, without: Sequence[str]) -> "Table":
        """The table with some of its columns. Raises `InvalidInput` for one that it does not have."""
        if only is None and not without:
            return self
        known = {field.name: field for field in self.fields}
        for name in (*(only or ()), *without):
            if name not in known:
                refuse(f"there is no column {name!r}; there are {names_listed(self.fields)}")
        left_out = frozenset(without)
        kept = [known[name] for name in (known if only is None else only) if name not in left_out]
        return self.of_fields(kept, named=self.named or only is not None)

    def of_fields(
        self, fields: Sequence[Column], *, named: bool | None = None, told: Sequence[str] = ()
    ) -> "Table":
        """The same rows with other columns; `told` is added to what is told where it is trained on."""
        return Table(
            self.native,
            fields,
            self.rows,
            named=self.named if named is None else named,
            is_one=self.is_one,
            notes=self.notes,
            training_notes=(*self.training_notes, *told),
        )


_MOST_LISTED = 20


def names_listed(fields: Sequence[Column]) -> str:
    """The names of columns as messages say them."""
    more = f" and {len(fields) - _MOST_LISTED} more" if len(fields) > _MOST_LISTED else ""
    return ", ".join(repr(field.name) for field in fields[:_MOST_LISTED]) + more


def different(names: Sequence[str]) -> None:
    """Raise `InvalidInput` for names that are there twice, or empty."""
    seen: set[str] = set()
    for place, name in enumerate(names):
        if not name:
            refuse(f"column {place + 1} has no name; give it one")
        if name in seen:
            refuse(f"column {name!r} is there more than once; rename one of them", column_path(name))
        seen.add(name)
