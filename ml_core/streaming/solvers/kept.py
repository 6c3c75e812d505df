"""A solver's state as bytes: arrays and numbers, to the last bit."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def to_bytes(state: "Mapping[str, Any]") -> bytes:
    """The arrays and numbers of a state, by their names."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **{name: np.asarray(value) for name, value in state.items()})
    return file.getvalue()


def from_bytes(state: bytes) -> "dict[str, NDArray[Any]]":
    """The arrays that `to_bytes` wrote; a number is an array without dimensions."""
    with np.load(io.BytesIO(state), allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}
