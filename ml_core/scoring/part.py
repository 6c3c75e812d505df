"""Scores one part of a table: the task that an engine runs, here or in a function of its own."""

from typing import TYPE_CHECKING, NamedTuple

from ml_core.digests import sha256
from ml_core.errors import ArtifactInvalid, Fault, InvalidInput, ObjectNotFound, shown
from ml_core.names import IMPORTED
from ml_core.registry.registry import artifact_key
from ml_core.scoring.places import PartCounts, ScorePlace
from ml_core.scoring.request import STOP, ScoringRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ml_core.datasets.reopening import Reopening, Stores
    from ml_core.model.model import Model
    from ml_core.scanning.block import Reject
    from ml_core.scanning.plan import Part, Plan
    from ml_core.scoring.writing import RejectsFile, ScoredBlock


# Of a wide table a block has more bytes, so that each column has a thousand numbers or two: what it takes to
# begin with a column, and with a kernel's vectors, is shared by many rows.
_COLUMN_BYTES, _MOST_BLOCK_BYTES = 1 << 14, 1 << 25


class PartDone(NamedTuple):
    """What became of a part: what was written of it, or the first faults of a table that is to have none."""

    counts: PartCounts | None
    faults: tuple[Fault, ...] = ()


def score_part(
    reopening: "Reopening", request: ScoringRequest, job: str, plan: "Plan", part: "Part"
) -> PartDone:
    """Score a part and write what comes of it, unless that is there already.

    `plan` may lack its parts. Raises `RevisionMismatch` where the data changed, `MalformedInput`,
    `ArtifactInvalid`, `Unavailable`.
    """
    from ml_core.scoring.writing import RejectsFile, ScoresWriter

    stores = reopening.open()
    place = ScorePlace(stores, request, job)
    counts = place.counts(part.number)
    if counts is not None:
        return PartDone(counts)
    model = scored_model(stores, request)
    rejects = RejectsFile(plan.files[part.file].uri)
    scored = _Reading(stores, request, plan, part, model)
    try:
        scores = ScoresWriter(model, request).write(scored.blocks(rejects))
    except _Stopped as stopped:
        return PartDone(None, stopped.faults)
    return PartDone(
        place.write(part.number, scores, rejects.to_bytes(), rows=scored.rows, rejected=rejects.rows)
    )


class _Stopped(Exception):
    """A row was rejected, and the job is to stop at the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults


class _Reading:
    """The blocks of a part with what a model says of them, and how many rows have predictions."""

    def __init__(
        self, stores: "Stores", request: ScoringRequest, plan: "Plan", part: "Part", model: "Model"
    ) -> None:
        self.rows = 0
        self._stores = stores
        self._request = request
        self._plan = plan
        self._part = part
        self._model = model

    def blocks(self, rejects: "RejectsFile") -> "Iterator[ScoredBlock]":
        """Them, one after another. Raises `_Stopped`, and what reading does."""
        from ml_core.scanning.block import BLOCK_BYTES
        from ml_core.scanning.blocks import blocks
        from ml_core.scoring.predicting import Predictor
        from ml_core.scoring.writing import ScoredBlock

        model, request = self._model, self._request
        specs = [model.output_spec(asked) for asked in request.outputs]
        outputs = tuple(dict.fromkeys(spec.name for spec in specs if spec))
        names = {*columns_of(model), *request.keep}
        predictor = Predictor(model, outputs)
        size = min(max(BLOCK_BYTES, len(names) * _COLUMN_BYTES), _MOST_BLOCK_BYTES)
        for block in blocks(self._stores.data, self._plan, self._part, names, block_bytes=size):
            found = predictor.predicted(block)
            if found.rejected and request.rejects == STOP:
                uri = self._plan.files[self._part.file].uri
                raise _Stopped(faults_of(uri, found.rejected[: InvalidInput.MOST_FAULTS]))
            rejects.add(found.rejected)
            self.rows += block.rows if found.rows is None else len(found.rows)
            yield ScoredBlock(block, found)


def columns_of(model: "Model") -> list[str]:
    """The columns of a table that a model reads."""
    return [*model.features] if model.reader else [feature.name for feature in model.columns]


def faults_of(uri: str, rejected: "list[Reject]") -> tuple[Fault, ...]:
    """Rejected rows as faults."""
    return tuple(
        Fault(
            f"{uri}, line {each.line}" + (f", column {shown(each.column)}" if each.column else ""),
            each.message,
        )
        for each in rejected
    )


def scored_model(stores: "Stores", request: ScoringRequest) -> "Model":
    """The model of the version that was chosen. Raises `ArtifactInvalid`, `Unavailable`."""
    digest = request.sha256 or ""
    imported = request.algorithm == IMPORTED
    # Of an imported model the artifact is its graph alone: the same graph may be two versions.
    kept_as = request.job or "" if imported else digest
    model = _READ.get(kept_as)
    if model is None:
        model = (_imported_model if imported else _read_model)(stores, request.job or "", digest)
        _READ.clear()
        _READ[kept_as] = model
    return model


def _read_model(stores: "Stores", job: str, digest: str) -> "Model":
    from ml_core.model.model import Model

    try:
        data = stores.store.get(artifact_key(job)).data
    except ObjectNotFound:
        raise ArtifactInvalid(_GONE) from None
    if sha256(data) != digest:
        raise ArtifactInvalid("the version's artifact is damaged: it has another SHA-256 than its version")
    return Model.from_bytes(data)


def _imported_model(stores: "Stores", job: str, digest: str) -> "Model":
    """An imported model, whose graph is run elsewhere."""
    from ml_core.conflicts import NotDeployed
    from ml_core.graphs.model import imported_model

    if stores.graphs is None:
        raise NotDeployed.graphs()
    try:
        return imported_model(stores.store, job, digest, stores.graphs)
    except ObjectNotFound:
        raise ArtifactInvalid(_GONE) from None


_GONE = "the version's artifact is gone: it was deleted after the job was accepted"

# The model that this process scored with last.
_READ: dict[str, "Model"] = {}
