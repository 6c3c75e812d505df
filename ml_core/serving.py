"""Models that are ready to predict: the present version by name, its artifact kept warm.

The pointer (the model's document) is trusted for `alias_ttl` seconds and then asked for again with a
conditional get, so a new version, a moved alias or a roll-back is everywhere within that time. Artifacts
never change; they are kept by their SHA-256, the longest unused going first when they grow past `max_bytes`.
"""

from __future__ import annotations

import time
from _thread import allocate_lock  # the module threading costs a cold start more than this whole file

from ml_core.digests import sha256
from ml_core.errors import ArtifactInvalid, ModelNotFound, NotFound, ObjectNotFound
from ml_core.names import IMPORTED
from ml_core.records import Record
from ml_core.registry.registry import Choice, ModelDocument, Registry, Version, artifact_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable

    from ml_core.model.model import Model
    from ml_core.ports import ObjectStore

ALIAS_TTL = 2.0  # seconds
MAX_BYTES = 256 << 20
_MOST_POINTERS = 1000


class Served(Record):
    """A model that is ready to predict, which version it is, and whether its artifact had to be read.

    `alias` is what led to the version; None where that was its number, or that it is the newest. `job` is the
    id of the job that trained it, which no other version ever has; None outside a registry.
    """

    model: Model
    name: str
    version: int
    alias: str | None
    cold: bool
    job: str | None


class Models:
    """The models in an object store, as this process serves them; safe to use from several threads."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        alias_ttl: float = ALIAS_TTL,
        max_bytes: int = MAX_BYTES,
        load: Callable[[bytes], Model] | None = None,
        imported: Callable[[Version], Model] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._registry = Registry(store)
        self._alias_ttl = alias_ttl
        self._load = load or _load
        self._imported = imported
        # the wall clock: a frozen function's monotonic clock may stand still while others roll back
        self._clock = clock
        self._pointers: dict[str, tuple[ModelDocument, float]] = {}
        self._artifacts = _Artifacts(max_bytes)

    def resolve(
        self, name: str, version: int | None = None, alias: str | None = None, key: str | None = None
    ) -> Served:
        """The version of that number or alias; without either, `production` where it exists, else the newest.

        Of an alias with several versions the one that falls to `key`; without a key that with the greatest
        weight. Raises `ModelNotFound`, `VersionNotFound`, `AliasNotFound`, `ArtifactInvalid`, `Unavailable`.
        """
        choice = self._chosen(name, version, alias, key)
        picked = choice.version
        kept_as = _kept_as(picked)
        model = self._artifacts.find(kept_as)
        if model is not None:
            return Served(model, name, picked.version, choice.alias, False, picked.job)
        together = frozenset(_kept_as(each) for each in choice.among)
        try:
            model, cold = self._artifacts.get(kept_as, lambda: self._read(name, picked), together)
        except ObjectNotFound as error:
            # swept after its version was deleted, a moment ago: the pointer knows by now
            self._pointers.pop(name, None)
            self._pointer(name).pick(picked.version)
            raise ArtifactInvalid(
                f"the artifact of model '{name}' version {picked.version} is missing"
            ) from error
        return Served(model, name, picked.version, choice.alias, cold, picked.job)

    def look_again(self, name: str) -> None:
        """Have the next request for the model ask the store, and not go by what was read a moment ago."""
        kept = self._pointers.get(name)
        if kept is not None:
            self._pointers[name] = (kept[0], float("-inf"))

    def ready(self, name: str, version: int | None = None) -> Served:
        """As `resolve`, when every version that a caller may get can answer."""
        for other in self._chosen(name, version, None, None).among:
            self.resolve(name, other.version)
        return self.resolve(name, version)

    def _chosen(self, name: str, version: int | None, alias: str | None, key: str | None) -> Choice:
        """What is asked for; the store is asked again before a kept pointer makes it missing."""
        kept = self._pointers.get(name)
        pointer = self._pointer(name)
        try:
            return pointer.choose(version, alias, key)
        except NotFound:
            if kept is None or pointer is not kept[0]:
                raise
        self.look_again(name)
        return self._pointer(name).choose(version, alias, key)

    def _pointer(self, name: str) -> ModelDocument:
        now = self._clock()
        known = self._pointers.get(name)
        if known is not None and 0 <= now - known[1] < self._alias_ttl:
            return known[0]
        try:
            document = self._revalidated(name, known)
        except ModelNotFound:
            self._pointers.pop(name, None)
            raise
        while len(self._pointers) >= _MOST_POINTERS:
            self._pointers.pop(next(iter(self._pointers)), None)
        self._pointers[name] = (document, now)
        return document

    def _revalidated(self, name: str, known: tuple[ModelDocument, float] | None) -> ModelDocument:
        if known is None:
            return self._registry.model(name)
        return self._registry.model_if_changed(known[0]) or known[0]

    def _read(self, name: str, version: Version) -> Model:
        if version.algorithm == IMPORTED and self._imported is not None:
            return self._imported(version)  # its file is not read here
        data = self._store.get(artifact_key(version.job)).data
        if sha256(data) != version.sha256:
            raise ArtifactInvalid(f"the artifact of model '{name}' version {version.version} is damaged")
        try:
            return self._load(data)
        except ArtifactInvalid as error:
            raise ArtifactInvalid(
                f"the artifact of model '{name}' version {version.version} cannot be read: {error}"
            ) from error


def _kept_as(version: Version) -> str:
    """By what a loaded model is kept: its artifact's SHA-256, so that copies are loaded once.

    An artifact of an imported model is its graph alone. What its outputs and classes are called stands in the
    version's manifest: the same graph may be imported twice.
    """
    return version.job if version.algorithm == IMPORTED else version.sha256


class _Artifacts:
    """Loaded models by their key, the longest unused first: `max_bytes` together.

    Past that only what is asked for together stays: a larger model alone, or all versions of a split alias,
    which would else push each other out with every second request.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._models: dict[str, Model] = {}
        self._loading: dict[str, LockType] = {}
        self._lock = allocate_lock()

    def get(self, key: str, load: Callable[[], Model], together: frozenset[str]) -> tuple[Model, bool]:
        """The model, and whether it had to be loaded; of several threads that need one, only one loads it."""
        with self._lock:
            loading = self._loading.setdefault(key, allocate_lock())
        with loading:
            found = self.find(key)
            if found is not None:
                return found, False
            try:
                model = load()
                self._keep(key, model, together)
            finally:
                with self._lock:
                    self._loading.pop(key, None)
        return model, True

    def find(self, key: str) -> Model | None:
        """The model, if it is loaded."""
        with self._lock:
            model = self._models.pop(key, None)
            if model is not None:
                self._models[key] = model  # now the last to go
            return model

    def _keep(self, key: str, model: Model, together: frozenset[str]) -> None:
        with self._lock:
            self._models[key] = model
            size = sum(kept.nbytes for kept in self._models.values())
            for unused in [kept for kept in self._models if kept not in together]:
                if size <= self._max_bytes:
                    return
                size -= self._models.pop(unused).nbytes


def _load(data: bytes) -> Model:
    from ml_core.model.model import Model

    return Model.from_bytes(data)
