"""The deployment that is there: its resource group, and what the resources in it are really called.

Resource Manager takes a name in any case and keeps the case that was given first. Earlier versions hashed the
subscription and the group as they were typed, so names are read from what is there, and never built anew for
it: a name that was not found would look like a deployment without models.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from providers.azure.deploying.cloud import Azure, Group, GroupResource
from providers.azure.runtime.names import ACCOUNT_DIGITS, APP_DIGITS, Names, account_prefix, app_prefix, named
from providers.deploying.plan import DeploymentFailed

ACCOUNTS = "microsoft.storage/storageaccounts"
SITES = "microsoft.web/sites"


class Deployment(NamedTuple):
    """A resource group of ours and everything in it; `first` are the names that a first deployment takes."""

    group: Group
    resources: tuple[GroupResource, ...]
    first: Names

    @property
    def accounts(self) -> list[str]:
        """Every storage account of the group but the hosts': whatever it is called, it may hold models."""
        hosts = re.compile(f"[a-z0-9]{{1,6}}[0-9a-f]{{{ACCOUNT_DIGITS}}}host")
        return [
            each.name for each in self.resources if each.kind == ACCOUNTS and not hosts.fullmatch(each.name)
        ]

    @property
    def location(self) -> str:
        """Where the deployment's account is; the group's own location while there is none."""
        found = {each.location for each in self._own_accounts()}
        return found.pop() if len(found) == 1 else self.group.location

    @property
    def names(self) -> Names:
        """What the resources are called, whatever spelling they were made with.

        Raises:
            DeploymentFailed: when the group holds two sets of them.
        """
        suffixes = sorted({each.name[-APP_DIGITS:].lower() for each in self._own_apps()})
        accounts = [each.name for each in self._own_accounts()]
        # An interrupted deployment may have left an account without apps: the apps say which one is in use.
        used = [name for name in accounts if not suffixes or _digits(name).startswith(suffixes[0])]
        if len(suffixes) > 1 or len(used) > 1 or (accounts and not used):
            raise DeploymentFailed(
                f"the resource group {self.group.name} holds two sets of the service's resources, made under "
                f"two spellings: storage accounts {', '.join(sorted(accounts))}; apps ending in "
                f"{', '.join(suffixes) or '(none)'}. Keep the account that holds your models. Delete the "
                "other one, and the apps whose ending is the start of its hash (`az resource delete`)"
            )
        storage = used[0] if used else self.first.storage
        suffix = suffixes[0] if suffixes else _digits(storage)[:APP_DIGITS]
        return named(self.group.name, storage, suffix)

    def _own_accounts(self) -> Iterator[GroupResource]:
        form = re.compile(f"{re.escape(account_prefix(self.group.name))}[0-9a-f]{{{ACCOUNT_DIGITS}}}")
        return (each for each in self.resources if each.kind == ACCOUNTS and form.fullmatch(each.name))

    def _own_apps(self) -> Iterator[GroupResource]:
        beginning = re.escape(app_prefix(self.group.name))
        form = re.compile(f"{beginning}-[a-z0-9]{{1,10}}-[0-9a-f]{{{APP_DIGITS}}}", re.IGNORECASE)
        return (each for each in self.resources if each.kind == SITES and form.fullmatch(each.name))


def find(azure: Azure, first: Names, tags: Mapping[str, str]) -> Deployment | None:
    """The deployment in the group of that name, in any case; None when there is no such group.

    Raises:
        DeploymentFailed: when the group is somebody else's: its tags are not these.
    """
    group = azure.group(first.group)
    if group is None:
        return None
    if not _carries(group, tags):
        got = {key: group.tags.get(key, "(none)") for key in tags}
        raise DeploymentFailed(
            f"the resource group {group.name} is not of this service and stage: expected the tags "
            f"{written(tags)}, got {written(got)}; name another group (--param resourceGroup=…, or "
            "--resource-group for keys)"
        )
    return Deployment(group, tuple(azure.resources(group.name)), first)


def groups_of(azure: Azure, tags: Mapping[str, str]) -> list[str]:
    """The names of the subscription's resource groups that carry the tags."""
    return sorted(group.name for group in azure.groups() if _carries(group, tags))


def _carries(group: Group, tags: Mapping[str, str]) -> bool:
    return tags.items() <= group.tags.items()


def _digits(account: str) -> str:
    return account[-ACCOUNT_DIGITS:]


def written(tags: Mapping[str, str]) -> str:
    """Tags, for a person."""
    return ", ".join(f"{key}={value}" for key, value in tags.items())
