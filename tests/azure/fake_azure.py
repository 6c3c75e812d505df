"""A stand-in for Azure's control plane on loopback: Resource Manager, publishing sites, apps, storage.

It carries templates out: expressions are evaluated, every resource is held against Azure's published types,
a resource that depends on one that is not there is refused. It records each request, and fails when it is
told to.
"""

import json
import re
import threading
from collections.abc import Callable  # noqa: TC003
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.azure.arm_expressions import InvalidTemplate, Scope, interleave
from tests.azure.published_types import faults_of_request, faults_of_resource

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


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


class FakeAzure:
    """One subscription."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.groups: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, dict[str, Any]] = {}
        self.deployments: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, dict[str, str]] = {}
        self.packages: dict[str, list[bytes]] = {}
        self.publishing: dict[str, dict[str, Any]] = {}
        self.blobs: list[str] = []
        self.may_list_blobs = True
        # Called with each app's newest package: the names of the functions that the platform finds in it.
        self.functions_in: Callable[[bytes], list[str]] = lambda _: ["api"]
        self.looks_until_done = 1
        # What the next publishes come to: (status, log); then all succeed.
        self.publish_ends: list[tuple[int, str]] = []
        self.deployment_ends: list[dict[str, Any]] = []
        self._looks: dict[str, int] = {}
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self._lock = threading.RLock()
        self.url = f"http://{self.address('arm')}"

    def address(self, server: str) -> str:
        """Host and port of one of the servers, which is started when it is first asked for."""
        if server not in self._servers:
            handler = type("Handler", (_Handler,), {"azure": self, "server_name_": server})
            found = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            threading.Thread(target=found.serve_forever, daemon=True).start()
            self._servers[server] = found
        return f"127.0.0.1:{self._servers[server].server_port}"

    def close(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def fail(self, server: str, method: str, path: str, answer: Answer, times: int = 1) -> None:
        """Answer the next `times` requests whose path matches with `answer`."""
        self.faults += [Fault(server, method, path, answer)] * times

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
            return self._list_blobs(request)
        if request.path.startswith("/v1/apps/"):
            return Answer(200, {"tables": [{"rows": [["2026-11-23T18:00:00Z", "a line"]]}]})
        if parts[:1] == ["operations"]:
            return self._operation(parts[1])
        if parts[:1] != ["subscriptions"] or parts[1] != SUBSCRIPTION:
            return _error(404, "SubscriptionNotFound", "no such subscription")
        if "api-version" not in request.query:
            return _error(400, "MissingApiVersionParameter", "api-version is missing")
        group = parts[3]
        if len(parts) == 4:
            return self._group(request, group)
        if group not in self.groups:
            return _error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        rest = "/".join(parts[4:])
        if rest == "resources":
            return Answer(200, {"value": [self._listed(key) for key in self.resources]})
        if rest.startswith("providers/Microsoft.Resources/deployments/"):
            return self._deployment(request, group, parts[-1])
        return self._resource(request, rest.removeprefix("providers/"))

    def _group(self, request: Seen, group: str) -> Answer:
        if request.method == "PUT":
            faults = faults_of_request("resource group", request.json)
            if faults:
                return _error(400, "InvalidRequestContent", "; ".join(faults))
            self.groups[group] = {"id": request.path, "name": group, **request.json}
        if group not in self.groups:
            return _error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        if request.method == "DELETE":
            del self.groups[group]
            self.resources.clear()
            self.packages.clear()
            return Answer(202, None, {"Location": f"{self.url}/operations/delete?api-version=1"})
        return Answer(200, {**self.groups[group], "properties": {"provisioningState": "Succeeded"}})

    def _listed(self, key: str) -> dict[str, Any]:
        provider, *rest = key.split("/")
        kind = "/".join([provider, *rest[::2]])
        return {"id": key, "type": kind, "name": "/".join(rest[1::2]), "location": "westeurope"}

    def _deployment(self, request: Seen, group: str, name: str) -> Answer:
        if request.method == "GET":
            found = self.deployments.get(name)
            return Answer(200, found) if found else _error(404, "DeploymentNotFound", "no such deployment")
        faults = faults_of_request("deployment", request.json)
        try:
            outputs = {} if faults else self._carry_out(group, request.json["properties"])
        except InvalidTemplate as error:
            faults = [str(error)]
        if faults:
            return _error(400, "InvalidTemplate", "; ".join(faults))
        end = self.deployment_ends.pop(0) if self.deployment_ends else {}
        state = "Failed" if end else "Succeeded"
        properties = {"provisioningState": state, "outputs": outputs} | ({"error": end} if end else {})
        self.deployments[name] = {"id": request.path, "name": name, "properties": properties}
        self._looks["deployment"] = 0
        running = {**self.deployments[name], "properties": {"provisioningState": "Running"}}
        headers = {"Azure-AsyncOperation": f"{self.url}/operations/deployment?api-version=1"}
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
        (deployment,) = self.deployments.values()
        properties = deployment["properties"]
        return Answer(200, {"status": properties["provisioningState"], "error": properties.get("error")})

    def _carry_out(self, group: str, properties: dict[str, Any]) -> dict[str, Any]:
        """Make the template's resources, each after those that it depends on; the outputs."""
        template = properties["template"]
        parameters = {name: each.get("defaultValue") for name, each in template["parameters"].items()}
        parameters |= {name: each["value"] for name, each in properties["parameters"].items()}
        state: dict[str, Any] = {}
        scope = Scope(SUBSCRIPTION, group, parameters, state)
        made: set[str] = set()
        waiting = list(template["resources"])
        while waiting:
            ready = [each for each in waiting if set(scope.value(each.get("dependsOn", []))) <= made]
            if not ready:
                names = ", ".join(f"{each['type']} {each['name']}" for each in waiting)
                msg = f"dependsOn names what is not in the template, or a circle: {names}"
                raise InvalidTemplate(msg)
            for resource in ready:
                made.add(self._make(resource, scope))
                waiting.remove(resource)
        return {
            name: {"type": each["type"], "value": scope.value(each["value"])}
            for name, each in template["outputs"].items()
        }

    def _make(self, resource: dict[str, Any], scope: Scope) -> str:
        body = scope.value({key: value for key, value in resource.items() if key != "dependsOn"})
        faults = faults_of_resource(body)
        if faults:
            raise InvalidTemplate("; ".join(faults))
        key = interleave(body["type"], body["name"].split("/"))
        base = f"{scope.base}/providers/{body['scope']}" if "scope" in body else scope.base
        if "scope" in body and body["scope"] not in self.resources:
            msg = f"the scope {body['scope']} is not there"
            raise InvalidTemplate(msg)
        self.resources[key] = body
        identifier = f"{base}/providers/{key}"
        scope.state[identifier] = self._state(body)
        if body["type"] == "Microsoft.Web/sites":
            settings = {
                each["name"]: each["value"] for each in body["properties"]["siteConfig"]["appSettings"]
            }
            self.settings[body["name"]] = settings
        return identifier

    def _state(self, body: dict[str, Any]) -> dict[str, Any]:
        """What `reference()` of a made resource gives, as far as our template asks."""
        name = body["name"]
        return {
            "primaryEndpoints": {"blob": f"{self.url}/blobs/", "queue": f"{self.url}/queues/"},
            "clientId": f"client of {name}",
            "principalId": "00000000-0000-0000-0000-00000000000a",
            "ConnectionString": "InstrumentationKey=0",
            "AppId": "insights-app",
        }

    def _resource(self, request: Seen, path: str) -> Answer:
        site = re.fullmatch(r"Microsoft\.Web/sites/([^/]+)(/.*)?", path)
        if site and f"Microsoft.Web/sites/{site[1]}" in self.resources:
            return self._site(request, site[1], site[2] or "")
        if path in self.resources and request.method == "GET":
            return Answer(200, {"id": path, "properties": self._state(self.resources[path])})
        return _error(404, "ResourceNotFound", f"The Resource '{path}' was not found.")

    def _site(self, request: Seen, app: str, rest: str) -> Answer:  # noqa: PLR0911 - the same
        if rest == "":
            states = [
                {"name": self.address(f"app {app}"), "hostType": "Standard"},
                {"name": self.address(f"scm {app}"), "hostType": "Repository"},
            ]
            properties = {"defaultHostName": self.address(f"app {app}"), "hostNameSslStates": states}
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

    def _scm(self, request: Seen, app: str) -> Answer:
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
        if not self.packages.get(app):
            return Answer(503, {"error": "no package"})
        if request.path == "/v2/health/ready":
            return Answer(200, {"ready": True})
        if request.path.startswith("/admin/functions/"):
            return Answer(202 if request.headers.get("x-functions-key") == "the master key" else 401)
        return Answer(200, {"method": request.method, "path": request.path, "body": request.body.decode()})

    def _list_blobs(self, request: Seen) -> Answer:
        if not self.may_list_blobs:
            return Answer(403, "<Error><Code>AuthorizationPermissionMismatch</Code></Error>")
        prefix = request.query["prefix"]
        found = "".join(f"<Blob><Name>{blob}</Name></Blob>" for blob in self.blobs if blob.startswith(prefix))
        return Answer(200, f"<EnumerationResults><Blobs>{found}</Blobs></EnumerationResults>")


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})


class _Handler(BaseHTTPRequestHandler):
    azure: FakeAzure
    server_name_: str
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.azure.answer(Seen(self.server_name_, self.command, parts.path, query, headers, body))
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
