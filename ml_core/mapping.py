"""A task on each of many items, here or elsewhere, and its results in the items' order.

A task is a function that can be pickled: one of a module, or `functools.partial` of one. It opens what it
works on by itself (`datasets/reopening.py`), and may be run twice: an engine repeats what it lost.
"""

from collections.abc import Callable, Iterator, Sequence
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


def in_order[Result](results: Iterator[tuple[int, Result]]) -> Iterator[Result]:
    """The results in the order of their places, each as soon as all before it are there."""
    waiting: dict[int, Result] = {}
    place = 0
    for found, result in results:
        waiting[found] = result
        while place in waiting:
            yield waiting.pop(place)
            place += 1
