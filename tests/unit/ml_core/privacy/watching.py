"""Fits whose releases are watched: what was summed, how wide the noise was asked to be, and what came out.

A second fit can be made to see the releases of a first. Then all that differs between neighbours is what was
summed, and Σ|Δ|² / 2σ² over the releases is what the pair costs as zero-concentrated differential privacy.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from ml_core.jobs import private_table
from ml_core.jobs.surroundings import Surroundings
from ml_core.privacy import answers
from ml_core.privacy.centres import NearestSums, counts_as
from ml_core.privacy.logistic_sums import LogisticSums
from ml_core.privacy.rows import UNIT
from ml_core.scanning.planning import plan_of
from ml_core.tables.memory import Budget
from ml_core.training import private_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.training.fitting import Trained
    from ml_core.training.request import TrainingRequest
    from tests.unit.ml_core.streaming.local_tables import Folder

RESIDUAL = 1 << 12


class Release(NamedTuple):
    """One release: what was summed, in whole numbers, the variance of each noise, and what came out."""

    what: str
    summed: list[int]
    variances: list[int]
    told: list[int]

    def cost(self, other: "Release") -> Fraction:
        """What the pair costs, where the other's sums are a neighbour's."""
        assert (self.what, self.variances) == (other.what, other.variances)
        pairs = zip(self.summed, other.summed, self.variances, strict=True)
        return sum((Fraction((a - b) ** 2, 2 * variance) for a, b, variance in pairs), Fraction(0))


class Silence:
    """No noise; keeps the variance of each draw that was asked for."""

    def __init__(self) -> None:
        self.variances: list[int] = []

    def __call__(self, variance: int, count: int) -> list[int]:
        self.variances += [variance] * count
        return [0] * count


class Watch:
    """Takes part in each release of a fit.

    Args:
        seed: of the noise.
        replayed: the releases to give instead, one after another.
    """

    def __init__(self, seed: int = 0, replayed: list[Release] | None = None) -> None:
        self.releases: list[Release] = []
        self._rng = np.random.default_rng(seed)
        self._replayed = replayed

    def release(self, what: str, summed: "NDArray[Any]", variances: list[int]) -> list[int]:
        """What is told of a sum."""
        whole = [int(each) for each in np.rint(np.asarray(summed, float)).ravel()]
        if self._replayed is None:
            told = [
                each + round(self._rng.normal() * v**0.5) for each, v in zip(whole, variances, strict=True)
            ]
        else:
            told = self._replayed[len(self.releases)].told
        self.releases.append(Release(what, whole, variances, told))
        return told

    def of(self, *, testing: bool) -> list[Release]:
        """The releases over the rows that are held out, or over the others."""
        return [each for each in self.releases if each.what.startswith("testing") == testing]


def watch(patch: pytest.MonkeyPatch, seen: Watch) -> None:
    """Watch every release that there is in this process."""
    products, gradient = LogisticSums.products, LogisticSums.gradient
    moments, nearest = NearestSums.moments, NearestSums.nearest
    counted, spread = answers._counted, answers.spread

    def of_products(self: LogisticSums, rho: Fraction) -> Any:
        silence = self._noise = Silence()
        found = products(self, rho)
        upper = np.triu_indices(self.width)
        told = seen.release("products", found.values[upper] * UNIT**2, silence.variances)
        found.values[upper] = np.array(told, float) / UNIT**2
        found.values[upper[1], upper[0]] = found.values[upper]
        return found

    def of_gradient(self: LogisticSums, weights: Any, view: Any, rho: Fraction) -> Any:
        silence = self._noise = Silence()
        found = gradient(self, weights, view, rho)
        unit = RESIDUAL * view.unit
        told = seen.release("gradient", found.values * unit, silence.variances)
        return found._replace(values=np.array(told, float).reshape(found.values.shape) / unit)

    def of_moments(self: NearestSums, width: int, rho: Fraction) -> Any:
        silence = self._noise = Silence()
        found = moments(self, width, rho)
        summed = np.concatenate([[found.rows * self._longest], found.sums * UNIT, found.squares * UNIT])
        told = np.array(seen.release("moments", summed, silence.variances), float)
        sums, squares = told[1:].reshape(2, width) / UNIT
        return found._replace(rows=told[0] / self._longest, sums=sums, squares=squares)

    def of_nearest(self: NearestSums, points: Any, rho: Fraction) -> Any:
        silence = self._noise = Silence()
        found = nearest(self, points, rho)
        count = counts_as(self._longest, points.shape[1])
        summed = np.concatenate([found.counts * count, (found.sums * UNIT).ravel()])
        told = np.array(seen.release("nearest", summed, silence.variances), float)
        counts, sums = told[: len(points)] / count, told[len(points) :] / UNIT
        return found._replace(counts=counts, sums=sums.reshape(found.sums.shape))

    def of_counts(total: Any, rho: Fraction, budget: Any, noise: Any) -> Any:
        del noise
        silence = Silence()
        found = counted(total, rho, budget, silence)
        # The number of rows that are trained on is the first of all.
        what = "testing counts" if seen.releases else "rows"
        told = np.array(seen.release(what, total, silence.variances), np.int64)
        return found._replace(counts=np.maximum(told, 0))

    def of_spread(blocks: Any, nearest: Any, **said: Any) -> Any:
        silence = Silence()
        found = spread(blocks, nearest, **{**said, "noise": silence})
        told = seen.release("testing squares", np.array([found.inertia * UNIT**2]), silence.variances[-1:])
        return found._replace(inertia=max(0, told[0]) / UNIT**2)

    patch.setattr(LogisticSums, "products", of_products)
    patch.setattr(LogisticSums, "gradient", of_gradient)
    patch.setattr(NearestSums, "moments", of_moments)
    patch.setattr(NearestSums, "nearest", of_nearest)
    patch.setattr(answers, "_counted", of_counts)
    patch.setattr("ml_core.training.private_fitting.spread", of_spread)


def hold_out(patch: pytest.MonkeyPatch, coins: "NDArray[np.bool_]") -> None:
    """Hold out by these coins, in the order in which rows are read; and let nothing else be random."""

    def held_out(_: private_rows.Coins, first: int, count: int) -> "NDArray[np.bool_]":
        return coins[first : first + count]

    patch.setattr(private_rows.Coins, "held_out", held_out)
    patch.setattr("secrets.randbits", lambda _: 11)


def trained_on(
    patch: pytest.MonkeyPatch,
    request: "TrainingRequest",
    place: "Folder | None",
    *,
    part_bytes: int | None = None,
    memory: int | None = None,
) -> "Trained":
    """Train on the table of a folder, as the child of a trainer does."""
    patch.setattr(Surroundings, "read", lambda _: Surroundings("job", place))  # type: ignore[arg-type]
    if part_bytes is not None:
        planned = plan_of
        patch.setattr(private_table, "plan_of", lambda *a, **said: planned(*a, **said, part_bytes=part_bytes))
    return private_table.fit_privately(request, "", lambda *_: None, Budget(memory))
