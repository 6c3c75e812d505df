"""How often drift is told where there is none, and where there is some: the tables of docs/monitoring.md.

`python -m benchmarks.false_alarms` prints them. Columns of several kinds are trained on and counted anew;
reports of up to 200 columns are judged for each number of rows. A row is not drawn by itself: how many are in
each bin is, which is the same.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from ml_core.inputs.columns import CATEGORY, NUMBER, Feature
from ml_core.monitoring.drift import LEAST_COUNTED, Comparison, compare, number_cells, word_cells
from ml_core.profiles.fitting import fitted_profile

if TYPE_CHECKING:
    from ml_core.monitoring.drift import Cell

TRAINED = (100, 1_000, 10_000)
COUNTED = (100, 300, 1_000, 10_000, 100_000)
COLUMNS = (1, 20, 200)
MISSING = 0.05

type Random = np.random.Generator
type Floats = NDArray[np.float64]


class Now(NamedTuple):
    """What is different now: a shift in standard deviations, the share missing, and that of a new word."""

    shift: float = 0.0
    missing: float = MISSING
    new_word: float = 0.0


NO_DRIFT = Now()


class Continuous(NamedTuple):
    """A column of numbers of which no two are equal, by its distribution."""

    distribution: Any

    def values(self, rows: int, rng: Random) -> Floats:
        """So many of them."""
        values: Floats = self.distribution.ppf(rng.random(rows))
        return values

    def shares(self, ends: Floats, now: Now) -> Floats:
        """The share below each end."""
        moved = ends - now.shift * self.distribution.std() if now.shift else ends
        below: Floats = self.distribution.cdf(moved)
        return below


class Discrete(NamedTuple):
    """A column of whole numbers from 0, by their shares."""

    pmf: Floats

    def values(self, rows: int, rng: Random) -> Floats:
        """So many of them."""
        values: Floats = rng.choice(len(self.pmf), rows, p=self.pmf).astype(float)
        return values

    def shares(self, ends: Floats, now: Now) -> Floats:  # noqa: ARG002 - it is not shifted
        """The share below each end."""
        below = np.concatenate(([0.0], np.cumsum(self.pmf)))
        found: Floats = below[np.clip(np.ceil(ends), 0, len(self.pmf)).astype(int)]
        return found


class Words(NamedTuple):
    """A column of categories, by the words' shares."""

    pmf: Floats


type Column = Continuous | Discrete | Words


def _shares(weights: Any) -> Floats:
    found = np.asarray(weights, dtype=float)
    shares: Floats = found / found.sum()
    return shares


KINDS: dict[str, Column] = {
    "normal": Continuous(stats.norm()),
    "skewed": Continuous(stats.lognorm(2)),
    "heavy tails": Continuous(stats.cauchy()),
    "small counts": Discrete(_shares(stats.poisson(3).pmf(np.arange(25)))),
    "mostly zero": Discrete(_shares([0.7, *(0.3 * stats.nbinom(1, 0.02).pmf(np.arange(300)))])),
    "rarely true": Discrete(_shares([0.97, 0.03])),
    "three words": Words(_shares([6, 3, 1])),
    "many words": Words(_shares(1 / np.arange(1, 301) ** 1.1)),
    "equal words": Words(_shares([1.0] * 50)),
    "names": Words(_shares([1.0] * 5_000)),
}


def comparisons(
    kind: Column, trained: int, counted: Sequence[int], rng: Random, now: Now = NO_DRIFT
) -> list[Comparison]:
    """Train on a column of that kind and compare it with so many rows of now, for each number of rows."""
    missing = rng.random(trained) < MISSING
    if isinstance(kind, Words):
        cells = _words(kind, missing, counted, rng, now)
    else:
        cells = _numbers(kind, missing, counted, rng, now)
    found = [compare(each) for each in cells]
    return [each for each in found if each is not None]


def _profile(values: Floats, missing: NDArray[np.bool], sent: Feature, known: Feature) -> Any:
    column = np.where(missing, np.nan, values)[:, None]
    profile = fitted_profile(column, [sent], [known], rows=len(column), predicted=None)
    return profile and profile.columns[0]


