"""What the counts of a version say: what it answered, and whether that is what it was trained on.

docs/monitoring.md describes every member for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_core.inputs.columns import BOOLEAN
from ml_core.model.parameters import as_sent
from ml_core.monitoring.counts import LATENCY_ENDS
from ml_core.monitoring.drift import (
    DRIFTED,
    LEAST_COUNTED,
    STEADY,
    TOO_FEW,
    compare,
    number_cells,
    word_cells,
)
from ml_core.monitoring.feedback import wilson
from ml_core.profiles.profile import LEAST, PROBABILITY_BINS, WordsProfile
from ml_core.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.inputs.columns import Feature
    from ml_core.inputs.labels import Label
    from ml_core.monitoring.counts import VersionCounts
    from ml_core.monitoring.drift import Cell, Comparison
    from ml_core.monitoring.feedback import FeedbackCounts
    from ml_core.profiles.profile import ColumnProfile, NumbersProfile, PredictedProfile, Profile

    type Told = dict[str, Any]

NO_PREDICTIONS, NO_PROFILE, NO_REFERENCE = "no_predictions", "no_profile", "no_reference"
STATES = (TOO_FEW, STEADY, DRIFTED, NO_PREDICTIONS, NO_PROFILE, NO_REFERENCE)
_QUANTILES = (50, 95, 99)
_DIGITS = 6  # after the point, of a share or a PSI


class _Judged(Record):
    """What is compared with training: how many rows of now, the comparison, and whether it can be judged."""

    rows: int
    found: Comparison | None
    fair: bool

    @property
    def is_test(self) -> bool:
        """Whether it is one of those that a false alarm could come from."""
        return self.fair and self.rows >= LEAST_COUNTED and self.found is not None

    def told(self, tests: int) -> Told:
        """PSI, its expectation, the p-value and the state, where so many tests are judged together."""
        return {**told_comparison(self.found), "state": self._state(tests)}

    def _state(self, tests: int) -> str:
        if not self.fair:
            return NO_REFERENCE
        if self.rows < LEAST_COUNTED or self.found is None:
            return TOO_FEW
        return DRIFTED if self.found.drifted(tests) else STEADY


def report(
    profile: Profile | None,
    counts: VersionCounts,
    *,
    features: Sequence[Feature],
    classes: Sequence[Label] | None,
    feedback: FeedbackCounts,
) -> Told:
    """What the counts of a version say, as JSON values.

    Args:
        profile: that of the version; None where it has none.
        counts: what was counted in some time.
        features: the version's columns, which the profile is of.
        classes: its labels in order; None for clusters, whose labels are their numbers.
        feedback: what is known of what these predictions were really of.
    """
    columns = profile.columns if profile else ()
    reference = profile.predicted if profile else None
    judged = [_judged_column(profile, each, counts, at, features[at]) for at, each in enumerate(columns)]
    labels = _judged_labels(reference, counts)
    tops = _judged_tops(reference, counts)
    tests = sum(each.is_test for each in (*judged, labels, tops))
    told = {
        column.name: {
            "kind": column.kind,
            **each.told(tests),
            **_told_column(profile, column, features[at], _now(counts, at), counts.counted),
        }
        for at, (column, each) in enumerate(zip(columns, judged, strict=True))
    }
    predictions = {
        **labels.told(tests),
        "reference": reference and ("held_out" if reference.held_out else "training"),
        "labels": _told_labels(reference, counts, classes),
        "probability": _told_tops(reference, counts, tops.told(tests)),
    }
    states = [each["state"] for each in (*told.values(), predictions)]
    if tops.found:
        states.append(tops.told(tests)["state"])
    return {
        "state": _state(profile, counts, states),
        **traffic(counts),
        "counted": counts.counted,
        "drifted": [name for name, each in told.items() if each["state"] == DRIFTED],
        "features": told,
        "predictions": predictions,
        "expected_accuracy": expected_accuracy(counts),
        "feedback": told_feedback(feedback, classes),
        "warnings": _warnings(profile, counts),
    }


def traffic(counts: VersionCounts) -> Told:
    """What came, and how long it took: of `latency` the upper ends of the bins that the quantiles are in."""
    return {
        "requests": counts.requests,
        "refused": counts.refused,
        "errors": counts.errors,
        "latency": {f"p{percent}": _quantile(counts.latency, percent) for percent in _QUANTILES},
        "predicted": counts.predictions,
    }


def expected_accuracy(counts: VersionCounts) -> float | None:
    """The mean of the top probability; None where no row has one."""
    rows = sum(counts.probability)
    return round(min(counts.probability_sum / rows, 1.0), _DIGITS) if rows else None


def told_feedback(feedback: FeedbackCounts, classes: Sequence[Label] | None) -> Told:
    """What is known of what was predicted: the accuracy with Wilson's interval of 95 %, and the confusion."""
    labelled, interval = feedback.labelled, wilson(feedback.correct, feedback.labelled)
    bins = feedback.calibration[:PROBABILITY_BINS]
    return {
        "labelled": labelled,
        "accuracy": interval
        and {
            "value": round(feedback.correct / labelled, _DIGITS),
            "low": round(interval[0], _DIGITS),
            "high": round(interval[1], _DIGITS),
        },
        "confusion": [
            {
                "predicted": label_of(predicted, classes),
                "true": None if true is None else label_of(true, classes),
                "count": count,
            }
            for (predicted, true), count in sorted(feedback.confusion.items(), key=_by_numbers)
        ],
        "calibration": [
            {**_probability_bin(at), "count": count, "accuracy": round(correct / count, _DIGITS)}
            for at, (count, correct) in enumerate(bins)
            if count
        ],
    }


