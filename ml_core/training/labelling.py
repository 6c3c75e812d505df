"""The rows of a table that have a target and a value to be held out by, and the label of each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ml_core.errors import InvalidInput, quoted, shown
from ml_core.inputs import columns as kinds
from ml_core.inputs.labels import Labels
from ml_core.tables import reading
from ml_core.tables.options import MISSING_WORDS
from ml_core.tables.suitability import SeenColumn
from ml_core.training.split import Split, column_of
from ml_core.training.splitting import TableSplit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.inputs.labels import Label
    from ml_core.tables.columns import Column, Dataset
    from ml_core.training.reference import TableReference

_MOST_NAMED, _MOST_NAMES = 5, 20


class LabelColumn(SeenColumn, Protocol):
    """A column of labels, and the words in it that stand for a missing one."""

    @property
    def missing_words(self) -> Mapping[str, int]:
        """How often each does."""


class Labelling(NamedTuple):
    """The columns of a table that hold the target and what rows are held out by, where there are such."""

    target: "Column | None"
    by: TableSplit | None

    @classmethod
    def of(cls, dataset: "Dataset", target: str | None, split: Split) -> "Labelling":
        """The columns by name. Raises `InvalidInput` where the table has none such, or they cannot be it."""
        column = None if target is None else target_of(dataset.columns, target, _first_number)
        by = TableSplit.of(dataset, split, names_of(dataset)) if column_of(split) else None
        return cls(column, by)

    def rows_kept(
        self, there: "NDArray[np.bool_] | None" = None, *, held_out: bool, things: str = "rows"
    ) -> "tuple[NDArray[np.bool_] | None, list[str]]":
        """Which of the rows that are `there` (None: all) are trained on or held out, and what is to be said.

        `things` are what the rows stand for. Raises `InvalidInput` where none is left.
        """
        warnings: list[str] = []
        present = there
        if self.target is not None:
            has = self.target.present if there is None else self.target.present & there
            if not has.any():
                raise no_label(self.target.name)
            missing = (len(has) if there is None else int(there.sum())) - int(has.sum())
            if missing:
                warnings.append(without_target(self.target, missing, things))
                present = has
        if self.by is not None:
            present, told = self.by.rows_kept(present, held_out=held_out)
            warnings += told
        return present, warnings

    def labels(self, kept: "NDArray[np.bool_] | None") -> Labels | None:
        """The labels of the rows kept (None: all); None where there is no target."""
        return None if self.target is None else labels_of(self.target, kept)

    def ranks(self, kept: "NDArray[np.bool_] | None", *, held_out: bool) -> memoryview | None:
        """Their places among the values of the split's column; None where nothing is held out by one."""
        return self.by.ranks(kept) if self.by is not None and held_out else None


def target_of[C: SeenColumn](there: "Sequence[C]", name: str, first: "Callable[[C], float | None]") -> C:
    """The column of labels; `first` is the first number of one. Raises `InvalidInput`."""
    column = next((column for column in there if column.name == name), None)
    if column is None:
        raise InvalidInput.at(
            "$.data.target", f"the table has no column {shown(name)}; it has {names_in(there)}"
        )
    if column.kind not in (kinds.CATEGORY, kinds.BOOLEAN, "integer"):
        raise InvalidInput.at("$.data.target", _no_labels(column, first(column)))
    return column


def _first_number(column: "Column") -> float | None:
    if column.kind != "number" or not column.present.any():
        return None
    return float(column.values[column.present][0])


def _no_labels(column: SeenColumn, first: float | None) -> str:
    """Why a column holds no labels, and what to do."""
    labels = "expected words, truth values or whole numbers to tell classes apart"
    if column.kind == "number":
        example = "" if first is None else f", such as {first!r}"
        return (
            f"{labels}, got numbers with a fraction{example}: column {shown(column.name)} looks like a "
            "quantity. Put it into classes first; an algorithm that predicts quantities is not offered"
        )
    return f"{labels}; column {shown(column.name)} is of type {column.kind}"


def no_label(name: str) -> InvalidInput:
    """The refusal of a target without any value."""
    return InvalidInput.at("$.data.target", f"no row has a value in column {shown(name)}")


def without_target(target: "LabelColumn", rows: int, things: str = "rows") -> str:
    """What is to be said of rows without a target, and of the words that were taken for none."""
    words = [word for word in target.missing_words if word]
    if not words:
        return f"{rows} {things} have no target and are left out"
    named = ", ".join(
        f"{shown(word)} ({target.missing_words[word]} rows)" for word in sorted(words)[:_MOST_NAMED]
    )
    # Among numbers and truth values the usual signs stand for a missing value whatever `missing` says.
    options = [f'"types": {{{quoted(target.name)}: "category"}}'] if target.kind != kinds.CATEGORY else []
    if not options or not set(words).isdisjoint(MISSING_WORDS):
        options.append('"missing": [""]')
    return (
        f"{rows} rows have no target and are left out: column '{target.name}' holds {named}, which stand for "
        f"a missing value; {' with '.join(options)} makes them classes"
    )


def names_of(dataset: "Dataset") -> str:
    """What columns a table has, as messages say it."""
    return names_in(dataset.columns)


def names_in(there: "Sequence[SeenColumn]") -> str:
    """The names of columns, as messages say them."""
    names = [column.name for column in there]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(shown, names[:_MOST_NAMES])) + more


def labels_of(target: "Column", present: Any) -> Labels:  # noqa: ANN401 - an array of truth values
    """The labels of the rows that are present (None: all)."""
    import numpy as np

    values = target.values if present is None else target.values[present]
    different, numbers = np.unique(values, return_inverse=True)
    return labels_by(target, different, numbers)


def labels_by(target: "CountedLabels", different: Any, numbers: Any) -> Labels:  # noqa: ANN401 - arrays
    """The labels of rows whose values have these numbers among the `different` ones, which ascend."""
    if target.kind == kinds.CATEGORY and target.integers:
        return _integer_labels([int(target.words[int(code)]) for code in different.tolist()], numbers)
    if target.kind == kinds.CATEGORY:
        classes: tuple[Label, ...] = tuple(target.words[int(code)] for code in different.tolist())
    else:
        classes = tuple(map(bool if target.kind == kinds.BOOLEAN else int, different.tolist()))
    return Labels(classes, numbers)


class CountedLabels(SeenColumn, Protocol):
    """A column of labels, which may be whole numbers that float64 does not tell apart."""

    @property
    def integers(self) -> bool:
        """Whether they are."""


def _integer_labels(labels: list[int], numbers: Any) -> Labels:  # noqa: ANN401 - an array of integers
    """Labels that are whole numbers, in their order and not in that of their words."""
    import numpy as np

    order = sorted(range(len(labels)), key=labels.__getitem__)
    places = np.empty(len(labels), np.int64)
    places[order] = np.arange(len(labels))
    return Labels(tuple(labels[place] for place in order), places[numbers])


def column_names(path: str, data: "TableReference") -> str:
    """The same of the whole table at `path`, of which some columns were read."""
    return names_of(reading.read(path, declared=data.format, most_rows=1, options=data.options))
