"""A registry does at any length what it says, whatever is done to it in which order, and whoever does it."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from obstore.store import MemoryStore

from ml_core.conflicts import VersionGone, VersionInUse
from ml_core.errors import ModelNotFound, Unavailable, VersionNotFound
from ml_core.ports import ObjectStore
from ml_core.registry import changes, segments, sweeping
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.listing import versions_page
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.retention import DAY, RETENTION
from ml_core.registry.sweeping import Sweeper
from ml_core.registry.weights import versions_in
from providers.object_storage import ObstoreStore
from tests.contract.faults import Clock, Fault, FaultyStore, fail_before, lose_answer
from tests.previous.aliases import Aliases as PreviousAliases
from tests.previous.deletion import Deletion as PreviousDeletion
from tests.previous.registry import Registry as PreviousRegistry

NAME = "Fruit"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few versions make a long model."""
    monkeypatch.setattr(changes, "KEPT", 2)
    monkeypatch.setattr(changes, "MOST_MOVED", 3)
    monkeypatch.setattr(sweeping, "_AT_ONCE", 4)
    for module in (segments, changes, sweeping):
        monkeypatch.setattr(module, "SIZE", 3)


class Expected:
    """What should be known of one model: the simplest registry there is."""

    def __init__(self) -> None:
        self.jobs: dict[int, str] = {}
        self.deleted: dict[int, float] = {}
        self.purged: set[int] = set()
        self.aliases: dict[str, list[int]] = {}
        self.history: dict[str, list[list[int]]] = {}
        self.gone = True

    @property
    def live(self) -> list[int]:
        return [number for number in self.jobs if number not in self.deleted]

    def restorable(self, now: float) -> list[int]:
        return [
            number
            for number, when in self.deleted.items()
            if number not in self.purged and int(when) > int(now - RETENTION)
        ]


