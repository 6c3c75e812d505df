"""Profile, simulation, bill and limits of each cloud put together, beside a machine, and what follows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

from providers.advising.billing import GATEWAY_STEP, LineItem, Usage, bill, total
from providers.advising.facts import CASES, CloudFacts, Facts
from providers.advising.impossible import AdviceImpossible
from providers.advising.limits import NOT, ExpectedLoad, LimitFit, fits
from providers.advising.packaged import ConfiguredApi, configured
from providers.advising.profile import MeasuredRequest, ModelRequest, PackageProfile, Told, machine
from providers.advising.simulation import BOUND, InstanceRules, SimulatedMonth, simulate
from providers.advising.traffic import Traffic

_SEEK_BOUND = 6_000  # requests of a simulation where many are compared
_HALVINGS = 14
_FEWEST, _MOST = 1e-5, 2_000.0  # requests a second between which a break-even is looked for
_SLOW_START = 0.01  # of the requests: with more that wait for an instance, somebody notices


class AdviceQuestion(NamedTuple):
    """What advice is asked for.

    Args:
        request: to the model.
        rows: in each request.
        machine: dollars a month of a small machine with one processor.
        memory: MB of an instance; 0 is what each cloud's config.yml says.
    """

    request: ModelRequest
    traffic: Traffic
    rows: int = 1
    machine: float = 8.0
    memory: int = 0


class CloudAdvice(NamedTuple):
    """What was found of one cloud; months and bills in the low, likely and high case."""

    facts: CloudFacts
    profile: PackageProfile
    memory: int
    request: MeasuredRequest
    months: dict[str, SimulatedMonth]
    bills: dict[str, list[LineItem]]
    limits: list[LimitFit]
    break_even: float | None  # requests a second, from which on the machine is cheaper

    @property
    def fits(self) -> bool:
        """Whether every limit is kept."""
        return all(limit.verdict != NOT for limit in self.limits)

    @property
    def likely(self) -> float:
        """Dollars a month, in the likely case."""
        return total(self.bills["likely"])


class MachineAdvice(NamedTuple):
    """Machines with one processor each, which are always there."""

    machines: int
    dollars: float  # of all
    busy: float  # the share of the time in which one works, on average, while requests come
    capacity: float  # requests a second that one answers
    seconds: float  # of a request


class Advice(NamedTuple):
    """All that is told."""

    question: AdviceQuestion
    clouds: list[CloudAdvice]
    machine: MachineAdvice
    sentences: list[str]
    measured: list[str]
    assumed: list[str]
    warnings: list[str]


def advise(
    question: AdviceQuestion, profiles: dict[str, PackageProfile], facts: Facts, told: Told = lambda _: None
) -> Advice:
    """Compute all of it. `told` gets a line for each step."""
    clouds = []
    for cloud, profile in profiles.items():
        told(f"{cloud}: simulating {question.traffic.text!r}")
        clouds.append(_cloud(question, profile, facts, facts.clouds[cloud]))
    alone = _machine(question, clouds, facts)
    return Advice(
        question,
        clouds,
        alone,
        _sentences(question, clouds, alone),
        _measured(question, clouds),
        _assumed(facts, clouds),
        _warnings(facts, profiles, datetime.now(UTC).date()),
    )


def request_with(profile: PackageProfile, rows: int) -> MeasuredRequest:
    """A request with so many rows: as measured, or on the line between, or beyond, two that were."""
    measured = sorted(profile.rows)
    if rows in profile.rows:
        return profile.rows[rows]
    if len(measured) < 2:
        raise AdviceImpossible(f"--rows: expected {measured[0]}, which alone could be measured, got {rows}")
    upper = next((count for count in measured[1:] if count >= rows), measured[-1])
    lower = measured[measured.index(upper) - 1]
    part = (rows - lower) / (upper - lower)
    one, other = profile.rows[lower], profile.rows[upper]
    values = [first + part * (second - first) for first, second in zip(one, other, strict=True)]
    return MeasuredRequest(values[0], *map(int, values[1:]))


def rules_of(  # noqa: PLR0917 - all that it depends on
    cloud: CloudFacts,
    api: ConfiguredApi,
    memory: int,
    profile: PackageProfile,
    request: MeasuredRequest,
    facts: Facts,
    case: str,
) -> InstanceRules:
    """How instances behave in the low, likely or high case: this machine's times, as that cloud has them."""
    slow, wait = facts.assumed["slowness"].at(case), facts.assumed["store_wait"].at(case)
    share = cloud.processors(memory)
    while_loading = cloud.billing["load_processors"].value if "load_processors" in cloud.billing else share
    asked = profile.first_reads + profile.first_writes + 1  # the keys are read, too
    return InstanceRules(
        service=request.seconds * slow / share,
        first_service=(profile.first + request.seconds) * slow / share + asked * wait,
        load=profile.load * slow / while_loading,
        platform_start=cloud.billing["platform_start"].at(case),
        keep_alive=facts.assumed["keep_alive"].at(case),
        concurrency=api.concurrency,
        granularity=cloud.billing["granularity"].value / 1000,
        least=cloud.billing["least"].value / 1000,
        shared=bool(cloud.billing["shared"].value),
        load_billed=bool(cloud.billing["start_billed"].value),
        packed=case != "high",
        store_wait=wait,
    )


