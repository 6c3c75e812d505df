"""Who a function is: access tokens from the metadata server that stands beside every instance.

The official library would cost a cold start more than everything else in `api` together; what is needed of it
here is one GET, and to remember its answer until shortly before it expires.
"""

import json
import time
from collections.abc import Callable, Mapping

from ml_core.errors import Unavailable
from providers import rest

TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
# A token is not used in its last minute: the request that carries it takes time.
MARGIN = 60.0


class Identity:
    """The function's service account."""

    def __init__(self, env: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self._host = env.get("GCE_METADATA_HOST") or "metadata.google.internal"
        self._clock = clock
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """An OAuth access token. Raises `Unavailable` when the metadata server gives none."""
        if self._clock() >= self._good_until:
            self._token, lifetime = self._fetch()
            self._good_until = self._clock() + lifetime - MARGIN
        return self._token

    def _fetch(self) -> tuple[str, float]:
        answer = rest.call("GET", f"http://{self._host}{TOKEN_PATH}", {"Metadata-Flavor": "Google"})
        try:
            document = json.loads(answer.body)
            return document["access_token"], float(document["expires_in"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("the metadata server gave no access token") from error
