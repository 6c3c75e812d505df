"""A request and a response, as every adapter hands them over and takes them back."""

from typing import NamedTuple


class Request(NamedTuple):
    """One HTTP request. Header names are lower case; `path` is percent-decoded, without the query."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    request_id: str


class Response(NamedTuple):
    """One HTTP answer. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
