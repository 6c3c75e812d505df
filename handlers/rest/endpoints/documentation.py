"""What the service says of itself: OpenAPI, and a page to try it."""

import os

from handlers.rest import description
from handlers.rest.call import Call
from handlers.rest.http import Response

_PAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "docs.html")
_BUILT: dict[str, bytes] = {}


def openapi(call: Call) -> Response:
    """Describe the service as OpenAPI 3.1."""
    base = call.settings.base_path
    if base not in _BUILT:
        _BUILT[base] = description.text(base)
    return Response(
        200, {"content-type": "application/json", "cache-control": "private, max-age=300"}, _BUILT[base]
    )


def page(_: Call) -> Response:
    """A page to try the service: it needs no other server, and asks for a key where one is needed."""
    with open(_PAGE, "rb") as file:
        html = file.read()
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": _policy(html),
        "referrer-policy": "no-referrer",
    }
    return Response(200, headers, html)


def _policy(html: bytes) -> str:
    """What the page may do: run its own script and style, and talk to its own server."""
    script, style = _source(html, b"script"), _source(html, b"style")
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _source(html: bytes, element: bytes) -> str:
    """The hash by which the policy knows the page's one script, or its one style."""
    from base64 import b64encode
    from hashlib import sha256

    content = html.split(b"<" + element + b">")[1].split(b"</" + element + b">")[0]
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"
