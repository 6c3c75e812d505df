"""A stand-in for Google's management APIs: it records requests and holds them to the clients' own types.

Every body is parsed into the protobuf message that Google publishes for it, with unknown fields refused, so
what these tests accept is not our understanding of the APIs. Failures are planned with `fail`.
"""

import json
import re
import threading
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from google.cloud import (
    artifactregistry_v1,
    functions_v2,
    iam_admin_v1,
    monitoring_v3,
    run_v2,
    scheduler_v1,
    secretmanager_v1,
    tasks_v2,
)
from google.iam.v1 import iam_policy_pb2
from google.protobuf.json_format import ParseDict, ParseError
from google.pubsub_v1 import types as pubsub_v1

from tests.google import limits

Json = dict[str, Any]

BUILDING_POLLS = 2
# The largest page of a listing: small, so that whoever reads only the first one is found out.
PAGE = 2


class Recorded(NamedTuple):
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


class Failure(NamedTuple):
    """An answer that is planned instead of the right one."""

    method: str
    path: str
    status: int
    message: str
    headers: dict[str, str]


class Refusal(Exception):
    """An HTTP error."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}


class Cloud:
    """The state of some projects: every path names its own."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.requests: list[Recorded] = []
        self.resources: dict[str, Json] = {}
        self.versions: dict[str, list[Json]] = {}
        self.policies: dict[str, Json] = {}
        self.functions: dict[str, Json] = {}
        self.uploads: dict[str, bytes] = {}
        self.operations: dict[str, Json] = {}
        self.entries: list[Json] = []
        self.failures: list[Failure] = []
        self.broken_builds: dict[str, str] = {}
        self.hidden: set[str] = set()
        # Each API has regions of its own.
        self.regions = {
            "cloudfunctions": ["asia-northeast1", "europe-west1", "europe-west4", "us-central1"],
            "cloudtasks": ["asia-northeast1", "europe-west1", "us-central1"],
            "cloudscheduler": ["europe-west1", "europe-west4", "us-central1"],
        }
        self.unreachable: set[str] = set()
        self.numbers: dict[str, str] = {}
        self.alive = True
        self.url = ""
        # Services whose callers Cloud Run does not check.
        self.unchecked: set[str] = set()
        # What an organisation asks for, each off: domain restricted sharing, the invoker check on every
        # service, resources in some regions alone, and a default build account that has no roles.
        self.own_domains_alone = False
        self.invoker_check_required = False
        self.allowed_locations: list[str] | None = None
        self.builds_need_rights = False
        # How many builds fail because a grant is not known yet, or Eventarc's own account is not ready.
        self.late_rights = 0
        self.late_eventarc = 0
        self.alarms = 0
        self._etags = 0

    def fail(
        self, method: str, path: str, status: int, message: str = "planned", times: int = 1, **headers: str
    ) -> None:
        """Answer the next `times` requests that match with an error."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.failures += [Failure(method, path, status, message, named)] * times

    def becomes_active_after(self, function: str, polls: int) -> None:
        """A function that is being built by somebody else is active after so many looks at it."""
        self.operations["of another deploy"] = {"function": function, "polls": polls}

    def number(self, project: str) -> str:
        """The project's number, which some APIs give back where an id was sent, and all take."""
        number = f"{zlib.crc32(project.encode()):012}"
        self.numbers[number] = project
        return number

    def _plain(self, path: str) -> str:
        return re.sub(r"projects/(\d+)\b", lambda n: f"projects/{self.numbers.get(n[1], n[1])}", path)

    def new_etag(self) -> str:
        """An entity tag that nothing had before."""
        self._etags += 1
        return f'"{self._etags:x}"'

    def hide_once(self, function: str) -> None:
        """The next listing lacks the function, as if somebody created it right after."""
        self.hidden.add(function)

    def changes(self) -> list[Recorded]:
        """The requests that were more than reading."""
        reading = re.compile(r":getIamPolicy$|/entries:list$")  # POSTs that change nothing
        return [
            request
            for request in self.requests
            if request.method not in {"GET", "HEAD"} and not reading.search(request.path)
        ]

    def answer(self, request: Recorded) -> Json:
        """What the APIs answer to a request."""
        with self.lock:
            self.requests.append(request)
            for failure in self.failures:
                if failure.method == request.method and re.search(failure.path, request.path):
                    self.failures.remove(failure)
                    raise Refusal(failure.status, failure.message, failure.headers)
            path = self._plain(request.path)
            request = request._replace(path=path)
            for method, pattern, act in ROUTES:
                found = re.fullmatch(pattern, path)
                if found and method == request.method:
                    _check_region(self, path)
                    return act(self, request, *found.groups())
        raise Refusal(404, f"no such method: {request.method} {request.path}")


