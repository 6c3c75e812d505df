# Made of `_async/predicting.py` by `client/generate_sync.py`: change that one.
"""Asks a version for predictions, of any number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serverless_ml._sync.requests import Requests
    from serverless_ml.references import Reference


def predict(
    requests: Requests,
    which: Reference,
    rows: list[Any],
    *,
    outputs: Sequence[str] | None,
    unknown_columns: str,
    routing_key: str | None,
) -> list[Any]:
    """What the service predicts, row by row."""
    body: dict[str, Any] = {"instances": rows}
    if outputs:
        body["outputs"] = list(outputs)
    if unknown_columns != "refuse":
        body["unknown_columns"] = unknown_columns
    headers = {"x-routing-key": routing_key} if routing_key else {}
    answer = requests.post(f"{which.path}:predict", body, headers=headers)
    return list(answer["predictions"])
