"""A graph that takes a fixed number of instances at a time: many are given in turn."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core.graphs.call import FAILED, GraphFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    # The inputs of a graph by their names, each of as many instances.
    type Batch = dict[str, NDArray[Any]]


def in_batches(ask: "Callable[[Batch], list[Any]]", feeds: "Batch", batch: int) -> list[Any]:
    """The outputs of all instances, of which the graph is asked for `batch` at a time.

    The last instance is repeated where there are too few for a batch. Raises `GraphFailure` for an output
    that does not count the instances, and what `ask` raises.
    """
    instances = len(next(iter(feeds.values())))
    if not instances:
        raise GraphFailure(FAILED, "expected at least one instance, got none")
    parts: list[list[Any]] = []
    for begin in range(0, instances, batch):
        number = min(batch, instances - begin)
        found = ask({name: _filled(array[begin : begin + number], batch) for name, array in feeds.items()})
        parts.append([_first(value, number, batch) for value in found])
    return [_together(column) for column in zip(*parts, strict=True)]


def _filled(some: "NDArray[Any]", batch: int) -> "NDArray[Any]":
    missing = batch - len(some)
    return np.concatenate([some, np.repeat(some[-1:], missing, axis=0)]) if missing else some


def _first(value: Any, number: int, batch: int) -> Any:  # noqa: ANN401 - an array, or a list of maps
    if not isinstance(value, list) and (not getattr(value, "shape", ()) or len(value) != batch):
        raise GraphFailure(FAILED, f"expected an output with {batch} entries, as the graph takes instances")
    return value[:number]


def _together(parts: tuple[Any, ...]) -> Any:  # noqa: ANN401 - of what the parts are
    if isinstance(parts[0], list):
        return [entry for part in parts for entry in part]
    return np.concatenate(parts)
