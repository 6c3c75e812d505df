"""Which addresses a deployment may name as webhooks, and how what is sent to them is signed."""

import base64
import hashlib
import hmac

import pytest

from ml_core.errors import InvalidInput
from ml_core.notices.hooks import Hook, hooks
from ml_core.notices.signing import headers, secret_of
from tests.unit.ml_core.notices.webhook_texts import RIGHT, SECRET, WRONG, WRONG_SECRETS


def test_a_list_of_addresses() -> None:
    text = " https://Hooks.example.com/ml , https://a.example.org:8443/x?y=1,https://hooks.example.com/ml,"
    assert hooks(text) == (
        Hook("hooks.example.com", 443, "/ml"),
        Hook("a.example.org", 8443, "/x?y=1"),
    )
    assert hooks("") == ()
    assert [each.authority for each in hooks(text)] == ["hooks.example.com", "a.example.org:8443"]
    assert hooks("https://example.com")[0].path == "/"


@pytest.mark.parametrize("address", WRONG)
def test_what_is_no_address_of_a_webhook(address: str) -> None:
    with pytest.raises(InvalidInput, match="webhooks"):
        hooks(address)


@pytest.mark.parametrize("address", RIGHT)
def test_what_is_one(address: str) -> None:
    assert len(hooks(address)) == 1


def test_so_many_and_no_more() -> None:
    assert len(hooks(",".join(f"https://example.com/{number}" for number in range(10)))) == 10
    with pytest.raises(InvalidInput, match="expected at most 10 addresses, got 11"):
        hooks(",".join(f"https://example.com/{number}" for number in range(11)))


def test_the_specifications_example_is_signed_as_there() -> None:
    body = b'{"test": 2432232314}'
    assert headers(secret_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_any_other_id_time_or_body_has_another_signature() -> None:
    secret = secret_of(SECRET)
    one = headers(secret, "a", 1, b"x")["webhook-signature"]
    others = [headers(secret, "b", 1, b"x"), headers(secret, "a", 2, b"x"), headers(secret, "a", 1, b"y")]
    assert one not in [each["webhook-signature"] for each in others]
    expected = hmac.new(secret, b"a.1.x", hashlib.sha256).digest()
    assert one == f"v1,{base64.b64encode(expected).decode()}"


@pytest.mark.parametrize("text", WRONG_SECRETS)
def test_a_secret_that_is_none_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        secret_of(text)
    assert "webhookSecret: expected whsec_ and 24 to 64 random bytes in base64" in str(refused.value)
    assert not text or text == "whsec_" or text not in str(refused.value)
