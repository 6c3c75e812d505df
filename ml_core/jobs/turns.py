"""Whose turn it is: a delivery says that there is something to do, and not always what is done next.

Queues bring jobs more or less in the order in which they were sent. So a key that sent a hundred jobs would
keep another key's one job waiting for all of them. Where jobs of several keys are open, a trainer takes the
next one of the key of which the fewest are running. Among such keys it takes the one whose turn by this
process was longest ago, and where it knows of none, any: a function that was just started knows nothing.

A job that is taken so is over when its own message comes, or that message is deferred as ever. The message
that brought the trainer comes again for its own job.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from ml_core.documents import Body, read_many
from ml_core.jobs.jobs import QUEUED, Jobs, job_key
from ml_core.jobs.leases import held_for
from ml_core.jobs.marks import OpenJob, open_jobs

_LOOKED_AT = 4  # of each key's jobs, the oldest: among them are those that are running
_OWNERS = 8  # whose jobs are looked at, beside those of the job that was delivered


class _Owner(NamedTuple):
    """What is known of one key's jobs: how many are running, and which one is next, if any waits."""

    owner: str
    running: int
    waiting: str | None


class Turns:
    """Whose turn it is at this process's trainer.

    Args:
        chance: a number from 0 to 1, which decides where nothing else does.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._turn = 0
        self._last: dict[str, int] = {}

    def choose(self, jobs: Jobs, delivered: str) -> str:
        """The job to run, where the message of the job `delivered` has come. Raises `Unavailable`.

        It is that job itself unless it waits, and jobs of another key wait that have the turn before it.
        """
        by_owner = _by_owner(jobs)
        own = next((owner for owner, found in by_owner.items() if delivered in found), None)
        if own is None:
            return delivered
        chosen = own
        if len(by_owner) > 1:
            owners = self._look(jobs, by_owner, own, delivered)
            if owners[0].waiting is None:
                return delivered
            chosen, _, waiting = min(
                (each for each in owners if each.waiting is not None),
                key=lambda each: (each.running, self._last.get(each.owner, 0), self._chance()),
            )
            delivered = waiting or delivered
        self._turn += 1
        self._last[chosen] = self._turn
        self._last = {owner: turn for owner, turn in self._last.items() if owner in by_owner}
        return delivered

    def _look(self, jobs: Jobs, by_owner: dict[str, list[str]], own: str, delivered: str) -> list[_Owner]:
        """Each key's jobs; the one of the delivered job first, of which that job is the one that waits."""
        others = sorted(
            (owner for owner in by_owner if owner != own),
            key=lambda owner: (self._last.get(owner, 0), self._chance()),
        )
        looked_at = {owner: by_owner[owner][:_LOOKED_AT] for owner in (own, *others[:_OWNERS])}
        if delivered not in looked_at[own]:
            looked_at[own].append(delivered)
        ids = [job_id for found in looked_at.values() for job_id in found]
        documents = read_many(jobs.store, map(job_key, ids), skip_damaged=True)
        known = {
            job_id: document.body
            for job_id, document in zip(ids, documents, strict=True)
            if document is not None
        }
        now = jobs.clock()

        def owner(name: str, found: list[str]) -> _Owner:
            bodies = [known[job_id] for job_id in found if job_id in known]
            running = sum(held_for(body, now) > 0 for body in bodies)
            if name == own:
                mine = known.get(delivered)
                waits = mine is not None and mine["state"] == QUEUED
                return _Owner(name, running, delivered if waits else None)
            return _Owner(name, running, next((body["id"] for body in bodies if _is_new(body)), None))

        return [owner(name, found) for name, found in looked_at.items()]


def _by_owner(jobs: Jobs) -> dict[str, list[str]]:
    """The open jobs of each key, the oldest first."""
    found: dict[str, list[str]] = defaultdict(list)
    marks: list[OpenJob] = list(open_jobs(jobs.store))
    for each in reversed(marks):
        found[each.owner].append(each.id)
    return dict(found)


def _is_new(body: Body) -> bool:
    """Whether a job waits that nobody has begun; one that is tried again comes at the time that was said."""
    return body["state"] == QUEUED and not body["attempts"]
