"""What the child process of a job does that scores: its table is planned, and its parts are scored.

Each part is written once, with its counts last (`places.py`). So whoever comes next, after a deadline or a
crash, scores what is left. The checkpoint saves it from looking at the counts of all parts again, and tells
the trainer that the job has come further.
"""

import json
import time
from collections.abc import Iterator
from functools import partial
from itertools import batched, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.engines import ASKED, ChosenEngine, engine_asked_for, engines_in, first_engine
from ml_core.errors import Fault, InvalidInput, Unfinished, raise_faults, shown
from ml_core.mapping import InThreads, InTurn, Mapper
from ml_core.names import IMPORTED
from ml_core.scanning.plan import Plan
from ml_core.scoring.part import columns_of, score_part, scored_model
from ml_core.scoring.places import PartCounts, counts_of, parts_done
from ml_core.scoring.request import ScoringRequest
from ml_core.tables.readers import JSON_LINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.algorithms.contract import Checkpoints
    from ml_core.datasets.reopening import Reopening, Stores
    from ml_core.model.model import Model
    from ml_core.ports import ObjectStore

PLANNING, SCORED = "planning", "scoring"
"""The phases: the table's files are looked at and cut into parts, and the parts are scored."""
AUTO, FUNCTION = "auto", "function"
MANY_BYTES = 2 << 30
"""From here on other functions are worth it, where nobody said which engine."""
_LOOKS = 16  # at files, at a time
_WALKS = 2  # over texts, at a time: one reads while another computes
# Multiplications that a part may take, of which some thousand millions are done in a second, and what each
# output of a layer costs besides them; texts of a part; and how small a part of a file may get for that.
_WORK, _ROW_WORK, _MOST_TEXTS = 1 << 39, 20, 1 << 16
_BYTES_A_CELL, _LEAST_PART = 4, 1 << 20
_PAUSE = 1.0  # seconds between two checkpoints
_BATCH = 1_000  # counts that are read at once


class Delivery(NamedTuple):
    """What one attempt at a job has.

    Args:
        job: the job's id.
        reopening: how the stores are opened, here and elsewhere.
        keep_plan: gives the job's plan; calls what it is given where there is none yet.
        checkpoints: what earlier attempts have come to, and what the next one goes on from.
        progress: is told the phase, and how much is done.
        folder: where an engine may keep files; which engines there are stands in it.
        deadline: when to stop between two parts, in seconds since the epoch.
    """

    job: str
    reopening: "Reopening"
    keep_plan: "Callable[[Callable[[], Plan]], Plan]"
    checkpoints: "Checkpoints"
    progress: "Callable[[str, float | None], None]"
    folder: str
    deadline: float | None = None


def score(request: ScoringRequest, delivery: Delivery) -> dict[str, Any]:
    """Score what a request says; what the job tells of it.

    Raises:
        InvalidInput: the table or the request is at fault.
        RevisionMismatch: the table is not what it was at the job's first look.
        ArtifactInvalid: the model is gone.
        Unfinished: the time is over, and another delivery goes on.
        Unavailable: a store or an engine failed.
    """
    stores = delivery.reopening.open()
    engines = _Choice(request.engine, delivery.folder, only_here=request.algorithm == IMPORTED)
    delivery.progress(PLANNING, None)
    model = scored_model(stores, request)
    plan = delivery.keep_plan(lambda: _plan(stores, request, delivery, engines, model))
    raise_faults(_faults_of_columns(plan, model, request))
    engine = engines.of(plan.size)
    scoring = _Scoring(request, delivery, stores.store, plan)
    scoring.run(engine.mapper)
    told = {"name": engine.name, "passes": 1, "parts": len(plan.parts), "reason": engine.reason}
    return {"result": scoring.result(), "engine": told}


