"""Weights, promotion, roll-back and their history, on every store; with many at once, and some killed."""

import hashlib
import itertools
import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from ml_core.conflicts import NothingToPromote, NothingToRollBack, VersionGone
from ml_core.documents import read
from ml_core.errors import (
    AliasNotFound,
    Conflict,
    InvalidInput,
    RevisionMismatch,
    Unavailable,
    VersionNotFound,
)
from ml_core.ports import ObjectStore
from ml_core.registry.aliases import MOST_ALIASES, Aliases, Terms
from ml_core.registry.deletion import Deletion
from ml_core.registry.history import MOST_CHANGES, MOST_REMOVED, Change
from ml_core.registry.registry import Registry, artifact_key
from ml_core.serving import ALIAS_TTL
from tests.contract.faults import Fault, FaultyStore, do_twice, fail_before, lose_answer
from tests.contract.places import Place, race

if TYPE_CHECKING:
    import subprocess

LIVE = ("iris", "production")
TENTH = {"3": 90, "4": 10}


@pytest.fixture
def aliases(store: ObjectStore) -> Aliases:
    """The aliases of a registry in which iris has five versions."""
    registry = Registry(store)
    for job in "abcde":
        sha256 = hashlib.sha256(job.encode()).hexdigest()
        registry.register("iris", job, sha256=sha256, size=7, algorithm="kmeans")
    return Aliases(registry)


def _states(aliases: Aliases) -> list[object]:
    """What the alias became, one change after the other."""
    return [change.after for change in reversed(aliases.history(*LIVE).changes)]


class TestWeights:
    def test_versions_share_an_alias(self, aliases: Aliases, store: ObjectStore) -> None:
        written = aliases.set(*LIVE, TENTH)
        assert (written.version, written.weights, written.versions) == (3, TENTH, [3, 4])
        model = Registry(store).model("iris")
        assert model.alias("production") == written
        assert model.pick().version == 3
        found = {model.choose(key=str(key)).version.version for key in range(200)}
        assert found == {3, 4}

    def test_every_one_has_to_be_there(self, aliases: Aliases) -> None:
        with pytest.raises(VersionNotFound, match="no version 9"):
            aliases.set(*LIVE, {"3": 90, "9": 10})

    def test_an_alias_of_an_earlier_release_is_read_and_gets_a_history(
        self, aliases: Aliases, store: ObjectStore
    ) -> None:
        Registry(store).change("iris", lambda _, body: _as_before(body))
        assert Registry(store).model("iris").pick().version == 2
        assert aliases.history(*LIVE).changes == []
        with pytest.raises(NothingToRollBack):
            aliases.roll_back(*LIVE)
        aliases.promote(*LIVE, 4, terms=Terms(one_of=frozenset({"old"})))
        assert aliases.roll_back(*LIVE).version == 2
        with pytest.raises(NothingToRollBack):
            aliases.roll_back(*LIVE)

    def test_a_model_has_so_many_at_most_since_each_prediction_reads_them(
        self, aliases: Aliases, store: ObjectStore
    ) -> None:
        entry = {"version": 2, "etag": "e", "updated": "2026-01-01T00:00:00Z"}
        many = {f"alias-{number}": entry for number in range(MOST_ALIASES)}
        Registry(store).change("iris", lambda _, body: body.update(aliases=many))
        with pytest.raises(Conflict, match="remove one first"):
            aliases.set(*LIVE, 3)
        aliases.set("iris", "alias-7", 3)

    def test_a_release_without_weights_finds_the_version_with_the_greatest(
        self, aliases: Aliases, store: ObjectStore
    ) -> None:
        aliases.set(*LIVE, {"3": 90, "4": 10})
        assert read(store, "models/iris.json").body["aliases"]["production"]["version"] == 3


def _as_before(body: dict[str, dict[str, object]]) -> None:
    body["aliases"] = {"production": {"version": 2, "etag": "old", "updated": "2026-01-01T00:00:00Z"}}
    body.pop("history", None)


