"""Datasets: what was uploaded."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer, Listed
from serverless_ml.errors import Fault


@dataclass(frozen=True, kw_only=True, repr=False)
class ListedDataset(Answer):
    """A dataset in a list: its newest upload."""

    picture: ClassVar[str] = "dataset"

    name: str
    uri: str
    size: int
    uploaded: datetime


class Datasets(Listed[ListedDataset]):
    """The datasets, in the order that their names have in lower case."""

    picture = "datasets"

    @classmethod
    def entry(cls, told: Any) -> ListedDataset:
        """One of them."""
        return ListedDataset.from_json(told)


@dataclass(frozen=True, kw_only=True, repr=False)
class Dataset(Answer):
    """The newest upload of a dataset, and what was found in it.

    `state` is `describing`, `described`, `options_refused` (`faults` say where) or `unreadable` (`error`).
    """

    picture: ClassVar[str] = "dataset"

    name: str
    uri: str
    size: int
    uploaded: datetime
    state: str
    revision: str = ""
    sha256: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] | None = None
    error: str | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def columns(self) -> list[dict[str, Any]]:
        """What is told of each column; nothing of pictures, and until it is described."""
        return list((self.description or {}).get("columns") or ())


@dataclass(frozen=True, kw_only=True, repr=False)
class BudgetEntry(Answer):
    """What one attempt at a private training has spent; of a model that the key is not for, not whose."""

    attempt: int
    rho: str
    time: datetime
    job: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class PrivacyBudget(Answer):
    """What private trainings on a dataset may cost together, what they have, and who set it; newest first.

    `budget` has `epsilon` and `delta`, and is None while none is set. `spent` and `left` have `epsilon`, at
    the budget's delta, and `rho`, an exact fraction as text.
    """

    dataset: str
    etag: str
    budget: dict[str, float] | None = None
    spent: dict[str, Any] = field(default_factory=dict)
    left: dict[str, Any] | None = None
    entries: tuple[BudgetEntry, ...] = ()
    entries_omitted: int = 0
    changes: tuple[dict[str, Any], ...] = ()
    changes_omitted: int = 0
