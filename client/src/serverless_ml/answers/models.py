"""Models, their versions and their aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from serverless_ml.answers.record import Answer, Listed
from serverless_ml.answers.scoring import Engine


class Models(Listed[str]):
    """The names of the models, in the order that they have in lower case."""

    picture = "models"


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelEntry(Answer):
    """A model in a list: its newest version, None without one, and what stands for all that it reached.

    `newest` has `version`, `created`, `algorithm` and `metric`, which has a `name` and a `value` or is None.
    `trend` is the same metric of the newest versions, oldest first.
    """

    picture: ClassVar[str] = "model_entry"

    name: str
    newest: dict[str, Any] | None = None
    aliases: list[str] = field(default_factory=list)
    trend: list[dict[str, Any]] = field(default_factory=list)
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


class Overview(Listed[ModelEntry]):
    """The models with what a list shows of each, in the order that their names have in lower case."""

    picture = "models"

    @classmethod
    def entry(cls, told: Any) -> ModelEntry:
        """One of them."""
        return ModelEntry.from_json(told)


@dataclass(frozen=True, kw_only=True, repr=False)
class About(Answer):
    """What people wrote about a model or a version; `about_etag` changes with it, and with nothing else."""

    picture: ClassVar[str] = "about"

    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    about_etag: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class Version(Answer):
    """A version of a model: what it was trained on and with, and what it reached. It never changes.

    Only `description` and `tags` do, which people write about it.
    `metrics` are those on the rows trained on, and under `test` those on the rows held out.
    """

    picture: ClassVar[str] = "version"

    name: str
    version: int
    algorithm: str
    created: datetime
    job: str = ""
    sha256: str = ""
    size: int = 0
    task: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    features: list[str] = field(default_factory=list)
    input: dict[str, Any] | None = None
    graph: dict[str, Any] | None = None
    classes: list[Any] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Any] | None = None
    importance: dict[str, Any] | None = None
    comparison: dict[str, Any] | None = None
    contains_training_rows: bool | None = None
    warnings: list[str] = field(default_factory=list)
    rows: int | None = None
    test_rows: int | None = None
    test_fraction: float | None = None
    seed: int | None = None
    split: dict[str, Any] | None = None
    library_versions: dict[str, Any] = field(default_factory=dict)
    numerics: dict[str, Any] | None = None
    lineage: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, Any] | None = None
    engine: Engine | None = None
    drawn_rows: dict[str, Any] | None = None
    privacy: dict[str, Any] | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    about_etag: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class ListedVersion(Answer):
    """A version in a list; in a `ModelDescription` nothing is told of what it reached."""

    picture: ClassVar[str] = "version"

    version: int
    algorithm: str
    created: datetime
    job: str = ""
    sha256: str = ""
    size: int = 0
    aliases: list[str] = field(default_factory=list)
    hyperparameters: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    rows: int | None = None
    test_rows: int | None = None
    privacy: dict[str, Any] | None = None
    lineage: dict[str, Any] = field(default_factory=dict)


class Versions(Listed[ListedVersion]):
    """The versions of a model, the newest first."""

    picture = "versions"

    @classmethod
    def entry(cls, told: Any) -> ListedVersion:
        """One of them."""
        return ListedVersion.from_json(told)


@dataclass(frozen=True, kw_only=True, repr=False)
class Alias(Answer):
    """A name that points at a version, or at several that share the traffic by `weights`.

    Of several, `version` is the one with the greatest weight.
    """

    picture: ClassVar[str] = "alias"

    alias: str
    version: int
    weights: dict[int, int] | None = None
    etag: str = ""
    updated: datetime
    warnings: list[str] = field(default_factory=list)


class Aliases(Listed[Alias]):
    """The aliases of a model."""

    picture = "aliases"

    @classmethod
    def entry(cls, told: Any) -> Alias:
        """One of them."""
        return Alias.from_json(told)

    @classmethod
    def from_json(cls, told: Mapping[str, Any] | Sequence[Any]) -> Self:
        """Make it of a list of JSON, or of an object with their names. Raises `UnexpectedAnswer`."""
        return super().from_json(list(told.values()) if isinstance(told, Mapping) else told)


@dataclass(frozen=True, kw_only=True, repr=False)
class Change(Answer):
    """What was done to an alias: `before` and `after` are as it was set, None where there was no alias."""

    picture: ClassVar[str] = "change"

    number: int
    time: datetime
    by: str | None = None
    kind: str
    before: dict[str, Any] | None = field(default=None, metadata={"member": "from"})
    after: dict[str, Any] | None = field(default=None, metadata={"member": "to"})
    restored: int | None = None
    reason: str | None = None


class History(Listed[Change]):
    """What was done to an alias, the newest first."""

    picture = "history"

    @classmethod
    def entry(cls, told: Any) -> Change:
        """One change."""
        return Change.from_json(told)


@dataclass(frozen=True, kw_only=True, repr=False)
class DeletedVersion(Answer):
    """A version that was deleted; None where it cannot be restored any more."""

    version: int
    deleted: datetime
    restorable_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelDescription(Answer):
    """A model: its newest versions, its aliases, what was deleted of it, and what people wrote about it."""

    picture: ClassVar[str] = "model"

    name: str
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    about_etag: str = ""
    ready: bool = True
    versions: tuple[ListedVersion, ...] = ()
    aliases: Aliases = field(default_factory=lambda: Aliases((), []))
    deleted: tuple[DeletedVersion, ...] = ()
    next_before: int | None = None
