"""What would have to change in a row for another label, of models whose margins are linear.

Each change is told as callers send values, and was tried: the label that stands beside it is what the model
predicts for the changed row.
"""

from __future__ import annotations

from math import ceil, floor, inf, isnan, sqrt, sumprod

from ml_core.conflicts import NotExplained
from ml_core.errors import Fault, InvalidInput, TooLarge, raise_faults, shown
from ml_core.explaining.changes import Slope, single, together
from ml_core.inputs.columns import BOOLEAN, CATEGORY, DATE, NUMBER, read_column
from ml_core.inputs.rows import Rows
from ml_core.model.explanations import explainer_of
from ml_core.records import Record
from ml_core.safetensors import pack, unpack_rows

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from ml_core.explaining.coding import Coding
    from ml_core.explaining.explanation import Explanation
    from ml_core.explaining.linear import LinearMargin
    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.model.margins import ExplainedModel
    from ml_core.profiles.profile import NumbersProfile

# How much further than the boundary a change goes, relative to it; the next where that does not suffice.
_BEYOND = (1e-6, 1e-4, 1e-2)
# Of so many words of a column those that turn the margin least are tried.
_TRIED_WORDS = 3


class ChangedValue(Record):
    """A column's value, and what it becomes, as callers send it; None where it is missing or unseen."""

    column: str
    old: Any
    new: Any


class Alternative(Record):
    """Changes of a row, and the label that the model predicts for it then."""

    changes: tuple[ChangedValue, ...]
    label: Label


class Counterfactual(Record):
    """What would turn a row from its label: a single column, in each of several ways, or several together.

    `together` is None where no such change of numbers is within the columns' ranges, or no unit is known.
    """

    single: tuple[Alternative, ...]
    together: Alternative | None

    def described(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "single": [{**_described(each.changes[0]), "label": each.label} for each in self.single],
            "together": self.together
            and {"changes": list(map(_described, self.together.changes)), "label": self.together.label},
        }


def _described(change: ChangedValue) -> dict[str, object]:
    return {"column": change.column, "from": change.old, "to": change.new}


def counterfactual(
    model: ExplainedModel,
    rows: Rows,
    explanations: Sequence[Explanation],
    actionable: Sequence[str],
    *,
    most: int | None = None,
    where: str = "$.counterfactual.actionable",
) -> list[Counterfactual]:
    """The smallest changes that turn each row's margin over the label that it was explained against.

    Args:
        model: what predicts.
        rows: the rows that were explained.
        explanations: what `explain` said of them.
        actionable: the columns that may be changed. A number or date stays within the range that the profile
            tells of it, where there is one.
        most: how many multiplications may be done; None for any number.
        where: the JSON path of `actionable`.

    Raises:
        InvalidInput: the model has no such column.
        NotExplained: the model's margins are not linear.
        TooLarge: it takes more than `most`; nothing was computed.
    """
    names = list(model.features)
    raise_faults(
        Fault(f"{where}[{place}]", f"the model has no column {shown(name)}")
        for place, name in enumerate(actionable)
        if name not in names
    )
    explainer = explainer_of(model)
    if explainer.margins.linear is None:
        raise NotExplained(
            "what change turns a label is told of logistic regression, linear SVMs and k-means only: leave "
            "`counterfactual` out"
        )
    columns = sorted({names.index(name) for name in actionable})
    work = len(rows) * (len(columns) + 1) * len(_BEYOND) * explainer.coding.width
    if most is not None and work > most:
        raise TooLarge(
            f"changes of {len(rows):,} rows take the time of {work:,} multiplications; at most {most:,} are "
            "done for a request: send fewer rows, or fewer columns in `actionable`"
        )
    number_of = {label: number for number, label in enumerate(explainer.labels)}
    search = _Search(model, explainer.coding, columns)
    found = []
    for values, explanation in zip(unpack_rows(rows.packed, len(names)), explanations, strict=True):
        pair = number_of[explanation.label], number_of[explanation.against]
        found.append(search.of(values, explanation, explainer.margins.linear(*pair)))
    return found


