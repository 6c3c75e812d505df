"""k-means by Lloyd's steps: each pass gives every row to its nearest centre, and sums what each centre got.

The steps, their end and what becomes of a cluster without rows are scikit-learn's.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ml_core.streaming.solvers import kept
from ml_core.streaming.solvers.derivatives import slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.algorithms.kmeans import KMeans

    type Numbers = NDArray[np.float64]

# As many passes as Lloyd's steps mostly take from the centres of a sample.
USUAL = 10


class ClusterSums(NamedTuple):
    """What rows are to their nearest centres.

    Args:
        sums: clusters × columns: the sum of each one's rows.
        counts: how many rows each has.
        inertia: the sum of squared distances to the centres.
        moments: the sums of the rows and of their squares, and how many they are.
        far: the rows that are farthest from their centres, at most one for each cluster, the farthest first.
        distances: of these to their centres, squared.
        labels: the clusters of these.
    """

    sums: "Numbers"
    counts: "Numbers"
    inertia: "Numbers"
    moments: "Numbers"
    far: "Numbers"
    distances: "Numbers"
    labels: "NDArray[np.int64]"

    def add(self, other: "ClusterSums", /) -> "ClusterSums":
        """The sums over the rows of both."""
        distances = np.concatenate([self.distances, other.distances])
        first = np.argsort(-distances, kind="stable")[: len(self.counts)]
        return ClusterSums(
            self.sums + other.sums,
            self.counts + other.counts,
            self.inertia + other.inertia,
            self.moments + other.moments,
            np.concatenate([self.far, other.far])[first],
            distances[first],
            np.concatenate([self.labels, other.labels])[first],
        )


class SumsOfStarts(NamedTuple):
    """The sums of each of several starts, over the same rows."""

    starts: tuple[ClusterSums, ...]

    def add(self, other: "SumsOfStarts", /) -> "SumsOfStarts":
        """The sums over the rows of both."""
        return SumsOfStarts(
            tuple(mine.add(theirs) for mine, theirs in zip(self.starts, other.starts, strict=True))
        )


class LloydKernel(NamedTuple):
    """The sums of each cluster's rows, of several starts.

    Args:
        centres: starts × clusters × columns.
        middle: what is subtracted from rows first, so that no digits are lost; the centres are as well.
    """

    centres: "Numbers"
    middle: "Numbers"

    @property
    def work(self) -> int:
        """How many multiplications a row takes."""
        return self.centres.size + 3 * len(self.middle)

    def __call__(self, X: "Numbers", y: "NDArray[np.int64] | None", /) -> SumsOfStarts:  # noqa: ARG002 - as every kernel
        """The sums over a block."""
        _, clusters, columns = self.centres.shape
        none = ClusterSums(
            np.zeros((clusters, columns)),
            np.zeros(clusters),
            np.zeros(()),
            np.zeros((3, columns)),
            np.zeros((0, columns)),
            np.zeros(0),
            np.zeros(0, dtype=np.int64),
        )
        total = SumsOfStarts((none,) * len(self.centres))
        for some in slices(len(X), max(columns, clusters)):
            rows = X[some] - self.middle
            total = total.add(SumsOfStarts(tuple(_sums(rows, centres) for centres in self.centres)))
        return total


def _sums(rows: "Numbers", centres: "Numbers") -> ClusterSums:
    clusters, columns = centres.shape
    labels = ((centres**2).sum(axis=1) - 2.0 * (rows @ centres.T)).argmin(axis=1)
    distances = ((rows - centres[labels]) ** 2).sum(axis=1)
    sums = np.zeros_like(centres)
    np.add.at(sums, labels, rows)
    far = np.argsort(-distances, kind="stable")[:clusters]
    return ClusterSums(
        sums,
        np.bincount(labels, minlength=clusters).astype(np.float64),
        np.asarray(distances.sum()),
        np.stack([rows.sum(axis=0), (rows**2).sum(axis=0), np.full(columns, float(len(rows)))]),
        rows[far],
        distances[far],
        labels[far].astype(np.int64),
    )


class LloydFit:
    """A `StreamedFit` of k-means. Of several starts, which share each pass, the best end is taken.

    Args:
        centres: starts × clusters × columns: where to start; None where a state will be restored.
        middle: about where the rows are.
        tol: the steps end when the centres move by less than this share of the columns' variance.
        max_iter: at most so many passes.
        done_with: the warnings of a fit in memory of all rows, whose end `centres` are; None for any other.
    """

    def __init__(
        self,
        centres: "Numbers | None",
        middle: "Numbers | None",
        *,
        tol: float,
        max_iter: int,
        done_with: "list[str] | None" = None,
    ) -> None:
        self._tol, self._max_iter = tol, max_iter
        self._middle = np.zeros(0) if middle is None else middle
        self._centres = np.zeros((0, 0, 0)) if centres is None else centres - self._middle
        starts = len(self._centres)
        self._converged = np.full(starts, done_with is not None)
        self._told = done_with or []
        self._without_rows = np.zeros(starts, np.int64)
        self._inertias = np.zeros(starts)
        self.passes = 0
        self.objectives: list[float] = []

    @property
    def expected(self) -> int:
        """How many passes all take, as far as can be told."""
        return self.passes if self._done else max(self.passes + 1, min(USUAL, self._max_iter))

    @property
    def warnings(self) -> list[str]:
        """Of fewer different rows than clusters, in scikit-learn's words; it warns of no end either."""
        clusters, empty = self._centres.shape[1], int(self._without_rows[self._best])
        if not empty:
            return self._told
        told = (
            f"Number of distinct clusters ({clusters - empty}) found smaller than n_clusters "
            f"({clusters}). Possibly due to duplicate points in X."
        )
        return [told]

    @property
    def _done(self) -> bool:
        return bool(self._converged.all()) or self.passes >= self._max_iter

    @property
    def _best(self) -> int:
        """The start with the least inertia."""
        return int(self._inertias.argmin())

    def next(self) -> LloydKernel | None:
        """What to sum in the next pass; None when the fit is done."""
        return None if self._done else LloydKernel(self._centres[~self._converged], self._middle)

    def take(self, sums: SumsOfStarts) -> None:
        """Move each centre to the middle of its rows."""
        self.passes += 1
        for start, found in zip(np.flatnonzero(~self._converged).tolist(), sums.starts, strict=True):
            self._take(start, found)
        self.objectives.append(float(self._inertias.min()))

    def _take(self, start: int, sums: ClusterSums) -> None:
        totals, counts = _filled(sums)
        self._without_rows[start] = (counts == 0).sum()
        self._inertias[start] = sums.inertia
        moved = _averaged(totals, counts)
        shift = float(((moved - self._centres[start]) ** 2).sum(axis=1).sum())
        self._centres[start] = moved
        self._converged[start] = shift <= self._tol * _variance(sums.moments)

    def state(self) -> bytes:
        """Where it is between two passes, exactly."""
        return kept.to_bytes({name: getattr(self, name) for name in _KEPT})

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave."""
        found = kept.from_bytes(state)
        self._centres, self._middle = found["_centres"], found["_middle"]
        self._converged, self._inertias = found["_converged"], found["_inertias"]
        self._without_rows, self.passes = found["_without_rows"], int(found["passes"])
        self.objectives = found["objectives"].tolist()

    def estimator(self) -> "KMeans":
        """The centres, of rows as the kernels were given them."""
        from ml_core.algorithms.kmeans import KMeans
        from ml_core.safetensors import Tensor

        centres = self._centres[self._best] + self._middle
        return KMeans(Tensor.of(centres.ravel().tolist(), *centres.shape))


_KEPT = ("_centres", "_middle", "_converged", "_inertias", "_without_rows", "passes", "objectives")


def _filled(sums: ClusterSums) -> "tuple[Numbers, Numbers]":
    """The sums and counts, each cluster without rows given one of the farthest."""
    totals, counts = sums.sums.copy(), sums.counts.copy()
    empty = np.flatnonzero(counts == 0)
    if not len(sums.distances) or not sums.distances[0]:  # fewer different rows than clusters
        return totals, counts
    for cluster, place in zip(empty.tolist(), range(len(sums.far)), strict=False):
        row, of = sums.far[place], sums.labels[place]
        totals[of] -= row
        counts[of] -= 1
        totals[cluster], counts[cluster] = row, 1
    return totals, counts


def _averaged(totals: "Numbers", counts: "Numbers") -> "Numbers":
    """The middles; a cluster that has no row stands where the largest is."""
    centres: Numbers = totals / np.maximum(counts, 1.0)[:, np.newaxis]
    centres[counts == 0] = centres[counts.argmax()]
    return centres


def _variance(moments: "Numbers") -> float:
    """The mean over columns of their variance."""
    total, squares, rows = moments
    return float(np.mean(squares / rows - (total / rows) ** 2))
