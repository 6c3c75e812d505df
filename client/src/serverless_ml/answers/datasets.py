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
    descriptions: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class MadeVersion(Answer):
    """A version that was made from a dataset.

    `data` has the `uri` of the upload, and its `revision`. `copy` tells that it was registered from a
    download of another version's artifact. One that was purged has no `created` and no `algorithm`.
    """

    picture: ClassVar[str] = "made_version"

    model: str
    version: int
    job: str
    data: dict[str, Any]
    created: datetime | None = None
    algorithm: str | None = None
    copy: bool = False
    aliases: list[str] = field(default_factory=list)
    deleted: datetime | None = None
    restorable_until: datetime | None = None
    contains_training_rows: bool | None = None
    private: bool | None = None


class MadeVersions(Listed[MadeVersion]):
    """The versions that were made from a dataset, newest first."""

    picture = "made_versions"

    @classmethod
    def entry(cls, told: Any) -> MadeVersion:
        """One of them."""
        return MadeVersion.from_json(told)


@dataclass(frozen=True, kw_only=True, repr=False)
class Erasure(Answer):
    """What became of a dataset that was erased with the versions made from it.

    `versions` have `model`, `version` and `deleted`. The lines of `gone`, `going` (the next sweeps remove
    it), `expires` and `stays` (deletion cannot remove it) have `what`, `detail`, `number` and `days`.
    """

    picture: ClassVar[str] = "erasure"

    dataset: str
    complete: bool
    waiting_for: list[str] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    gone: list[dict[str, Any]] = field(default_factory=list)
    going: list[dict[str, Any]] = field(default_factory=list)
    expires: list[dict[str, Any]] = field(default_factory=list)
    stays: list[dict[str, Any]] = field(default_factory=list)