class _Search:
    """Looks for the smallest changes of the actionable columns."""

    def __init__(self, model: ExplainedModel, coding: Coding, columns: Sequence[int]) -> None:
        self._model = model
        self._coding = coding
        self._columns = columns
        self._features = model.columns
        profile = model.profile
        told = profile.columns if profile else ()
        self._profiles: Sequence[Any] = told or [None] * len(self._features)

    def of(self, values: Sequence[float], explanation: Explanation, margin: LinearMargin) -> Counterfactual:
        """What turns a row of columns."""
        if explanation.margin <= 0.0:  # of many classes one may lose to another, and win most of all pairs
            return Counterfactual((), None)
        slopes = {
            column: self._slope(column, values[column], margin.weights)
            for column in self._columns
            if self._coding.columns[column].number is not None
        }
        found = [
            self._single(values, column, explanation, margin.weights, slopes.get(column))
            for column in self._columns
        ]
        several = self._together(values, explanation, slopes)
        return Counterfactual(tuple(each for each in found if each), several)

    def _slope(self, column: int, value: float, weights: Sequence[float]) -> Slope:
        """How a column's number changes the margin."""
        placed, scaling, profile = self._coding.columns[column], self._coding.scaling, self._profiles[column]
        assert placed.number is not None  # noqa: S101 - for the type checker: the caller looked
        scale = scaling.scale.values[placed.number] if scaling else 1.0
        unit = scale if scaling else _spread(profile)
        low, high = (profile.low, profile.high) if profile else (-inf, inf)
        jump = 0.0
        if isnan(value) and placed.flag is not None:
            jump = -weights[placed.flag] / (scaling.scale.values[placed.flag] if scaling else 1.0)
        now = placed.replacement if isnan(value) else value
        return Slope(now, weights[placed.number] / scale, unit, low, high, jump)

    def _single(
        self,
        values: Sequence[float],
        column: int,
        explanation: Explanation,
        weights: Sequence[float],
        slope: Slope | None,
    ) -> Alternative | None:
        """The first of a column's values that turns the row."""
        kind = self._features[column].kind
        if kind == CATEGORY:
            tried: Iterable[Any] = self._words(values[column], column, explanation.margin, weights)
        elif kind == BOOLEAN:
            tried = [flag for flag in (False, True) if values[column] != flag]
        elif slope is None:
            return None
        else:
            tried = self._numbers(column, values[column], explanation.margin, slope)
        for new in tried:
            if found := self._turned(values, explanation, {column: new}):
                return found
        return None

    def _words(self, value: float, column: int, margin: float, weights: Sequence[float]) -> Iterator[str]:
        """The words that turn the margin, those first that do it least."""
        now = self._coding.coded(column, value)
        placed, words = self._coding.columns[column], self._features[column].words
        ours = [weights[place] for place in placed.places]
        turned = []
        for number, word in enumerate(words):
            changed = self._coding.coded(column, float(number))
            left = margin + sumprod(ours, [new - old for new, old in zip(changed, now, strict=True)])
            if left < 0.0:
                turned.append((-left, word))
        return (word for _, word in sorted(turned)[:_TRIED_WORDS])

    def _numbers(self, column: int, value: float, margin: float, slope: Slope) -> Iterator[Any]:
        for beyond in _BEYOND:
            found = single(margin, slope, beyond)
            if found is not None:
                yield from self._sent(column, value, found, slope)

    def _sent(self, column: int, old: float, new: float, slope: Slope) -> Iterator[Any]:
        """A number or date as callers send it, no nearer to the present one: first a day, then a moment."""
        if self._features[column].kind != DATE:
            yield new
            return
        towards = ceil if new > slope.now else floor
        if isnan(old) or old == floor(old):
            yield _date(towards(new), self._features[column])
        yield _date(towards(new * _SECONDS) / _SECONDS, self._features[column])

    def _together(
        self, values: Sequence[float], explanation: Explanation, slopes: Mapping[int, Slope]
    ) -> Alternative | None:
        """The least change of all numbers and dates that turns the row."""
        numbers = {
            column: slope
            for column, slope in slopes.items()
            if self._features[column].kind != BOOLEAN and not isnan(values[column])
        }
        for beyond in _BEYOND:
            found = together(explanation.margin, numbers, beyond)
            if found is None:
                continue
            changed = {
                column: next(self._sent(column, values[column], value, numbers[column]))
                for column, value in found.items()
                if value != values[column]
            }
            if turned := self._turned(values, explanation, changed):
                return turned
        return None

    def _turned(
        self, values: Sequence[float], explanation: Explanation, changed: Mapping[int, Any]
    ) -> Alternative | None:
        """The row with changed values, read as a request is; None where that does not change its label."""
        row = list(values)
        for column, new in changed.items():
            if new is None:
                return None
            (row[column],) = read_column(self._features[column], [new])
            profile = self._profiles[column]
            if isnan(row[column]) or (
                self._features[column].kind in (NUMBER, DATE)
                and profile
                and not profile.low <= row[column] <= profile.high
            ):
                return None
        try:
            (label,) = self._model.predict_rows(Rows(pack(row), len(row)))["label"]
        except InvalidInput:  # so far out that it overflows
            return None
        if label == explanation.label:
            return None
        changes = tuple(
            ChangedValue(self._features[column].name, self._told(column, values[column]), new)
            for column, new in changed.items()
        )
        return Alternative(changes, label)

    def _told(self, column: int, value: float) -> Any:  # noqa: ANN401 - a value of JSON
        """A column's value as callers send it."""
        feature = self._features[column]
        if isnan(value):
            return None
        if feature.kind == CATEGORY:
            return feature.words[int(value)] if 0 <= value < len(feature.words) else None
        if feature.kind == BOOLEAN:
            return bool(value)
        return _date(value, feature) if feature.kind == DATE else value


def _spread(profile: NumbersProfile | None) -> float:
    """How far the values of a column lie from their mean; 0 where that is not known."""
    if profile is None or not sum(profile.counts):
        return 0.0
    rows = sum(profile.counts)
    mean = sumprod(profile.counts, profile.means) / rows
    return sqrt(sumprod(profile.counts, [(each - mean) ** 2 for each in profile.means]) / rows)


_SECONDS = 86_400  # a day's
# Dates as columns' rules read them.
_DATES = {"": "%Y-%m-%d", "dmy": "%d.%m.%Y", "mdy": "%m/%d/%Y", "ymd": "%Y/%m/%d", "named": "%d %b %Y"}


def _date(days: float, feature: Feature) -> str | None:
    """Days since 1970 as a date that the column's rule reads; None past the calendar."""
    from datetime import UTC, datetime, timedelta

    try:
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(days * _SECONDS * 10**6))
    except OverflowError:
        return None
    written = instant.strftime(_DATES[feature.rule.date])
    if instant.year < 1000:
        return None
    if days == floor(days):
        return written
    between = " " if feature.rule.date else "T"
    time = "%H:%M:%S.%f" if instant.microsecond else "%H:%M:%S"
    return f"{written}{between}{instant.strftime(time)}"