def _check_region(cloud: Cloud, path: str) -> None:
    """A region that the API does not have, or whose functions cannot be reached, is an error; so is `-`."""
    kinds = {"queues": "cloudtasks", "jobs": "cloudscheduler", "functions": "cloudfunctions"}
    found = re.match(r"/v\d/projects/[^/]+/locations/([^/]+)/(queues|jobs|functions)\b", path)
    if not found or (found[1], found[2]) == ("-", "functions"):
        return
    if found[1] not in cloud.regions[kinds[found[2]]]:
        raise Refusal(403, f"Permission denied on 'locations/{found[1]}' (or it may not exist).")
    if found[2] == "functions" and found[1] in cloud.unreachable:
        raise Refusal(503, f"{found[1]} is unavailable")


def _page(request: Recorded, what: str, found: list[Json]) -> Json:
    """A page of a listing; fewer than were asked for may come, and the field is missing where none do."""
    start = int(request.query.get("pageToken") or 0)
    size = min(int(request.query.get("pageSize") or PAGE), PAGE)
    page: Json = {what: found[start : start + size]} if found[start : start + size] else {}
    return {**page, "nextPageToken": str(start + size)} if start + size < len(found) else page


def _locations(service: str) -> Callable[..., Json]:
    def act(cloud: Cloud, request: Recorded, project: str) -> Json:
        return _page(
            request,
            "locations",
            [
                {"name": f"projects/{project}/locations/{region}", "locationId": region}
                for region in cloud.regions[service]
            ],
        )

    return act


# --- resources that are all the same: created with a body, read, patched, deleted ----------------


def _checked(kind: Any, body: Json) -> Json:
    """The body, when it is a message of that kind."""
    try:
        ParseDict(body, kind.pb()() if hasattr(kind, "pb") else kind())
    except ParseError as error:
        raise Refusal(400, f"not a {kind.__name__}: {error}") from error
    return body


def _create(kind: Any, name_in: str) -> Callable[..., Json]:
    def act(cloud: Cloud, request: Recorded, *_: str) -> Json:
        body = _checked(kind, request.body)
        if name_in == "path":
            name = request.path.split("/", 2)[2]
        elif name_in == "secret":
            name = f"{request.path.split('/', 2)[2]}/{request.query['secretId']}"
            _refuse(limits.replication(body["replication"], cloud.allowed_locations))
            _refuse(None if re.fullmatch(r"[A-Za-z0-9_-]{1,255}", request.query["secretId"]) else "secretId")
        elif name_in == "repository":
            name = f"{request.path.split('/', 2)[2]}/{request.query['repositoryId']}"
        else:
            name = body["name"]
        _refuse(limits.labels(body.get("labels", {})))
        if name in cloud.resources:
            raise Refusal(409, f"{name} already exists")
        cloud.resources[name] = {**body, "name": name}
        if name_in == "secret":
            cloud.resources[name]["etag"] = cloud.new_etag()
        return cloud.resources[name]

    return act


def _refuse(reason: str | None) -> None:
    """A broken rule of the documents is a 400."""
    if reason is not None:
        raise Refusal(400, reason)


def _create_account(cloud: Cloud, request: Recorded, project: str) -> Json:
    body = _checked(iam_admin_v1.CreateServiceAccountRequest, request.body)
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", body["accountId"]):
        raise Refusal(400, f"Invalid account id {body['accountId']}")
    email = f"{body['accountId']}@{project}.iam.gserviceaccount.com"
    name = f"projects/{project}/serviceAccounts/{email}"
    if name in cloud.resources:
        raise Refusal(409, f"Service account {body['accountId']} already exists")
    cloud.resources[name] = {**body["serviceAccount"], "name": name, "email": email}
    return cloud.resources[name]


def _read(cloud: Cloud, _: Recorded, name: str) -> Json:
    if name not in cloud.resources:
        raise Refusal(404, f"{name} does not exist")
    return cloud.resources[name]


