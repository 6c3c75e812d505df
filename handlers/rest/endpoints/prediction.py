"""`POST …:predict`, as TensorFlow Serving and KServe V1 know it."""

from __future__ import annotations

from handlers.rest.http import CSV, NPY, Response, json_response, rows_alone
from ml_core.errors import Fault, InvalidInput, TooLarge, raise_faults
from ml_core.inputs.instances import IGNORED
from ml_core.monitoring.observation import Observation

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from handlers.rest.call import Call
    from handlers.rest.schemas import Schema
    from ml_core.inputs.notes import Notes
    from ml_core.model.model import Instances, Model, Predictions
    from ml_core.serving import Served

INSTANCE: Schema = {
    "title": "Instance",
    "anyOf": [{"type": "array"}, {"title": "Row by name", "type": "object"}, {"type": "string"}],
}
PREDICT_BODY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "instances": {
            "type": "array",
            "minItems": 1,
            "description": "Rows: lists in the order of the model's features, or objects by their names. "
            "Pictures: lists [height][width][channels], PNG files in base64 as `b64`, or raw numbers with "
            "their `dtype`. Sequences: lists of steps. Texts: strings. GET `…/schema` describes one.",
            "items": INSTANCE,
            "x-checked-by": "ml_core.inputs.instances",
        },
        "inputs": {"x-checked-by": "handlers.rest.forms"},
        "dataframe_split": {"x-checked-by": "handlers.rest.forms"},
        "dataframe_records": {"x-checked-by": "handlers.rest.forms"},
        "outputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 16,
            "items": {"type": "string", "maxLength": 64},
            "description": "What to answer for each row: `label`, `probability`, `decision`, `distance`, or "
            "what else the model gives. Or by scikit-learn's names `predict`, `predict_proba`, "
            "`decision_function`, `transform`; the answer has the names that were asked by.",
        },
        "unknown_columns": {
            "title": "Unknown columns",
            "type": "string",
            "enum": ["refuse", "ignore"],
            "description": "What becomes of a column that the model does not know, such as the target; "
            "`refuse` unless it says otherwise. A column that is missing is refused in any case.",
        },
        "notes": {
            "type": "boolean",
            "description": "Whether the answer says what reading did (`notes`): words that were read as "
            "missing, and categories that training has not seen.",
        },
        "receipt": {
            "type": "boolean",
            "description": "Whether the answer has a receipt for each row (`receipts`), by which "
            "`:feedback` is told what was predicted for: of classifiers only.",
        },
        "signature_name": {
            "type": "string",
            "description": "Accepted for TensorFlow Serving's clients; ignored.",
        },
    },
    "examples": [{"instances": [[150, 0.4], [121, 0.9]], "outputs": ["label", "probability"]}],
}

_OTHERS = frozenset(("inputs", "dataframe_split", "dataframe_records"))
ADVICE = 'leave it out, or send "unknown_columns": "ignore"'


def predict(call: Call) -> Response:
    """Predict: labels, or where `outputs` is given, an object per row with those keys.

    Rows come as `instances`, as MLflow's `dataframe_split` or `dataframe_records`, or as TensorFlow Serving's
    `inputs`, which are answered column by column: `outputs` is the labels, or where outputs are named, an
    object with a list of each. They also come as `text/csv`, or numbers as `application/x-npy`, with the
    other members as query parameters; and who accepts either is answered with it.
    """
    form, body = read(call)
    served = chosen(call)
    observe(call, served)
    notes = notes_of(body)
    rows = rows_of(call, served, form, body, notes)
    model = served.model
    wanted = tuple(body.get("outputs", ()))
    asked = wanted or (model.unasked,)
    with_receipts = body.get("receipt", False)
    needed = _outputs_for_receipts(call, served, asked, form) if with_receipts else asked
    found = answered(call, model, rows, needed)
    accepted = rows_alone(call.header("accept"))
    if accepted == CSV:
        from handlers.rest.csv_rows import csv_response

        return csv_response(model, found)
    if accepted == NPY:
        from handlers.rest.npy_rows import npy_response

        return npy_response(model, found)
    answer: dict[str, Any] = {}
    if form == "inputs":
        answer["outputs"] = {name: found[name] for name in wanted} if wanted else found[asked[0]]
    else:
        answer["predictions"] = _by_row(found, wanted) if wanted else found[asked[0]]
    answer["model"] = {"name": served.name, "version": served.version}
    if model.classes is not None:
        answer["classes"] = list(model.classes)
    if with_receipts:
        from handlers.rest.receipts import receipts_of

        answer["receipts"] = receipts_of(call, served)
    if notes is not None:
        answer.update(notes.members())
    return json_response(answer)


