"""The ARM template: everything a stage of the service is on Azure, as one JSON document.

Azure Resource Manager compares it with what is there and changes what differs, so deploying it twice is
safe. Names are settled before (`names.py`); expressions in brackets are left to what only Azure knows: an
identity's ids, an account's addresses. Each resource is held against Azure's own published types in
tests/azure/test_template.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from providers.azure.deploying import alarms, workbook
from providers.azure.deploying.options import Options
from providers.azure.runtime.names import CONTAINER, QUEUE, Names, assignment
from providers.deploying.web import STORAGE_METHODS, STORAGE_SECONDS

Json = dict[str, Any]

STORAGE = "2026-09-01"
WEB = "2025-05-01"
IDENTITY = "2024-11-30"
ROLES = "2022-04-01"
INSIGHTS = "2020-02-02"
WORKSPACES = "2025-07-01"
LOG_DAYS = 30

ROLE = "Microsoft.Authorization/roleDefinitions"
# Azure's built-in roles, the same ids in every tenant.
BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_DELEGATOR = "db58b8e5-c6ad-4a2a-8342-4190687cbf4a"
QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
QUEUE_MESSAGE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"

ACCOUNT_KIND = "Microsoft.Storage/storageAccounts"
CONTAINER_KIND = f"{ACCOUNT_KIND}/blobServices/containers"
QUEUE_KIND = f"{ACCOUNT_KIND}/queueServices/queues"
PLAN_KIND = "Microsoft.Web/serverfarms"
IDENTITY_KIND = "Microsoft.ManagedIdentity/userAssignedIdentities"
# The identity that opens the company's own key for the storage accounts.
ENCRYPTION = "encryption"


class App(NamedTuple):
    """One function app: its function, memory per instance in MB, and caps on what it may grow to.

    Beside what its host needs it may do what `containers`, `queues` and `signs` say: a role for each
    container and queue, and whether it signs addresses.
    """

    function: str
    memory: int
    instances: int
    concurrency: int | None
    settings: Mapping[str, str]
    containers: Mapping[str, str] = {}
    queues: Mapping[str, str] = {}
    signs: bool = False
    # Has graphs run, for which it signs addresses of their artifacts.
    asks: bool = False
    # Runs what others wrote: its identity has its host's account, where its package is too, and nothing else.
    apart: bool = False
    # Instances that are kept warm for HTTP.
    warm: int = 0


class Right(NamedTuple):
    """A role of an app's identity at a scope; `path` is the scope from the resource group on."""

    function: str
    role: str
    kind: str
    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """`Microsoft.Storage/storageAccounts/x/…`."""
        provider, *kinds = self.kind.split("/")
        return "/".join([provider, *(part for pair in zip(kinds, self.names, strict=True) for part in pair)])


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
    # Whose pages may use signed addresses, beside the service's own.
    origins: Sequence[str] = ()
    own_origins: Sequence[str] = ()
    # What the company wants of its own: alarms, network, key.
    options: Options = Options()
    # What each right's assignment is called; Azure alone knows the identities that a name is made from.
    assigned: Mapping[Right, str] = {}

    @property
    def own_accounts(self) -> list[str]:
        """The storage accounts: one for models and packages, and one for each app's host."""
        return sorted({self.names.storage, *(self.host_account(app) for app in self.apps)})

    def host_account(self, app: App) -> str:
        """Where an app's host keeps its locks and keys: apart from models, which only some may change."""
        return self.names.host_account(app.function) if self.containers else self.names.storage

    def package_account(self, app: App) -> str:
        """Where the container of an app's zip is: beside models, unless the app has nothing to do there."""
        return self.host_account(app) if app.apart else self.names.storage


