"""What reading a table gives: columns of one kind each, missing values marked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.inputs.rules import EXACT, TYPED, ValueRule, missing_numbers, spelled
from ml_core.inputs.texts import missing_dates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.tables.cells import NumberLists

NUMBER = "number"
INTEGER = "integer"
BOOLEAN = "boolean"
DATE = "date"
CATEGORY = "category"
# Too many different words to be categories, or a kind of value that no row has: known, and left out.
TEXT = "text"
DURATION = "duration"
LISTS = "list"
OTHER = "other"

# Words of a single column that are told apart; past it the column is text.
MOST_WORDS = 100_000
# Renamed columns are told one by one up to so many.
_MOST_TOLD = 20


class Column(NamedTuple):
    """One column of a dataset.

    `values` are float64 with NaN where one is missing: numbers, 0 and 1 for truth values, for dates the
    days since 1970-01-01 (UTC). For categories they are int32 indices into the sorted `words`, -1 where one
    is missing; for text and other kinds 0 and -1.

    `rule` says how the values were read, and `missing_words` how often each word stood for a missing one.
    `integers` are categories whose words are whole numbers, which float64 would not tell apart. `is_index`
    is one that a program wrote of its own to number or name the rows. `cells` are there where a column was
    to be read as texts, or as lists: each row's, None where a text is missing.
    """

    name: str
    kind: str
    values: "NDArray[Any]"
    words: tuple[str, ...] = ()
    rule: ValueRule = TYPED
    missing_words: Mapping[str, int] = {}
    integers: bool = False
    is_index: bool = False
    cells: "list[str | None] | NumberLists | None" = None

    @property
    def present(self) -> "NDArray[Any]":
        """Whether each row has a value."""
        import numpy as np

        return ~np.isnan(self.values) if self.values.dtype.kind == "f" else self.values >= 0

    def taken(self, kept: "NDArray[Any]") -> "Column":
        """The column of the rows that are kept."""
        cells = self.cells
        if isinstance(cells, list):
            cells = list(compress(cells, kept.tolist()))
        elif cells is not None:
            cells = cells.taken(kept)
        return self._replace(values=self.values[kept], cells=cells)


class Dataset(NamedTuple):
    """A table that was read; `complete` is False where reading stopped before the end, as was asked.

    `read` says how its file was read: delimiter, encoding and header of a CSV file.
    """

    columns: tuple[Column, ...]
    rows: int
    format: str
    warnings: tuple[str, ...] = ()
    complete: bool = True
    read: Mapping[str, object] = {}

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


def number_column(
    name: str,
    values: "NDArray[Any]",
    rule: ValueRule = TYPED,
    missing_words: Mapping[str, int] | None = None,
) -> Column:
    """A column of numbers; of integers where all present are.

    Numbers that the rule calls missing become so.
    """
    words = dict(missing_words or {})
    for number in missing_numbers(rule.missing):
        values, times = _without(values, number)
        if times:
            word = spelled(number)
            words[word] = words.get(word, 0) + times
    return Column(name, INTEGER if _are_whole(values) else NUMBER, values, (), rule, words)


def date_column(
    name: str, values: "NDArray[Any]", rule: ValueRule = TYPED, missing_words: Mapping[str, int] | None = None
) -> Column:
    """A column of dates. Those that the rule calls missing become so."""
    words = dict(missing_words or {})
    for day, word in missing_dates(rule).items():
        values, times = _without(values, day)
        if times:
            words[word] = words.get(word, 0) + times
    return Column(name, DATE, values, (), rule, words)


def _without(values: "NDArray[Any]", value: float) -> "tuple[NDArray[Any], int]":
    """The values with one of them missing, and how often it was there."""
    places = values == value
    times = int(places.sum())
    if times:
        values = values if values.flags.writeable else values.copy()
        values[places] = float("nan")
    return values, times


def _are_whole(values: "NDArray[Any]") -> bool:
    """Whether there are numbers, all of them whole, and none so large that float64 skips some."""
    import numpy as np

    missing = np.isnan(values)
    known = values[~missing] if missing.any() else values
    first = known[:1000]  # tells nearly always
    return bool(
        len(known)
        and (np.floor(first) == first).all()
        and (np.floor(known) == known).all()
        and max(-known.min(), known.max()) < EXACT
    )


def text_column(
    name: str, texts: "list[str | None]", missing_words: Mapping[str, int] | None = None
) -> Column:
    """A column that is read as texts."""
    import numpy as np

    values = np.array([-1 if text is None else 0 for text in texts], np.int32)
    return Column(name, TEXT, values, missing_words=missing_words or {}, cells=texts)


def list_column(name: str, lists: "NumberLists") -> Column:
    """A column that is read as lists. One without a step is missing."""
    import numpy as np

    return Column(name, LISTS, np.where(lists.lengths > 0, 0, -1).astype(np.int32), cells=lists)


def value_shown(column: Column, value: Any) -> Any:  # noqa: ANN401 - a scalar as JSON has it
    """A value of a column as the file has it."""
    import numpy as np

    if column.kind == CATEGORY:
        return column.words[int(value)]
    if column.kind == BOOLEAN:
        return bool(value)
    if column.kind == DATE:
        instant = np.datetime64(round(float(value) * 86_400), "s")
        return str(instant if value % 1 else instant.astype("datetime64[D]"))
    return int(value) if column.kind == INTEGER else float(value)


def first_infinite(column: Column) -> int | None:
    """The first row, from 1, that holds infinity; None where there is none."""
    import numpy as np

    if column.values.dtype.kind != "f" or not np.isinf(column.values).any():
        return None
    return int(np.flatnonzero(np.isinf(column.values))[0]) + 1


def different_names(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names made different as pandas makes them, and what is to be said of it; the place names empty ones."""
    names: dict[str, None] = {}
    warnings = []
    seen: Counter[str] = Counter()
    for place, each in enumerate(given):
        name = each or f"x{place}"
        while name in names:
            seen[each] += 1
            name = f"{each}.{seen[each]}"
        if name != each:
            why = "its name is there twice" if each else "the file gives it no name"
            warnings.append(f"column {place + 1} is called '{name}': {why}")
        names[name] = None
    more = len(warnings) - _MOST_TOLD
    told = [*warnings[:_MOST_TOLD], f"{more} more columns are renamed like these"]
    return list(names), told if more > 0 else warnings