def told_comparison(found: Comparison | None) -> Told:
    """PSI, its expectation and the p-value; null where there is nothing to compare."""
    return {
        "psi": found and round(found.psi, _DIGITS),
        "psi_expected": found and round(found.psi_expected, _DIGITS),
        "p_value": found and float(f"{found.p_value:.4g}"),
    }


def label_of(number: int, classes: Sequence[Label] | None) -> Label:
    """The label of a class's or cluster's number."""
    return number if classes is None or number >= len(classes) else classes[number]


def _by_numbers(entry: tuple[tuple[int, int | None], int]) -> tuple[int, float]:
    (predicted, true), _ = entry
    return predicted, float("inf") if true is None else true


def _state(profile: Profile | None, counts: VersionCounts, states: Sequence[str]) -> str:
    """What all states together say: drift somewhere, too few rows somewhere, or neither."""
    if not counts.predictions:
        return NO_PREDICTIONS
    if profile is None:
        return NO_PROFILE
    return next((state for state in (DRIFTED, TOO_FEW, STEADY) if state in states), NO_REFERENCE)


def _warnings(profile: Profile | None, counts: VersionCounts) -> list[str]:
    warnings = []
    if profile is None:
        warnings.append(
            "the version has no profile of the rows that it was trained on: an earlier release trained it, "
            f"it is private, was imported, or had fewer than {LEAST} rows; train it again on at least so "
            "many to see drift"
        )
    elif profile.columns and counts.counted < counts.predictions:
        what = "a sample of them, evenly spaced" if counts.counted else "its columns need too much memory"
        warnings.append(f"columns were counted of {counts.counted:,} of {counts.predictions:,} rows: {what}")
    if profile and profile.predicted and not profile.predicted.held_out:
        warnings.append(
            "what was predicted is compared with the rows trained on, of which a model is surer than of new "
            "ones, so it is not judged: hold out at least 20 rows when you train"
        )
    return warnings


def _now(counts: VersionCounts, at: int) -> Sequence[int]:
    return counts.columns[at] if at < len(counts.columns) else ()


def _judged_column(
    profile: Profile | None, column: ColumnProfile, counts: VersionCounts, at: int, feature: Feature
) -> _Judged:
    assert profile is not None  # noqa: S101 - for the type checker: it has columns
    now, rows = _now(counts, at), counts.counted
    if isinstance(column, WordsProfile):
        cells = word_cells(column, now, rows_then=profile.rows, rows_now=rows, n_words=len(feature.words))
    else:
        cells = number_cells(column, now, rows_then=profile.rows, rows_now=rows)
    return _Judged(rows if now else 0, compare(cells), fair=True)


def _judged_labels(reference: PredictedProfile | None, counts: VersionCounts) -> _Judged:
    cells = _aligned(reference.labels, counts.labels) if reference else []
    return _Judged(counts.predictions, compare(cells), fair=bool(reference and reference.held_out))


