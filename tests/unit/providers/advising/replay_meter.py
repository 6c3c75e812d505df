"""A meter that replays a trace event by event, and bills what happened afterwards.

It shares nothing with `providers.advising.simulation` but the rules that it is given: each arrival, end and
expiry is an event in a queue; each instance keeps every interval in which it had a request; what is billed is
computed from these when all is over. The simulation is held to it.
"""

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

from providers.advising.simulation import InstanceRules

ARRIVAL, END, EXPIRY = 1, 0, 2  # at one moment, who is done is done before the next comes, and expires last


class Replayed(NamedTuple):
    requests: int
    cold: int
    billed: float  # seconds
    asked: int  # requests of the store and of the keys beside the first
    latencies: list[float]


class Life:
    """What happened to one instance."""

    def __init__(self, born: float) -> None:
        self.intervals: list[tuple[float, float]] = []
        self.own: list[float] = []  # seconds of each request alone
        self.last_asked = dict.fromkeys(("alias", "counts", "keys"), born)


def replay(trace: Sequence[float], rules: InstanceRules) -> Replayed:
    events = [(moment, ARRIVAL, -1) for moment in trace]
    heapq.heapify(events)
    lives: list[Life] = []
    alive: set[int] = set()
    cold = asked = 0
    latencies = []
    while events:
        now, kind, number = heapq.heappop(events)
        if kind == END:
            if lives[number].intervals[-1][1] == now:
                heapq.heappush(events, (now + rules.keep_alive, EXPIRY, number))
            continue
        if kind == EXPIRY:
            last = lives[number].intervals[-1][1]
            if now >= last + rules.keep_alive:
                alive.discard(number)
            continue
        chosen = choose(now, [(each, lives[each]) for each in alive], rules)
        number = len(lives) if chosen is None else chosen
        if chosen is None:
            lives.append(Life(now))
            alive.add(number)
            cold += 1
            loaded = now + rules.platform_start + rules.load
            begin = now + rules.platform_start if rules.load_billed else loaded
            end = loaded + rules.first_service
            lives[number].own.append(rules.first_service + (rules.load if rules.load_billed else 0))
        else:
            life = lives[number]
            periods = {"alias": rules.recheck, "counts": rules.count_every, "keys": rules.keys_every}
            due = [name for name, every in periods.items() if now - life.last_asked[name] >= every]
            life.last_asked.update(dict.fromkeys(due, now))
            asked += len(due)
            begin = now
            taken = rules.service + len(due) * rules.store_wait
            end = max(now, life.intervals[-1][1]) + taken
            life.own.append(taken)
        lives[number].intervals.append((begin, end))
        latencies.append(end - now)
        heapq.heappush(events, (end, END, number))
    billed = sum(bill_of(life, rules) for life in lives)
    return Replayed(len(trace), cold, billed, asked, latencies)


def choose(now: float, alive: list[tuple[int, Life]], rules: InstanceRules) -> int | None:
    free = [(life.intervals[-1][1], number) for number, life in alive if life.intervals[-1][1] <= now]
    with_room = [
        (life.intervals[-1][1], number)
        for number, life in alive
        if life.intervals[-1][1] > now
        and sum(1 for _, end in life.intervals[-rules.concurrency :] if end > now) < rules.concurrency
    ]
    if with_room and (rules.packed or not free):
        return min(with_room)[1]
    return max(free)[1] if free else None


def bill_of(life: Life, rules: InstanceRules) -> float:
    def rounded(seconds: float) -> float:
        steps = math.ceil(round(seconds / rules.granularity, 6))
        return max(rules.least, steps * rules.granularity)

    if not rules.shared:
        return sum(rounded(seconds) for seconds in life.own)
    total, (begin, end) = 0.0, life.intervals[0]
    for next_begin, next_end in life.intervals[1:]:
        if next_begin >= end:
            total += rounded(end - begin)
            begin = next_begin
        end = next_end
    return total + rounded(end - begin)
