"""Trains privately on what a request names: its own rows, or a table that is read part by part.

What is wrong with a table is told as far as its columns' names go. Where in it a row is odd is what a private
training may not tell.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ml_core.conflicts import DataChanged
from ml_core.errors import (
    Fault,
    InvalidInput,
    MalformedInput,
    RevisionMismatch,
    TooLarge,
    raise_faults,
    shown,
)
from ml_core.jobs.kinds import TRAINING
from ml_core.jobs.surroundings import Surroundings
from ml_core.mapping import InTurn
from ml_core.scanning.blocks import blocks
from ml_core.scanning.numbers import numbers
from ml_core.scanning.planning import plan_of
from ml_core.tables.options import ReadOptions
from ml_core.tables.readers import CSV, JSON_LINES
from ml_core.training.fitting import Trained
from ml_core.training.privacy import classes_of, columns_of, features_of, target_of
from ml_core.training.private_fitting import fit_private
from ml_core.training.reference import TableReference
from ml_core.training.rows import TrainingRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ml_core.inputs.columns import Feature
    from ml_core.scanning.plan import Plan
    from ml_core.tables.memory import Budget
    from ml_core.training.privacy import Privacy
    from ml_core.training.request import TrainingRequest

# What the interpreter and a block under way take of the memory, and which part of the rest rows may be held
# in: each look at a block makes floats of it.
_LEAST, _PART = 300 << 20, 2


def fit_privately(
    request: "TrainingRequest",
    folder: str,
    progress: Callable[[str, float | None], None],
    budget: "Budget",
) -> Trained:
    """Fit on the rows of a request, or on the table that it names. Raises `InvalidInput`, `Unavailable`."""
    data = request.data
    room = None if budget.bytes is None else max(0, budget.bytes - _LEAST) // _PART
    if isinstance(data, TrainingRows):
        trained = fit_private(
            request, data.columns or (), _in_request(data, request.privacy), progress, room=room
        )
        return _telling(trained, {"uri": None})
    assert isinstance(data, TableReference)  # noqa: S101 - no private training takes anything else
    table = _Table(request, data, folder)
    trained = fit_private(request, table.features, table.rows, progress, room=room)
    said = {name: value for name, value in data.lineage({}).items() if value is not None}
    return _telling(trained, {"uri": data.uri, **said})


def _telling(trained: Trained, lineage: dict[str, object]) -> Trained:
    return trained._replace(manifest={**trained.manifest, "data": lineage})


def _in_request(
    data: TrainingRows, privacy: "Privacy | None"
) -> "Callable[[], Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]]":
    """The rows of a request."""
    X = np.frombuffer(data.rows.packed, "<f8").reshape(-1, data.rows.n_features)
    if data.targets is None or privacy is None:
        y = np.zeros(len(X), np.int64)
    else:
        places = {label: place for place, label in enumerate(classes_of(privacy) or ())}
        y = np.array([places[label] for label in data.targets], np.int64)
    return lambda: iter([(X, y)])


class _Table:
    """A table, and how its rows are read: by what the request says, without a guess at its values."""

    def __init__(self, request: "TrainingRequest", data: TableReference, folder: str) -> None:
        job = Surroundings.read(folder)
        privacy = request.privacy
        assert privacy is not None  # noqa: S101 - whoever calls this has looked
        if job.stores is None:
            raise InvalidInput.at(
                "$.data.uri", "no table is trained on privately here: its process cannot open any store"
            )
        self._data = job.stores.open().data
        names = data.features or columns_of(privacy)
        options = _settled(data.options)
        self._plan = _forgiving(self._planned(data, options))
        text = self._plan.format == CSV
        self.features = features_of(privacy, names, options, text=text)
        self._target = None if data.target is None else target_of(privacy, data.target, options, text=text)
        raise_faults(self._missing(names, data.target))

    def _planned(self, data: TableReference, options: ReadOptions) -> "Plan":
        # What is settled of CSV is refused of other formats, and what the file is shows when it is opened.
        said = data.options
        for tried in (options, said._replace(encoding=options.encoding), said):
            try:
                return plan_of(
                    self._data, data.uri, options=tried, declared=data.format, mapper=InTurn(), stores=None
                )
            except InvalidInput as error:
                if tried is said or not _of_text(error):
                    _untold()
            except (MalformedInput, TooLarge):
                _untold()
        raise AssertionError("the last of three ways ends")

    def _missing(self, names: "tuple[str, ...]", target: str | None) -> Iterator[Fault]:
        """The columns that the table does not have. A line of JSON may lack any."""
        if self._plan.format == JSON_LINES:
            return
        there = frozenset(self._plan.names)
        for name in names:
            if name not in there:
                yield Fault("$.privacy", f"the table has no column {shown(name)}")
        if target is not None and target not in there:
            yield Fault("$.data.target", f"the table has no column {shown(target)}")

    def rows(self) -> "Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]":
        """All rows that `:predict` would take, and their classes, -1 for none of them."""
        columns: list[Feature] = [*self.features, *filter(None, [self._target])]
        names = [column.name for column in columns]
        width = len(self.features)
        for part in self._plan.parts:
            try:
                for block in blocks(self._data, self._plan, part, names):
                    good = numbers(block, columns, gaps=True).good
                    y = good[:, width] if self._target else np.zeros(len(good))
                    yield good[:, :width], np.where(np.isnan(y), -1, y).astype(np.int64)
            except RevisionMismatch as error:
                raise DataChanged(f"{error}, and {TRAINING.goes_on}") from error
            except (MalformedInput, InvalidInput, TooLarge):
                _untold()


def _forgiving(plan: "Plan") -> "Plan":
    """The plan with bytes that are no text exchanged where they stand: a refusal would tell of their row."""
    if "encoding" not in plan.how:
        return plan
    named = plan.how["encoding"]
    spelled = _UTF_8 if named in ("utf-8", "utf-8-sig") else named
    return plan._replace(how={**plan.how, "encoding": spelled, "strict": False})


# As Python knows it too, but not as what is passed on unread.
_UTF_8 = "utf_8"


def _settled(options: ReadOptions) -> ReadOptions:
    """The options with nothing of a text left to be guessed."""
    return options._replace(
        delimiter=options.delimiter or ",",
        encoding=options.encoding or "utf-8",
        header=options.header is not False,
    )


_OF_TEXT = frozenset({"$.data.delimiter", "$.data.encoding", "$.data.header"})


def _of_text(error: InvalidInput) -> bool:
    """Whether what was wrong is an option that a file of its format has not."""
    return all(fault.path in _OF_TEXT for fault in error.faults)


def _untold() -> NoReturn:
    raise InvalidInput.at(
        "$.data.uri",
        "the table cannot be read. What is wrong with its rows is not told by a private training: expected "
        "files of one format with the same columns; text is read as UTF-8, with a header and commas, unless "
        '"encoding", "header" and "delimiter" say else',
    ) from None
