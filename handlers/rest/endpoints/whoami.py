"""Whose key a request has."""

from handlers.auth import KEY
from handlers.rest.call import Call
from handlers.rest.http import Response, json_response


def whoami(call: Call) -> Response:
    """Tell of the request's key: its id, its roles and the rights they give, and what it is limited to."""
    caller = call.caller
    return json_response(
        {
            "key": caller.id or None,
            "roles": list(caller.roles),
            "rights": sorted({*caller.rights} - {KEY}),
            "models": caller.models,
            "datasets": caller.datasets,
            "expires": caller.expires,
        }
    )
