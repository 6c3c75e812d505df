"""Sends requests to the service, and again where that is safe and may help."""

from __future__ import annotations

import json
import logging
import random
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from serverless_ml import retrying
from serverless_ml._async.runtime import sleep
from serverless_ml.connection import LOCAL, WHAT_TO_DO, Connection, travels_open
from serverless_ml.errors import (
    BadConnection,
    InvalidArgument,
    NotConnected,
    ServerlessMLError,
    ServiceError,
    UnencryptedWarning,
    UnexpectedAnswer,
)
from serverless_ml.problems import error_of
from serverless_ml.version import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterator, Mapping

    import httpx

    from serverless_ml._async.runtime import Soon

_CONNECT = 10.0
# What a version answers, and what tells which version that is.
_ASKING = (":predict", ":explain", "/infer", "/schema")
# Connections that are kept for the next request. More than a service on this machine takes at once is no use.
_KEPT, _MOST = 8, 32
_THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")
_ALIVE = {"status": "alive"}
# Seconds: who waits longer than that for another try is told.
_LONG = 3.0
_LOG = logging.getLogger("serverless_ml")


class Reply(NamedTuple):
    """What came back: `tried` says how often the request was sent until it did."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    tried: int = 1

    def json(self) -> Any:
        """The body as JSON. Raises `UnexpectedAnswer`."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise UnexpectedAnswer(
                f"expected JSON of the service, got {self.content[:80]!r}; is its address right?"
            ) from None

    def record(self) -> dict[str, Any]:
        """The body as an object of JSON. Raises `UnexpectedAnswer`."""
        value = self.json()
        if not isinstance(value, dict):
            raise UnexpectedAnswer(f"expected an object of JSON of the service, got {type(value).__name__}")
        return value


