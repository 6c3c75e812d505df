"""What a group's listing does not show: parts of its resources, and what they are set to.

A container, queue, policy or setting that somebody deleted or changed leaves the listing, and the tags that
say what was deployed last, as they were. What the identities may do is looked at in `rights.py`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from providers.azure.deploying.cloud import Azure
from providers.azure.runtime.names import KEYS_SETTING

SITES = "Microsoft.Web/sites"
# Those whose change opens something, loses something or costs something.
LOOKED_AT = (
    SITES,
    f"{SITES}/basicPublishingCredentialsPolicies",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.Storage/storageAccounts/managementPolicies",
    "Microsoft.Storage/storageAccounts/queueServices/queues",
)


class Parts(NamedTuple):
    """What of a deployed template is not there, and what is otherwise: `containers/models`."""

    gone: frozenset[str]
    changed: frozenset[str]


def look_at_parts(azure: Azure, group: str, document: dict[str, Any]) -> Parts:
    """Compare a deployed template with what is there."""
    gone: set[str] = set()
    changed: set[str] = set()
    for each in document["resources"]:
        if each["type"] not in LOOKED_AT:
            continue
        name = f"{each['type'].rpartition('/')[2]}/{each['name'].rpartition('/')[2]}"
        found = azure.properties(group, _path(each), each["apiVersion"])
        if found is None:
            gone.add(name)
        elif _differs(each["properties"], found):
            changed.add(name)
        if each["type"] == SITES:
            gone |= set(_gone_settings(azure, group, each))
    return Parts(frozenset(gone), frozenset(changed))


def _differs(wanted: object, found: object) -> bool:
    """Whether a property that both know has another value.

    What Azure leaves out of its answer, adds to it, or makes of an expression says nothing.
    """
    if isinstance(wanted, dict) and isinstance(found, dict):
        return any(_differs(value, found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) != len(found) or any(map(_differs, wanted, found))
    if isinstance(wanted, str) and isinstance(found, str):
        # An address may come back with a slash at its end.
        return not wanted.startswith("[") and wanted.lower().rstrip("/") != found.lower().rstrip("/")
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return wanted != found
    return False


def _gone_settings(azure: Azure, group: str, site: dict[str, Any]) -> Iterator[str]:
    found = azure.settings(group, site["name"]) or {}
    for setting in site["properties"]["siteConfig"]["appSettings"]:
        name, value = setting["name"], setting["value"]
        # Only Azure knows what an expression comes to, and no template brings keys back.
        same = (
            name in found or name == KEYS_SETTING if value.startswith("[") else found.get(name, "") == value
        )
        if not same:
            yield f"settings/{name}"


def _path(resource: dict[str, Any]) -> str:
    """Where a resource of the template is, from its group on."""
    provider, *kinds = resource["type"].split("/")
    names = resource["name"].split("/")
    return "/".join([provider, *(part for pair in zip(kinds, names, strict=True) for part in pair)])
