"""`POST …:explain`, as KServe V1 knows it."""

from __future__ import annotations

from math import fsum, prod

from handlers.rest.endpoints.prediction import (
    INSTANCE,
    PREDICT_BODY,
    chosen,
    described,
    notes_of,
    read,
    rows_of,
    unknown_of,
)
from handlers.rest.http import Response, json_response
from ml_core.conflicts import NotExplained
from ml_core.errors import Fault, TooLarge, raise_faults
from ml_core.explaining.explanation import GRADIENTS
from ml_core.inputs.arrays import Pictures
from ml_core.inputs.rows import Rows
from ml_core.model import explanations
from ml_core.names import IMPORTED

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from typing import Any

    from handlers.rest.call import Call
    from handlers.rest.schemas import Schema
    from ml_core.explaining.explanation import Explanation
    from ml_core.inputs.arrays import Sequences
    from ml_core.inputs.labels import Label
    from ml_core.inputs.notes import Notes
    from ml_core.model.model import Instances, Model
    from ml_core.serving import Served

MOST_BACKGROUND = 100
# An explanation takes at least so many bytes of JSON, and each column's part in it.
_SHORTEST, _SHORTEST_PART = 150, 7
_FEWER = "send fewer rows at a time, or ask for the `top` columns"
_ERRORS = {GRADIENTS: "completeness_error"}
_ROWS = ("instances", "inputs", "dataframe_split", "dataframe_records", "unknown_columns", "notes")
_ROW = {"grams": 150, "redness": 0.4}
_BACKGROUND = {"instances": [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]]}
EXPLAIN_BODY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{name: PREDICT_BODY["properties"][name] for name in _ROWS},
        "against": {
            "title": "Label",
            "type": ["string", "integer", "boolean"],
            "description": "The label that each row's predicted label is compared with; without it the "
            "runner-up, which is another for each row.",
        },
        "background": {
            "title": "Background",
            "type": "object",
            "required": ["instances"],
            "additionalProperties": False,
            "description": "What stands for a column that is not known: these rows, in place of what the "
            "version keeps of its training rows.",
            "properties": {
                "instances": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MOST_BACKGROUND,
                    "items": INSTANCE,
                    "description": "Read as `instances`. One row asks: why not as that one?",
                }
            },
        },
        "top": {
            "type": "integer",
            "minimum": 1,
            "description": "Only so many columns of each row, those with the largest parts, the largest "
            "first; `rest` is the sum of the others.",
        },
        "counterfactual": {
            "type": "object",
            "required": ["actionable"],
            "additionalProperties": False,
            "description": "Asks for the smallest change that turns a row from its label to `against`.",
            "properties": {
                "actionable": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string"},
                    "description": "The columns that may be changed.",
                }
            },
        },
        "signature_name": PREDICT_BODY["properties"]["signature_name"],
    },
    "examples": [
        {"instances": [_ROW], "background": _BACKGROUND},
        {"instances": [[150, 0.4]], "against": "apple", "background": {"instances": [[125, 0.85]]}},
        {"instances": [_ROW], "top": 1, "background": _BACKGROUND},
    ],
}


def explain(call: Call) -> Response:
    """Explain: why each row's label rather than another one, split over the columns.

    `base` and the `attributions` of all columns add up to the `margin` of `label` over `against`, in the
    given `unit`. docs/explain.md says what they mean. Rows come as for `:predict`, also as `text/csv` with
    `against`, `top`, `unknown_columns` and `notes` as query parameters.

    409 where the version keeps nothing of its training rows, and the request brings no `background`; and of
    an imported model.
    """
    form, body = read(call)
    served = chosen(call)
    if served.model.algorithm == IMPORTED:
        raise NotExplained(
            f"{described(served)} is an imported model: what its graph computes is not known here, so it is "
            "not explained"
        )
    notes = notes_of(body)
    rows = rows_of(call, served, form, body, notes)
    background = _background(call, served, body, notes)
    _check_answer(call, served.model, rows, body)
    found = explanations.explain(
        served.model,
        rows,
        against=_against(served.model, form, body),
        background=background,
        most=call.settings.max_multiplications,
    )
    told = [_members(each, body.get("top")) for each in found]
    if "counterfactual" in body:
        changes = _changes(call, served.model, rows, found, body["counterfactual"]["actionable"])
        told = [{**each, "counterfactual": change} for each, change in zip(told, changes, strict=True)]
    answer: dict[str, Any] = {
        "predictions": [each.label for each in found],
        "model": {"name": served.name, "version": served.version},
        "explanations": told,
    }
    if notes is not None:
        answer.update(notes.members())
    return json_response(answer)


