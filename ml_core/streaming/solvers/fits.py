"""Fits in passes, from what is asked for to an estimator."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ml_core.algorithms.contract import FittedEstimator
    from ml_core.streaming.solvers.contract import BlockKernel


class StreamedFit(Protocol):
    """A `Solver` with what a job tells of it, and the estimator at its end."""

    @property
    def passes(self) -> int:
        """How many were taken."""
        ...

    @property
    def objectives(self) -> list[float]:
        """What each pass found, as scikit-learn counts it."""
        ...

    @property
    def expected(self) -> int:
        """How many passes all take, as far as can be told."""
        ...

    @property
    def warnings(self) -> list[str]:
        """What is to be said of the fit once it is done."""
        ...

    def next(self) -> "BlockKernel[Any] | None":
        """What to compute in the next pass; None when the fit is done."""
        ...

    def take(self, sums: Any, /) -> None:  # noqa: ANN401 - what the kernel that `next` gave sums
        """The sums over all rows of what `next` gave."""
        ...

    def state(self) -> bytes:
        """Where it is between two passes, exactly."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave."""
        ...

    def estimator(self) -> "FittedEstimator":
        """What was learnt, of rows as the kernels were given them."""
        ...
