"""Holds a resource's JSON against Azure's own published types: the models of its management SDKs.

They are generated from the specifications that Resource Manager itself is built from. Two generations of
models exist; both are read strictly here: an unknown property, a value of another type or kind, and a
property that only the service may write are faults. (The SDKs themselves let all of these pass.)
"""

import enum
import importlib
import sys
import typing
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from typing import Any

from azure.mgmt.applicationinsights.v2020_02_02 import models as insights
from azure.mgmt.applicationinsights.v2023_06_01 import models as workbooks
from azure.mgmt.authorization.v2022_04_01 import models as authorization
from azure.mgmt.loganalytics import models as workspaces
from azure.mgmt.msi.v2024_11_30 import models as identities
from azure.mgmt.resource.deployments import models as deployments
from azure.mgmt.resource.resources import models as resources
from azure.mgmt.storage import models as storage
from azure.mgmt.web import models as web

# Each resource type of a template: the version whose types these are, and the type of its body.
PUBLISHED: dict[str, tuple[str, type]] = {
    "Microsoft.Authorization/roleAssignments": ("2022-04-01", authorization.RoleAssignmentCreateParameters),
    "Microsoft.Insights/components": ("2020-02-02", insights.ApplicationInsightsComponent),
    "Microsoft.Insights/workbooks": ("2023-06-01", workbooks.Workbook),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("2024-11-30", identities.Identity),
    "Microsoft.OperationalInsights/workspaces": ("2025-07-01", workspaces.Workspace),
    "Microsoft.Storage/storageAccounts": ("2026-09-01", storage.StorageAccountCreateParameters),
    "Microsoft.Storage/storageAccounts/blobServices": ("2026-09-01", storage.BlobServiceProperties),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("2026-09-01", storage.BlobContainer),
    "Microsoft.Storage/storageAccounts/managementPolicies": ("2026-09-01", storage.ManagementPolicy),
    "Microsoft.Storage/storageAccounts/queueServices": ("2026-09-01", storage.QueueServiceProperties),
    "Microsoft.Storage/storageAccounts/queueServices/queues": ("2026-09-01", storage.StorageQueue),
    "Microsoft.Web/serverfarms": ("2025-05-01", web.AppServicePlan),
    "Microsoft.Web/sites": ("2025-05-01", web.Site),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": (
        "2025-05-01",
        web.CsmPublishingCredentialsPoliciesEntity,
    ),
}
# What alarms are made of: their types are in a package of their own, which an older environment lacks.
with suppress(ImportError):
    monitor: Any = importlib.import_module("azure.mgmt.monitor.models")
    PUBLISHED["Microsoft.Insights/actionGroups"] = ("2023-01-01", monitor.ActionGroupResource)
    PUBLISHED["Microsoft.Insights/scheduledQueryRules"] = ("2023-12-01", monitor.ScheduledQueryRuleResource)

REQUESTS: dict[str, type] = {
    "deployment": deployments.Deployment,
    "resource group": resources.ResourceGroup,
    "settings": web.StringDictionary,
}
# What a template's resource has beside its body.
TEMPLATE_ONLY = {"type", "apiVersion", "name", "dependsOn", "scope", "comments"}

_PRIMITIVES: dict[object, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}


def faults_of_resource(resource: dict[str, Any]) -> list[str]:
    """What in a template's resource Azure's types do not know or do not allow."""
    if resource["type"] not in PUBLISHED:
        return [f"{resource['type']}: no published type to compare with"]
    version, model = PUBLISHED[resource["type"]]
    where = f"{resource['type']} {resource['name']}"
    found = (
        [] if resource["apiVersion"] == version else [f"{where}: {resource['apiVersion']} is not {version}"]
    )
    body = {key: value for key, value in resource.items() if key not in TEMPLATE_ONLY}
    return found + list(_faults(model, body, where))


def faults_of_request(kind: str, body: object) -> list[str]:
    """The same for the body of a call."""
    return list(_faults(REQUESTS[kind], body, kind))


