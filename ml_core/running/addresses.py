"""Signed addresses of artifacts: which are asked at all, and which this service has made.

An address is the only thing that a caller proves itself by. It has to begin with this store's, and the
storage has to answer under it with the name that only who may sign for this store can have asked for
(`<sha256>.run`, which is under the signature). Nothing of an address is logged, nor told in an error.
"""

import http.client
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from urllib.parse import urlsplit

from ml_core.digests import sha256 as digest_of
from ml_core.errors import NotConfigured
from ml_core.graphs.call import ADDRESS, DAMAGED, UNREACHABLE, GraphCall, GraphFailure

LARGEST_ARTIFACT = 160 << 20
# How long an address that the storage has answered is good without asking it again.
VERIFIED_SECONDS = 300.0
_MOST_VERIFIED = 1000
_LONGEST_ADDRESS = 8192
# Headers that a signature may ask for, beside none, which is what today's ask for.
_HEADERS = frozenset({"x-amz-request-payer", "x-goog-user-project", "x-ms-version"})
_PLACE = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/(?:[A-Za-z0-9._~-]+/)+")
# A name without a slash, a percent sign or two dots; and whatever a query is quoted to.
_KEY_AND_QUERY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9._-]{0,255}\?[A-Za-z0-9._~%&=+:/;,@!*()-]+")
_HEADER = re.compile(r"[A-Za-z0-9._-]{1,100}")
_CHUNK = 1 << 20
_SECONDS = 10.0  # for connecting, and for each read
_TRIES = 2
_OK, _PART = 200, 206
_PASSING = (408, 429, 500, 502, 503, 504)


class ArtifactDownload:
    """An artifact whose storage has begun to answer; leaving the `with` ends the connection."""

    def __init__(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, size: int
    ) -> None:
        self._connection = connection
        self._response = response
        self._size = size

    def __enter__(self) -> "ArtifactDownload":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def read(self, left: Callable[[], float]) -> bytearray:
        """All of it, within the seconds that `left` tells.

        Raises `GraphFailure`: DAMAGED where there is more or less of it than the call says, and UNREACHABLE.
        """
        content = bytearray()
        try:
            while part := self._response.read(_CHUNK):
                content += part
                left()
                if len(content) > self._size:
                    raise _not_its_size()
        except (OSError, http.client.HTTPException):
            raise _unreachable() from None
        if self._response.length:  # of what was announced there is something missing
            raise _unreachable()
        if len(content) != self._size:
            raise _not_its_size()
        return content


class ArtifactAddresses:
    """The addresses of this store's artifacts.

    Args:
        place: what each of them begins with, such as `https://bucket.s3.eu-central-1.amazonaws.com/artifacts/`.
        clock: seconds since the epoch. It goes on while the platform has this process stand still.

    Raises `NotConfigured` for a place that is none.
    """

    def __init__(self, place: str, *, clock: Callable[[], float] = time.time) -> None:
        if not _PLACE.fullmatch(place) or "/../" in place or "/./" in place:
            raise NotConfigured(
                "expected ML_ARTIFACTS to be what the addresses of all artifacts begin with, up to a slash, "
                f"got {place[:60]!r}"
            )
        parts = urlsplit(place)
        self._place, self._path = place, parts.path
        self._is_plain, self._host, self._port = parts.scheme == "http", parts.hostname or "", parts.port
        self._clock = clock
        self._verified: dict[str, float] = {}
        self._changing = threading.Lock()

    def is_verified(self, call: GraphCall) -> bool:
        """Whether the storage has answered this address as this service's a short time ago."""
        then = self._verified.get(_mark(call))
        return then is not None and 0 <= self._clock() - then < VERIFIED_SECONDS

    def verify(self, call: GraphCall) -> None:
        """Ask the storage for a byte, unless the address is verified already. Raises `GraphFailure`."""
        if not self.is_verified(call):
            with self._answered(call, {"range": "bytes=0-0"}):
                pass

    def opened(self, call: GraphCall) -> ArtifactDownload:
        """The artifact, of which nothing is read yet. Raises `GraphFailure`."""
        if not 0 < call.size <= LARGEST_ARTIFACT:
            raise GraphFailure(
                DAMAGED,
                f"expected an artifact of at most {LARGEST_ARTIFACT >> 20} MiB, got {call.size} bytes",
            )
        return self._answered(call, {})

    def _answered(self, call: GraphCall, more: Mapping[str, str]) -> ArtifactDownload:
        """What the storage answers, with the name that says who has signed."""
        target = self._target(call)
        headers = {**_allowed(call.headers), **more, "accept-encoding": "identity"}
        for attempt in range(1, _TRIES + 1):
            connection = self._connection()
            try:
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException):
                connection.close()
                if attempt == _TRIES:
                    raise _unreachable() from None
                continue
            if response.status in _PASSING and attempt < _TRIES:
                connection.close()
                continue
            break
        download = ArtifactDownload(connection, response, call.size)
        try:
            self._check(call, response)
        except GraphFailure:
            connection.close()
            raise
        return download

    def _check(self, call: GraphCall, response: http.client.HTTPResponse) -> None:
        if response.status in _PASSING:
            raise _unreachable()
        if response.status not in (_OK, _PART):
            raise GraphFailure(ADDRESS, "the storage refuses the address of the artifact, or has none there")
        if response.getheader("content-disposition") != f'attachment; filename="{call.sha256}.run"':
            raise GraphFailure(ADDRESS, "the address was not signed for running this artifact")
        with self._changing:
            mark = _mark(call)
            self._verified.pop(mark, None)
            if len(self._verified) >= _MOST_VERIFIED:
                del self._verified[next(iter(self._verified))]  # the oldest
            self._verified[mark] = self._clock()

    def _target(self, call: GraphCall) -> str:
        """What to ask the store's host for. Raises `GraphFailure` where the address is not the store's."""
        rest = call.url.removeprefix(self._place)
        if (
            not call.url.startswith(self._place)
            or len(call.url) > _LONGEST_ADDRESS
            or not _KEY_AND_QUERY.fullmatch(rest)
        ):
            raise GraphFailure(ADDRESS, "expected an address of an artifact in this service's store")
        return self._path + rest

    def _connection(self) -> http.client.HTTPConnection:
        if self._is_plain:
            return http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=_SECONDS, context=ssl.create_default_context()
        )


def _allowed(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a signature asks for. Raises `GraphFailure` for any that none does."""
    for name, value in headers.items():
        if name.lower() not in _HEADERS or not _HEADER.fullmatch(value):
            raise GraphFailure(ADDRESS, f"expected headers among {', '.join(sorted(_HEADERS))}, got another")
    return {name.lower(): value for name, value in headers.items()}


def _mark(call: GraphCall) -> str:
    """What an address is remembered by: it cannot be read out of it."""
    headers = sorted((name.lower(), value) for name, value in call.headers.items())
    return digest_of(repr((call.sha256, call.url, headers)).encode())


def _unreachable() -> GraphFailure:
    return GraphFailure(UNREACHABLE, "the storage did not answer with the artifact")


def _not_its_size() -> GraphFailure:
    return GraphFailure(DAMAGED, "the artifact is not as long as it should be")
