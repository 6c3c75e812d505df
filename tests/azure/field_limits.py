"""What Azure's documents say of fields beside their types: values, and limits between them.

https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan,
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

_SUBNET = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+",
    re.IGNORECASE,
)
_FREQUENCIES = ("PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H")


def faults_between_fields(body: dict[str, Any]) -> list[str]:
    """Why Azure would refuse a resource whose types are right."""
    found = list(_tags(body.get("tags") or {}))
    check = _CHECKS.get(body["type"])
    return found + (list(check(body)) if check else [])


def _tags(tags: dict[str, str]) -> Iterator[str]:
    if len(tags) > 50:
        yield f"{len(tags)} tags are more than 50"
    if len({name.lower() for name in tags}) < len(tags):
        yield "two tags differ only in case"
    for name, value in tags.items():
        # A storage account takes shorter names than other resources.
        if not 1 <= len(name) <= 128 or re.search(r"[<>%&\\?/]", name) or len(value) > 256:
            yield f"the tag {name!r} cannot be"


def _site(body: dict[str, Any]) -> Iterator[str]:
    own = body["properties"]
    scale = own["functionAppConfig"]["scaleAndConcurrency"]
    if scale["instanceMemoryMB"] not in (512, 2048, 4096):
        yield f"instanceMemoryMB {scale['instanceMemoryMB']} is not 512, 2048 or 4096"
    most = scale["maximumInstanceCount"]
    if not 1 <= most <= 1000:
        yield f"maximumInstanceCount {most} is not 1 to 1000"
    ready = sum(each["instanceCount"] for each in scale.get("alwaysReady", []))
    if ready > most:
        yield f"{ready} always ready instances are more than the maximum of {most}"
    if not 1 <= scale.get("triggers", {}).get("http", {}).get("perInstanceConcurrency", 1) <= 1000:
        yield "perInstanceConcurrency is not 1 to 1000"
    if "virtualNetworkSubnetId" in own and not _SUBNET.fullmatch(own["virtualNetworkSubnetId"]):
        yield "virtualNetworkSubnetId is no subnet"


def _rule(body: dict[str, Any]) -> Iterator[str]:
    own = body["properties"]
    if own["evaluationFrequency"] not in _FREQUENCIES or own["windowSize"] not in _FREQUENCIES:
        yield "evaluationFrequency or windowSize is none that there is"
    if not 0 <= own["severity"] <= 4:
        yield "severity is not 0 to 4"


def _action_group(body: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(body["properties"]["groupShortName"]) <= 12:
        yield "groupShortName is longer than 12"


def _policy(body: dict[str, Any]) -> Iterator[str]:
    for rule in body["properties"]["policy"]["rules"]:
        days = rule["definition"]["actions"]["version"]["delete"]["daysAfterCreationGreaterThan"]
        if not 0 <= days <= 99999:
            yield f"{days} days cannot be"


def _blobs(body: dict[str, Any]) -> Iterator[str]:
    for name in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        if not 1 <= body["properties"][name]["days"] <= 365:
            yield f"{name} is not 1 to 365 days"


def _workspace(body: dict[str, Any]) -> Iterator[str]:
    if body["properties"]["workspaceCapping"]["dailyQuotaGb"] < 0.023:
        yield "dailyQuotaGb is below 0.023"


_CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "Microsoft.Web/sites": _site,
    "Microsoft.Insights/scheduledQueryRules": _rule,
    "Microsoft.Insights/actionGroups": _action_group,
    "Microsoft.Storage/storageAccounts/managementPolicies": _policy,
    "Microsoft.Storage/storageAccounts/blobServices": _blobs,
    "Microsoft.OperationalInsights/workspaces": _workspace,
}
