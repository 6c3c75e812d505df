"""What fitting a network of any kind says to the engine, and takes from it."""

from typing import TYPE_CHECKING, Any

from ml_core.networks.training import TrainingOptions
from ml_core.safetensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


def options(chosen: "Mapping[str, Any]") -> TrainingOptions:
    """The hyperparameters of `network_hyperparameters.py` as the engine takes them."""
    return TrainingOptions(**{name: chosen[name] for name in TrainingOptions._fields})


def input_tensors(mean: "NDArray[np.float32]", scale: "NDArray[np.float32]") -> dict[str, Tensor]:
    """What instances are standardised by, as an artifact has it."""
    named = {"input.mean": mean, "input.scale": scale}
    return {name: Tensor(array.shape, array.astype("<f4").tobytes(), "F32") for name, array in named.items()}
