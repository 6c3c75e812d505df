"""The service's description, OpenAPI 3.1: as it was built with the package, else built now.

A package may have `openapi.json` in the place of what builds it: then no cold start pays for that.
"""

import json
import os

_BUILT = os.path.join(os.path.dirname(__file__), "openapi.json")


def text(base: str = "", documentation: str = "") -> bytes:
    """The document.

    Args:
        base: what comes before every path, as the setting `ML_BASE_PATH` says.
        documentation: where the documentation is, as `ML_DOCUMENTATION` says; a path is this service's own.
    """
    if os.path.exists(_BUILT):
        with open(_BUILT, "rb") as file:
            built = file.read()
    else:
        from handlers.rest.openapi import build

        built = build()
    if not base and not documentation:
        return built
    document = json.loads(built)
    if base:
        document["servers"] = [{"url": base}]
    if documentation:
        url = f"{base if documentation.startswith('/') else ''}{documentation.rstrip('/')}/"
        document["externalDocs"] = {"description": "The documentation.", "url": url}
    return json.dumps(document, separators=(",", ":")).encode()
