"""Azure's control plane as the deployer sees it: Azure Resource Manager, an app's publishing site, its logs.

Official SDKs for what they are long operations of (groups, deployments) and for who asks; one generic call
for the few that are a plain GET or POST. `AZURE_ENDPOINT_URL` moves it all to a stand-in, without
credentials.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import quote

from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient

from ml_core.errors import RevisionMismatch, Unavailable
from providers import http
from providers.azure.deploying.credentials import credential
from providers.azure.deploying.refusals import AzureNotFound, AzureRefused, said
from providers.azure.deploying.template import (
    ACCOUNT_KIND,
    IDENTITY,
    IDENTITY_KIND,
    ROLE,
    ROLES,
    STORAGE,
    WEB,
)
from providers.deploying.plan import DeploymentFailed, Progress, patiently

DEPLOYMENT = "serverless-ml"
INSIGHTS_API = "https://api.applicationinsights.io"
STORAGE_SCOPE = "https://storage.azure.com/.default"
MANAGEMENT_SCOPE = "https://management.azure.com/.default"

# Temporary errors: Resource Manager is not consistent yet, or busy with an interrupted deployment.
PASSING = frozenset({"PrincipalNotFound", "DeploymentActive", "ResourceGroupBeingDeleted", "HTTP 429"})
# A publishing site that has just been made has no address yet, or still works on an interrupted publish.
PUBLISH_PASSING = frozenset({"NoRoleYet", "NoAnswer", "HTTP 409", "HTTP 429", "HTTP 502", "HTTP 503"})
# An app whose identity cannot write its package container yet fails to publish with one of these in its log.
NO_ROLE_YET = ("AuthorizationPermissionMismatch", "AuthorizationFailure", "InaccessibleStorage", "Forbidden")

# What each call of Blob Storage says.
_BLOBS = {"x-ms-version": "2023-11-03"}

FAILED, SUCCEEDED = 3, 4
# The states in which a template's deployment changes nothing any more.
ENDED = frozenset({"Succeeded", "Failed", "Canceled"})


class Polling(NamedTuple):
    """Seconds: between two looks at a long operation, and until even a passing trouble is a failure."""

    interval: float = 5.0
    patience: float = 900.0


class Group(NamedTuple):
    """A resource group that exists; its name as Azure keeps it."""

    name: str
    location: str
    tags: dict[str, str]


class GroupResource(NamedTuple):
    """A resource of a group: its type in lower case, and its name as Azure keeps it."""

    kind: str
    name: str
    location: str


class RoleAssignment(NamedTuple):
    """A role that a principal has at a scope; `id` is the assignment's own path."""

    id: str
    principal: str
    role: str
    scope: str

    @property
    def name(self) -> str:
        """The GUID that it is called by."""
        return self.id.rpartition("/")[2]


class Site(NamedTuple):
    """A function app that exists: the addresses it answers at and is published at."""

    url: str
    publish_url: str


