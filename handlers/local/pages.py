"""Pages of other sites at the laptop's signed addresses; on a cloud its storage tells them the same."""

from collections.abc import Mapping

from handlers.local import downloads, uploads
from handlers.local.signatures import tail_of
from handlers.rest.cors import Cors
from handlers.rest.http import Response
from handlers.wsgi import Environ, StartResponse

_METHODS = "GET, PUT"
_SENT = "content-type"


class StorageCors:
    """Tells browsers which pages may upload and download.

    Args:
        cors: which origins.
        base: the setting `ML_BASE_PATH`.
    """

    def __init__(self, cors: Cors, base: str) -> None:
        self._cors = cors
        self._base = base

    def concerns(self, environ: Environ) -> bool:
        """Whether a request is for a signed address, whatever its method."""
        return is_file(environ.get("PATH_INFO", ""), self._base)

    def preflight(self, environ: Environ) -> Response | None:
        """The answer to a browser's question before it uploads or downloads; None when it is none."""
        return self._cors.preflight(environ["REQUEST_METHOD"], _headers(environ), _METHODS, _SENT)

    def telling(self, environ: Environ, start_response: StartResponse) -> StartResponse:
        """`start_response` that adds what a browser has to be told, to refusals too."""
        told = [(name.title(), value) for name, value in self._cors.told(_headers(environ)).items()]
        return lambda status, headers: start_response(status, [*headers, *told])


def is_file(path: str, base: str) -> bool:
    """Whether a path is that of a signed address; `base` is the setting `ML_BASE_PATH`."""
    return any(tail_of(path, each.PATH, base) is not None for each in (uploads, downloads))


def _headers(environ: Environ) -> Mapping[str, str]:
    names = ("ORIGIN", "ACCESS_CONTROL_REQUEST_METHOD")
    return {
        name.lower().replace("_", "-"): environ[f"HTTP_{name}"]
        for name in names
        if environ.get(f"HTTP_{name}")
    }
