"""A recurrent network (LSTM, GRU or Elman) for sequences of numbers, and for text."""

from __future__ import annotations

from ml_core import hyperparameters as hp
from ml_core.algorithms.base import Algorithm, DataSize, FitContext, TrainingData
from ml_core.algorithms.network_estimator import NetworkEstimator, affine, head, one_of, standardisation
from ml_core.algorithms.network_hyperparameters import NOT_PRIVATE, environment, training
from ml_core.algorithms.tasks import CLASSIFICATION
from ml_core.arithmetic.bounds import STEP_MULTIPLICATIONS, sequence_blocks
from ml_core.arithmetic.network import GATES, READS, RecurrentCell, SequenceNetwork
from ml_core.errors import ArtifactInvalid, raise_faults
from ml_core.inputs.arrays import Sequences
from ml_core.inputs.kinds import SEQUENCE, TEXT
from ml_core.inputs.specs import FLOAT32, INT64, InputSpec
from ml_core.preprocessing.scaling import Preprocessing
from ml_core.safetensors import Tensor, counts, float32

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ml_core.arithmetic.networks_contract import NetworkArithmetic
    from ml_core.errors import Fault
    from ml_core.inputs.arrays import Pictures
    from ml_core.preprocessing.network_batch import NetworkBatch

DIRECTIONS = ("forward", "backward")


class RecurrentNetwork(NetworkEstimator):
    """Recurrent layers over sequences of any length, whose steps are numbers, or the numbers of words."""

    def __init__(self, network: SequenceNetwork) -> None:
        by = network.standardisation
        instance = (
            InputSpec("input-0", FLOAT32, (-1, by.mean.size)) if by else InputSpec("input-0", INT64, (-1,))
        )
        super().__init__(network, instance, network.head.outputs)
        self.network = network
        self.n_tokens = network.embedding.shape[0] if network.embedding else None

    def multiplications(self, instances: Pictures | Sequences) -> int:
        """How many sequences take together. A step of few counts as many as are done in its time."""
        lengths = sorted(instances.lengths, reverse=True) if isinstance(instances, Sequences) else []
        one_by_one = sum(lengths[block.start] for block in sequence_blocks(lengths, self.peak_width))
        cells = sum(map(len, self.network.layers))
        alone: int = one_by_one * cells * STEP_MULTIPLICATIONS
        return max(super().multiplications(instances), alone)

    def decide[M](self, arithmetic: NetworkArithmetic[M], batch: NetworkBatch) -> tuple[list[int], M]:
        """The label of each sequence, and a number for each class."""
        sequences: Sequences = batch.instances  # type: ignore[assignment]  # as its input says
        return arithmetic.sequence_decisions(sequences, self.network)

    def parameters(self) -> dict[str, object]:
        """What the cells are and how they are read; how many channels a step has, null for text."""
        network = self.network
        return {
            "cell": network.cell,
            "layers": len(network.layers),
            "bidirectional": len(network.layers[0]) == 2,
            "reads": network.reads,
            "channels": network.standardisation and network.standardisation.mean.size,
        }

    def tensors(self) -> dict[str, Tensor]:
        """The cells and the head, and what steps are standardised by or embedded in."""
        network = self.network
        found = {"head.weight": network.head.weight, "head.bias": network.head.bias}
        if network.standardisation:
            found["input.mean"], found["input.scale"] = network.standardisation
        if network.embedding:
            found["embedding"] = network.embedding
        for number, layer in enumerate(network.layers):
            for direction, cell in zip(DIRECTIONS, layer, strict=False):
                name = f"rnn.{number}.{direction}"
                found[f"{name}.input"], found[f"{name}.input_bias"] = cell.input.weight, cell.input.bias
                found[f"{name}.recurrent"] = cell.recurrent.weight
                found[f"{name}.recurrent_bias"] = cell.recurrent.bias
        return found


def check_size(size: DataSize, chosen: Mapping[str, Any]) -> list[Fault]:
    """A network that is too large, or that there is no time for."""
    from ml_core.algorithms.network_sizes import sequence_faults

    channels = size.shape[-1] if size.shape else None
    return sequence_faults(channels, size.rows, size.steps, chosen, seconds=size.seconds)


def fit(
    data: TrainingData, chosen: Mapping[str, Any], context: FitContext
) -> tuple[RecurrentNetwork, Preprocessing]:
    """Train by AdamW, and keep the weights that had the lowest loss on sequences held out of it."""
    import numpy as np

    from ml_core.algorithms.network_sizes import sequence_faults
    from ml_core.algorithms.network_training import input_tensors, options
    from ml_core.inputs.samples import SequenceSamples
    from ml_core.networks import randomness
    from ml_core.networks.network import tensors_of
    from ml_core.networks.recurrent import build, most_at_once
    from ml_core.networks.sequences import SequenceInputs, standardisation
    from ml_core.networks.training import train

    samples, y = data.samples, data.y
    assert isinstance(samples, SequenceSamples) and y is not None  # noqa: S101, PT018 - for the type checker
    text, classes = samples.steps.dtype == np.int64, int(y.max()) + 1
    channels = None if text else samples.steps.shape[1]
    steps = len(samples.steps)
    raise_faults(
        sequence_faults(channels, len(samples), steps, chosen, classes=classes, seconds=context.seconds)
    )
    # The vocabulary is that of these rows, so that each of its words is among them.
    inputs = int(samples.steps.max()) + 1 if text else samples.steps.shape[1]
    random = randomness.generator(data.seed, *randomness.WEIGHTS)
    layers = build(inputs, classes, chosen, random, text=text)
    scaling = None
    if not text:
        unscaled = np.zeros(inputs, np.float32), np.ones(inputs, np.float32)
        scaling = standardisation(samples) if chosen["scale"] else unscaled
    train(
        layers,
        SequenceInputs(samples, *(scaling or ())),
        data,
        options(chosen),
        context,
        most_at_once=most_at_once(channels or chosen["embedding_size"], chosen),
        sizes=samples.lengths,
    )
    parameters = {name: chosen[name] for name in ("cell", "layers", "bidirectional", "reads")}
    tensors = {**tensors_of(layers), **(input_tensors(*scaling) if scaling else {})}
    return restore({**parameters, "channels": channels}, tensors), Preprocessing()