class AsyncRequests:
    """Talks to one service.

    The key goes to the service's own address and nowhere else: redirects are not followed, and other
    addresses are asked by `foreign`, which does not know it.

    Args:
        connection: which service, and with which key.
        timeout: the seconds that an answer may keep waiting; connecting has at most 10.
        retries: how often a request is sent again at most.
        transport: what carries requests, in the place of the network.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float | None,
        retries: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        import httpx

        if connection.key is not None and travels_open(connection.url):
            warnings.warn(
                f"the key goes to {connection.url} unencrypted, for everybody on the way to read: expected "
                "an address that begins with https://",
                UnencryptedWarning,
                stacklevel=3,
            )
        self.url = connection.url
        self.retries = retries
        # What was asked since this client changed anything: what answered then knows of the change.
        self._asked: set[str] = set()
        self._connection = connection
        self._looked_for = not connection.found
        connect = _CONNECT if timeout is None else min(_CONNECT, timeout)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=connect),
            limits=httpx.Limits(max_connections=_MOST, max_keepalive_connections=_KEPT),
            headers={"user-agent": USER_AGENT},
            follow_redirects=False,
            transport=transport,
            # A proxy of the environment is for other machines.
            mounts={f"all://{host}": None for host in _THIS_MACHINE},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the service has at a path: an object of JSON."""
        return (await self.send("GET", path, query=query)).record()

    async def post(
        self,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """What the service answers to an object of JSON: another one."""
        return (await self.send("POST", path, body=body, headers=headers, repeatable=repeatable)).record()

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Reply:
        """Send a request with the key; the answer is one that does not refuse.

        Args:
            method: of HTTP.
            path: below the service's address, with a slash before it.
            query: what stands after the path; None and members that are None are left out.
            body: sent as JSON, unless it is None.
            content: sent in its place, as it is.
            headers: beside the client's own.
            repeatable: whether sending it twice does nothing twice.

        Raises:
            NotConnected: nobody answered.
            ServiceError: the service refused.
            UnexpectedAnswer: what answered is not the service.
            InvalidArgument: the path is none.
        """
        await self._look_for()
        sent = {"accept": "application/json", **(headers or {})}
        if body is not None:
            content = encoded(body)
            sent["content-type"] = "application/json"
        asks = path.endswith(_ASKING)
        if asks and path not in self._asked:
            sent["cache-control"] = "no-cache"
        elif method != "GET" and not asks:
            self.forget()
        known = {name: value for name, value in (query or {}).items() if value is not None}
        if not path.startswith("/"):  # it would name another host, which must not get the key
            raise InvalidArgument(f"expected a path such as /v1/models, got {path!r}")
        request = self._http.build_request(
            method, self.url + path, params=known or None, content=content, headers=sent
        )
        reply = await self.repeated(lambda tried: self._once(request, tried), repeatable=repeatable)
        if asks:
            self._asked.add(path)
        return reply

    def forget(self) -> None:
        """Have the next predictions answered by what is there then: something may have changed.

        A service may else go by what it read of a model up to a few seconds ago.
        """
        self._asked.clear()

    async def put_elsewhere(
        self, url: str, headers: Mapping[str, str], content: AsyncIterable[bytes]
    ) -> None:
        """PUT to an address that is not the service's, once and without the key.

        Raises:
            NotConnected: nobody answered.
            ServiceError: it refused. The address, which whoever has it may use, is in no message.
        """
        request = self._http.build_request("PUT", url, headers=headers, content=content)
        with _network(_origin(request)):
            response = await self._http.send(request)
        if not response.is_success:
            raise refusal(response.status_code, response.headers, response.content)

    async def get_elsewhere(
        self, url: str, headers: Mapping[str, str], take: Callable[[bytes], object]
    ) -> None:
        """GET from an address that is not the service's, once and without the key; `take` gets part by part.

        Raises the same as `put_elsewhere`.
        """
        request = self._http.build_request("GET", url, headers=headers)
        with _network(_origin(request)):
            response = await self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    raise refusal(response.status_code, response.headers, await response.aread())
                async for part in response.aiter_bytes():
                    take(part)
            finally:
                await response.aclose()

    async def repeated[Result](
        self, once: Callable[[int], Soon[Result]], *, repeatable: bool = True
    ) -> Result:
        """Do something until it succeeds, or is not worth another try; `once` is told how often it was tried.

        Raises what `once` raises at last.
        """
        tried = 0
        while True:
            tried += 1
            try:
                return await once(tried)
            except (NotConnected, ServiceError) as error:
                error.tried = tried
                wait = None if tried > self.retries else pause_after(error, tried, repeatable=repeatable)
                if wait is None:
                    raise
                told = logging.WARNING if wait > _LONG else logging.DEBUG
                _LOG.log(told, "%s; trying again in %.1f seconds", error, wait)
            await sleep(wait)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        """Put the key in as late as can be, so that no frame of a traceback has it among its variables."""
        if self._connection.key is not None:
            request.headers["authorization"] = self._connection.key.header()
        return request

    async def _once(self, request: httpx.Request, tried: int) -> Reply:
        with _network(self.url):
            response = await self._http.send(request, auth=self._signed)
        if response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED:
            return Reply(response.status_code, response.headers, response.content, tried)
        raise refusal(response.status_code, response.headers, response.content, service=self.url)

    async def _look_for(self) -> None:
        """See that what answers on this machine is a service of ours, where nobody named an address."""
        if self._looked_for:
            return
        try:
            with _network(LOCAL):
                response = await self._http.get(LOCAL + "/")
            ours = Reply(response.status_code, response.headers, response.content).json() == _ALIVE
        except ServerlessMLError:
            ours = False
        if not ours:
            raise BadConnection(f"no service is named, and none answers at {LOCAL}: {WHAT_TO_DO}")
        self._looked_for = True


def pause_after(error: NotConnected | ServiceError, tried: int, *, repeatable: bool) -> float | None:
    """The seconds after which to try again; None where that is not safe, or does not help."""
    if isinstance(error, NotConnected):
        return retrying.pause(tried, None, random.random) if repeatable or error.unsent else None
    if not retrying.transient(error.status, error.code, repeatable=repeatable):
        return None
    return retrying.pause(tried, error.retry_after, random.random)


@contextmanager
def _network(url: str) -> Iterator[None]:
    """What the network says, as `NotConnected`."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise not_connected(error, url) from None


def _origin(request: httpx.Request) -> str:
    """An address without what may be a secret in it."""
    return f"{request.url.scheme}://{request.url.netloc.decode()}"


def unchanged_since(etag: str | None) -> dict[str, str]:
    """The header by which only what still has this etag is changed; none where any will do."""
    return {} if etag is None else {"if-match": f'"{etag}"'}


def encoded(body: object) -> bytes:
    """A body as JSON. Raises `ValueError` for NaN and infinity, which JSON does not have."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def refusal(
    status: int, headers: Mapping[str, str], content: bytes, *, service: str = ""
) -> ServiceError | UnexpectedAnswer:
    """The exception for an answer that is no success; `service` is our address, empty for a storage."""
    if 300 <= status < 400:
        where = headers.get("location", "").partition("?")[0]
        return UnexpectedAnswer(
            f"expected an answer of the service, got a redirect (status {status}) to {where!r}, which is not "
            "followed: give the client the address that the service is at"
        )
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    return error_of(
        status,
        body,
        text="" if body is not None else content[:400].decode("utf-8", "replace"),
        request_id=headers.get("x-request-id"),
        retry_after=retrying.retry_after(headers.get("retry-after"), datetime.now(UTC)),
        service=service,
    )


def not_connected(error: httpx.TransportError, url: str) -> NotConnected:
    """What the network says, as one exception; nothing of the request is in it."""
    import httpx

    unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    what = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        what = "connecting took too long" if unsent else "no answer came in time"
    return NotConnected(f"{url} does not answer: {what}", unsent=unsent)