def _most_rows(model: "Model") -> int:
    """How many rows a model predicts in a fraction of a delivery: a part should not take a whole one."""
    from ml_core.scanning.planning import MOST_ROWS

    if model.reader:
        return _MOST_TEXTS
    return max(1, min(MOST_ROWS, _WORK // (model.peak_width * (len(model.features) + _ROW_WORK))))


def _plan(
    stores: "Stores", request: ScoringRequest, delivery: Delivery, engines: "_Choice", model: "Model"
) -> Plan:
    """The plan, by the engine that will work on it: a text is looked through once."""
    from ml_core.scanning.planning import PART_BYTES, plan_of

    size = sum(file.size for file in stores.data.files(request.uri))
    engine = engines.of(size)

    def tell(looked_at: int) -> None:
        delivery.progress(PLANNING, round(100 * min(1.0, looked_at / size), 1) if size else None)

    most_rows, columns = _most_rows(model), len(columns_of(model))
    return plan_of(
        stores.data,
        request.uri,
        options=request.options,
        declared=request.format,
        mapper=InThreads(_LOOKS) if engine.name == FUNCTION else engine.mapper,
        walker=InThreads(_WALKS) if engine.name == FUNCTION else None,
        stores=delivery.reopening,
        # A row of text has a character and a separator for each column at least, and mostly many more.
        part_bytes=max(_LEAST_PART, min(PART_BYTES, _BYTES_A_CELL * columns * most_rows)),
        most_rows=most_rows,
        progress=tell,
    )


def _faults_of_columns(plan: Plan, model: "Model", request: ScoringRequest) -> Iterator[Fault]:
    """What the table lacks. Of JSON lines each line says which columns it has."""
    if plan.format == JSON_LINES:
        return
    there = frozenset(plan.names)
    optional = {} if model.reader else {each.name: each.rule.optional for each in model.columns}
    wanted = dict.fromkeys([*columns_of(model), *request.keep])
    for name, given in plan.how.get("renamed", {}).items():
        if given in wanted and name not in wanted:
            yield Fault("$.data.uri", f"column {shown(given)} is there twice")
    for name in columns_of(model):
        if name not in there and not optional.get(name):
            yield Fault("$.data.uri", f"the table has no column {shown(name)}, which the model expects")
    for place, name in enumerate(request.keep):
        if name not in there:
            yield Fault(f"$.keep[{place}]", f"the table has no column {shown(name)}")


class _Choice:
    """Chooses an engine by its name and the table's bytes, once for a delivery."""

    def __init__(self, name: str, folder: str, *, only_here: bool) -> None:
        self._only_here = only_here
        self._name = name
        self._folder = folder
        self._chosen: ChosenEngine | None = None

    def of(self, size: int) -> ChosenEngine:
        """The engine for a table of so many bytes. Raises `Unavailable` where it is not there."""
        self._chosen = self._chosen or self._choose(size)
        return self._chosen

    def _choose(self, size: int) -> ChosenEngine:
        if self._only_here:
            return ChosenEngine(FUNCTION, InTurn(), "an imported model is run by a function of its own")
        if self._name == FUNCTION:
            return ChosenEngine(FUNCTION, InTurn(), ASKED)
        if self._name != AUTO:
            return engine_asked_for(self._name, self._folder)
        bound = f"{MANY_BYTES >> 30} GiB"
        if not engines_in(self._folder):
            return ChosenEngine(FUNCTION, InTurn(), "no other engine is turned on")
        if size < MANY_BYTES:
            return ChosenEngine(FUNCTION, InTurn(), f"the table has less than {bound}")
        return first_engine(self._folder, f"the table has {bound} or more")


class _Totals(NamedTuple):
    """What was written, all together."""

    rows: int = 0
    rejected: int = 0
    files: int = 0
    bytes: int = 0

    def plus(self, counts: PartCounts) -> "_Totals":
        """With what was written of one more part."""
        return _Totals(
            self.rows + counts.rows,
            self.rejected + counts.rejected,
            self.files + 1 + bool(counts.rejects_size),
            self.bytes + counts.size + counts.rejects_size,
        )


class _Scoring:
    """One table on its way: which parts are done, and what was written of them."""

    def __init__(self, request: ScoringRequest, delivery: Delivery, store: "ObjectStore", plan: Plan) -> None:
        self._request = request
        self._delivery = delivery
        self._store = store
        self._plan = plan
        self._totals = _Totals()
        self._done = bytearray(len(plan.parts))
        self._digest = plan.digest
        self._size = sum(part.size for part in plan.parts)
        self._read = 0  # bytes of them
        self._saved: float | None = None

    def run(self, mapper: Mapper) -> None:
        """Score the parts that nobody has scored. Raises `InvalidInput`, `Unfinished`, `Unavailable`."""
        self._restore()
        self._tell()
        parts = [part for part in self._plan.parts if not self._done[part.number]]
        task = partial(
            score_part,
            self._delivery.reopening,
            self._request,
            self._delivery.job,
            self._plan._replace(parts=()),
        )
        results = mapper.map(task, parts)
        for left, (place, done) in zip(range(len(parts) - 1, -1, -1), results, strict=True):
            if done.counts is None:
                raise InvalidInput(list(done.faults))
            self._add(parts[place].number, done.counts)
            self._tell()
            if left and self._is_over():
                self._save()
                of = len(self._plan.parts)
                raise Unfinished(f"continues with {sum(self._done):,} of {of:,} parts scored")
            if self._saved is None or time.monotonic() - self._saved >= _PAUSE:
                self._save()

    def _is_over(self) -> bool:
        deadline = self._delivery.deadline
        return deadline is not None and time.time() >= deadline

    def result(self) -> dict[str, Any]:
        """What the job tells in the end."""
        to = self._request.to
        return {**self._totals._asdict(), "uri": None if to is None else f"{to}{self._delivery.job}/"}

    def _add(self, number: int, counts: PartCounts) -> None:
        self._done[number] = 1
        self._read += self._plan.parts[number].size
        self._totals = self._totals.plus(counts)

    def _tell(self) -> None:
        self._delivery.progress(SCORED, round(100 * self._read / self._size, 1) if self._size else None)

    def _save(self) -> None:
        state = {"plan": self._digest, "done": _runs(self._done), **self._totals._asdict()}
        self._delivery.checkpoints.save(json.dumps(state).encode())
        self._saved = time.monotonic()

    def _restore(self) -> None:
        """What earlier attempts have done: as the checkpoint says, and of what came later by its counts."""
        saved = self._delivery.checkpoints.latest()
        state = {} if saved is None else json.loads(saved)
        if state.get("plan") == self._digest:
            for begin, end in state["done"]:
                self._done[begin:end] = b"\1" * (end - begin)
                self._read += sum(part.size for part in self._plan.parts[begin:end])
            self._totals = _Totals(*(state[name] for name in _Totals._fields))
        later = [part for part in parts_done(self._store, self._delivery.job) if not self._done[part]]
        for some in batched(later, _BATCH):
            for part, counts in zip(some, counts_of(self._store, self._delivery.job, some), strict=True):
                if counts is not None:
                    self._add(part, counts)


def _runs(done: bytearray) -> list[tuple[int, int]]:
    """Where the parts that are done begin and end."""
    edges = [0, *(at for at in range(1, len(done)) if done[at] != done[at - 1]), len(done)]
    return [(begin, end) for begin, end in pairwise(edges) if end > begin and done[begin]]