def _patch(kind: Any) -> Callable[..., Json]:
    def act(cloud: Cloud, request: Recorded, name: str) -> Json:
        found, body = _read(cloud, request, name), _checked(kind, request.body)
        _refuse(limits.labels(body.get("labels", {})))
        if kind is secretmanager_v1.Secret:
            # https://cloud.google.com/secret-manager/docs/etags
            if body.get("etag") not in (None, found["etag"]):
                raise Refusal(
                    400, "The etag provided in the request does not match the secret's current etag."
                )
            found["etag"] = cloud.new_etag()
        for field in request.query["updateMask"].split(","):
            if field not in body:
                raise Refusal(400, f"the mask names {field}, which the body lacks")
            found[field] = body[field]
        return found

    return act


def _patch_topic(cloud: Cloud, request: Recorded, name: str) -> Json:
    """Pub/Sub takes topic and mask in the body."""
    found = _read(cloud, request, name)
    body = _checked(pubsub_v1.UpdateTopicRequest, request.body)
    for field in body["updateMask"].split(","):
        found[field] = body["topic"][field]
    return found


def _delete(cloud: Cloud, request: Recorded, name: str) -> Json:
    _read(cloud, request, name)
    for gone in [path for path in cloud.policies if path == name]:
        del cloud.policies[gone]
    cloud.versions.pop(name, None)
    del cloud.resources[name]
    return {}


def _queues(cloud: Cloud, request: Recorded, location: str) -> Json:
    ours = [r for name, r in sorted(cloud.resources.items()) if name.startswith(f"{location}/queues/")]
    return _page(request, "queues", ours)


def _get_policy(cloud: Cloud, request: Recorded, name: str) -> Json:
    """A policy. Who does not ask for version 3 is not told of conditions."""
    if name not in cloud.resources and not _is_service(cloud, name) and name.count("/") != 1:
        raise Refusal(404, f"{name} does not exist")
    found = cloud.policies.get(name, {"etag": "ACAB"})
    options = (request.body or {}).get("options", {})
    asked = options.get("requestedPolicyVersion") or request.query.get("options.requestedPolicyVersion")
    if request.path.endswith(":setIamPolicy") or int(asked or 1) == 3:
        return found
    bindings = [
        {key: value for key, value in each.items() if key != "condition"}
        | (
            {"role": f"{each['role']}_withcond_{zlib.crc32(str(each).encode()):x}"}
            if each.get("condition")
            else {}
        )
        for each in found.get("bindings", [])
    ]
    return {**found, "bindings": bindings} if bindings else found


def _set_policy(cloud: Cloud, request: Recorded, name: str) -> Json:
    before = _get_policy(cloud, request, name)
    body = _checked(iam_policy_pb2.SetIamPolicyRequest, {"resource": name, **request.body})
    _refuse(limits.policy(body["policy"]))
    if body["policy"].get("etag", before["etag"]) != before["etag"]:
        raise Refusal(409, "There were concurrent policy changes: the etag does not match.")
    for binding in body["policy"].get("bindings", []):
        for member in binding["members"]:
            kind, _, email = member.partition(":")
            if cloud.own_domains_alone and member in {"allUsers", "allAuthenticatedUsers"}:
                raise Refusal(
                    400,
                    "One or more users named in the policy do not belong to a permitted customer,"
                    " perhaps due to an organization policy.",
                )
            if kind == "serviceAccount" and not any(
                r.get("email") == email for r in cloud.resources.values()
            ):
                raise Refusal(400, f"Service account {email} does not exist.")
    cloud.policies[name] = {**body["policy"], "etag": f"A{len(cloud.requests):07d}"}
    return cloud.policies[name]


def _is_service(cloud: Cloud, name: str) -> bool:
    return name.replace("/services/", "/functions/") in cloud.functions


def _versions(cloud: Cloud, request: Recorded, secret: str) -> Json:
    """The newest come first; a filter and the size of the page are honoured."""
    _read(cloud, request, secret)
    state = request.query.get("filter", "").removeprefix("state:")
    found = [
        {k: v for k, v in each.items() if k != "data"}
        for each in cloud.versions.get(secret, [])
        if state in ("", each["state"])
    ]
    return {"versions": found[: int(request.query.get("pageSize") or 100)]} if found else {}


def _secrets(cloud: Cloud, request: Recorded, project: str) -> Json:
    """The secrets that carry the labels of the filter."""
    wanted = dict(re.findall(r"labels\.([a-z]+)=([a-z0-9-]+)", request.query.get("filter", "")))
    found = [
        each
        for name, each in sorted(cloud.resources.items())
        if name.startswith(f"projects/{project}/secrets/")
        and wanted.items() <= each.get("labels", {}).items()
    ]
    return _page(request, "secrets", found)


