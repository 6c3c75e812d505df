"""The rules of names that Resource Manager holds: length and characters, by type.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

import re

_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SITE = r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]"
_ACCOUNT = r"[a-z0-9]{3,24}"
_CONTAINER = r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"

# A resource group, and what is in one. Of a nested name each part is compared.
RESOURCE_GROUP = r"(?=.{1,90}$)[A-Za-z0-9_().-]*[A-Za-z0-9_()-]"
_RULES = {
    "Microsoft.Authorization/roleAssignments": _GUID,
    "Microsoft.Insights/components": r"(?=.{1,260}$)[^%&\\?/]*[^%&\\?/. ]",
    "Microsoft.Insights/actionGroups": r"(?=.{1,260}$)[^:<>+/&%\\?]*[^:<>+/&%\\?. ]",
    "Microsoft.Insights/scheduledQueryRules": r"(?=.{1,260}$)[^*<>%{}&:\\?/#]*[^*<>%{}&:\\?/#. ]",
    "Microsoft.Insights/workbooks": _GUID,
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Storage/storageAccounts": _ACCOUNT,
    "Microsoft.Storage/storageAccounts/blobServices": f"{_ACCOUNT}/default",
    "Microsoft.Storage/storageAccounts/blobServices/containers": f"{_ACCOUNT}/default/{_CONTAINER}",
    "Microsoft.Storage/storageAccounts/managementPolicies": f"{_ACCOUNT}/default",
    "Microsoft.Storage/storageAccounts/queueServices": f"{_ACCOUNT}/default",
    "Microsoft.Storage/storageAccounts/queueServices/queues": f"{_ACCOUNT}/default/{_CONTAINER}",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": _SITE,
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": f"{_SITE}/(scm|ftp)",
}


def faults_of_name(kind: str, name: str) -> list[str]:
    """Why Resource Manager would refuse a resource's name; empty when it would not."""
    return [] if re.fullmatch(_RULES[kind], name) else [f"InvalidResourceName: {kind} {name!r}"]


def is_group_name(name: str) -> bool:
    """Whether a resource group may be called so."""
    return re.fullmatch(RESOURCE_GROUP, name) is not None
