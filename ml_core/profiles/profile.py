"""A profile: each column's values in bins, and what the model predicted, of the rows it was trained on.

Explanations take their background from it, and drift is measured against it. It holds no row: a bin or a
word stands for at least `LEAST` rows, and rarer words are counted together. It stands in the artifact as
bytes that nothing reads but who asks for it.

Columns are those of the caller in the model's order, their values as rows are packed (`inputs/columns.py`):
numbers, days since 1970 for dates, 0 and 1 for truth values, and a word's place among the model's words.
"""

from __future__ import annotations

from bisect import bisect_right
from math import isfinite, nan

from ml_core import json_text
from ml_core.errors import ArtifactInvalid
from ml_core.records import Record
from ml_core.safetensors import pack, unpack_rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ml_core.inputs.columns import Feature

    type ColumnProfile = NumbersProfile | WordsProfile

LEAST = 20
"""How many rows a profile needs, and each of its bins and words."""
MOST_BINS = 20
MOST_TOLD_WORDS = 20
_NUMBER = "number"  # as in `inputs/columns.py`, which predictions of numbers alone do not import
PROBABILITY_BINS = 20
"""How many equal parts the range of the top probability is counted in."""


class NumbersProfile(Record):
    """A column of numbers, dates or truth values.

    Bin i holds the values from `edges[i - 1]`, included, up to `edges[i]`. There is one bin more than edges;
    none at all where fewer than `LEAST` rows had a value, and then `low` and `high` are 0. Beyond these two
    a value is far from all of training; where all values were one, both are that one.
    """

    name: str
    kind: str
    missing: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    means: tuple[float, ...]
    low: float
    high: float

    def place(self, value: float) -> int:
        """The number of the bin that a value is in."""
        return bisect_right(self.edges, value)

    def marginal(self, n_words: int = 0) -> list[tuple[float, float]]:  # noqa: ARG002 - as of words
        """The values that stand for the column, each with its share of the rows; NaN is a missing one.

        Where there is no bin, all rows count as missing.
        """
        rows = sum(self.counts) + self.missing
        found = [(mean, count / rows) for mean, count in zip(self.means, self.counts, strict=True)]
        return [*found, *([(nan, self.missing / rows)] if self.missing else [])]


class WordsProfile(Record):
    """A column of categories: `words` are places among the model's words, and how many rows had each.

    `other` rows had one of the model's words that are not listed here, `once` of them one that no other row
    had; None where that is not known.
    """

    name: str
    kind: str
    missing: int
    words: tuple[int, ...]
    counts: tuple[int, ...]
    other: int
    once: int | None = None

    def marginal(self, n_words: int) -> list[tuple[float, float]]:
        """As of numbers; the other words of the model's `n_words` stand for the other rows evenly."""
        rows = sum(self.counts) + self.other + self.missing
        found = [(float(word), count / rows) for word, count in zip(self.words, self.counts, strict=True)]
        rest = sorted(set(range(n_words)) - set(self.words))
        found += [(float(word), self.other / len(rest) / rows) for word in rest if self.other]
        return [*found, *([(nan, self.missing / rows)] if self.missing else [])]


class PredictedProfile(Record):
    """What the model predicted for `rows` rows: how many of each label, and of its top probability.

    `held_out` says whether these rows were held out of training. `probability` has `PROBABILITY_BINS` counts;
    None where the model gives no probability.
    """

    rows: int
    held_out: bool
    labels: tuple[int, ...]
    probability: tuple[int, ...] | None


class Profile:
    """Of so many training `rows`; `columns` is empty where instances are no rows of a table."""

    def __init__(
        self, rows: int, columns: Sequence[ColumnProfile], predicted: PredictedProfile | None = None
    ) -> None:
        self.rows = rows
        self.columns = tuple(columns)
        self.predicted = predicted

    def fits(self, names: Sequence[str], features: Sequence[Feature] | None, n_labels: int | None) -> bool:
        """Whether it is of columns of these names, or of none, and of so many labels; None for any number.

        `features` say the same columns' kinds; without them all are numbers.
        """
        counted = n_labels if self.predicted is None else len(self.predicted.labels)
        if n_labels not in (None, counted):
            return False
        if [column.name for column in self.columns] not in ([], [*names]):
            return False
        if features is None:
            return all(column.kind == _NUMBER for column in self.columns)
        return all(
            column.kind == feature.kind and max(column.words, default=-1) < len(feature.words)
            if isinstance(column, WordsProfile)
            else column.kind == feature.kind and not feature.words
            for column, feature in zip(self.columns, features, strict=False)
        )

    def to_bytes(self) -> bytes:
        """The profile as an artifact holds it: JSON, equal for equal profiles."""
        described = {
            "format": 1,
            "rows": self.rows,
            "columns": [_described(column) for column in self.columns],
            "predicted": self.predicted and self.predicted._asdict(),
        }
        data = json_text.dumps(described, separators=(",", ":"), allow_nan=False).encode()
        return data + b" " * (-len(data) % 8)  # the tensors behind it in an artifact stay aligned

    @classmethod
    def from_bytes(cls, data: bytes) -> Profile:
        """Raises `ArtifactInvalid` for bytes that `to_bytes` did not make."""
        try:
            return cls._restored(json_text.loads(data))
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise ArtifactInvalid("the profile is not whole") from error

    @classmethod
    def _restored(cls, described: dict[str, Any]) -> Profile:
        if described["format"] != 1:
            raise ValueError("a profile of another format")
        predicted = described["predicted"]
        if predicted is not None:
            probability = predicted["probability"]
            predicted = PredictedProfile(
                _count(predicted["rows"]),
                predicted["held_out"] is True,
                _counts(predicted["labels"]),
                None if probability is None else _counts(probability),
            )
        return cls(_count(described["rows"]), [_column(each) for each in described["columns"]], predicted)


def _described(column: ColumnProfile) -> dict[str, Any]:
    """A column as JSON values. Means are float64 in hexadecimal: their digits take long to read."""
    described = column._asdict()
    if isinstance(column, NumbersProfile):
        described["means"] = pack(column.means).hex()
    return described


def _column(described: dict[str, Any]) -> ColumnProfile:
    name, kind, missing = described["name"], described["kind"], _count(described["missing"])
    counts = _counts(described["counts"])
    if "words" in described:
        words = _counts(described["words"])
        if len(words) != len(counts) or kind == _NUMBER:
            raise ValueError("each word has a count")
        other, once = _count(described["other"]), described.get("once")
        return WordsProfile(name, kind, missing, words, counts, other, None if once is None else _count(once))
    edges = _numbers(described["edges"])
    packed = bytes.fromhex(described["means"])
    if len(packed) != 8 * len(counts) or (len(counts) != len(edges) + 1 and (edges or counts)):
        raise ValueError("the bins do not fit their edges")
    means = _numbers(next(unpack_rows(packed, len(counts)))) if counts else ()
    low, high = _numbers([described["low"], described["high"]])
    return NumbersProfile(name, kind, missing, edges, counts, means, low, high)


def _count(value: Any) -> int:  # noqa: ANN401 - a value of JSON
    if type(value) is not int or value < 0:
        raise ValueError("a count is a whole number from 0")
    return value


def _counts(values: list[Any]) -> tuple[int, ...]:
    if not set(map(type, values)) <= {int} or min(values, default=0) < 0:
        raise ValueError("counts are whole numbers from 0")
    return tuple(values)


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    if not all(map(isfinite, numbers)):
        raise ValueError("a number that is not finite")
    return numbers