def _add_version(cloud: Cloud, request: Recorded, secret: str) -> Json:
    _read(cloud, request, secret)
    body = _checked(secretmanager_v1.AddSecretVersionRequest, {"parent": secret, **request.body})
    versions = cloud.versions.setdefault(secret, [])
    if len(b64decode(body["payload"]["data"])) > limits.SECRET_BYTES:
        raise Refusal(400, f"The payload is larger than {limits.SECRET_BYTES} bytes")
    name = f"{secret}/versions/{len(versions) + 1}"
    versions.insert(0, {"name": name, "state": "ENABLED", "data": body["payload"]["data"]})
    return {"name": name, "state": "ENABLED"}


def _access_version(cloud: Cloud, _: Recorded, secret: str, number: str) -> Json:
    """`latest` is the newest version, whatever its state: one that is destroyed is not passed over."""
    for version in cloud.versions.get(secret, []):
        if number in ("latest", version["name"].rpartition("/")[2]):
            if version["state"] != "ENABLED":
                raise Refusal(400, f"Secret Version [{version['name']}] is in {version['state']} state.")
            return {"name": version["name"], "payload": {"data": version["data"]}}
    raise Refusal(404, f"{secret} has no version")


def _destroy_version(cloud: Cloud, _: Recorded, secret: str, number: str) -> Json:
    for version in cloud.versions.get(secret, []):
        if version["name"].endswith(f"/{number}"):
            version["state"] = "DESTROYED"
            return version
    raise Refusal(404, "no such version")


# --- functions --------------------------------------------------------------------------------------


def _upload_url(cloud: Cloud, request: Recorded, location: str) -> Json:
    _checked(functions_v2.GenerateUploadUrlRequest, {"parent": location, **request.body})
    name = f"upload-{len(cloud.uploads) + 1}.zip"
    cloud.uploads[name] = b""
    return {
        "uploadUrl": f"{cloud.url}/signed/{name}?signature=1",
        "storageSource": {"bucket": "gcf-v2-uploads", "object": name},
    }


def _create_function(cloud: Cloud, request: Recorded, location: str) -> Json:
    name = f"{location}/functions/{request.query['functionId']}"
    if name in cloud.functions:
        raise Refusal(409, f"Resource '{name}' already exists")
    body = _checked(functions_v2.Function, request.body)
    _check_eventarc(cloud, body)
    for email in _accounts(body):
        if not any(resource.get("email") == email for resource in cloud.resources.values()):
            raise Refusal(404, f"Service account {email} was not found.")
    return _change(cloud, name, {**body, "name": name})


def _accounts(body: Json) -> list[str]:
    found = [body["serviceConfig"]["serviceAccountEmail"]]
    if (builder := _builder(body)) is not None:
        found.append(builder)
    return [*found, *([body["eventTrigger"]["serviceAccountEmail"]] if "eventTrigger" in body else [])]


def _builder(body: Json) -> str | None:
    """The account that a build is made by, when one is named."""
    named = body["buildConfig"].get("serviceAccount")
    _refuse(
        None
        if named is None or re.fullmatch(r"projects/[^/]+/serviceAccounts/[^/@]+@[^/]+", named)
        else f"invalid build service account {named}"
    )
    return named.rpartition("/")[2] if named else None


def _check_eventarc(cloud: Cloud, body: Json) -> None:
    if "eventTrigger" in body and cloud.late_eventarc > 0:
        cloud.late_eventarc -= 1
        raise Refusal(
            400,
            'Validation failed for trigger: Invalid resource state for "": Permission denied while using the'
            " Eventarc Service Agent. If you recently started to use Eventarc, it may take a few minutes"
            " before all necessary permissions are propagated to the Service Agent.",
        )


def _lacking_rights(cloud: Cloud, path: str, function: Json) -> str | None:
    """Why a build may not do what it has to."""
    project, builder = path.split("/")[1], _builder(function)
    if cloud.late_rights > 0:
        cloud.late_rights -= 1
        return f"Build failed: {builder} does not have storage.objects.get access to the object."
    if not cloud.builds_need_rights:
        return None
    has = {
        binding["role"]
        for binding in cloud.policies.get(f"projects/{project}", {}).get("bindings", [])
        if f"serviceAccount:{builder}" in binding["members"]
    }
    if lacking := limits.BUILD_ROLES - has:
        return f"Build failed: {builder or 'the default account'} lacks permission: {sorted(lacking)}"
    return None


