"""Artifacts that were loaded once, on this machine's disk: a version never changes, so one fetch is enough.

A file is called by its SHA-256 and is checked by it when it is read, so one that was changed or is not whole
is fetched anew. Which file a version has is asked of the service each time: whoever may not load it there
gets nothing from here by asking.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 1 << 30
_ENDING = ".safetensors"


def folder() -> Path:
    """Where they are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("serverless-ml", appauthor=False) / "artifacts"


def find(sha256: str) -> bytes | None:
    """The artifact of a checksum; None where it is not kept, or not whole."""
    path = folder() / f"{sha256}{_ENDING}"
    try:
        content = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # one that cannot be changed is as good
        if hashlib.sha256(content).hexdigest() != sha256:
            path.unlink()
            return None
        os.utime(path)  # the longest unused goes first
        return content
    return None if hashlib.sha256(content).hexdigest() != sha256 else content


def keep(sha256: str, content: bytes) -> None:
    """Keep an artifact, whole or not at all. Where that cannot be, as on a full disk, it is fetched again."""
    with suppress(OSError):
        place = folder()
        # An artifact may hold rows that it was trained on: nobody else's to read.
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=place)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(part, place / f"{sha256}{_ENDING}")
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
        _bound(place, but=f"{sha256}{_ENDING}")


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