def _faults(kind: Any, value: object, where: str) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("[") and value.endswith("]") and kind is not str:
        return  # an expression: only Azure knows its value
    if isinstance(kind, dict):
        yield from _object(kind, value, where)
    elif isinstance(kind, type) and issubclass(kind, MutableMapping):
        yield from _object(_fields(kind), value, where)
    elif hasattr(kind, "_attribute_map"):
        yield from _object(_old_fields(kind), value, where)
    elif kind is Any or kind in {"object", None}:
        return
    elif kind in _PRIMITIVES:
        if not isinstance(value, _PRIMITIVES[kind]) or (
            isinstance(value, bool) and kind not in {bool, "bool"}
        ):
            yield f"{where}: {value!r} is no {kind}"
    else:
        yield from _composed(kind, value, where)


def _object(fields: dict[str, tuple[Any, bool]], value: object, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    for key, inner in value.items():
        if key not in fields:
            yield f"{where}.{key}: no such property"
            continue
        kind, read_only = fields[key]
        if read_only:
            yield f"{where}.{key}: only the service writes it"
        yield from _faults(kind, inner, f"{where}.{key}")


def _composed(kind: Any, value: object, where: str) -> Iterator[str]:
    """Lists, maps, unions and enumerations."""
    if isinstance(kind, enum.EnumType):
        known = [member.value for member in list[Any](kind)]
        if value not in known:
            yield f"{where}: {value!r} is none of {known}"
        return
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        # `str | SomeEnum` is how the SDK writes an enumeration that may grow: here it has to be a known one.
        options = [each for each in inner if each is not type(None)]
        enums = [each for each in options if isinstance(each, enum.EnumType)]
        results = [list(_faults(each, value, where)) for each in enums or options]
        if all(results):
            yield from results[0]
    elif origin is list:
        yield from _each(inner[0], value, where)
    elif origin is dict:
        yield from _each_value(inner[1], value, where)
    elif not (origin is typing.Literal and value in inner):
        yield f"{where}: cannot be compared with {kind!r}"


def _each(kind: Any, value: object, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: {value!r} is no list"
        return
    for index, item in enumerate(value):
        yield from _faults(kind, item, f"{where}[{index}]")


def _each_value(kind: Any, value: object, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    for key, item in value.items():
        yield from _faults(kind, item, f"{where}[{key!r}]")


def _fields(model: Any) -> dict[str, tuple[Any, bool]]:
    """The JSON names of a model of the newer generation, with type and whether only the service writes it."""
    model({})  # the fields learn their types when the first instance is made
    hints = typing.get_type_hints(model, _names_of(model))
    found = {}
    for attribute, field in model._attr_to_rest_field.items():
        read_only = bool(field._visibility) and set(field._visibility) <= {"read"}
        found[field._rest_name] = (hints.get(attribute, Any), read_only)
    return found


def _names_of(model: Any) -> dict[str, Any]:
    """What the hints of an SDK's models refer to."""
    package = model.__module__.rpartition(".")[0]
    models = {"web": web, "storage": storage, "loganalytics": workspaces, "deployments": deployments}
    models["resources"] = resources
    module = models[package.split(".")[-2]]
    return {**vars(module), "_models": module, "_types": module}


def _old_fields(model: Any) -> dict[str, tuple[Any, bool]]:
    """The same of the older generation, whose nested names are written `properties.name`."""
    module = sys.modules[model.__module__.rpartition(".")[0]]
    top: dict[str, tuple[Any, bool]] = {}
    for attribute, entry in model._attribute_map.items():
        path = entry["key"].replace("\\.", "\0").split(".")
        read_only = bool(getattr(model, "_validation", {}).get(attribute, {}).get("readonly"))
        kind = _old_type(entry["type"], module)
        if len(path) == 1:
            top[path[0].replace("\0", ".")] = (kind, read_only)
        else:
            outer, inner = path  # an object that this generation flattened away
            top.setdefault(outer, ({}, False))[0][inner] = (kind, read_only)
    return top


def _old_type(text: str, module: Any) -> Any:
    if text in _PRIMITIVES or text in {"object", "iso-8601", "rfc-1123", "duration"}:
        return text if text in _PRIMITIVES else Any
    if text.startswith("["):
        return list[_old_type(text[1:-1], module)]  # type: ignore[misc]
    if text.startswith("{"):
        return dict[str, _old_type(text[1:-1], module)]  # type: ignore[misc]
    return getattr(module, text)
