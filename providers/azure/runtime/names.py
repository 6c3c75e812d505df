"""What things are called on Azure.

The same at every deployment, and unique where the whole world shares names.
"""

import hashlib
import uuid
from typing import NamedTuple

CONTAINER = "models"
QUEUE = "training"
KEYS_SETTING = "ML_KEYS"

# How many hexadecimal digits of a hash end the name of the storage account, and of an app.
ACCOUNT_DIGITS, APP_DIGITS = 13, 6
# So much of the group's name begins an app's.
APP_PREFIX = 40


class Names(NamedTuple):
    """The names of one stage of one service in one subscription."""

    group: str
    storage: str
    workspace: str
    insights: str
    suffix: str

    def app(self, function: str) -> str:
        """A function app; its name is a host name of the whole Internet, so it carries the suffix."""
        return f"{self.group[:APP_PREFIX]}-{function[:10]}-{self.suffix}"

    def plan(self, function: str) -> str:
        """The Flex Consumption plan of one app."""
        return f"{self.group}-{function}"

    def identity(self, function: str) -> str:
        """The managed identity of one app."""
        return f"{self.group}-{function}"

    def packages(self, function: str) -> str:
        """The container that holds an app's zip."""
        return f"packages-{function}"

    def host(self, function: str) -> str:
        """The Functions host's id.

        Apps that share a storage account must differ in it (1 to 32 characters).
        """
        return f"{function[:20]}-{self.suffix}"

    def assignment(self, *parts: str) -> str:
        """A role assignment's GUID, from what it joins."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join((self.group, self.suffix, *parts))))


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
    return Names(group, storage, f"{group}-logs", f"{group}-insights", suffix)


def account_prefix(group: str) -> str:
    """How the storage account's name begins.

    It has 3 to 24 lower-case letters and digits and is unique in the world; ACCOUNT_DIGITS hexadecimal digits
    of the subscription's and group's hash see to that.
    """
    return "".join(letter for letter in group.lower() if letter.isascii() and letter.isalnum())[:11]
