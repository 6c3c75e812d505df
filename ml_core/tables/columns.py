"""What reading a table gives: columns of one kind each, missing values marked."""

from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.errors import MalformedInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBER = "number"
INTEGER = "integer"
BOOLEAN = "boolean"
DATE = "date"
CATEGORY = "category"
# Too many different words to be categories, or a kind of value that no model takes: known, and left out.
TEXT = "text"
OTHER = "other"

# Words of a single column that are told apart; past it the column is text.
MOST_WORDS = 100_000


class Column(NamedTuple):
    """One column of a dataset.

    `values` are float64 with NaN where one is missing: numbers, 0 and 1 for truth values, for dates the
    days since 1970-01-01 (UTC). For categories they are int32 indices into the sorted `words`, -1 where one
    is missing; for text and other kinds 0 and -1.
    """

    name: str
    kind: str
    values: "NDArray[Any]"
    words: tuple[str, ...] = ()

    @property
    def present(self) -> "NDArray[Any]":
        """Whether each row has a value."""
        import numpy as np

        return ~np.isnan(self.values) if self.values.dtype.kind == "f" else self.values >= 0


class Dataset(NamedTuple):
    """A table that was read; `complete` is False where reading stopped before the end, as was asked."""

    columns: tuple[Column, ...]
    rows: int
    format: str
    warnings: tuple[str, ...] = ()
    complete: bool = True

    def column(self, name: str) -> Column | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


def number_column(name: str, values: "NDArray[Any]") -> Column:
    """A column of numbers; of integers where all present are. Raises `MalformedInput` for infinity."""
    import numpy as np

    if np.isinf(values).any():
        row = int(np.flatnonzero(np.isinf(values))[0])
        raise MalformedInput(f"column '{name}' holds infinity (row {row}), which no model takes")

    return Column(name, INTEGER if _are_whole(values) else NUMBER, values)


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
        and max(-known.min(), known.max()) < 2**53
    )
