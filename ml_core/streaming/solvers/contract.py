"""What a solver asks of the passes, and what it gives. For type checkers, and for who writes one."""

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sums(Protocol):
    """What a kernel computes of rows: sums, which add up over blocks and parts."""

    def add(self, other: Self, /) -> Self:
        """The sums over the rows of both."""
        ...


class BlockKernel[S: Sums](Protocol):
    """What is computed of each block of rows in one pass. It can be pickled."""

    def __call__(self, X: "NDArray[np.float64]", y: "NDArray[np.int64] | None", /) -> S:
        """The sums over a block: rows × columns as the estimator takes them, and each row's class number."""
        ...


class Solver[S: Sums](Protocol):
    """A fit as passes over the rows: `next` says what to sum, `take` makes a step of the sums."""

    def next(self) -> BlockKernel[S] | None:
        """What to compute in the next pass; None when the fit is done."""
        ...

    def take(self, sums: S) -> None:
        """The sums over all rows of what `next` gave."""
        ...

    def state(self) -> bytes:
        """Where it is between two passes, exactly."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave: the same steps, to the last bit."""
        ...
