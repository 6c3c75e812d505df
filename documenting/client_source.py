"""The Python client as it is in this repository, whatever wheel of it is installed."""

import os
import sys
from importlib import import_module
from types import ModuleType

FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "client", "src")


def client(module: str = "") -> ModuleType:
    """A module of the client: `serverless_ml`, or one below it.

    Raises:
        RuntimeError: another one was imported before.
    """
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)
    found = import_module(f"serverless_ml.{module}" if module else "serverless_ml")
    if not str(found.__file__).startswith(FOLDER):
        raise RuntimeError(
            f"expected the client of {FOLDER}, got {found.__file__}, which was imported before"
        )
    return found
