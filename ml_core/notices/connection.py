"""One POST to a webhook: to the very address that was checked, by TLS with the name's certificate.

The name is resolved once. Every address that it has must be public, or nothing is sent; the connection goes
to the first of them and no name is looked up again, so that a resolver which answers otherwise a moment later
changes nothing. Redirects are not followed, no proxy is asked, and of the answer only the status is told.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from ml_core.errors import Unavailable
from ml_core.notices.addresses import is_public
from ml_core.notices.hooks import Hook

type Resolve = Callable[[str, int], list[tuple[int, tuple[Any, ...]]]]

SECONDS = 10.0  # for all of it


def resolve(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    """The addresses of a name, each with its family. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [(family, address) for family, _, _, _, address in found]


def post(
    hook: Hook,
    headers: dict[str, str],
    body: bytes,
    *,
    seconds: float = SECONDS,
    find: Resolve = resolve,
    allows: Callable[[str], bool] = is_public,
    trust: ssl.SSLContext | None = None,
) -> int:
    """Send a body to a webhook; the status of the answer.

    Args:
        hook: where to.
        headers: beside those that HTTP needs.
        body: in JSON.
        seconds: for connecting, sending and the answer's status together.
        find: resolves names.
        allows: says of an address whether a connection may go there.
        trust: which certificates are trusted; by default those of the system's roots.

    Raises:
        Unavailable: nothing was sent, or no answer came. The message names the host, and no address.
    """
    try:
        found = find(hook.host, hook.port)
        if not found or not all(allows(str(address[0])) for _, address in found):
            raise Unavailable(
                f"the webhook at {hook.authority} is not on the public internet: nothing was sent"
            )
        family, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as raw, _Deadline(raw, seconds) as deadline:
            raw.settimeout(seconds)
            raw.connect(address)
            with (trust or ssl.create_default_context()).wrap_socket(
                raw, server_hostname=hook.host
            ) as secured:
                status = _status(hook, secured, headers, body)
                deadline.check()
                return status
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unavailable(f"the webhook at {hook.authority} did not answer: {_kind(error)}") from error


def _status(hook: Hook, secured: ssl.SSLSocket, headers: dict[str, str], body: bytes) -> int:
    """Send the request over a connection that is there; the status of the answer."""
    connection = http.client.HTTPConnection(hook.host, hook.port)
    connection.sock = secured  # it is connected: no name is looked up
    connection.request("POST", hook.path, body, {**headers, "Host": hook.authority})
    return connection.getresponse().status


class _Deadline:
    """Ends a connection when its time is up: a time-out alone is extended by each byte that comes."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        # A socket of its own, of the same connection: TLS takes the other one's descriptor.
        self._connection = connected.dup()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._is_over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()

    def check(self) -> None:
        """Raise `TimeoutError` where it ended the connection: what was read is cut."""
        if self._is_over:
            raise TimeoutError

    def _end(self) -> None:
        self._is_over = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


def _kind(error: Exception) -> str:
    """What happened, in words that quote nothing of the answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid for that name"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "the name is not known"
    return type(error).__name__
