"""Training on a table that is read part by part, as often as it takes: the model that one large machine gets.

First it is looked at what the columns are, then which rows are trained on, then what rows are prepared by.
Then a solver asks for one sum over all rows after another (`solvers/`), and in the end the model is measured.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ml_core import algorithms
from ml_core.errors import InvalidInput, raise_faults
from ml_core.inputs.labels import Labels
from ml_core.inputs.rows import Limits, Rows
from ml_core.model.model import Model
from ml_core.preprocessing.recoding import blocks
from ml_core.streaming.looking import LookedTable, Looking
from ml_core.streaming.measuring import (
    AnsweredRows,
    Measuring,
    TableMeasured,
    answers_of_part,
    measured_classes,
    measured_clusters,
    predicted,
)
from ml_core.streaming.part_rows import PartRows, RowSource
from ml_core.streaming.passes import Passes
from ml_core.streaming.selecting import Selected, Selecting, SelectingColumns
from ml_core.streaming.solvers.doors import faults_of, solver_for
from ml_core.streaming.solvers.starting import StartingRows
from ml_core.streaming.statistics import (
    DrawnSamples,
    Preparation,
    Statistics,
    added,
    in_order,
    most_drawn,
    preparation,
    statistics_of_part,
)
from ml_core.tables.reading import check_options, column_check
from ml_core.tables.suitability import objection_to
from ml_core.training.fitting import (
    Trained,
    contains_rows,
    empty_columns,
    importance_of,
    library_versions,
    options_of,
    overflow_told,
    stored,
)
from ml_core.training.history import History
from ml_core.training.labelling import names_in, target_of
from ml_core.training.profiling import keep_predicted
from ml_core.training.reference import TableReference
from ml_core.training.request import check_class_weight, check_left
from ml_core.training.rows import TrainingRows, check_classes, check_names
from ml_core.training.split import RANDOM, column_of
from ml_core.training.splitting import Holding, column_to_split
from ml_core.training.table import check_finite, feature_columns, feature_of

if TYPE_CHECKING:
    from ml_core.algorithms.base import AlgorithmInfo
    from ml_core.algorithms.contract import Checkpoints, FittedEstimator
    from ml_core.datasets.reopening import Reopening
    from ml_core.inputs.columns import Feature
    from ml_core.mapping import Mapper
    from ml_core.scanning.plan import Plan
    from ml_core.streaming.seen import LookedColumn
    from ml_core.streaming.solvers.contract import BlockKernel, Sums
    from ml_core.streaming.solvers.fits import StreamedFit
    from ml_core.tables.memory import Budget
    from ml_core.training.request import TrainingRequest

    type Progress = Callable[[str, float | None], None]


# What a solver starts from: so many numbers of rows that were drawn.
_SAMPLE_NUMBERS, _FEWEST_SAMPLED = 1 << 22, 200


class StreamedTable(NamedTuple):
    """A table that is read part by part, how, and why.

    Args:
        stores: how a task opens the data.
        plan: the table.
        mapper: goes over its parts.
        engine: the name of what that is.
        reason: why the table is not trained on in memory.
    """

    stores: "Reopening"
    plan: "Plan"
    mapper: "Mapper"
    engine: str
    reason: str


class _Chosen(NamedTuple):
    """The columns and rows of a training."""

    columns: "tuple[LookedColumn, ...]"
    features: "tuple[Feature, ...]"
    source: RowSource
    rows: Selected
    warnings: tuple[str, ...]


class StreamedTraining:
    """One training; the arguments are those of `fit`, and `budget` is the memory that there is."""

    def __init__(
        self,
        request: "TrainingRequest",
        table: StreamedTable,
        progress: "Progress",
        *,
        budget: "Budget",
        deadline: float | None = None,
        checkpoints: "Checkpoints | None" = None,
        history: History | None = None,
        seconds: float | None = None,
    ) -> None:
        self._request = request
        assert isinstance(request.data, TableReference)  # noqa: S101 - what is read part by part is a file
        self._data = request.data
        self._info: AlgorithmInfo = algorithms.algorithm(request.algorithm)
        self._table = table
        self._history = history or History()
        self._budget = budget
        self._seconds = seconds
        self._passes = Passes(
            table.mapper,
            f"{table.plan.digest} {request.algorithm}",
            progress,
            deadline=deadline,
            checkpoints=checkpoints,
        )
        self._kept_chosen: _Chosen | None = None

    def because(self, reason: str) -> None:
        """Say why the table is not trained on in memory."""
        self._table = self._table._replace(reason=reason)

    def gathered(self) -> "TrainingRequest":
        """The request with all rows in it, as a file's are. Raises as `trained`, `TooLarge` past memory."""
        looked = self._looked()
        found, _ = self._features(looked, 0, quiet=True)
        flags = sum(not column.is_words and column.seen.present < column.seen.rows for column in found)
        self._budget.check(looked.rows, len(found), len(found) + flags)
        chosen = self._chosen()
        self._budget.check(chosen.rows.rows, len(found), len(found) + flags)
        hashed = self._request.hashed is not None
        return self._request._replace(data=gathered_rows(chosen, hashed=hashed))

    def trained(self) -> Trained:
        """The model, and what is to be told of it.

        Raises `InvalidInput`, `MalformedInput`, `TooLarge`, and `Unfinished` for one that is to be continued.
        """
        chosen = self._chosen()
        begun = time.time()
        found = self._statistics(chosen)
        counts = self._counts(chosen, found)
        ready = preparation(chosen.features, found, scale=self._request.hyperparameters["scale"])
        raise_faults(
            faults_of(
                self._info.name,
                self._request.hyperparameters,
                columns=ready.width,
                classes=None if counts is None else len(counts),
            )
        )
        with np.errstate(all="ignore"), overflow_told():
            whole = self._all_rows(chosen, found)
            sample, ready = whole or (None, ready)
            fit = self._fitted(chosen, found, ready, counts, sample)
            model = self._model(chosen, ready, fit.estimator())
        took = time.time() - begun
        return self._measured(chosen, found, ready, fit, model, took=took)

    # --- the table ---------------------------------------------------------------------------------------

    def _looked(self) -> LookedTable:
        """What the columns are."""
        plan, data = self._table.plan, self._data
        options = data.options.reading(column_of(self._request.split))
        check_options(options, plan.format)
        left_out = options.left_out()
        wanted = None
        if data.features is not None:
            wanted = {*data.features, *filter(None, [data.target, column_of(self._request.split)])}
        names = [name for name in plan.names if name not in left_out and (wanted is None or name in wanted)]
        column_check(self._budget._replace(bytes=None), None, wanted, options)(0, len(names))
        looking = Looking(self._table.stores, plan, options, names, self._passes)
        found: LookedTable | None = self._passes.kept("table")
        if found is None:
            found = looking.table()
            for number in range(looking.done):
                self._passes.forget(f"look {number + 1} at columns")
            self._passes.keep("table", found)
        return found

    def _chosen(self) -> _Chosen:
        """The features, and the rows to train on. Raises `InvalidInput` for what cannot be trained on."""
        if self._kept_chosen is None:
            self._kept_chosen = self._choose(self._looked())
        return self._kept_chosen

    def _choose(self, looked: LookedTable) -> _Chosen:
        request, data = self._request, self._data
        split = request.split
        target = by = None
        if data.target is not None:
            target = target_of(looked.columns, data.target, lambda column: column.seen.first)
        if column_of(split):
            by = column_to_split(
                looked.columns, split, names_in(looked.columns), lambda column: column.seen.present > 0
            )
        source = RowSource(self._table.stores, self._table.plan, ())
        selecting = Selecting(
            source,
            SelectingColumns(target, by, looked.columns),
            looked,
            split,
            request.test_fraction,
            request.seed,
            self._budget.bytes,
            request.hashed,
            () if by is None else (by,),
        )
        if by is None and request.hashed is not None:
            selecting = selecting._replace(hashed_by=tuple(self._features(looked, 0, quiet=True)[0]))
        features: list[LookedColumn] | None = None
        if not selecting.columns.may_be_empty:  # what cannot be trained on is refused before a pass
            features, told = self._features(looked, 0)
        rows: Selected | None = self._passes.kept("rows")
        if rows is None:
            rows = selecting.selected(self._passes, self._check_counts)
            self._passes.keep("rows", rows)
        if features is None:
            features, told = self._features(looked, rows.empty)
        described = tuple(map(feature_of, features))
        check_names([feature.name for feature in described], "$.data.features", Limits())
        own = None if target is None else feature_of(target)
        source = RowSource(
            self._table.stores, self._table.plan._replace(parts=()), described, own, rows.classes
        )
        warnings = (
            *self._table.plan.how.get("warnings", ()),
            *(warning for column in looked.columns for warning in column.warnings),
            *rows.empty_warnings,
            *told,
            *rows.warnings,
        )
        return _Chosen(tuple(features), described, source, rows, warnings)

    def _features(
        self, looked: LookedTable, empty: int, *, quiet: bool = False
    ) -> "tuple[list[LookedColumn], list[str]]":
        """The columns to train on, where so many rows are empty, and what is to be said of others."""
        found = feature_columns(
            looked.columns,
            self._data,
            column_of(self._request.split),
            lambda column: objection_to(column, column.seen._replace(rows=column.seen.rows - empty)),
        )
        if not quiet:
            self._check_finite(found[0])
        return found

    def _check_finite(self, columns: "list[LookedColumn]") -> None:
        check_finite(
            (column.name, None if column.seen.infinite is None else column.seen.infinite + 1)
            for column in columns
        )

    def _check_counts(
        self, classes: "tuple[Any, ...] | None", counts: "tuple[int, ...] | None", rows: int
    ) -> None:
        """Raise `InvalidInput` for rows that cannot be trained on, given how many each class has."""
        by_class = None
        if classes is not None and counts is not None:
            check_classes(classes, classes, Limits(), "$.data.target")
            by_class = dict(zip(classes, counts, strict=True))
            check_class_weight(self._request.hyperparameters.get("class_weight"), list(classes))
        if self._request.split["by"] == RANDOM or self._request.test_fraction == 0:
            check_left(by_class, rows, self._request.test_fraction, "$.data")

    # --- the fit -----------------------------------------------------------------------------------------

    def _statistics(self, chosen: _Chosen) -> Statistics:
        """What rows are prepared by."""
        task = partial(statistics_of_part, chosen.source, self._request.seed)
        most = most_drawn(len(chosen.features))
        found: Statistics = self._passes.over(
            "statistics of columns", task, chosen.rows.parts, partial(added, most), phase="looking"
        )
        return found

    def _counts(self, chosen: _Chosen, found: Statistics) -> list[int] | None:
        """How many rows of each class are trained on. Raises `InvalidInput` for a class without any."""
        from ml_core.algorithms.base import DataSize

        counts = None if chosen.rows.classes is None else found.counts.tolist()
        if counts is not None and min(counts) == 0:
            raise InvalidInput.at(
                "$.test_fraction",
                "a class has no row left to train on; with test_fraction 0 it has all of its own",
            )
        size = DataSize(found.rows, None if counts is None else min(counts)).within(
            self._request.most_seconds(self._seconds)
        )
        raise_faults(self._info.algorithm.check_size(size, self._request.hyperparameters))
        return counts

    def _fitted(
        self,
        chosen: _Chosen,
        found: Statistics,
        ready: Preparation,
        counts: list[int] | None,
        sample: StartingRows | None,
    ) -> "StreamedFit":
        """The solver at its end; it begins from `sample`, or from rows drawn at random."""
        classes = None if chosen.rows.classes is None else chosen.rows.classes.labels
        kept: bytes | None = self._passes.kept("solver")
        if kept is None and sample is None:
            some = slice(0, _most_sampled(ready.width))
            drawn = found.training
            sample = StartingRows(ready.prepared(drawn.X[some]), None if classes is None else drawn.y[some])
        fit = solver_for(
            self._info.name,
            options_of(self._request.hyperparameters, classes),
            columns=ready.width,
            counts=counts,
            seed=self._request.seed,
            sample=None if kept is not None else sample,
        )
        if kept is not None:
            fit.restore(kept)
            self._tell(fit)
        while (kernel := fit.next()) is not None:
            name = f"pass {fit.passes + 1} of the solver"
            if self._passes.kept("solver") is None:
                self._passes.keep("solver", fit.state())
            task = partial(sums_of_part, chosen.source, ready, kernel)
            sums = self._passes.over(name, task, chosen.rows.parts, _summed, phase="fitting", keep=False)
            fit.take(sums.sums)
            self._passes.keep("solver", fit.state())
            self._tell(fit)
        return fit

    def _all_rows(self, chosen: _Chosen, found: Statistics) -> "tuple[StartingRows, Preparation] | None":
        """All rows as they are in memory, and what they are prepared by, where clusters are sought of few.

        Clusters have many optima: which is found depends on each row's place, and on every bit of it.
        """
        rows, drawn, request = chosen.rows, found.training, self._request
        if rows.classes is not None or found.rows > len(drawn.keys):
            return None
        from ml_core.preprocessing.fitting import preprocess

        X = in_order(drawn, rows.parts, request.seed)
        if request.split["by"] == RANDOM and rows.parts[0].rule is None:  # others keep the table's order
            holding = Holding(request.split, request.test_fraction, request.seed, None)
            X = X[np.argsort(np.argsort(holding.parts(rows.rows, None)[0]))]
        made, (encoding, scaling) = preprocess(X, chosen.features, scale=request.hyperparameters["scale"])
        assert encoding is not None  # noqa: S101 - for the type checker: the columns are known
        ready = Preparation(chosen.features, encoding, scaling)
        if len(X) > _most_sampled(ready.width):
            return None
        return StartingRows(made, None, whole=True), ready

    def _tell(self, fit: "StreamedFit") -> None:
        for number, objective in enumerate(fit.objectives, 1):
            if number > (self._history.entries[-1]["done"] or 0 if self._history.entries else 0):
                self._history.add(number, max(fit.expected, number), {"objective": objective})

    def _model(self, chosen: _Chosen, ready: Preparation, estimator: "FittedEstimator") -> Model:
        """The model as it comes back from its artifact."""
        scaling = ready.preprocessing.scaling
        whole = estimator.absorb_scaling(scaling) if scaling else None
        model = Model(
            whole or estimator,
            algorithm=self._info.name,
            hyperparameters=self._request.hyperparameters,
            features=tuple(feature.name for feature in chosen.features),
            classes=None if chosen.rows.classes is None else chosen.rows.classes.labels,
            scaling=None if whole else scaling,
            encoding=ready.encoding,
        )
        return stored(model)

    # --- what is told ------------------------------------------------------------------------------------

    def _measured(
        self,
        chosen: _Chosen,
        found: Statistics,
        ready: Preparation,
        fit: "StreamedFit",
        model: Model,
        *,
        took: float,
    ) -> Trained:
        request, seed = self._request, self._request.seed
        measuring = Measuring(
            model.to_bytes(), self._info.algorithm.objective, seed, found.rows, chosen.rows.held_out
        )
        task = partial(answers_of_part, chosen.source, measuring)
        with overflow_told():
            answered = self._passes.over(
                "measuring", task, chosen.rows.parts, _answered, phase="measuring", keep=False
            )
            measured = {"training": self._metrics(model, answered, found, chosen, training=True)}
            if answered.test.rows:
                measured["test"] = self._metrics(model, answered, found, chosen, training=False)
        majority = None if chosen.rows.classes is None else int(found.counts.argmax())
        doubts = (
            self._info.task.doubts(model, measured["test"].metrics, majority) if "test" in measured else []
        )
        importance, unmeasured = self._importance(model, chosen, found.held_out, took)
        self._keep_profile(model, chosen, found, answered)
        curves = {name: part.curves for name, part in measured.items()}
        drawn = {name: part.drawn for name, part in measured.items() if part.drawn is not None}
        manifest = {
            **model.description,
            "task": self._info.task.name,
            "contains_training_rows": contains_rows(model, measured["training"].metrics),
            "metrics": {
                **{name: part.metrics for name, part in measured.items()},
                **({"history": self._history.entries} if self._history.entries else {}),
            },
            "warnings": [
                *chosen.warnings,
                *chosen.rows.lacking,
                *fit.warnings,
                *empty_columns(ready.encoding),
                *doubts,
                *unmeasured,
            ],
            "rows": found.rows,
            "test_rows": answered.test.rows,
            "test_fraction": request.test_fraction,
            "seed": seed,
            "split": request.split,
            "library_versions": library_versions(),
            **({"curves": curves} if any(curves.values()) else {}),
            **({"importance": importance} if importance else {}),
            "engine": {
                "name": self._table.engine,
                "passes": self._passes.passed,
                "parts": len(chosen.rows.parts),
                "reason": self._table.reason,
            },
            **_drawn_rows(found, drawn),
        }
        return Trained(model.to_bytes(), manifest)

    def _metrics(
        self, model: Model, answered: AnsweredRows, found: Statistics, chosen: _Chosen, *, training: bool
    ) -> TableMeasured:
        rows = answered.training if training else answered.test
        if chosen.rows.classes is not None:
            return measured_classes(model, rows, int(found.counts.argmax()))
        some = found.training if training else found.held_out
        return measured_clusters(model, rows, some, chosen.features, self._request.seed)

    def _importance(
        self, model: Model, chosen: _Chosen, held_out: DrawnSamples, took: float
    ) -> "tuple[dict[str, object] | None, list[str]]":
        from ml_core.inputs.samples import TableSamples

        samples = TableSamples(np.ascontiguousarray(held_out.X), chosen.features)
        y = None if chosen.rows.classes is None else held_out.y
        return importance_of(model, samples, y, seed=self._request.seed, took=took, deadline=None)

    def _keep_profile(self, model: Model, chosen: _Chosen, found: Statistics, answered: AnsweredRows) -> None:
        """Put what is kept of the training rows into the model, as of those that were drawn."""
        from ml_core.inputs.samples import TableSamples
        from ml_core.profiles.profile import LEAST

        if found.rows < LEAST:
            return
        said = predicted(answered.test, held_out=True) or predicted(answered.training, held_out=False)
        samples = TableSamples(np.ascontiguousarray(found.training.X), chosen.features)
        keep_predicted(model, samples, said)


