"""Signed addresses of Cloud Storage (V4), signed by IAM in the function's own name: it holds no key.

Cloud Storage reads: https://cloud.google.com/storage/docs/access-control/signing-urls-manually
"""

import hashlib
import json
import time
from binascii import b2a_base64, hexlify
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from ml_core.errors import Unavailable
from ml_core.ports import SignedUpload, check_key
from providers import http
from providers.google.runtime import endpoints
from providers.google.runtime.identity import Identity

OK = 200
_ALGORITHM = "GOOG4-RSA-SHA256"

Sign = Callable[[str, bytes], bytes]
"""The RSA-SHA256 signature of bytes by a service account, named by its address."""


class GoogleSigner:
    """The `UploadSigner` port for a bucket.

    The function's service account needs the right to sign for itself: `iam.serviceAccounts.signBlob`, of the
    role Service Account Token Creator, on itself.
    """

    def __init__(
        self, bucket: str, env: Mapping[str, str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._bucket = bucket
        self._storage = endpoints.url("storage", env)
        self._iam = endpoints.url("iamcredentials", env)
        self._identity = Identity(env)
        self._clock = clock

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """An address to PUT the object to within so many seconds. Raises `Unavailable`."""
        check_key(key)
        url = f"{self._storage}/{self._bucket}/{quote(key)}"
        return SignedUpload(signed(url, seconds, self._identity.email(), self._clock(), self._sign), {})

    def _sign(self, account: str, text: bytes) -> bytes:
        """Have IAM sign. Raises `Unavailable`."""
        from binascii import a2b_base64

        url = f"{self._iam}/v1/projects/-/serviceAccounts/{account}:signBlob"
        headers = {"Authorization": f"Bearer {self._identity.token()}", "Content-Type": "application/json"}
        payload = json.dumps({"payload": b2a_base64(text, newline=False).decode()}).encode()
        answer = http.call("POST", url, headers, payload)
        if answer.status != OK:
            raise Unavailable(f"IAM did not sign the address of an upload (HTTP {answer.status})")
        return a2b_base64(json.loads(answer.body)["signedBlob"])


def signed(url: str, seconds: int, account: str, now: float, sign: Sign) -> str:
    """The address with what allows a PUT to it, in the name of `account`, for so many seconds from `now`."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    query = "&".join(
        f"X-Goog-{name}={quote(value, safe='')}"
        for name, value in (
            ("Algorithm", _ALGORITHM),
            ("Credential", f"{account}/{scope}"),
            ("Date", stamp),
            ("Expires", str(seconds)),
            ("SignedHeaders", "host"),
        )
    )
    at = urlsplit(url)
    canonical = f"PUT\n{at.path}\n{query}\nhost:{at.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = sign(account, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode())
    return f"{url}?{query}&X-Goog-Signature={hexlify(signature).decode()}"