class Azure:
    """One subscription. Every method raises `DeploymentFailed` with one line that says what Azure said."""

    def __init__(self, subscription: str, env: Mapping[str, str], polling: Polling | None = None) -> None:
        self.polling = polling or Polling()
        self.subscription = subscription
        self._endpoint = env.get("AZURE_ENDPOINT_URL", "").rstrip("/")
        self._scheme = "http" if self._endpoint.startswith("http://") else "https"
        self._credential: Any = object() if self._endpoint else credential()
        self._options: dict[str, Any] = {
            "retry_total": 6,
            "retry_backoff_factor": self.polling.interval / 6,
            "polling_interval": self.polling.interval,
        }
        if self._endpoint:
            self._options |= {"base_url": self._endpoint, "authentication_policy": SansIOHTTPPolicy()}
        self._resources = self._client(ResourceManagementClient)
        self._deployments = self._client(DeploymentsMgmtClient)

    # --- resource groups and what is in them

    def group(self, name: str) -> Group | None:
        """The resource group, None when the subscription has none of that name."""
        try:
            return _group(said(lambda: self._resources.resource_groups.get(name)))
        except AzureNotFound as error:
            # A subscription that is not found says nothing of its groups.
            if "ResourceGroupNotFound" not in error.codes:
                raise
            return None

    def groups(self) -> list[Group]:
        """Every resource group of the subscription that we may see."""
        return [_group(each) for each in said(lambda: list(self._resources.resource_groups.list()))]

    def put_group(self, name: str, location: str, tags: Mapping[str, str]) -> None:
        """Make the group or replace its tags; waits while an old one of that name is still being deleted."""
        body = {"location": location, "tags": dict(tags)}
        put = self._resources.resource_groups.create_or_update
        self._patiently(lambda: said(lambda: put(name, body)))

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Set some tags of the group, leaving the others as they are."""
        group = self.group(name)
        if group is None:
            raise DeploymentFailed(
                f"the resource group {name} was deleted during the deployment: deploy again"
            )
        self.put_group(name, group.location, {**group.tags, **tags})

    def delete_group(self, name: str, progress: Progress) -> None:
        """Delete the group and everything in it; one that is absent already is no error."""
        try:
            self._finish(said(lambda: self._resources.resource_groups.begin_delete(name)), progress)
        except AzureNotFound:
            return

    def resources(self, group: str) -> list[GroupResource]:
        """Every resource of the group."""
        listed = said(lambda: list(self._resources.resources.list_by_resource_group(group)))
        return [
            GroupResource(str(each.type).lower(), str(each.name), plain_location(each.location or ""))
            for each in listed
        ]

    def properties(self, group: str, path: str, version: str) -> dict[str, Any] | None:
        """What a resource of that path within the group is set to, None when there is none."""
        try:
            found = self._arm("GET", f"{self._group_path(group)}/providers/{path}", version=version)
        except AzureNotFound:
            return None
        return dict(found.get("properties") or {})

    # --- identities and their rights

    def principal(self, group: str, identity: str) -> str | None:
        """The directory's id of a managed identity, None when there is no such identity."""
        try:
            found = self._arm("GET", self._identity_path(group, identity), version=IDENTITY)
        except AzureNotFound:
            return None
        return str(found["properties"]["principalId"])

    def put_identity(self, group: str, identity: str, location: str, tags: Mapping[str, str]) -> str:
        """Make a managed identity, or leave it as it is; the directory's id of it."""
        body = {"location": location, "tags": dict(tags)}
        found = self._arm("PUT", self._identity_path(group, identity), body, version=IDENTITY)
        return str(found["properties"]["principalId"])

    def role_assignments(self, group: str, principal: str) -> list[RoleAssignment]:
        """The roles of a principal at the group, above it and below it."""
        path = f"{self._group_path(group)}/providers/Microsoft.Authorization/roleAssignments"
        condition = f"&$filter={quote(f"principalId eq '{principal}'")}"
        found = self._arm("GET", path, version=ROLES, query=condition)
        listed = list(found["value"])
        while found.get("nextLink"):
            found = dict(self._json(self._send(HttpRequest("GET", str(found["nextLink"])))))
            listed += found["value"]
        return [_assignment(each) for each in listed]

    def permits(self, action: str, group: str | None) -> bool:
        """Whether the caller may do that in the group or the subscription; yes if Azure does not say."""
        scope = self._group_path(group) if group else f"/subscriptions/{self.subscription}"
        try:
            found = self._arm("GET", f"{scope}/providers/Microsoft.Authorization/permissions", version=ROLES)
        except DeploymentFailed:
            return True  # what Azure will refuse it says in time
        return any(
            _matches(action, each.get("actions") or []) and not _matches(action, each.get("notActions") or [])
            for each in found.get("value", [])
        )

    def put_role_assignment(self, group: str, scope: str, name: str, principal: str, role: str) -> None:
        """Give a principal a role at a scope within the group."""
        path = (
            f"{self._group_path(group)}/providers/{scope}/providers/Microsoft.Authorization/roleAssignments"
        )
        definition = f"/subscriptions/{self.subscription}/providers/{ROLE}/{role}"
        properties = {"roleDefinitionId": definition, "principalId": principal}
        self._arm("PUT", f"{path}/{name}", {"properties": properties}, version=ROLES)

    def myself(self) -> str | None:
        """The directory's id of who this runs as, as Azure's token says; None where no token is needed."""
        if self._endpoint:
            return None
        token: str = said(lambda: self._credential.get_token(MANAGEMENT_SCOPE)).token
        claims = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return str(found["oid"]) if "oid" in found else None

    def delete_role_assignment(self, identifier: str) -> None:
        """Take a right away; one that is gone is no error."""
        try:
            self._arm("DELETE", identifier, version=ROLES)
        except AzureNotFound:
            return

    # --- templates

    def deploy(
        self,
        group: str,
        document: dict[str, Any],
        parameters: Callable[[], Mapping[str, str]],
        progress: Progress,
    ) -> None:
        """Have Azure make the group what the template says, again while a new identity is not known yet.

        `parameters` is asked anew at each attempt, as late as can be: what it reads may have changed.
        """

        def once() -> None:
            begin = self._deployments.deployments.begin_create_or_update
            values = {name: {"value": value} for name, value in parameters().items()}
            properties = {"mode": "Incremental", "template": document, "parameters": values}
            body: Any = {"properties": properties}
            self._finish(said(lambda: begin(group, DEPLOYMENT, body)), progress)

        self._patiently(once)

    def output(self, group: str, name: str) -> str | None:
        """An output of the last deployment, None when there is none."""
        properties = self._last_deployment(group)
        outputs = (properties and properties.outputs) or {}
        value = outputs.get(name, {}).get("value")
        return str(value) if value else None

    def is_deploying(self, group: str) -> bool:
        """Whether Azure is still carrying out the last template that the group was given."""
        properties = self._last_deployment(group)
        return properties is not None and properties.provisioning_state not in ENDED

    def _last_deployment(self, group: str) -> Any:  # noqa: ANN401 - the SDK's model
        try:
            return said(lambda: self._deployments.deployments.get(group, DEPLOYMENT)).properties
        except AzureNotFound:
            return None

    # --- function apps

    def site(self, group: str, app: str) -> Site | None:
        """A function app's addresses, None when there is no such app."""
        try:
            found = self._arm("GET", self._site_path(group, app))["properties"]
        except AzureNotFound:
            return None
        states = found.get("hostNameSslStates") or []
        hosts = [state["name"] for state in states if state.get("hostType") == "Repository"]
        if not hosts:
            raise DeploymentFailed(
                f"expected a Flex Consumption app, got {app}, which has no publishing site"
            )
        return Site(f"{self._scheme}://{found['defaultHostName']}", f"{self._scheme}://{hosts[0]}")

    def leave_network(self, group: str, app: str) -> None:
        """Take an app out of the company's network, if it is in one."""
        properties = self._arm("GET", self._site_path(group, app))["properties"]
        if properties.get("virtualNetworkSubnetId"):
            self._arm("DELETE", f"{self._site_path(group, app)}/networkConfig/virtualNetwork")

    def open_to_all(self, group: str, app: str) -> None:
        """Let an app be called from everywhere again, if it was closed."""
        properties = self._arm("GET", self._site_path(group, app))["properties"]
        if properties.get("publicNetworkAccess") == "Disabled":
            body = {"properties": {"publicNetworkAccess": "Enabled"}}
            self._arm("PATCH", self._site_path(group, app), body)

    def delete_resource(self, group: str, path: str, version: str) -> None:
        """Delete a resource; one that is gone is no error."""
        try:
            self._arm("DELETE", f"{self._group_path(group)}/providers/{path}", version=version)
        except AzureNotFound:
            return

    def functions(self, group: str, app: str) -> list[str]:
        """The names of an app's functions, as the platform's triggers know them; none without an app."""
        try:
            found = self._arm("GET", f"{self._site_path(group, app)}/functions")
        except AzureNotFound:
            return []
        return [str(each["name"]).rpartition("/")[2] for each in found["value"]]

    def settings(self, group: str, app: str) -> dict[str, str] | None:
        """An app's settings; None when there is no such app."""
        try:
            found = self._arm("POST", f"{self._site_path(group, app)}/config/appsettings/list")
        except AzureNotFound:
            return None
        return dict(found.get("properties") or {})

    def put_settings(self, group: str, app: str, settings: Mapping[str, str]) -> None:
        """Replace an app's settings; its instances start anew with them."""
        path = f"{self._site_path(group, app)}/config/appsettings"
        self._arm("PUT", path, {"properties": dict(settings)})

    def host_keys(self, group: str, app: str) -> tuple[str, str]:
        """The app's function key and its master key."""
        found = self._arm("POST", f"{self._site_path(group, app)}/host/default/listkeys")
        return str((found.get("functionKeys") or {}).get("default", "")), str(found.get("masterKey") or "")

    def publish(self, site: Site, package: bytes, progress: Progress) -> None:
        """Upload an app's zip and wait until it is deployed, again while the app's role is not there yet."""

        def once() -> None:
            answer = self._send(_publish_request(site, package))
            self._follow(site, _deployment_of(answer), progress)

        self._patiently(once, PUBLISH_PASSING)

    def _follow(self, site: Site, deployment: str, progress: Progress) -> None:
        """Look at a deployment until it is over. A failed one answers 200 as well: its `status` says it.

        Raises:
            AzureRefused: with the last things that its log says.
        """
        url = f"{site.publish_url}/api/deployments/{quote(deployment)}"
        deadline = time.monotonic() + self.polling.patience
        while True:
            found = self._look(url)
            if found.get("status") == SUCCEEDED:
                return
            # Statuses past 4 are a conflict and a partial success; `complete` ends the others.
            if found.get("status") == FAILED or found.get("complete") or found.get("status", 0) > SUCCEEDED:
                words = self._last_words(url, found)
                no_role = any(sign in words for sign in NO_ROLE_YET)
                raise AzureRefused(f"publishing failed: {words}", frozenset({"NoRoleYet"} if no_role else ()))
            if time.monotonic() > deadline:
                raise DeploymentFailed(
                    f"publishing did not end within {self.polling.patience:.0f} s: deploy again"
                )
            progress(str(found.get("status_text") or found.get("progress") or "publishing"))
            time.sleep(self.polling.interval)

    def _look(self, url: str) -> dict[str, Any]:
        try:
            return dict(self._json(self._send(HttpRequest("GET", url))))
        except AzureNotFound:
            # The site answers 404 until the deployment has begun.
            return {}

    def _last_words(self, url: str, found: Mapping[str, Any]) -> str:
        try:
            log = self._json(self._send(HttpRequest("GET", f"{url}/log")))
            words = [str(line["message"]) for line in log if line.get("message")]
        except (DeploymentFailed, TypeError, KeyError):
            words = []
        return " | ".join(words[-3:]) or str(
            found.get("status_text") or found.get("message") or "no reason given"
        )

    # --- beyond Resource Manager

    def call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """A plain call of a deployed endpoint, without Azure's credentials; status 0 when nothing answers."""
        try:
            answer = http.call(method, url, dict(headers or {}), body or None)
        except Unavailable as error:
            return 0, {}, str(error).encode()
        return answer.status, answer.headers, answer.body

    def query(self, insights_app: str, text: str) -> list[list[Any]]:
        """The rows that a query in Kusto's language finds in the app's logs."""
        base = self._endpoint or INSIGHTS_API
        request = HttpRequest("POST", f"{base}/v1/apps/{insights_app}/query", json={"query": text})
        found = self._json(self._send(request, scope=f"{INSIGHTS_API}/.default"))
        return [list(row) for row in found["tables"][0]["rows"]]

    def known_empty(self, group: str, account: str, container: str, prefix: str) -> bool:
        """Whether a container was read and holds no blob whose name begins so.

        False as well when it was not read: account or container not found, no right to look, no answer.
        Not to know is a reason to ask.
        """
        query = f"restype=container&comp=list&maxresults=1&prefix={quote(prefix)}"
        try:
            url = f"{self.blob_endpoint(group, account)}/{container}?{query}"
            answer = self._send(HttpRequest("GET", url, headers=_BLOBS), scope=STORAGE_SCOPE).text()
        except (DeploymentFailed, KeyError):
            return False
        # A page may be empty and not the last.
        more = "<Blob>" in answer or re.search(r"<NextMarker>[^<]", answer)
        return "<EnumerationResults" in answer and not more

    def blob_endpoint(self, group: str, account: str) -> str:
        """Where a storage account's blobs are, without a slash at the end."""
        path = f"{self._group_path(group)}/providers/{ACCOUNT_KIND}/{account}"
        found = self._arm("GET", path, version=STORAGE)["properties"]["primaryEndpoints"]["blob"]
        return str(found).rstrip("/")

    def get_blob(self, url: str) -> tuple[bytes, str] | None:
        """A blob and its ETag, None when its container has none of that name."""
        try:
            answer = self._send(HttpRequest("GET", url, headers=_BLOBS), scope=STORAGE_SCOPE)
        except AzureNotFound as error:
            # A container that is not found says nothing of its blobs.
            if "BlobNotFound" not in error.codes:
                raise
            return None
        return answer.content, answer.headers["ETag"]

    def put_blob(self, url: str, data: bytes, etag: str | None) -> None:
        """Write a blob where it still has that ETag, or is absent when that is None.

        Raises:
            RevisionMismatch: when somebody else wrote it.
        """
        condition = {"If-Match": etag} if etag else {"If-None-Match": "*"}
        headers = {**_BLOBS, "x-ms-blob-type": "BlockBlob", "Content-Type": "application/json", **condition}
        try:
            self._send(HttpRequest("PUT", url, headers=headers, content=data), scope=STORAGE_SCOPE)
        except AzureRefused as error:
            if error.codes & {"ConditionNotMet", "BlobAlreadyExists", "HTTP 412"}:
                raise RevisionMismatch(f"{url} changed since it was read") from error
            raise

    # --- how calls are made

    def _client[Client](self, kind: Callable[..., Client], **options: object) -> Client:
        return kind(self._credential, self.subscription, **self._options, **options)

    def _group_path(self, group: str) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{group}"

    def _site_path(self, group: str, app: str) -> str:
        return f"{self._group_path(group)}/providers/Microsoft.Web/sites/{app}"

    def _identity_path(self, group: str, identity: str) -> str:
        return f"{self._group_path(group)}/providers/{IDENTITY_KIND}/{identity}"

    def _arm(
        self, method: str, path: str, body: object = None, *, version: str = WEB, query: str = ""
    ) -> dict[str, Any]:
        """One call of Azure Resource Manager, answered at once."""
        request = HttpRequest(method, f"{{endpoint}}{path}?api-version={version}{query}", json=body)
        return dict(self._json(self._send(request)))

    def _send(self, request: HttpRequest, *, scope: str | None = None) -> HttpResponse:
        """Send with the deployer's token; SDK policies try again on 429 (as Retry-After says) and on 5xx."""
        client = (
            self._client(ResourceManagementClient, credential_scopes=[scope]) if scope else self._resources
        )

        def once() -> HttpResponse:
            answer = client.send_request(request)
            answer.raise_for_status()
            return answer

        return said(once)

    @staticmethod
    def _json(answer: HttpResponse) -> Any:  # noqa: ANN401 - whatever the service answers
        text = answer.text()
        return json.loads(text) if text.strip() else {}

    def _finish(self, poller: Any, progress: Progress) -> None:  # noqa: ANN401 - two SDKs, two poller types
        """Wait for a long operation, saying every few looks that it is still alive."""
        while not poller.done():
            said(lambda: poller.wait(self.polling.interval * 2))
            if not poller.done():
                progress(str(poller.status()).lower())
        said(poller.result)

    def _patiently[Result](self, once: Callable[[], Result], passing: frozenset[str] = PASSING) -> Result:
        def pause_after(error: Exception) -> float | None:
            return 5.0 if isinstance(error, AzureRefused) and error.codes & passing else None

        return patiently(once, pause_after, patience=self.polling.patience, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        # `patiently` thinks in real seconds; a test's polling shortens them all alike.
        time.sleep(seconds * self.polling.interval / Polling().interval)


def plain_location(written: str) -> str:
    """A location's name as Azure compares it: `West Europe` is `westeurope`."""
    return written.replace(" ", "").lower()


def _group(found: Any) -> Group:  # noqa: ANN401 - the SDK's model
    return Group(str(found.name), plain_location(found.location), dict(found.tags or {}))


def _assignment(found: Mapping[str, Any]) -> RoleAssignment:
    own = found["properties"]
    role = str(own["roleDefinitionId"]).rpartition("/")[2].lower()
    return RoleAssignment(str(found["id"]), str(own["principalId"]).lower(), role, str(own["scope"]))


def _matches(action: str, forms: Sequence[str]) -> bool:
    return any(fnmatchcase(action.lower(), form.lower()) for form in forms)


def _publish_request(site: Site, package: bytes) -> HttpRequest:
    url = f"{site.publish_url}/api/publish?RemoteBuild=false&Deployer=serverless-ml"
    return HttpRequest("POST", url, content=package, headers={"Content-Type": "application/zip"})


def _deployment_of(answer: HttpResponse) -> str:
    """The id of the deployment that a publish began: in the Location, or as the body."""
    location = answer.headers.get("Location", "")
    if "/deployments/" in location:
        return location.rpartition("/deployments/")[2].partition("?")[0].strip("/")
    try:
        body = json.loads(answer.text())
    except ValueError:
        body = answer.text().strip()
    found = body.get("id") if isinstance(body, dict) else body
    return str(found or "latest")