def _most_sampled(width: int) -> int:
    """Of how many rows a solver starts that become so many numbers each."""
    return max(_FEWEST_SAMPLED, _SAMPLE_NUMBERS // max(1, width))


def gathered_rows(chosen: _Chosen, *, hashed: bool = False) -> TrainingRows:
    """All rows that are trained on or held out, in their order, as if they had been read from one file.

    With `hashed` the same are held out.
    """
    rows, width = chosen.rows.rows, len(chosen.features)
    X = np.empty((rows, width))
    numbers = np.empty(rows, np.int64)
    at, classes = 0, chosen.rows.classes
    source = chosen.source._replace(plan=chosen.source.plan)
    tests: list[bytes] = []
    for item in chosen.rows.parts:
        kept, seen = item.training() | item.testing(), 0
        tests.append(item.testing()[kept].astype("u1").tobytes())
        for block, target in source.rows(item.part):
            some = kept[seen : seen + len(block)]
            count, seen = int(some.sum()), seen + len(block)
            X[at : at + count] = block[some]
            if target is not None and classes is not None:
                numbers[at : at + count] = classes.numbers(target[some])
            at += count
    labels = None if classes is None else Labels(classes.labels, numbers)
    names = tuple(feature.name for feature in chosen.features)
    packed = Rows(memoryview(X).cast("B"), width, "$.data")
    ranks = None
    if chosen.rows.ranks is not None:
        ranks = memoryview(chosen.rows.ranks.astype("<i8")).cast("B")
    test = b"".join(tests) if hashed else None
    return TrainingRows(packed, names, labels, chosen.features, chosen.warnings, ranks, test)


def _answered(total: AnsweredRows | None, part: AnsweredRows) -> AnsweredRows:
    return part if total is None else total.add(part)


def sums_of_part(
    source: RowSource, ready: Preparation, kernel: "BlockKernel[Any]", item: PartRows
) -> "Sums | None":
    """What a kernel sums over the rows of a part to train on; None without any. Raises `MalformedInput`."""
    training = item.training()
    total: Sums | None = None
    at = 0
    for X, target in source.rows(item.part):
        some = training[at : at + len(X)]
        at += len(X)
        if not some.any():
            continue
        y = None if target is None or source.classes is None else source.classes.numbers(target[some])
        rows = X[some]
        with np.errstate(all="ignore"):
            for piece in blocks(len(rows), ready.width):
                sums = kernel(ready.prepared(rows[piece]), None if y is None else y[piece])
                total = sums if total is None else total.add(sums)
    return total


class SumsSoFar(NamedTuple):
    """The sums of the parts so far; None before any row."""

    sums: Any


def _summed(total: Any, part: Any) -> Any:  # noqa: ANN401 - what kernels sum
    if total is None or total.sums is None:
        return SumsSoFar(part)
    return total if part is None else SumsSoFar(total.sums.add(part))


def _drawn_rows(found: Statistics, curves: Mapping[str, int | None]) -> dict[str, object]:
    """What was told of rows that were drawn, and of how many; nothing where that was of all rows."""
    drawn: dict[str, object] = {}
    if len(found.training.keys) < found.rows:
        drawn["profile"] = len(found.training.keys)
    if curves:
        drawn["curves"] = dict(curves)
    return {"drawn_rows": drawn} if drawn else {}
