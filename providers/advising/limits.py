"""What fits a cloud and what does not: each limit beside what was measured, with where the limit is from."""

from collections.abc import Callable
from typing import NamedTuple

from providers.advising.facts import CloudFacts
from providers.advising.packaged import ConfiguredApi
from providers.advising.profile import MeasuredRequest, PackageProfile
from providers.advising.simulation import SimulatedMonth
from providers.advising.traffic import Traffic

FITS, TIGHT, NOT = "fits", "tight", "does not fit"
_TIGHT = 0.8  # of a limit
MEBIBYTE = 1024.0**2
_OURS = 4_194_304  # bytes: ML_MAX_BODY_BYTES and ML_MAX_ANSWER_BYTES where nobody sets them
_OF_OURS = "docs/reference/settings.md, ML_MAX_BODY_BYTES and ML_MAX_ANSWER_BYTES"


class LimitFit(NamedTuple):
    """One limit: what it is of, its value and what was found, as people read them, and the verdict."""

    what: str
    limit: str
    found: str
    verdict: str
    source: str


class ExpectedLoad(NamedTuple):
    """What the traffic asks for: the request, how long it takes at most, and the instances."""

    request: MeasuredRequest
    slowest: float  # seconds
    months: dict[str, SimulatedMonth]
    traffic: Traffic


def fits(
    cloud: CloudFacts, api: ConfiguredApi, memory: int, profile: PackageProfile, load: ExpectedLoad
) -> list[LimitFit]:
    """Each limit of this cloud, and of this project's configuration of it."""
    request, limits = load.request, cloud.limits
    config = f"providers/{cloud.cloud}/config.yml"
    found = [
        _fit("request", request.request_bytes, _OURS, _OF_OURS, _bytes),
        _fit("answer", request.answer_bytes, _OURS, _OF_OURS, _bytes),
        _fit("slowest answer", load.slowest, api.timeout, f"{config}: timeout of api", _seconds),
        _fit("memory", request.memory, memory * MEBIBYTE, f"{config}: apiMemory, or --memory", _bytes),
    ]
    measured = {
        "package": (profile.package.unpacked, "package, unpacked", _bytes),
        "upload": (profile.package.zipped, "package, zipped", _bytes),
        "request": (request.request_bytes, "request, of the cloud", _bytes),
        "response": (request.answer_bytes, "answer, of the cloud", _bytes),
        "seconds": (load.slowest, "slowest answer, of the cloud", _seconds),
    }
    found += [
        _fit(what, value, limits[name].value, limits[name].told, shown)
        for name, (value, what, shown) in measured.items()
        if name in limits
    ]
    if api.instances:
        most = load.months["likely"].most_instances
        # Where requests share instances, more of them wait for one; where they do not, they are refused.
        waits = bool(cloud.billing["shared"].value)
        what = f"instances at once (more {'wait' if waits else 'get 429'})"
        parameter = "apiInstances" if waits else "apiConcurrency"
        found.append(_fit(what, most, api.instances, f"{config}: {parameter}", _number, soft=waits))
    if api.rate:
        found.append(
            _fit("requests a second", load.traffic.rate, api.rate, f"{config}: requestsPerSecond", _number)
        )
    if api.burst and load.traffic.burst > 1:
        found.append(
            _fit("requests in a burst", load.traffic.burst, api.burst, f"{config}: requestBurst", _number)
        )
    return found


def _fit(
    what: str, value: float, limit: float, source: str, shown: Callable[[float], str], *, soft: bool = False
) -> LimitFit:
    """The verdict on one limit; a soft one is tight where it is passed."""
    verdict = FITS if value <= _TIGHT * limit else TIGHT if soft or value <= limit else NOT
    return LimitFit(what, shown(limit), shown(value), verdict, source)


def _bytes(value: float) -> str:
    if value >= MEBIBYTE:
        return f"{value / MEBIBYTE:,.1f} MiB"
    return f"{value / 1024:,.1f} KiB" if value >= 1024 else f"{value:,.0f} bytes"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 10 else f"{value:.2f} s"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
