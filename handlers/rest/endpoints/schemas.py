"""What a model takes for a row, or for a picture, a sequence or a text."""

from handlers.rest.call import Call
from handlers.rest.endpoints.prediction import look_again
from handlers.rest.http import Response, json_response
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TENSORS, TEXT

_HOW_TO_SEND = (
    "Send rows to `:predict` as `instances`; or, by the same names, as TensorFlow Serving's columns "
    "(`inputs`) or as a data frame (`dataframe_split`, `dataframe_records`). A column that is not named here "
    'is refused, unless the request says "unknown_columns": "ignore"; one that is missing is refused always.'
)
_HOW_TO_SEND_OTHERS = (
    "Send them to `:predict` as `instances` or `inputs`. Objects by name are rows of a data frame: they also "
    "come as TensorFlow Serving's columns (`inputs`) or as a data frame (`dataframe_split`, "
    '`dataframe_records`), and columns beside are refused, unless the request says "unknown_columns": '
    '"ignore".'
)
_CALLED = {IMAGE: "a picture", SEQUENCE: "a sequence", TEXT: "a text", TENSORS: "an instance"}


def schema(call: Call) -> Response:
    """Show the JSON Schema of a row, a picture, a sequence or a text, as the version takes it.

    It is the version that a prediction would take; of those that share an alias's traffic, that with the
    greatest weight. `x-version` is its number, for who asks next: another one may answer by then.
    """
    look_again(call)
    served = call.services.models.resolve(call.path["model"], call.version, call.path.get("alias"))
    reader = served.model.reader
    called = f"{_CALLED[reader.kind]} for" if reader else "a row of"
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{called} model '{served.name}' version {served.version}",
        "description": _HOW_TO_SEND_OTHERS if reader else _HOW_TO_SEND,
        "x-version": served.version,
        **served.model.row_schema(),
    }
    return json_response(described)
