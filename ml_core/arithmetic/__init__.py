"""The arithmetic that predictions stand on, written twice: plain Python for few rows, numpy for many.

Importing numpy costs more than a small prediction, so `choose` takes it only where there is enough to do.
Both modules offer the functions of `Arithmetic`; their results agree within 1e-12 relative to the sum of the
absolute terms, and give equal labels.
"""

from __future__ import annotations

from ml_core.arithmetic.bounds import is_few, is_little

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from ml_core.arithmetic.contract import Arithmetic
    from ml_core.arithmetic.networks_contract import NetworkArithmetic


def choose(rows: int, numbers: int) -> Arithmetic[Any]:
    """The arithmetic for `rows` rows and a model of `numbers` numbers."""
    few = is_few(rows, numbers)
    return _KEPT.get(few) or _imported(few)


# By whether there is little to do. To ask Python for a module that it has is half of a small prediction.
_KEPT: dict[bool, Arithmetic[Any]] = {}


def _imported(few: bool) -> Arithmetic[Any]:
    if few:
        from ml_core.arithmetic import plain

        return _KEPT.setdefault(few, plain)
    from ml_core.arithmetic import vectorised

    return _KEPT.setdefault(few, vectorised)


def choose_for_network(size: int, work: int) -> NetworkArithmetic[Any]:
    """The arithmetic for `size` pictures or steps that take `work` multiplications each."""
    if is_little(size, work):
        from ml_core.arithmetic import plain_networks

        return plain_networks
    from ml_core.arithmetic import vectorised_networks

    return vectorised_networks
