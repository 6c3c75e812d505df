"""The ARM template: everything a stage of the service is on Azure, as one JSON document.

Azure Resource Manager compares it with what is there and changes what differs, so deploying it twice is
safe. Names are settled before (`names.py`); expressions in brackets are left to what only Azure knows: an
identity's ids, an account's addresses. Each resource is held against Azure's own published types in
tests/unit/azure/test_template.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from providers.azure.runtime.names import CONTAINER, QUEUE, Names
from providers.deploying.web import STORAGE_METHODS, STORAGE_SECONDS

Json = dict[str, Any]

STORAGE = "2026-09-01"
WEB = "2025-05-01"
IDENTITY = "2024-11-30"
ROLES = "2022-04-01"
INSIGHTS = "2020-02-02"
WORKSPACES = "2025-07-01"

ROLE = "Microsoft.Authorization/roleDefinitions"
# Azure's built-in roles, the same ids in every tenant.
BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
QUEUE_MESSAGE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"


class App(NamedTuple):
    """One function app: its function, memory per instance in MB, and caps on what it may grow to."""

    function: str
    memory: int
    instances: int
    concurrency: int | None
    settings: Mapping[str, str]
    queue_role: str | None = None


class Shape(NamedTuple):
    """What a deployment consists of, beside its apps.

    Containers and queues of its own, logs with a daily cap.
    """

    names: Names
    location: str
    tags: Mapping[str, str]
    apps: Sequence[App]
    containers: Sequence[str] = (CONTAINER,)
    queues: Sequence[str] = (QUEUE, f"{QUEUE}-poison")
    log_gigabytes: float = 0.2
    # What was overwritten or deleted can be had back for so long, then it stops costing.
    keep_days: int = 30
    # Whose pages may use signed addresses.
    origins: Sequence[str] = ()


def template(shape: Shape) -> Json:
    """The whole template; `keyRecords` is its one parameter, so that keys are in no file and no hash."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"keyRecords": {"type": "securestring", "defaultValue": ""}},
        "resources": list(_resources(shape)),
        "outputs": {
            "insights": {
                "type": "string",
                "value": f"[{_insights(shape)}.AppId]",
            }
        },
    }


def resource_ids(document: Json) -> set[str]:
    """`type/name` of each top-level resource in lower case.

    What must be there for a deploy to have nothing to do.
    """
    return {
        f"{resource['type']}/{resource['name']}".lower()
        for resource in document["resources"]
        if resource["type"].count("/") == 1 and "scope" not in resource
    }


def _resources(shape: Shape) -> Iterator[Json]:
    yield from _storage(shape)
    yield from _logs(shape)
    for app in shape.apps:
        yield _identity(shape, app)
        yield from _roles(shape, app)
        yield _plan(shape, app)
        yield _site(shape, app)
        yield from _no_passwords(shape, app)


def _storage(shape: Shape) -> Iterator[Json]:
    """The account, closed to the public and to account keys.

    What it holds, and for how long old states stay.
    """
    account = shape.names.storage
    of_account = [_id("Microsoft.Storage/storageAccounts", account)]
    yield {
        **_head("Microsoft.Storage/storageAccounts", STORAGE, account, shape),
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {
            "accessTier": "Hot",
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
            "defaultToOAuthAuthentication": True,
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
        },
    }
    yield _part(
        "Microsoft.Storage/storageAccounts/blobServices",
        f"{account}/default",
        of_account,
        {
            "cors": {"corsRules": _storage_cors(shape.origins)},
            "isVersioningEnabled": True,
            "deleteRetentionPolicy": {"enabled": True, "days": shape.keep_days},
            "containerDeleteRetentionPolicy": {"enabled": True, "days": shape.keep_days},
        },
    )
    services = [_id("Microsoft.Storage/storageAccounts/blobServices", account, "default")]
    for container in [*shape.containers, *(shape.names.packages(app.function) for app in shape.apps)]:
        kind = "Microsoft.Storage/storageAccounts/blobServices/containers"
        yield _part(kind, f"{account}/default/{container}", services, {"publicAccess": "None"})
    yield _part(
        "Microsoft.Storage/storageAccounts/managementPolicies",
        f"{account}/default",
        services,
        {"policy": {"rules": [_expiry(shape.keep_days)]}},
    )
    if shape.queues:
        yield _part("Microsoft.Storage/storageAccounts/queueServices", f"{account}/default", of_account, {})
    for queue in shape.queues:
        kind = "Microsoft.Storage/storageAccounts/queueServices/queues"
        of_queues = [_id("Microsoft.Storage/storageAccounts/queueServices", account, "default")]
        yield _part(kind, f"{account}/default/{queue}", of_queues, {})


