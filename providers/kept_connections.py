"""HTTP connections to one place that stay open from call to call: a function asks another one with them."""

from __future__ import annotations

from ml_core.errors import Unavailable

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from http.client import HTTPConnection

    from providers.http import Answer

_MOST_KEPT = 16
# What nobody used for so long may be closed on the other side, or forgotten on the way without a word.
_LONGEST_IDLE = 20.0
_LONGEST_ANSWER = 16 << 20


class KeptConnections:
    """POST requests that may be repeated, to `origin` (`https://host[:port]`), from any number of threads.

    Args:
        origin: scheme and host, without a path.
        what: who is asked, in messages.
        seconds: how long one request may take, connecting included.
        trust: the certificates that are tried first; then, or without it, those of the system.
    """

    def __init__(
        self,
        origin: str,
        what: str,
        seconds: float,
        trust: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        scheme, _, self._host = origin.partition("://")
        self._encrypted = scheme == "https"
        self._what, self._seconds = what, seconds
        self._trust = trust
        self._context: ssl.SSLContext | None = None
        self._idle: list[tuple[float, HTTPConnection]] = []

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request; no redirect is followed.

        A connection that was closed while nobody used it is replaced by a new one, once. Raises `Unavailable`
        where nobody answers in time.
        """
        from http.client import HTTPException
        from time import monotonic

        until = monotonic() + self._seconds
        for connection, is_new in self._connections():
            try:
                return self._exchange(connection, target, headers, body, until)
            except TimeoutError:
                connection.close()
                raise Unavailable(
                    f"timed out: {self._what} did not answer within {self._seconds:g} s"
                ) from None
            except (OSError, HTTPException) as error:
                connection.close()
                if is_new and self._trust and type(error).__name__ == "SSLCertVerificationError":
                    # Nothing was sent. A proxy of the account's own, or another partition.
                    self._trust = self._context = None
                    return self.post(target, headers, body)
                if is_new:
                    said = str(error) or type(error).__name__
                    raise Unavailable(f"{self._what} cannot be reached: {said}") from None
        raise AssertionError  # a new connection returns or raises

    def _connections(self) -> list[tuple[HTTPConnection, bool]]:
        """One that was kept, if there is any, and a new one; and whether it is new."""
        from http.client import HTTPConnection, HTTPSConnection
        from time import time  # which goes on while an instance is frozen

        fresh: HTTPConnection
        if self._encrypted:
            if self._context is None and self._trust is not None:
                self._context = self._trust()
            fresh = HTTPSConnection(self._host, context=self._context)
        else:
            fresh = HTTPConnection(self._host)
        while True:
            try:
                since, kept = self._idle.pop()
            except IndexError:
                return [(fresh, True)]
            if 0 <= time() - since < _LONGEST_IDLE:
                return [(kept, False), (fresh, True)]
            kept.close()

    def _exchange(
        self, connection: HTTPConnection, target: str, headers: Mapping[str, str], body: bytes, until: float
    ) -> Answer:
        from providers.http import Answer

        connection.timeout = _left(until)
        if connection.sock is None:
            connection.connect()
        socket = connection.sock
        socket.settimeout(_left(until))
        connection.request("POST", target, body, dict(headers))
        socket.settimeout(_left(until))
        response = connection.getresponse()
        received = bytearray()
        # One read of the socket at a time, each with what is left: a trickle does not prolong it.
        while not response.isclosed():
            socket.settimeout(_left(until))
            received += response.read1(1 << 16)
            if len(received) > _LONGEST_ANSWER:
                raise ConnectionError(f"its answer is longer than {_LONGEST_ANSWER >> 20} MiB")
        if response.length:
            raise ConnectionError("its answer was cut off")
        found = {name.lower(): value for name, value in response.getheaders()}
        self._keep(connection)
        return Answer(response.status, found, bytes(received))

    def _keep(self, connection: HTTPConnection) -> None:
        from time import time

        if connection.sock is None or len(self._idle) >= _MOST_KEPT:
            connection.close()  # the other side wants it so, or there are enough
        else:
            self._idle.append((time(), connection))


def _left(until: float) -> float:
    """Seconds until then. Raises TimeoutError when there are none."""
    from time import monotonic

    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