def usage_of(  # noqa: PLR0917 - all that it depends on
    month: SimulatedMonth,
    cloud: CloudFacts,
    memory: int,
    profile: PackageProfile,
    request: MeasuredRequest,
    facts: Facts,
) -> Usage:
    """What a simulated month uses of all that has a price."""
    requests = month.requests
    largest = max(request.request_bytes, request.answer_bytes)
    return Usage(
        requests=requests,
        seconds=month.billed,
        gigabytes=memory / 1024,
        processors=cloud.processors(memory),
        gateway_requests=requests * -(-largest // GATEWAY_STEP),
        load_seconds=month.load_billed,
        reads=month.cold * profile.first_reads + month.rechecks + month.key_reads,
        writes=month.counts,
        log_bytes=requests * (profile.log_bytes + facts.assumed["platform_log"].value),
        answer_bytes=requests * request.answer_bytes,
    )


def _cloud(question: AdviceQuestion, profile: PackageProfile, facts: Facts, cloud: CloudFacts) -> CloudAdvice:
    api = configured(cloud.cloud)
    memory = cloud.memory_for(question.memory or api.memory)
    request = request_with(profile, question.rows)
    months, bills, slowest = {}, {}, 0.0
    for case in CASES:
        rules = rules_of(cloud, api, memory, profile, request, facts, case)
        months[case] = simulate(question.traffic, rules, bound=BOUND)
        bills[case] = bill(usage_of(months[case], cloud, memory, profile, request, facts), cloud)
        slowest = max(slowest, rules.platform_start + rules.load + rules.first_service)
    load = ExpectedLoad(request, slowest, months, question.traffic)
    bills = dict(zip(CASES, sorted(bills.values(), key=total), strict=True))
    return CloudAdvice(
        cloud,
        profile,
        memory,
        request,
        months,
        bills,
        fits(cloud, api, memory, profile, load),
        break_even(question.traffic, question.machine, likely_cost(cloud, memory, profile, request, facts)),
    )


def likely_cost(
    cloud: CloudFacts, memory: int, profile: PackageProfile, request: MeasuredRequest, facts: Facts
) -> Callable[[Traffic], float]:
    """The dollars a month of any traffic, in the likely case, from a shorter simulation."""
    api = configured(cloud.cloud)
    rules = rules_of(cloud, api, memory, profile, request, facts, "likely")

    def cost(traffic: Traffic) -> float:
        month = simulate(traffic, rules, bound=_SEEK_BOUND)
        return total(bill(usage_of(month, cloud, memory, profile, request, facts), cloud))

    return cost


def break_even(traffic: Traffic, machine: float, cost: Callable[[Traffic], float]) -> float | None:
    """The requests a second, in this shape, from which on it costs more than the machine; None if never."""
    low, high = _FEWEST, _MOST
    if cost(traffic.times(high / traffic.rate)) < machine:
        return None
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        if cost(traffic.times(middle / traffic.rate)) < machine:
            low = middle
        else:
            high = middle
    return float((low * high) ** 0.5)


def _machine(question: AdviceQuestion, clouds: list[CloudAdvice], facts: Facts) -> MachineAdvice:
    """A machine does what the quickest of the measured packages does, without its cloud."""
    seconds = min(cloud.request.seconds for cloud in clouds) * facts.assumed["slowness"].value
    capacity = facts.assumed["machine_load"].value / seconds
    count = max(1, -int(-question.traffic.rate // capacity))
    busy = question.traffic.rate * seconds / count
    return MachineAdvice(count, count * question.machine, busy, capacity, seconds)


def _sentences(question: AdviceQuestion, clouds: list[CloudAdvice], alone: MachineAdvice) -> list[str]:
    traffic = question.traffic
    possible = [cloud for cloud in clouds if cloud.fits]
    said = []
    if not possible:
        failing = sorted({limit.what for cloud in clouds for limit in cloud.limits if limit.verdict == NOT})
        said.append(f"Not this, as it is configured: no cloud fits, for {', '.join(failing)}.")
    else:
        best = min(possible, key=lambda cloud: cloud.likely)
        same = [cloud for cloud in possible if cloud.likely <= best.likely + 0.01]
        names = " and ".join(cloud.facts.name for cloud in same)
        if best.likely > alone.dollars:
            said.append(
                f"A machine: it costs ${alone.dollars:.2f} a month where the cheapest cloud that fits, "
                f"{best.facts.name}, costs ${best.likely:.2f}. Then use a machine, not this."
            )
        else:
            costs = f"${best.likely:.2f} a month, between ${total(best.bills['low']):.2f} and "
            said.append(f"{names}: {costs}${total(best.bills['high']):.2f}; a machine ${alone.dollars:.2f}.")
    for cloud in clouds:
        name = cloud.facts.name
        if cloud.break_even is None:
            said.append(
                f"{name}: cheaper than a machine at ${question.machine:g} a month, however many come."
            )
        else:
            rate = _rate(cloud.break_even)
            said.append(f"{name}: above {rate} a machine at ${question.machine:g} a month is cheaper.")
            if cloud.break_even > alone.capacity:
                said.append(
                    f"One machine answers no more than {_rate(alone.capacity)}: there it takes several."
                )
        slow = cloud.months["likely"]
        if slow.cold_share > _SLOW_START:
            said.append(
                f"{name}: {slow.cold_share:.1%} of the requests wait for an instance, some "
                f"{slow.latency(0.999):.1f} s. Who cannot wait keeps one warm (--param warmInstances=1), "
                "or takes a machine."
            )
    if traffic.office and possible:
        said.append("Outside office hours a cloud costs nothing; a machine costs the same.")
    return said


def _rate(rate: float) -> str:
    """Requests a second, or in a time in which one comes."""
    for seconds, unit in ((1.0, "second"), (60.0, "minute"), (3600.0, "hour")):
        if rate * seconds >= 1:
            return (
                f"{rate * seconds:.2g} requests a {unit}" if rate < 100 else f"{rate:,.0f} requests a {unit}"
            )
    return f"{rate * 86400:.2g} requests a day"


def _measured(question: AdviceQuestion, clouds: list[CloudAdvice]) -> list[str]:
    request = question.request
    said = [
        f"on {machine()}",
        f"{request.model} version {request.version}, {request.algorithm}, {question.rows:,} rows a request",
    ]
    for cloud in clouds:
        profile = cloud.profile
        times = ", ".join(f"{rows:,}: {each.seconds * 1000:.2f} ms" for rows, each in profile.rows.items())
        said.append(
            f"{cloud.facts.cloud}: {profile.load * 1000:.0f} ms of processor until the code is loaded, "
            f"{profile.first * 1000:.0f} ms more for the first request; then by rows {times}; "
            f"at most {profile.memory / 1024**2:.0f} MiB"
        )
        if profile.refused:
            said.append(f"{cloud.facts.cloud}: {profile.refused}")
        if profile.package.installed:
            size = profile.package.installed / 1024**2
            said.append(f"{cloud.facts.cloud}: {size:.0f} MiB of it the cloud installs itself, by our lock")
    return said


def _assumed(facts: Facts, clouds: list[CloudAdvice]) -> list[str]:
    assumed = facts.assumed
    slowness, keep = assumed["slowness"], assumed["keep_alive"]
    starts = [f"{cloud.facts.cloud} {cloud.facts.billing['platform_start'].value:g} s" for cloud in clouds]
    error = f"from {slowness.low:g} to {slowness.high:g} times the time"
    kept = f"{keep.high / 60:.0f} (high), {keep.value / 60:.0f} (likely) or {keep.low / 60:.0f} minutes (low)"
    said = [
        f"The largest error: a processor of the cloud is as quick as this machine's ({error}).",
        "An instance has its share of a processor by its memory, and short requests no more than that.",
        f"An unused instance is kept for {kept}: no cloud promises any.",
        f"One request of the store takes {assumed['store_wait'].value * 1000:.0f} ms.",
        f"Before the code is loaded, a platform takes {', '.join(starts)}.",
        "Where requests share an instance, a busy one with room comes first; in the high case, an idle one.",
        "A month has 730 hours. The machine's price is your own figure, and no dated price.",
        "Not in it: training, storage, what a platform runs around the function, headers, taxes, discounts.",
    ]
    if any(not cloud.profile.package.own_libraries for cloud in clouds):
        said.append(
            "This machine cannot run the packages' libraries: those of this environment ran in their place."
        )
    return said


def _warnings(facts: Facts, profiles: dict[str, PackageProfile], today: date) -> list[str]:
    mine = tuple(f"clouds.{cloud}." for cloud in profiles)
    old = [place for place in facts.old(today) if place.startswith(mine)]
    unchecked = [place for place in facts.unchecked() if place.startswith(mine)]
    said = []
    if old:
        said.append(f"older than 180 days, look them up in providers/advising/facts.toml: {', '.join(old)}")
    if unchecked:
        said.append(f"from memory, not checked: {', '.join(unchecked)}")
    return said
