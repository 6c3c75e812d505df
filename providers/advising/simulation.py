"""A cloud's instances under a traffic: which requests find one warm, how long each takes, what is active.

An instance works on one request after another, as Python does, and lets as many in as the cloud gives it at
once. A request goes to the idle instance that was used last; else to a busy one that has room, the one that
is done first; else one is started for it. Where instances are packed, busy ones come before idle ones. An
instance that was unused for the keep-alive is gone.

How any rate is quick: no more than so many requests are simulated (`BOUND`), and weighted to a month.

- Where a period (an office day, a month, a recorded trace) has fewer, whole periods are simulated, each from
  cold where nothing comes between them, and the sums are scaled to a month. Sparse traffic is simulated over
  many months, so that its share of cold starts is no accident.
- Where a period has more, its beginning is simulated. The first fifth of that, in which instances start, is
  counted once a period; the rest stands for all that follows. Starts that come again only after longer than
  the part simulated are missed: at most one for each instance and keep-alive.
"""

import math
from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from providers.advising.traffic import MONTH, Traffic

BOUND = 40_000  # requests
_BEGINNING = 0.2
_BUCKETS = 50  # of latency, between a number and e times it


class InstanceRules(NamedTuple):
    """How instances behave, and how their time is billed. All times are seconds.

    Args:
        service: how long a request takes on a warm instance.
        first_service: how long an instance's first request takes, after the code is loaded.
        load: how long the code takes to be loaded.
        platform_start: what the platform takes before that.
        keep_alive: for how long an unused instance is kept.
        concurrency: how many requests an instance has at once.
        granularity: billed times are rounded up to multiples of it.
        least: and are at least this long.
        shared: whether requests that an instance has at once are billed once.
        load_billed: whether loading the code is.
        packed: whether a busy instance that has room is preferred to an idle one.
        recheck: after how long an instance asks the store again which version is meant.
        count_every: and after how long it stores its counts of predictions.
        keys_every: and after how long it reads the keys again.
        store_wait: how long each of these takes.
    """

    service: float
    first_service: float
    load: float
    platform_start: float
    keep_alive: float
    concurrency: int
    granularity: float
    least: float
    shared: bool
    load_billed: bool
    packed: bool = False
    recheck: float = 2.0
    count_every: float = 60.0
    keys_every: float = 60.0
    store_wait: float = 0.0

    def rounded(self, active: float) -> float:
        """An active time as it is billed; what is a millionth over a step is that step."""
        return max(self.least, math.ceil(round(active / self.granularity, 6)) * self.granularity)


class SimulatedMonth:
    """What was counted, weighted to a month. Times are seconds."""

    def __init__(self) -> None:
        self.requests = 0.0
        self.cold = 0.0
        self.billed = 0.0
        self.load_billed = 0.0  # what of it is the loading of code, before it is rounded
        self.rechecks = 0.0
        self.counts = 0.0
        self.key_reads = 0.0
        self.most_instances = 0
        self.latencies: dict[int, float] = {}

    @property
    def cold_share(self) -> float:
        """The share of requests that wait for an instance to start."""
        return self.cold / self.requests if self.requests else 0.0

    def latency(self, share: float) -> float:
        """The latency that this share of the requests does not exceed, within 2 %."""
        left = share * self.requests
        for bucket in sorted(self.latencies):
            left -= self.latencies[bucket]
            if left <= 1e-9 * self.requests:
                return math.exp((bucket + 0.5) / _BUCKETS)
        return 0.0

    def add(self, other: "SimulatedMonth", weight: float) -> None:
        """Add `weight` times what another counted."""
        for name in ("requests", "cold", "billed", "load_billed", "rechecks", "counts", "key_reads"):
            setattr(self, name, getattr(self, name) + weight * getattr(other, name))
        for bucket, count in other.latencies.items():
            self.latencies[bucket] = self.latencies.get(bucket, 0.0) + weight * count
        self.most_instances = max(self.most_instances, other.most_instances)

    def answered(self, latency: float) -> None:
        """Count one request's latency."""
        bucket = math.floor(math.log(latency) * _BUCKETS) if latency > 0 else -1000
        self.latencies[bucket] = self.latencies.get(bucket, 0.0) + 1


class SimulatedInstance:
    """One instance: the ends of what it has to answer, and since when it is active."""

    __slots__ = ("active_since", "counted", "done", "ends", "keys_read", "looked")

    def __init__(self, now: float) -> None:
        self.ends: deque[float] = deque()
        self.done = self.active_since = self.looked = self.counted = self.keys_read = now

    def at_work(self, now: float) -> int:
        """How many requests it has."""
        while self.ends and self.ends[0] <= now:
            self.ends.popleft()
        return len(self.ends)


def simulate(traffic: Traffic, rules: InstanceRules, *, seed: int = 1, bound: int = BOUND) -> SimulatedMonth:
    """A month of this traffic under these rules.

    As many arrivals as were drawn are not as many as a month has on average: all is scaled to these.
    """
    drawn, month = _simulated(traffic, rules, seed, bound), SimulatedMonth()
    month.add(drawn, traffic.month / drawn.requests)
    return month


