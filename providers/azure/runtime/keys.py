"""The records of the keys, as a function reads them: a blob that its identity may only read.

Before `python -m providers keys` first wrote the blob, the records are in the app setting in which earlier
versions kept them.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ml_core.errors import NotConfigured, ObjectNotFound
from providers.azure.runtime.connection import connection
from providers.azure.runtime.names import KEYS_BLOB, KEYS_SETTING


def read_records(env: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """The records `{id, role, sha256}`; None when there are none.

    Raises:
        NotConfigured: when what is there are no records: closed, not open.
        Unavailable: when the blob cannot be read.
    """
    container = env.get("ML_KEYS_CONTAINER")
    text: str | bytes = env.get(KEYS_SETTING, "")
    if container:
        from providers.azure.runtime.store import blob_store

        # It is not there while nobody has made or revoked a key since this version was deployed.
        with suppress(ObjectNotFound):
            text = blob_store(connection(env), container, env).get(KEYS_BLOB).data
    return parse_records(text) if text else None


def parse_records(text: str | bytes) -> list[dict[str, Any]]:
    """Records from their JSON. Raises `NotConfigured`."""
    import json

    try:
        records = json.loads(text)
    except ValueError as error:
        raise NotConfigured(f"expected key records in {KEYS_SETTING} or {KEYS_BLOB}, got no JSON") from error
    if not isinstance(records, list):
        raise NotConfigured(
            f"expected a list of key records in {KEYS_SETTING} or {KEYS_BLOB}, got other JSON"
        )
    return records
