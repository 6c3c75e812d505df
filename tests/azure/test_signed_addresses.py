"""Addresses are signed by the app's identity where the account has no keys: a user delegation SAS.

Azurite knows account keys only; here the storage is a stand-in that gives the identity a key to sign with;
the signature is computed anew as Azure documents it ("Create a user delegation SAS").
"""

import base64
import hmac
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from ml_core.errors import Unavailable
from providers.azure.runtime import identity, wiring
from providers.azure.runtime.connection import connection
from providers.azure.runtime.signer import BlobSigner
from tests.azure.identity_endpoint import SIGNING_KEY, IdentityEndpoint

KEY, ARTIFACT = "datasets/churn/01", "artifacts/01.safetensors"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    with IdentityEndpoint() as endpoint:
        for name, value in endpoint.env.items():
            monkeypatch.setenv(name, value)
        identity.forget()
        yield endpoint


def test_the_identity_signs_for_one_object_to_be_written_for_an_hour(platform: IdentityEndpoint) -> None:
    env = {**platform.env, **platform.settings}
    signed = wiring.signer(env).sign_upload(KEY, 3600)
    assert signed.headers == {"x-ms-blob-type": "BlockBlob"}
    given = checked(signed.url, connection(env).account, KEY, 3600)
    assert set(given["sp"]) <= set("cw"), "to create and write, and nothing else"
    assert "rscd" not in given
    (asked,) = [seen for seen in platform.seen if seen.query.get("comp") == "userdelegationkey"]
    assert asked.headers["authorization"] == "Bearer the-token"


def test_the_identity_signs_for_one_object_to_be_read_for_a_quarter_of_an_hour(
    platform: IdentityEndpoint,
) -> None:
    env = {**platform.env, **platform.settings}
    signed = wiring.signer(env).sign_download(ARTIFACT, "iris-1.safetensors", 900)
    assert signed.headers == {}
    given = checked(signed.url, connection(env).account, ARTIFACT, 900)
    assert given["sp"] == "r", "to read, and nothing else"
    assert given["rscd"] == 'attachment; filename="iris-1.safetensors"'


def test_where_the_storage_speaks_https_an_address_works_by_https_alone(platform: IdentityEndpoint) -> None:
    account = connection({"ML_STORAGE": "AccountName=ours;AccountKey=c2VjcmV0"})
    signed = BlobSigner(account, "models").sign_download(ARTIFACT, "iris-1.safetensors", 900)
    assert signed.url.startswith("https://ours.blob.core.windows.net/models/artifacts/")
    assert dict(parse_qsl(urlsplit(signed.url).query))["spr"] == "https"
    assert platform.seen == [], "an account's key needs nobody's help"


def test_an_identity_that_may_not_sign_makes_addresses_unavailable(platform: IdentityEndpoint) -> None:
    platform.gives_keys = False
    signer = wiring.signer({**platform.env, **platform.settings})
    with pytest.raises(Unavailable, match="gave no key to sign an address with"):
        signer.sign_upload(KEY, 60)
    with pytest.raises(Unavailable, match="gave no key to sign an address with"):
        signer.sign_download(ARTIFACT, "iris-1.safetensors", 60)


def checked(url: str, account: str, name: str, seconds: int) -> dict[str, str]:
    """What an address says, its signature computed anew."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    assert (given["sr"], given["skoid"], given["sktid"]) == ("b", "the-object", "the-tenant")
    lasts = datetime.fromisoformat(given["se"]) - datetime.fromisoformat(given["st"])
    assert seconds <= lasts.total_seconds() <= seconds + 900
    assert given["skt"] <= given["st"] < given["se"] <= given["ske"], "it lasts no longer than its key"
    assert parts.path.endswith(f"/models/{name}")
    resource = f"/blob/{account}/models/{name}"
    ours = [given.get(each, "") for each in ("sp", "st", "se")]
    key = [given.get(each, "") for each in ("skoid", "sktid", "skt", "ske", "sks", "skv")]
    rest = ["", "", "", given.get("sip", ""), given.get("spr", ""), given["sv"], given["sr"], "", ""]
    answers = ["", given.get("rscd", ""), "", "", ""]
    to_sign = "\n".join([*ours, resource, *key, *rest, *answers])
    expected = base64.b64encode(hmac.digest(SIGNING_KEY, to_sign.encode(), "sha256")).decode()
    assert given["sig"] == expected
    return given


def test_a_container_of_another_account_is_read_there_by_the_same_identity() -> None:
    at = connection(
        {
            "ML_STORAGE__blobServiceUri": "https://ours.blob.core.windows.net/",
            "ML_STORAGE__queueServiceUri": "https://ours.queue.core.windows.net/",
            "ML_STORAGE__clientId": "the-client",
        }
    )
    there = at.beside("theirs")
    assert there.blob_endpoint == "https://theirs.blob.core.windows.net"
    assert (there.account, there.client_id, there.key) == ("theirs", "the-client", None)


def test_the_accounts_key_is_not_shown_to_another_account() -> None:
    at = connection({"ML_STORAGE": "AccountName=ours;AccountKey=c2VjcmV0"})
    assert at.beside("theirs").key is None
    assert at.beside("ours") == at
