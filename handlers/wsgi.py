"""WSGI (PEP 3333) ⇄ our requests and responses: for the laptop's server, and any other that speaks it."""

import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from handlers.rest.http import Request, Response

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


def from_environ(environ: Environ) -> Request:
    """The request in a WSGI environment, its body read to the end."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return Request(
        method=environ["REQUEST_METHOD"],
        # WSGI hands over decoded bytes, each as the character of that number.
        path=environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace") or "/",
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
        request_id=os.urandom(8).hex(),
    )


def to_wsgi(response: Response, start_response: StartResponse) -> Iterable[bytes]:
    """Send an answer."""
    headers = {"content-length": str(len(response.body)), **response.headers}
    if response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        del headers["content-length"]
    status = f"{response.status} {HTTPStatus(response.status).phrase}"
    start_response(status, [(name.title(), value) for name, value in headers.items()])
    return [response.body] if response.body else []
