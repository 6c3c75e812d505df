"""The profile of the rows that a model was trained on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.arithmetic.bounds import BLOCK_NUMBERS
from ml_core.inputs.columns import CATEGORY
from ml_core.profiles.binning import numbers_profile
from ml_core.profiles.profile import (
    LEAST,
    MOST_BINS,
    MOST_TOLD_WORDS,
    PROBABILITY_BINS,
    PredictedProfile,
    Profile,
    WordsProfile,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.profiles.profile import ColumnProfile

# All columns together have about so many bins, but each may have a few.
_ALL_BINS = 4_000
_FEWEST_BINS = 4


def fitted_profile(
    X: "NDArray[np.float64] | None",
    sent: "Sequence[Feature] | None",
    known: "Sequence[Feature]",
    *,
    rows: int,
    predicted: PredictedProfile | None,
) -> Profile | None:
    """The profile of `rows` training rows; None of fewer than `LEAST`.

    Args:
        X: the rows of a table, words as `sent` numbers them; None where instances are no rows of a table.
        sent: the columns as they were trained on; None where all are numbers.
        known: the same columns as the model has them, which knows only words that it was trained on.
        rows: how many rows there are.
        predicted: what the model predicted.
    """
    if rows < LEAST:
        return None
    return Profile(rows, [] if X is None else list(_columns(X, sent, known)), predicted)


def _columns(
    X: "NDArray[np.float64]", sent: "Sequence[Feature] | None", known: "Sequence[Feature]"
) -> "Iterator[ColumnProfile]":
    rows, width = X.shape
    most = min(MOST_BINS, max(_FEWEST_BINS, _ALL_BINS // width))
    step = max(1, BLOCK_NUMBERS // rows)
    for begin in range(0, width, step):  # the copies of a few columns at a time
        block = X[:, begin : begin + step].T + 0.0  # no -0.0: which of two zeros is first would be chance
        block.sort(axis=1)  # NaN last
        missing = np.isnan(block).sum(axis=1).tolist()
        for place, (ordered, gaps) in enumerate(zip(block, missing, strict=True), begin):
            feature, present = known[place], ordered[: rows - gaps]
            if feature.kind == CATEGORY:
                words = feature.words if sent is None else sent[place].words
                yield _words_profile(feature, words, present, gaps)
            else:
                yield numbers_profile(feature.name, feature.kind, present, gaps, most)


def _words_profile(
    feature: "Feature", sent: Sequence[str], present: "NDArray[np.float64]", missing: int
) -> WordsProfile:
    """The profile of a column of words, given their places among `sent`."""
    counts = np.bincount(present.astype(np.int64), minlength=len(sent))
    by_word = dict(zip(sent, counts.tolist(), strict=True))
    ordered = sorted(enumerate(feature.words), key=lambda entry: (-by_word[entry[1]], entry[0]))
    told = [place for place, word in ordered[:MOST_TOLD_WORDS] if by_word[word] >= LEAST]
    numbers = tuple(by_word[feature.words[place]] for place in told)
    other = len(present) - sum(numbers)
    once = int((counts == 1).sum())
    return WordsProfile(feature.name, feature.kind, missing, tuple(told), numbers, other, once)


def predicted_profile(
    values: "Mapping[str, NDArray[Any]]", n_labels: int, *, held_out: bool
) -> PredictedProfile:
    """What was predicted, given labels as numbers and, where there is one, "probability"."""
    labels, probabilities = values["label"], values.get("probability")
    counted = tuple(np.bincount(labels, minlength=n_labels).tolist())
    if probabilities is None:
        return PredictedProfile(len(labels), held_out, counted, None)
    # What is no number, as strangers may give it, counts as 0.
    top = np.clip(np.nan_to_num(probabilities.max(axis=1)), 0, 1)
    bins = np.minimum((top * PROBABILITY_BINS).astype(np.int64), PROBABILITY_BINS - 1)
    spread = tuple(np.bincount(bins, minlength=PROBABILITY_BINS).tolist())
    return PredictedProfile(len(labels), held_out, counted, spread)