def rights(shape: Shape) -> Iterator[Right]:
    """Everything that the apps' identities may do.

    The Functions host needs Storage Blob Data Owner of its account, whatever its functions need.
    """
    storage = shape.names.storage
    for app in shape.apps:
        name = app.function
        yield Right(name, BLOB_DATA_OWNER, ACCOUNT_KIND, (shape.host_account(app),))
        if app.apart or not shape.containers:
            continue
        for container, role in {shape.names.packages(name): BLOB_DATA_CONTRIBUTOR, **app.containers}.items():
            yield Right(name, role, CONTAINER_KIND, (storage, "default", container))
        if app.signs or app.asks:
            yield Right(name, BLOB_DELEGATOR, ACCOUNT_KIND, (storage,))
        for queue, role in app.queues.items():
            yield Right(name, role, QUEUE_KIND, (storage, "default", queue))


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
        if shape.host_account(app) != shape.names.storage:
            yield _account(shape, shape.host_account(app))
        if app.apart:
            yield from _own_package(shape, app)
        yield from (_assignment(shape, each) for each in _rights_of(shape, app))
        yield _plan(shape, app)
        yield _site(shape, app)
        yield from _no_passwords(shape, app)
    yield from _alarms(shape)
    yield from _dashboard(shape)


def _storage(shape: Shape) -> Iterator[Json]:
    """The account, closed to the public and to account keys.

    What it holds, and for how long old states stay.
    """
    account = shape.names.storage
    of_account = [_id("Microsoft.Storage/storageAccounts", account)]
    if shape.options.encryption_key:
        name = shape.names.identity(ENCRYPTION)
        yield _head(IDENTITY_KIND, IDENTITY, name, shape)
    yield _account(shape, account)
    yield _part(
        "Microsoft.Storage/storageAccounts/blobServices",
        f"{account}/default",
        of_account,
        {
            "cors": {"corsRules": _storage_cors(shape)},
            "isVersioningEnabled": True,
            "deleteRetentionPolicy": {"enabled": True, "days": shape.keep_days},
            "containerDeleteRetentionPolicy": {"enabled": True, "days": shape.keep_days},
        },
    )
    services = [_id("Microsoft.Storage/storageAccounts/blobServices", account, "default")]
    beside = [shape.names.packages(app.function) for app in shape.apps if not app.apart]
    for container in [*shape.containers, *beside]:
        yield _part(CONTAINER_KIND, f"{account}/default/{container}", services, {"publicAccess": "None"})
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


def _own_package(shape: Shape, app: App) -> Iterator[Json]:
    """The container of an app's zip, in the account of its host."""
    account = shape.package_account(app)
    container = f"{account}/default/{shape.names.packages(app.function)}"
    yield _part(CONTAINER_KIND, container, [_id(ACCOUNT_KIND, account)], {"publicAccess": "None"})


