# Made of `_async/feedback.py` by `client/generate_sync.py`: change that one.
"""Tells the service what predictions were really of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serverless_ml.answers import FeedbackCounts
from serverless_ml.errors import InvalidArgument
from serverless_ml.references import model_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serverless_ml._sync.requests import Requests

_MOST = 1000


def tell(requests: Requests, model: str, receipts: Iterable[str], labels: Any) -> FeedbackCounts:
    """Tell the labels of predictions by their receipts, a thousand at a time.

    A receipt counts once, so that telling all again after an error counts nothing twice.

    Raises `InvalidArgument` where there are not as many labels as receipts.
    """
    from serverless_ml import tables

    given, known = list(receipts), tables.labels(labels)
    if len(given) != len(known):
        raise InvalidArgument(f"expected a label for each of {len(given):,} receipts, got {len(known):,}")
    counted = repeated = 0
    for start in range(0, len(given), _MOST):
        told = zip(given[start : start + _MOST], known[start : start + _MOST], strict=True)
        body = {"receipts": [{"receipt": receipt, "label": label} for receipt, label in told]}
        answer = requests.post(f"{model_path(model)}:feedback", body)
        counted, repeated = counted + answer["counted"], repeated + answer["repeated"]
    return FeedbackCounts.from_json({"counted": counted, "repeated": repeated})
