"""What both arithmetics of networks offer. For type checkers alone: nothing imports this while predicting."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ml_core.arithmetic.network import PictureNetwork, SequenceNetwork
    from ml_core.inputs.arrays import Pictures, Sequences


class NetworkArithmetic[M](Protocol):
    """What `plain_networks` and `vectorised_networks` offer, computed in float64 over float32 weights.

    `M` is their kind of matrix: one row for each picture or sequence, in the order they came in. What one of
    them gives does not depend on which others it is asked with. An answer is the `label` of each, and its
    decisions, a number for each class. Of classes whose decisions differ by no more than rounding, the first
    is the label: both arithmetics answer one label where two classes have equal weights.
    """

    def picture_decisions(self, pictures: "Pictures", network: "PictureNetwork") -> tuple[list[int], M]:
        """Labels and decisions. Raises `NotFinite` where a number of a layer overflows."""
        ...

    def sequence_decisions(self, sequences: "Sequences", network: "SequenceNetwork") -> tuple[list[int], M]:
        """Labels and decisions. States lie within ±1, so that nothing overflows."""
        ...

    def softmax(self, matrix: M) -> M:
        """exp(x) over the sum of the row's exp(x)."""
        ...
