"""Signed addresses of S3: held to botocore's, the official implementation."""

from calendar import timegm
from time import strptime
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from ml_core.errors import Unavailable
from ml_core.objects import check_key
from providers.attachments import disposition
from providers.aws.runtime.signer import S3Signer

ENV = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret/+", "AWS_REGION": "eu-west-1"}
KEYS = st.lists(st.text("aZ9-_.~ ü+&=%:", min_size=1), min_size=1, max_size=3).map("/".join)


def is_key(text: str) -> bool:
    try:
        check_key(text)
    except ValueError:
        return False
    return True


@given(
    key=KEYS.filter(is_key),
    token=st.none() | st.text("aB/+=", min_size=1),
    region=st.sampled_from(["us-east-1", "ap-south-2"]),
    seconds=st.integers(1, 604_800),
    saved_as=st.none() | st.text("aZ9._-", min_size=1),
)
def test_an_address_is_the_one_that_botocore_signs(
    key: str, token: str | None, region: str, seconds: int, saved_as: str | None
) -> None:
    method = "GET" if saved_as else "PUT"
    more = f"?response-content-disposition={quote(disposition(saved_as), safe='')}" if saved_as else ""
    url = f"https://s3.{region}.amazonaws.com/models/{quote(key)}"
    credentials = Credentials(ENV["AWS_ACCESS_KEY_ID"], ENV["AWS_SECRET_ACCESS_KEY"], token)
    request = AWSRequest(method, url + more)
    S3SigV4QueryAuth(credentials, "s3", region, expires=seconds).add_auth(request)
    expected = parse_qs(urlsplit(str(request.url)).query)

    when = timegm(strptime(expected["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ"))
    env = {**ENV, "AWS_REGION": region} | ({"AWS_SESSION_TOKEN": token} if token else {})
    signer = S3Signer("models", env, clock=lambda: when + 0.9)
    signed = signer.sign_download(key, saved_as, seconds) if saved_as else signer.sign_upload(key, seconds)

    assert signed.url.partition("?")[0] == url
    assert parse_qs(urlsplit(signed.url).query) == expected
    assert signed.headers == {}


def test_without_credentials_nothing_is_signed() -> None:
    signer = S3Signer("models", {"AWS_REGION": "eu-west-1"})
    with pytest.raises(Unavailable, match="AWS_ACCESS_KEY_ID is not set"):
        signer.sign_download("artifacts/01.safetensors", "iris-1.safetensors", 60)
