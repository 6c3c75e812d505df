"""Whether the service is there. No key: load balancers and the protocols' clients ask."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response


def alive(_: Call) -> Response:
    """Whether the service is alive, as KServe's V1 client asks."""
    return json_response({"status": "alive"})


def live(_: Call) -> Response:
    """Whether the server is live (Open Inference Protocol)."""
    return json_response({"live": True})


def ready(_: Call) -> Response:
    """Whether the server is ready (Open Inference Protocol)."""
    return json_response({"ready": True})
