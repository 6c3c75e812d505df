"""ETags and the conditions that name them (RFC 9110, section 13)."""

import re
from typing import Any, NamedTuple

from handlers.rest.call import Call
from handlers.rest.http import Response, json_response
from ml_core.digests import sha256

_DIGITS = 16  # of a digest: enough to tell an answer from the one before
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


def wanted(call: Call) -> frozenset[str] | None:
    """What If-Match names, which compares strongly (RFC 9110); None without one."""
    named = tags(call.header("if-match"))
    return named and named.strong


def polled(call: Call, value: Any) -> Response:
    """`value` with the digest of its bytes as its ETag; 304 when the caller has it already.

    For what people look at again and again: of a job's document, whose trainer renews it all the time, the
    bytes change only where there is something to see.
    """
    return digested(json_response(value), call.header("if-none-match"))


def digested(response: Response, if_none_match: str) -> Response:
    """`response` with the digest of its bytes as its ETag; 304 when the caller has it already."""
    return tagged(response, sha256(response.body)[:_DIGITS], if_none_match)


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
