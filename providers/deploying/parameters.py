"""A deployment keeps the parameters that are not at their defaults, so that none goes back unsaid."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from providers.deploying.plan import DeploymentFailed

# The setting, or on AWS the stack's output, in which a deployment keeps them.
SETTING = "DEPLOYED_PARAMETERS"
_MOST_DAYS = 3650
_YEAR = 8_760  # hours: the most that the setting takes
_SWITCHES = {"yes": True, "true": True, "no": False, "false": False, "": False}


class Parameters(NamedTuple):
    """The declared parameters of `providers/<cloud>/config.yml`, as `providers/parameters.js` writes them.

    `changed` are those with another value than their default; `defaults` are all.
    """

    changed: Mapping[str, str] = {}
    defaults: Mapping[str, str] = {}

    @property
    def setting(self) -> dict[str, str]:
        """What to keep with the deployment; nothing where every parameter is at its default."""
        return {SETTING: json.dumps(dict(self.changed), sort_keys=True)} if self.changed else {}

    def going_back(self, kept: str | None) -> list[str]:
        """A sentence for each parameter that this deployment sets back to its default.

        Args:
            kept: what the last deployment kept, as text; None when it kept nothing.
        """
        return [
            f"the parameter {name} goes back from {was or 'nothing'} to its default, "
            f"{self.defaults[name] or 'nothing'}: pass --param {name}={was} to keep it"
            for name, was in sorted(_read(kept).items())
            if name in self.defaults and name not in self.changed
        ]


def is_on(name: str, value: str) -> bool:
    """Whether a parameter switches something on: yes or true, where no, false or nothing leave it off.

    Raises:
        DeploymentFailed: for any other value.
    """
    if value.lower() not in _SWITCHES:
        raise DeploymentFailed(f"{name}: expected yes, or nothing, got {value[:80]!r}")
    return _SWITCHES[value.lower()]


def train_hours(provider: Mapping[str, object]) -> str:
    """The setting ML_TRAIN_HOURS, from the parameter `trainHours`; 12 where the service does not say.

    Raises:
        DeploymentFailed: for anything but a number of hours up to a year.
    """
    text = str(provider.get("trainHours", 12)).strip()
    try:
        hours = float(text)
    except ValueError:
        hours = float("nan")
    if not 1 <= hours <= _YEAR:
        raise DeploymentFailed(f"trainHours: expected a number of hours from 1 to {_YEAR}, got {text[:80]!r}")
    return text


def monitoring_days(provider: Mapping[str, object]) -> str:
    """The setting ML_MONITORING_DAYS, from the parameter `monitoringDays`; 90 where the service does not say.

    Raises:
        DeploymentFailed: for anything but a whole number of days up to ten years.
    """
    return _days("monitoringDays", provider.get("monitoringDays", 90))


def audit_days(provider: Mapping[str, object]) -> str:
    """The setting ML_AUDIT_DAYS, from the parameter `auditDays`; 365 where the service does not say.

    Raises:
        DeploymentFailed: for anything but a whole number of days up to ten years.
    """
    return _days("auditDays", provider.get("auditDays", 365))


def _days(name: str, said: object) -> str:
    text = str(said).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= _MOST_DAYS):
        raise DeploymentFailed(
            f"{name}: expected a whole number of days from 0 to {_MOST_DAYS}, got {text[:80]!r}"
        )
    return text


def _read(kept: str | None) -> dict[str, str]:
    """What was kept. A text that somebody else wrote counts as nothing."""
    try:
        found = json.loads(kept or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
