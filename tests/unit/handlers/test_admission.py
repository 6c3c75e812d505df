"""What the laptop's server decides by a request's header, before its body is read."""

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waitress.adjustments import Adjustments

from handlers.local.admission import Admission, parser_of
from handlers.local.gate import LoopbackGate
from handlers.local.services import folder_services
from handlers.local.uploads import Uploads
from handlers.rest.api import Api
from handlers.services import Services
from handlers.settings import read_settings
from providers.local.runtime.signer import LocalSigner
from tests.unit.handlers.conftest import services_over, serving

MIB = 1 << 20
KEY = "sml_key_of_a_test"
RECORDS = [{"id": "one", "role": "predict", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]
PREDICT = "/v1/models/nobody:predict"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=lambda: RECORDS)


@pytest.fixture
def address(services: Services) -> Iterator[tuple[str, int]]:
    with serving(services) as listening:
        yield listening


def _header(method: str, path: str, *lines: str, host: bool = True) -> bytes:
    named = [f"{method} {path} HTTP/1.1", *(["Host: localhost"] if host else []), *lines]
    return "\r\n".join([*named, "", ""]).encode()


def _all(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def _said(received: bytes) -> tuple[int, Any]:
    header, _, body = received.partition(b"\r\n\r\n")
    return int(header.split()[1]), json.loads(body)


def _asked(address: tuple[str, int], sent: bytes) -> tuple[int, Any]:
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(sent)
        return _said(_all(connection))


ASKING = "Expect: 100-continue"
BEARER = f"Authorization: Bearer {KEY}"
LONG = f"Content-Length: {60 * MIB}"
FAR_TOO_LONG = f"Content-Length: {1 << 40}"


class TestBodies:
    @pytest.mark.parametrize(
        ("sent", "status", "code"),
        [
            (_header("POST", PREDICT, LONG, ASKING), 401, "unauthenticated"),
            (_header("POST", PREDICT, BEARER, LONG, ASKING), 413, "too_large"),
            (_header("POST", PREDICT, BEARER, f"Content-Length: {1 << 40}", ASKING), 413, "too_large"),
            (
                _header("POST", "/v1/models/n:train", BEARER, "Content-Length: 9", ASKING),
                403,
                "forbidden",
            ),
            (_header("POST", "/nowhere", BEARER, "Content-Length: 9", ASKING), 404, "route_not_found"),
            (
                _header("POST", PREDICT, "Transfer-Encoding: chunked", ASKING),
                401,
                "unauthenticated",
            ),
        ],
        ids=["no key", "too long", "far too long", "role", "path", "chunked"],
    )
    def test_whoever_asks_first_is_answered_without_a_body(
        self, address: tuple[str, int], sent: bytes, status: int, code: str
    ) -> None:
        answered, problem = _asked(address, sent)
        assert (answered, problem["code"]) == (status, code)

    def test_an_upload_that_nobody_signed_is_refused_at_once(self, address: tuple[str, int]) -> None:
        sent = _header("PUT", "/uploads/uploads/x/y", "Content-Length: 9", ASKING)
        assert _asked(address, sent)[0] == 403

    def test_whoever_may_send_is_told_to_go_on(self, address: tuple[str, int]) -> None:
        lines = (BEARER, "Content-Length: 2", "Expect: 100-continue", "Connection: close")
        with socket.create_connection(address, timeout=60) as connection:
            connection.sendall(_header("POST", PREDICT, *lines))
            assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"{}")
            assert _said(_all(connection))[0] == 422

    def test_whoever_does_not_ask_is_answered_after_the_body_and_may_go_on(
        self, address: tuple[str, int]
    ) -> None:
        with socket.create_connection(address, timeout=60) as connection:
            connection.sendall(_header("POST", PREDICT, f"Content-Length: {5 * MIB}") + b" " * (5 * MIB))
            connection.sendall(_header("GET", "/v2/health/live", "Connection: close"))
            received = _all(connection)
        assert received.startswith(b"HTTP/1.1 401 ")
        assert b"HTTP/1.1 200 OK" in received

    @pytest.mark.parametrize("length", [4 * MIB, 4 * MIB + 1])
    def test_chunks_are_bounded_as_a_length_is(self, address: tuple[str, int], length: int) -> None:
        header = _header("POST", PREDICT, BEARER, "Transfer-Encoding: chunked", "Connection: close")
        body = b"{}" + b" " * (length - 2)
        pieces = [body[at : at + 100_000] for at in range(0, length, 100_000)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        status, problem = _asked(address, header + chunks + b"0\r\n\r\n")
        if length > 4 * MIB:
            assert (status, problem["code"]) == (413, "too_large")
            assert f"{length:,} bytes" in problem["detail"]
        else:
            assert status == 422


@pytest.mark.parametrize("lines", [(LONG,), ("Transfer-Encoding: chunked",), (BEARER, LONG)])
def test_of_a_refused_body_nothing_is_kept(services: Services, lines: tuple[str, ...]) -> None:
    uploads = Uploads(services, LocalSigner(services.settings.root))
    admission = Admission(Api(services), None, uploads, services.settings.max_body_bytes)
    parser: Any = parser_of(admission)(Adjustments())
    parser.received(_header("POST", PREDICT, *lines))
    for _ in range(20):
        parser.received(b"%x\r\n%s\r\n" % (MIB, b" " * MIB) if parser.chunked else b" " * MIB)
    assert parser.body_bytes_received >= 20 * MIB
    assert parser.get_body_stream().read() == b""
    assert not parser.body_rcv.getbuf().overflowed


DEAR: dict[str, Callable[[int], bytes]] = {
    "chunks of a byte": lambda size: b"1\r\na\r\n" * size,
    "a line before a chunk": lambda size: b"1;" + b"a" * 6 * size,
    "a size of many digits": lambda size: b"0" * 6 * size,
    "a trailer": lambda size: b"0\r\nA: " + b"a" * 6 * size,
    "a trailer of lines": lambda size: b"0\r\n" + b"A: b\r\n" * size,
}


@pytest.mark.parametrize("case", DEAR)
def test_no_more_is_read_of_chunks_that_cost_too_much(services: Services, case: str) -> None:
    """A line and a trailer would be looked through again with every piece of them, 64 MiB long."""
    uploads = Uploads(services, LocalSigner(services.settings.root))
    admission = Admission(Api(services), None, uploads, services.settings.max_body_bytes)
    parser: Any = parser_of(admission)(Adjustments())
    parser.received(_header("POST", PREDICT, BEARER, "Transfer-Encoding: chunked"))
    sent = DEAR[case](1_000_000)
    pieces = (sent[at : at + 8_192] for at in range(0, len(sent), 8_192))
    read = next(count for count, piece in enumerate(pieces, 1) if parser.received(piece) and parser.completed)
    assert (parser.error.code, "expected" in parser.error.body) == (400, True)
    assert read * 8_192 < 25_000


def test_small_chunks_are_taken(address: tuple[str, int]) -> None:
    """Writers of JSON send it value by value."""
    body = json.dumps({"instances": [[number, 1.5] for number in range(1_000)]}).encode()
    chunks = b"".join(b"8\r\n%s\r\n" % body[at : at + 8].ljust(8) for at in range(0, len(body), 8))
    header = _header("POST", PREDICT, BEARER, "Transfer-Encoding: chunked", "Connection: close")
    assert _asked(address, header + chunks + b"0\r\n\r\n")[0] == 404


FRAMING = {
    "no host": _header("GET", "/", host=False),
    "two hosts": _header("GET", "/", "Host: localhost"),
    "two hosts, one in capitals": _header("GET", "/", "HOST: evil.example"),
    "a host with a word for a port": _header("GET", "/", "Host: localhost:http", host=False),
    "two hosts in one": _header("GET", "/", "Host: localhost, evil.example", host=False),
    "a host with a path": _header("GET", "/", "Host: localhost/x", host=False),
    "a host with a user": _header("GET", "/", "Host: a@localhost", host=False),
    "a target elsewhere": _header("GET", "http://evil.example/"),
    "a length and chunks": _header("POST", "/", "Content-Length: 5", "Transfer-Encoding: chunked")
    + b"0\r\n\r\n",
    "chunks and a length": _header("POST", "/", "Transfer-Encoding: chunked", "Content-Length: 5")
    + b"0\r\n\r\n",
    "chunked twice": _header("POST", "/", "Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "two codings": _header("POST", "/", "Transfer-Encoding: chunked", "transfer-encoding: chunked")
    + b"0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: keep-alive\r\n\r\n0\r\n\r\n",
    "two lengths": _header("POST", "/", "Content-Length: 5", "Content-Length: 5") + b"12345",
}


@pytest.mark.parametrize("sent", FRAMING.values(), ids=FRAMING.keys())
def test_what_servers_read_differently_is_refused_and_the_connection_closed(
    address: tuple[str, int], sent: bytes
) -> None:
    status, problem = _asked(address, sent)
    assert (status, problem["code"]) == (400, "malformed_input")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "[::1]:8080", "EXAMPLE.org", "", "a_b.c"])
def test_one_host_is_taken_whatever_it_is(address: tuple[str, int], host: str) -> None:
    assert _asked(address, _header("GET", "/", f"Host: {host}", "Connection: close", host=False))[0] == 200


def test_without_keys_the_port_has_to_be_the_servers(tmp_path: Path) -> None:
    with serving(services_over(tmp_path)) as address:
        right = _header("GET", "/v1/models", f"Host: 127.0.0.1:{address[1]}", "Connection: close", host=False)
        assert _asked(address, right)[0] == 200
        wrong = _header("GET", "/v1/models", "Host: 127.0.0.1:1", "Connection: close", host=False)
        status, problem = _asked(address, wrong)
        assert (status, problem["code"]) == (403, "foreign_origin")


def test_a_host_without_a_port_means_80() -> None:
    gate = LoopbackGate()
    gate.port = 80
    for host in ("localhost", "127.0.0.1", "[::1]", "localhost:80", "localhost:"):
        assert gate.admit({"host": host}, "admin").roles == ("admin",)
