# Made of `_async/uploads.py` by `client/generate_sync.py`: change that one.
"""Sends a file to an address that the service signed: straight into the cloud's own storage."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from serverless_ml._sync.runtime import blocking, parts_of
from serverless_ml.references import segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Callable

    from serverless_ml._sync.requests import Requests


def upload_dataset(
    requests: Requests, name: str, file: IO[bytes], seen: Callable[[int, int], None] = lambda *_: None
) -> str:
    """Upload a file as the newest of a dataset; the address that `data.uri` names it by.

    Raises the same as `put`, and as any request.
    """
    signed = requests.post(f"/v1/datasets/{segment(name)}:upload")
    put(requests, signed, file, seen)
    return str(signed["uri"])


def put(
    requests: Requests, signed: dict[str, Any], file: IO[bytes], seen: Callable[[int, int], None]
) -> None:
    """Send a file, with its length, from its beginning with each try.

    Args:
        requests: whose connections are used; its key is not sent.
        signed: the address and the headers that go with it, as the service says them.
        file: what is sent; it can be gone back in.
        seen: told how many bytes of how many were sent.

    Raises:
        NotConnected: the storage did not answer.
        ServiceError: it refused.
    """
    size = blocking(lambda: file.seek(0, os.SEEK_END))
    # Blob Storage demands the first one; to the others it means nothing.
    headers = {"x-ms-blob-type": "BlockBlob", **signed["headers"], "content-length": str(size)}

    def once(_: int) -> None:
        blocking(lambda: file.seek(0))
        requests.put_elsewhere(signed["url"], headers, _counted(file, size, seen))

    requests.repeated(once)


def _counted(file: IO[bytes], size: int, seen: Callable[[int, int], None]) -> Iterator[bytes]:
    sent = 0
    for part in parts_of(file):
        yield part
        sent += len(part)
        seen(sent, size)


def opened(what: str | os.PathLike[str] | bytes) -> IO[bytes]:
    """A file at a path, or of bytes. Raises `OSError`."""
    return io.BytesIO(what) if isinstance(what, bytes) else Path(what).open("rb")
