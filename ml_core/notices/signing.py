"""Signatures of notices, as Standard Webhooks (version 1) describes them: HMAC-SHA256 over id, time and body.

Receivers verify them with any of that specification's libraries, or as docs/notifications.md does.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode

from ml_core.errors import InvalidInput

PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes


def secret_of(text: str) -> bytes:
    """The secret that a text such as `whsec_…` holds in base64.

    Raises `InvalidInput`, which does not repeat it.
    """
    try:
        secret = b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(PREFIX) or not _LEAST <= len(secret) <= _MOST:
        expected = f"expected {PREFIX} and {_LEAST} to {_MOST} random bytes in base64"
        raise InvalidInput.at("webhookSecret", f"{expected}: echo {PREFIX}$(openssl rand -base64 32)")
    return secret


def headers(secret: bytes, notice_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers that go with a body at a time, in seconds since the epoch."""
    signed = f"{notice_id}.{seconds}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