def _simulated(traffic: Traffic, rules: InstanceRules, seed: int, bound: int) -> SimulatedMonth:
    month = SimulatedMonth()
    expected = traffic.rate * traffic.period
    if traffic.office and expected <= bound:
        days = max(5, min(math.ceil(bound / expected), 20_000))
        for day in range(days):
            moments = takewhile(lambda moment: moment < traffic.period, traffic.arrivals(seed + day))
            month.add(run(moments, rules)[1], traffic.periods / days)
        return month
    span = bound / traffic.rate
    if traffic.trace:
        span = max(span, traffic.period)
    whole = not traffic.office and span >= MONTH
    beginning = 0.0 if whole else _BEGINNING * min(span, traffic.period)
    moments = takewhile(lambda moment: moment < span, traffic.arrivals(seed))
    before, after = run(moments, rules, beginning)
    if whole:
        month.add(after, MONTH / span)
        return month
    lasting = traffic.period if traffic.office else MONTH
    times = traffic.periods if traffic.office else 1.0
    month.add(before, times)
    month.add(after, times * (lasting - beginning) / (span - beginning))
    return month


def run(
    moments: Iterator[float], rules: InstanceRules, beginning: float = 0.0
) -> tuple[SimulatedMonth, SimulatedMonth]:
    """What requests at these moments get and cost, from no instance on: before `beginning`, and after."""
    before, after = SimulatedMonth(), SimulatedMonth()
    idle: deque[SimulatedInstance] = deque()  # the one that was used last is at the right
    busy: list[SimulatedInstance] = []
    for now in moments:
        counted = before if now < beginning else after
        _free(now, idle, busy, rules, counted)
        counted.requests += 1
        instance = _instance(now, idle, busy, rules)
        if instance is None:
            instance = _start(now, rules, counted)
            busy.append(instance)
            taken, billed = (
                rules.first_service,
                rules.first_service + (rules.load if rules.load_billed else 0),
            )
            counted.most_instances = max(counted.most_instances, len(busy) + len(idle))
        else:
            asked = _ask_store(now, instance, rules, counted)
            taken = billed = rules.service + asked * rules.store_wait
        instance.done = max(instance.done, now) + taken
        instance.ends.append(instance.done)
        counted.answered(instance.done - now)
        if not rules.shared:
            counted.billed += rules.rounded(billed)
    if rules.shared:
        for instance in busy:
            after.billed += rules.rounded(instance.done - instance.active_since)
    return before, after


def _free(
    now: float,
    idle: deque[SimulatedInstance],
    busy: list[SimulatedInstance],
    rules: InstanceRules,
    counted: SimulatedMonth,
) -> None:
    """Let those that are done be idle, in the order in which they were, and forget who waited too long."""
    done = [instance for instance in busy if instance.done <= now]
    if done:
        busy[:] = [instance for instance in busy if instance.done > now]
        done.sort(key=lambda instance: instance.done)
        for instance in done:
            if rules.shared:
                counted.billed += rules.rounded(instance.done - instance.active_since)
            idle.append(instance)
    while idle and idle[0].done + rules.keep_alive < now:
        idle.popleft()


def _instance(
    now: float,
    idle: deque[SimulatedInstance],
    busy: list[SimulatedInstance],
    rules: InstanceRules,
) -> SimulatedInstance | None:
    """The instance that takes a request; None where one has to be started."""
    room = (
        [instance for instance in busy if instance.at_work(now) < rules.concurrency]
        if rules.concurrency > 1 and (rules.packed or not idle)
        else []
    )
    if idle and not room:
        instance = idle.pop()
        instance.done = now
        if rules.shared:
            instance.active_since = now
        busy.append(instance)
        return instance
    return min(room, key=lambda instance: instance.done) if room else None


def _start(now: float, rules: InstanceRules, counted: SimulatedMonth) -> SimulatedInstance:
    instance = SimulatedInstance(now)
    ready = now + rules.platform_start + rules.load
    instance.done = ready
    instance.active_since = now + rules.platform_start if rules.load_billed else ready
    counted.cold += 1
    counted.counts += 1
    if rules.load_billed:
        counted.load_billed += rules.load
    return instance


def _ask_store(now: float, instance: SimulatedInstance, rules: InstanceRules, counted: SimulatedMonth) -> int:
    """What an instance asks of the store and of the keys beside a request, from time to time: how often."""
    asked = 0
    if now - instance.looked >= rules.recheck:
        counted.rechecks += 1
        instance.looked = now
        asked += 1
    if now - instance.counted >= rules.count_every:
        counted.counts += 1
        instance.counted = now
        asked += 1
    if now - instance.keys_read >= rules.keys_every:
        counted.key_reads += 1
        instance.keys_read = now
        asked += 1
    return asked
