"""What the header of a request decides on the laptop, before its body is read.

The server keeps a body until its last byte is there, in memory and then on the disk. Of whoever may not send
one, or sends too much, nothing is kept: the bytes are read and dropped, and then comes the answer. A client
that asks first (`Expect: 100-continue`) is answered at once.
"""

import copy
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Never
from urllib.parse import parse_qsl

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest

from handlers.local.uploads import LONGEST, Uploads
from handlers.rest.api import Api
from handlers.rest.http import Request

if TYPE_CHECKING:
    from handlers.auth import Gate

REFUSED = "serverless_ml.refused"  # the environment's name for the error that refuses the request

_HOST_LINES = re.compile(rb"(?im)^host[ \t]*:")
_CODING_LINES = re.compile(rb"(?im)^transfer-encoding[ \t]*:([^\r\n]*)")
# What a body in chunks may have beside its bytes. A chunk costs as much work as hundreds of bytes do, and a
# line or a trailer that goes on is looked through again with every piece of it.
_FREE_CHUNKS, _LEAST_CHUNK = 2_000, 16  # chunks, and the bytes that those after them have on average
_LONGEST_CHUNK_LINE, _LONGEST_TRAILER = 1_024, 8_192  # bytes
SHORT = 64 * 1024  # bytes, as many as a header may have: the body comes, and then the api decides
_HOST = re.compile(r"(\[[^\]\s]*\]|[^\s:/?#@\[\],]*)(:[0-9]*)?")


class Admission:
    """Decides about requests that bring a body.

    Args:
        api: says who may send what.
        gate: decides instead of the keys; None for those of the api.
        uploads: knows whose body may be long.
        most_body: how many bytes of a body are kept, in bytes.
    """

    def __init__(self, api: Api, gate: "Gate | None", uploads: Uploads, most_body: int) -> None:
        self._api = api
        self._gate = gate
        self._uploads = uploads
        self.most_body = most_body

    def is_upload(self, head: Request, query: str) -> bool:
        """Whether a request is an upload to a signed address."""
        return self._uploads.expects(head.method, head.path, query)

    def refusal(self, head: Request, length: int) -> Exception | None:
        """Why a request is refused, whatever its body says; None for one that is read.

        Args:
            head: the request without its body.
            length: how many bytes the body has, as far as that is known.
        """
        try:
            self._api.admit(head, self._gate, length)
        except Exception as error:  # noqa: BLE001 (the api answers it)
            return error
        return None


class RefusingGate:
    """Refuses every request with the error that was found before its body was read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def admit(self, headers: Mapping[str, str], access: str) -> Never:  # noqa: ARG002 (the protocol's)
        """Raise the error."""
        raise self._error


def parser_of(admission: Admission) -> type[HTTPRequestParser]:
    """The parser of requests whose bodies are admitted so."""

    class Parser(_Parser):
        decides = admission

    return Parser


class _Parser(HTTPRequestParser):
    """Reads a request; `refused` is why its body was not kept."""

    decides: Admission
    refused: Exception | None = None
    closes = False  # whether more may come on the connection that belongs to no request
    _dropping: "_Dropping | None" = None
    _head: Request | None = None

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header, and decide. Raises `ParsingError` for what nobody can read in one way."""
        super().parse_header(header_plus)
        found: Any = self  # the stubs do not know what the header is taken apart into
        _check_framing(found, header_plus)
        _check_host(found, header_plus)
        short = 0 < found.content_length <= SHORT and not found.expect_continue
        if found.body_rcv is None or short:
            return
        self._head = _head_of(found)
        if self.decides.is_upload(self._head, found.query):
            found.adj = copy.copy(found.adj)
            found.adj.max_request_body_size = LONGEST
            if found.chunked:
                found.body_rcv.buf = _Dropping(LONGEST)
            return
        self.refused = self.decides.refusal(self._head, found.content_length)
        if self.refused or found.chunked:
            self._dropping = _Dropping(0 if self.refused else self.decides.most_body)
            found.body_rcv.buf = self._dropping

    def received(self, data: bytes) -> int:
        """Take bytes of the request; how many of them belong to it."""
        consumed = super().received(data)
        found: Any = self
        if found.chunked and not found.completed and (fault := _fault_of_chunks(found.body_rcv)):
            found.error, found.completed = BadRequest(fault), True
        if found.expect_continue and found.headers_finished and (found.error or self.refused):
            found.expect_continue, found.completed, self.closes = False, True, True
        elif (
            found.completed and self._dropping and self._dropping.dropped and not self.refused and self._head
        ):
            self.refused = self.decides.refusal(self._head, self._dropping.received)
        return int(consumed)


