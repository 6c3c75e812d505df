"""What is predicted, where more than that was asked for."""

from typing import Any, NamedTuple


class WithReceipts(NamedTuple):
    """Predictions, and a receipt for each row by which `feedback` is told what it was really of."""

    predictions: Any
    receipts: list[str]
