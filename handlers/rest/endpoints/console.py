"""The console: one page that a browser gets in the place of `{"status": "alive"}`."""

from __future__ import annotations

import os

from handlers.rest.accepting import weight
from handlers.rest.etags import tagged
from handlers.rest.http import Response
from handlers.rest.pages import page_headers
from ml_core.errors import NotConfigured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from handlers.rest.call import Call

_PAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "console.html")


def console(call: Call) -> Response:
    """The page, as the browser takes it. It may run its own script, and ask this service and its storage."""
    with open(_PAGE, "rb") as file:
        html = file.read()
    headers = page_headers(html, connect=_storage(call))
    if weight(call.header("accept-encoding"), "gzip"):
        headers["content-encoding"] = "gzip"
    from ml_core.digests import sha256

    # The policy is part of what is known by the tag: a deployment may have moved its storage.
    etag = sha256(html + repr(sorted(headers.items())).encode())[:32]
    response = tagged(Response(200, headers, html), etag, call.header("if-none-match"))
    if "content-encoding" not in response.headers:
        return response
    import gzip

    return response._replace(body=gzip.compress(html, 6, mtime=0))


def _storage(call: Call) -> str:
    """Where signed addresses lead, for the policy; nothing where that is this service's own server."""
    try:
        below = call.services.signer.below
    except NotConfigured:  # a deployment that is not finished is alive all the same
        return ""
    return "" if below.startswith("/") else below
