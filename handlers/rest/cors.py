"""Pages of other sites: which may call, and how a browser is told (the Fetch standard's CORS protocol).

Nothing here is imported while the setting `ML_CORS_ORIGINS` is empty: then browsers keep other sites out.
No answer allows credentials (cookies): a page sends its key in a header.
"""

from __future__ import annotations

from handlers.rest.http import Response
from handlers.web import origins_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# What callers may send: each header that some endpoint reads.
SENT = (
    "accept, authorization, cache-control, content-encoding, content-type, idempotency-key, if-match, "
    "if-none-match, if-range, inference-header-content-length, prefer, range, x-api-key, x-routing-key"
)
# What pages may read, beside what they may always: Content-Type, Content-Length, Cache-Control.
SHOWN = (
    "accept-encoding, accept-ranges, allow, content-disposition, content-range, etag, "
    "inference-header-content-length, location, preference-applied, retry-after, www-authenticate, "
    "x-request-id"
)
SECONDS = "7200"  # how long an answer to a preflight holds; Chromium takes no longer


class Cors:
    """Tells browsers which pages may call.

    Args:
        origins: the setting, checked when it was read: origins separated by commas, or `*`.
    """

    def __init__(self, origins: str) -> None:
        self._origins = frozenset(origins_of(origins))

    def preflight(
        self, method: str, headers: Mapping[str, str], allow: str, sent: str = SENT
    ) -> Response | None:
        """The answer to a browser's question before a request, which brings no key; None when it is none.

        `told` adds whom it is for.

        Args:
            method: the request's.
            headers: the request's.
            allow: the methods of its path, empty where there is no such path. Then the request itself may
                come and be told so: a browser shows its page no error of a preflight.
            sent: the headers that the path reads.
        """
        asks = method == "OPTIONS" and "access-control-request-method" in headers
        if not asks or not self._allowed(headers):
            return None
        methods = {"access-control-allow-methods": allow} if allow else {}
        more = {"access-control-allow-headers": sent, "access-control-max-age": SECONDS}
        return Response(204, {**methods, **more}, b"")

    def told(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What an answer, an error too, has to tell a browser.

        Args:
            headers: the request's.
        """
        # The answer to one origin is no answer to another, wherever it may be kept.
        told = {} if "*" in self._origins else {"vary": "Origin"}
        if allowed := self._allowed(headers):
            told |= {"access-control-allow-origin": allowed, "access-control-expose-headers": SHOWN}
        return told

    def _allowed(self, headers: Mapping[str, str]) -> str:
        """The origin to allow: the request's if it is one of ours, `*` for any; else empty."""
        origin = headers.get("origin", "")
        if origin and "*" in self._origins:
            return "*"
        return origin if origin in self._origins else ""
