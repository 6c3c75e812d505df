"""What a model takes for a row."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response


def schema(call: Call) -> Response:
    """Show the JSON Schema of a row, of the version that a prediction would take."""
    served = call.services.models.resolve(call.path["model"], call.version)
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"a row of model '{served.name}' version {served.version}",
        **served.model.row_schema(),
    }
    return json_response(described)
