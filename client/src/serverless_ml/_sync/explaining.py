# Made of `_async/explaining.py` by `client/generate_sync.py`: change that one.
"""Asks a version why it predicts what it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serverless_ml._sync.predicting import ask_by_chunks, joined, read_rows
from serverless_ml.answers import Explanations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from serverless_ml._sync.requests import Requests
    from serverless_ml.references import Reference


def explain(
    requests: Requests,
    which: Reference,
    X: Any,
    *,
    against: Any = None,
    background: Any = None,
    top: int | None = None,
    counterfactual: Sequence[str] | None = None,
    unknown_columns: str | None = None,
    routing_key: str | None = None,
    chunk_rows: int | None = None,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> Explanations:
    """An explanation of each row of X; `Client.explain` says what each argument is."""
    from serverless_ml import tables

    rows = read_rows(X)
    behind = None if background is None else read_rows(background)
    members = {
        "against": None if against is None else tables.labels([against])[0],
        "background": behind and {"instances": tables.instances(behind)},
        "top": top,
        "counterfactual": counterfactual and {"actionable": list(counterfactual)},
        "unknown_columns": unknown_columns or tables.unknown_columns(rows),
    }
    answers = ask_by_chunks(
        requests,
        which,
        "explain",
        rows,
        members=members,
        routing_key=routing_key,
        chunk_rows=chunk_rows,
        seen=seen,
    )
    whole = {
        **(answers[0] if answers else {"model": {"name": which.model, "version": which.version or 0}}),
        "predictions": joined(answers, "predictions"),
        "explanations": joined(answers, "explanations"),
    }
    return Explanations.from_json(whole).with_frames(lambda columns: tables.frame(rows, columns))
