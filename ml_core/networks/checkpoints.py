"""What a training continues from, as bytes: everything that its next step depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_core import safetensors
from ml_core.errors import ArtifactInvalid
from ml_core.records import Record
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml_core.networks.layers import Array

# 2 where the same state would be continued in another way.
_FORMAT = 1


class Counters(Record):
    """How far a training is. Numbers of Python: JSON keeps them to the last bit.

    `epoch` and `batch` are those done: batch 0 is an epoch's beginning. `total` and `weight` are the sums of
    losses and weights of the epoch's batches so far, `history` the metrics of each epoch done.
    `without_gain` counts the epochs since the best validation loss.
    """

    epoch: int = 0
    batch: int = 0
    steps: int = 0
    total: float = 0.0
    weight: float = 0.0
    best_loss: float | None = None
    without_gain: int = 0
    history: tuple[dict[str, float], ...] = ()


def written(about: str, counters: Counters, arrays: Mapping[str, Mapping[str, Array]]) -> bytes:
    """The state as a safetensors file.

    Args:
        about: what is trained, in a word that another training does not share.
        counters: how far it is.
        arrays: by their purpose ("weights", "first", …) the arrays of each parameter.
    """
    return safetensors.write(
        {
            "format": _FORMAT,
            "about": about,
            "counters": {**counters._asdict(), "history": list(counters.history)},
        },
        {
            f"{purpose}:{name}": Tensor(array.shape, array.astype("<f4", copy=False).tobytes(), "F32")
            for purpose, by_name in arrays.items()
            for name, array in by_name.items()
        },
    )


def read(state: bytes, about: str, arrays: Mapping[str, Mapping[str, Array]]) -> Counters | None:
    """How far the training of a state is; its arrays are copied into `arrays`.

    None, and nothing is changed, where the state is damaged or is another training's: what was begun then is
    begun again.
    """
    try:
        description, tensors = safetensors.read(state, finite=False)
    except ArtifactInvalid:
        return None
    expected = {
        f"{purpose}:{name}": array for purpose, by_name in arrays.items() for name, array in by_name.items()
    }
    same = description.get("format") == _FORMAT and description.get("about") == about
    if not same or {name: tensor.shape for name, tensor in tensors.items()} != {
        name: array.shape for name, array in expected.items()
    }:
        return None
    for name, array in expected.items():
        array[...] = np.frombuffer(tensors[name].packed, "<f4").reshape(array.shape)
    counters: Any = description["counters"]
    return Counters(**{**counters, "history": tuple(counters["history"])})
