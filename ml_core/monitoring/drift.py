"""Whether counts of now are of another distribution than those of training.

Both are counted in the same cells: bins, words, labels. How far they are apart is the population stability
index (PSI), the sum of (now - training) * ln(now / training) over the shares of the cells. Two samples of one
distribution are apart as well: by (cells - 1) * (1/N + 1/M) on average, for N and M rows. What is beyond that
is the effect; whether chance explains it, a test of homogeneity says. Drift needs both: the test alone finds
what is of no matter among many rows, and the effect alone finds noise among few.

What training counted is not all that it could have: a word is listed because it had many rows, and no row has
a word that training has not seen. Where that leaves a count open, it is taken as it speaks least for drift.
docs/monitoring.md has the false alarms that were measured.
"""

from __future__ import annotations

from math import erfc, exp, inf, isqrt, lgamma, log, sqrt

from ml_core.profiles.profile import LEAST
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.profiles.profile import NumbersProfile, WordsProfile

    # How many rows are in a cell, of training and now.
    type Cell = tuple[int, int]

LEAST_COUNTED = 300
"""How many rows have to be counted before anything is said of them."""
LEAST_EFFECT = 0.05
MOST_CHANCE = 0.01
"""The chance of a false alarm in a whole report, all its tests together."""
TOO_FEW, STEADY, DRIFTED = "too_few", "steady", "drifted"

_LEAST_EXPECTED = 5
# The log of the chance below which a cell of few expected rows is looked at by itself.
_REMARKABLE = log(1e-6)
# How many standard deviations a count of training may be off, where it is open what it was by chance.
_DEVIATIONS = 2


class Comparison(Record):
    """Two samples compared: their PSI, what it is where nothing drifted, and the test's p-value."""

    psi: float
    psi_expected: float
    p_value: float

    def drifted(self, tests: int) -> bool:
        """Whether effect and chance both say so; `tests` is how many comparisons are judged together."""
        return self.psi - self.psi_expected >= LEAST_EFFECT and self.p_value * tests < MOST_CHANCE


def compare(cells: Sequence[Cell]) -> Comparison | None:
    """Compare training and now; None where one of them has no row.

    The p-value is the larger one of Pearson's test and of the likelihood ratio test, both of homogeneity:
    where a sample is small, each of them takes chance for drift too often in cells of its own kind.
    """
    pooled = pool(cells)
    rows_then, rows_now = sum(then for then, _ in pooled), sum(now for _, now in pooled)
    if not rows_then or not rows_now:
        return None
    rows, freedom = rows_then + rows_now, len(pooled) - 1
    psi = pearson = ratio = 0.0
    for then, now in pooled:
        # Half a row more in each cell keeps the logarithm of an empty one finite.
        share_then = (then + 0.5) / (rows_then + len(pooled) / 2)
        share_now = (now + 0.5) / (rows_now + len(pooled) / 2)
        psi += (share_now - share_then) * log(share_now / share_then)
        difference = now * rows_then - then * rows_now
        pearson += difference * difference / (rows_then * rows_now * (then + now))
        ratio += 2 * _divergence(then, now, rows_then / rows)
    p_value = chi_squared_tail(min(pearson, ratio), freedom)
    return Comparison(psi, freedom * (1 / rows_then + 1 / rows_now), p_value)


def pool(cells: Sequence[Cell]) -> list[Cell]:
    """The cells with rows; those of which the smaller sample expects too few rows are put together.

    Of them no test's p-value can be trusted. A cell stays by itself where chance hardly ever makes as much of
    it: that is how a word is seen which is new, or a value that is missing for the first time.
    """
    rows_then, rows_now = sum(then for then, _ in cells), sum(now for _, now in cells)
    rows = rows_then + rows_now
    share = min(rows_then, rows_now) / rows if rows else 0.0

    def is_small(cell: Cell) -> bool:
        return sum(cell) * share < _LEAST_EXPECTED and -_divergence(*cell, rows_then / rows) > _REMARKABLE

    kept = sorted((cell for cell in cells if sum(cell)), key=sum, reverse=True)
    small = [cell for cell in kept if is_small(cell)]
    if not small:
        return kept
    kept = [cell for cell in kept if not is_small(cell)]
    together = _sum(small)
    if kept and is_small(together):
        together = _sum([together, kept.pop()])
    return [*kept, together]


