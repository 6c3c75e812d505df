"""Signed addresses on the laptop: the server's own, with a signature that only this folder's secret makes."""

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs, quote, urlsplit

from ml_core.objects import check_key
from ml_core.ports import SignedDownload, SignedUpload
from providers.attachments import PARAMETER, disposition

UPLOADS, DOWNLOADS = "/uploads/", "/downloads/"
_SECRET = "~upload-secret"  # noqa: S105 - the name of a file


class LocalSigner:
    """The `Signer` port for a server that keeps its objects in the folder `root`.

    `base` is what comes before each of its addresses where a proxy is before the server; nothing signs it.
    """

    def __init__(self, root: str, clock: Callable[[], float] = time.time, base: str = "") -> None:
        self._root = os.path.abspath(root)
        self._base = base
        self._clock = clock

    @property
    def below(self) -> str:
        """See `Signer`."""
        return "/"

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """A path of this server to PUT the object to within so many seconds."""
        return SignedUpload(self._signed("PUT", UPLOADS, key, seconds), {})

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        """A path of this server to GET the object from, as the file `name`, within so many seconds."""
        return SignedDownload(self._signed("GET", DOWNLOADS, key, seconds, disposition(name)), {})

    def allows(self, method: str, key: str, query: str) -> bool:
        """Whether the method was signed of `key` with this query, and is in time."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(f"?{query}").query).items()}
        expires = given.get("expires", "")
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):
            return False
        expected = self._signature(method, key, int(expires), given.get(PARAMETER, ""))
        signature = given.get("signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(expected.encode(), signature) and self._clock() < int(expires)

    def _signed(self, method: str, path: str, key: str, seconds: int, saved_as: str = "") -> str:
        check_key(key)
        expires = int(self._clock()) + seconds
        signature = self._signature(method, key, expires, saved_as)
        more = f"{PARAMETER}={quote(saved_as, safe='')}&" if saved_as else ""
        return f"{self._base}{path}{quote(key)}?{more}expires={expires}&signature={signature}"

    def _signature(self, method: str, key: str, expires: int, saved_as: str) -> str:
        text = f"{method}\n{key}\n{expires}\n{saved_as}"
        return hmac.new(self._secret(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

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
