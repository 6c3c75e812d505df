# Made of `_async/predicting.py` by `client/generate_sync.py`: change that one.
"""Asks a version for what it says of rows, of any number of them, in requests that are not too large.

All rows are answered by one version: what answers the first request is asked, by its number, for the rest.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from serverless_ml._sync.runtime import blocking
from serverless_ml.answers.predictions import WithReceipts
from serverless_ml.errors import Fault, InvalidInput, TableWarning, TooLarge, UnexpectedAnswer
from serverless_ml.references import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from serverless_ml import tables
    from serverless_ml._sync.requests import Requests

type Rows = "tables.Table | tables.Instances"
_JSON = {"content-type": "application/json"}


def read_rows(X: Any) -> Rows:
    """What a person holds, as rows; what they should know of it is a warning. Raises `InvalidInput`."""
    from serverless_ml import tables

    return _noted(blocking(lambda: tables.read(X)))


def _noted(rows: Rows) -> Rows:
    for note in rows.notes:
        warnings.warn(note, TableWarning, stacklevel=2)
    return rows


def _rows_for(requests: Requests, which: Reference, X: Any) -> Rows:
    """The rows as `which` takes them: only it can say whether arrays are pictures or a graph's tensors."""
    from serverless_ml import tables

    rows = blocking(lambda: tables.read(X))
    if isinstance(rows, tables.Instances) and rows.kind == "arrays":
        schema = requests.get(f"{which.path}/schema")
        if not tables.takes_bytes(schema):
            rows = rows.as_given()
    return _noted(rows)


def ask_by_chunks(
    requests: Requests,
    which: Reference,
    verb: str,
    rows: Rows,
    *,
    members: Mapping[str, Any],
    routing_key: str | None = None,
    chunk_rows: int | None = None,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> list[dict[str, Any]]:
    """The answers to all rows, chunk by chunk in their order.

    Args:
        requests: whom to ask.
        which: of what; of an alias that shares its traffic, the routing key or chance decides once.
        verb: `predict` or `explain`.
        rows: what to ask of.
        members: of each request's body, beside the rows; those that are None are left out.
        routing_key: whom the rows are about.
        chunk_rows: how many rows a request has at most; None for as many as fit.
        seen: told how many rows of how many are answered.

    Raises:
        InvalidInput: the service refuses a row; the faults name it as it stands among all rows.
        TooLarge: it refuses a single row.
    """
    from serverless_ml import tables

    headers = {**_JSON, **({"x-routing-key": routing_key} if routing_key is not None else {})}
    bodies = tables.chunks(rows, **({} if chunk_rows is None else {"most_rows": chunk_rows}))
    answers: list[tuple[int, dict[str, Any]]] = []
    done = 0
    while (chunk := blocking(lambda: next(bodies, None))) is not None:
        try:
            reply = requests.send(
                "POST", f"{which.path}:{verb}", content=chunk.body(**members), headers=headers
            )
        except TooLarge:
            if not bodies.refused(chunk):
                raise
            continue
        except InvalidInput as error:
            raise placed(error, rows, chunk.start) from None
        bodies.answered(chunk, len(reply.content))
        answers.append((chunk.start, reply.record()))
        which = _settled(which, answers[-1][1])
        done += chunk.stop - chunk.start
        seen(done, rows.rows)
    answers.sort(key=lambda each: each[0])
    return [answer for _, answer in answers]


def joined(answers: list[dict[str, Any]], member: str) -> list[Any]:
    """The lists of all answers, one after another. Raises `UnexpectedAnswer` where one has none."""
    try:
        return [each for answer in answers for each in answer[member]]
    except (KeyError, TypeError):
        raise UnexpectedAnswer(
            f"expected '{member}' in an answer of the service, and there are none"
        ) from None


def placed(error: InvalidInput, rows: Rows, start: int) -> InvalidInput:
    """The same fault, told by the row's number among all rows."""
    from serverless_ml import tables

    faults = [
        Fault(tables.place(rows, start, fault.path), tables.advice(fault.message)) for fault in error.faults
    ]
    return InvalidInput(
        "; ".join(f"{fault.path}: {fault.message}" for fault in faults) or error.detail,
        status=error.status,
        code=error.code,
        faults=faults,
        request_id=error.request_id,
        omitted=error.omitted,
    )


def _settled(which: Reference, answer: Mapping[str, Any]) -> Reference:
    try:
        return Reference(which.model, version=int(answer["model"]["version"]))
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer(
            f"expected an answer that says its version, got {json.dumps(answer)[:80]}"
        ) from None


def predict(
    requests: Requests,
    which: Reference,
    X: Any,
    *,
    outputs: Sequence[str] | None = None,
    unknown_columns: str | None = None,
    routing_key: str | None = None,
    receipts: bool = False,
    chunk_rows: int | None = None,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> Any:
    """Predictions of all rows of X, as its own kind; `Client.predict` says what each argument is."""
    from serverless_ml import tables

    rows = _rows_for(requests, which, X)
    wanted = None if outputs is None else [outputs] if isinstance(outputs, str) else list(outputs)
    members = {
        "outputs": wanted,
        "unknown_columns": unknown_columns or tables.unknown_columns(rows),
        "receipt": True if receipts else None,
    }
    answers = ask_by_chunks(
        requests,
        which,
        "predict",
        rows,
        members=members,
        routing_key=routing_key,
        chunk_rows=chunk_rows,
        seen=seen,
    )
    classes = answers[0].get("classes") if answers else None
    native = blocking(lambda: tables.answer(rows, joined(answers, "predictions"), wanted, classes))
    return WithReceipts(native, joined(answers, "receipts")) if receipts else native
