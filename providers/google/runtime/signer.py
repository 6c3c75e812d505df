"""Signed addresses of Cloud Storage (V4), signed by IAM in the function's own name: it holds no key.

Cloud Storage reads: https://cloud.google.com/storage/docs/access-control/signing-urls-manually
"""

import hashlib
import json
import time
from binascii import b2a_base64, hexlify
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from ml_core.errors import Unavailable
from ml_core.objects import check_key
from ml_core.ports import SignedDownload, SignedUpload
from providers import http
from providers.attachments import PARAMETER, disposition
from providers.google.runtime import endpoints
from providers.google.runtime.identity import Identity

OK = 200
_ALGORITHM = "GOOG4-RSA-SHA256"

Sign = Callable[[str, bytes], bytes]
"""The RSA-SHA256 signature of bytes by a service account, named by its address."""


class GoogleSigner:
    """The `Signer` port for a bucket.

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

    @property
    def below(self) -> str:
        """See `Signer`."""
        return f"{self._storage}/{self._bucket}/"

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """An address to PUT the object to within so many seconds. Raises `Unavailable`."""
        return SignedUpload(self._signed("PUT", key, seconds, {}), {})

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        """An address to GET the object from as the file `name`. Raises `Unavailable`."""
        return SignedDownload(self._signed("GET", key, seconds, {PARAMETER: disposition(name)}), {})

    def _signed(self, method: str, key: str, seconds: int, more: Mapping[str, str]) -> str:
        check_key(key)
        url = f"{self._storage}/{self._bucket}/{quote(key)}"
        account = self._identity.email()
        return signed(method, url, seconds, account, self._sign, when=self._clock(), more=more)

    def _sign(self, account: str, text: bytes) -> bytes:
        """Have IAM sign. Raises `Unavailable`."""
        from binascii import a2b_base64

        url = f"{self._iam}/v1/projects/-/serviceAccounts/{account}:signBlob"
        headers = {"Authorization": f"Bearer {self._identity.token()}", "Content-Type": "application/json"}
        payload = json.dumps({"payload": b2a_base64(text, newline=False).decode()}).encode()
        answer = http.call("POST", url, headers, payload)
        if answer.status != OK:
            raise Unavailable(f"IAM did not sign an address (HTTP {answer.status})")
        return a2b_base64(json.loads(answer.body)["signedBlob"])


def signed(
    method: str,
    url: str,
    seconds: int,
    account: str,
    sign: Sign,
    *,
    when: float,
    more: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The address with what allows one method of it for so many seconds.

    Args:
        method: GET or PUT.
        url: the object's, percent-encoded, without a query.
        seconds: how long it works.
        account: in whose name.
        sign: signs as that account.
        when: from then on, in seconds since the epoch.
        more: what else the query says; it is signed too.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    said = {
        "X-Goog-Algorithm": _ALGORITHM,
        "X-Goog-Credential": f"{account}/{scope}",
        "X-Goog-Date": stamp,
        "X-Goog-Expires": str(seconds),
        "X-Goog-SignedHeaders": "host",
        **more,
    }
    query = "&".join(f"{name}={quote(said[name], safe='')}" for name in sorted(said))
    at = urlsplit(url)
    canonical = f"{method}\n{at.path}\n{query}\nhost:{at.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = sign(account, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode())
    return f"{url}?{query}&X-Goog-Signature={hexlify(signature).decode()}"
