"""The fit of a linear model in passes, begun where a sample of the rows ends."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.streaming.solvers import kept
from ml_core.streaming.solvers.coordinates import Coordinates, coordinates
from ml_core.streaming.solvers.descent import Descent
from ml_core.streaming.solvers.hinge_descent import HingeDescent
from ml_core.streaming.solvers.starting import StartingRows, costs_of_sample, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.streaming.solvers.contract import BlockKernel

    type Numbers = NDArray[np.float64]
    # Of each class's costs, how rows are seen, and where to start: the descent.
    type Descending = Callable[[Numbers, Coordinates, Numbers | None], Descent | HingeDescent]
    # Of weights, machines or classes × columns, and intercepts.
    type Estimating = Callable[[Numbers, Numbers], FittedEstimator]

# A descent that starts from a sample has mostly this many passes, or from nowhere.
NEAR, FAR = 4, 9
# A sample is begun from that has so many rows of each class for each coefficient, or all rows. One of fewer
# is learnt by heart: where that ends, most losses are flat, and from there it is farther than from nothing.
TOLD = 20


class LinearFit:
    """A `StreamedFit` of linear decisions.

    Args:
        descending: makes the descent.
        estimating: makes the estimator of what was found.
        costs: what a row's loss costs, its last axis the class.
        counts: how many rows each class has.
        columns: how many numbers a row has.
        intercept: whether decisions have one.
        movable: whether it is free of penalty.
        sample: where to start from; None for nothing, or where a state will be restored.
        kinked: whether the loss is the hinge, to whose kinks every sample leads nearer.
    """

    def __init__(
        self,
        descending: "Descending",
        estimating: "Estimating",
        *,
        costs: "Numbers",
        counts: Sequence[int],
        columns: int,
        intercept: bool,
        movable: bool,
        sample: StartingRows | None,
        kinked: bool = False,
    ) -> None:
        self._descending, self._estimating = descending, estimating
        self._costs, self._counts, self._columns = costs, counts, columns
        self._intercept, self._movable = intercept, movable
        self._sample, self._kinked = sample, kinked
        self._near = sample is not None and self._tells(sample)
        self._seen = Coordinates(intercept)
        self._descent: Descent | HingeDescent | None = None

    @property
    def passes(self) -> int:
        """How many were taken."""
        return self._descent.passes if self._descent else 0

    @property
    def objectives(self) -> list[float]:
        """What each pass found."""
        return self._descent.objectives if self._descent else []

    @property
    def expected(self) -> int:
        """How many passes all take, as far as can be told."""
        if self._descent and self._descent.done:
            return self.passes
        return max(self.passes + 1, NEAR if self._near else FAR)

    @property
    def warnings(self) -> list[str]:
        """That the passes ended before the fit."""
        if self._descent is None or not self._descent.done or self._descent.converged:
            return []
        message = f"the solver did not converge in {self.passes} passes; raise max_iter, or scale the columns"
        if len(self.objectives) > 1:
            before, last = self.objectives[-2:]
            message += f" (the last pass brought the objective from {before:.8g} to {last:.8g}"
            if isinstance(self._descent, Descent):
                message += f"; by what it tells, about {self._descent.promised:.2g} is left to gain"
            message += ")"
        return [message]

    def next(self) -> "BlockKernel[Any] | None":
        """What to sum in the next pass; None when the fit is done."""
        if self._descent is None:
            self._descent = self._begun()
        return self._descent.next()

    def _tells(self, sample: StartingRows) -> bool:
        """Whether to begin where the sample ends."""
        everything = len(sample.X) >= sum(self._counts)
        fewest = int(sample.counts(len(self._counts)).min())
        return everything or self._kinked or fewest >= TOLD * (self._columns + self._intercept)

    def _begun(self) -> Descent | HingeDescent:
        sample = self._sample
        if sample is None or not len(sample.X):
            return self._descending(self._costs, self._seen, None)
        self._seen = coordinates(sample.X, intercept=self._intercept, movable=self._movable)
        if not self._near:
            return self._descending(self._costs, self._seen, None)
        small: Any = self._descending(costs_of_sample(self._costs, self._counts, sample), self._seen, None)
        run(small, sample)
        descent = self._descending(self._costs, self._seen, small.coefficients)
        if isinstance(descent, Descent):
            descent.remember(small, self._counts)
        return descent

    def take(self, sums: Any) -> None:  # noqa: ANN401 - what the descent's kernel sums
        """Make a step."""
        assert self._descent is not None, "take the sums of what `next` gave"  # noqa: S101
        self._descent.take(sums)

    def state(self) -> bytes:
        """Where it is between two passes, exactly."""
        if self._descent is None:
            self._descent = self._begun()
        nothing = np.zeros(0)
        _, centre, scale = self._seen
        return kept.to_bytes(
            {
                "centre": nothing if centre is None else centre,
                "scale": nothing if scale is None else scale,
                "near": np.array([self._near]),
                "descent": np.frombuffer(self._descent.state(), dtype=np.uint8),
            }
        )

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave."""
        found = kept.from_bytes(state)
        centre, scale = (found[name] if found[name].size else None for name in ("centre", "scale"))
        self._seen = Coordinates(self._intercept, centre, scale)
        self._near = bool(found["near"][0])
        self._descent = self._descending(self._costs, self._seen, None)
        self._descent.restore(found["descent"].tobytes())

    def estimator(self) -> "FittedEstimator":
        """What was learnt, of rows as the kernels were given them."""
        assert self._descent is not None, "there is an estimator after the passes"  # noqa: S101
        width = self._columns + self._intercept
        return self._estimating(*self._seen.told(self._descent.coefficients.reshape(-1, width)))