def _update_function(cloud: Cloud, request: Recorded, name: str) -> Json:
    found, body = _get_function(cloud, request, name), _checked(functions_v2.Function, request.body)
    if found["state"] in {"DEPLOYING", "DELETING"}:
        raise Refusal(409, f"unable to queue the operation: {name} has an operation in progress")
    changed = dict(found)
    for field in request.query["updateMask"].split(","):
        changed.pop(field, None)  # what the mask names and the body lacks is cleared
        if field in body:
            changed[field] = body[field]
    return _change(cloud, name, changed)


def _change(cloud: Cloud, name: str, function: Json) -> Json:
    """Begin a build: it is there at once, and active (or failed) after some polls."""
    _refuse(limits.function(name, function))
    # What was set through Cloud Run's API is not kept for sure.
    cloud.unchecked.discard(name.replace("/functions/", "/services/"))
    source = function["buildConfig"]["source"]["storageSource"]["object"]
    if not cloud.uploads.get(source):
        raise Refusal(400, f"nothing was uploaded to {source}")
    _, project, _, region, _, short = name.split("/")
    config = {**function["serviceConfig"], "uri": f"{cloud.url}/live/{region}/{short}"}
    for volume in config.get("secretVolumes", []):
        _check_secret(cloud, volume)
    number = cloud.number(project)
    config["secretVolumes"] = [
        {**volume, "projectId": cloud.number(volume["projectId"])}
        for volume in config.get("secretVolumes", [])
    ]
    function["serviceConfig"] = config
    function["url"] = f"https://{region}-{project}.cloudfunctions.net/{short}"
    build = f"projects/{number}/locations/{region}/builds/{len(cloud.operations)}"
    function["buildConfig"] = {**function["buildConfig"], "build": build}
    function["state"] = "DEPLOYING"
    cloud.functions[name] = function
    return _operation(cloud, name)


def _check_secret(cloud: Cloud, volume: Json) -> None:
    """What is mounted has to be there."""
    secret = f"projects/{volume['projectId']}/secrets/{volume['secret']}"
    if not any(version["state"] == "ENABLED" for version in cloud.versions.get(secret, [])):
        raise Refusal(400, f"{secret}/versions/latest was not found")


def _operation(cloud: Cloud, function: str) -> Json:
    name = f"{function.partition('/functions/')[0]}/operations/operation-{len(cloud.operations) + 1}"
    cloud.operations[name] = {"function": function, "polls": BUILDING_POLLS}
    return {"name": name, "done": False}


def _get_operation(cloud: Cloud, _: Recorded, name: str) -> Json:
    operation = cloud.operations.get(name)
    if operation is None:
        raise Refusal(404, "no such operation")
    if "answer" in operation:
        return {"name": name, "done": True, "response": operation["answer"]}
    operation["polls"] -= 1
    if operation["polls"] > 0:
        return {"name": name, "done": False}
    path = operation["function"]
    function = cloud.functions.get(path)
    if function is None or function["state"] == "DELETING":
        cloud.functions.pop(path, None)
        kind = "type.googleapis.com/google.protobuf.Empty"
        return {"name": name, "done": True, "response": {"@type": kind}}
    reason = cloud.broken_builds.pop(path.rpartition("/")[2], None) or _lacking_rights(cloud, path, function)
    if reason is not None:
        function["state"] = "FAILED"
        return {"name": name, "done": True, "error": {"code": 3, "message": reason}}
    function["state"] = "ACTIVE"
    kind = "type.googleapis.com/google.cloud.functions.v2.Function"
    return {"name": name, "done": True, "response": {"@type": kind, **function}}


def _get_function(cloud: Cloud, request: Recorded, name: str) -> Json:
    if name not in cloud.functions:
        raise Refusal(404, f"Resource '{name}' was not found")
    # A build goes on whether its operation is looked at or not.
    for operation, about in list(cloud.operations.items()):
        if about.get("function") == name and cloud.functions[name]["state"] == "DEPLOYING":
            _get_operation(cloud, request, operation)
    return cloud.functions[name]