class Played:
    """A registry to which things are done at random, and what should come of it."""

    most_held: float = 2 * (2 + 2)  # entries of the model's document: what is kept, and what just came

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - chance
        self.clock = Clock()
        self.store: ObjectStore = ObstoreStore(MemoryStore())
        self.registry = Registry(self.store, self.clock)
        self.deletion = Deletion(self.registry)
        self.aliases = Aliases(self.registry)
        self.expected = Expected()

    def step(self) -> None:
        done: Callable[[], None] = self.chance.choices(
            [
                self.register,
                self.register_again,
                self.delete,
                self.purge,
                self.restore,
                self.point,
                self.unpoint,
                self.delete_model,
                self.sweep,
            ],
            [12, 2, 6, 2, 4, 4, 3, 1, 2],
        )[0]
        done()
        self.clock.ahead += self.chance.choice([1, 1, 1, 3600, DAY])

    def register(self) -> None:
        job = f"{len(self.expected.jobs):028d}"
        self.store.put_if_absent(artifact_key(job), b"artifact")
        self.store.put_if_absent(manifest_key(job), b"{}")
        number = self.registry.register(NAME, job, sha256=job, size=8, algorithm="none")
        assert number == len(self.expected.jobs) + 1, "numbers only grow"
        self.expected.jobs[number] = job
        self.expected.gone = False

    def register_again(self) -> None:
        if self.expected.jobs:
            number, job = self.chance.choice(list(self.expected.jobs.items()))
            assert self.registry.register(NAME, job, sha256="other", size=1, algorithm="other") == number

    def any_number(self) -> int:
        return self.chance.randint(1, len(self.expected.jobs) + 1)

    def pointing(self, number: int) -> list[str]:
        return [name for name, numbers in self.expected.aliases.items() if number in numbers]

    def delete(self) -> None:
        number = self.chance.choice([self.any_number(), max(self.expected.live, default=1)])
        refused = self._refusal(number)
        if refused is not None:
            with pytest.raises(refused):
                self.deletion.delete_version(NAME, number)
            return
        self.deletion.delete_version(NAME, number)
        self.expected.deleted[number] = self.clock()

    def _refusal(self, number: int) -> type[Exception] | None:
        if self.expected.gone:
            return ModelNotFound
        if number not in self.expected.live:
            return VersionNotFound
        return VersionInUse if self.pointing(number) else None

    def purge(self) -> None:
        number = self.any_number()
        if not self.expected.jobs or number not in self.expected.jobs or self.pointing(number):
            with pytest.raises((ModelNotFound, VersionNotFound, VersionInUse)):
                self.deletion.delete_version(NAME, number, purge=True)
            return
        self.deletion.delete_version(NAME, number, purge=True)
        self.expected.deleted.setdefault(number, self.clock())
        self.expected.purged.add(number)

    def restore(self) -> None:
        number = self.any_number()
        if number not in self.expected.jobs:
            with pytest.raises((ModelNotFound, VersionNotFound)):
                self.deletion.restore(NAME, number)
        elif number in self.expected.live or number in self.expected.restorable(self.clock()):
            assert self.deletion.restore(NAME, number).job == self.expected.jobs[number]
            if self.expected.deleted.pop(number, None) is not None:
                self.expected.gone = False
        else:
            with pytest.raises(VersionGone):
                self.deletion.restore(NAME, number)

    def point(self) -> None:
        alias = self.chance.choice(["production", "blue", "green"])
        numbers = self.chance.sample(self.expected.live, min(len(self.expected.live), 2))
        if self.expected.gone or not numbers:
            with pytest.raises((ModelNotFound, VersionNotFound)):
                self.aliases.set(NAME, alias, self.any_number())
            return
        if len(numbers) == 1 or self.chance.random() < 0.5:
            self.aliases.set(NAME, alias, numbers[0])
            self.pointed(alias, numbers[:1])
        else:
            self.aliases.set(NAME, alias, {str(number): 1 for number in sorted(numbers)})
            self.pointed(alias, sorted(numbers))

    def pointed(self, alias: str, numbers: list[int]) -> None:
        self.expected.aliases[alias] = numbers
        self.expected.history.setdefault(alias, []).append(numbers)

    def unpoint(self) -> None:
        if self.expected.aliases:
            alias = self.chance.choice(list(self.expected.aliases))
            self.aliases.delete(NAME, alias)
            del self.expected.aliases[alias]
            self.expected.history[alias].append([])

    def delete_model(self) -> None:
        purge = self.chance.random() < 0.3
        if self.expected.aliases or not self.expected.jobs or (self.expected.gone and not purge):
            with pytest.raises((ModelNotFound, VersionInUse)):
                self.deletion.delete_model(NAME, purge=purge)
            return
        self.deletion.delete_model(NAME, purge=purge)
        for number in self.expected.live:
            self.expected.deleted[number] = self.clock()
        if purge:
            self.expected.purged.update(self.expected.jobs)
        self.expected.gone = True

    def sweep(self) -> None:
        self.sweep_for(self.chance.choice([None, 3]))

    def sweep_for(self, over: int | None) -> None:
        """Sweep, for so many steps, after which there is no more time."""
        steps = itertools.count()
        Sweeper(
            self.registry,
            lambda: over is not None and next(steps) >= over,
            unfinished=set(),
            model_of_failed=lambda job: None if job else job,  # each has a version
        ).sweep()

    def check(self) -> None:
        """What can be seen is what should be."""
        expected = self.expected
        for number, job in expected.jobs.items():
            assert self.registry.number_of(NAME, job) == number
        files = {found.key for found in self.store.list("artifacts/").objects}
        needed = [*expected.live, *expected.restorable(self.clock())]
        assert {artifact_key(expected.jobs[number]) for number in needed} <= files
        if expected.gone:
            with pytest.raises(ModelNotFound):
                self.registry.model(NAME)
            return
        model = self.registry.model(NAME)
        assert [version.version for version in model.versions] == expected.live
        assert model.ready == bool(expected.live)
        assert {each.version for each in self.deletion.deleted(model)} == set(expected.deleted)
        shown = {each.version: each.restorable_until for each in self.deletion.deleted(model)}
        assert {n for n, until in shown.items() if until} == set(expected.restorable(self.clock()))
        for number in range(1, len(expected.jobs) + 2):
            fresh = self.registry.model(NAME)
            if number in expected.live:
                assert fresh.pick(number).job == expected.jobs[number]
            else:
                with pytest.raises(VersionNotFound):
                    fresh.pick(number)
        assert {alias.alias: alias.versions for alias in model.aliases} == expected.aliases
        if "production" not in expected.aliases and expected.live:
            assert model.pick().version == max(expected.live)
        self.check_history()
        assert list(self.walk(self.chance.randint(1, 4))) == expected.live[::-1]
        named = sum(map(len, expected.aliases.values()))
        assert len(model.held()) - named <= self.most_held, "however long it is"

    def check_history(self) -> None:
        for alias, states in self.expected.history.items():
            told = self.aliases.history(NAME, alias, limit=1000).changes[::-1]
            assert [change.number for change in told] == list(range(1, len(states) + 1))
            assert [[] if each.after is None else versions_in(each.after) for each in told] == states
            for before, after in itertools.pairwise(told):
                assert before.after == after.before

    def walk(self, limit: int) -> Iterator[int]:
        before = None
        while True:
            page = versions_page(self.registry.model(NAME), limit, before)
            yield from (version.version for version in page.versions)
            before = page.next_before
            if before is None:
                return

    def check_files(self) -> None:
        """When all times are over, the files of what is not deleted are left, and nothing tells of more."""
        self.clock.ahead += RETENTION + DAY
        # One ends a reading of the models, one reads them again, one looks at what that told.
        for _ in range(3):
            self.sweep_for(None)
        files = {found.key for found in self.store.list("artifacts/").objects}
        jobs = [self.expected.jobs[number] for number in self.expected.live]
        assert files == {key(job) for job in jobs for key in (artifact_key, manifest_key)}
        told = [
            found.key
            for place in ("deleted", "purged")
            for found in self.store.list(f"registry/{place}/").objects
        ]
        assert told == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_done_to_a_model_it_is_as_it_should_be(seed: int) -> None:
    played = Played(seed)
    for _ in range(60):
        played.step()
        played.check()
    assert len(played.expected.jobs) > 10
    played.check_files()
    played.check()


