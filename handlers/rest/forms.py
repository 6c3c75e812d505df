"""Bodies of `:predict` as clients of other servers send them: TensorFlow Serving's, and MLflow's.

Imported when such a body comes: who sends `instances` pays nothing for them.
"""

from typing import TYPE_CHECKING, Any

from handlers.rest.csv_rows import columns_of_csv
from handlers.rest.http import CSV, NPY
from handlers.rest.schemas import Schema, check, with_integers
from ml_core.errors import Fault, InvalidInput, raise_faults, shown
from ml_core.inputs.by_column import columns_of_lists, columns_of_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits
    from ml_core.model.model import Instances, Model

_CELL = ["number", "boolean", "string", "null", "array", "object"]
_VALUES: Schema = {
    "type": "array",
    "items": {"title": "Cell", "type": _CELL},
    "description": "A list or an object is a picture's cell, or a channel's of a sequence.",
}
_BY_NAME: Schema = {"title": "Row by name", "type": "object"}
_IN_ORDER = "As `instances`; rows are lists in the order of the model's features."
FORMS: dict[str, Schema] = {
    "inputs": {
        "title": "Inputs",
        "anyOf": [
            {
                "title": "Columns",
                "type": "object",
                "description": "A list for each feature by its name, with a value for each row.",
                "additionalProperties": _VALUES,
            },
            {
                "type": "array",
                "minItems": 1,
                "description": _IN_ORDER,
                "items": {
                    "title": "Input row",
                    "anyOf": [{"type": "array"}, _BY_NAME, {"type": "string"}, {"type": "number"}],
                },
            },
        ],
        "description": "TensorFlow Serving's column format; the answer has `outputs` in place of "
        "`predictions`.",
        "x-checked-by": "ml_core.inputs.by_column",
    },
    "dataframe_split": {
        "title": "Dataframe split",
        "type": "object",
        "required": ["data"],
        "additionalProperties": False,
        "description": "A data frame as pandas' `to_dict(orient='split')` has it, for MLflow's clients.",
        "properties": {
            "columns": {
                "type": "array",
                "minItems": 1,
                "items": {"type": ["string", "integer"]},
                "description": "The columns' names, in any order; without them rows are in the order of the "
                "model's features.",
            },
            "data": {
                "type": "array",
                "minItems": 1,
                "items": _VALUES,
                "description": "Rows in the order of `columns`.",
                "x-checked-by": "ml_core.inputs.by_column",
            },
            "index": {"description": "The rows' names; ignored."},
        },
    },
    "dataframe_records": {
        "type": "array",
        "minItems": 1,
        "items": _BY_NAME,
        "description": "Rows as objects by the features' names, for MLflow's clients.",
        "x-checked-by": "ml_core.inputs.instances",
    },
}
"""The forms beside `instances`, by the member that holds the rows."""

_EXAMPLES: list[Any] = [
    {"instances": [{"id": 7, "grams": 150, "redness": 0.4}], "unknown_columns": "ignore"},
    {"inputs": {"grams": [150, 121], "redness": [0.4, 0.9]}, "outputs": ["label", "probability"]},
    {"inputs": [[150, 0.4], [121, 0.9]]},
    {"dataframe_split": {"columns": ["redness", "grams"], "index": [0, 1], "data": [[0.4, 150], [0.9, 121]]}},
    {"dataframe_records": [{"grams": 150, "redness": 0.4}, {"grams": 121, "redness": 0.9}]},
]


def described(body: Schema, also: dict[str, Any]) -> Schema:
    """The schema of a body with all forms, of which it has one, and with an example of each.

    Each example has the members `also` besides.
    """
    forms = {name: FORMS.get(name, schema) for name, schema in body["properties"].items()}
    return {
        **body,
        "properties": forms,
        "oneOf": [{"required": [name]} for name in ("instances", *FORMS)],
        "examples": [
            *body["examples"],
            *(
                {**{name: example[name] for name in example if name in forms}, **also}
                for example in _EXAMPLES
            ),
        ],
    }


def form_of(body: dict[str, Any]) -> str:
    """The member that holds the rows, which looks as a first glance has it. Raises `InvalidInput`."""
    forms = ("instances", *FORMS)
    found = [name for name in forms if name in body]
    if len(found) != 1:
        got = " and ".join(found) or "none"
        raise InvalidInput.at("$", f"expected exactly one of {', '.join(forms)}, got {got}")
    (form,) = found
    check(FORMS[form], body[form], f"$.{form}")
    body[form] = with_integers(FORMS[form], body[form])
    return form


def rows_of(
    form: str,
    sent: Any,
    model: "Model",
    limits: "Limits",
    *,
    expecting: str,
    unknown: str,
    notes: "Notes | None" = None,
) -> "Instances":
    """The rows in a body's member; see `Model.rows`. Raises `InvalidInput`, `TooLarge`."""
    where = f"$.{form}"
    named: dict[str, Any] = {"expecting": expecting, "unknown": unknown}
    if form == NPY:
        from handlers.rest.npy_rows import rows_of_array

        return rows_of_array(model, sent, limits, expecting=expecting, notes=notes)
    if form == CSV:
        columns = columns_of_csv(model, sent[0], sent[1], limits, **named)
        return model.rows_of_columns(columns, expecting=expecting, notes=notes)
    if form == "inputs" and isinstance(sent, dict):
        columns = columns_of_lists(model.columns_among(sent), sent, limits, where=where, **named)
        return model.rows_of_columns(columns, expecting=expecting, notes=notes)
    if form == "inputs" and not isinstance(sent, list):
        raise InvalidInput.at(
            where, f"expected a list for each feature by its name, or a list of rows, got {shown(sent)}"
        )
    if form == "dataframe_split" and ("columns" in sent or model.reader):
        # A picture, a sequence or a text in a frame is a row of cells, also where its columns have no names.
        frame = {"columns": _unnamed(model, sent["data"]), **sent}
        known = model.columns_among([*map(str, frame["columns"])])
        columns = columns_of_split(known, frame, limits, where=where, **named)
        return model.rows_of_columns(columns, expecting=expecting, notes=notes)
    if form == "dataframe_split":
        where, sent = f"{where}.data", sent["data"]
    if form == "dataframe_records":
        _check_kind(sent, dict, where)
    elif not model.reader:
        _check_kind(sent, list, where)
    return model.rows(sent, limits=limits, where=where, notes=notes, **named)


def _unnamed(model: "Model", rows: Any) -> "Sequence[str]":
    """What the columns of a frame are that does not say it: a picture's one, or its pixels."""
    first = rows[0] if isinstance(rows, list) and rows else None
    pixels = model.pixels if isinstance(first, list) and len(first) != 1 else None
    return pixels.names if pixels else model.features


def _check_kind(rows: object, kind: type, where: str) -> None:
    """Raise `InvalidInput` where a row is of another kind than its form has; of what is no list, later."""
    name = "an object" if kind is dict else "a list"
    raise_faults(
        Fault(f"{where}[{index}]", f"expected {name}, got {shown(row)}")
        for index, row in enumerate(rows if isinstance(rows, list) else ())
        if not isinstance(row, kind)
    )