class TestRollingBack:
    def test_a_second_one_goes_further_back_and_never_forward_again(self, aliases: Aliases) -> None:
        for version in (1, 2, 3):
            aliases.promote(*LIVE, version)
        assert [aliases.roll_back(*LIVE).version for _ in range(2)] == [2, 1]
        with pytest.raises(NothingToRollBack):
            aliases.roll_back(*LIVE)
        aliases.promote(*LIVE, 5)
        assert aliases.roll_back(*LIVE).version == 1
        assert _states(aliases) == [1, 2, 3, 2, 1, 5, 1]

    def test_it_passes_over_the_steps_of_a_canary(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, 3)
        for share in (10, 50):
            aliases.set(*LIVE, {"3": 100 - share, "4": share})
        aliases.promote(*LIVE)
        assert aliases.roll_back(*LIVE).version == 3
        aliases.set(*LIVE, {"3": 90, "5": 10})
        assert aliases.roll_back(*LIVE).version == 3

    def test_the_same_version_set_twice_is_one_state(self, aliases: Aliases) -> None:
        for version in (1, 2, 2, 2):
            aliases.set(*LIVE, version)
        assert aliases.roll_back(*LIVE).version == 1

    def test_an_alias_that_began_as_a_split_goes_back_to_its_oldest_version(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, TENTH)
        aliases.set(*LIVE, {"3": 10, "4": 90})
        assert aliases.roll_back(*LIVE).version == 3
        with pytest.raises(NothingToRollBack):
            aliases.roll_back(*LIVE)

    def test_a_split_before_the_first_version_alone_is_named(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, TENTH)
        aliases.promote(*LIVE, 4)
        message = "no version had all the traffic of the alias 'production' before"
        with pytest.raises(NothingToRollBack) as refused:
            aliases.roll_back(*LIVE)
        assert str(refused.value) == f'{message}; {{"to": 1}} brings back the shares of change 1'
        assert aliases.roll_back(*LIVE, 1).weights == TENTH
        aliases.set("iris", "staging", 4)
        with pytest.raises(NothingToRollBack) as refused:
            aliases.roll_back("iris", "staging")
        assert str(refused.value) == message.replace("production", "staging")

    def test_a_change_may_be_named_and_a_split_comes_back_with_its_weights(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, 3)
        aliases.set(*LIVE, TENTH)
        aliases.promote(*LIVE)
        assert aliases.roll_back(*LIVE, 2).weights == TENTH
        assert aliases.roll_back(*LIVE).version == 3, "from there it goes on as from there"
        with pytest.raises(InvalidInput, match="1 to 5"):
            aliases.roll_back(*LIVE, 6)

    def test_a_removed_alias_comes_back_as_it_was(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, 3)
        aliases.set(*LIVE, TENTH)
        aliases.delete(*LIVE)
        assert aliases.roll_back(*LIVE).weights == TENTH
        with pytest.raises(InvalidInput, match="removed the alias"):
            aliases.roll_back(*LIVE, 3)
        with pytest.raises(AliasNotFound):
            aliases.roll_back("iris", "nobody")

    def test_to_a_deleted_version_there_is_no_way_and_nothing_changes(self, aliases: Aliases) -> None:
        deletion = Deletion(aliases._registry)
        aliases.promote(*LIVE, 1)
        aliases.promote(*LIVE, 2)
        deletion.delete_version("iris", 1)
        with pytest.raises(VersionGone, match=r"version 1: .* was deleted; restore it"):
            aliases.roll_back(*LIVE)
        with pytest.raises(VersionGone):
            aliases.roll_back(*LIVE, 1)
        assert _states(aliases) == [1, 2]
        deletion.restore("iris", 1)
        assert aliases.roll_back(*LIVE).version == 1


class TestHistory:
    def test_each_change_says_who_what_and_whence(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, 3, Terms(by="ann"))
        aliases.promote(*LIVE, 4, terms=Terms(by="bob"))
        aliases.roll_back(*LIVE, terms=Terms(by="eve"))
        told = [change[2:7] for change in reversed(aliases.history(*LIVE).changes)]
        assert told == [
            ("ann", "set", None, 3, None),
            ("bob", "promote", 3, 4, None),
            ("eve", "rollback", 4, 3, 1),
        ]

    def test_a_refused_change_leaves_no_line(self, aliases: Aliases) -> None:
        aliases.set(*LIVE, 3)
        with pytest.raises(RevisionMismatch):
            aliases.promote(*LIVE, 4, terms=Terms(one_of=frozenset({"x"})))
        with pytest.raises(NothingToPromote):
            aliases.promote(*LIVE)
        assert _states(aliases) == [3]

    def test_it_is_bounded(self, aliases: Aliases, store: ObjectStore) -> None:
        line = [1, "2026-01-01T00:00:00Z", None, "set", 1, 2, None]

        def fill(_: object, body: dict[str, dict[str, object]]) -> None:
            body["history"] = {"production": [[n + 1, *line[1:]] for n in range(MOST_CHANGES)]}
            body["history"] |= {f"gone-{n}": [line] for n in range(MOST_REMOVED)}

        Registry(store).change("iris", fill)
        aliases.set(*LIVE, 3)
        changes = aliases.history(*LIVE, limit=1000).changes
        assert [change.number for change in changes] == list(range(MOST_CHANGES + 1, 1, -1))
        aliases.set("iris", "another", 1)
        aliases.delete("iris", "another")
        known = read(store, "models/iris.json").body["history"]
        assert "gone-0" not in known
        assert {"production", "another", "gone-1"} <= set(known)


