"""One file for each algorithm: its hyperparameters, `fit`, and a fitted estimator that predicts.

A file of this folder that sets `ALGORITHM` is an algorithm, under the file's name; nothing else lists it.
`base.py` is the contract that each file stands on, `tasks/` measures, and docs/add-an-algorithm.md shows the
way. What an algorithm need not care for is done once, around it: labels become class numbers from 0, rows are
split, encoded and measured (`training/`), and the model becomes bytes (`model/artifact.py`).
"""

from __future__ import annotations

import os
from importlib import import_module

from ml_core.errors import AlgorithmNotFound

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from ml_core.algorithms.base import AlgorithmInfo

# What a file of this folder says when it is an algorithm.
_DECLARATION = "\nALGORITHM"


def names() -> list[str]:
    """The algorithms' names: those of this folder's files that declare one. Imports none of them."""
    return sorted(
        entry.name.removesuffix(".py")
        for folder in __path__
        for entry in os.scandir(folder)
        if _declares(entry.path)
    )


def algorithm(name: str) -> AlgorithmInfo:
    """One algorithm; only its own file is imported. Raises `AlgorithmNotFound`."""
    # Before the import: a name that somebody sent must not choose what code runs.
    if not name.isidentifier() or not any(_declares(f"{folder}/{name}.py") for folder in __path__):
        raise AlgorithmNotFound(f"no algorithm is called {name!r}; there are {', '.join(names())}")
    from ml_core.algorithms.base import AlgorithmInfo

    return AlgorithmInfo(name, import_module(f"{__name__}.{name}").ALGORITHM)


def algorithms() -> dict[str, AlgorithmInfo]:
    """Every algorithm by name. Imports neither numpy nor scikit-learn."""
    return {name: algorithm(name) for name in names()}


def _declares(path: str) -> bool:
    """Whether a file declares an algorithm: a module that only helps one may lie beside it."""
    if not path.endswith(".py"):
        return False
    try:
        with open(path, encoding="utf-8") as file:
            return _DECLARATION in file.read()
    except OSError:
        return False
