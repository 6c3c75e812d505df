"""Uploads are signed by the app's identity where the account has no keys: a user delegation SAS.

Azurite knows account keys only; here the storage is a stand-in that gives the identity a key to sign with;
the signature is computed anew as Azure documents it ("Create a user delegation SAS").
"""

import base64
import hmac
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from providers.azure.runtime import wiring
from providers.azure.runtime.connection import connection
from tests.azure.identity_endpoint import SIGNING_KEY, IdentityEndpoint

KEY = "datasets/churn/01"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    with IdentityEndpoint() as endpoint:
        for name, value in endpoint.env.items():
            monkeypatch.setenv(name, value)
        yield endpoint


def test_the_identity_signs_for_one_object_to_be_written_for_an_hour(platform: IdentityEndpoint) -> None:
    env = {**platform.env, **platform.settings}
    signed = wiring.signer(env).sign_upload(KEY, 3600)
    assert signed.headers == {"x-ms-blob-type": "BlockBlob"}
    parts = urlsplit(signed.url)
    given = dict(parse_qsl(parts.query))
    assert (given["sr"], given["skoid"], given["sktid"]) == ("b", "the-object", "the-tenant")
    assert set(given["sp"]) <= set("cw"), "to create and write, and nothing else"
    lasts = datetime.fromisoformat(given["se"]) - datetime.fromisoformat(given["st"])
    assert 3600 <= lasts.total_seconds() <= 3600 + 900
    assert parts.path.endswith(f"/models/{KEY}")
    resource = f"/blob/{connection(env).account}/models/{KEY}"
    ours = [given.get(name, "") for name in ("sp", "st", "se")]
    key = [given.get(name, "") for name in ("skoid", "sktid", "skt", "ske", "sks", "skv")]
    rest = ["", "", "", given.get("sip", ""), given.get("spr", ""), given["sv"], given["sr"], "", ""]
    to_sign = "\n".join([*ours, resource, *key, *rest, *[""] * 5])
    expected = base64.b64encode(hmac.digest(SIGNING_KEY, to_sign.encode(), "sha256")).decode()
    assert given["sig"] == expected
    (asked,) = [seen for seen in platform.seen if seen.query.get("comp") == "userdelegationkey"]
    assert asked.headers["authorization"] == "Bearer the-token"


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
