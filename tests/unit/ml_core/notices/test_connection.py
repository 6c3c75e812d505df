"""A notice goes to the address that was checked, by TLS with the host's name, and nowhere else."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import AF_INET, AF_INET6, gaierror
from typing import Any

import pytest

from ml_core.errors import Unavailable
from ml_core.notices import connection
from ml_core.notices.addresses import is_public
from ml_core.notices.hooks import Hook

CERTIFICATE = Path(__file__).with_name("hooks-example-com.pem")
HOST = "hooks.example.com"
BODY = b'{"event": "job.succeeded"}'


class Receiver:
    """A server of HTTPS on this machine that keeps what it is sent, and answers as it was told."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.came.append((self.path, named, body))
                answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.names: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def port(self) -> int:
        return self.server.server_port


@contextmanager
def receiving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Receiver]:
    receiver = Receiver(answer)
    running = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    running.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        running.join()
        receiver.server.server_close()


def answering(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATE))


class Resolver:
    """Says where a name leads; another place each time, where several are given."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        self.asked.append((host, port))
        found = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [(AF_INET6, (each, port, 0, 0)) if ":" in each else (AF_INET, (each, port)) for each in found]


def sent(port: int, find: Resolver, *, local: bool = True, host: str = HOST, **more: Any) -> int:
    """Send to a receiver here: as if loopback were the internet, unless `local` is false."""
    allows = (lambda address: address == "127.0.0.1" or is_public(address)) if local else is_public
    given = {"trust": trusting(), **more}
    return connection.post(
        Hook(host, port, "/ml?x=1"), {"webhook-id": "n1"}, BODY, find=find, allows=allows, **given
    )


def test_it_arrives_with_name_path_and_headers() -> None:
    find = Resolver(["127.0.0.1"])
    with receiving(answering(204)) as receiver:
        assert sent(receiver.port, find) == 204
        ((path, headers, body),) = receiver.came
        assert (path, body) == ("/ml?x=1", BODY)
        assert headers["host"] == f"{HOST}:{receiver.port}"
        assert headers["webhook-id"] == "n1"
        assert receiver.names == [HOST]
        assert find.asked == [(HOST, receiver.port)]


def test_a_name_is_looked_up_once_so_that_another_answer_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_more(*_: Any, **__: Any) -> Any:
        pytest.fail("the name was looked up again")

    find = Resolver(["127.0.0.1"], ["169.254.169.254"])
    with receiving(answering(200)) as receiver:
        monkeypatch.setattr("socket.getaddrinfo", no_more)
        monkeypatch.setattr("socket.create_connection", no_more)
        assert sent(receiver.port, find) == 200
        assert len(find.asked) == 1


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["1.1.1.1", "127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%lo"],
        [],
    ],
)
def test_where_one_address_leads_inside_nothing_is_sent(found: list[str]) -> None:
    with receiving(answering(200)) as receiver:
        with pytest.raises(Unavailable, match="is not on the public internet: nothing was sent") as refused:
            sent(receiver.port, Resolver(found), local=False)
        assert receiver.came == []
        assert receiver.names == []
        assert not any(each in str(refused.value) for each in found)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with receiving(answering(status, location=f"https://{HOST}/elsewhere")) as receiver:
        find = Resolver(["127.0.0.1"])
        assert sent(receiver.port, find) == status
        assert (len(receiver.came), len(find.asked)) == (1, 1)


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with receiving(answering(200)) as receiver:
        assert sent(receiver.port, Resolver(["127.0.0.1"])) == 200


def test_a_certificate_of_another_name_or_of_nobody_is_refused() -> None:
    with receiving(answering(200)) as receiver:
        for more in ({"host": "other.example.com"}, {"trust": ssl.create_default_context()}):
            with pytest.raises(Unavailable, match="its certificate is not valid for that name"):
                sent(receiver.port, Resolver(["127.0.0.1"]), **more)
        assert receiver.came == []


def test_who_answers_slowly_is_left_when_the_time_is_up() -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        """A byte now and then, each before a time-out would end it."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        while not over.wait(0.05):
            try:
                handler.wfile.write(b"y")
            except OSError:
                return

    with receiving(drip) as receiver:
        try:
            with pytest.raises(Unavailable, match="did not answer"):
                sent(receiver.port, Resolver(["127.0.0.1"]), seconds=0.5)
        finally:
            over.set()


def test_an_answer_that_is_none_is_not_repeated() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"secret text of the server\r\n\r\n")

    with receiving(answer) as receiver, pytest.raises(Unavailable) as refused:
        sent(receiver.port, Resolver(["127.0.0.1"]))
    assert "secret" not in str(refused.value)
    assert str(refused.value) == f"the webhook at {HOST}:{receiver.port} did not answer: BadStatusLine"


def test_a_name_that_nobody_knows_and_a_port_that_nobody_hears_are_told() -> None:
    def unknown(_: str, __: int) -> Any:
        raise gaierror(-2, "Name or service not known")

    hook = Hook(HOST, 443, "/")
    with pytest.raises(
        Unavailable, match=r"the webhook at hooks.example.com did not answer: the name is not"
    ):
        connection.post(hook, {}, BODY, find=unknown)
    with receiving(answering(200)) as receiver:
        port = receiver.port
    with pytest.raises(Unavailable, match="did not answer: ConnectionRefusedError"):
        sent(port, Resolver(["127.0.0.1"]))