class TestFailing:
    @pytest.mark.parametrize("fault", [fail_before, lose_answer, do_twice])
    @pytest.mark.parametrize("nth", range(1, 6))
    def test_a_roll_back_happens_once_whatever_answer_is_lost(
        self, aliases: Aliases, store: ObjectStore, nth: int, fault: Fault
    ) -> None:
        """Done twice it would go back twice."""
        for version in (1, 2, 3):
            aliases.promote(*LIVE, version)
        try:
            Aliases(Registry(FaultyStore(store, nth, fault))).roll_back(*LIVE)
        except Unavailable:
            assert nth == 1, "only the first look may fail it"
            assert _states(aliases) == [1, 2, 3]
            return
        assert _states(aliases) == [1, 2, 3, 2]

    def test_four_promote_and_roll_back_while_trainers_register_and_nothing_is_lost(
        self, place: Place, aliases: Aliases
    ) -> None:
        """Each change begins where the one before it ended: none overwrote another."""
        aliases.promote(*LIVE, 1)
        movers = [place.process("move", "iris", "6", str(seed)) for seed in range(4)]
        trainers = [place.process("register", "iris", "5") for _ in range(2)]
        told = race([*movers, *trainers])
        model = Registry(place.open()).model("iris")
        made = {job: number for each in told[4:] for job, number in json.loads(each).items()}
        assert {version.job: version.version for version in model.versions}.items() >= made.items()
        assert [version.version for version in model.versions] == list(range(1, 16))
        changes = _consistent(aliases)
        done = sorted(number for each in told[:4] for number in json.loads(each))
        assert done == [change.number for change in changes][1:], "each change is somebody's, once"

    def test_promoters_killed_at_any_moment_leave_the_old_state_or_the_new(
        self, place: Place, aliases: Aliases
    ) -> None:
        aliases.promote(*LIVE, 1)
        chance = random.Random(7)  # noqa: S311
        killed = [place.process("move", "iris", "1000", str(seed)) for seed in range(3)]
        for process in killed:
            _start(process)
        for process in killed:
            time.sleep(chance.uniform(0.02, 0.4))
            process.kill()
            process.wait()
        _consistent(aliases)
        Registry(place.open()).register("iris", "z", sha256="z", size=1, algorithm="kmeans")
        assert aliases.promote(*LIVE, 6).version == 6
        _consistent(aliases)

    def test_every_instance_follows_within_the_alias_ttl(self, place: Place, aliases: Aliases) -> None:
        """Two processes that predict without pause, from before a promotion to after it."""
        for job in "abcde":
            aliases._registry.store.put_if_absent(artifact_key(job), job.encode())
        aliases.promote(*LIVE, 1)
        instances = [place.process("follow", "iris", "2") for _ in range(2)]
        for instance in instances:
            _start(instance)
            assert instance.stdout is not None
            assert instance.stdout.readline() == "serving 1\n"
        aliases.promote(*LIVE, 2)
        promoted = time.time()
        late = [float(instance.communicate(timeout=60)[0]) - promoted for instance in instances]
        assert max(late) < ALIAS_TTL + 1.0, "one second for a machine that is busy"


def _start(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def _consistent(aliases: Aliases) -> list[Change]:
    """The history, oldest first, in which each change begins with what the one before it made."""
    changes = aliases.history(*LIVE, limit=1000).changes[::-1]
    for before, after in itertools.pairwise(changes):
        assert (after.number, after.before) == (before.number + 1, before.after)
    model = aliases._registry.model("iris")
    alias = model.alias("production")
    assert changes[-1].after in (alias.version, alias.weights)
    assert all(model.pick(version) for version in alias.versions)
    return changes
