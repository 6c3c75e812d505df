"""Signed addresses of S3, by Signature Version 4 in the query, in the name of the function's role.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import time
from collections.abc import Callable, Mapping
from urllib.parse import quote

from ml_core.objects import check_key
from ml_core.ports import SignedDownload, SignedUpload
from providers.attachments import PARAMETER, disposition
from providers.aws.runtime.json_api import ALGORITHM, credential, signature
from providers.aws.runtime.store import bucket_url


class S3Signer:
    """The `Signer` port for a bucket.

    Whoever has an address may do with it what the function's role may, and that one thing alone. `env` holds
    the credentials and the region, as Lambda sets them.
    """

    def __init__(
        self, bucket: str, env: Mapping[str, str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = bucket_url(bucket, env)
        self._env = env
        self._clock = clock

    @property
    def below(self) -> str:
        """See `Signer`."""
        return f"{self._url}/"

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """An address to PUT the object to within so many seconds. Raises `Unavailable`."""
        return SignedUpload(self._signed("PUT", key, seconds, {}), {})

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        """An address to GET the object from as the file `name`. Raises `Unavailable`."""
        return SignedDownload(self._signed("GET", key, seconds, {PARAMETER: disposition(name)}), {})

    def _signed(self, method: str, key: str, seconds: int, more: dict[str, str]) -> str:
        check_key(key)
        return signed(method, f"{self._url}/{quote(key)}", seconds, self._env, when=self._clock(), more=more)


def signed(
    method: str, url: str, seconds: int, env: Mapping[str, str], *, when: float, more: Mapping[str, str]
) -> str:
    """The address with what allows one method of it for so many seconds.

    Args:
        method: GET or PUT.
        url: the object's, percent-encoded, without a query.
        seconds: how long it works.
        env: holds AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, the region, and AWS_SESSION_TOKEN for a role.
        when: from then on, in seconds since the epoch.
        more: what else the query says; it is signed too.
    """
    host, _, path = url.partition("://")[2].partition("/")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))
    said = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": credential(stamp, "s3", env),
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
        **more,
    }
    if env.get("AWS_SESSION_TOKEN"):
        said["X-Amz-Security-Token"] = env["AWS_SESSION_TOKEN"]
    query = "&".join(f"{name}={quote(said[name], safe='')}" for name in sorted(said))
    canonical = f"{method}\n/{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    return f"{url}?{query}&X-Amz-Signature={signature(canonical, stamp, 's3', env)}"
