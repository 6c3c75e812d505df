"""Where a signed download is read on the laptop; on a cloud that is a part of its object storage."""

from collections.abc import Iterable
from urllib.parse import parse_qs

from handlers.local.signatures import Verifier, refusal, signed_key, tail_of, unsigned
from handlers.logs import log
from handlers.rest.http import Response
from handlers.services import Services
from handlers.wsgi import Environ, StartResponse, to_wsgi
from ml_core.errors import NotFound, ServerlessMLError
from ml_core.objects import Opened

PATH = "/downloads/"
_SAVED_AS = "response-content-disposition"


class Downloads:
    """Sends files straight from the store, chunk by chunk, to whoever has a signed address."""

    def __init__(self, services: Services, verifier: Verifier) -> None:
        self._services = services
        self._verifier = verifier
        self._base = services.settings.base_path

    def concerns(self, environ: Environ) -> bool:
        """Whether a request is a download."""
        return environ["REQUEST_METHOD"] == "GET" and self._tail(environ) is not None

    def send(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Send the object; 403 without a signature that holds, 404 when it is gone."""
        query = environ.get("QUERY_STRING", "")
        key = signed_key(self._verifier, "GET", self._tail(environ) or "", query)
        if key is None:
            return to_wsgi(unsigned("download"), start_response)
        found = self._opened(key)
        if isinstance(found, Response):
            return to_wsgi(found, start_response)
        log("info", "download", key=key, bytes=found.size)
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(found.size)),
            # Of the query that was signed, so that it is what the signer wrote.
            *(("Content-Disposition", name) for name in parse_qs(query).get(_SAVED_AS, [])[:1]),
        ]
        start_response("200 OK", headers)
        return found.chunks

    def _tail(self, environ: Environ) -> str | None:
        return tail_of(environ.get("PATH_INFO", ""), PATH, self._base)

    def _opened(self, key: str) -> Opened | Response:
        try:
            return self._services.store.opened(key)
        except NotFound as error:
            return refusal(404, str(error))
        except ServerlessMLError as error:
            return refusal(503, str(error))
