"""An imported model as endpoints and jobs take it: a `Model` whose graph is run elsewhere."""

from __future__ import annotations

from ml_core import json_text
from ml_core.arithmetic.layout import Layout
from ml_core.digests import sha256
from ml_core.errors import ArtifactInvalid, ObjectNotFound
from ml_core.graphs.artifact import GraphArtifact, graph_in
from ml_core.graphs.call import FLOATS, TEXT
from ml_core.graphs.estimator import GraphEstimator
from ml_core.graphs.instances import GraphReader, read_rows, rows_of_columns
from ml_core.graphs.signature import ALGORITHM, TENSORS, GraphSignature
from ml_core.inputs.columns import BOOLEAN, CATEGORY, NUMBER, Feature
from ml_core.inputs.instances import LEAVE_OUT
from ml_core.inputs.rows import Rows
from ml_core.inputs.rules import TYPED
from ml_core.model.model import Model
from ml_core.preprocessing.encoding import Encoding
from ml_core.registry.registry import artifact_key, manifest_key

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from ml_core.algorithms.contract import Values
    from ml_core.graphs.contract import GraphRunner
    from ml_core.inputs.by_column import Columns
    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits
    from ml_core.ports import ObjectStore


class ImportedModel(Model):
    """A model that was made elsewhere as a graph of ONNX.

    Rows of numbers are packed as those of any model; rows with texts and tensors have a form of their own.
    """

    def __init__(
        self,
        signature: GraphSignature,
        artifact: GraphArtifact,
        runner: Callable[[], GraphRunner],
        *,
        nbytes: int = 0,
    ) -> None:
        table = signature.form != TENSORS
        self._graph = GraphEstimator(signature, artifact, runner)
        super().__init__(
            self._graph,
            algorithm=ALGORITHM,
            hyperparameters={},
            features=signature.features,
            classes=signature.classes,
            encoding=_encoding(signature) if table else None,
            reader=None if table else GraphReader(signature),  # type: ignore[arg-type]  # as the others
            nbytes=nbytes,
        )
        self.artifact = artifact
        self._texts = table and any(port.datatype == TEXT for port in signature.inputs)

    @classmethod
    def of_manifest(
        cls, manifest: Mapping[str, Any], artifact: GraphArtifact, runner: Callable[[], GraphRunner]
    ) -> ImportedModel:
        """The model that a version's manifest describes. Raises `ArtifactInvalid`."""
        described = manifest.get("graph")
        if not isinstance(described, dict):
            raise ArtifactInvalid("the version's graph is not described")
        return cls(GraphSignature.restored(described), artifact, runner, nbytes=len(repr(described)))

    @property
    def takes_texts(self) -> bool:
        """Whether a column of its rows is texts."""
        return self._texts

    def file(self, store: ObjectStore) -> bytes:
        """The file of ONNX that was imported. Raises `ArtifactInvalid`, `Unavailable`."""
        try:
            data = store.get(artifact_key(self.artifact.job)).data
        except ObjectNotFound:
            data = b""
        if sha256(data) != self.artifact.sha256:
            raise ArtifactInvalid("the version's artifact is damaged")
        return bytes(graph_in(data))

    def row_schema(self) -> dict[str, object]:
        """See `Model`; a text is one."""
        described = super().row_schema()
        return described if not self._texts else _with_texts(described, self.columns)

    def rows(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,
    ) -> Any:  # noqa: ANN401 - as it takes them
        """See `Model`."""
        if not self._texts:
            return super().rows(
                instances, limits=limits, where=where, expecting=expecting, unknown=unknown, notes=notes
            )
        if isinstance(instances, Rows):
            instances = instances.as_sent() if instances.as_sent else None
        return read_rows(
            instances, self.columns, limits=limits, where=where, expecting=expecting, unknown=unknown
        )

    def rows_of_columns(self, columns: Columns, *, expecting: str, notes: Notes | None = None) -> Any:  # noqa: ANN401
        """See `Model`."""
        if not self._texts:
            return super().rows_of_columns(columns, expecting=expecting, notes=notes)
        features, values, path, where = columns
        return rows_of_columns(features, [*values], path, where)

    def compute(
        self,
        packed: Any,  # noqa: ANN401 - bytes, or rows of an array
        outputs: Sequence[str],
        *,
        arithmetic: object = None,  # noqa: ARG002 (the graph's own)
        request_rows: int = 0,  # noqa: ARG002
    ) -> Mapping[str, Values]:
        """See `Model`."""
        data = packed if isinstance(packed, (bytes, memoryview)) else packed.tobytes()
        return self.estimator.predict(Rows(data, len(self.features), "rows"), outputs)

    def _blocks(
        self,
        rows: Any,  # noqa: ANN401
        outputs: Sequence[str],
        beside: Sequence[str],
    ) -> Iterator[Mapping[str, Values]]:
        yield self._graph.predict(rows, outputs, beside=beside)


def imported_model(
    store: ObjectStore, job: str, digest: str, runner: Callable[[], GraphRunner]
) -> ImportedModel:
    """The imported model that a job has registered, whose artifact has this SHA-256.

    Raises `ArtifactInvalid`, `ObjectNotFound`, `Unavailable`.
    """
    manifest = json_text.loads(store.get(manifest_key(job)).data.decode())
    if manifest.get("sha256") != digest:
        raise ArtifactInvalid("the version's manifest is not that of its artifact")
    return ImportedModel.of_manifest(manifest, GraphArtifact(job, digest, manifest["size"]), runner)


def _encoding(signature: GraphSignature) -> Encoding:
    """How rows are read. What becomes of them is the graph's to know."""
    each = zip(signature.features, signature.ports, strict=True)
    features = tuple(_feature(name, port.datatype) for name, port in each)
    return Encoding(features, Layout((), (), ()))


def _feature(name: str, datatype: str) -> Feature:
    if datatype == TEXT:
        # The word is what keeps an empty text from being a missing value.
        return Feature(name, CATEGORY, ("",), TYPED._replace(required=True))
    if datatype == "BOOL":
        return Feature(name, BOOLEAN, (), TYPED._replace(required=True))
    return Feature(name, NUMBER, (), TYPED if datatype in FLOATS else TYPED._replace(required=True))


def _with_texts(described: dict[str, Any], features: Sequence[Feature]) -> dict[str, object]:
    """The schema of rows in which texts are any, and none of a category's words."""
    texts = {feature.name for feature in features if feature.kind == CATEGORY}
    by_name, in_order = described["anyOf"]
    by_name = {
        **by_name,
        "properties": {
            name: {"type": "string"} if name in texts else schema
            for name, schema in by_name["properties"].items()
        },
    }
    items = [
        {"title": each["title"], "type": "string"} if each["title"] in texts else each
        for each in in_order["prefixItems"]
    ]
    return {**described, "anyOf": [by_name, {**in_order, "prefixItems": items}]}
