"""What fitted networks of every kind share: their outputs, and how they choose an arithmetic."""

from __future__ import annotations

from ml_core.algorithms.outputs import LABELS, OutputSpec
from ml_core.arithmetic import choose_for_network
from ml_core.arithmetic.bounds import BLOCK_NUMBERS
from ml_core.arithmetic.network import Affine, Standardisation
from ml_core.errors import ArtifactInvalid
from ml_core.inputs.arrays import size_of
from ml_core.safetensors import Tensor, float32

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ml_core.algorithms.contract import Values
    from ml_core.arithmetic.network import PictureNetwork, SequenceNetwork
    from ml_core.arithmetic.networks_contract import NetworkArithmetic
    from ml_core.inputs.arrays import Pictures, Sequences
    from ml_core.inputs.specs import InputSpec
    from ml_core.onnx.graph import Graph, Value
    from ml_core.preprocessing.network_batch import NetworkBatch
    from ml_core.preprocessing.scaling import Scaling

# What one picture, or one step, may take: beyond, an answer would take seconds for each. Neither is trained,
# nor read from an artifact.
MOST_ACTIVATION = BLOCK_NUMBERS
MOST_WORK = 1 << 33


class NetworkEstimator:
    """A fitted network. It predicts a `NetworkBatch`, whose instances are already what it takes."""

    # Weights are sums over all rows. The words of a text model stand in its description, as the words of a
    # table's categories do: docs/versions.md says of both that whoever has the artifact has the words.
    contains_training_rows = False

    def __init__(self, network: PictureNetwork | SequenceNetwork, instance: InputSpec, classes: int) -> None:
        if network.peak_width > MOST_ACTIVATION or network.work > MOST_WORK:
            raise ArtifactInvalid(
                f"a network with {network.peak_width} numbers in a layer and {network.work} multiplications "
                f"for each picture or step; at most {MOST_ACTIVATION} and {MOST_WORK} are computed"
            )
        self.input = instance
        self.n_classes = classes
        self.outputs = (LABELS, OutputSpec("probability", (classes,)))
        self.peak_width = network.peak_width
        self.work = network.work

    def predict(self, batch: NetworkBatch, outputs: Sequence[str]) -> Mapping[str, Values]:
        """The outputs of the batch's instances. Raises `NotFinite`."""
        arithmetic = batch.arithmetic or choose_for_network(batch.request_size, self.work)
        labels, decisions = self.decide(arithmetic, batch)
        found: dict[str, Values] = {"label": labels}
        if "probability" in outputs:
            found["probability"] = arithmetic.softmax(decisions)
        return found

    def multiplications(self, instances: Pictures | Sequences) -> int:
        """How many multiplications pictures or sequences take together."""
        return size_of(instances) * self.work

    def decide[M](self, arithmetic: NetworkArithmetic[M], batch: NetworkBatch) -> tuple[list[int], M]:
        """The label of each instance, and a number for each class. Raises `NotFinite`."""
        raise NotImplementedError

    def onnx(self, graph: Graph, instances: Any) -> Mapping[str, Value]:  # noqa: ANN401 - of the graph
        """The outputs as the nodes of a graph compute them, in float32."""
        from ml_core.onnx.networks import GraphNetworks
        from ml_core.preprocessing.network_batch import NetworkBatch

        arithmetic: Any = GraphNetworks(graph)  # its labels are a `Value`, no list
        labels, decisions = self.decide(arithmetic, NetworkBatch(instances, request_size=1))
        written: Mapping[str, Any] = {"label": labels, "probability": arithmetic.softmax(decisions)}
        return written

    def absorb_scaling(self, scaling: Scaling) -> None:  # noqa: ARG002 - as every estimator
        """A network standardises by itself."""
        return


def standardisation(tensors: dict[str, Tensor], channels: int) -> Standardisation:
    """Taken out of an artifact's tensors. Raises `KeyError`, `ArtifactInvalid`."""
    mean, scale = (float32(tensors.pop(f"input.{name}"), channels) for name in ("mean", "scale"))
    if min(scale.values) <= 0:
        raise ArtifactInvalid("a scale of the input is not above 0")
    return Standardisation(mean, scale)


def affine(
    tensors: dict[str, Tensor], weight: str, bias: str, inputs: int | None, outputs: int | None
) -> Affine:
    """A layer, taken out of an artifact's tensors; None is any length.

    Raises `KeyError`, `ArtifactInvalid`.
    """
    rows = float32(tensors.pop(weight), outputs, inputs)
    return Affine(rows, float32(tensors.pop(bias), rows.shape[0]))


def head(tensors: dict[str, Tensor], name: str, inputs: int) -> Affine:
    """The last layer, which has an output for each class. Raises `KeyError`, `ArtifactInvalid`."""
    layer = affine(tensors, f"{name}.weight", f"{name}.bias", inputs, None)
    if layer.outputs < 2:
        raise ArtifactInvalid("a network tells at least 2 classes apart")
    return layer


def one_of(words: Sequence[str] | Mapping[str, Any], value: object) -> str:
    """The value, if it is one of the words. Raises `ArtifactInvalid`."""
    if not isinstance(value, str) or value not in words:
        raise ArtifactInvalid(f"expected one of {', '.join(words)}")
    return value


def numbered(prefix: str, layers: Sequence[Affine]) -> dict[str, Tensor]:
    """The tensors of layers by their names in an artifact."""
    return {
        f"{prefix}.{number}.{name}": tensor
        for number, layer in enumerate(layers)
        for name, tensor in (("weight", layer.weight), ("bias", layer.bias))
    }
