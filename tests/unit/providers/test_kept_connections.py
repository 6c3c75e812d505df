"""Connections that stay open: used again, replaced when the other side closed them, and bounded in time."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ml_core.errors import Unavailable
from providers import kept_connections
from providers.kept_connections import KeptConnections

Handle = Callable[[socket.socket, int, int], None]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\n\r\nok"


class Place:
    """A server that does with each request what it was told; it counts connections and requests."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections, self.requests = 0, 0
        self.ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, place: int) -> None:
        with connection:
            turn = 0
            while _read_request(connection):
                turn += 1
                self.requests += 1
                try:
                    self._handle(connection, place, turn)
                except OSError:
                    return

    def close(self) -> None:
        self.ended.set()
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        try:
            part = connection.recv(65536)
        except OSError:
            return b""
        if not part:
            return b""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return received


@contextmanager
def place(handle: Handle) -> Iterator[Place]:
    running = Place(handle)
    try:
        yield running
    finally:
        running.close()


def answers(connection: socket.socket, _place: int, _turn: int) -> None:
    connection.sendall(ANSWER)


def test_calls_after_one_another_share_a_connection() -> None:
    with place(answers) as there:
        asked = KeptConnections(there.origin, "it", 5)
        found = [asked.post("/x", {}, b"a") for _ in range(5)]
    assert {(each.status, each.body, each.headers["x-one"]) for each in found} == {(200, b"ok", "1")}
    assert (there.connections, there.requests) == (1, 5)


def test_calls_at_the_same_time_have_connections_of_their_own() -> None:
    both = threading.Barrier(4)

    def meet(connection: socket.socket, _place: int, _turn: int) -> None:
        both.wait(10)
        connection.sendall(ANSWER)

    with place(meet) as there:
        asked = KeptConnections(there.origin, "it", 10)
        threads = [threading.Thread(target=asked.post, args=("/", {}, b"")) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(10)
    assert (there.connections, there.requests) == (4, 4)


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    def once(connection: socket.socket, _place: int, turn: int) -> None:
        if turn > 1:
            connection.shutdown(socket.SHUT_RDWR)
            raise OSError
        connection.sendall(ANSWER)

    with place(once) as there:
        asked = KeptConnections(there.origin, "it", 5)
        assert [asked.post("/", {}, b"x").body for _ in range(3)] == [b"ok"] * 3
        assert there.connections == 3


def test_a_new_connection_that_is_closed_is_not_tried_again() -> None:
    def never(connection: socket.socket, _place: int, _turn: int) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        raise OSError

    with place(never) as there:
        with pytest.raises(Unavailable, match="it cannot be reached"):
            KeptConnections(there.origin, "it", 5).post("/", {}, b"x")
        assert there.requests == 1


def test_what_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that was frozen for minutes wakes with connections that nobody knows any more."""
    with place(answers) as there:
        asked = KeptConnections(there.origin, "it", 5)
        asked.post("/", {}, b"x")
        monkeypatch.setattr(kept_connections, "_LONGEST_IDLE", 0.0)
        asked.post("/", {}, b"x")
    assert there.connections == 2


def test_a_connection_that_the_other_side_ends_is_not_kept() -> None:
    def closes(connection: socket.socket, _place: int, _turn: int) -> None:
        connection.sendall(ANSWER.replace(b"X-One: 1", b"Connection: close"))

    with place(closes) as there:
        asked = KeptConnections(there.origin, "it", 5)
        assert [asked.post("/", {}, b"x").status for _ in range(2)] == [200, 200]
    assert there.connections == 2


def silent(_connection: socket.socket, _place: int, _turn: int) -> None:
    """Say nothing."""


def trickle(connection: socket.socket, _place: int, _turn: int) -> None:
    """A byte now and then: each read in time, the whole never."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        threading.Event().wait(0.05)


@pytest.mark.parametrize("handle", [silent, trickle])
def test_what_takes_too_long_is_ended_as_a_time_out(handle: Handle) -> None:
    with place(handle) as there:
        with pytest.raises(Unavailable, match=r"timed out: it did not answer within 0\.4 s"):
            KeptConnections(there.origin, "it", 0.4).post("/", {}, b"x")
        assert there.connections == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "cut off"),
        (b"something else\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b"x" * 9, "longer"),
    ],
)
def test_what_is_no_whole_answer_is_none(sent: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_connections, "_LONGEST_ANSWER", 8)

    def says(connection: socket.socket, _place: int, _turn: int) -> None:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_RDWR)

    with place(says) as there, pytest.raises(Unavailable, match=said):
        KeptConnections(there.origin, "it", 5).post("/", {}, b"x")


def test_nobody_who_listens_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="it cannot be reached"):
        KeptConnections(f"http://127.0.0.1:{port}", "it", 5).post("/", {}, b"x")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    def elsewhere(connection: socket.socket, _place: int, _turn: int) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")

    with place(elsewhere) as there:
        assert KeptConnections(there.origin, "it", 5).post("/", {}, b"x").status == 302
        assert there.requests == 1
