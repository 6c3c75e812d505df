"""What a model takes for a row."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response

_HOW_TO_SEND = (
    "Send rows to `:predict` as `instances`; or, by the same names, as TensorFlow Serving's columns "
    "(`inputs`) or as a data frame (`dataframe_split`, `dataframe_records`). A column that is not named here "
    'is refused, unless the request says "unknown_columns": "ignore"; one that is missing is refused always.'
)


def schema(call: Call) -> Response:
    """Show the JSON Schema of a row, of the version that a prediction would take."""
    served = call.services.models.resolve(call.path["model"], call.version)
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"a row of model '{served.name}' version {served.version}",
        "description": _HOW_TO_SEND,
        **served.model.row_schema(),
    }
    return json_response(described)