def _fault_of_chunks(receiver: Any) -> str:
    """What makes a body in chunks dearer than its bytes; empty where nothing does."""
    if receiver is None:
        return ""
    if len(receiver.control_line) > _LONGEST_CHUNK_LINE:
        return f"expected a line of at most {_LONGEST_CHUNK_LINE} bytes before a chunk, got more"
    if len(receiver.trailer) > _LONGEST_TRAILER:
        return f"expected a trailer of at most {_LONGEST_TRAILER} bytes, got more"
    buffer = receiver.buf
    if buffer.pieces > _FREE_CHUNKS + buffer.received // _LEAST_CHUNK:
        return f"expected chunks of {_LEAST_CHUNK} bytes or more on average, got many that are smaller"
    return ""


class _Dropping(OverflowableBuffer):
    """Keeps the first bytes of a body, and counts the others."""

    def __init__(self, most: int) -> None:
        super().__init__(1 << 19)
        self._most = most
        self.received = 0  # bytes
        self.pieces = 0  # in which they came: a chunk, or a part of one
        self.dropped = False

    def append(self, s: bytes) -> None:
        """Keep what there is room for."""
        kept = s[: max(self._most - self.received, 0)]
        self.received += len(s)
        self.pieces += 1
        self.dropped = self.received > self._most
        if kept:
            super().append(kept)


def whole_request(found: Any) -> Request:
    """The request that waitress has read, as `from_environ` reads it."""
    head = _head_of(found)
    query = dict(parse_qsl(found.query, keep_blank_values=True)) if found.query else {}
    body = found.body_rcv.getbuf().get() if found.body_rcv else b""
    return head._replace(query=query, body=body)


def _head_of(found: Any) -> Request:
    """The request without its body and query."""
    path = "/" + found.path.lstrip("/") if found.path.startswith("/") else found.path
    return Request(
        method=found.command.upper(),
        path=path.encode("latin-1").decode("utf-8", "replace") or "/",
        query={},
        headers={
            name.replace("_", "-").lower(): value
            for name, value in found.headers.items()
            if value or name not in ("CONTENT_TYPE", "CONTENT_LENGTH")
        },
        body=b"",
        request_id=os.urandom(8).hex(),
    )


def _check_framing(found: Any, header: bytes) -> None:
    """Refuse a body whose end one server would see elsewhere than another: with it come smuggled requests."""
    codings = b",".join(_CODING_LINES.findall(header)).lower()
    if found.chunked and "CONTENT_LENGTH" in found.headers:
        raise ParsingError("expected Transfer-Encoding or Content-Length, got both")
    if codings.count(b"chunked") > 1:
        raise ParsingError("expected the coding chunked once, got it twice")
    if codings and found.version != "1.1":
        raise ParsingError("expected no Transfer-Encoding before HTTP/1.1, got one")


def _check_host(found: Any, header: bytes) -> None:
    """Refuse a request that is addressed to no host, to several, or to what is none."""
    lines = len(_HOST_LINES.findall(header))
    if lines > 1 or (lines == 0 and found.version not in ("", "0.9", "1.0")):
        raise ParsingError(f"expected one Host header, got {lines or 'none'}")
    host = found.headers.get("HOST", "")
    if not _HOST.fullmatch(host):
        raise ParsingError(f"expected a Host of a name and a port, got {host[:80]!r}")
    if found.proxy_netloc and found.proxy_netloc.lower() != host.lower():
        raise ParsingError("expected the Host that the target names, got another one")
