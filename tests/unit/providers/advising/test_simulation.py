"""The simulation, held to formulas and to a meter that replays each event."""

import itertools
import math
import random
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

import pytest

from providers.advising.simulation import BOUND, InstanceRules, SimulatedMonth, run, simulate
from providers.advising.traffic import MONTH, Traffic, of_trace, parse
from tests.unit.providers.advising import traces
from tests.unit.providers.advising.replay_meter import Replayed, replay

LAMBDA = InstanceRules(
    service=0.012, first_service=0.06, load=0.25, platform_start=0.2, keep_alive=600, concurrency=1,
    granularity=0.001, least=0.001, shared=False, load_billed=True, store_wait=0.025,
)  # fmt: skip
RUN = LAMBDA._replace(concurrency=8, granularity=0.1, least=0.1, shared=True, packed=True)
FLEX = RUN._replace(least=1.0, load_billed=False)
CLOUDS = {"lambda": LAMBDA, "run": RUN, "run, spread": RUN._replace(packed=False), "flex": FLEX}
TRACES = {
    "on and off": traces.on_and_off(3, 60),
    "heavy tails": traces.heavy_tails(4, 8_000),
    "days and nights": traces.days_and_nights(5, 2),
    "clicks": traces.clicks(6, 100),
    "a crowd": [*(index / 39.7 for index in range(2_000)), 3600.0],
}


def near(found: float, expected: float, within: float = 0.1) -> bool:
    return found == pytest.approx(expected, rel=within)


def by_chance(share: float) -> Any:
    """What a share is, of which so many requests as are simulated draw a sample."""
    return pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / BOUND))


@pytest.mark.parametrize("an_hour", [1, 6, 12])
def test_sparse_requests_are_cold_as_often_as_the_formula_says(an_hour: int) -> None:
    month = simulate(parse(f"{an_hour}/h"), LAMBDA)
    assert month.cold_share == by_chance(math.exp(-an_hour / 3600 * 600))
    assert near(month.requests, an_hour * 730, 1e-9)


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_the_keep_alive_decides_who_is_cold(minutes: int) -> None:
    rules = LAMBDA._replace(keep_alive=minutes * 60)
    month = simulate(parse("4/h"), rules)
    assert month.cold_share == by_chance(math.exp(-4 / 60 * minutes))


def test_a_burst_starts_an_instance_for_each_that_comes_before_one_is_ready() -> None:
    before, month = run(iter([0.0, 0.1, 0.2, 0.3, 100.0]), LAMBDA)
    assert (before.requests, month.requests, month.cold, month.most_instances) == (0, 5, 4, 4)
    _, month = run(iter([0.0, 0.1, 0.2, 0.3, 100.0]), RUN)
    assert (month.cold, month.most_instances) == (1, 1)


def test_each_request_of_lambda_is_rounded_up_and_its_load_billed() -> None:
    rules = LAMBDA._replace(service=0.0102, first_service=0.0301, load=0.2501, store_wait=0.0)
    _, month = run(iter([0.0, 10.0, 20.0]), rules)
    assert month.billed == pytest.approx(0.281 + 2 * 0.011)


def test_time_of_an_instance_is_billed_once_to_all_who_share_it() -> None:
    rules = RUN._replace(platform_start=0.0, load=0.0, service=0.06, first_service=0.06, store_wait=0.0)
    _, alone = run(iter([0.0, 10.0]), rules)
    _, shared = run(iter([0.0, 0.01, 0.02]), rules)
    assert [alone.billed, shared.billed] == pytest.approx([0.2, 0.2])
    _, flex = run(iter([0.0, 0.01, 10.0]), rules._replace(least=1.0))
    assert flex.billed == pytest.approx(2.0)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("name", TRACES)
def test_a_trace_costs_what_the_meter_says_event_by_event(name: str, cloud: str) -> None:
    rules, trace = CLOUDS[cloud], TRACES[name]
    _, month = run(iter(trace), rules)
    metered = replay(trace, rules)
    assert (month.requests, month.cold) == (metered.requests, metered.cold)
    assert near(month.billed, metered.billed, 1e-6)
    told = month.rechecks + month.counts - month.cold + month.key_reads
    assert told == metered.asked
    assert near(month.latency(0.99), quantiles(metered.latencies, n=100)[98], 0.05)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("name", TRACES)
