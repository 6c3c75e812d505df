"""Cloud Storage's signed addresses: held to the official library's, and what when IAM does not sign."""

from calendar import timegm
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.cloud.storage._signing import generate_signed_url_v4
from google.oauth2.service_account import Credentials

from ml_core.errors import Unavailable
from providers.attachments import disposition
from providers.google.runtime.signer import GoogleSigner, signed
from tests.google import tasks

NOW = float(timegm((2026, 11, 23, 18, 59, 1)))


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def beside(key: rsa.RSAPrivateKey) -> Iterator[tasks.Beside]:
    with tasks.running(key) as servers:
        yield servers


@pytest.mark.parametrize("name", ["datasets/churn/01", "a b/ü+&=%/c~d"])
@pytest.mark.parametrize(("method", "saved_as"), [("PUT", None), ("GET", disposition("iris-1.safetensors"))])
def test_an_address_is_the_one_that_googles_library_signs(
    key: rsa.RSAPrivateKey, name: str, method: str, saved_as: str | None
) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"private_key": pem, "client_email": tasks.ACCOUNT, "token_uri": "https://unused"}
    credentials = Credentials.from_service_account_info(account)
    expected = generate_signed_url_v4(
        credentials,
        resource=f"/models/{quote(name, safe='/~')}",
        expiration=3600,
        api_access_endpoint="https://storage.googleapis.com",
        method=method,
        response_disposition=saved_as,
        _request_timestamp="20261123T185901Z",
    )
    url = f"https://storage.googleapis.com/models/{quote(name)}"
    more = {"response-content-disposition": saved_as} if saved_as else {}
    assert expected == signed(
        method, url, 3600, tasks.ACCOUNT, lambda _, text: credentials.sign_bytes(text), when=NOW, more=more
    )


def test_an_account_that_may_not_sign_makes_addresses_unavailable(beside: tasks.Beside) -> None:
    beside.key = None
    signer = GoogleSigner("models", beside.env)
    with pytest.raises(Unavailable, match="IAM did not sign"):
        signer.sign_upload("datasets/churn/01", 60)
    with pytest.raises(Unavailable, match="IAM did not sign"):
        signer.sign_download("artifacts/01.safetensors", "iris-1.safetensors", 60)


def test_the_account_is_asked_for_once(beside: tasks.Beside) -> None:
    signer = GoogleSigner("models", beside.env, clock=lambda: NOW)
    first = signer.sign_upload("datasets/churn/01", 60)
    assert signer.sign_upload("datasets/churn/01", 60) == first
    assert beside.tokens_given == 1
