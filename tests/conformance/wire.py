"""Requests over HTTP/1.1, exactly as a case has them: nothing is added but Host and Content-Length."""

import http.client

from tests.conformance.case import Answer, Request

_PATIENCE = 90.0  # seconds


def ask(port: int, request: Request) -> Answer:
    """The answer of the server at that port of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        if request.body is not None or request.method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(request.body or b"")))
        connection.endheaders(request.body)
        response = connection.getresponse()
        body = response.read()
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            joined = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
            headers[name.lower()] = joined
        return Answer(response.status, headers, body)
    finally:
        connection.close()
