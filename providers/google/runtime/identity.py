"""Who a function is: its address and access tokens from the metadata server beside every instance.

The official library would cost a cold start more than everything else in `api` together; what is needed of it
here is one GET, and to remember its answer until shortly before it expires.
"""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from urllib.parse import quote

from ml_core.errors import Unavailable
from providers import http

_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default"
TOKEN_PATH = f"{_ACCOUNT}/token"
EMAIL_PATH = f"{_ACCOUNT}/email"
IDENTITY_PATH = f"{_ACCOUNT}/identity"
# A token is not used in its last minute: the request that carries it takes time.
MARGIN = 60.0
OK = 200


class Identity:
    """The function's service account."""

    def __init__(self, env: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self._host = env.get("GCE_METADATA_HOST") or "metadata.google.internal"
        self._clock = clock
        self._token = ""
        self._good_until = 0.0
        self._email = ""
        self._identities: dict[str, tuple[str, float]] = {}

    def token(self) -> str:
        """An OAuth access token. Raises `Unavailable` when the metadata server gives none."""
        if self._clock() >= self._good_until:
            self._token, lifetime = self._fetch()
            self._good_until = self._clock() + lifetime - MARGIN
        return self._token

    def email(self) -> str:
        """The service account's address. Raises `Unavailable`."""
        if not self._email:
            answer = self._ask(EMAIL_PATH)
            if answer.status != OK:
                raise Unavailable(f"the metadata server names no service account (HTTP {answer.status})")
            self._email = answer.body.decode("ascii").strip()
        return self._email

    def identity_token(self, audience: str) -> str:
        """A token that says who this function is, to the function at the address `audience`.

        Raises `Unavailable` when the metadata server gives none.
        """
        token, good_until = self._identities.get(audience, ("", 0.0))
        if self._clock() >= good_until:
            answer = self._ask(f"{IDENTITY_PATH}?audience={quote(audience, safe='')}")
            try:
                token = answer.body.decode("ascii").strip()
                good_until = _expiry(token) - MARGIN
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise Unavailable("the metadata server gave no identity token") from error
            self._identities[audience] = token, good_until
        return token

    def _fetch(self) -> tuple[str, float]:
        answer = self._ask(TOKEN_PATH)
        try:
            document = json.loads(answer.body)
            return document["access_token"], float(document["expires_in"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the metadata server gave no access token") from error

    def _ask(self, path: str) -> http.Answer:
        return http.call("GET", f"http://{self._host}{path}", {"Metadata-Flavor": "Google"})


def _expiry(token: str) -> float:
    """When a JSON web token expires, in seconds since the epoch. Whether it is right says who is asked."""
    claims = token.split(".")[1]
    return float(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
