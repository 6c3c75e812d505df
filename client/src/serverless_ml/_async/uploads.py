"""Sends a file to an address that the service signed: straight into the cloud's own storage."""

from __future__ import annotations

import io
import os
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from serverless_ml import retrying
from serverless_ml._async.runtime import blocking, parts_of, sleep
from serverless_ml.errors import NotConnected, ServiceError
from serverless_ml.references import segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from serverless_ml._async.requests import AsyncRequests

_IN_MEMORY = 32 << 20


async def upload_dataset(
    requests: AsyncRequests, name: str, file: BinaryIO, seen: Callable[[int], None] = lambda _: None
) -> str:
    """Upload a file as the newest of a dataset; the address that `data.uri` names it by.

    Raises the same as `put`, and as any request.
    """
    signed = await requests.post(f"/v1/datasets/{segment(name)}:upload")
    await put(requests, signed, file, seen)
    return str(signed["uri"])


async def put(
    requests: AsyncRequests, signed: dict[str, Any], file: BinaryIO, seen: Callable[[int], None]
) -> None:
    """Send a file, with its length, from its beginning with each try.

    Args:
        requests: whose connections are used; its key is not sent.
        signed: the address and the headers that go with it, as the service says them.
        file: what is sent; it can be gone back in.
        seen: told how many bytes were sent.

    Raises:
        NotConnected: the storage did not answer.
        ServiceError: it refused.
    """
    size = await blocking(lambda: file.seek(0, os.SEEK_END))
    # Blob Storage demands the first one; to the others it means nothing.
    headers = {"x-ms-blob-type": "BlockBlob", **signed["headers"], "content-length": str(size)}
    tried = 0
    while True:
        tried += 1
        await blocking(lambda: file.seek(0))
        try:
            return await requests.foreign(signed["url"], headers, _counted(file, seen))
        except NotConnected:
            wait = retrying.pause(tried, None, random.random)
            if tried > requests.retries or wait is None:
                raise
        except ServiceError as error:
            again = retrying.transient(error.status, error.code, repeatable=True)
            wait = retrying.pause(tried, error.retry_after, random.random) if again else None
            if tried > requests.retries or wait is None:
                raise
        await sleep(wait)


async def _counted(file: BinaryIO, seen: Callable[[int], None]) -> AsyncIterator[bytes]:
    sent = 0
    async for part in parts_of(file):
        yield part
        sent += len(part)
        seen(sent)


def spooled(parts: Iterable[bytes]) -> BinaryIO:
    """A file of what comes part by part: its length is known, and it can be sent twice."""
    file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115  the caller's
    try:
        for part in parts:
            file.write(part)
    except BaseException:
        file.close()
        raise
    return file


def opened(what: str | os.PathLike[str] | bytes) -> BinaryIO:
    """A file at a path, or of bytes. Raises `OSError`."""
    return io.BytesIO(what) if isinstance(what, bytes) else Path(what).open("rb")
