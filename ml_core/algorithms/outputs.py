"""What an estimator gives for a row: named outputs, each with what its values are and their shape."""

from __future__ import annotations

from math import prod

# What an output's values are: class or cluster numbers, or numbers.
LABEL, NUMBER = "label", "number"


class OutputSpec:
    """One output of an estimator: its name, what its values are, and the shape of a row's value.

    The shape `()` is one number for each row, `(k,)` a list of k. Names that have a meaning everywhere:
    "label", class or cluster numbers, which every estimator gives; "probability" and "decision", in the order
    of the classes, where of two classes a decision is one number, positive for the second; "distance".
    """

    __slots__ = ("kind", "name", "shape")

    def __init__(self, name: str, shape: tuple[int, ...] = (), kind: str = NUMBER) -> None:
        self.name = name
        self.shape = shape
        self.kind = kind

    @property
    def width(self) -> int:
        """How many values a row has."""
        return prod(self.shape)


LABELS = OutputSpec("label", kind=LABEL)
