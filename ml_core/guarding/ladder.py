"""The ladder that a new version climbs: shares of an alias's traffic, one after the other, and down again.

Nothing is read here: all is decided from the ladder, the schedule's rules, the alias as it is, what was
counted, and the time. A decision is carried out by a change of the alias that has its ETag as a condition, so
of two sweeps one makes the step. What it is to become stands in the ladder before (`intended`): one who died
after the change knows it again by that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.auditing.trail import SCHEDULE
from ml_core.documents import timestamp
from ml_core.guarding.tallies import Tally, fault_of
from ml_core.scheduling.durations import seconds_of
from ml_core.training.against import LOSSES

if TYPE_CHECKING:
    from ml_core.registry.weights import State

HOLD, STEP, ROLL_BACK, GIVE_UP, DONE = "hold", "step", "roll_back", "give_up", "done"
WAITING, CLIMBING, WATCHING, ENDED = "waiting", "climbing", "watching", "ended"
_WHOLE = 100


class AliasSeen(NamedTuple):
    """The alias as it is: its ETag, what it is, and by whom it was changed last. None where it is not."""

    etag: str
    state: State
    by: str | None


class Decision(NamedTuple):
    """What is to be done, why, and what the alias becomes by it; None where it stays as it is."""

    action: str
    reason: str
    state: State | None = None


class Ladder(NamedTuple):
    """How far a new version is.

    Args:
        alias: which one is moved.
        old, new: the versions, and `old_job`, `new_job` the jobs that trained them.
        etag: of the alias as the ladder found it, or as the schedule wrote it last.
        at: whether the first step is still to be made, or others, or all were; or it is over.
        step: how many steps were made.
        begun: when the ladder was begun, from which on everything is counted, and
        since: when the last step was made.
        intended: the decision that is about to be carried out; None for none.
        began: what both versions had counted when the first step was made, and
        stepped: what the new one had at the last step.
        reason: why it is where it is.
    """

    alias: str
    old: int
    old_job: str
    new: int
    new_job: str
    etag: str
    begun: float
    since: float
    at: str = WAITING
    step: int = 0
    intended: Decision | None = None
    began: tuple[Tally, Tally] = (Tally(), Tally())
    stepped: Tally = Tally()
    reason: str | None = None

    def described(self) -> dict[str, Any]:
        """As JSON."""
        began, intended = [each.described() for each in self.began], self.intended
        more = {"began": began, "stepped": self.stepped.described()}
        return {**self._asdict(), **more, "intended": intended and intended._asdict()}

    @classmethod
    def of(cls, described: dict[str, Any]) -> Ladder:
        """The ladder that `described` wrote; members of a later release are left out."""
        known = {name: value for name, value in described.items() if name in cls._fields}
        old, new = map(Tally.restored, known["began"])
        intended = known["intended"] and Decision(**known["intended"])
        more = {"began": (old, new), "stepped": Tally.restored(known["stepped"]), "intended": intended}
        return cls(**{**known, **more})


class Rules(NamedTuple):
    """A schedule's `promote` and `rollback`, with their defaults."""

    promote: dict[str, Any]
    rollback: dict[str, Any] | None


class GuardFindings(NamedTuple):
    """What a sweep finds.

    Args:
        alias: as it is; None where it is not there.
        gone: versions of the ladder that were deleted.
        old, new: what was counted of both versions, ever.
        comparison: what the new version's manifest tells; None where it tells nothing.
    """

    alias: AliasSeen | None
    gone: tuple[int, ...]
    old: Tally
    new: Tally
    comparison: dict[str, Any] | None


def decided(ladder: Ladder, rules: Rules, found: GuardFindings, now: float) -> Decision:
    """What is to become of a ladder now."""
    if ladder.at == ENDED:
        return Decision(HOLD, ladder.reason or "it is over")
    ended = _ended(ladder, found)
    if ended is not None:
        return Decision(GIVE_UP, ended)
    if ladder.at == WAITING:
        return _first(ladder, rules, found)
    fault = rules.rollback and fault_of(
        found.new.since(ladder.began[1]), found.old.since(ladder.began[0]), rules.rollback
    )
    if fault:
        return Decision(ROLL_BACK, fault, ladder.old)
    return _next(ladder, rules, found, now)