def test_a_recorded_trace_makes_a_month_of_its_repetitions(name: str, cloud: str) -> None:
    rules, traffic = CLOUDS[cloud], of_trace(TRACES[name], name)
    repetitions = max(3, 24_000 // len(TRACES[name]))
    length = traffic.period
    trace = [turn * length + moment for turn in range(repetitions) for moment in traffic.trace]
    compare(simulate(traffic, rules), replay(trace, rules), MONTH / (repetitions * length))


DRAWN = [
    "0.05/s",
    "0.1/s office",
    "30/h office",
    "bursts of 20, 0.05/s",
    "50 every 12m",
    "50 every 20min office",
]


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("text", DRAWN)
def test_a_month_is_what_the_meter_says_of_other_arrivals_of_the_same_kind(text: str, cloud: str) -> None:
    """The meter replays a fortnight or more of arrivals that were drawn by another seed."""
    rules, traffic = CLOUDS[cloud], parse(text)
    days = max(14, math.ceil(20_000 / traffic.month * 30 / 7) * 7)
    compare(simulate(traffic, rules), replay(drawn(traffic, days), rules), MONTH / (days * 86400))


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("text", ["9/s office", "7/s"])
def test_a_busy_phase_of_which_a_part_is_simulated_is_what_the_meter_says_of_all(
    text: str, cloud: str
) -> None:
    rules, traffic = CLOUDS[cloud], parse(text)
    period = 3600.0  # an hour is enough for the meter: the simulation sees a sixth of it
    trace = list(itertools.takewhile(lambda moment: moment < period, traffic.arrivals(99)))
    metered = replay(trace, rules)
    month = simulate(traffic, rules, bound=len(trace) // 6)
    assert near(month.requests, traffic.month, 1e-9)
    assert near(month.billed / month.requests, metered.billed / metered.requests)


def drawn(traffic: Traffic, days: int) -> list[float]:
    """So many days of arrivals by another seed; of an office, five of seven."""
    if not traffic.office:
        return list(itertools.takewhile(lambda moment: moment < days * 86400, traffic.arrivals(1234)))
    found: list[float] = []
    for day in range(days):
        if day % 7 < 5:
            moments = traffic.arrivals(1234 + day)
            found += [
                day * 86400 + moment for moment in itertools.takewhile(lambda at: at < 8 * 3600, moments)
            ]
    return found


def compare(month: SimulatedMonth, metered: Replayed, weight: float) -> None:
    share = metered.cold / metered.requests
    assert near(month.billed / month.requests, metered.billed / metered.requests)
    assert month.cold_share == pytest.approx(share, rel=0.1, abs=0.002)
    assert month.requests == pytest.approx(metered.requests * weight, rel=0.15)


def test_the_same_question_has_the_same_answer() -> None:
    one, other = (simulate(parse("bursts of 5, 1/s"), RUN) for _ in range(2))
    assert (one.billed, one.cold, one.latencies) == (other.billed, other.cold, other.latencies)


@pytest.mark.parametrize("text", ["100000/s", "1/day", "10000 every 1d", "bursts of 10000, 5000/s office"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_any_rate_takes_no_more_requests_than_the_bound(text: str, cloud: str) -> None:
    """At most some times the bound, whatever the rate: what is counted are the requests, not the seconds."""
    drawn_requests = 0

    def counted(traffic: Traffic) -> Traffic:
        class Counting(Traffic):
            def arrivals(self, seed: int) -> Iterator[float]:
                nonlocal drawn_requests
                for moment in super().arrivals(seed):
                    drawn_requests += 1
                    yield moment

        return Counting(*traffic)

    bound = 2_000
    month = simulate(counted(parse(text)), CLOUDS[cloud], bound=bound)
    assert drawn_requests <= 30 * bound
    assert month.requests > 0


def test_latency_is_told_within_two_percent() -> None:
    draw, month = random.Random(8), SimulatedMonth()  # noqa: S311
    values = [draw.lognormvariate(-4, 1) for _ in range(20_000)]
    for value in values:
        month.answered(value)
    month.requests = len(values)
    for share, place in ((0.5, 49), (0.99, 98)):
        assert near(month.latency(share), quantiles(values, n=100)[place], 0.03)