def _numbers(
    kind: Continuous | Discrete, missing: NDArray[np.bool], counted: Sequence[int], rng: Random, now: Now
) -> "Iterator[list[Cell]]":
    """The cells of a column of numbers, of so many rows counted."""
    feature = Feature("x", NUMBER)
    profile = _profile(kind.values(len(missing), rng), missing, feature, feature)
    ends = np.array([profile.low, *profile.edges, np.nextafter(profile.high, np.inf)])
    shares = np.diff(kind.shares(ends, now), prepend=0.0, append=1.0)
    shares = _shares([*np.maximum(shares * (1 - now.missing), 0), now.missing])
    for rows in counted:
        below, *bins, above, gaps = map(int, rng.multinomial(rows, shares))
        bins[0] += below
        bins[-1] += above
        counts = [*bins, gaps, below, above]
        yield number_cells(profile, counts, rows_then=len(missing), rows_now=rows)


def _words(
    kind: Words, missing: NDArray[np.bool], counted: Sequence[int], rng: Random, now: Now
) -> "Iterator[list[Cell]]":
    """The cells of a column of words, of so many rows counted."""
    n_words = len(kind.pmf)
    places = rng.choice(n_words, len(missing), p=kind.pmf)
    seen = np.flatnonzero(np.bincount(places[~missing], minlength=n_words)).tolist()
    sent, known = (Feature("x", CATEGORY, tuple(map(str, words))) for words in (range(n_words), seen))
    profile = _profile(places.astype(float), missing, sent, known)
    shares = _shares([*kind.pmf * (1 - now.missing - now.new_word), now.missing, now.new_word])
    for rows in counted:
        *drawn, gaps, new = map(int, rng.multinomial(rows, shares))
        of_known = [drawn[place] for place in seen]
        listed = [of_known[word] for word in profile.words]
        other, unseen = sum(of_known) - sum(listed), sum(drawn) - sum(of_known) + new
        counts = [*listed, other, unseen, gaps]
        yield word_cells(profile, counts, rows_then=len(missing), rows_now=rows, n_words=len(seen))


def repeated(kinds: Sequence[Column], times: int) -> Iterator[Column]:
    """So many of them, in turn."""
    return (kinds[place % len(kinds)] for place in range(times))


def folk_threshold(found: Comparison, _tests: int) -> bool:
    """The rule of thumb: a PSI of 0.2 is drift."""
    return found.psi >= 0.2


DRIFTS: dict[str, tuple[str, Now]] = {
    "shifted by 0.3 standard deviations": ("normal", Now(shift=0.3)),
    "shifted by 0.5 standard deviations": ("normal", Now(shift=0.5)),
    "missing 15 % instead of 5 %": ("normal", Now(missing=0.15)),
    "a new word in 5 % of rows, beside three": ("three words", Now(new_word=0.05)),
    "a new word in 5 % of rows, beside 300": ("many words", Now(new_word=0.05)),
}


def main(windows: int) -> None:
    """Print both tables."""
    console = Console(width=130)
    rng = np.random.default_rng(12)
    table = Table("trained on", "counted", *(f"{columns} columns" for columns in COLUMNS), "20, PSI of 0.2")
    kinds = [*KINDS.values()]
    for trained in TRAINED:
        pool = [comparisons(kind, trained, COUNTED, rng) for kind in repeated(kinds, 200 * windows)]
        for at, counted in enumerate(COUNTED):
            found = [each[at] for each in pool]
            shares = [alarms(found, columns) for columns in COLUMNS]
            few = " (too few)" if counted < LEAST_COUNTED else ""
            told = [f"{100 * share:.2f} %{few}" for share in shares]
            table.add_row(
                f"{trained:,}", f"{counted:,}", *told, f"{100 * alarms(found, 20, folk_threshold):.0f} %"
            )
    console.print(table)
    table = Table("drift of one column", "trained on", *(f"{counted:,}" for counted in COUNTED[1:]))
    for name, (kind, now) in DRIFTS.items():
        for trained in TRAINED[1:]:
            each = [comparisons(KINDS[kind], trained, COUNTED[1:], rng, now) for _ in range(windows)]
            seen = np.mean([[one.drifted(22) for one in found] for found in each], axis=0)
            table.add_row(name, f"{trained:,}", *(f"{100 * share:.0f} %" for share in seen))
    console.print(table)


def alarms(
    found: Sequence[Comparison],
    columns: int,
    drifted: Callable[[Comparison, int], bool] = Comparison.drifted,
) -> float:
    """The share of reports of so many columns in which one is said to have drifted.

    Labels and top probability are two tests more.
    """
    windows = [any(drifted(each, columns + 2) for each in window) for window in batched(found, columns)]
    return sum(windows) / len(windows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.false_alarms",
        description="Print how often drift is told where there is none, and where there is some.",
    )
    parser.add_argument("--windows", type=int, default=200, help="how many reports (default: 200)")
    main(parser.parse_args().windows)
