"""The records of the keys, as a running function sees them: a file.

The platform mounts the secret's newest version and asks Secret Manager whenever the file is read, so a cold
start needs no client, no token and no HTTP of ours.
"""

import json
from typing import Any

from ml_core.errors import Unavailable


def read_records(path: str) -> list[dict[str, Any]] | None:
    """The records, or None when there is no such file. Raises `Unavailable`."""
    try:
        with open(path, "rb") as file:
            records = json.loads(file.read())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise Unavailable("the key records cannot be read") from error
    if not isinstance(records, list):
        raise Unavailable("the secret does not hold key records")
    return records
