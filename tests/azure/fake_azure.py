"""A stand-in for Azure's control plane on loopback: Resource Manager, publishing sites, apps, storage.

It carries templates out: expressions are evaluated, every resource is held against Azure's published types,
a resource that depends on one that is not there is refused. Names are found in any case and kept as they were
first given; a location is never changed. It records each request, and fails when it is told to.
"""

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, MutableMapping
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.azure.arm_expressions import InvalidTemplate, Scope, interleave
from tests.azure.field_limits import faults_between_fields
from tests.azure.name_rules import faults_of_name, is_group_name
from tests.azure.published_types import faults_of_request, faults_of_resource

SUBSCRIPTION = "0a0b0c0d-0000-0000-0000-000000000001"
SECOND_SUBSCRIPTION = "0a0b0c0d-0000-0000-0000-000000000002"

ACCOUNTS = "Microsoft.Storage/storageAccounts"
SITES = "Microsoft.Web/sites"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


class AnyCase[Value](MutableMapping[str, Value]):
    """Names as Resource Manager takes them: found in any case, kept in the case that was given first."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Value]] = {}

    def __getitem__(self, name: str) -> Value:
        return self._kept[name.lower()][1]

    def __setitem__(self, name: str, value: Value) -> None:
        self._kept[name.lower()] = (self.spelled(name), value)

    def __delitem__(self, name: str) -> None:
        del self._kept[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._kept.values()])

    def __len__(self) -> int:
        return len(self._kept)

    def spelled(self, name: str) -> str:
        """The name in the case that was given first."""
        return self._kept.get(name.lower(), (name,))[0]


class Seen(NamedTuple):
    """A request that came in; `server` is `arm`, `scm <app>` or `app <app>`."""

    server: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Answer(NamedTuple):
    """What goes back."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class Fault(NamedTuple):
    """An answer to the next requests of a kind, instead of the real one."""

    server: str
    method: str
    path: str
    answer: Answer