def read(call: Call) -> tuple[str, dict[str, Any]]:
    """The member that holds the rows, and the body; of rows alone the members that the query says.

    Raises `MalformedInput`, `UnsupportedMediaType`, `TooLarge`, and `InvalidInput` for a body that breaks the
    route's schema or has no rows, or rows in two forms.
    """
    kind = rows_alone(call.header("content-type"))
    if kind == CSV:
        from handlers.rest.csv_rows import read_csv_body

        return CSV, read_csv_body(call)
    if kind == NPY:
        from handlers.rest.npy_rows import read_npy_body

        return NPY, read_npy_body(call)
    body = call.body("instances")
    if call.request.query:
        check_query(call)
    if "instances" in body and _OTHERS.isdisjoint(body):
        return "instances", body
    from handlers.rest.forms import form_of

    return form_of(body), body


def look_again(call: Call) -> None:
    """Have what the model's names point at looked up anew, where the caller wants no older answer.

    `Cache-Control: no-cache` in a request says that (RFC 9111, section 5.2.1.4).
    """
    if "cache-control" in call.request.headers and call.header("cache-control") == "no-cache":
        call.services.models.look_again(call.path["model"])


def chosen(call: Call) -> Served:
    """The version that the path names, or that falls to the routing key; the request's log line says which.

    Raises `ModelNotFound`, `VersionNotFound`, `AliasNotFound`, `InvalidInput`, `ArtifactInvalid`,
    `Unavailable`.
    """
    key = call.routing_key or call.request.request_id
    look_again(call)
    served = call.services.models.resolve(call.path["model"], call.version, call.path.get("alias"), key)
    note(call, served)
    return served


def rows_of(call: Call, served: Served, form: str, body: dict[str, Any], notes: Notes | None) -> Instances:
    """The rows in the body's member `form`, checked; the log line says how many. Raises `InvalidInput`."""
    model, expecting = served.model, described(served)
    unknown = unknown_of(body)
    if form == "instances":
        rows = model.rows(
            body["instances"], limits=call.limits, expecting=expecting, unknown=unknown, notes=notes
        )
    else:
        from handlers.rest import forms

        rows = forms.rows_of(
            form, body[form], model, call.limits, expecting=expecting, unknown=unknown, notes=notes
        )
    call.note(rows=len(rows))
    return rows


def unknown_of(body: dict[str, Any]) -> str:
    """What becomes of columns that the model does not know: they are IGNORED, or refused with this advice."""
    return IGNORED if body.get("unknown_columns") == "ignore" else ADVICE


def check_query(call: Call) -> None:
    """Raise `InvalidInput` for what the query says in the place of a body of JSON: nobody would hear it."""
    raise_faults(
        Fault(f"query.{name}", "is for a body of CSV or NPY; in JSON it is a member of the body")
        for name in call.request.query
        if name in call.route.query
    )


def notes_of(body: dict[str, Any]) -> Notes | None:
    """What takes notes, where the request asks for them."""
    if not body.get("notes"):
        return None
    from ml_core.inputs.notes import Notes

    return Notes()


def _outputs_for_receipts(call: Call, served: Served, asked: tuple[str, ...], form: str) -> tuple[str, ...]:
    """What the model has to be asked for where receipts are. Raises `InvalidInput` where there are none."""
    from handlers.rest.receipts import outputs_for_receipts

    where = "query.receipt" if form in (CSV, NPY) else "$.receipt"
    if rows_alone(call.header("accept")):
        raise InvalidInput.at(where, "receipts are given in JSON; accept application/json")
    return outputs_for_receipts(call, served, asked, where)


def note(call: Call, served: Served) -> None:
    """Have the request's line in the log say what answered."""
    call.note(model=served.name, version=served.version, alias=served.alias, model_cold=served.cold)


def observe(call: Call, served: Served) -> None:
    """Have the request counted as one to predict, where predictions are counted."""
    if call.settings.monitoring_days and served.job is not None:
        call.seen.append(Observation(served, served.job))


def described(served: Served) -> str:
    """The model as messages call it."""
    return f"model '{served.name}' version {served.version}"


def answered(call: Call, model: Model, rows: Instances, outputs: tuple[str, ...]) -> Predictions:
    """What the model says of the rows, unless the answer would hold or take too many numbers.

    Raises:
        InvalidInput: the model gives no such output, or cannot compute a row's.
        TooLarge: past the limit; nothing was computed.
    """
    cells = model.cells(len(rows), outputs)
    most = call.settings.max_cells
    if cells > most:
        raise TooLarge(f"{len(rows):,} rows give an answer of {cells:,} values; at most {most:,} are given")
    work = model.multiplications(rows)
    most = call.settings.max_multiplications
    if work > most:
        raise TooLarge(
            f"{len(rows):,} instances take the time of {work:,} multiplications; at most {most:,} are done "
            "for a request: send fewer at a time, or shorter sequences"
        )
    if not call.seen:
        return model.predict_rows(rows, outputs)
    call.seen[0].rows = rows
    return model.predict_rows(rows, outputs, see=call.seen[0].see)


def _by_row(found: Predictions, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """One object per row, from one list per output."""
    columns = [found[output] for output in wanted]
    return [dict(zip(wanted, row, strict=True)) for row in zip(*columns, strict=True)]
