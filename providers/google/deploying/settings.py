"""Parameters of `providers/google/config.yml` that concern a company, checked before anything is packaged.

A value that cannot be is refused with what was expected. Empty is the default: closed, off, free.
"""

import re
from typing import NamedTuple

from providers.deploying.notices import Notices, notices_of
from providers.deploying.parameters import audit_days, is_on, monitoring_days, train_hours
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.deploying.tracing import TraceParameters, trace_parameters

INGRESS = {
    "all": "ALLOW_ALL",
    "internal": "ALLOW_INTERNAL_ONLY",
    "internal-and-gclb": "ALLOW_INTERNAL_AND_GCLB",
}
# Labels that a deployment writes itself, or that `deploy_model` does.
_OURS = ("service", "stage", "region", "alarms", "dashboard", "made-from", "made-by")
_MOST_LABELS = 64 - len(_OURS)
_TOPIC = re.compile(r"projects/[a-z0-9:.-]+/topics/[A-Za-z][A-Za-z0-9._~%+-]{2,254}")
_EMAIL = r"[^@\s,]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
_DOMAIN = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
_INVOKER = rf"(user|serviceAccount|group):{_EMAIL}|domain:{_DOMAIN}"
_KEY = r"projects/([^/]+)/locations/([a-z0-9-]+)/keyRings/([^/]+)/cryptoKeys/([^/]+)"
_CONNECTOR = r"projects/[^/]+/locations/([a-z0-9-]+)/connectors/[^/]+"
_BUILD_ACCOUNT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z0-9-]+(\.[a-z0-9-]+)*\.gserviceaccount\.com"


class GoogleSettings(NamedTuple):
    """What the service's parameters say, checked."""

    private: bool
    invokers: tuple[str, ...]
    ingress: str
    connector: str
    key: str
    tags: dict[str, str]
    alarms: bool
    email: str
    warm: int
    build_account: str
    train_hours: str
    monitoring_days: str
    audit_days: str
    notices: Notices
    old_states_days: str
    traces: TraceParameters
    dashboard: bool


def settings_of(service: Service) -> GoogleSettings:
    """What the service's parameters say.

    Raises:
        DeploymentFailed: for a value that cannot be.
    """
    said = {name: str(value or "").strip() for name, value in service.provider.items()}
    private = _one_of("access", said.get("access") or "public", ("public", "private")) == "private"
    invokers = _each(said.get("invokers", ""))
    _all_match(
        "invokers",
        invokers,
        _INVOKER,
        "user:…, serviceAccount:…, group:… with an address, or domain:… with a domain",
    )
    if invokers and not private:
        raise DeploymentFailed("invokers: expected access=private beside it, got access=public")
    region = said.get("region", "")
    is_on("accessLogs", said.get("accessLogs", ""))  # Cloud Run writes them whatever is said
    email = said.get("alarmEmail", "")
    _matches("alarmEmail", email, _EMAIL, "an address such as ops@example.com")
    _matches("buildAccount", said.get("buildAccount", ""), _BUILD_ACCOUNT, "a service account's address")
    return GoogleSettings(
        private,
        invokers,
        INGRESS[_one_of("ingress", said.get("ingress") or "all", tuple(INGRESS))],
        _regional("vpcConnector", said.get("vpcConnector", ""), _CONNECTOR, region),
        _regional("encryptionKey", said.get("encryptionKey", ""), _KEY, region),
        _tags(said.get("tags", "")),
        is_on("alarms", said.get("alarms", "")) or bool(email),
        email,
        _count("warmInstances", said.get("warmInstances", ""), service),
        said.get("buildAccount", ""),
        train_hours(service.provider),
        monitoring_days(service.provider),
        audit_days(service.provider),
        notices_of(service, _TOPIC, "projects/<project>/topics/<topic>"),
        str(old_states_days(service)),
        trace_parameters(service),
        is_on("dashboard", said.get("dashboard", "")),
    )


def old_states_days(service: Service) -> int:
    """For how many days the bucket keeps what was removed or replaced."""
    return int(service.provider.get("oldStatesExpireAfterDays", 7))


def _each(text: str) -> tuple[str, ...]:
    """The entries of a list that is separated by commas, each once."""
    return tuple(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise DeploymentFailed(f"{name}: expected {' or '.join(choices)}, got {value[:80]!r}")
    return value


def _matches(name: str, value: str, pattern: str, expected: str) -> None:
    if value and not re.fullmatch(pattern, value):
        raise DeploymentFailed(f"{name}: expected {expected}, got {value[:120]!r}")


def _all_match(name: str, values: tuple[str, ...], pattern: str, expected: str) -> None:
    for value in values:
        _matches(name, value, pattern, expected)


def _regional(name: str, value: str, pattern: str, region: str) -> str:
    """A resource's name that has to be in the region of the deployment."""
    kind = "connectors/<name>" if name == "vpcConnector" else "keyRings/<ring>/cryptoKeys/<key>"
    _matches(name, value, pattern, f"projects/<project>/locations/{region}/{kind}")
    if value and (place := value.split("/")[3]) != region:
        raise DeploymentFailed(
            f"{name}: expected one in the deployment's region {region}, got one in {place}"
        )
    return value


def _count(name: str, value: str, service: Service) -> int:
    most = service.functions["api"].settings["instances"] if "api" in service.functions else 0
    if not re.fullmatch(r"[0-9]{0,5}", value) or int(value or 0) > int(most):
        raise DeploymentFailed(f"{name}: expected 0 to {most} (apiInstances), got {value[:80]!r}")
    return int(value or 0)


def _tags(text: str) -> dict[str, str]:
    """`team=ml,cost-center=7` as labels."""
    tags: dict[str, str] = {}
    for entry in _each(text):
        key, sign, value = (part.strip() for part in entry.partition("="))
        if not sign or not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key):
            raise DeploymentFailed(
                "tags: expected name=value with a name of a lower-case letter, then at most 62 of a-z, 0-9, _"
                f" and -, got {entry[:80]!r}"
            )
        if not re.fullmatch(r"[a-z0-9_-]{0,63}", value):
            raise DeploymentFailed(
                f"tags: expected a value of at most 63 of a-z, 0-9, _ and - for {key}, got {value[:80]!r}"
            )
        if key in _OURS or key in tags:
            raise DeploymentFailed(
                f"tags: expected each name once and none of {', '.join(_OURS)}, got {key!r}"
            )
        tags[key] = value
    if len(tags) > _MOST_LABELS:
        raise DeploymentFailed(f"tags: expected at most {_MOST_LABELS}, got {len(tags)}")
    return tags