def _against(model: Model, form: str, body: dict[str, Any]) -> Label | None:
    """The label that is compared with, where the request says one; a query has it as a text."""
    sent: Label | None = body.get("against")
    if sent is None or form in EXPLAIN_BODY["properties"]:
        return sent
    from handlers.rest.csv_rows import label_of

    return label_of(model, str(sent))


def _background(call: Call, served: Served, body: dict[str, Any], notes: Notes | None) -> Any:
    """The rows that stand for what is not known, where the request brings them."""
    if "background" not in body:
        return None
    return served.model.rows(
        body["background"]["instances"],
        limits=call.limits,
        where="$.background.instances",
        expecting=described(served),
        unknown=unknown_of(body),
        notes=notes,
    )


def _changes(
    call: Call, model: Model, rows: Any, found: list[Explanation], actionable: list[str]
) -> list[dict[str, object]]:
    """What changes of the `actionable` columns would turn each row's label."""
    from ml_core.model.counterfactuals import counterfactual

    most = call.settings.max_multiplications
    return [change.described() for change in counterfactual(model, rows, found, actionable, most=most)]


def _check_answer(call: Call, model: Model, rows: Instances, body: dict[str, Any]) -> None:
    """Raise `InvalidInput` for members that are of tables only, and `TooLarge` for too long an answer.

    Nothing is computed before.
    """
    top = body.get("top")
    if isinstance(rows, Rows):
        columns = len(model.features)
        parts = len(rows) * (columns if top is None else min(top, columns))
    else:
        parts = _parts_of_instances(rows, body)
    most, longest = call.settings.max_cells, call.settings.max_answer_bytes
    if parts > most:
        raise TooLarge(
            f"{len(rows):,} explanations have {parts:,} parts; at most {most:,} are given: {_FEWER}"
        )
    shortest = len(rows) * _SHORTEST + parts * _SHORTEST_PART
    if shortest > longest:
        raise TooLarge(
            f"{len(rows):,} explanations take at least {shortest:,} bytes; at most {longest:,} are possible: "
            f"{_FEWER}"
        )


def _parts_of_instances(instances: Pictures | Sequences, body: dict[str, Any]) -> int:
    """How many parts pictures, sequences or texts have, if these are asked what they can answer."""
    is_text = getattr(instances, "texts", None) is not None
    raise_faults(
        Fault(f"$.{name}", f"is for {of}: leave it out")
        for name, of, taken in (
            ("top", "rows of a table and texts", is_text),
            ("counterfactual", "rows of a table", False),
        )
        if name in body and not taken
    )
    if isinstance(instances, Pictures):
        return len(instances) * prod(instances.shape[:2])
    tokens = sum(instances.lengths)
    return min(tokens, len(instances) * body["top"]) if "top" in body else tokens * instances.width


def _members(explanation: Explanation, top: int | None) -> dict[str, Any]:
    """An explanation as the answer has it."""
    parts, errors, rest = explanation.attributions, explanation.standard_errors, {}
    if top is not None:
        parts, rest["rest"] = _largest(parts, top)
        errors = errors and {name: errors[name] for name in parts}
    return {
        "label": explanation.label,
        "against": explanation.against,
        "unit": explanation.unit,
        "base": explanation.base,
        "margin": explanation.margin,
        "attributions": parts,
        **rest,
        **({} if errors is None else {"standard_errors": errors}),
        "probability": explanation.probability,
        "method": explanation.method,
        "exact": explanation.exact,
        "game": explanation.game,
        _ERRORS.get(explanation.method, "additivity_error"): explanation.error,
    }


def _largest(parts: Any, top: int) -> tuple[Any, float]:
    """So many columns, or words of a text, the largest first, and the sum of the others."""
    if isinstance(parts, dict):
        names = sorted(parts, key=lambda name: -abs(parts[name]))
        return {name: parts[name] for name in names[:top]}, fsum(map(parts.__getitem__, names[top:]))
    tokens = sorted(parts, key=lambda token: -abs(token["value"]))
    return tokens[:top], fsum(token["value"] for token in tokens[top:])
