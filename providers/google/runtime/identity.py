"""Who a function is: its address and access tokens from the metadata server beside every instance.

The official library would cost a cold start more than everything else in `api` together; what is needed of it
here is one GET, and to remember its answer until shortly before it expires.
"""

import json
import time
from collections.abc import Callable, Mapping

from ml_core.errors import Unavailable
from providers import http

_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default"
TOKEN_PATH = f"{_ACCOUNT}/token"
EMAIL_PATH = f"{_ACCOUNT}/email"
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

    def _fetch(self) -> tuple[str, float]:
        answer = self._ask(TOKEN_PATH)
        try:
            document = json.loads(answer.body)
            return document["access_token"], float(document["expires_in"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the metadata server gave no access token") from error

    def _ask(self, path: str) -> http.Answer:
        return http.call("GET", f"http://{self._host}{path}", {"Metadata-Flavor": "Google"})
