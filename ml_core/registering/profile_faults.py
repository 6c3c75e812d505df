"""What a profile says that no training would: counts that do not add up, bins that are not in order.

Who explains or looks for drift divides by these counts, and trusts that no bin stands for a few rows.
"""

from collections.abc import Iterator
from itertools import pairwise

from ml_core.errors import Fault
from ml_core.model.model import Model
from ml_core.profiles.profile import (
    LEAST,
    MOST_BINS,
    MOST_TOLD_WORDS,
    PROBABILITY_BINS,
    NumbersProfile,
    PredictedProfile,
    WordsProfile,
)


def profile_faults(model: Model, where: str) -> Iterator[Fault]:
    """The faults of a model's profile, which fits its columns; none without one."""
    profile = model.profile
    if profile is None:
        return
    if profile.rows < LEAST:
        yield Fault(f"{where}.rows", f"expected at least {LEAST} rows, got {profile.rows}")
    for place, column in enumerate(profile.columns):
        find = _wrong_words if isinstance(column, WordsProfile) else _wrong_bins
        if wrong := find(column, profile.rows):  # type: ignore[arg-type]  # each takes its own
            yield Fault(f"{where}.columns[{place}]", wrong)
    distances = model.output_specs.get("distance")
    labels = len(model.classes) if model.classes is not None else distances.width if distances else None
    if profile.predicted is not None and (wrong := _wrong_predictions(profile.predicted, labels)):
        yield Fault(f"{where}.predicted", wrong)


def _wrong_bins(column: NumbersProfile, rows: int) -> str | None:
    known = rows - column.missing
    if not column.counts:
        return None if 0 <= known < LEAST else f"expected bins of {known} values, got none"
    if sum(column.counts) != known:
        return f"expected bins of {known} values together, got {sum(column.counts)}"
    if len(column.counts) > MOST_BINS or min(column.counts) < LEAST:
        return f"expected at most {MOST_BINS} bins of at least {LEAST} values each"
    bounds = [column.low, *column.edges, column.high]
    inside = all(
        low <= mean <= high for (low, high), mean in zip(pairwise(bounds), column.means, strict=True)
    )
    if not inside or any(one >= other for one, other in pairwise(column.edges)):
        return "expected edges in ascending order, and each bin's mean between its own"
    return None


def _wrong_words(column: WordsProfile, rows: int) -> str | None:
    counted = sum(column.counts) + column.other + column.missing
    if counted != rows:
        return f"expected words and gaps of {rows} rows together, got {counted}"
    if len(column.words) > MOST_TOLD_WORDS or min(column.counts, default=LEAST) < LEAST:
        return f"expected at most {MOST_TOLD_WORDS} words of at least {LEAST} rows each"
    return None if len(set(column.words)) == len(column.words) else "expected each word once"


def _wrong_predictions(predicted: PredictedProfile, labels: int | None) -> str | None:
    if predicted.rows < 1 or sum(predicted.labels) != predicted.rows:
        return f"expected labels of {max(1, predicted.rows)} rows together, got {sum(predicted.labels)}"
    if labels is not None and len(predicted.labels) != labels:
        return f"expected counts of {labels} labels, got {len(predicted.labels)}"
    spread = predicted.probability
    if spread is not None and (len(spread) != PROBABILITY_BINS or sum(spread) != predicted.rows):
        return f"expected {PROBABILITY_BINS} counts of {predicted.rows} probabilities together"
    return None
