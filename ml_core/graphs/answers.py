"""Values of an imported model's outputs as one tensor."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ml_core.errors import InvalidInput

if TYPE_CHECKING:
    from ml_core.algorithms.outputs import OutputSpec


def rectangle(entries: list[Any], spec: OutputSpec, where: str) -> tuple[list[int], list[Any]]:
    """The shape of all entries together, and their values in row-major order.

    An entry of one value has the shape `[1]`, as other models answer it. Raises `InvalidInput` where entries
    differ in their lengths, which no tensor holds.
    """
    shape: list[int] = [len(entries)]
    level = entries
    for _ in spec.shape:
        lengths = {len(each) for each in level}
        if len(lengths) > 1:
            raise InvalidInput.at(
                where,
                "expected outputs of one length, got several: ask for instances of one length at a time",
            )
        shape.append(lengths.pop())
        level = [inside for each in level for inside in each]
    if not spec.shape:
        shape.append(1)
    assert len(level) == prod(shape)  # noqa: S101 - it was counted
    return shape, level
