"""A model's profile for people: on the columns and in the units in which callers send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_core.conflicts import NotDescribed
from ml_core.inputs.columns import DATE
from ml_core.model.parameters import as_sent
from ml_core.profiles.profile import LEAST, PROBABILITY_BINS, WordsProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.inputs.columns import Feature
    from ml_core.model.model import Model
    from ml_core.profiles.profile import NumbersProfile, PredictedProfile

    type Told = dict[str, Any]


def told_profile(model: Model) -> Told:
    """What is kept of the rows that a model was trained on, as JSON values: docs/versions.md describes it.

    Raises `NotDescribed`, and `ArtifactInvalid` as `Model.profile`.
    """
    profile = model.profile
    if profile is None:
        raise NotDescribed(
            "the version has no profile of the rows that it was trained on: an earlier release trained it, "
            f"it is private, was imported, or had fewer than {LEAST} rows; train it again with at least so "
            "many"
        )
    columns = zip(profile.columns, model.columns, strict=False)  # of pictures and the like there are none
    return {
        "rows": profile.rows,
        "columns": [
            _words(column, feature) if isinstance(column, WordsProfile) else _numbers(column, profile.rows)
            for column, feature in columns
        ],
        "predicted": profile.predicted and _predicted(profile.predicted, model),
    }


def _words(column: WordsProfile, feature: Feature) -> Told:
    counted = zip(column.words, column.counts, strict=True)
    return {
        "column": column.name,
        "kind": column.kind,
        "missing": column.missing,
        "words": [{"word": feature.words[place], "count": count} for place, count in counted],
        "other": column.other,
        "other_words": len(feature.words) - len(column.words),
        **({} if column.once is None else {"once": column.once}),
    }


def _numbers(column: NumbersProfile, rows: int) -> Told:
    told: Told = {"column": column.name, "kind": column.kind, "missing": column.missing}
    if not column.counts:
        return {**told, "bins": [], "too_few": rows - column.missing}
    ends = [None, *column.edges, None]
    bins = zip(ends, ends[1:], column.counts, column.means, strict=False)
    return {
        **told,
        "bins": [
            {
                "from": _sent(begin, column.kind),
                "to": _sent(end, column.kind),
                "count": count,
                "mean": _sent(mean, column.kind),
                **({"mean_days": mean} if column.kind == DATE else {}),
            }
            for begin, end, count, mean in bins
        ],
        "low": _sent(column.low, column.kind),
        "high": _sent(column.high, column.kind),
    }


def _sent(value: float | None, kind: str) -> float | str | None:
    return None if value is None else as_sent(value, kind)


def _predicted(predicted: PredictedProfile, model: Model) -> Told:
    # A stranger's clusters are as many as it predicted.
    labels: Sequence[Any] = range(len(predicted.labels)) if model.classes is None else model.classes
    counted = zip(labels, predicted.labels, strict=True)
    spread = predicted.probability
    return {
        "rows": predicted.rows,
        "held_out": predicted.held_out,
        "labels": [{"label": label, "count": count} for label, count in counted],
        "probability": spread
        and [
            {"from": place / PROBABILITY_BINS, "to": (place + 1) / PROBABILITY_BINS, "count": count}
            for place, count in enumerate(spread)
        ],
    }
