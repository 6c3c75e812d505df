"""`POST …:feedback`: what predictions were really of, told by their receipts."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response
from handlers.rest.schemas import Schema
from ml_core.monitoring.telling import Told

_MOST = 1000

FEEDBACK_BODY: Schema = {
    "type": "object",
    "required": ["receipts"],
    "additionalProperties": False,
    "properties": {
        "receipts": {
            "type": "array",
            "minItems": 1,
            "maxItems": _MOST,
            "items": {
                "title": "Labelled receipt",
                "type": "object",
                "required": ["receipt", "label"],
                "additionalProperties": False,
                "properties": {
                    "receipt": {
                        "type": "string",
                        "pattern": "^[A-Za-z0-9_-]{40}$",
                        "description": "One of `receipts` in an answer of `:predict`, at most 30 days old.",
                    },
                    "label": {
                        "type": ["string", "integer", "boolean", "null"],
                        "description": "What it was really of: one of the version's classes, or null for "
                        "none of them.",
                    },
                },
            },
        }
    },
    "examples": [{"receipts": [{"receipt": "AAAAAwABBwG6gUAvAR3O-GDEqVuuTjssvANdRXMq", "label": "yes"}]}],
}


def feedback(call: Call) -> Response:
    """Tell what predictions were really of, each by its receipt.

    Each receipt counts once, whoever sends it again. Where anything is wrong, nothing is counted.
    After a 503 or a 409 some may be counted: send all of them again.
    """
    told = [Told(each["receipt"], each["label"]) for each in call.body()["receipts"]]
    call.note(model=call.path["model"], rows=len(told))
    counted = call.services.telling.tell(call.path["model"], told)
    return json_response(counted._asdict())
