"""Takes a version away: its artifact, or the same as ONNX."""

from __future__ import annotations

import hashlib
import io
from http import HTTPStatus
from typing import TYPE_CHECKING

from serverless_ml import artifact_cache
from serverless_ml._async.runtime import blocking
from serverless_ml.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from serverless_ml._async.requests import AsyncRequests

# What an answer of the service may have at most, unless its operator says otherwise.
_PART = 4 << 20


async def artifact(requests: AsyncRequests, version_path: str, *, cached: bool = False) -> bytes:
    """A version's file, by a signed address; its checksum is that which the service says.

    With `cached` one that is on this machine's disk is not fetched again, and one that was fetched is kept.

    Raises `UnexpectedAnswer` for a file that is another one, and whatever a request raises.
    """
    signed = await requests.get(f"{version_path}/artifact")
    expected, size = str(signed["sha256"]), int(signed["size"])
    kept = await blocking(lambda: artifact_cache.find(expected)) if cached else None
    if kept is not None:
        return kept

    async def once(_: int) -> bytes:
        file = io.BytesIO()

        def take(part: bytes) -> None:
            file.write(part)
            if file.tell() > size:
                raise UnexpectedAnswer(f"expected a file of {size:,} bytes, got more")

        await requests.get_elsewhere(signed["url"], signed["headers"], take)
        return file.getvalue()

    content = await requests.repeated(once)
    if hashlib.sha256(content).hexdigest() != expected:
        raise UnexpectedAnswer(
            f"expected a file of {size:,} bytes and the SHA-256 {expected}, got "
            f"{len(content):,} bytes of another one"
        )
    if cached:
        await blocking(lambda: artifact_cache.keep(expected, content))
    return content


async def onnx(requests: AsyncRequests, version_path: str) -> bytes:
    """A version as ONNX, part by part, of one file.

    Raises:
        Conflict: ONNX cannot say it.
        TooLarge: it is too long to come over REST; the message says what to do.
    """
    content, headers = b"", {"accept": "application/octet-stream"}
    while True:
        begin = len(content)
        reply = await requests.send(
            "GET", f"{version_path}/onnx", headers={**headers, "range": f"bytes={begin}-{begin + _PART - 1}"}
        )
        if reply.status != HTTPStatus.PARTIAL_CONTENT:
            return reply.content
        headers["if-range"] = reply.headers["etag"]
        content += reply.content
        whole = reply.headers["content-range"].rpartition("/")[2]
        if len(content) >= int(whole) or not reply.content:
            return content