class Shared(Played):
    """A registry that instances of the release before use as well."""

    most_held = float("inf")  # what they add waits for the next change of ours

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.previous = PreviousRegistry(self.store, self.clock)
        self.previous_deletion = PreviousDeletion(self.previous)

    def step(self) -> None:
        if self.chance.random() < 0.5:
            super().step()
            return
        self.chance.choice(
            [
                self.register_there,
                self.register_there,
                self.delete_there,
                self.restore_there,
                self.point_there,
            ]
        )()
        self.clock.ahead += self.chance.choice([1, 1, 1, 3600, DAY])

    def known_there(self) -> list[int]:
        """The versions that the release before can tell of."""
        return [] if self.expected.gone else [each.version for each in self.previous.model(NAME).versions]

    def register_there(self) -> None:
        mine = self.registry
        try:
            self.registry = cast("Registry", self.previous)
            self.register()
        finally:
            self.registry = mine

    def delete_there(self) -> None:
        for number in self.known_there():
            if not self.pointing(number):
                self.previous_deletion.delete_version(NAME, number)
                self.expected.deleted[number] = self.clock()
                return

    def restore_there(self) -> None:
        if self.expected.gone:
            return
        for each in self.previous_deletion.deleted(self.previous.model(NAME)):
            if each.restorable_until:
                self.previous_deletion.restore(NAME, each.version)
                del self.expected.deleted[each.version]
                return

    def point_there(self) -> None:
        known = self.known_there()
        if known:
            number = self.chance.choice(known)
            PreviousAliases(self.previous).set(NAME, "blue", number)
            self.pointed("blue", [number])

    def check(self) -> None:
        super().check()
        kept = self.previous_deletion.kept()
        jobs = self.expected.jobs
        assert {jobs[number] for number in self.expected.live} <= kept.needed, (
            "its sweep leaves them their files"
        )
        assert {jobs[number] for number in self.expected.restorable(self.clock())} <= kept.needed
        assert kept.purged <= {jobs[number] for number in self.expected.purged}
        assert [model.name for model in self.previous.models().models] == [NAME] * (not self.expected.gone)
        if self.expected.gone:
            return
        model = self.previous.model(NAME)
        assert {alias.alias: alias.versions for alias in model.aliases} == self.expected.aliases
        for number in range(1, len(jobs) + 2):
            try:
                assert model.pick(number).job == jobs[number]
            except VersionNotFound:
                continue
        for alias, numbers in self.expected.aliases.items():
            assert model.pick(alias=alias).version in numbers
        if "production" not in self.expected.aliases and len(known := self.known_there()) > 0:
            assert model.pick().version == max(known)


@pytest.mark.parametrize("seed", range(8))
def test_the_release_before_may_write_in_between(seed: int) -> None:
    played = Shared(seed)
    for _ in range(60):
        played.step()
        played.check()
    assert len(played.expected.jobs) > 10