def _judged_tops(reference: PredictedProfile | None, counts: VersionCounts) -> _Judged:
    known = reference.probability if reference else None
    cells = _aligned(known, counts.probability) if known else []
    return _Judged(sum(counts.probability), compare(cells), fair=bool(reference and reference.held_out))


def _aligned(then: Sequence[int], now: Sequence[int]) -> list[Cell]:
    """The cells of two lists of counts; what is missing at an end is 0."""
    length = max(len(then), len(now))
    return [(_at(then, place), _at(now, place)) for place in range(length)]


def _at(counts: Sequence[int], place: int) -> int:
    return counts[place] if place < len(counts) else 0


def _share(count: int, rows: int) -> float | None:
    return round(count / rows, _DIGITS) if rows else None


def _shares(then: int, now: int, rows_then: int, rows_now: int) -> Told:
    return {"training": _share(then, rows_then), "now": _share(now, rows_now)}


def _told_column(
    profile: Profile | None, column: ColumnProfile, feature: Feature, now: Sequence[int], rows: int
) -> Told:
    assert profile is not None  # noqa: S101 - as above
    if isinstance(column, WordsProfile):
        return _told_words(column, feature, now, profile.rows, rows)
    return _told_numbers(column, now, profile.rows, rows)


def _told_numbers(column: NumbersProfile, now: Sequence[int], rows_then: int, rows: int) -> Told:
    bins = len(column.counts)
    told: Told = {
        "missing": _shares(column.missing, _at(now, bins), rows_then, rows),
        "bins": [
            {**_bin(column, place), **_shares(count, _at(now, place), rows_then, rows)}
            for place, count in enumerate(column.counts)
        ],
    }
    if bins:
        told |= {
            "low": as_sent(column.low, column.kind),
            "high": as_sent(column.high, column.kind),
            "below": _share(_at(now, bins + 1), rows),
            "above": _share(_at(now, bins + 2), rows),
        }
    return told


def _bin(column: NumbersProfile, place: int) -> Told:
    """What is in a bin, as callers send it: values from one to below another, or one of the truth values."""
    if column.kind == BOOLEAN and (column.edges or column.low == column.high):
        return {"value": bool((column.low, column.high)[place])}
    ends = [None, *(as_sent(edge, column.kind) for edge in column.edges), None]
    return {"from": ends[place], "to": ends[place + 1]}


def _told_words(
    column: WordsProfile, feature: Feature, now: Sequence[int], rows_then: int, rows: int
) -> Told:
    listed = len(column.words)
    return {
        "missing": _shares(column.missing, _at(now, listed + 2), rows_then, rows),
        "bins": [
            {"word": feature.words[word], **_shares(count, _at(now, place), rows_then, rows)}
            for place, (word, count) in enumerate(zip(column.words, column.counts, strict=True))
        ],
        "other": _shares(column.other, _at(now, listed), rows_then, rows),
        "unseen": _share(_at(now, listed + 1), rows),
    }


def _told_labels(
    reference: PredictedProfile | None, counts: VersionCounts, classes: Sequence[Label] | None
) -> list[Told]:
    then = reference.labels if reference else ()
    number = max(len(then), len(counts.labels), len(classes or ()))
    return [
        {
            "label": label_of(place, classes),
            **_shares(_at(then, place), _at(counts.labels, place), sum(then), counts.predictions),
        }
        for place in range(number)
    ]


def _told_tops(reference: PredictedProfile | None, counts: VersionCounts, judged: Told) -> Told | None:
    then = (reference.probability if reference else None) or ()
    rows_then, rows = sum(then), sum(counts.probability)
    if not rows_then and not rows:
        return None
    bins = [
        {**_probability_bin(at), **_shares(_at(then, at), counts.probability[at], rows_then, rows)}
        for at in range(PROBABILITY_BINS)
        if _at(then, at) or counts.probability[at]
    ]
    return {**judged, "bins": bins}


def _probability_bin(at: int) -> Told:
    return {"from": at / PROBABILITY_BINS, "to": (at + 1) / PROBABILITY_BINS}


def _quantile(latency: Sequence[int], percent: int) -> float | None:
    """The upper end of the bin that a quantile is in, in milliseconds; None past the last one, or of none."""
    left = sum(latency) * percent / 100
    for end, count in zip(LATENCY_ENDS, latency, strict=False):
        left -= count
        if left <= 0 < count:
            return end
    return None