class Refused(Exception):
    """What Resource Manager answers instead of doing it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = _error(status, code, message)


class FakeAzure:
    """Two subscriptions. Groups, resources and deployments are held by their ids, apps by their names."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.groups: AnyCase[dict[str, Any]] = AnyCase()
        self.resources: AnyCase[dict[str, Any]] = AnyCase()
        self.deployments: AnyCase[dict[str, Any]] = AnyCase()
        self.settings: AnyCase[dict[str, str]] = AnyCase()
        self.packages: AnyCase[list[bytes]] = AnyCase()
        self.publishing: AnyCase[dict[str, Any]] = AnyCase()
        # The blobs of each account's container `models`.
        self.blobs: dict[str, list[str]] = {}
        self.may_list_blobs = True
        # What was written to the containers, by path, with its ETag.
        self.written: dict[str, tuple[bytes, str]] = {}
        self.may_write_blobs = True
        # Whether whoever calls is in the network of an app that is closed to the Internet.
        self.inside = False
        # Types that a policy of the organisation refuses, resource providers that the subscription does not
        # know, and identities that the owner of a key lets use it.
        self.disallowed: set[str] = set()
        self.unregistered: set[str] = set()
        self.may_use_key: set[str] = set()
        # What whoever deploys may do, as a role definition says it, and what was done.
        self.actions: list[str] = ["*"]
        self.not_actions: list[str] = []
        self.used: set[str] = set()
        # Called with each app's newest package: the names of the functions that the platform finds in it.
        self.functions_in: Callable[[bytes], list[str]] = lambda _: ["api"]
        self.looks_until_done = 1
        # What the next publishes come to: (status, log); then all succeed.
        self.publish_ends: list[tuple[int, str]] = []
        self.deployment_ends: list[dict[str, Any]] = []
        # What happens right after the next templates' deployments have ended.
        self.after_deployments: list[Callable[[], None]] = []
        # The directory's ids of the identities: one that is made again is somebody else.
        self.principals: dict[str, str] = {}
        self._looks: dict[str, int] = {}
        # What a template's deployment does at its end: by the operation that is looked at.
        self._ends: dict[str, Callable[[], dict[str, Any]]] = {}
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self._lock = threading.RLock()
        self.url = f"http://{self.address('arm')}"

    def address(self, server: str) -> str:
        """Host and port of one of the servers, which is started when it is first asked for."""
        server = server.lower()
        if server not in self._servers:
            handler = type("Handler", (_Handler,), {"azure": self, "server_name_": server})
            found = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
            self._servers[server] = found
        return f"127.0.0.1:{self._servers[server].server_port}"

    def close(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def fail(self, server: str, method: str, path: str, answer: Answer, times: int = 1) -> None:
        """Answer the next `times` requests whose path matches with `answer`."""
        self.faults += [Fault(server, method, path, answer)] * times

    def group(self, name: str, subscription: str = SUBSCRIPTION) -> dict[str, Any]:
        """A group that is there."""
        return self.groups[group_id(name, subscription)]

    def named(self, kind: str, group: str, subscription: str = SUBSCRIPTION) -> list[str]:
        """The names of a group's resources of a kind, as they were first spelled."""
        beginning = f"{group_id(group, subscription)}/providers/{kind}/".lower()
        within = [each for each in self.resources if each.lower().startswith(beginning)]
        return [each[len(beginning) :] for each in within if "/" not in each[len(beginning) :]]

    def accounts(self, group: str, subscription: str = SUBSCRIPTION) -> list[str]:
        """A group's storage accounts for models: all but those of the Functions hosts."""
        return [each for each in self.named(ACCOUNTS, group, subscription) if not each.endswith("host")]

    def changes(self) -> list[Seen]:
        """The requests that change something."""
        reading = re.compile(r"/(list|listkeys|query)$")
        return [each for each in self.seen if each.method != "GET" and not reading.search(each.path)]

    def answer(self, request: Seen) -> Answer:
        with self._lock:
            self.seen.append(request)
            for fault in self.faults:
                if (
                    fault.server == request.server.split()[0]
                    and fault.method == request.method
                    and re.search(fault.path, request.path)
                ):
                    self.faults.remove(fault)
                    return fault.answer
            kind, _, app = request.server.partition(" ")
            return {"arm": self._arm, "scm": self._scm, "app": self._app}[kind](request, app)

    # --- Resource Manager

    def _arm(self, request: Seen, _: str) -> Answer:  # noqa: PLR0911 - a table of routes
        parts = [part for part in request.path.split("/") if part]
        if request.path.startswith("/blobs/"):
            return self._list_blobs(request) if "comp" in request.query else self._blob(request)
        if request.path.startswith("/v1/apps/"):
            return Answer(200, {"tables": [{"rows": [["2026-11-23T18:00:00Z", "a line"]]}]})
        if parts[:1] == ["operations"]:
            return self._operation(parts[1])
        if parts[:1] == ["subscriptions"]:
            try:
                self._authorize(action_of(request.method, request.path))
            except Refused as refused:
                return refused.answer
        if request.path.endswith("/providers/Microsoft.Authorization/permissions"):
            return Answer(200, {"value": [{"actions": self.actions, "notActions": self.not_actions}]})
        if parts[:1] != ["subscriptions"] or parts[1].lower() not in {SUBSCRIPTION, SECOND_SUBSCRIPTION}:
            return _error(404, "SubscriptionNotFound", "The subscription could not be found.")
        if "api-version" not in request.query:
            return _error(400, "MissingApiVersionParameter", "api-version is missing")
        if len(parts) == 3:
            return self._groups(parts[1])
        return self._in_group(request, group_id(parts[3], parts[1]), parts[4:])

    def _groups(self, subscription: str) -> Answer:
        own = [
            each for each in self.groups if each.lower().startswith(f"/subscriptions/{subscription}/".lower())
        ]
        return Answer(200, {"value": [self.groups[each] for each in own]})

    def _in_group(  # noqa: PLR0911 - a table of routes
        self, request: Seen, group: str, parts: list[str]
    ) -> Answer:
        if not parts:
            return self._group(request, group)
        if group not in self.groups:
            return _no_group(group)
        rest = "/".join(parts)
        if rest == "resources":
            return Answer(200, {"value": list(self._listed(group))})
        if rest.startswith("providers/Microsoft.Resources/deployments/"):
            return self._deployment(request, group, parts[-1])
        if rest == f"providers/{ASSIGNMENTS}":
            return self._assignments(request, group)
        if rest.startswith(f"providers/{IDENTITIES}/") and request.method == "PUT":
            return self._put_identity(request, group, parts[-1])
        return self._resource(request, group, rest.removeprefix("providers/"))

    def _group(self, request: Seen, group: str) -> Answer:
        if request.method == "PUT":
            faults = faults_of_request("resource group", request.json)
            if not is_group_name(group.rpartition("/")[2]):
                return _error(400, "InvalidResourceGroup", "The provided resource group name is invalid.")
            if faults:
                return _error(400, "InvalidRequestContent", "; ".join(faults))
            wanted = _plain(request.json["location"])
            there = self.groups.get(group, {"location": wanted})["location"]
            if wanted != there:
                text = f"The Resource group already exists in location '{there}'."
                return _error(
                    409, "InvalidResourceGroupLocation", f"Invalid resource group location '{wanted}'. {text}"
                )
            spelled = self.groups.spelled(group)
            self.groups[group] = {"id": spelled, "name": spelled.rpartition("/")[2], **request.json}
            self.groups[group]["location"] = wanted
        if group not in self.groups:
            return _no_group(group)
        if request.method == "DELETE":
            for site in self.named(SITES, *_names_of(group)):
                self.settings.pop(site, None)
                self.packages.pop(site, None)
            for ids in (self.resources, self.deployments):
                for each in [each for each in ids if each.lower().startswith(f"{group}/".lower())]:
                    del ids[each]
            del self.groups[group]
            return Answer(202, None, {"Location": f"{self.url}/operations/delete?api-version=1"})
        return Answer(200, {**self.groups[group], "properties": {"provisioningState": "Succeeded"}})

    def _assignments(self, request: Seen, group: str) -> Answer:
        """Those of one principal at the group and below it; each has its scope."""
        found = re.fullmatch(r"principalId eq '([0-9a-f-]+)'", request.query.get("$filter", ""))
        if not found:
            return _error(400, "UnsupportedQuery", "The filter is not supported.")
        listed = [
            {"id": each, "properties": {**body["properties"], "scope": each.rpartition("/providers/")[0]}}
            for each, body in self.resources.items()
            if body["type"] == ASSIGNMENTS
            and each.lower().startswith(f"{group}/".lower())
            and body["properties"]["principalId"] == found[1]
        ]
        return Answer(200, {"value": listed})

    def _put_identity(self, request: Seen, group: str, name: str) -> Answer:
        head = {"type": IDENTITIES, "apiVersion": request.query["api-version"], "name": name}
        return self._put({**head, **request.json}, group)

    def _put(self, resource: dict[str, Any], group: str) -> Answer:
        """Make one resource by itself."""
        name, subscription = _names_of(group)
        try:
            identifier, body = self._make(resource, Scope(subscription, name, {}, {}))
        except Refused as refused:
            return refused.answer
        except InvalidTemplate as error:
            return _error(400, "BadRequest", str(error))
        return Answer(200, {"id": identifier, **body, "properties": self._state(identifier)})

    def _listed(self, group: str) -> Iterator[dict[str, Any]]:
        """Resources themselves: what is within one, and role assignments, are not listed by Azure either."""
        for each, body in self.resources.items():
            path = each[len(f"{group}/providers/") :]
            if each.lower().startswith(f"{group}/".lower()) and path.count("/") == 2:
                kind, _, name = path.rpartition("/")
                yield {"id": each, "type": kind, "name": name, "location": body["location"]}

    def _deployment(self, request: Seen, group: str, name: str) -> Answer:
        identifier = f"{group}/deployments/{name}"
        if request.method == "GET":
            found = self.deployments.get(identifier)
            return Answer(200, found) if found else _error(404, "DeploymentNotFound", "no such deployment")
        faults = faults_of_request("deployment", request.json)
        try:
            outputs, settings = ({}, {}) if faults else self._carry_out(group, request.json["properties"])
        except InvalidTemplate as error:
            faults = [str(error)]
        except Refused as refused:
            return refused.answer
        if faults:
            return _error(400, "InvalidTemplate", "; ".join(faults))
        end = self.deployment_ends.pop(0) if self.deployment_ends else {}
        running = {"id": identifier, "name": name, "properties": {"provisioningState": "Running"}}
        self.deployments[identifier] = running

        def ended() -> dict[str, Any]:
            # An app's settings are replaced by those of the template, whatever became of them meanwhile.
            for site, values in settings.items():
                self.settings[site] = values
            state = "Failed" if end else "Succeeded"
            properties = {"provisioningState": state, "outputs": outputs} | ({"error": end} if end else {})
            self.deployments[identifier] = {**running, "properties": properties}
            if self.after_deployments:
                self.after_deployments.pop(0)()
            return properties

        operation = f"deployment-{len(self._ends)}"
        self._ends[operation] = ended
        headers = {"Azure-AsyncOperation": f"{self.url}/operations/{operation}?api-version=1"}
        return Answer(201, running, headers)

    def _operation(self, name: str) -> Answer:
        self._looks[name] = self._looks.get(name, 0) + 1
        done = self._looks[name] > self.looks_until_done
        if name == "delete":
            return Answer(
                200 if done else 202, None, {} if done else {"Location": f"{self.url}/operations/delete"}
            )
        if not done:
            return Answer(200, {"status": "Running"})
        properties = self._ends[name]()
        return Answer(200, {"status": properties["provisioningState"], "error": properties.get("error")})

    def _carry_out(
        self, group: str, properties: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        """Make the template's resources, each after those that it depends on.

        The outputs, and each app's settings.
        """
        template = properties["template"]
        parameters = {name: each.get("defaultValue") for name, each in template["parameters"].items()}
        parameters |= {name: each["value"] for name, each in properties["parameters"].items()}
        name, subscription = _names_of(group)
        scope = Scope(subscription, name, parameters, {})
        made: set[str] = set()
        settings: dict[str, dict[str, str]] = {}
        waiting = list(template["resources"])
        while waiting:
            ready = [each for each in waiting if set(scope.value(each.get("dependsOn", []))) <= made]
            if not ready:
                names = ", ".join(f"{each['type']} {each['name']}" for each in waiting)
                msg = f"dependsOn names what is not in the template, or a circle: {names}"
                raise InvalidTemplate(msg)
            for resource in ready:
                identifier, body = self._make(resource, scope)
                made.add(identifier)
                waiting.remove(resource)
                if body["type"] == SITES:
                    own = body["properties"]["siteConfig"]["appSettings"]
                    settings[body["name"]] = {each["name"]: each["value"] for each in own}
        outputs = {
            name: {"type": each["type"], "value": scope.value(each["value"])}
            for name, each in template["outputs"].items()
        }
        return outputs, settings

    def _make(self, resource: dict[str, Any], scope: Scope) -> tuple[str, dict[str, Any]]:
        """Make or update one resource; its id as the template spells it, and its body."""
        body = scope.value({key: value for key, value in resource.items() if key != "dependsOn"})
        if "location" in body:
            body["location"] = _plain(body["location"])
        faults = faults_of_resource(body) + faults_of_name(body["type"], body["name"])
        if faults:
            raise InvalidTemplate("; ".join(faults))
        base = f"{scope.base}/providers/{body['scope']}" if "scope" in body else scope.base
        if "scope" in body and base not in self.resources:
            msg = f"the scope {body['scope']} is not there"
            raise InvalidTemplate(msg)
        identifier = f"{base}/providers/{interleave(body['type'], body['name'].split('/'))}"
        self._check_against_what_is_there(identifier, body)
        self._check_organisation(body)
        if body["type"] == IDENTITIES and identifier not in self.resources:
            self.principals[identifier.lower()] = str(uuid.uuid4())
        if body["type"] == SITES and identifier in self.resources:
            # What a template does not speak of stays.
            kept = self.resources[identifier]["properties"]
            for name in ("publicNetworkAccess", "virtualNetworkSubnetId"):
                if name in kept:
                    body["properties"].setdefault(name, kept[name])
        self.resources[identifier] = body
        scope.state[identifier] = self._state(identifier)
        return identifier, body

    def _check_against_what_is_there(self, identifier: str, body: dict[str, Any]) -> None:
        there, name = self.resources.get(identifier, body), body["name"]
        if there.get("location") != body.get("location"):
            text = f"The resource '{name}' already exists in location '{there['location']}'"
            raise Refused(409, "InvalidResourceLocation", f"{text}. Please select a new resource name.")
        others = [each for each in self.resources if each.lower() != identifier.lower()]
        for other in others if body["type"] in {ACCOUNTS, SITES} else ():
            if other.lower().endswith(f"/{body['type']}/{name}".lower()):
                code = "StorageAccountAlreadyTaken" if body["type"] == ACCOUNTS else "Conflict"
                raise Refused(409, code, f"The name {name} is already taken.")
        if body["type"] == ASSIGNMENTS and _joined(there) != _joined(body):
            text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise Refused(400, "RoleAssignmentUpdateNotPermitted", text)
        parent = identifier.rpartition("/")[0].lower()
        for other in others if body["type"] == ASSIGNMENTS else ():
            # One role of one principal at one scope is assigned once, whatever the assignment is called.
            if other.lower().startswith(f"{parent}/") and _joined(self.resources[other]) == _joined(body):
                raise Refused(409, "RoleAssignmentExists", "The role assignment already exists.")

    def _authorize(self, action: str) -> None:
        """Refuse what the caller may not do."""

        def named(forms: list[str]) -> bool:
            return any(fnmatchcase(action.lower(), form.lower()) for form in forms)

        if not named(self.actions) or named(self.not_actions):
            text = f"The client does not have authorization to perform action '{action}'."
            raise Refused(403, "AuthorizationFailed", text)
        self.used.add(action)

    def _check_organisation(self, body: dict[str, Any]) -> None:
        """What a subscription of a company refuses: by policy, without registration, without the right."""
        kind, name = body["type"], body["name"]
        if kind in self.disallowed:
            text = f"Resource '{name}' was disallowed by policy. Policy identifiers: 'Require a tag'."
            raise Refused(403, "RequestDisallowedByPolicy", text)
        if (provider := kind.partition("/")[0]) in self.unregistered:
            text = f"The subscription is not registered to use namespace '{provider}'."
            raise Refused(409, "MissingSubscriptionRegistration", text)
        self._authorize(f"{kind}/write")
        faults = faults_between_fields(body)
        if faults:
            raise Refused(400, "BadRequest", "; ".join(faults))
        encryption = body.get("properties", {}).get("encryption", {})
        if encryption.get("keySource") == "Microsoft.Keyvault":
            identity = encryption["identity"]["userAssignedIdentity"].rpartition("/")[2]
            if identity not in self.may_use_key:
                raise Refused(400, "KeyVaultAuthenticationFailure", "The operation failed: authentication")

    def _state(self, identifier: str) -> dict[str, Any]:
        """What `reference()` of a made resource gives, as far as our template asks."""
        name = self.resources.spelled(identifier).rpartition("/")[2]
        return {
            "primaryEndpoints": {"blob": f"{self.url}/blobs/{name}/", "queue": f"{self.url}/queues/{name}/"},
            "clientId": f"client of {name}",
            "principalId": self.principals.get(identifier.lower()),
            "ConnectionString": "InstrumentationKey=0",
            "AppId": "insights-app",
        }

    def _resource(self, request: Seen, group: str, path: str) -> Answer:
        site = re.fullmatch(
            r"Microsoft\.Web/sites/([^/]+)(/(?:functions|config|host|networkConfig).*)?", path
        )
        if site and f"{group}/providers/{SITES}/{site[1]}" in self.resources:
            return self._site(request, site[1], site[2] or "")
        identifier = f"{group}/providers/{path}"
        if ASSIGNMENTS in path and request.method == "PUT":
            scope, _, name = path.partition(f"/providers/{ASSIGNMENTS}/")
            head = {"type": ASSIGNMENTS, "apiVersion": request.query["api-version"], "name": name}
            return self._put({**head, "scope": scope, **request.json}, group)
        if identifier in self.resources and request.method == "DELETE":
            del self.resources[identifier]
            return Answer(200, {"id": identifier})
        if identifier in self.resources and request.method == "GET":
            own = self.resources[identifier].get("properties") or {}
            return Answer(200, {"id": identifier, "properties": {**own, **self._state(identifier)}})
        return _error(404, "ResourceNotFound", f"The Resource '{path}' was not found.")

    def _site(self, request: Seen, app: str, rest: str) -> Answer:  # noqa: PLR0911 - the same
        site = next(
            each for path, each in self.resources.items() if path.lower().endswith(f"/{SITES}/{app}".lower())
        )
        if rest == "/networkConfig/virtualNetwork" and request.method == "DELETE":
            del site["properties"]["virtualNetworkSubnetId"]
            return Answer(200)
        if rest == "" and request.method == "PATCH":
            site["properties"] |= request.json["properties"]
        if rest == "":
            states = [
                {"name": self.address(f"app {app}"), "hostType": "Standard"},
                {"name": self.address(f"scm {app}"), "hostType": "Repository"},
            ]
            hosts = {"defaultHostName": self.address(f"app {app}"), "hostNameSslStates": states}
            properties = {**site["properties"], **hosts}
            return Answer(200, {"id": request.path, "name": app, "properties": properties})
        if rest == "/functions":
            found = self.functions_in(self.packages[app][-1]) if self.packages.get(app) else []
            return Answer(200, {"value": [{"name": f"{app}/{each}", "properties": {}} for each in found]})
        if rest == "/config/appsettings/list":
            return Answer(200, {"properties": self.settings.get(app, {})})
        if rest == "/config/appsettings":
            faults = faults_of_request("settings", request.json)
            if faults:
                return _error(400, "BadRequest", "; ".join(faults))
            self.settings[app] = request.json["properties"]
            return Answer(200, request.json)
        if rest == "/host/default/listkeys":
            return Answer(
                200, {"masterKey": "the master key", "functionKeys": {"default": "the function key"}}
            )
        return _error(404, "NotFound", rest)

    # --- publishing sites, apps, storage

    def _is_closed(self, app: str) -> bool:
        """Whether an app answers only in a network in which we are not."""
        sites = [each for path, each in self.resources.items() if path.lower().endswith(f"/{app}")]
        closed = any(each["properties"].get("publicNetworkAccess") == "Disabled" for each in sites)
        return closed and not self.inside

    def _scm(self, request: Seen, app: str) -> Answer:
        if self._is_closed(app):
            return Answer(403, "<html><body>Web App - Unavailable: Ip Forbidden</body></html>")
        if request.method == "POST" and request.path == "/api/publish":
            status, log = self.publish_ends.pop(0) if self.publish_ends else (4, "done")
            if status == 4:
                self.packages.setdefault(app, []).append(request.body)
            self._looks[app] = 0
            self.publishing[app] = {"status": status, "log": log}
            return Answer(
                202, "d-1", {"Location": f"http://{self.address(f'scm {app}')}/api/deployments/d-1"}
            )
        if request.path == "/api/deployments/d-1":
            self._looks[app] += 1
            if self._looks[app] <= self.looks_until_done:
                return Answer(200, {"id": "d-1", "status": 1, "complete": False, "status_text": "Building"})
            # A failed deployment answers 200 as well.
            return Answer(200, {"id": "d-1", "status": self.publishing[app]["status"], "complete": True})
        if request.path == "/api/deployments/d-1/log":
            return Answer(200, [{"message": "Uploading"}, {"message": self.publishing[app]["log"]}])
        return Answer(404, {})

    def _app(self, request: Seen, app: str) -> Answer:
        if self._is_closed(app):
            return Answer(403, "<html><body>Web App - Unavailable: Ip Forbidden</body></html>")
        if not self.packages.get(app):
            return Answer(503, {"error": "no package"})
        if request.path == "/v2/health/ready":
            return Answer(200, {"ready": True})
        if request.path.startswith("/admin/functions/"):
            return Answer(202 if request.headers.get("x-functions-key") == "the master key" else 401)
        return Answer(200, {"method": request.method, "path": request.path, "body": request.body.decode()})

    def _blob(self, request: Seen) -> Answer:  # noqa: PLR0911 - a table of refusals
        """One blob, as Blob Storage's conditions have it; a stale ETag is refused."""
        _, _, account, container, name = request.path.split("/", 4)
        if not self.may_write_blobs:
            return _storage_error(403, "AuthorizationPermissionMismatch")
        if not self._is_container(account, container):
            return _storage_error(404, "ContainerNotFound")
        path = f"{account}/{container}/{name}"
        there = self.written.get(path)
        if request.method == "GET":
            if there is None:
                return _storage_error(404, "BlobNotFound")
            return Answer(200, json.loads(there[0]), {"ETag": there[1]})
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            return _storage_error(400, "MissingRequiredHeader")
        if there and request.headers.get("if-none-match") == "*":
            return _storage_error(409, "BlobAlreadyExists")
        if "if-match" in request.headers and (there is None or there[1] != request.headers["if-match"]):
            return _storage_error(412, "ConditionNotMet")
        etag = f'"0x{uuid.uuid4().hex[:15].upper()}"'
        self.written[path] = (request.body, etag)
        return Answer(201, None, {"ETag": etag})

    def _is_container(self, account: str, container: str) -> bool:
        there = f"/providers/{ACCOUNTS}/{account}/blobServices/default/containers/{container}".lower()
        return any(each.lower().endswith(there) for each in self.resources)

    def _list_blobs(self, request: Seen) -> Answer:
        _, _, account, container = request.path.split("/")
        if not self.may_list_blobs:
            return Answer(403, "<Error><Code>AuthorizationPermissionMismatch</Code></Error>")
        if not self._is_container(account, container):
            return Answer(404, "<Error><Code>ContainerNotFound</Code></Error>")
        found = "".join(
            f"<Blob><Name>{blob}</Name></Blob>"
            for blob in self.blobs.get(account, [])
            if blob.startswith(request.query["prefix"])
        )
        return Answer(200, f"<EnumerationResults><Blobs>{found}</Blobs><NextMarker /></EnumerationResults>")


def action_of(method: str, path: str) -> str:
    """The action that a call of Resource Manager needs: type and what is done to it."""
    provider, *parts = path.rpartition("/providers/")[2].split("/") if "/providers/" in path else [""]
    if not provider:
        provider, parts = "Microsoft.Resources", path.strip("/").split("/")
    kinds = "/".join(parts[::2]).replace("resourcegroups", "resourceGroups")
    if method == "POST":
        # A list of settings hangs on a name, and is an action of what holds the name.
        return f"{provider}/{'/'.join([*parts[0:-1:2], parts[-1]])}/action"
    return f"{provider}/{kinds}/{ {'GET': 'read', 'DELETE': 'delete'}.get(method, 'write') }"


def group_id(name: str, subscription: str = SUBSCRIPTION) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{name}"


def _joined(assignment: dict[str, Any]) -> str:
    """Role and principal of an assignment, in the one case by which Azure compares."""
    own = assignment["properties"]
    return f"{own['roleDefinitionId']} {own['principalId']}".lower()


def _plain(location: str) -> str:
    """A location's name as Azure keeps it."""
    return location.replace(" ", "").lower()


def _names_of(group: str) -> tuple[str, str]:
    """The name and the subscription in a group's id."""
    return group.split("/")[4], group.split("/")[2]


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})


def _storage_error(status: int, code: str) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code></Error>", {"x-ms-error-code": code})


def _no_group(group: str) -> Answer:
    name = group.rpartition("/")[2]
    return _error(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


class _Handler(BaseHTTPRequestHandler):
    azure: FakeAzure
    server_name_: str
    protocol_version = "HTTP/1.1"
    # Head and body leave together: apart, each answer waits for the other side's delayed acknowledgement.
    wbufsize = -1

    def _do(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.azure.answer(
            Seen(self.server_name_, self.command, unquote(parts.path), query, headers, body)
        )
        text = answer.body if isinstance(answer.body, str) and answer.body.startswith("<") else None
        data = b"" if answer.body is None else (text or json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/xml" if text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _do  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