OPERATIONS: dict[str, Callable[[Registry], object]] = {
    "register": lambda registry: registry.register(NAME, "new", sha256="new", size=8, algorithm="none"),
    "point at an old one": lambda registry: Aliases(registry).set(NAME, "blue", {"3": 1, "4": 1}),
    "roll back": lambda registry: Aliases(registry).roll_back(NAME, "production"),
    "remove an alias": lambda registry: Aliases(registry).delete(NAME, "production"),
    "delete an old one": lambda registry: Deletion(registry).delete_version(NAME, 3),
    "delete the newest": lambda registry: Deletion(registry).delete_version(NAME, 14),
    "purge what was deleted": lambda registry: Deletion(registry).delete_version(NAME, 2, purge=True),
    "restore": lambda registry: Deletion(registry).restore(NAME, 2),
    "delete the model": lambda registry: Deletion(registry).delete_model(NAME),
    "purge the model": lambda registry: Deletion(registry).delete_model(NAME, purge=True),
}


def begun(operation: str) -> ObjectStore:
    """A store with a long model, of which much is not in its document."""
    store = ObstoreStore(MemoryStore())
    registry = Registry(store)
    for number in range(1, 15):
        registry.register(NAME, f"job {number}", sha256="", size=8, algorithm="none")
    for number in (2, 5, 6, 7):
        Deletion(registry).delete_version(NAME, number)
    if "model" not in operation:
        for number in (1, 9, 10):
            Aliases(registry).set(NAME, "production", number)
    return store


def seen(store: ObjectStore) -> object:
    """What can be seen of the model."""
    registry = Registry(store)
    try:
        model = registry.model(NAME)
    except ModelNotFound:
        return None
    history = Aliases(registry).history(NAME, "production").changes if model.history else []
    return (
        [(version.version, version.job) for version in model.versions],
        [(each.version, each.restorable_until is None) for each in Deletion(registry).deleted(model)],
        [(alias.alias, alias.versions) for alias in model.aliases],
        [(change.number, change.kind, change.before, change.after) for change in history],
        model.pick().version,
    )


@pytest.mark.parametrize("fault", [fail_before, lose_answer])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_dies_between_any_two_writes_leaves_the_old_state_or_the_new(
    operation: str, fault: Fault
) -> None:
    whole = FaultyStore(begun(operation), 0, fault)
    before = seen(whole)
    OPERATIONS[operation](Registry(whole))
    after = seen(whole)
    assert before != after
    steps = FaultyStore(begun(operation), 0, fault)
    OPERATIONS[operation](Registry(steps))
    states = []
    for nth in range(1, len(steps.operations) + 1):
        store = begun(operation)
        with pytest.raises(Unavailable):
            OPERATIONS[operation](Registry(FaultyStore(store, nth, fault, lasting=True)))
        states.append(seen(store))
        assert states[-1] in (before, after), f"after operation {nth}"
        if states[-1] == before:
            OPERATIONS[operation](Registry(store))
            assert seen(store) == after, "whoever comes next is not in its way"
    # Only the last operation changes what can be seen; where its answer alone was lost it has.
    assert states == [before] * (len(states) - 1) + [after if fault is lose_answer else before]


@pytest.mark.parametrize("operation", ["register", "point at an old one", "restore", "delete the newest"])
def test_a_writer_that_was_slow_undoes_nothing(operation: str) -> None:
    """While one of its operations hangs, others delete what it is about to move, and move that themselves."""

    def meanwhile(going_on: Callable[[], object]) -> object:
        registry = Registry(store)
        for number in (9, 12, 11, 8, 13):
            Deletion(registry).delete_version(NAME, number)
        Deletion(registry).restore(NAME, 11)
        for job in range(6):
            registry.register(NAME, f"other {job}", sha256="", size=8, algorithm="none")
        for number in (15, 16, 17):
            Deletion(registry).delete_version(NAME, number)
        return going_on()

    steps = FaultyStore(begun(operation), 0, fail_before)
    OPERATIONS[operation](Registry(steps))
    for nth in range(1, len(steps.operations) + 1):
        store = begun(operation)
        OPERATIONS[operation](Registry(FaultyStore(store, nth, meanwhile)))
        model = Registry(store).model(NAME)
        live = {1, 3, 4, 10, 11, 14, 18, 19, 20}
        live |= {21} if operation == "register" else {2} if operation == "restore" else set()
        live -= {14} if operation == "delete the newest" else set()
        assert {version.version for version in model.versions} == live, f"operation {nth} was slow"
        jobs = [version.job for version in model.versions]
        assert len(set(jobs)) == len(jobs)
        for number in range(1, 22):
            assert (number in live) == _is_there(Registry(store), number)


def _is_there(registry: Registry, number: int) -> bool:
    try:
        return registry.model(NAME).pick(number).version == number
    except VersionNotFound:
        return False