def _list_functions(cloud: Cloud, request: Recorded, location: str) -> Json:
    """With `-` for the region, those of every region that can be reached, and the names of the others."""
    project, _, region = location.partition("/locations/")
    found = [
        function
        for name, function in sorted(cloud.functions.items())
        if re.match(rf"{project}/locations/{'[^/]+' if region == '-' else region}/functions/", name)
        and name.split("/")[3] not in cloud.unreachable
        and name not in cloud.hidden
    ]
    page = _page(request, "functions", found)
    if "nextPageToken" not in page:
        cloud.hidden.clear()
    if region == "-" and cloud.unreachable and "pageToken" not in request.query:
        # In the first page alone: the client's pager forgets it with the next one.
        page["unreachable"] = sorted(cloud.unreachable)
    return page


def _delete_function(cloud: Cloud, request: Recorded, name: str) -> Json:
    _get_function(cloud, request, name)["state"] = "DELETING"
    cloud.policies.pop(name.replace("/functions/", "/services/"), None)
    return _operation(cloud, name)


def _create_alarm(cloud: Cloud, request: Recorded, project: str, kind: str) -> Json:
    """Monitoring names what it keeps by numbers of its own."""
    body = _checked_alarm(cloud, kind, request.body)
    cloud.alarms += 1
    name = f"projects/{project}/{kind}/{cloud.alarms}"
    cloud.resources[name] = {**body, "name": name}
    return cloud.resources[name]


def _checked_alarm(cloud: Cloud, kind: str, body: Json) -> Json:
    types = {
        "alertPolicies": monitoring_v3.AlertPolicy,
        "notificationChannels": monitoring_v3.NotificationChannel,
    }
    _checked(types[kind], body)
    _refuse(limits.labels(body.get("userLabels", {})))
    _refuse(limits.alert_policy(body) if kind == "alertPolicies" else limits.channel(body))
    for channel in body.get("notificationChannels", []):
        _refuse(None if channel in cloud.resources else f"no such channel: {channel}")
    return body


def _list_alarms(cloud: Cloud, request: Recorded, project: str, kind: str) -> Json:
    found = [each for name, each in sorted(cloud.resources.items()) if f"{project}/{kind}/" in name]
    return _page(request, kind, found)


def _patch_alarm(cloud: Cloud, request: Recorded, name: str) -> Json:
    found = _read(cloud, request, name)
    for field in request.query["updateMask"].split(","):
        found[field] = request.body[field]
    _checked_alarm(cloud, name.split("/")[2], found)
    return found


def _delete_alarm(cloud: Cloud, request: Recorded, name: str) -> Json:
    users = [path for path, each in cloud.resources.items() if name in each.get("notificationChannels", [])]
    _refuse(f"the channel is used by {users[0]}" if users else None)
    return _delete(cloud, request, name)


def _create_dashboard(cloud: Cloud, request: Recorded, project: str) -> Json:
    """It is answered as JSON of a protobuf: without fields that are zero."""
    _refuse("etag may not be passed" if "etag" in request.body else limits.dashboard(request.body))
    cloud.alarms += 1
    return _keep_dashboard(cloud, f"projects/{project}/dashboards/{cloud.alarms}", request.body, 1)


def _keep_dashboard(cloud: Cloud, name: str, body: Json, version: int) -> Json:
    tiles = [
        {field: each for field, each in tile.items() if each != 0} for tile in body["mosaicLayout"]["tiles"]
    ]
    layout = {**body["mosaicLayout"], "tiles": tiles}
    cloud.resources[name] = {**body, "name": name, "etag": str(version), "mosaicLayout": layout}
    return cloud.resources[name]


def _list_dashboards(cloud: Cloud, request: Recorded, project: str) -> Json:
    found = [each for name, each in sorted(cloud.resources.items()) if f"{project}/dashboards/" in name]
    return _page(request, "dashboards", found)


def _patch_dashboard(cloud: Cloud, request: Recorded, name: str) -> Json:
    """All of it is replaced, if it is still as its etag says."""
    found = _read(cloud, request, name)
    if request.body.get("etag", found["etag"]) != found["etag"]:
        raise Refusal(409, "the dashboard was changed meanwhile")
    _refuse(limits.dashboard(request.body))
    return _keep_dashboard(cloud, name, request.body, int(found["etag"]) + 1)


def _get_service(cloud: Cloud, _: Recorded, name: str) -> Json:
    """The Cloud Run service of a function."""
    if not _is_service(cloud, name):
        raise Refusal(404, f"Resource '{name}' was not found")
    return {"name": name, "invokerIamDisabled": name in cloud.unchecked, "etag": "1"}


