"""Why a guard changed an alias: told with the change, and no earlier release stumbles over it."""

from typing import Any, NamedTuple

import pytest
from obstore.store import MemoryStore

from ml_core.documents import Body, read, update
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import Aliases, Terms
from ml_core.registry.deletion import Deletion
from ml_core.registry.history import MOST_CHANGES, MOST_REMOVED, history_key
from ml_core.registry.registry import Registry, model_key
from ml_core.registry.sweeping import Sweeper
from providers.object_storage import ObstoreStore
from tests.previous.aliases import Aliases as PreviousAliases
from tests.previous.registry import Registry as PreviousRegistry

NAME = "Fruit"
GUARD = "schedule"


class SevenMembers(NamedTuple):
    """A change as the release before has it, which makes one of each line's members."""

    number: int
    time: str
    by: str | None
    kind: str
    before: Any
    after: Any
    restored: int | None


@pytest.fixture
def store() -> ObjectStore:
    """A store with a model of three versions."""
    store = ObstoreStore(MemoryStore())
    for number in range(1, 4):
        registry(store).register(NAME, f"{number:028x}", sha256="", size=1, algorithm="kmeans")
    return store


def registry(store: ObjectStore) -> Registry:
    return Registry(store, lambda: 1_700_000_000.0 + next(_seconds))


_seconds = iter(range(1_000_000))


def guarded(store: ObjectStore, version: int, reason: str | None = None, alias: str = "production") -> None:
    """A change by a guard, or without a reason by somebody."""
    terms = Terms(by="ada" if reason is None else GUARD, reason=reason)
    Aliases(registry(store)).set(NAME, alias, version, terms)


def reasons(store: ObjectStore, alias: str = "production") -> list[str | None]:
    """Those that the history tells, oldest first."""
    return [
        change.reason for change in Aliases(registry(store)).history(NAME, alias, limit=1000).changes[::-1]
    ]


def lines(store: ObjectStore, alias: str = "production") -> list[list[Any]]:
    """What the release before reads: all lines that are stored of an alias."""
    kept = read(store, history_key(NAME, alias)).body["lines"].get(alias, [])
    held: list[list[Any]] = document(store)["history"].get(alias, [])
    return [*kept, *held]


def document(store: ObjectStore) -> Body:
    return read(store, model_key(NAME)).body


def test_the_release_before_reads_what_a_guard_wrote(store: ObjectStore) -> None:
    for version, reason in ((1, None), (2, "better"), (1, "too slow"), (3, None), (2, "better again")):
        guarded(store, version, reason)
    assert reasons(store) == [None, "better", "too slow", None, "better again"]
    before = [SevenMembers(*line) for line in lines(store)]
    assert [(change.by, change.after) for change in before] == [
        ("ada", 1), (GUARD, 2), (GUARD, 1), ("ada", 3), (GUARD, 2),
    ]  # fmt: skip
    # It reads the newest line from the model's document, and knows of no other place.
    (newest,) = PreviousAliases(PreviousRegistry(store)).history(NAME, "production").changes
    assert tuple(newest) == before[-1]


def test_what_the_release_before_writes_in_between_takes_no_reason_away(store: ObjectStore) -> None:
    guarded(store, 1, "first")
    PreviousAliases(PreviousRegistry(store)).set(NAME, "production", 2)
    assert reasons(store) == ["first", None]
    guarded(store, 3, "third")
    assert reasons(store) == ["first", None, "third"]
    PreviousAliases(PreviousRegistry(store)).roll_back(NAME, "production")
    guarded(store, 3)
    assert reasons(store) == ["first", None, "third", None, None]
    sweep(store)
    assert reasons(store) == ["first", None, "third", None, None]


def test_the_sweep_keeps_the_reasons_of_what_it_moves(store: ObjectStore) -> None:
    guarded(store, 1, "first")
    for version in (2, 3, 2):
        PreviousAliases(PreviousRegistry(store)).set(NAME, "production", version)
    sweep(store)
    assert len(document(store)["history"]["production"]) == 1
    assert "reasons" not in document(store)
    assert reasons(store) == ["first", None, None, None]


def test_a_reason_is_forgotten_with_its_line(store: ObjectStore) -> None:
    for number in range(MOST_CHANGES + 5):
        guarded(store, 1 + number % 2, f"reason {number}")
    told = reasons(store)
    assert len(told) == MOST_CHANGES
    assert told[-1] == f"reason {MOST_CHANGES + 4}"
    kept = read(store, history_key(NAME, "production")).body["reasons"]["production"]
    assert [*map(int, kept)] == [line[0] for line in lines(store)[:-1]]
    assert [*document(store)["reasons"]["production"]] == [str(MOST_CHANGES + 5)]


def test_of_aliases_that_are_gone_no_reason_stays_in_the_document(store: ObjectStore) -> None:
    for number in range(MOST_REMOVED + 2):
        guarded(store, 1, "why", alias=f"a{number}")
    for number in range(MOST_REMOVED + 2):
        Aliases(registry(store)).delete(NAME, f"a{number}", Terms(by=GUARD, reason="gone"))
    assert {*document(store)["reasons"]} == {*document(store)["history"]}
    assert reasons(store, "a0") == ["why", "gone"]


@pytest.mark.parametrize("taken_over_by", [Registry, PreviousRegistry])
def test_a_model_that_takes_a_name_over_has_none_of_them(store: ObjectStore, taken_over_by: Any) -> None:
    guarded(store, 1, "of another model")
    Aliases(registry(store)).delete(NAME, "production")
    Deletion(registry(store)).delete_model(NAME, purge=True)
    other = NAME.upper()
    taken_over_by(store).register(other, "a" * 28, sha256="", size=1, algorithm="kmeans")
    Aliases(registry(store)).set(other, "production", registry(store).model(other).pick().version)
    (change,) = Aliases(registry(store)).history(other, "production").changes
    assert (change.number, change.reason) == (1, None)


def test_lines_with_the_reason_in_them_are_read_and_made_short(store: ObjectStore) -> None:
    """As they were written for a while before there was a place for reasons."""
    guarded(store, 1)

    def lengthen(body: Body | None) -> Body:
        assert body is not None
        (line,) = body["history"]["production"]
        body["history"]["production"] = [[*line, "an old reason"]]
        return body

    update(store, model_key(NAME), lengthen)
    assert reasons(store) == ["an old reason"]
    guarded(store, 2, "a new one")
    assert reasons(store) == ["an old reason", "a new one"]
    assert {len(line) for line in lines(store)} == {7}


def sweep(store: ObjectStore) -> None:
    Sweeper(registry(store), lambda: False, set(), lambda job: None if job else job).sweep()
