"""A convolutional network for pictures."""

from __future__ import annotations

from ml_core import hyperparameters as hp
from ml_core.algorithms.base import Algorithm, DataSize, FitContext, TrainingData
from ml_core.algorithms.network_estimator import (
    NetworkEstimator,
    affine,
    head,
    numbered,
    one_of,
    standardisation,
)
from ml_core.algorithms.network_hyperparameters import NOT_PRIVATE, environment, training
from ml_core.algorithms.tasks import CLASSIFICATION
from ml_core.arithmetic.network import POOLINGS, Affine, PictureNetwork
from ml_core.errors import ArtifactInvalid, raise_faults
from ml_core.inputs.kinds import IMAGE
from ml_core.inputs.specs import FLOAT32, InputSpec
from ml_core.preprocessing.scaling import Preprocessing
from ml_core.safetensors import Tensor, counts

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ml_core.arithmetic.networks_contract import NetworkArithmetic
    from ml_core.errors import Fault
    from ml_core.inputs.arrays import Pictures
    from ml_core.preprocessing.network_batch import NetworkBatch

KERNEL_SIZES = (1, 3, 5, 7)
STANDARDISE, UNIT, NONE = "standardise", "0-1", "none"


class ConvolutionalNetwork(NetworkEstimator):
    """Convolutions with poolings, then dense layers, of pictures of one shape."""

    def __init__(self, network: PictureNetwork) -> None:
        super().__init__(network, InputSpec("input-0", FLOAT32, network.shape), network.dense[-1].outputs)
        self.network = network

    def decide[M](self, arithmetic: NetworkArithmetic[M], batch: NetworkBatch) -> tuple[list[int], M]:
        """The label of each picture, and a number for each class. Raises `NotFinite`."""
        pictures: Pictures = batch.instances  # type: ignore[assignment]  # as its input says
        return arithmetic.picture_decisions(pictures, self.network)

    def parameters(self) -> dict[str, object]:
        """The pictures' shape, the side of a patch, and the kind of pooling."""
        shape, kernel_size, pooling, *_ = self.network
        return {"shape": list(shape), "kernel_size": kernel_size, "pooling": pooling}

    def tensors(self) -> dict[str, Tensor]:
        """The layers, and what pictures are standardised by."""
        network = self.network
        mean, scale = network.standardisation
        layers = numbered("conv", network.convolutions) | numbered("dense", network.dense)
        return {"input.mean": mean, "input.scale": scale, **layers}


def check_size(size: DataSize, chosen: Mapping[str, Any]) -> list[Fault]:
    """Pictures that the network is too deep or too large for, or that there is no time for."""
    from ml_core.algorithms.network_sizes import picture_faults

    if size.shape is None:
        return []
    height, width, channels = size.shape
    return picture_faults((height, width, channels), size.rows, chosen, seconds=size.seconds)