def _update_service(cloud: Cloud, request: Recorded, name: str) -> Json:
    body, mask = _checked(run_v2.Service, request.body), request.query["updateMask"]
    service = _get_service(cloud, request, name)
    _refuse(None if mask == "invokerIamDisabled" else f"a change of {mask}, which belongs to the function")
    if body.get("invokerIamDisabled"):
        if cloud.invoker_check_required:
            raise Refusal(400, "Constraint constraints/run.managed.requireInvokerIam violated")
        cloud.unchecked.add(name)
    else:
        cloud.unchecked.discard(name)
    operation = f"{name.partition('/services/')[0]}/operations/run-{len(cloud.operations) + 1}"
    kind = "type.googleapis.com/google.cloud.run.v2.Service"
    cloud.operations[operation] = {"answer": {"@type": kind, **service}}
    return {"name": operation, "done": False}


def _log_entries(cloud: Cloud, request: Recorded) -> Json:
    """The entries of the filter's region; those that name none are everywhere."""
    region = re.search(r'resource\.labels\.location="([^"]*)"', request.body["filter"])
    return {
        "entries": [
            entry
            for entry in cloud.entries
            if region and entry.get("resource", {}).get("labels", {}).get("location", region[1]) == region[1]
        ]
    }


def _live(cloud: Cloud, _: Recorded, __: str, ___: str) -> Json:
    if not cloud.alive:
        raise Refusal(503, "not yet")
    return {"live": True}


def _models(_: Cloud, __: Recorded, region: str, function: str) -> Json:
    """What a function answers: which one it is."""
    return {"region": region, "function": function}


P, L = r"projects/[^/]+", r"projects/[^/]+/locations/[^/]+"
QUEUE, JOB, FUNCTION = rf"({L}/queues/[^/:]+)", rf"({L}/jobs/[^/:]+)", rf"({L}/functions/[^/:]+)"
SECRET, TOPIC, ACCOUNT = rf"({P}/secrets/[^/:]+)", rf"({P}/topics/[^/:]+)", rf"({P}/serviceAccounts/[^/:]+)"
ANYTHING = rf"({L}/queues/[^/:]+|{P}/serviceAccounts/[^/:]+|{L}/services/[^/:]+|{L}/repositories/[^/:]+)"
ALARMS = "(alertPolicies|notificationChannels)"
REPOSITORY, SERVICE = rf"({L}/repositories/[^/:]+)", rf"({L}/services/[^/:]+)"

