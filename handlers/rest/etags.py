"""ETags and the conditions that name them (RFC 9110, section 13)."""

import re
from typing import Any, NamedTuple

from handlers.rest.http import Response, json_response

ANY = "*"
# `W/"x"`, `"x"`, and, which is no entity tag but is often sent, x without its quotes.
_TAG = re.compile(r'(W/)?"([^"]*)"|([^\s,"]+)')


class Tags(NamedTuple):
    """The entity tags of a header: `strong` ones without quotes, `weak` ones; `*` stands for every tag."""

    strong: frozenset[str]
    weak: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Those that count where tags are compared weakly: W/"x" is "x" then."""
        return self.strong | self.weak


def tags(header: str) -> Tags | None:
    """The entity tags of an If-Match or If-None-Match header; None without a header."""
    if not header:
        return None
    strong: set[str] = set()
    weak: set[str] = set()
    for prefix, quoted, bare in _TAG.findall(header):
        if bare:
            strong.add(bare)
        elif quoted != ANY:  # a quoted asterisk is a tag, and none of ours
            (weak if prefix else strong).add(quoted)
    return Tags(frozenset(strong), frozenset(weak))


def tagged_response(value: Any, etag: str, if_none_match: str) -> Response:
    """`value` with its ETag; 304 when the caller has it already."""
    return tagged(json_response(value), etag, if_none_match)


def tagged(response: Response, etag: str, if_none_match: str) -> Response:
    """`response` with its ETag; 304 when the caller has it already."""
    headers = {"etag": f'"{etag}"', "cache-control": "private, no-cache"}
    known = tags(if_none_match)
    if known and known.all & {etag, ANY}:
        return Response(304, headers, b"")
    return response._replace(headers={**response.headers, **headers})
