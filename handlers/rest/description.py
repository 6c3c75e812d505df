"""The service's description, OpenAPI 3.1: as it was built with the package, else built now.

A package may have `openapi.json` in the place of what builds it: then no cold start pays for that.
"""

import json
import os

_BUILT = os.path.join(os.path.dirname(__file__), "openapi.json")


def text(base: str = "") -> bytes:
    """The document.

    Args:
        base: what comes before every path, as the setting `ML_BASE_PATH` says.
    """
    if os.path.exists(_BUILT):
        with open(_BUILT, "rb") as file:
            built = file.read()
    else:
        from handlers.rest.openapi import build

        built = build()
    if not base:
        return built
    return json.dumps({**json.loads(built), "servers": [{"url": base}]}, separators=(",", ":")).encode()
