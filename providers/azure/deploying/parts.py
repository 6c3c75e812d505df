"""What a group's listing does not show: the parts of its resources, looked at one by one.

A container, queue, policy, role assignment or setting that somebody deleted leaves the listing, and the tags
that say what was deployed last, as they were. What the identities may do is looked at in `rights.py`.
"""

from collections.abc import Iterator
from typing import Any

from providers.azure.deploying.cloud import Azure
from providers.azure.runtime.names import KEYS_SETTING

SITES = "Microsoft.Web/sites"
# What is there as long as the resource that it belongs to.
LASTING = ("blobServices", "queueServices", "basicPublishingCredentialsPolicies")


def gone(azure: Azure, group: str, document: dict[str, Any]) -> frozenset[str]:
    """The parts of a deployed template that are not there, or are settings of another value."""
    return frozenset(_gone(azure, group, document["resources"]))


def _gone(azure: Azure, group: str, resources: list[dict[str, Any]]) -> Iterator[str]:
    for each in resources:
        within = "scope" not in each and each["type"].count("/") > 1
        if each["type"] == SITES:
            yield from _gone_settings(azure, group, each)
        elif (
            within
            and not each["type"].endswith(LASTING)
            and not azure.exists(group, _path(each), each["apiVersion"])
        ):
            yield f"{each['type'].rpartition('/')[2]}/{each['name'].rpartition('/')[2]}"


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
