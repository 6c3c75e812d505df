"""A version's artifact, to be taken away: read past the service by a signed address, of it alone."""

import time
from collections.abc import Callable
from typing import NamedTuple

from ml_core.documents import timestamp
from ml_core.ports import DownloadSigner, SignedDownload
from ml_core.registry.registry import Registry, artifact_key

EXPIRY = 900  # seconds that a signed address works


class Download(NamedTuple):
    """A file to GET from `url` with `headers` before `expires`: `size` bytes, whose digest is `sha256`."""

    url: str
    headers: dict[str, str]
    expires: str
    sha256: str
    size: int


class Artifacts:
    """The artifacts of a registry's versions."""

    def __init__(
        self, registry: Registry, signer: DownloadSigner, clock: Callable[[], float] = time.time
    ) -> None:
        self._registry = registry
        self._signer = signer
        self._clock = clock

    def download(self, name: str, version: int) -> Download:
        """An address to read a version's artifact from, as the file `{name}-{version}.safetensors`.

        Whoever has it may read the artifact until it expires, also of a version that is deleted meanwhile.
        Raises `ModelNotFound`, `VersionNotFound`, `Unavailable`.
        """
        found = self._registry.model(name).pick(version)
        expires = timestamp(self._clock() + EXPIRY)
        saved_as = f"{name}-{version}.safetensors"
        signed: SignedDownload = self._signer.sign_download(artifact_key(found.job), saved_as, EXPIRY)
        return Download(signed.url, signed.headers, expires, found.sha256, found.size)
