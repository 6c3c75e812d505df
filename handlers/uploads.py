"""Where a signed upload arrives on the laptop; on a cloud that is a part of its object storage."""

from collections.abc import Iterator
from typing import Protocol

from handlers.logs import log
from handlers.rest.http import Response, json_response
from handlers.services import Services
from handlers.wsgi import Environ
from ml_core.errors import ServerlessMLError
from ml_core.ports import check_key

PATH = "/uploads/"
_CHUNK = 1 << 20


class Verifier(Protocol):
    """Knows its own signatures."""

    def allows(self, key: str, query: str) -> bool:
        """Whether a PUT of `key` with this query was signed, and is in time."""
        ...


class Uploads:
    """Takes files straight into the store, chunk by chunk, from whoever has a signed address."""

    def __init__(self, services: Services, verifier: Verifier) -> None:
        self._services = services
        self._verifier = verifier

    def concerns(self, environ: Environ) -> bool:
        """Whether a request is an upload."""
        return bool(environ["REQUEST_METHOD"] == "PUT" and environ.get("PATH_INFO", "").startswith(PATH))

    def receive(self, environ: Environ) -> Response:
        """Store the body; 403 without a signature that holds."""
        key = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")[len(PATH) :]
        if not self._allowed(key, environ.get("QUERY_STRING", "")):
            return _refusal(403, "the address was not signed for this, or its time is over")
        if not environ.get("CONTENT_LENGTH"):
            return _refusal(411, "an upload says its Content-Length")
        try:
            self._services.store.write_stream(key, _chunks(environ))
        except ServerlessMLError as error:
            return _refusal(503, str(error))
        log("info", "upload", key=key, bytes=int(environ["CONTENT_LENGTH"]))
        return Response(200, {}, b"")

    def _allowed(self, key: str, query: str) -> bool:
        try:
            check_key(key)
        except ValueError:
            return False
        return self._verifier.allows(key, query)


def _chunks(environ: Environ) -> Iterator[bytes]:
    remaining = int(environ["CONTENT_LENGTH"])
    while remaining and (chunk := environ["wsgi.input"].read(min(_CHUNK, remaining))):
        remaining -= len(chunk)
        yield chunk


def _refusal(status: int, reason: str) -> Response:
    return json_response({"error": reason}, status=status)