def fit(
    data: TrainingData, chosen: Mapping[str, Any], context: FitContext
) -> tuple[ConvolutionalNetwork, Preprocessing]:
    """Train by AdamW, and keep the weights that had the lowest loss on pictures held out of it."""
    from ml_core.algorithms.network_sizes import picture_faults
    from ml_core.algorithms.network_training import input_tensors, options
    from ml_core.inputs.samples import PictureSamples
    from ml_core.networks.augmentation import PictureAugmentation
    from ml_core.networks.convolutional import PictureInputs, build, most_at_once, scaling
    from ml_core.networks.network import tensors_of
    from ml_core.networks.training import train

    samples, y = data.samples, data.y
    assert isinstance(samples, PictureSamples) and y is not None  # noqa: S101, PT018 - for the type checker
    shape, classes = samples.array.shape[1:], int(y.max()) + 1
    faults = picture_faults(shape, len(samples), chosen, classes=classes, seconds=context.seconds)
    raise_faults(faults)
    layers = build(shape, classes, chosen, data.seed)
    mean, scale = scaling(samples, chosen["scale"])
    augment = None
    if chosen["shift"] or chosen["flip"]:
        augment = PictureAugmentation(shift=chosen["shift"], flip=chosen["flip"])
    train(
        layers,
        PictureInputs(samples, mean, scale),
        data,
        options(chosen),
        context,
        augment=augment,
        most_at_once=most_at_once(shape, chosen),
    )
    parameters = {"shape": [*shape], "kernel_size": chosen["kernel_size"], "pooling": chosen["pooling"]}
    return restore(parameters, {**tensors_of(layers), **input_tensors(mean, scale)}), Preprocessing()


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> ConvolutionalNetwork:
    """The network that `parameters` and `tensors` describe."""
    height, width, channels = counts(parameters.pop("shape"))
    (kernel_size,) = counts([parameters.pop("kernel_size")])
    pooling = one_of(POOLINGS, parameters.pop("pooling"))
    if kernel_size not in KERNEL_SIZES or 0 in (height, width, channels):
        raise ArtifactInvalid("a picture or a kernel of no such size is known")
    convolutions: list[Affine] = []
    dense: list[Affine] = []
    inputs = channels
    while f"conv.{len(convolutions)}.weight" in tensors:
        name = f"conv.{len(convolutions)}"
        layer = affine(tensors, f"{name}.weight", f"{name}.bias", kernel_size * kernel_size * inputs, None)
        inputs = layer.outputs
        convolutions.append(layer)
    halvings = len(convolutions)
    inputs *= (height >> halvings) * (width >> halvings)
    while f"dense.{len(dense) + 1}.weight" in tensors:
        name = f"dense.{len(dense)}"
        layer = affine(tensors, f"{name}.weight", f"{name}.bias", inputs, None)
        inputs = layer.outputs
        dense.append(layer)
    dense.append(head(tensors, f"dense.{len(dense)}", inputs))
    by = standardisation(tensors, channels)
    shape = (height, width, channels)
    return ConvolutionalNetwork(PictureNetwork(shape, kernel_size, pooling, by, convolutions, dense))


ALGORITHM = Algorithm(
    title="Convolutional network (CNN)",
    task=CLASSIFICATION,
    summary="Predicts the class of a picture, by patterns wherever in the picture they are.",
    objective="log_loss",
    not_private=NOT_PRIVATE,
    hyperparameters=(
        hp.Hyperparameter(
            "channels",
            hp.ListOf(hp.Integer(1, 256), 1, 6),
            [32, 64],
            "a convolution for each, with so many outputs; a pooling after each halves height and width",
        ),
        hp.Hyperparameter(
            "kernel_size",
            hp.OneOf(*KERNEL_SIZES),
            3,
            "height and width of the patches that a convolution sees",
        ),
        hp.Hyperparameter("pooling", hp.OneOf(*POOLINGS), "max", "what a pooling keeps of a square of 2 × 2"),
        hp.Hyperparameter(
            "dense",
            hp.ListOf(hp.Integer(1, 1024), 0, 3),
            [128],
            "a dense layer for each, with so many outputs, before the one that has an output for each class",
        ),
        hp.Hyperparameter(
            "dropout",
            hp.Number(least=0, most=0.9),
            0.25,
            "share of a dense layer's inputs that training leaves out at random",
        ),
        *training(epochs=50, clip_norm=None),
        hp.Hyperparameter(
            "scale",
            hp.OneOf(STANDARDISE, UNIT, NONE),
            STANDARDISE,
            "what happens to pictures first, channel by channel: mean 0 and variance 1, or the least number "
            "0 and the largest 1, or nothing",
        ),
        hp.Hyperparameter(
            "shift",
            hp.Integer(0, 8),
            0,
            "training moves pictures at random by up to so many pixels up, down and sideways",
        ),
        hp.Hyperparameter("flip", hp.Flag(), False, "training mirrors pictures at random, left to right"),
    ),
    check_size=check_size,
    fit=fit,
    restore=restore,
    keeps_rows=lambda _: False,
    environment=environment,
    takes=(IMAGE,),
)
