"""Artifacts that were made elsewhere, on their way in: uploaded by a signed address, and registered by a job.

    uploads/{model in lower case}/{upload}.safetensors

An upload is for one model. It may be registered as often as somebody asks, and goes with the first sweep
after `KEPT`.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ml_core.documents import timestamp
from ml_core.errors import InvalidInput, ObjectNotFound, TooLarge, shown
from ml_core.names import PATTERN
from ml_core.objects import ObjectInfo, Opened
from ml_core.ports import ObjectStore, SignedUpload, UploadSigner
from ml_core.registry.registry import Registry

SCHEME = "artifact"
EXPIRY = 3600  # seconds that a signed address works
KEPT = 7 * 86_400.0  # seconds: a job that waits for its trainer is given up after half of it
MOST_BYTES = 384 << 20  # more than a training makes: the vectors of an SVM are 256 MiB at most
URI_PATTERN = f"^{SCHEME}://{PATTERN[1:-1]}/[0-9a-f]{{28}}$"
WHERE = "$.uri"
PREFIX, _ENDING = "uploads/", ".safetensors"
_URI = re.compile(rf"{SCHEME}://([^/]+)/([0-9a-f]{{28}})")


class ArtifactUpload(NamedTuple):
    """An upload that may begin: PUT the artifact to `url` with `headers` before `expires`, register `uri`."""

    model: str
    uri: str
    url: str
    headers: dict[str, str]
    expires: str


class ArtifactUploads:
    """What signs addresses for artifacts of a registry's models."""

    def __init__(
        self, registry: Registry, signer: UploadSigner, clock: Callable[[], float] = time.time
    ) -> None:
        self._registry = registry
        self._signer = signer
        self._clock = clock

    def begin(self, model: str) -> ArtifactUpload:
        """An address to upload an artifact to. Raises `NameTaken`, `Unavailable`."""
        self._registry.check_spelling(model)
        upload = f"{(1 << 48) - 1 - int(self._clock() * 1000):012x}{os.urandom(8).hex()}"
        signed: SignedUpload = self._signer.sign_upload(_key(model, upload), EXPIRY)
        expires = timestamp(self._clock() + EXPIRY)
        return ArtifactUpload(model, f"{SCHEME}://{model}/{upload}", signed.url, signed.headers, expires)


def opened_upload(store: ObjectStore, uri: str) -> Opened:
    """The artifact at an address, for reading.

    Raises `InvalidInput` where nothing was uploaded or it is gone, and `Unavailable`.
    """
    found = _URI.fullmatch(uri)
    try:
        if found is not None:
            return store.opened(_key(*found.groups()))
    except ObjectNotFound:
        pass
    days = KEPT / 86_400
    raise InvalidInput.at(
        WHERE,
        f"nothing was found at {shown(uri)}: PUT the file to the address of :upload first; it is kept for "
        f"{days:g} days",
    )


def check_uri(uri: str, model: str) -> None:
    """Raise `InvalidInput` unless it is the address of an upload for this model."""
    found = _URI.fullmatch(uri)
    if found is None or found[1] != model:
        raise InvalidInput.at(
            WHERE,
            f"expected the uri of an upload for this model, {SCHEME}://{model}/…, got {shown(uri)}; "
            f"POST /v1/models/{model}:upload gives one",
        )


def check_size(size: int) -> None:
    """Raise `TooLarge` for a file of more bytes than a function serves."""
    if size > MOST_BYTES:
        raise TooLarge(f"the artifact has {size:,} bytes; at most {MOST_BYTES:,} are served")


def is_artifact(key: str) -> bool:
    """Whether a key below `uploads/` is an artifact's, and no record of a dataset's upload."""
    return key.endswith(_ENDING) and key.count("/") == 2


def past(listed: Iterable[ObjectInfo], now: float) -> Iterator[str]:
    """The keys, of what is below `uploads/`, of artifacts that were uploaded so long ago that they go."""
    return (each.key for each in listed if is_artifact(each.key) and each.modified < now - KEPT)


def _key(model: str, upload: str) -> str:
    return f"{PREFIX}{model.lower()}/{upload}{_ENDING}"
