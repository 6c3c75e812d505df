"""How a table is trained on: in memory where it fits, else part by part, here or by an engine elsewhere."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core import algorithms
from ml_core.conflicts import DataChanged
from ml_core.engines import ASKED, ChosenEngine, engine_asked_for, engines_in, first_engine
from ml_core.errors import Fault, InvalidInput, RevisionMismatch, TooLarge, raise_faults
from ml_core.jobs.kept_plan import kept_plan
from ml_core.jobs.kinds import TRAINING
from ml_core.jobs.surroundings import Surroundings
from ml_core.mapping import InTurn
from ml_core.training.fitting import Trained, fit
from ml_core.training.reference import TableReference
from ml_core.training.request import AUTO, FUNCTION, STREAMED

if TYPE_CHECKING:
    from ml_core.algorithms.contract import Checkpoints
    from ml_core.mapping import Mapper
    from ml_core.scanning.plan import Plan
    from ml_core.tables.memory import Budget
    from ml_core.training.comparing import Champion
    from ml_core.training.history import History
    from ml_core.training.request import TrainingRequest

MEMORY = "memory"
# So many parts are worth other functions, where nobody said which engine.
_MANY_PARTS = 32
_OWN = frozenset({AUTO, FUNCTION, STREAMED})
_FEWEST_CLASSES = 2
_FULL = "the table does not fit memory"
_FITS = "the table fits memory"


class _Run(NamedTuple):
    """What a fit is given beside its request; see `fit`."""

    progress: Callable[[str, float | None], None]
    deadline: float | None
    checkpoints: "Checkpoints | None"
    history: "History | None"
    seconds: float | None
    champion: "Champion | None" = None


def fit_table(
    request: "TrainingRequest",
    folder: str,
    progress: Callable[[str, float | None], None],
    budget: "Budget",
    *,
    deadline: float | None = None,
    checkpoints: "Checkpoints | None" = None,
    history: "History | None" = None,
    seconds: float | None = None,
    champion: "Champion | None" = None,
) -> Trained:
    """Fit on the table that a request names, whose file may be in the child's folder as `data`.

    The arguments are those of `fit`, and `budget` is the memory that there is. Raises what `fit` does, and
    `TooLarge` for a table that does not fit memory where the algorithm cannot be trained part by part.
    """
    data = request.data
    assert isinstance(data, TableReference)  # noqa: S101 - rows in a request take another way
    run = _Run(progress, deadline, checkpoints, history, seconds, champion)
    path, reason = os.path.join(folder, "data"), ASKED
    refused: TooLarge | None = None
    if os.path.exists(path):
        try:
            return _in_memory(lambda: request.with_rows(path, budget, seconds=seconds), run)
        except _DoesNotFit as error:
            if not _can_be_opened(folder):
                raise error.refused from None
            refused, reason = error.refused, _FULL
            os.unlink(path)  # it is read from where it came from; a disk may be memory
    elif request.engine in (AUTO, FUNCTION) and not data.is_folder:
        reason = "the file does not fit the trainer's disk"
    try:
        return _in_parts(request, folder, budget, run, reason=reason, refused=refused)
    except RevisionMismatch as error:
        raise DataChanged(f"{error}, and {TRAINING.goes_on}") from error


def _can_be_opened(folder: str) -> bool:
    """Whether this process was told how the stores are opened."""
    try:
        return Surroundings.read(folder).stores is not None
    except FileNotFoundError:
        return False


class _DoesNotFit(Exception):
    """Rows are too many to be read into memory; `refused` says how many may be."""

    def __init__(self, refused: TooLarge) -> None:
        super().__init__(str(refused))
        self.refused = refused


def _in_memory(read: "Callable[[], TrainingRequest]", run: _Run) -> Trained:
    """Fit on what is read. Raises `_DoesNotFit`, and what `fit` does."""

    def rows() -> "TrainingRequest":
        try:
            return read()
        except TooLarge as error:
            raise _DoesNotFit(error) from None

    # Nobody else holds the rows: `fit` lets go of them when it has what it computes with.
    trained = fit(
        rows(),
        run.progress,
        deadline=run.deadline,
        checkpoints=run.checkpoints,
        history=run.history,
        seconds=run.seconds,
        champion=run.champion,
    )
    return _telling(trained, {"engine": {"name": MEMORY, "passes": None, "parts": None, "reason": _FITS}})


def _in_parts(
    request: "TrainingRequest",
    folder: str,
    budget: "Budget",
    run: _Run,
    *,
    reason: str,
    refused: TooLarge | None,
) -> Trained:
    from ml_core.streaming.solvers.doors import faults_of
    from ml_core.streaming.training import StreamedTable, StreamedTraining

    job = Surroundings.read(folder)
    data = request.data
    assert isinstance(data, TableReference)  # noqa: S101 - see above
    if job.stores is None:
        raise InvalidInput.at("$.data.uri", "no folder is read here: its process cannot open any store")
    named = None if request.engine in _OWN else engine_asked_for(request.engine, folder)
    try:
        plan = _plan(job, data, run, InTurn() if named is None else named.mapper)
    except InvalidInput as error:
        if refused is None:
            raise
        raise TooLarge(f"{refused}. It cannot be read part by part: {error}") from None
    lineage = {"data": data.lineage(_lineage(data, plan))}
    streaming = named or _engine(request, plan, folder, reason)
    table = StreamedTable(job.stores, plan, streaming.mapper, streaming.name, streaming.reason)
    training = StreamedTraining(
        request,
        table,
        run.progress,
        budget=budget,
        deadline=run.deadline,
        checkpoints=run.checkpoints,
        history=run.history,
        seconds=run.seconds,
    )
    if request.engine in (AUTO, FUNCTION) and data.is_folder:
        try:
            return _telling(_in_memory(training.gathered, run), lineage)
        except _DoesNotFit as error:
            refused = error.refused
            training.because(_FULL)
    supervised = algorithms.algorithm(request.algorithm).task.supervised
    # How wide rows become and how many classes there are is asked again when that is known.
    faults = faults_of(
        request.algorithm, request.hyperparameters, columns=1, classes=_FEWEST_CLASSES if supervised else None
    )
    if faults and refused is not None:
        raise TooLarge(f"{refused}. It cannot be read part by part: {'; '.join(map(_told, faults))}")
    raise_faults(faults)
    if run.champion is not None:
        reason = "versions are not compared where the table is read part by part"
        lineage = {**lineage, "comparison": run.champion.against.told(reason)}
    return _telling(training.trained(), lineage)


def _told(fault: Fault) -> str:
    return fault.message


def _telling(trained: Trained, more: dict[str, Any]) -> Trained:
    return trained._replace(manifest={**trained.manifest, **more})


def _plan(job: Surroundings, data: TableReference, run: _Run, mapper: "Mapper") -> "Plan":
    """The table's plan, as it was at the job's first look."""
    from ml_core.scanning.planning import plan_of

    assert job.stores is not None  # noqa: S101 - for the type checker
    stores = job.stores.open()

    def make() -> "Plan":
        return plan_of(
            stores.data,
            data.uri,
            options=data.options,
            declared=data.format,
            mapper=mapper,
            stores=job.stores,
        )

    run.progress("looking", None)
    return kept_plan(stores.store, job.job, make)


def _lineage(data: TableReference, plan: "Plan") -> dict[str, object]:
    """Which files were read, as far as that is told of a table that was not fetched."""
    revision = plan.files[0].revision if len(plan.files) == 1 else None
    return {
        "uri": plan.files[0].uri if len(plan.files) == 1 and not data.is_folder else data.uri,
        "size": plan.size,
        "revision": revision,
        "files": len(plan.files),
        "digest": plan.digest,
    }


def _engine(request: "TrainingRequest", plan: "Plan", folder: str, reason: str) -> ChosenEngine:
    """What goes over the parts where nobody named an engine."""
    parts = len(plan.parts)
    if request.engine == AUTO and parts >= _MANY_PARTS and engines_in(folder):
        return first_engine(
            folder, f"the table has {parts} parts, and from {_MANY_PARTS} on many functions are used"
        )
    return ChosenEngine(STREAMED, InTurn(), reason)
