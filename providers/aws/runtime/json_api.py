"""Calls to AWS's JSON APIs from inside a function, where boto3 would cost more than the whole prediction.

Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
over a socket, for small POST requests: importing `http.client` would double what TLS costs a cold start.
Credentials and region are those of Lambda's environment.
"""

from __future__ import annotations

import time

from ml_core import json_text
from ml_core.digests import hmac_sha256, sha256
from ml_core.errors import Unavailable
from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Any

ALGORITHM = "AWS4-HMAC-SHA256"
_ATTEMPTS = 3
_TIMEOUT = 3.0  # seconds for connecting, and for each read
_LONGEST_ANSWER = 1 << 20
_OK, _SERVERS_FAULT = 200, 500
# https://www.amazontrust.com/repository/ has them; a test compares their fingerprints.
_ROOTS = __file__.rpartition("json_api")[0] + "amazon_roots.pem"

# Codes with status 400 that are gone a moment later.
_THROTTLES = frozenset(
    {"ThrottlingException", "Throttling", "RequestThrottled", "TooManyUpdates", "RequestLimitExceeded"}
)


class JsonService(Record):
    """One of AWS's services: its name in hosts and signatures, its target's prefix, its version of JSON."""

    name: str
    target: str
    json_version: str


SSM = JsonService("ssm", "AmazonSSM", "1.1")
SQS = JsonService("sqs", "AmazonSQS", "1.0")


class ServiceError(Unavailable):
    """The service answered with an error of its own; `service_code` is its name for it."""

    def __init__(self, service: JsonService, operation: str, service_code: str) -> None:
        super().__init__(f"AWS refused {service.name} {operation}: {service_code}")
        self.service_code = service_code


def call(
    service: JsonService,
    operation: str,
    parameters: dict[str, Any],
    env: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """The answer of `operation`.

    A failed connection, a server's error and throttling are tried three times, with jittered pauses.

    Raises:
        ServiceError: the service refused.
        Unavailable: the service did not answer.
    """
    body = json_text.dumps(parameters).encode()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _once(service, operation, body, env)
        except _Passing as error:
            if attempt == _ATTEMPTS:
                raise error.lasting from error
            sleep(_pause(attempt))
    raise AssertionError  # the last attempt returns or raises


class _Passing(Exception):
    """May be gone at the next attempt; `lasting` is what to raise if it is not."""

    def __init__(self, lasting: Unavailable) -> None:
        self.lasting = lasting


def _once(service: JsonService, operation: str, body: bytes, env: Mapping[str, str]) -> dict[str, Any]:
    scheme, _, host = endpoint(service, env).rstrip("/").partition("://")
    headers = {
        "content-type": f"application/x-amz-json-{service.json_version}",
        "host": host,
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "x-amz-target": f"{service.target}.{operation}",
    }
    sent = {
        **signed(headers, body, service.name, env),
        "content-length": str(len(body)),
        "connection": "close",
    }
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    try:
        status, answer = _read_answer(_exchange(scheme, host, "\r\n".join(lines).encode() + body))
        document = json_text.loads(answer or b"{}")
    except (OSError, ValueError, IndexError) as error:
        raise _Passing(Unavailable(f"AWS did not answer {service.name} {operation}")) from error
    if status == _OK:
        return dict(document)
    refusal = ServiceError(service, operation, _code(document))
    if status >= _SERVERS_FAULT or refusal.service_code in _THROTTLES:
        raise _Passing(refusal)
    raise refusal


def _exchange(scheme: str, host: str, request: bytes) -> bytes:
    """Send a request on a connection of its own, and read until the other side closes it."""
    name, _, port = host.partition(":")
    if scheme == "http":
        return _talk(name, int(port or 80), request, None)
    import ssl

    try:
        return _talk(name, int(port or 443), request, amazons_roots())
    except ssl.SSLCertVerificationError:
        # Nothing was sent. A proxy of the account's own, or another partition: the system may know it.
        return _talk(name, int(port or 443), request, ssl.create_default_context())


def amazons_roots() -> ssl.SSLContext:
    """The five roots that certify AWS's endpoints. To read all of a system's costs five bare Pythons."""
    import ssl

    amazons = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    amazons.load_verify_locations(_ROOTS)
    return amazons


def _talk(name: str, port: int, request: bytes, trust: ssl.SSLContext | None) -> bytes:
    import socket

    host = name.encode("ascii")  # as text it would be encoded for IDNA, whose tables cost half a bare Python
    plain = socket.create_connection((host, port), timeout=_TIMEOUT)  # type: ignore[arg-type]
    with trust.wrap_socket(plain, server_hostname=host) if trust else plain as connection:
        connection.sendall(request)
        received = bytearray()
        while (part := connection.recv(65536)) and len(received) < _LONGEST_ANSWER:
            received += part
        return bytes(received)


def _read_answer(received: bytes) -> tuple[int, bytes]:
    """Status and body. Raises ValueError or IndexError for what is no whole HTTP answer."""
    head, end, body = received.partition(b"\r\n\r\n")
    first, *rest = head.split(b"\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in rest)
    }
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = _joined(body)
    elif not end or len(body) != int(headers.get(b"content-length", len(body))):
        raise ValueError("the answer was cut off")
    return int(first.split(b" ", 2)[1]), body


def _joined(chunked: bytes) -> bytes:
    """The content of chunks: each its length in hexadecimal, itself, and an empty one at the end."""
    content = bytearray()
    while True:
        line, _, chunked = chunked.partition(b"\r\n")
        length = int(line.split(b";")[0], 16)
        if not length:
            return bytes(content)
        content += chunked[:length]
        if chunked[length : length + 2] != b"\r\n":
            raise ValueError("the answer was cut off")
        chunked = chunked[length + 2 :]


def endpoint(service: JsonService, env: Mapping[str, str]) -> str:
    """The service's address: AWS's own for the region, or what the environment names, as for every SDK."""
    own = env.get(f"AWS_ENDPOINT_URL_{service.name.upper()}") or env.get("AWS_ENDPOINT_URL")
    if own:
        return own
    region = _region(env)
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service.name}.{region}.{suffix}"


