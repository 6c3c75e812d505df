"""Carries guards out: the sweep comes here with each schedule, and moves its alias as `ladder.py` decides.

What the alias is to become is noted first, in the schedule's document, then the alias is changed with its
ETag as the condition, and then that is noted. Two sweeps make one step, since the ETag is another one after
it. One that died in between is found by the alias's last change, by the schedule and to what was noted, and
what it did not tell is told then. A change by anybody else ends the ladder: nothing that a person did is
undone. Nothing is intended for a schedule that somebody has written anew since it was read.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.auditing.scheduled import by_schedule
from ml_core.auditing.trail import SCHEDULE
from ml_core.errors import Conflict, InvalidInput, NotFound, ObjectNotFound, RevisionMismatch
from ml_core.guarding.ladder import (
    ENDED,
    GIVE_UP,
    HOLD,
    ROLL_BACK,
    STEP,
    WAITING,
    AliasSeen,
    Decision,
    GuardFindings,
    Ladder,
    Rules,
    after,
    decided,
    was_carried_out,
)
from ml_core.guarding.tallies import Tally
from ml_core.monitoring.feedback import feedback_of
from ml_core.monitoring.parts import date_of
from ml_core.monitoring.reading import windows
from ml_core.registry.aliases import Aliases, Terms
from ml_core.registry.registry import manifest_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.auditing.trail import Trail
    from ml_core.registry.registry import Alias, ModelDocument, Registry
    from ml_core.scheduling.schedule import Schedule
    from ml_core.scheduling.schedules import Schedules, StoredSchedule

    type Tell = Callable[[str, str, Alias], None]

log = logging.getLogger(__name__)

_DONE = 200  # what a person would be answered, for the trail
_REFUSALS = (Conflict, InvalidInput, NotFound)
_ROUTES = {
    STEP: ("PUT", "/v1/models/{model}/aliases/{alias}"),
    ROLL_BACK: ("POST", "/v1/models/{model}/aliases/{alias}:rollback"),
}


class _RegisteredRun(NamedTuple):
    """A run whose version may climb."""

    job: str
    version: int


class Guards:
    """Moves the aliases of schedules.

    Args:
        schedules: where they are.
        registry: has the models and their aliases.
        trail: where it is written down that an alias is moved; None for nowhere.
        tell: tells of an alias that moved, once at least: the action, the model, and the alias. Where it
            raises, the next sweep tells. None tells nobody.
    """

    def __init__(
        self,
        schedules: Schedules,
        registry: Registry,
        *,
        trail: Trail | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._schedules = schedules
        self._registry = registry
        self._aliases = Aliases(registry)
        self._trail = trail
        self._tell = tell

    def bring_on(self, stored: StoredSchedule) -> Ladder | None:
        """Do what is to be done now of one schedule; its ladder then. Raises `Unavailable`."""
        kept = stored.state["ladder"]
        ladder = None if kept is None else Ladder.of(kept)
        if ladder is not None and ladder.at != ENDED and (reason := _edited(stored.schedule, ladder)):
            return self._noted(stored.model, ladder, ladder._replace(at=ENDED, intended=None, reason=reason))
        if stored.schedule.promote is None:
            return ladder
        try:
            document = self._registry.model(stored.model)
        except NotFound:
            return ladder
        if ladder is None or ladder.at == ENDED:
            begun = self._begun(stored, document, ladder)
            if begun is None or begun.at == ENDED:
                return begun or ladder
            ladder = begun
        return self._decided(
            stored, document, ladder, Rules(stored.schedule.promote, stored.schedule.rollback)
        )

    def _begun(self, stored: StoredSchedule, document: ModelDocument, last: Ladder | None) -> Ladder | None:
        """The ladder of the newest run whose version was not on one; None where there is none."""
        run = _newest(stored.state["runs"])
        if run is None or (last is not None and run.job == last.new_job):
            return None
        now, name = self._schedules.clock(), stored.schedule.alias
        ladder = Ladder(name, 0, "", run.version, run.job, "", now, now)
        try:
            alias = document.alias(name)
            old = document.pick(alias.version)
            ladder = ladder._replace(old=old.version, old_job=old.job, etag=alias.etag)
            reason = "the alias shares its traffic already" if alias.weights else None
            if old.version == run.version:
                reason = "the alias answers with it already"
        except NotFound:
            reason = f"there is no alias '{name}' to move"
        begun = ladder if reason is None else ladder._replace(at=ENDED, reason=reason)
        return self._noted(stored.model, last, begun, stored.etag)

    def _decided(
        self, stored: StoredSchedule, document: ModelDocument, ladder: Ladder, rules: Rules
    ) -> Ladder | None:
        model, name, now = stored.model, stored.schedule.alias, self._schedules.clock()
        found = self._found(document, name, ladder, now)
        if was_carried_out(ladder, found.alias) and found.alias is not None and ladder.intended is not None:
            if self._tell is not None:
                self._tell(ladder.intended.action, model, document.alias(name))
            done = after(ladder, ladder.intended, rules, found, etag=found.alias.etag, now=now)
            return self._noted(model, ladder, done)
        decision = decided(ladder, rules, found, now)
        log.info("guard of model %s: version %d, %s: %s", model, ladder.new, decision.action, decision.reason)
        if decision.action not in (STEP, ROLL_BACK):
            if decision.action == HOLD and decision.reason == ladder.reason:
                return ladder
            return self._noted(
                model, ladder, after(ladder, decision, rules, found, etag=ladder.etag, now=now)
            )
        return self._carried_out(stored, ladder, decision, rules, found)

    def _carried_out(
        self, stored: StoredSchedule, ladder: Ladder, decision: Decision, rules: Rules, found: GuardFindings
    ) -> Ladder | None:
        """Move the alias as was decided; the ladder then, None where another sweep was here."""
        model, now = stored.model, self._schedules.clock()
        intending = self._noted(model, ladder, ladder._replace(intended=decision), stored.etag)
        if intending is None:
            return None
        etag = ladder.etag
        try:
            alias = self._moved(model, stored.schedule.alias, ladder, decision)
            etag = alias.etag
            if self._tell is not None:
                self._tell(decision.action, model, alias)
        except RevisionMismatch:
            return intending  # somebody changed it at this moment: the next sweep sees by whom
        except _REFUSALS as error:
            decision = Decision(GIVE_UP, f"the alias cannot be moved: {error}")
        return self._noted(model, intending, after(intending, decision, rules, found, etag=etag, now=now))

    def _moved(self, model: str, name: str, ladder: Ladder, decision: Decision) -> Alias:
        """Change the alias, once that is in the trail of changes as a person's request would be."""
        terms = Terms(by=SCHEDULE, one_of=frozenset({ladder.etag}), reason=decision.reason)
        (method, route), about = _ROUTES[decision.action], {"model": model, "alias": name}
        with by_schedule(self._trail, method, route, about, done=_DONE, refusals=_REFUSALS) as told:
            if decision.action == ROLL_BACK:
                alias = self._aliases.roll_back(model, name, terms=terms)
            else:
                assert decision.state is not None  # noqa: S101 - a step goes somewhere
                alias = self._aliases.set(model, name, decision.state, terms)
            told["version"] = alias.version
        return alias

    def _found(self, document: ModelDocument, name: str, ladder: Ladder, now: float) -> GuardFindings:
        store = self._registry.store
        try:
            alias = document.alias(name)
            # The newest line of an alias's history is in the model's document, beside the alias.
            lines = document.history.get(name) or [[None] * 4]
            seen = AliasSeen(alias.etag, alias.weights or alias.version, lines[-1][2])
        except NotFound:
            seen = None
        gone = tuple(each for each in (ladder.old, ladder.new) if not _is_there(document, each))
        jobs = [ladder.old_job, ladder.new_job]
        begun = min(ladder.begun, now - 1)  # a ladder of a clock that was ahead is guarded all the same
        counted = windows(store, jobs, begun, now, now=now)
        first, last = date_of(begun), date_of(now)
        old, new = (Tally.of(counted[job].counts, feedback_of(store, job, first, last)) for job in jobs)
        comparison = self._comparison(ladder) if ladder.at == WAITING else None
        return GuardFindings(seen, gone, old, new, comparison)

    def _comparison(self, ladder: Ladder) -> dict[str, Any] | None:
        """What the new version's manifest says of it beside the old one; None where it says nothing."""
        try:
            manifest = json.loads(self._registry.store.get(manifest_key(ladder.new_job)).data)
        except ObjectNotFound:
            return None
        told: dict[str, Any] | None = manifest.get("comparison")
        return told if told is not None and told["against"] == ladder.old else None

    def _noted(
        self, model: str, before: Ladder | None, now: Ladder, etag: str | None = None
    ) -> Ladder | None:
        """The ladder, once it stands in the schedule's document; None where another is there by now.

        With `etag` also where that is not the schedule's any more.
        """
        known = before and before.described()

        def change(state: dict[str, Any]) -> dict[str, Any] | None:
            return {**state, "ladder": now.described()} if _same(state["ladder"], known) else None

        return now if self._schedules.change_state(model, change, etag=etag) else None


def _edited(schedule: Schedule, ladder: Ladder) -> str | None:
    """Why a ladder ends that the schedule, as it is now, does not ask for; None where it does."""
    if schedule.promote is None:
        return "the schedule promotes no more"
    return None if schedule.alias == ladder.alias else f"the schedule is for the alias '{schedule.alias}' now"


def _same(kept: dict[str, Any] | None, known: dict[str, Any] | None) -> bool:
    """Whether a ladder is the one that was read, as JSON has it."""
    return json.dumps(kept, sort_keys=True) == json.dumps(known, sort_keys=True)


def _newest(runs: list[dict[str, Any]]) -> _RegisteredRun | None:
    """The newest run that registered a version; runs are kept newest first."""
    for run in runs:
        if run["job"] is not None and run["version"] is not None:
            return _RegisteredRun(run["job"], run["version"])
    return None


def _is_there(document: ModelDocument, version: int) -> bool:
    try:
        document.pick(version)
    except NotFound:
        return False
    return True
