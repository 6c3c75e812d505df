"""A request and a response, as every adapter hands them over and takes them back."""

from __future__ import annotations

from ml_core import json_text
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_MOST_DIGITS = 10
_write = json_text.writer((",", ":"), allow_nan=False)
# Bodies that are rows alone: what stands beside rows in a body of JSON is in the query.
CSV, NPY = "text/csv", "application/x-npy"


class Request(Record):
    """One HTTP request. Header names are lower case; `path` is percent-decoded, without the query."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    request_id: str


class Response(Record):
    """One HTTP answer. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def json_response(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer of JSON. KServe's client reads errors from exactly `application/json`: no charset is added.

    Raises:
        ValueError: when `value` holds NaN or an infinity, which are not JSON.
    """
    told = {"content-type": "application/json"}
    if headers:
        told |= headers
    return Response(status, told, _write(value).encode())


def wants_indented(request: Request) -> bool:
    """Whether the request asks for JSON that people read: `?pretty` or `?pretty=true`."""
    return "pretty" in request.query and request.query["pretty"] in ("", "true")


def indented(response: Response) -> Response:
    """The same answer with its JSON indented; one of anything else as it is."""
    if response.headers.get("content-type") not in ("application/json", "application/problem+json"):
        return response
    import json

    body = json.dumps(json.loads(response.body), indent=2).encode() + b"\n"
    return Response(response.status, response.headers, body)


def rows_alone(header: str) -> str:
    """CSV or NPY, where that is the first media type of a header; else empty."""
    if header in ("", "application/json", "*/*"):
        return ""
    return next((kind for kind in (CSV, NPY) if is_of(header, kind)), "")


def is_of(header: str, kind: str) -> bool:
    """Whether the first media type of a header is `kind`."""
    length = len(kind)
    return header[:length].lower() == kind and header[length : length + 1] in ("", ";", ",", " ")


def is_number(text: str) -> bool:
    """Whether `text`, of a header or a query, is a whole number in digits and short enough to mean one."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
