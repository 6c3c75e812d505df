"""Pictures and sequences on their way to a network."""

from __future__ import annotations

from ml_core.inputs.arrays import size_of

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from ml_core.arithmetic.networks_contract import NetworkArithmetic
    from ml_core.inputs.arrays import Pictures, Sequences


class NetworkBatch:
    """Pictures or sequences to predict together.

    Args:
        instances: what is predicted.
        arithmetic: overrules the estimator's choice; None leaves it.
        request_size: how many pictures, or steps of sequences, the whole request has; 0 for those of this
            batch. Equal requests are answered by equal arithmetic.
    """

    __slots__ = ("arithmetic", "instances", "request_size")

    def __init__(
        self,
        instances: Pictures | Sequences,
        *,
        arithmetic: NetworkArithmetic[Any] | None = None,
        request_size: int = 0,
    ) -> None:
        self.instances = instances
        self.arithmetic = arithmetic
        self.request_size = request_size or size_of(instances)

    def __len__(self) -> int:
        return len(self.instances)
