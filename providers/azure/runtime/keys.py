"""The records of the keys, as a function reads them: an app setting."""

from collections.abc import Mapping
from typing import Any

from ml_core.errors import NotConfigured
from providers.azure.runtime.names import KEYS_SETTING


def read_records(env: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """The records `{id, role, sha256}` of the app setting `ML_KEYS`; None when there are none.

    Raises:
        NotConfigured: when the setting cannot be read: closed, not open.
    """
    import json

    text = env.get(KEYS_SETTING, "")
    if not text:
        return None
    try:
        records = json.loads(text)
    except ValueError as error:
        raise NotConfigured(f"the setting {KEYS_SETTING} does not hold key records") from error
    if not isinstance(records, list):
        raise NotConfigured(f"the setting {KEYS_SETTING} does not hold a list of key records")
    return records
