"""What the registry asks of its store, counted: the same, however many versions and models there are.

A store in memory counts the requests and the bytes that they bring and take; there is no clock in it.
"""

import hashlib
from collections.abc import Callable

from obstore.store import MemoryStore

from ml_core.documents import read
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.listing import versions_page
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.segments import SIZE
from ml_core.registry.sweeping import Sweeper
from ml_core.registry.versions import Versions
from ml_core.serving import Models
from providers.object_storage import ObstoreStore
from tests.metered_store import Cost, MeteredStore

NAME = "fruit"


class Shelf:
    """A registry of a model with so many versions, among so many other models."""

    def __init__(self, versions: int, models: int) -> None:
        self.store = MeteredStore(ObstoreStore(MemoryStore()))
        self.now = 1_800_000_000.0
        self.registry = Registry(self.store, lambda: self.now)
        self.made = 0
        for _ in range(versions):
            self.register()
        for number in range(models):
            self.registry.register(
                f"other-{number:06d}", f"{number:028x}", sha256="0" * 64, size=1, algorithm="x"
            )

    def register(self) -> None:
        """Add a version, after its artifact."""
        self.made += 1
        job = f"f{self.made:027x}"
        self.store.put_if_absent(artifact_key(job), b"artifact")
        self.store.put_if_absent(manifest_key(job), b"{}")
        sha256 = hashlib.sha256(b"artifact").hexdigest()
        self.registry.register(NAME, job, sha256=sha256, size=8, algorithm="kmeans")

    def sweep(self) -> None:
        """Sweep, with all the time in the world."""
        Sweeper(self.registry, lambda: False, set(), _no_failed_job).sweep()

    def predict(self, version: int | None = None, alias: str | None = None) -> None:
        """Find and read a model as a first prediction does; the artifact is not of interest."""
        Models(self.store, load=lambda _: _Loaded()).resolve(NAME, version, alias)  # type: ignore[arg-type,return-value]

    def measured(self, work: Callable[[], object]) -> Cost:
        """What the work costs."""
        before = self.store.cost
        work()
        return self.store.cost.since(before)


class _Loaded:
    nbytes = 8


def _no_failed_job(_: str) -> None:
    return None


def costs(versions: int, models: int) -> dict[str, Cost]:
    """What each thing costs with so many versions of one model, among so many other models."""
    shelf = Shelf(versions, models)
    aliases, deletion = Aliases(shelf.registry), Deletion(shelf.registry)
    aliases.set(NAME, "blue", 1)
    aliases.set(NAME, "blue", 2)

    def register_some() -> None:
        for _ in range(SIZE):
            shelf.register()

    def read_the_models() -> None:
        shelf.now += 8 * 86_400
        shelf.sweep()

    told = {
        "first prediction, newest version": shelf.measured(shelf.predict),
        "first prediction, by alias": shelf.measured(lambda: shelf.predict(alias="blue")),
        "first prediction, version 5": shelf.measured(lambda: shelf.predict(5)),
        f"{SIZE} registrations, with files": shelf.measured(register_some),
        "moving an alias": shelf.measured(lambda: aliases.set(NAME, "blue", 1)),
        "rolling it back": shelf.measured(lambda: aliases.roll_back(NAME, "blue")),
        "its history": shelf.measured(lambda: aliases.history(NAME, "blue")),
        "deleting version 4": shelf.measured(lambda: deletion.delete_version(NAME, 4)),
        "restoring it": shelf.measured(lambda: deletion.restore(NAME, 4)),
        "a page of 20 versions": shelf.measured(lambda: versions_page(shelf.registry.model(NAME), 20)),
        "the same, compared": shelf.measured(lambda: Versions(shelf.registry).page(NAME, 20)),
        "a page of 20 models": shelf.measured(lambda: shelf.registry.models(20)),
        "sweep, once a week": shelf.measured(read_the_models),
    }
    while read(shelf.store, "registry/sweep.json").body["began"] is not None:
        shelf.sweep()
    return {**told, "sweep": shelf.measured(shelf.sweep)}
