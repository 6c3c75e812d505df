"""What things are called on Azure.

The same at every deployment, and unique where the whole world shares names.
"""

import hashlib
import uuid
from typing import NamedTuple

CONTAINER = "models"
QUEUE = "training"
KEYS_SETTING = "ML_KEYS"


class Names(NamedTuple):
    """The names of one stage of one service in one subscription."""

    group: str
    storage: str
    workspace: str
    insights: str
    suffix: str

    def app(self, function: str) -> str:
        """A function app; its name is a host name of the whole Internet, so it carries the suffix."""
        return f"{self.group[:40]}-{function[:10]}-{self.suffix}"

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
    """The names for a stage; `group` overrides the resource group's own name.

    A storage account has 3 to 24 lower-case letters and digits and is unique in the world; 13 hexadecimal
    digits of the subscription's and group's hash see to that.
    """
    group = group or f"{service}-{stage}"
    digest = hashlib.sha256(f"{subscription}/{group}".encode()).hexdigest()
    readable = "".join(letter for letter in group.lower() if letter.isascii() and letter.isalnum())
    return Names(group, f"{readable[:11]}{digest[:13]}", f"{group}-logs", f"{group}-insights", digest[:6])
