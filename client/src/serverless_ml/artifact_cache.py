"""Artifacts that were loaded once, on this machine's disk: a version never changes, so one fetch is enough.

A file is called by its SHA-256 and is checked by it when it is read, so one that was changed or is not whole
is fetched anew. Which file a version has is asked of the service each time: whoever may not load it there
gets nothing from here by asking.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1 << 30
_ENDING = ".safetensors"
_CHECKSUM = re.compile("[0-9a-f]{64}")


def folder() -> Path:
    """Where they are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("serverless-ml", appauthor=False) / "artifacts"


def _path(sha256: str) -> Path | None:
    """Where an artifact is kept; None for what is no checksum: it was somebody else who said it."""
    return folder() / f"{sha256}{_ENDING}" if _CHECKSUM.fullmatch(sha256) else None


def find(sha256: str) -> bytes | None:
    """The artifact of a checksum; None where it is not kept, or not whole."""
    path = _path(sha256)
    if path is None:
        return None
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            path.unlink()
            return None
    except OSError:
        return None
    with suppress(OSError):
        os.utime(path)  # the longest unused goes first
    return content


def keep(sha256: str, content: bytes) -> None:
    """Keep an artifact, whole or not at all. Where that cannot be, as on a full disk, it is fetched again."""
    path = _path(sha256)
    if path is None:
        return
    with suppress(OSError):
        # An artifact may hold rows that it was trained on: nobody else's to read.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(part, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
        _bound(path.parent, but=path.name)


def _bound(place: Path, *, but: str) -> None:
    """Remove what was unused longest until the rest is `MOST_BYTES` at most; what was just kept stays."""
    found = sorted(
        (
            (entry.stat().st_mtime, entry.stat().st_size, entry.path)
            for entry in os.scandir(place)
            if entry.name != but
        ),
        reverse=True,
    )
    left = MOST_BYTES
    for _, size, path in found:
        left -= size
        if left < 0:
            with suppress(FileNotFoundError):
                os.unlink(path)
