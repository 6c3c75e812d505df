"""Whether the service is there. No key: load balancers and the protocols' clients ask."""

from handlers.rest.accepting import weight
from handlers.rest.call import Call
from handlers.rest.http import Response, json_response

# What the answer of `GET /` depends on.
VARY = "accept, accept-encoding"


def alive(call: Call) -> Response:
    """Whether the service is alive, as KServe's V1 client asks. A browser gets the console."""
    accept = call.header("accept")
    # No browser that opens a page names JSON; a client that takes both would rather have what it can read.
    if weight(accept, "text/html") > weight(accept, "application/json"):
        from handlers.rest.endpoints.console import console

        response = console(call)
    else:
        response = json_response({"status": "alive"})
    return response._replace(headers={**response.headers, "vary": VARY})


def live(_: Call) -> Response:
    """Whether the server is live (Open Inference Protocol)."""
    return json_response({"live": True})


def ready(_: Call) -> Response:
    """Whether the server is ready (Open Inference Protocol)."""
    return json_response({"ready": True})