def signed(
    headers: dict[str, str], body: bytes, service: str, env: Mapping[str, str], *, path: str = "/"
) -> dict[str, str]:
    """The headers, and with them the authorization of a POST of `body` to `path`.

    Args:
        headers: lower-case names; `x-amz-date` among them says when. All are signed.
        body: the request's.
        service: the name of the service in the credential's scope.
        env: holds AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, the region, and AWS_SESSION_TOKEN for a role.
        path: as it is sent; what is percent-encoded in it has to be encoded once more here.
    """
    headers = dict(headers)
    if env.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = env["AWS_SESSION_TOKEN"]
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join(["POST", path, "", *lines, "", names, sha256(body)])

    when = headers["x-amz-date"]
    code = signature(canonical, when, service, env)
    who = credential(when, service, env)
    headers["authorization"] = f"{ALGORITHM} Credential={who}, SignedHeaders={names}, Signature={code}"
    return headers


def credential(when: str, service: str, env: Mapping[str, str]) -> str:
    """Who signs, and for what: the access key, and the day, region and service that it is good for."""
    return "/".join([_setting(env, "AWS_ACCESS_KEY_ID"), *_scope(when, service, env)])


def signature(canonical: str, when: str, service: str, env: Mapping[str, str]) -> str:
    """The signature of a canonical request at `when` (`20261123T185901Z`). Raises `Unavailable`."""
    scope = _scope(when, service, env)
    to_sign = "\n".join([ALGORITHM, when, "/".join(scope), sha256(canonical.encode())])
    key = f"AWS4{_setting(env, 'AWS_SECRET_ACCESS_KEY')}".encode()
    for part in scope:
        key = hmac_sha256(key, part.encode())
    return hmac_sha256(key, to_sign.encode()).hex()


def _scope(when: str, service: str, env: Mapping[str, str]) -> list[str]:
    return [when[:8], _region(env), service, "aws4_request"]


def _region(env: Mapping[str, str]) -> str:
    return env.get("AWS_REGION") or _setting(env, "AWS_DEFAULT_REGION")


def _setting(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise Unavailable(f"{name} is not set, so AWS cannot be called")
    return env[name]


def _code(document: object) -> str:
    """The error's name: `{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}` says it after the #."""
    said = str(document.get("__type") or document.get("code") or "") if isinstance(document, dict) else ""
    return said.rpartition("#")[2] or "an error without a name"


def _pause(attempt: int) -> float:
    """Seconds before the next attempt: a random part of 0.2, then 0.4."""
    from os import urandom

    return 0.1 * (1 << attempt) * urandom(1)[0] / 255