def _storage_cors(origins: Sequence[str]) -> list[Json]:
    """The rules for pages at signed addresses; an empty list removes those of an earlier template."""
    rule = {
        "allowedOrigins": list(origins),
        "allowedMethods": list(STORAGE_METHODS),
        "allowedHeaders": ["*"],
        "exposedHeaders": ["ETag", "Content-Disposition"],
        "maxAgeInSeconds": STORAGE_SECONDS,
    }
    return [rule] if origins else []


def _expiry(keep_days: int) -> Json:
    """Versioning keeps every state of every document; this ends the old ones."""
    return {
        "name": "end-old-versions",
        "enabled": True,
        "type": "Lifecycle",
        "definition": {
            "filters": {"blobTypes": ["blockBlob"]},
            "actions": {"version": {"delete": {"daysAfterCreationGreaterThan": keep_days}}},
        },
    }


def _logs(shape: Shape) -> Iterator[Json]:
    """A workspace that takes at most so much a day, and the component that reads it."""
    workspace = shape.names.workspace
    yield {
        **_head("Microsoft.OperationalInsights/workspaces", WORKSPACES, workspace, shape),
        "properties": {
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 30,
            "workspaceCapping": {"dailyQuotaGb": shape.log_gigabytes},
        },
    }
    workspace_id = _id("Microsoft.OperationalInsights/workspaces", workspace)
    yield {
        **_head("Microsoft.Insights/components", INSIGHTS, shape.names.insights, shape),
        "kind": "web",
        "dependsOn": [workspace_id],
        "properties": {"Application_Type": "web", "WorkspaceResourceId": workspace_id},
    }


def _identity(shape: Shape, app: App) -> Json:
    """An identity of the app's own, made before the app: its roles are there when the app first starts."""
    name = shape.names.identity(app.function)
    return _head("Microsoft.ManagedIdentity/userAssignedIdentities", IDENTITY, name, shape)


def _roles(shape: Shape, app: App) -> Iterator[Json]:
    """What an app may do: the Functions host needs Blob Data Owner of its account; queues one by one."""
    account = f"Microsoft.Storage/storageAccounts/{shape.names.storage}"
    storage = _id("Microsoft.Storage/storageAccounts", shape.names.storage)
    yield _assignment(shape, app, BLOB_DATA_OWNER, account, storage)
    for queue in shape.queues if app.queue_role else ():
        if app.queue_role == QUEUE_MESSAGE_SENDER and queue != QUEUE:
            continue
        scope = f"{account}/queueServices/default/queues/{queue}"
        kind = "Microsoft.Storage/storageAccounts/queueServices/queues"
        made = _id(kind, shape.names.storage, "default", queue)
        yield _assignment(shape, app, app.queue_role or "", scope, made)


def _assignment(shape: Shape, app: App, role: str, scope: str, scope_id: str) -> Json:
    identity = shape.names.identity(app.function)
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    return {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": ROLES,
        "name": shape.names.assignment(app.function, role, scope),
        "scope": scope,
        "dependsOn": [_id(kind, identity), scope_id],
        "properties": {
            "roleDefinitionId": f"[subscriptionResourceId('{ROLE}', '{role}')]",
            "principalId": f"[{_reference(kind, identity, IDENTITY)}.principalId]",
            # Said, not looked up: a new identity may not be known to the directory's readers yet.
            "principalType": "ServicePrincipal",
        },
    }


def _plan(shape: Shape, app: App) -> Json:
    return {
        **_head("Microsoft.Web/serverfarms", WEB, shape.names.plan(app.function), shape),
        "kind": "functionapp",
        "sku": {"name": "FC1", "tier": "FlexConsumption"},
        "properties": {"reserved": True},
    }


