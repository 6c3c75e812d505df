"""What the service says of itself: OpenAPI, and a page to try it."""

import os

from handlers.rest import description
from handlers.rest.call import Call
from handlers.rest.http import Response

_PAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "docs.html")
_BUILT: dict[tuple[str, str], bytes] = {}


def openapi(call: Call) -> Response:
    """Describe the service as OpenAPI 3.1."""
    places = call.settings.base_path, call.settings.documentation
    if places not in _BUILT:
        _BUILT[places] = description.text(*places)
    return Response(
        200, {"content-type": "application/json", "cache-control": "private, max-age=300"}, _BUILT[places]
    )


def page(_: Call) -> Response:
    """A page to try the service: it needs no other server, and asks for a key where one is needed."""
    from handlers.rest.pages import page_headers

    with open(_PAGE, "rb") as file:
        html = file.read()
    return Response(200, page_headers(html), html)
