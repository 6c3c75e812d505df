"""Which values a datatype of a graph holds: what is rounded is told by nobody, what is lost is refused."""

from __future__ import annotations

from math import inf, isfinite, isnan

from ml_core.errors import shown

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ml_core.graphs.signature import GraphInput

    # The shape of an instance's tensor, and its values in row-major order.
    type Entry = tuple[tuple[int, ...], list[Any]]

# The least and the greatest whole number of each datatype.
WHOLE = {
    f"{sign}INT{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
# The numbers from which on one rounds to infinity.
_LARGEST = {"FP64": inf, "FP32": 2.0**128 - 2.0**103, "FP16": 65_520.0}


def wrong_element(value: Any, datatype: str) -> str | None:  # noqa: ANN401 - whatever was sent
    """What is wrong with a value for a datatype; None where it holds it. A number may be NaN of floats."""
    if datatype == "BYTES":
        return None if isinstance(value, str) else f"expected a text, got {shown(value)}"
    if datatype == "BOOL":
        return None if isinstance(value, bool) else f"expected true or false, got {shown(value)}"
    if type(value) not in (int, float):
        return f"expected a number, got {shown(value)}"
    return wrong_number_of(value, datatype)


def wrong_number_of(value: float, datatype: str) -> str | None:
    """What is wrong with a number for a numeric datatype; None where it holds it."""
    if datatype in WHOLE:
        least, most = WHOLE[datatype]
        if not isfinite(value) or value != int(value):
            return f"expected a whole number, as the graph takes {datatype}, got {shown(value)}"
        return (
            None
            if least <= value <= most
            else f"expected a whole number from {least} to {most}, got {shown(value)}"
        )
    if isnan(value):
        return None
    try:
        held = abs(float(value)) < _LARGEST[datatype]
    except OverflowError:
        held = False
    return None if held else f"expected a number that {datatype} holds, got {shown(value)}"


def is_shape_of(shape: tuple[int, ...], port: GraphInput) -> bool:
    """Whether an instance of this shape may be given to an input."""
    return len(shape) == len(port.shape) and all(
        said in (None, length) for said, length in zip(port.shape, shape, strict=True)
    )


def wrong_elements(values: Sequence[object], datatype: str) -> Iterator[tuple[int, str]]:
    """The values that a datatype does not hold, by their places, and what is wrong with each."""
    kinds = {*map(type, values)}
    if datatype == "BYTES" and kinds <= {str}:
        return
    if datatype == "FP64" and kinds <= {float} and not any(map(isnan, values)):  # type: ignore[arg-type]
        return
    for place, value in enumerate(values):
        message = wrong_element(value, datatype)
        if message:
            yield place, message
