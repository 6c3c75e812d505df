"""A task on each of many items, here or elsewhere, and its results in the items' order.

A task is a function that can be pickled: one of a module, or `functools.partial` of one. It opens what it
works on by itself (`datasets/reopening.py`), and may be run twice: an engine repeats what it lost.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Protocol


class Mapper(Protocol):
    """An engine that works on many items."""

    def map[Item, Result](
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Each item's place and result, once, as they come.

        Raises what the task raised, and `Unavailable` where the engine failed.
        """
        ...


class InTurn:
    """One item after the other, in this process."""

    def map[Item, Result](
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """See `Mapper`."""
        for place, item in enumerate(items):
            yield place, task(item)


class InThreads:
    """Some items at a time, in threads of this process: for tasks that wait for a store."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map[Item, Result](
        self, task: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """See `Mapper`; a few results more than are taken are kept."""
        with ThreadPoolExecutor(self._workers) as threads:
            for some in batched(enumerate(items), _AHEAD * self._workers):
                yield from zip(
                    (place for place, _ in some), threads.map(task, (item for _, item in some)), strict=True
                )


_AHEAD = 8  # items for each thread that are handed to it together


def in_order[Result](results: Iterator[tuple[int, Result]]) -> Iterator[Result]:
    """The results in the order of their places, each as soon as all before it are there."""
    waiting: dict[int, Result] = {}
    place = 0
    for found, result in results:
        waiting[found] = result
        while place in waiting:
            yield waiting.pop(place)
            place += 1