ROUTES: list[tuple[str, str, Callable[..., Json]]] = [
    ("POST", r"/v1/projects/([^/]+)/serviceAccounts", _create_account),
    ("GET", rf"/v1/{ACCOUNT}", _read),
    ("DELETE", rf"/v1/{ACCOUNT}", _delete),
    ("GET", rf"/v2/({L})/queues", _queues),
    ("GET", r"/v2/projects/([^/]+)/locations", _locations("cloudtasks")),
    ("GET", r"/v1/projects/([^/]+)/locations", _locations("cloudscheduler")),
    ("POST", rf"/v2/{L}/queues", _create(tasks_v2.Queue, "body")),
    ("GET", rf"/v2/{QUEUE}", _read),
    ("PATCH", rf"/v2/{QUEUE}", _patch(tasks_v2.Queue)),
    ("DELETE", rf"/v2/{QUEUE}", _delete),
    ("POST", rf"/v1/{P}/secrets", _create(secretmanager_v1.Secret, "secret")),
    ("GET", rf"/v1/{SECRET}", _read),
    ("DELETE", rf"/v1/{SECRET}", _delete),
    ("GET", rf"/v1/{SECRET}/versions", _versions),
    ("POST", rf"/v1/{SECRET}:addVersion", _add_version),
    ("GET", r"/v1/projects/([^/]+)/secrets", _secrets),
    ("PATCH", rf"/v1/{SECRET}", _patch(secretmanager_v1.Secret)),
    ("GET", rf"/v1/{SECRET}/versions/(latest|\d+):access", _access_version),
    ("POST", rf"/v1/{SECRET}/versions/(\d+):destroy", _destroy_version),
    ("GET", rf"/v1/{SECRET}:getIamPolicy", _get_policy),
    ("POST", rf"/v1/{SECRET}:setIamPolicy", _set_policy),
    ("PUT", rf"/v1/{TOPIC}", _create(pubsub_v1.Topic, "path")),
    ("GET", rf"/v1/{TOPIC}", _read),
    ("PATCH", rf"/v1/{TOPIC}", _patch_topic),
    ("POST", rf"/v1/{L}/repositories", _create(artifactregistry_v1.Repository, "repository")),
    ("GET", rf"/v1/{REPOSITORY}", _read),
    ("PATCH", rf"/v1/{REPOSITORY}", _patch(artifactregistry_v1.Repository)),
    ("DELETE", rf"/v1/{REPOSITORY}", _delete),
    ("GET", rf"/v1/{REPOSITORY}:getIamPolicy", _get_policy),
    ("GET", rf"/v2/{SERVICE}", _get_service),
    ("PATCH", rf"/v2/{SERVICE}", _update_service),
    ("POST", rf"/v3/({P}):getIamPolicy", _get_policy),
    ("POST", rf"/v3/({P}):setIamPolicy", _set_policy),
    ("DELETE", rf"/v1/{TOPIC}", _delete),
    ("POST", rf"/v1/{L}/jobs", _create(scheduler_v1.Job, "body")),
    ("GET", rf"/v1/{JOB}", _read),
    ("PATCH", rf"/v1/{JOB}", _patch(scheduler_v1.Job)),
    ("DELETE", rf"/v1/{JOB}", _delete),
    ("POST", rf"/v[12]/{ANYTHING}:getIamPolicy", _get_policy),
    ("GET", rf"/v2/{ANYTHING}:getIamPolicy", _get_policy),
    ("POST", rf"/v[12]/{ANYTHING}:setIamPolicy", _set_policy),
    ("POST", rf"/v2/({L})/functions:generateUploadUrl", _upload_url),
    ("POST", rf"/v2/({L})/functions", _create_function),
    ("GET", rf"/v2/({L})/functions", _list_functions),
    ("GET", rf"/v2/{FUNCTION}", _get_function),
    ("PATCH", rf"/v2/{FUNCTION}", _update_function),
    ("DELETE", rf"/v2/{FUNCTION}", _delete_function),
    ("GET", rf"/v2/({L}/operations/[^/]+)", _get_operation),
    ("POST", r"/v2/entries:list", _log_entries),
    ("POST", rf"/v3/projects/([^/]+)/{ALARMS}", _create_alarm),
    ("GET", rf"/v3/projects/([^/]+)/{ALARMS}", _list_alarms),
    ("PATCH", rf"/v3/({P}/(?:alertPolicies|notificationChannels)/\d+)", _patch_alarm),
    ("DELETE", rf"/v3/({P}/(?:alertPolicies|notificationChannels)/\d+)", _delete_alarm),
    ("POST", r"/v1/projects/([^/]+)/dashboards", _create_dashboard),
    ("GET", r"/v1/projects/([^/]+)/dashboards", _list_dashboards),
    ("PATCH", rf"/v1/({P}/dashboards/\d+)", _patch_dashboard),
    ("DELETE", rf"/v1/({P}/dashboards/\d+)", _delete),
    ("GET", r"/live/([^/]+)/([^/]+)/v2/health/live", _live),
    ("GET", r"/live/([^/]+)/([^/]+)/v1/models", _models),
]


class Handler(BaseHTTPRequestHandler):
    """HTTP around a `Cloud`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cloud: Cloud

    def handle_one_method(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if parts.path.startswith("/signed/"):
            self._keep_upload(parts.path.rpartition("/")[2], data, headers)
            return
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        query.pop("$alt", None)
        body = json.loads(data) if data else {}
        try:
            self._send(200, self.cloud.answer(Recorded(self.command, parts.path, query, body, headers)))
        except Refusal as refusal:
            error = {"code": refusal.status, "message": str(refusal)}
            self._send(refusal.status, {"error": error}, refusal.headers)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = handle_one_method  # noqa: N815

    def _keep_upload(self, name: str, data: bytes, headers: dict[str, str]) -> None:
        request = Recorded(self.command, f"/signed/{name}", {}, None, headers)
        with self.cloud.lock:
            self.cloud.requests.append(request)
            if "authorization" in headers or headers.get("content-type") != "application/zip":
                self._send(403, {"error": {"code": 403, "message": "the signature does not match"}})
                return
            self.cloud.uploads[name] = data
        self._send(200, {})

    def _send(self, status: int, document: Json, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Tests print nothing for requests that went well."""


@contextmanager
def running(cloud: Cloud) -> Iterator[str]:
    """The stand-in on loopback; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"cloud": cloud}))
    server.daemon_threads = True
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield cloud.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
