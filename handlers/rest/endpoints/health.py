"""Whether the service is there. No key: load balancers and the protocols' clients ask."""

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response


def alive(call: Call) -> Response:
    """Whether the service is alive, as KServe's V1 client asks. A browser gets the console."""
    if _is_browser(call.header("accept")):
        from handlers.rest.endpoints.console import console

        return console(call)
    return json_response({"status": "alive"}, headers={"vary": "accept, accept-encoding"})


def _is_browser(accept: str) -> bool:
    """Whether a page is asked for by name; `*/*` asks for whatever a client would get."""
    return any(
        kind.strip().lower() == "text/html" and more.replace(" ", "").lower() not in ("q=0", "q=0.0")
        for kind, _, more in (entry.partition(";") for entry in accept.split(","))
    )


def live(_: Call) -> Response:
    """Whether the server is live (Open Inference Protocol)."""
    return json_response({"live": True})


def ready(_: Call) -> Response:
    """Whether the server is ready (Open Inference Protocol)."""
    return json_response({"ready": True})
