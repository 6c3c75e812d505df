"""Where a signed upload arrives on the laptop; on a cloud that is a part of its object storage."""

from collections.abc import Iterator

from handlers.local.signatures import Verifier, refusal, signed_key, tail_of, unsigned
from handlers.logs import log
from handlers.rest.http import Response
from handlers.services import Services
from handlers.wsgi import Environ
from ml_core.errors import ServerlessMLError

PATH = "/uploads/"
LONGEST = 5 * 1024 * 1024 * 1024  # bytes: what S3 takes in one upload
_CHUNK = 1 << 20


class Uploads:
    """Takes files straight into the store, chunk by chunk, from whoever has a signed address."""

    def __init__(self, services: Services, verifier: Verifier) -> None:
        self._services = services
        self._verifier = verifier
        self._base = services.settings.base_path

    def concerns(self, environ: Environ) -> bool:
        """Whether a request is an upload."""
        return environ["REQUEST_METHOD"] == "PUT" and self._tail(environ.get("PATH_INFO", "")) is not None

    def expects(self, method: str, path: str, query: str) -> bool:
        """Whether a request is an upload that was signed, and is in time."""
        return method == "PUT" and self._key(path, query) is not None

    def receive(self, environ: Environ) -> Response:
        """Store the body; 403 without a signature that holds."""
        key = self._key(environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        if key is None:
            return unsigned("upload")
        if not environ.get("CONTENT_LENGTH"):
            return refusal(411, "expected a Content-Length header, got none")
        try:
            self._services.store.write_stream(key, _chunks(environ))
        except ServerlessMLError as error:
            return refusal(503, str(error))
        log("info", "upload", key=key, bytes=int(environ["CONTENT_LENGTH"]))
        return Response(200, {}, b"")

    def _key(self, path: str, query: str) -> str | None:
        tail = self._tail(path)
        return None if tail is None else signed_key(self._verifier, "PUT", tail, query)

    def _tail(self, path: str) -> str | None:
        return tail_of(path, PATH, self._base)


def _chunks(environ: Environ) -> Iterator[bytes]:
    remaining = int(environ["CONTENT_LENGTH"])
    while remaining and (chunk := environ["wsgi.input"].read(min(_CHUNK, remaining))):
        remaining -= len(chunk)
        yield chunk
