"""Tokens of the function app's managed identity, for queue and topic (Blob Storage's come from obstore)."""

import os
import time

from ml_core.errors import Unavailable
from providers.http import call

RESOURCE = "https://storage.azure.com"
# A token lives for hours; it is renewed while an old one would still do.
MARGIN_SECONDS = 300.0

_tokens: dict[tuple[str | None, str], tuple[str, float]] = {}


def token(client_id: str | None, resource: str = RESOURCE) -> str:
    """A bearer token, kept until shortly before it ends.

    Args:
        client_id: the user-assigned identity, None for the app's own.
        resource: what it is for: storage, or another service's address.

    Raises:
        Unavailable: when the platform's identity endpoint gives none.
    """
    kept, until = _tokens.get((client_id, resource), ("", 0.0))
    if until - MARGIN_SECONDS > time.time():
        return kept
    fresh, until = _fetch(client_id, resource)
    _tokens[client_id, resource] = (fresh, until)
    return fresh


def forget() -> None:
    """Fetch every token anew."""
    _tokens.clear()


def _fetch(client_id: str | None, resource: str) -> tuple[str, float]:
    """Ask the platform (protocol: App Service's managed identity, version 2019-08-01)."""
    import json
    from urllib.parse import urlencode

    try:
        endpoint, secret = os.environ["IDENTITY_ENDPOINT"], os.environ["IDENTITY_HEADER"]
    except KeyError as error:
        raise Unavailable("no managed identity: this process does not run in a function app") from error
    query = {"resource": resource, "api-version": "2019-08-01"}
    if client_id:
        query["client_id"] = client_id
    answer = call("GET", f"{endpoint}?{urlencode(query)}", {"x-identity-header": secret})
    if answer.status != 200:
        raise Unavailable(f"the managed identity endpoint answered {answer.status}")
    document = json.loads(answer.body)
    return document["access_token"], float(document["expires_on"])
