"""Signed addresses on the laptop: the server's own, with a signature that only this folder's secret makes."""

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs, quote, urlsplit

from ml_core.ports import SignedUpload, check_key

PATH = "/uploads/"
_SECRET = "~upload-secret"  # noqa: S105 - the name of a file


class LocalSigner:
    """The `UploadSigner` port for a server that keeps its objects in the folder `root`."""

    def __init__(self, root: str, clock: Callable[[], float] = time.time) -> None:
        self._root = os.path.abspath(root)
        self._clock = clock

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """A path of this server to PUT the object to within so many seconds."""
        check_key(key)
        expires = int(self._clock()) + seconds
        signature = self._signature(key, expires)
        return SignedUpload(f"{PATH}{quote(key)}?expires={expires}&signature={signature}", {})

    def allows(self, key: str, query: str) -> bool:
        """Whether a PUT of `key` with this query was signed, and is in time."""
        given = parse_qs(urlsplit(f"?{query}").query)
        expires, signature = given.get("expires", [""])[0], given.get("signature", [""])[0]
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):
            return False
        expected = self._signature(key, int(expires))
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")) and (
            self._clock() < int(expires)
        )

    def _signature(self, key: str, expires: int) -> str:
        return hmac.new(self._secret(), f"PUT\n{key}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        path = os.path.join(self._root, _SECRET)
        with suppress(FileExistsError):
            os.makedirs(self._root, exist_ok=True)
            mine = f"{path}.{os.urandom(8).hex()}"
            if not os.path.exists(path):
                with open(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(os.urandom(32))
                try:
                    os.link(mine, path)  # whole or not at all, and the first one stays
                finally:
                    os.unlink(mine)
        with open(path, "rb") as file:
            return file.read()