def _account(shape: Shape, name: str) -> Json:
    account: Json = {
        **_head(ACCOUNT_KIND, STORAGE, name, shape),
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
    key = shape.options.encryption_key
    if key:
        identity = _id(IDENTITY_KIND, shape.names.identity(ENCRYPTION))
        vault = {
            "keyvaulturi": key.vault,
            "keyname": key.name,
            **({"keyversion": key.version} if key.version else {}),
        }
        account["dependsOn"] = [identity]
        account["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
        account["properties"]["encryption"] = {
            "keySource": "Microsoft.Keyvault",
            "keyvaultproperties": vault,
            "identity": {"userAssignedIdentity": identity},
            "services": {"blob": {"enabled": True, "keyType": "Account"}},
        }
    return account


def _alarms(shape: Shape) -> Iterator[Json]:
    """The rules, and the group of who is told, where that is wanted."""
    if not shape.options.alarms:
        return
    names_, actions = shape.names, []
    if shape.options.alarm_email:
        group = names_.alarm(alarms.TOLD)
        actions = [_id(alarms.ACTION_GROUP_KIND, group)]
        yield {
            **_head(alarms.ACTION_GROUP_KIND, alarms.ACTION_GROUPS, group, shape),
            "location": "Global",
            "properties": alarms.told(shape.options.alarm_email),
        }
    insights = _id("Microsoft.Insights/components", names_.insights)
    for alarm in alarms.alarms(*_shown(shape)):
        yield {
            **_head(alarms.RULE_KIND, alarms.RULES, names_.alarm(alarm.name), shape),
            "kind": "LogAlert",
            "dependsOn": [insights, *actions],
            "properties": alarms.rule(alarm, insights, actions),
        }


def _dashboard(shape: Shape) -> Iterator[Json]:
    """The workbook, where it is wanted."""
    if not shape.options.dashboard:
        return
    names_ = shape.names
    insights = _id("Microsoft.Insights/components", names_.insights)
    shown = workbook.pictures(*_shown(shape))
    yield {
        **_head(workbook.KIND, workbook.WORKBOOKS, workbook.name(names_.group, names_.insights), shape),
        "kind": "shared",
        "dependsOn": [insights],
        "properties": workbook.properties(names_.group, insights, shown),
    }


def _shown(shape: Shape) -> list[str]:
    """The names of the apps that alarms and pictures are of: `api`, `train`, and what runs graphs."""
    return [shape.names.app(each) for each in ("api", "train", *(a.function for a in shape.apps if a.apart))]


def _storage_cors(shape: Shape) -> list[Json]:
    """The rules for pages at signed addresses: the service's own page, and those that a parameter names."""
    apps = [f"https://{shape.names.app(app.function)}.azurewebsites.net" for app in shape.apps if app.signs]
    return [
        {
            "allowedOrigins": list(origins),
            "allowedMethods": list(STORAGE_METHODS),
            "allowedHeaders": ["*"],
            "exposedHeaders": ["ETag", "Content-Disposition"],
            "maxAgeInSeconds": STORAGE_SECONDS,
        }
        for origins in ([*apps, *shape.own_origins], shape.origins)
        if origins
    ]


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
            "retentionInDays": LOG_DAYS,
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


def _rights_of(shape: Shape, app: App) -> list[Right]:
    return [right for right in rights(shape) if right.function == app.function]


def _assignment_name(shape: Shape, right: Right) -> str:
    """While its identity is not known, a name that stands for it in the template's hash."""
    return shape.assigned.get(right) or assignment(right.function, right.role, right.path)


def _assignment(shape: Shape, right: Right) -> Json:
    identity = shape.names.identity(right.function)
    return {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": ROLES,
        "name": _assignment_name(shape, right),
        "scope": right.path,
        "dependsOn": [_id(IDENTITY_KIND, identity), _id(right.kind, *right.names)],
        "properties": {
            "roleDefinitionId": f"[subscriptionResourceId('{ROLE}', '{right.role}')]",
            "principalId": f"[{_reference(IDENTITY_KIND, identity, IDENTITY)}.principalId]",
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
    roles = [_scoped_id(_assignment(shape, each)) for each in _rights_of(shape, app)]
    container = _id(
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        shape.package_account(app),
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
            **({"publicNetworkAccess": "Disabled"} if shape.options.internal else {}),
            **({"virtualNetworkSubnetId": shape.options.subnet} if shape.options.subnet else {}),
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
    if app.warm:
        scale["alwaysReady"] = [{"name": "http", "instanceCount": app.warm}]
    if app.concurrency is not None:
        scale["triggers"] = {"http": {"perInstanceConcurrency": app.concurrency}}
    account = _reference("Microsoft.Storage/storageAccounts", shape.package_account(app), STORAGE)
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
    host = {
        "AzureWebJobsStorage__accountName": shape.host_account(app),
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": client,
        "AzureFunctionsWebHost__hostid": shape.names.host(app.function),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": f"[{_insights(shape)}.ConnectionString]",
    }
    if app.apart:
        # What each signed address of an artifact begins with; the endpoint ends in a slash.
        artifacts = f"[concat({account}.primaryEndpoints.blob, '{CONTAINER}/artifacts/')]"
        return {**host, "ML_ARTIFACTS": artifacts, **app.settings}
    return {
        **host,
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
