"""The documentation's site below `/documentation/`, where it was built on this machine: a folder's files.

No cloud serves it: a deployment says by `ML_DOCUMENTATION` where its pages are.
"""

from __future__ import annotations

import os
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from handlers.auth import VISITOR
from handlers.local.signatures import tail_of
from handlers.logs import log_unforeseen
from handlers.rest.api import finished
from handlers.rest.etags import digested
from handlers.rest.http import Response
from handlers.rest.pages import source_of
from handlers.rest.problems import is_foreseen, problem_response

if TYPE_CHECKING:
    from handlers.auth import Gate
    from handlers.rest.http import Request

PATH = "/documentation"
FOLDER = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build", "site"
)
_FIRST, _MISSING = "index.html", "404.html"
_HTML = "text/html; charset=utf-8"
# A table of our own: what a machine takes a name's end for is another on each.
_TYPES = {
    ".html": _HTML,
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".xml": "application/xml",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".ico": "image/vnd.microsoft.icon",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
_OTHER = "application/octet-stream"


def site_folder() -> str:
    """The folder of the site; empty where it was not built."""
    return FOLDER if os.path.isfile(os.path.join(FOLDER, _FIRST)) else ""


class SiteFiles:
    """Sends the files of a folder, and nothing from outside of it.

    Args:
        folder: where the site is; empty where there is none.
        gate: who may see the pages of the service.
        base: what a proxy may have left before every path, as the setting `ML_BASE_PATH` says.
    """

    def __init__(self, folder: str, gate: Gate, base: str) -> None:
        self._folder = folder
        self._gate = gate
        self._base = base

    def concerns(self, request: Request) -> bool:
        """Whether a request asks for a file of the site, or for one that it could have."""
        if not self._folder or request.method not in ("GET", "HEAD"):
            return False
        tail = tail_of(request.path, PATH, self._base)
        return tail is not None and tail[:1] in ("", "/")

    def answer(self, request: Request) -> Response:
        """The file, or why there is none."""
        try:
            self._gate.admit(request.headers, VISITOR)
            response = self._response(request)
        except Exception as error:  # noqa: BLE001 (every failure is an answer)
            if not is_foreseen(error):
                log_unforeseen(error, request_id=request.request_id, route=PATH)
            response = problem_response(
                error, request_id=request.request_id, accept=request.headers.get("accept", "")
            )
        return finished(request, response)

    def _response(self, request: Request) -> Response:
        tail = tail_of(request.path, PATH, self._base) or ""
        if not tail:  # a page's links are relative to what ends with a slash
            return Response(308, {"location": f"{request.path}/"}, b"")
        path = self._path(tail[1:])
        if path is not None:
            return digested(_file(path), request.headers.get("if-none-match", ""))
        missing = self._path(_MISSING)
        if missing is None:
            from handlers.errors import RouteNotFound

            raise RouteNotFound(f"there is no such page; {PATH}/ is the first one")
        return _file(missing)._replace(status=404)

    def _path(self, name: str) -> str | None:
        """The file that a name leads to, which is in the folder wherever links lead; None for none."""
        if not name or name.endswith("/"):
            name += _FIRST
        segments = name.split("/")
        if not all(map(_is_plain, segments)):
            return None
        folder = os.path.realpath(self._folder)
        path = os.path.realpath(os.path.join(folder, *segments))
        return path if path.startswith(folder + os.sep) and os.path.isfile(path) else None


def _is_plain(segment: str) -> bool:
    """Whether a part of a path is a name: no way up, nothing hidden, and no other system's separator."""
    return bool(segment) and segment[0] != "." and segment.isprintable() and not set(segment) & {"\\", ":"}


def _file(path: str) -> Response:
    with open(path, "rb") as file:
        content = file.read()
    kind = _TYPES.get(os.path.splitext(path)[1].lower(), _OTHER)
    headers = {
        "content-type": kind,
        "content-security-policy": _policy(content if kind == _HTML else b""),
        "referrer-policy": "no-referrer",
    }
    return Response(200, headers, content)


def _policy(html: bytes) -> str:
    """What a page may do: run the site's scripts and its own, and ask this server, for its search.

    The styles of elements are the page's own and cannot be known by their hashes.
    """
    found = _Scripts()
    found.feed(html.decode("utf-8", "replace"))
    scripts = " ".join(["'self'", *dict.fromkeys(f"'{source_of(each.encode())}'" for each in found.inline)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


class _Scripts(HTMLParser):
    """Collects the scripts that stand in a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.inline: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A script without a source has its text here."""
        self._inside = tag == "script" and "src" not in dict(attrs)
        if self._inside:
            self.inline.append("")

    def handle_data(self, data: str) -> None:
        """A script's text may come in parts."""
        if self._inside:
            self.inline[-1] += data

    def handle_endtag(self, tag: str) -> None:
        """The end of a script."""
        if tag == "script":
            self._inside = False
