"""The function `onnx`, which runs imported ONNX models: what it is built from, and who calls it.

A model is a program that somebody else wrote. So of the service the package holds what it reaches, no more.
"""

import os

from providers.deploying import packages
from providers.deploying.service import Function, Service

LOCK = os.path.join("requirements", "onnx.txt")
FUNCTION = "onnx"
# The functions that call it.
CALLERS = ("api", "train")

_SOURCES = (
    "handlers/__init__.py",
    "handlers/onnx/__init__.py",
    "handlers/onnx/{cloud}.py",
    "ml_core/__init__.py",
    "ml_core/running/*.py",
    "ml_core/graphs/__init__.py",
    "ml_core/graphs/call.py",
    *(f"ml_core/{name}.py" for name in ("errors", "json_text", "records")),
)


def sources(folder: str, cloud: str) -> list[str]:
    """The modules of its package, below the project's folder: what its handler reaches, as a test sees."""
    return packages.selected(folder, (each.format(cloud=cloud) for each in _SOURCES))


def runs_graphs(function: Function) -> bool:
    """Whether it is that function, which has none of the others' rights, settings and code."""
    return function.settings.get("sources") == "graphs"


def is_asked(service: Service) -> bool:
    """Whether the service has that function."""
    return any(map(runs_graphs, service.functions.values()))
