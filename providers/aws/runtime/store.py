"""Models and jobs in an S3 bucket."""

from __future__ import annotations

from providers.object_storage import ObstoreStore, bounded_retries, client_options
from providers.obstore_functions import S3Store

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import S3Config


def s3_store(bucket: str, prefix: str = "", *, env: Mapping[str, str]) -> ObstoreStore:
    """The bucket, or what is under `prefix` in it, with the region and the credentials of `env`.

    Without credentials in `env` they come from where the platform keeps them (a container's or an instance's
    role). `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` points at an emulator; plain HTTP is allowed only
    there.
    """
    endpoint = _endpoint(env)
    return ObstoreStore(
        S3Store(
            bucket,
            prefix=prefix or None,
            config=_config(env, endpoint),
            client_options=client_options(allow_http=endpoint.startswith("http://")),
            retry_config=bounded_retries(),
        )
    )


def region_of(bucket: str, env: Mapping[str, str]) -> str:
    """The region of a bucket, which S3 tells anybody, also whom it lets do nothing else; else our own.

    Raises:
        Unavailable: when S3 does not answer.
    """
    from providers.http import call

    answer = call("HEAD", f"{_endpoint(env) or 'https://s3.amazonaws.com'}/{bucket}", {})
    return answer.headers.get("x-amz-bucket-region") or _own_region(env)


def bucket_url(bucket: str, env: Mapping[str, str]) -> str:
    """Where a bucket's objects are, of our own region: at AWS, or at an emulator."""
    return f"{_endpoint(env) or f'https://s3.{_own_region(env)}.amazonaws.com'}/{bucket}"


def _own_region(env: Mapping[str, str]) -> str:
    return env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"


def _endpoint(env: Mapping[str, str]) -> str:
    return env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or ""


def _config(env: Mapping[str, str], endpoint: str) -> S3Config:
    config: S3Config = {"region": _own_region(env)}
    if endpoint:
        config["endpoint"] = endpoint
    if env.get("AWS_ACCESS_KEY_ID"):
        config["access_key_id"] = env["AWS_ACCESS_KEY_ID"]
        config["secret_access_key"] = env["AWS_SECRET_ACCESS_KEY"]
    if env.get("AWS_SESSION_TOKEN"):
        config["session_token"] = env["AWS_SESSION_TOKEN"]
    return config
