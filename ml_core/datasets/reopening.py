"""How another process opens the stores that this one works on: a job's child, or a function elsewhere."""

import json
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.datasets.outputs import OutputPlaces
from ml_core.datasets.sources import DataSources
from ml_core.ports import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.graphs.contract import GraphRunner


class Stores(NamedTuple):
    """What a task works on: the deployment's own store, where data may come from, and results may go.

    `graphs` gives who runs imported models; it raises `NotDeployed` where there is nobody.
    """

    store: ObjectStore
    data: DataSources
    outputs: OutputPlaces
    graphs: "Callable[[], GraphRunner] | None" = None


class Reopening(NamedTuple):
    """An importable function, as "package.module:name", and its arguments, which are values of JSON."""

    function: str
    arguments: dict[str, Any]

    def open(self) -> Stores:
        """The stores, opened once in each process. Raises what opening does."""
        # A copy of a process has none of the threads that its stores' clients work with.
        known = os.getpid(), json.dumps(self, sort_keys=True)
        if known not in _OPENED:
            module, _, name = self.function.partition(":")
            _OPENED[known] = getattr(import_module(module), name)(**self.arguments)
        return _OPENED[known]


_OPENED: dict[tuple[int, str], Stores] = {}
