"""An uploaded graph on its way to a version: it is looked at here, and run once elsewhere.

Nothing of ours loads the file: it is scanned (`onnx/scan.py`), put into an artifact, and tried by whoever
runs graphs, on an example or on zeros. What it gave then says what its outputs are.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.errors import (
    Fault,
    InvalidInput,
    ObjectExists,
    Unavailable,
)
from ml_core.graphs.artifact import TENSOR, GraphArtifact
from ml_core.graphs.call import ADDRESS, FAILED, UNREACHABLE, GraphFailure
from ml_core.graphs.feeding import pieces
from ml_core.graphs.model import ImportedModel
from ml_core.graphs.request import ImportRequest
from ml_core.graphs.settling import WHERE, settled, settled_inputs
from ml_core.graphs.signature import ALGORITHM, TENSORS, GraphInput, GraphSignature
from ml_core.inputs.rows import Limits

if TYPE_CHECKING:
    from ml_core.datasets.reopening import Stores
    from ml_core.graphs.contract import GraphRunner
    from ml_core.onnx.scan import ScannedGraph
    from ml_core.ports import ObjectStore

_TRIED = 2  # instances of zeros: with one, an output that counts none of them looks as if it did
_KEPT_OF_SCAN = ("ir_version", "opsets", "producer", "nodes", "operators", "numbers")


class ScannedImport(NamedTuple):
    """A graph that was looked at: what is known of it, and the artifact that holds its file."""

    request: ImportRequest
    scanned: "ScannedGraph"
    signature: GraphSignature
    artifact: bytes


def looked_at(data: bytes, request: ImportRequest) -> ScannedImport:
    """What can be known of a file without running it. Raises `InvalidInput` with what is wrong."""
    from ml_core.model.artifact import write
    from ml_core.onnx.scan import scan
    from ml_core.registering.foreign import ONNX, foreign
    from ml_core.safetensors import Tensor

    try:
        scanned = scan(data)
    except InvalidInput:
        other = foreign(data)
        if other is None or other.name == ONNX:
            raise
        raise InvalidInput.at(
            WHERE, f"expected a file of ONNX, got {other.name}: export the model as ONNX where it was made"
        ) from None
    signature = settled_inputs(scanned, request)
    artifact = write({"algorithm": ALGORITHM}, {TENSOR: Tensor((len(data),), data, "U8")})
    return ScannedImport(request, scanned, signature, artifact)


def tried(looked: ScannedImport, job: str, stores: "Stores | None") -> dict[str, Any]:
    """The manifest of a graph, which is run once for it. The artifact is stored meanwhile.

    Raises:
        InvalidInput: it does not run, or gives nothing that can be told.
        NotDeployed, Unavailable: nobody runs graphs here, or nobody answered.
    """
    from ml_core.conflicts import NotDeployed

    if stores is None or stores.graphs is None:
        raise NotDeployed.graphs()
    runner = stores.graphs()
    artifact = _stored(stores.store, job, looked.artifact)
    signature, request = looked.signature, looked.request
    instances = _instances(signature, request, artifact, runner)
    piece = next(iter(pieces(signature, instances)))
    try:
        found = runner.run(artifact, piece.inputs, (), batch=signature.batch)
    except GraphFailure as failure:
        raise _refused(failure, by_example=request.example is not None) from None
    named, warnings = settled(signature, looked.scanned, request, found, len(piece.places))
    return _manifest(named, looked.scanned, warnings)


def _stored(store: "ObjectStore", job: str, data: bytes) -> GraphArtifact:
    """Store the artifact, as whoever runs it reads it from there; an earlier attempt has done it already."""
    from ml_core.digests import sha256
    from ml_core.registry.registry import artifact_key

    with suppress(ObjectExists):  # equal bytes: they depend on the uploaded file alone
        store.put_if_absent(artifact_key(job), data)
    return GraphArtifact(job, sha256(data), len(data))


def _instances(
    signature: GraphSignature, request: ImportRequest, artifact: GraphArtifact, runner: "GraphRunner"
) -> Any:  # noqa: ANN401 - as the model takes them
    """What the graph is tried on."""
    model = ImportedModel(signature, artifact, lambda: runner)
    if request.example is not None:
        return model.rows([*request.example], limits=Limits(), where="$.example")
    return model.rows(_zeros(signature), limits=Limits())


def _zeros(signature: GraphSignature) -> list[object]:
    if signature.form != TENSORS:
        return [[_zero(port.datatype) for port in signature.ports]] * _TRIED
    each = zip(signature.features, signature.inputs, strict=True)
    return [{name: _zero_tensor(port) for name, port in each}] * _TRIED


def _zero(datatype: str) -> object:
    return "" if datatype == "BYTES" else False if datatype == "BOOL" else 0


def _zero_tensor(port: GraphInput) -> object:
    value: object = _zero(port.datatype)
    for length in reversed(port.shape):
        value = [value] * (1 if length is None else length)
    return value


def _refused(failure: GraphFailure, *, by_example: bool) -> InvalidInput | Unavailable:
    """Why a graph that was tried has no version."""
    if failure.reason in (ADDRESS, UNREACHABLE):
        return Unavailable(f"the function that runs imported models gave no answer: {failure}")
    on = "the example" if by_example else "zeros"
    advice = "" if by_example else "; send instances that it can compute as `example`"
    message = f"expected a graph that runs on {on}, got: {failure}"
    return InvalidInput(
        [Fault("$.example" if by_example and failure.reason == FAILED else WHERE, message + advice)]
    )


def _manifest(signature: GraphSignature, scanned: "ScannedGraph", warnings: list[str]) -> dict[str, Any]:
    """What is known of a version that was made elsewhere, as a graph."""
    told = {name: getattr(scanned, name) for name in _KEPT_OF_SCAN}
    return {
        "algorithm": ALGORITHM,
        "hyperparameters": {},
        "features": list(signature.features),
        "classes": None if signature.classes is None else list(signature.classes),
        "graph": {**signature.described(), **told},
        "task": signature.task,
        "contains_training_rows": None,
        "metrics": {},
        "warnings": warnings,
        **dict.fromkeys(("rows", "test_rows", "test_fraction", "seed", "split", "library_versions")),
    }
