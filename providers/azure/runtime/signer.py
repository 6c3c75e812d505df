"""Signed addresses of Blob Storage: a SAS of one blob, signed in the name of the function app's identity.

Blob Storage gives the identity a key that signs for it alone, the account's own keys being off:
https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas. The emulator knows account
keys only: https://learn.microsoft.com/rest/api/storageservices/create-service-sas.
"""

import base64
import hashlib
import hmac
import math
import re
import time
from collections.abc import Callable
from urllib.parse import quote

from ml_core.errors import Unavailable
from ml_core.objects import check_key
from ml_core.ports import SignedDownload, SignedUpload
from providers import http
from providers.attachments import disposition
from providers.azure.runtime.connection import Connection
from providers.azure.runtime.identity import token

OK = 200
_VERSION = "2023-11-03"
_SKEW = 300  # seconds by which the storage's clock may be behind ours
# A key's parts as the storage calls them, and as an address does, in the order in which they are signed.
_KEY_PARTS = {
    "SignedOid": "skoid",
    "SignedTid": "sktid",
    "SignedStart": "skt",
    "SignedExpiry": "ske",
    "SignedService": "sks",
    "SignedVersion": "skv",
}


class BlobSigner:
    """The `Signer` port for a container."""

    def __init__(self, at: Connection, container: str, *, clock: Callable[[], float] = time.time) -> None:
        self._at = at
        self._container = container
        self._clock = clock

    @property
    def below(self) -> str:
        """See `Signer`."""
        return f"{self._at.blob_endpoint}/{self._container}/"

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """An address to PUT the blob to within so many seconds. Raises `Unavailable`."""
        return SignedUpload(self._signed("cw", key, seconds), {"x-ms-blob-type": "BlockBlob"})

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        """An address to GET the blob from as the file `name`. Raises `Unavailable`."""
        return SignedDownload(self._signed("r", key, seconds, disposition(name)), {})

    def _signed(self, permissions: str, key: str, seconds: int, saved_as: str = "") -> str:
        """The address with its SAS.

        Args:
            permissions: `r` to read, `cw` to create and write.
            key: the blob's name.
            seconds: how long it works.
            saved_as: the Content-Disposition to answer with, where there is one.
        """
        check_key(key)
        now = self._clock()
        start, end = _stamp(now - _SKEW), _stamp(math.ceil(now) + seconds)
        secret, signer = self._secret(start, end)
        said = {
            "sp": permissions,
            "st": start,
            "se": end,
            **signer,
            "spr": "https" if self._at.blob_endpoint.startswith("https://") else "",
            "sv": _VERSION,
            "sr": "b",
            "rscd": saved_as,
        }
        resource = f"/blob/{self._at.account}/{self._container}/{key}"
        # Of a delegated key: its six parts, then saoid, suoid and scid; of an account's: the stored policy.
        by = [*signer.values(), "", "", ""] if signer else [""]
        narrowed = ["", said["spr"], _VERSION, "b", "", ""]  # sip, spr, sv, sr, snapshot, encryption scope
        answered = ["", saved_as, "", "", ""]  # rscc, rscd, rsce, rscl, rsct
        to_sign = [permissions, start, end, resource, *by, *narrowed, *answered]
        said["sig"] = _code(secret, "\n".join(to_sign))
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in said.items() if value)
        return f"{self._at.blob_endpoint}/{self._container}/{quote(key)}?{query}"

    def _secret(self, start: str, end: str) -> tuple[bytes, dict[str, str]]:
        """What to sign with, and what an address says of it: nothing of an account's key."""
        if self._at.key is not None:
            return base64.b64decode(self._at.key), {}
        return self._delegated(start, end)

    def _delegated(self, start: str, end: str) -> tuple[bytes, dict[str, str]]:
        """A key by which the identity signs, good for that time. Raises `Unavailable`."""
        headers = {
            "Authorization": f"Bearer {token(self._at.client_id)}",
            "Content-Type": "application/xml",
            "x-ms-version": _VERSION,
        }
        asked = f"<KeyInfo><Start>{start}</Start><Expiry>{end}</Expiry></KeyInfo>".encode()
        url = f"{self._at.blob_endpoint}/?restype=service&comp=userdelegationkey"
        answer = http.call("POST", url, headers, asked)
        if answer.status != OK:
            raise Unavailable(f"Blob Storage gave no key to sign an address with (HTTP {answer.status})")
        found = dict(re.findall(r"<(\w+)>([^<]*)</", answer.body.decode("utf-8", "replace")))
        try:
            return base64.b64decode(found["Value"]), {said: found[part] for part, said in _KEY_PARTS.items()}
        except (KeyError, ValueError) as error:
            raise Unavailable("Blob Storage gave no key to sign an address with") from error


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _code(secret: bytes, text: str) -> str:
    return base64.b64encode(hmac.digest(secret, text.encode(), hashlib.sha256)).decode()
