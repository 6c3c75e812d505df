"""What things are called on Azure.

The same at every deployment, and unique where the whole world shares names.
"""

import hashlib
import re
import uuid
from typing import NamedTuple

CONTAINER = "models"
QUEUE = "training"
# The key records: a blob in a container of its own. Earlier versions kept them in a setting.
KEYS_CONTAINER = "keys"
KEYS_BLOB = "records.json"
KEYS_SETTING = "ML_KEYS"

# How many hexadecimal digits of a hash end the name of the storage account, and of an app.
ACCOUNT_DIGITS, APP_DIGITS = 13, 6
# So much of the group's name begins an app's.
APP_PREFIX = 40
# The longest names that Resource Manager takes.
_PLAN, _WORKSPACE, _IDENTITY = 60, 63, 128


class Names(NamedTuple):
    """The names of one stage of one service in one subscription."""

    group: str
    storage: str
    suffix: str

    @property
    def workspace(self) -> str:
        """The workspace of the logs."""
        return _within(self.group, "logs", _WORKSPACE)

    @property
    def insights(self) -> str:
        """The component of Application Insights."""
        return _within(self.group, "insights", _IDENTITY)

    def app(self, function: str) -> str:
        """A function app; its name is a host name of the whole Internet, so it carries the suffix."""
        return f"{app_prefix(self.group)}-{function[:10]}-{self.suffix}"

    def plan(self, function: str) -> str:
        """The Flex Consumption plan of one app."""
        return _within(self.group, function, _PLAN)

    def identity(self, function: str) -> str:
        """The managed identity of one app."""
        return _within(self.group, function, _IDENTITY)

    def alarm(self, name: str) -> str:
        """An alarm's rule, or the group of who is told."""
        return _within(self.group, name, _IDENTITY)

    def host_account(self, function: str) -> str:
        """The storage account of the Functions host that runs an app.

        At most 23 characters; no group's account for models ends in letters that are no digits.
        """
        return f"{function[:6]}{self.storage[-ACCOUNT_DIGITS:]}host"

    def packages(self, function: str) -> str:
        """The container that holds an app's zip."""
        return f"packages-{function}"

    def host(self, function: str) -> str:
        """The Functions host's id.

        Apps that share a storage account must differ in it (1 to 32 characters).
        """
        return f"{function[:20]}-{self.suffix}"


def assignment(principal: str, role: str, scope: str) -> str:
    """A role assignment's GUID, from the three that it joins.

    Azure changes none of them in an assignment that is there: an identity that was made anew needs another.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}/{role}/{principal}".lower()))


def names(service: str, stage: str, subscription: str, *, group: str | None = None) -> Names:
    """The names of a first deployment; `group` overrides the resource group's own name.

    Azure takes a subscription and a group in any case, so what is hashed is their lower case. A deployment
    that is there already may have been named otherwise: `deploying/finding.py` finds it.
    """
    group = group or f"{service}-{stage}"
    digest = hashlib.sha256(f"{subscription}/{group}".lower().encode()).hexdigest()
    return named(group, account_prefix(group) + digest[:ACCOUNT_DIGITS], digest[:APP_DIGITS])


def named(group: str, storage: str, suffix: str) -> Names:
    """The names that belong to a storage account and an app's suffix."""
    return Names(group, storage, suffix)


def app_prefix(group: str) -> str:
    """How an app's name begins. A group may be called by more than letters, digits and hyphens."""
    return _plain(group)[:APP_PREFIX]


def _within(group: str, ending: str, longest: int) -> str:
    """A name of a resource that is unique in its group."""
    return f"{_plain(group)[: longest - len(ending) - 1]}-{ending}"


def _plain(group: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", group)


def account_prefix(group: str) -> str:
    """How the storage account's name begins.

    It has 3 to 24 lower-case letters and digits and is unique in the world; ACCOUNT_DIGITS hexadecimal digits
    of the subscription's and group's hash see to that.
    """
    return "".join(letter for letter in group.lower() if letter.isascii() and letter.isalnum())[:11]
