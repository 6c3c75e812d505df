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
    "handlers/logs.py",
    "handlers/onnx/__init__.py",
    "handlers/onnx/function.py",
    "handlers/onnx/{cloud}.py",
    "ml_core/__init__.py",
    "ml_core/digests.py",
    "ml_core/errors.py",
    "ml_core/graphs/__init__.py",
    "ml_core/graphs/artifact.py",
    "ml_core/graphs/call.py",
    "ml_core/json_text.py",
    "ml_core/model/__init__.py",
    "ml_core/model/artifact.py",
    "ml_core/records.py",
    "ml_core/running/*.py",
    "!ml_core/running/own_graphs.py",  # where the service runs graphs itself, on a laptop
    "ml_core/safetensors.py",
    "ml_core/sandbox/__init__.py",
    "ml_core/sandbox/child_process.py",
    "ml_core/sandbox/memory.py",
    "ml_core/sandbox/orphans.py",
    "ml_core/tables/__init__.py",
    "ml_core/tables/memory.py",
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
