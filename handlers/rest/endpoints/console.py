"""The console: one page that a browser gets in the place of `{"status": "alive"}`."""

from __future__ import annotations

import os

from handlers.rest.etags import tagged
from handlers.rest.http import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from handlers.rest.call import Call

_PAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "console.html")
VARY = "accept, accept-encoding"


def console(call: Call) -> Response:
    """The page, as the browser takes it. It may run its own script, and ask this service and its storage."""
    from handlers.rest.pages import policy_of

    with open(_PAGE, "rb") as file:
        html = file.read()
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy_of(html, connect=_storage(call)),
        "referrer-policy": "no-referrer",
        "vary": VARY,
    }
    body = html
    if "gzip" in call.header("accept-encoding"):
        import gzip

        headers["content-encoding"] = "gzip"
        body = gzip.compress(html, 6, mtime=0)
    from ml_core.digests import sha256

    # The policy is part of what is known by the tag: a deployment may have moved its storage.
    etag = sha256(html + repr(sorted(headers.items())).encode())[:32]
    return tagged(Response(200, headers, body), etag, call.header("if-none-match"))


def _storage(call: Call) -> str:
    """Where signed addresses lead, for the policy; nothing where that is this service's own server."""
    below = call.services.signer.below
    return "" if below.startswith("/") else below
