"""The parameters by which a company fits the deployment into its own Azure.

They are checked before anything is packaged. All are off by default (docs/azure.md).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from providers.deploying.notices import Notices, notices_of
from providers.deploying.parameters import audit_days, is_on, monitoring_days, train_hours
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.deploying.tracing import TraceParameters, trace_parameters

# What Flex Consumption offers, in MB.
MEMORY = (512, 2048, 4096)
_MOST_INSTANCES = 1000
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SUBNET = re.compile(
    rf"/subscriptions/{_GUID}/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/_]+",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(https://[a-z0-9-]+\.(?:vault|managedhsm)\.[a-z.]+)/keys/([A-Za-z0-9-]+)(?:/([0-9a-f]{32}))?/?"
)
_TOPIC = re.compile(r"https://[a-z0-9-]{3,50}(\.[a-z0-9-]+)+\.eventgrid\.azure\.net/api/events")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
# Tags that are ours: by them a deployment is found, and what it did last.
_OURS = re.compile(r"service|stage|template|package-.*", re.IGNORECASE)
_MOST_TAGS, _LONGEST_TAG_NAME, _LONGEST_TAG = 40, 128, 256


class EncryptionKey(NamedTuple):
    """A key in a vault; without a version, Storage follows the newest."""

    vault: str
    name: str
    version: str


class Options(NamedTuple):
    """What the service's parameters say."""

    alarms: bool = False
    alarm_email: str = ""
    access_logs: bool = False
    warm_instances: int = 0
    internal: bool = False
    subnet: str = ""
    encryption_key: EncryptionKey | None = None
    tags: Mapping[str, str] = {}
    train_hours: str = "12"
    monitoring_days: str = "90"
    audit_days: str = "365"
    old_states_days: str = "60"
    notices: Notices = Notices()
    traces: TraceParameters = TraceParameters()
    dashboard: bool = False


def options_of(service: Service) -> Options:
    """What the service's parameters say.

    Raises:
        DeploymentFailed: for a value that cannot be, or that Azure has nothing for.
    """
    given = {name: str(value).strip() for name, value in service.provider.items() if value is not None}
    email = given.get("alarmEmail", "")
    if email and not _EMAIL.fullmatch(email):
        raise DeploymentFailed(f"alarmEmail: expected one e-mail address, got {email[:80]!r}")
    access = given.get("access", "") or "public"
    if access == "private":
        raise DeploymentFailed(
            "access: expected public, got private: Flex Consumption asks for no identity of Azure's without "
            "an app registration; use ingress=internal, or turn on the app's authentication in the portal"
        )
    if access != "public":
        raise DeploymentFailed(f"access: expected public, got {access[:80]!r}")
    ingress = given.get("ingress", "") or "all"
    if ingress not in {"all", "internal"}:
        raise DeploymentFailed(f"ingress: expected all or internal, got {ingress[:80]!r}")
    subnet = given.get("subnet", "")
    if subnet and not _SUBNET.fullmatch(subnet):
        raise DeploymentFailed(
            "subnet: expected the id of a subnet that is delegated to Microsoft.App/environments, without _ "
            f"in its name (/subscriptions/…/virtualNetworks/…/subnets/…), got {subnet[:200]!r}"
        )
    return Options(
        is_on("alarms", given.get("alarms", "")) or bool(email),
        email,
        is_on("accessLogs", given.get("accessLogs", "")),
        whole("warmInstances", given.get("warmInstances") or "0", 0, _MOST_INSTANCES),
        ingress == "internal",
        subnet,
        _encryption_key(given.get("encryptionKey", "")),
        _tags(given.get("tags", "")),
        train_hours(service.provider),
        monitoring_days(service.provider),
        audit_days(service.provider),
        str(2 * keep_days(service)),  # the rule's, and then those of soft deletion
        notices_of(service, _TOPIC, "https://<topic>.<region>-1.eventgrid.azure.net/api/events"),
        trace_parameters(service),
        is_on("dashboard", given.get("dashboard", "")),
    )


def keep_days(service: Service) -> int:
    """After how many days old states of blobs are deleted, and for how many more that can be taken back."""
    return int(service.provider.get("oldStatesExpireAfterDays", 30))


def whole(name: str, text: object, least: int, most: int) -> int:
    """A whole number of a parameter. Raises `DeploymentFailed`."""
    found = str(text)
    if not re.fullmatch(r"[0-9]{1,6}", found) or not least <= int(found) <= most:
        raise DeploymentFailed(f"{name}: expected a whole number from {least} to {most}, got {found[:80]!r}")
    return int(found)


def memory(name: str, text: object) -> int:
    """An instance size that Flex Consumption has. Raises `DeploymentFailed`."""
    if str(text) not in map(str, MEMORY):
        expected = f"{', '.join(map(str, MEMORY[:-1]))} or {MEMORY[-1]}"
        raise DeploymentFailed(f"{name}: expected {expected} (MB), got {str(text)[:80]!r}")
    return int(str(text))


def _encryption_key(text: str) -> EncryptionKey | None:
    if not text:
        return None
    found = _KEY.fullmatch(text)
    if not found:
        raise DeploymentFailed(
            "encryptionKey: expected a Key Vault key's address (https://….vault.azure.net/keys/…), "
            f"got {text[:200]!r}"
        )
    return EncryptionKey(found[1], found[2], found[3] or "")


def _tags(text: str) -> dict[str, str]:
    parts = (entry.partition("=") for entry in text.split(",") if entry.strip())
    pairs = dict.fromkeys((name.strip(), sign, value.strip()) for name, sign, value in parts)
    for name, sign, value in pairs:
        if not sign or not _is_tag(name, value):
            raise DeploymentFailed(
                "tags: expected name=value, separated by commas (no < > % & \\ ? / in a name, at most "
                f"{_LONGEST_TAG_NAME} and {_LONGEST_TAG} characters), got {f'{name}{sign}{value}'[:80]!r}"
            )
        if _OURS.fullmatch(name):
            raise DeploymentFailed(f"tags: expected a name that is not ours, got {name!r}")
    found = {name: value for name, _, value in pairs}
    if len({name.lower() for name in found}) < len(pairs) or len(pairs) > _MOST_TAGS:
        raise DeploymentFailed(f"tags: expected at most {_MOST_TAGS} different names, got {text[:200]!r}")
    return found


def _is_tag(name: str, value: str) -> bool:
    return bool(re.fullmatch(rf"[^<>%&\\?/]{{1,{_LONGEST_TAG_NAME}}}", name)) and len(value) <= _LONGEST_TAG