def was_carried_out(ladder: Ladder, alias: AliasSeen | None) -> bool:
    """Whether a sweep that could not note it has changed the alias as the ladder intends."""
    if alias is None or ladder.intended is None or alias.etag == ladder.etag:
        return False
    return alias.by == SCHEDULE and alias.state == ladder.intended.state


def _ended(ladder: Ladder, found: GuardFindings) -> str | None:
    """Why the schedule moves the alias no more: nothing that a person did is undone."""
    if found.gone:
        return f"version {found.gone[0]} was deleted"
    if found.alias is None:
        return "the alias was removed"
    return None if found.alias.etag == ladder.etag else f"the alias was changed by {_who(found.alias.by)}"


def _who(by: str | None) -> str:
    return "somebody" if by is None else f"'{by}'"


def _first(ladder: Ladder, rules: Rules, found: GuardFindings) -> Decision:
    """Whether the new version may have any traffic at all."""
    told, when = found.comparison, rules.promote["when"]
    if told is None or told["difference"] is None:
        reason = "nothing was compared" if told is None else told["reason"]
        return Decision(GIVE_UP, f"version {ladder.new} was not compared with version {ladder.old}: {reason}")
    # How much worse the new one is at most; a loss is worse where it is more.
    metric = told["metric"]
    worst = told["high"] if metric in LOSSES else -told["low"]
    numbers = f"{metric} {told['new']:.6g}, of version {ladder.old} {told['old']:.6g}"
    allowed = when["not_worse_by"]
    if worst > allowed:
        return Decision(
            GIVE_UP,
            f"{numbers}: it may be worse by {worst:.6g}, and not_worse_by is {allowed:g}",
        )
    return Decision(STEP, f"{numbers}, on the same {told['rows']} rows", _state(ladder, rules, 0))


def _next(ladder: Ladder, rules: Rules, found: GuardFindings, now: float) -> Decision:
    """Whether the step has lasted, and seen, enough."""
    if ladder.at == WATCHING:
        until = ladder.since + (seconds_of(rules.rollback["for"]) if rules.rollback else 0)
        if now < until:
            return Decision(HOLD, f"all traffic is its own, and it is watched until {timestamp(until)}")
        return Decision(DONE, "all traffic is its own, and nothing spoke against it")
    until = ladder.since + seconds_of(rules.promote["step"])
    if now < until:
        return Decision(HOLD, f"step {ladder.step} lasts until {timestamp(until)}")
    seen, least = found.new.since(ladder.stepped).predictions, rules.promote["least"]
    if seen < least:
        return Decision(HOLD, f"{seen} of {least} predictions were counted in step {ladder.step}")
    share = _share(rules, ladder.step)
    return Decision(
        STEP, f"{seen} predictions were counted, next come {share} %", _state(ladder, rules, ladder.step)
    )


def _share(rules: Rules, step: int) -> int:
    """The new version's share in percent; all of it past steps that an edit took away."""
    steps = rules.promote["steps"]
    return int(steps[step]) if step < len(steps) else _WHOLE


def _state(ladder: Ladder, rules: Rules, step: int) -> State:
    share = _share(rules, step)
    if share == _WHOLE:
        return ladder.new
    return {str(ladder.old): _WHOLE - share, str(ladder.new): share}


def after(
    ladder: Ladder, decision: Decision, rules: Rules, found: GuardFindings, *, etag: str, now: float
) -> Ladder:
    """The ladder once a decision was carried out, and the alias has this ETag."""
    done = ladder._replace(etag=etag, intended=None, reason=decision.reason)
    if decision.action == HOLD:
        return done
    if decision.action != STEP:
        return done._replace(at=ENDED)
    began = (found.old, found.new) if ladder.at == WAITING else ladder.began
    whole = decision.state == ladder.new
    at = (WATCHING if rules.rollback else ENDED) if whole else CLIMBING
    return done._replace(
        at=at, step=ladder.step + 1, since=max(now, ladder.since), began=began, stepped=found.new
    )