def _site(shape: Shape, app: App) -> Json:
    identity = _id("Microsoft.ManagedIdentity/userAssignedIdentities", shape.names.identity(app.function))
    plan = _id("Microsoft.Web/serverfarms", shape.names.plan(app.function))
    roles = [_scoped_id(role) for role in _roles(shape, app)]
    container = _id(
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        shape.names.storage,
        "default",
        shape.names.packages(app.function),
    )
    insights = _id("Microsoft.Insights/components", shape.names.insights)
    return {
        **_head("Microsoft.Web/sites", WEB, shape.names.app(app.function), shape),
        "kind": "functionapp,linux",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "dependsOn": [identity, plan, container, insights, *roles],
        "properties": {
            "serverFarmId": plan,
            "httpsOnly": True,
            "functionAppConfig": _function_app_config(shape, app, identity),
            "siteConfig": {
                "minTlsVersion": "1.2",
                "appSettings": [
                    {"name": key, "value": value} for key, value in _settings(shape, app).items()
                ],
            },
        },
    }


def _function_app_config(shape: Shape, app: App, identity: str) -> Json:
    scale: Json = {"maximumInstanceCount": app.instances, "instanceMemoryMB": app.memory}
    if app.concurrency is not None:
        scale["triggers"] = {"http": {"perInstanceConcurrency": app.concurrency}}
    account = _reference("Microsoft.Storage/storageAccounts", shape.names.storage, STORAGE)
    blobs = f"{account}.primaryEndpoints.blob"
    return {
        "deployment": {
            "storage": {
                "type": "blobContainer",
                "value": f"[concat({blobs}, '{shape.names.packages(app.function)}')]",
                "authentication": {
                    "type": "UserAssignedIdentity",
                    "userAssignedIdentityResourceId": identity,
                },
            }
        },
        "runtime": {"name": "python", "version": "3.13"},
        "scaleAndConcurrency": scale,
    }


def _settings(shape: Shape, app: App) -> dict[str, str]:
    """The app's environment: where its storage is and as whom to ask; no secret but the hashes of keys."""
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    client = f"[{_reference(kind, shape.names.identity(app.function), IDENTITY)}.clientId]"
    account = _reference("Microsoft.Storage/storageAccounts", shape.names.storage, STORAGE)
    return {
        "AzureWebJobsStorage__accountName": shape.names.storage,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": client,
        "AzureFunctionsWebHost__hostid": shape.names.host(app.function),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": f"[{_insights(shape)}.ConnectionString]",
        "ML_STORAGE__blobServiceUri": f"[{account}.primaryEndpoints.blob]",
        "ML_STORAGE__queueServiceUri": f"[{account}.primaryEndpoints.queue]",
        "ML_STORAGE__credential": "managedidentity",
        "ML_STORAGE__clientId": client,
        **app.settings,
    }


def _no_passwords(shape: Shape, app: App) -> Iterator[Json]:
    """Publishing takes Entra tokens only, never a user name with a password."""
    site = shape.names.app(app.function)
    for door in ("scm", "ftp"):
        yield {
            "type": "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
            "apiVersion": WEB,
            "name": f"{site}/{door}",
            "dependsOn": [_id("Microsoft.Web/sites", site)],
            "properties": {"allow": False},
        }


def _head(kind: str, version: str, name: str, shape: Shape) -> Json:
    return {
        "type": kind,
        "apiVersion": version,
        "name": name,
        "location": shape.location,
        "tags": dict(shape.tags),
    }


def _part(kind: str, name: str, depends: Sequence[str], properties: Json) -> Json:
    """Something inside the storage account."""
    return {
        "type": kind,
        "apiVersion": STORAGE,
        "name": name,
        "dependsOn": list(depends),
        "properties": properties,
    }


def _id(kind: str, *segments: str) -> str:
    """The template expression for a resource's id."""
    return f"[resourceId('{kind}', {', '.join(repr(segment) for segment in segments)})]"


def _scoped_id(assignment: Json) -> str:
    """A role assignment's id hangs on its scope's."""
    kind, name = assignment["type"], assignment["name"]
    return f"[extensionResourceId({assignment['dependsOn'][1][1:-1]}, '{kind}', '{name}')]"


def _insights(shape: Shape) -> str:
    return _reference("Microsoft.Insights/components", shape.names.insights, INSIGHTS)


def _reference(kind: str, name: str, version: str) -> str:
    """The expression, without brackets, for the state of a resource of this template."""
    return f"reference(resourceId('{kind}', '{name}'), '{version}')"