def _sum(cells: Sequence[Cell]) -> Cell:
    return sum(then for then, _ in cells), sum(now for _, now in cells)


def _divergence(then: int, now: int, share: float) -> float:
    """How far a cell's rows are from the training's share of all rows, in nats.

    Chance divides them like that, or less evenly, with a probability of at most exp(-divergence).
    """
    rows = then + now
    return sum(
        count * log(count / (rows * expected))
        for count, expected in ((then, share), (now, 1 - share))
        if count
    )


def chi_squared_tail(value: float, freedom: int) -> float:
    """The probability that chi-squared of so many degrees of freedom is at least `value`.

    The regularised incomplete gamma function Q(freedom / 2, value / 2) of whole and half numbers is a finite
    sum whose terms are all positive: nothing of it is lost to rounding.
    """
    half = value / 2
    if freedom < 1 or half <= 0:
        return 1.0
    if half == inf:
        return 0.0
    first = freedom % 2 / 2  # 0 or 1/2: the terms are half**order * exp(-half) / gamma(order + 1)
    tail = erfc(sqrt(half)) if first else 0.0
    for step in range(freedom // 2):
        order = first + step
        tail += exp(order * log(half) - half - lgamma(order + 1))
    return min(tail, 1.0)


def number_cells(
    column: NumbersProfile, counts: Sequence[int], *, rows_then: int, rows_now: int
) -> list[Cell]:
    """The cells of a column of numbers: its bins, what is beyond `low` and `high`, and missing values.

    `counts` are those of now, as `counts.py` orders them. Of training no value is beyond.
    """
    if not counts:
        return []
    *bins, missing, below, above = counts
    if not bins:  # hardly a row of training had a value
        return [(rows_then - column.missing, rows_now - missing), (column.missing, missing)]
    cells = [*zip(column.counts, bins, strict=True), (column.missing, missing)]
    for place, beyond in ((0, below), (len(bins) - 1, above)):
        then, now = cells[place]
        cells[place] = (then, now - beyond)
        cells.append((0, beyond))
    return cells


def word_cells(
    column: WordsProfile, counts: Sequence[int], *, rows_then: int, rows_now: int, n_words: int
) -> list[Cell]:
    """The cells of a column of `n_words` words: those listed, others, unseen ones, and missing values.

    Without drift, unseen words are as frequent as those that one row of training had (Good and Turing).
    """
    if not counts:
        return []
    *listed, other, unseen, missing = counts
    then = _unlifted(column, listed, rows_then, rows_now)
    cells = [*zip(then, listed, strict=True), (column.missing, missing)]
    rare = column.other + sum(column.counts) - sum(then)
    most = _most_once(column, n_words - len(listed))
    if unseen * rows_then > most * rows_now:
        return [*cells, (rare - most, other), (most, unseen)]
    return [*cells, (rare, other + unseen)]


def _most_once(column: WordsProfile, n_unlisted: int) -> int:
    """How many rows of training had a word that no other row had, and how many more it could have been."""
    if column.once is None:
        return min(column.other, n_unlisted)
    # The estimate's variance is about the number of such words, and twice that of words of two rows.
    twice = min((column.other - column.once) // 2, n_unlisted - column.once)
    return min(column.other, column.once + _DEVIATIONS * isqrt(column.once + 2 * max(twice, 0)))


def _unlifted(column: WordsProfile, now: Sequence[int], rows_then: int, rows_now: int) -> list[int]:
    """The training's rows of each listed word, less what chance may have added so that it was listed.

    Where a word has fewer rows now, its count in training is taken as far down as chance may have lifted it.
    """
    if not column.other or not rows_now:
        return list(column.counts)
    # No word that is not listed had more rows than that.
    most_unlisted = max(LEAST, min(column.other, *column.counts, rows_then))
    unlifted = []
    for then, rows in zip(column.counts, now, strict=True):
        least = then - _DEVIATIONS * isqrt(then)
        if least > most_unlisted:
            least = then
        unlifted.append(max(least, min(then, rows * rows_then // rows_now)))
    return unlifted