def restore(parameters: dict[str, Any], tensors: dict[str, Tensor]) -> RecurrentNetwork:
    """The network that `parameters` and `tensors` describe."""
    kind, reads = one_of(GATES, parameters.pop("cell")), one_of(READS, parameters.pop("reads"))
    (count,) = counts([parameters.pop("layers")])
    both, channels = parameters.pop("bidirectional"), parameters.pop("channels")
    if not isinstance(both, bool) or count < 1:
        raise ArtifactInvalid("expected at least one layer, bidirectional or not")
    if channels is None:
        by, embedding = None, float32(tensors.pop("embedding"), None, None)
        width = embedding.shape[1]
    else:
        (width,) = counts([channels])
        by, embedding = standardisation(tensors, width), None
    layers = []
    hidden = None
    for number in range(count):
        layer = []
        for direction in DIRECTIONS[: 1 + both]:
            cell = _cell(tensors, f"rnn.{number}.{direction}", kind, width, hidden)
            hidden = cell.width
            layer.append(cell)
        layers.append(layer)
        width = layer[0].width * len(layer)
    network = SequenceNetwork(kind, reads, by, embedding, layers, head(tensors, "head", width))
    return RecurrentNetwork(network)


def _cell(tensors: dict[str, Tensor], name: str, kind: str, inputs: int, hidden: int | None) -> RecurrentCell:
    """A cell, taken out of an artifact's tensors; every cell's state has one width."""
    recurrent = affine(tensors, f"{name}.recurrent", f"{name}.recurrent_bias", hidden, None)
    outputs = GATES[kind] * recurrent.inputs
    if recurrent.outputs != outputs:
        raise ArtifactInvalid(f"expected {outputs} rows in {name}.recurrent, got {recurrent.outputs}")
    return RecurrentCell(affine(tensors, f"{name}.input", f"{name}.input_bias", inputs, outputs), recurrent)


ALGORITHM = Algorithm(
    title="Recurrent network (RNN)",
    task=CLASSIFICATION,
    summary="Predicts the class of a text or of a sequence of numbers, which it reads step by step.",
    objective="log_loss",
    not_private=NOT_PRIVATE,
    hyperparameters=(
        hp.Hyperparameter("cell", hp.OneOf(*GATES), "lstm", "what a layer is made of; 'rnn' is Elman's cell"),
        hp.Hyperparameter("hidden_size", hp.Integer(1, 512), 64, "how many numbers a layer's state has"),
        hp.Hyperparameter("layers", hp.Integer(1, 3), 1, "layers, each of which reads the one before"),
        hp.Hyperparameter(
            "bidirectional", hp.Flag(), True, "whether each layer also reads from the end to the beginning"
        ),
        hp.Hyperparameter(
            "reads",
            hp.OneOf(*READS),
            "max",
            "what decides: the state after the last step, or the mean or the maximum of all steps' states",
        ),
        hp.Hyperparameter(
            "dropout",
            hp.Number(least=0, most=0.9),
            0.0,
            "share of a layer's outputs that training leaves out at random",
        ),
        *training(epochs=30, learning_rate=3e-3, clip_norm=1.0),
        hp.Hyperparameter(
            "scale",
            hp.Flag(),
            True,
            "standardise every number of a step to mean 0 and variance 1 first, as a part of the model; "
            "text has none",
        ),
        hp.Hyperparameter(
            "max_length",
            hp.AnyOf(hp.OneOf(None), hp.Integer(1, 10_000)),
            None,
            "longer sequences of numbers are cut to so many steps, the last ones, and longer texts to the "
            "first tokens; null cuts none",
        ),
        hp.Hyperparameter("tokens", hp.OneOf("words", "characters"), "words", "what a text is a sequence of"),
        hp.Hyperparameter("lowercase", hp.Flag(), True, "whether large and small letters of a text are one"),
        hp.Hyperparameter(
            "max_vocabulary",
            hp.Integer(1, 100_000),
            20_000,
            "most words or characters that are known of text, the most frequent ones",
        ),
        hp.Hyperparameter(
            "embedding_size", hp.Integer(1, 512), 64, "how many numbers a word or character of text becomes"
        ),
    ),
    check_size=check_size,
    fit=fit,
    restore=restore,
    keeps_rows=lambda _: False,
    environment=environment,
    takes=(SEQUENCE, TEXT),
)
