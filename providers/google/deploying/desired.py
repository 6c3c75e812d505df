"""What should be on Google Cloud for one service at one stage, as data in the APIs' own JSON.

Nothing here calls anything: `planning.py` compares this with what is there. Names, rights and limits are
all decided in this file.
"""

import hashlib
import json
import re
from typing import Any, NamedTuple

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Function, Service
from providers.deploying.web import STORAGE_METHODS, STORAGE_SECONDS, web_of

Json = dict[str, Any]
Grant = tuple[str, str]
"""A role and the member who has it."""

KEYS_FOLDER = "/etc/secrets"
KEYS_FILE = f"{KEYS_FOLDER}/keys.json"
LONGEST_TASK = 1800
INVOKER = "roles/run.invoker"
ACCOUNT_USER = "roles/iam.serviceAccountUser"
# Signing without a key (`iam.serviceAccounts.signBlob`) is a part of it.
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105
EVERYBODY: Grant = (INVOKER, "allUsers")


class GoogleResource(NamedTuple):
    """One small thing that a control plane keeps.

    `path` reads, patches and deletes it; `create` is the method, path and body that make it; `body` holds the
    fields that must be so, and `first` a sub-path and body that are posted once after it was created.
    """

    title: str
    service: str
    path: str
    body: Json
    create: tuple[str, str, Json]
    grants: frozenset[Grant] = frozenset()
    first: tuple[str, Json] | None = None

    @property
    def shared(self) -> bool:
        """Whether it belongs to the project, so that two regions of one stage use the same one."""
        return "/locations/" not in self.path


class Bucket(NamedTuple):
    """The bucket that holds the models."""

    name: str
    location: str
    labels: dict[str, str]
    expire_days: int
    grants: frozenset[Grant]
    cors: tuple[Json, ...] = ()


class DataBucket(NamedTuple):
    """A bucket of somebody's data, which jobs may be trained on; it is not ours."""

    name: str
    grants: frozenset[Grant]


class CloudFunction(NamedTuple):
    """One function: `config` is functions v2's JSON without the source, `callers` may invoke it."""

    name: str
    path: str
    config: Json
    requirements: str
    handler: str
    callers: frozenset[Grant]


class Desired(NamedTuple):
    """Everything. The order is the order of making: nothing refers to what comes later."""

    project: str
    region: str
    labels: dict[str, str]
    resources: list[GoogleResource]
    bucket: Bucket
    data: list[DataBucket]
    functions: list[CloudFunction]
    schedules: list[GoogleResource]

    @property
    def base(self) -> str:
        """Before each resource's own part of its name."""
        return f"{self.labels['service']}-{self.labels['stage']}"

    @property
    def location(self) -> str:
        """The parent of everything regional."""
        return f"projects/{self.project}/locations/{self.region}"


class GoogleNames(NamedTuple):
    """How everything of a service and stage is called."""

    service: str
    stage: str
    project: str
    region: str

    @property
    def base(self) -> str:
        """Before each resource's own part."""
        return f"{self.service}-{self.stage}"

    @property
    def location(self) -> str:
        """The parent of everything regional."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def labels(self) -> dict[str, str]:
        """What `remove` finds functions by."""
        return {"service": self.service, "stage": self.stage}

    def account(self, role: str) -> str:
        """A service account's id: 6 to 30 characters, so a long name ends in a digest of itself."""
        name = f"{self.base}-{role}"
        if len(name) > 30:
            digest = hashlib.sha256(name.encode()).hexdigest()[:6]
            name = f"{name[:17].rstrip('-')}-{digest}-{role}"[:30]
        return name

    def email(self, role: str) -> str:
        """A service account's address."""
        return f"{self.account(role)}@{self.project}.iam.gserviceaccount.com"

    def member(self, role: str) -> str:
        """A service account as policies name it."""
        return f"serviceAccount:{self.email(role)}"

    def url(self, function: str) -> str:
        """A function's address that is known before the function is."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{self.base}-{function}"


def names_of(service: Service) -> GoogleNames:
    """The names of a service's resources.

    Raises:
        DeploymentFailed: when a part is missing or cannot be in a name.
    """
    project, region = service.provider.get("project") or "", service.provider.get("region") or ""
    if not project:
        raise DeploymentFailed(
            "no Google Cloud project: set GOOGLE_CLOUD_PROJECT or pass --param project=<project id>"
        )
    for what, value in (("service", service.name), ("stage", service.stage), ("project", project)):
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", value):
            raise DeploymentFailed(
                f"{what}: expected a lower-case letter, then at most 29 letters, digits and inner hyphens"
                f" on Google Cloud, got {value!r}"
            )
    return GoogleNames(service.name, service.stage, project, region)


def desired(service: Service, queue: str) -> Desired:
    """What config.yml asks for; `queue` is the queue's id (see `planning.queue_name`)."""
    names = names_of(service)
    web = web_of(service)
    workers = {names.member(function) for function in service.functions}
    queue_path = f"{names.location}/queues/{queue}"
    environment = {
        "ML_BUCKET": service.provider["bucket"],
        "ML_QUEUE": queue_path,
        "ML_TRAIN_URL": names.url("train"),
        "ML_CALLER": names.email("caller"),
        "ML_DATA_BUCKETS": _allowed(service),
        "OPENBLAS_NUM_THREADS": "1",
    }
    answering = {**web.settings, **service.parameters.setting}
    return Desired(
        names.project,
        names.region,
        names.labels,
        [
            *(
                _account(names, function.name, f"runs {function.name}", _rights_on_itself(names, function))
                for function in service.functions.values()
            ),
            # Creating a task that is delivered in the caller's name takes the right to act as the caller.
            _account(
                names, "caller", "delivers tasks and events", {(ACCOUNT_USER, each) for each in workers}
            ),
            _queue(names, queue_path, service.provider["queue"], workers),
            _keys(names),
            _topic(names),
        ],
        Bucket(
            service.provider["bucket"],
            names.region,
            names.labels,
            int(service.provider.get("oldStatesExpireAfterDays", 7)),
            frozenset(("roles/storage.objectUser", member) for member in workers),
            _storage_cors(web.origins),
        ),
        [
            DataBucket(name, frozenset({("roles/storage.objectViewer", names.member("train"))}))
            for name in _data_buckets(_allowed(service))
        ],
        [
            _function(names, function, service, environment, answering)
            for function in service.functions.values()
        ],
        [
            _schedule(names, function)
            for function in service.functions.values()
            if _event(function, "schedule")
        ],
    )


def is_queue_of(base: str, queue: str) -> bool:
    """Whether a queue's id is one that a deployment of that base makes; queues carry no labels."""
    return re.fullmatch(rf"{re.escape(base)}-train-[0-9a-f]+", queue) is not None


def _allowed(service: Service) -> str:
    """The allow-list of what `data.uri` may name."""
    return str(service.provider.get("dataBuckets") or "")


def _data_buckets(allowed: str) -> list[str]:
    """The buckets in an allow-list, in which folders may be named.

    Raises:
        DeploymentFailed: for an entry that is no `gs://bucket`.
    """
    entries = [entry.strip() for entry in allowed.split(",") if entry.strip()]
    for entry in entries:
        if not re.match(r"gs://[a-z0-9][a-z0-9._-]+(/|$)", entry):
            raise DeploymentFailed(f"dataBuckets: expected gs://bucket or gs://bucket/folder, got {entry!r}")
    return sorted({entry.removeprefix("gs://").partition("/")[0] for entry in entries})


def _storage_cors(origins: tuple[str, ...]) -> tuple[Json, ...]:
    """The bucket's rules for pages at signed addresses, as the API has them: none without an origin."""
    rule = {
        "origin": list(origins),
        "method": list(STORAGE_METHODS),
        # What a page may send and what it may read; a signed upload needs none of its own.
        "responseHeader": ["Content-Type", "Content-MD5", "Content-Disposition", "ETag"],
        "maxAgeSeconds": STORAGE_SECONDS,
    }
    return (rule,) if origins else ()


def _rights_on_itself(names: GoogleNames, function: Function) -> set[Grant]:
    """What a function's account may do with itself: whoever answers callers signs addresses for uploads."""
    answers = _event(function, "http") == "public"
    return {(TOKEN_CREATOR, names.member(function.name))} if answers else set()


def _account(names: GoogleNames, role: str, purpose: str, grants: set[Grant]) -> GoogleResource:
    parent, account = f"projects/{names.project}/serviceAccounts", names.account(role)
    shown = {"displayName": f"{names.base} {role}", "description": f"{names.base}: {purpose}"}
    return GoogleResource(
        f"the service account {account}, which {purpose}",
        "iam",
        f"/v1/{parent}/{names.email(role)}",
        {},
        ("POST", f"/v1/{parent}", {"accountId": account, "serviceAccount": shown}),
        frozenset(grants),
    )


def _queue(names: GoogleNames, path: str, settings: Json, workers: set[str]) -> GoogleResource:
    body = {
        "rateLimits": {"maxConcurrentDispatches": settings["tasksAtOnce"]},
        "retryConfig": {
            "maxAttempts": settings["attempts"],
            "minBackoff": "10s",
            "maxBackoff": "300s",
            "maxDoublings": 5,
        },
    }
    return GoogleResource(
        f"the queue {path.rpartition('/')[2]}",
        "cloudtasks",
        f"/v2/{path}",
        body,
        ("POST", f"/v2/{names.location}/queues", {"name": path, **body}),
        frozenset(("roles/cloudtasks.enqueuer", member) for member in workers),
    )


def _keys(names: GoogleNames) -> GoogleResource:
    parent, secret = f"/v1/projects/{names.project}/secrets", f"{names.base}-keys"
    return GoogleResource(
        f"the secret {secret}, which holds digests of the API keys",
        "secretmanager",
        f"{parent}/{secret}",
        {},
        ("POST", f"{parent}?secretId={secret}", {"replication": {"automatic": {}}, "labels": names.labels}),
        frozenset({("roles/secretmanager.secretAccessor", names.member("api"))}),
        # A secret without a version cannot be mounted. No key yet: the service is closed.
        first=(":addVersion", {"payload": {"data": "W10="}}),
    )


def _topic(names: GoogleNames) -> GoogleResource:
    path = f"/v1/projects/{names.project}/topics/{names.base}-sweep"
    return GoogleResource(
        f"the topic {names.base}-sweep", "pubsub", path, {}, ("PUT", path, {"labels": names.labels})
    )


def _schedule(names: GoogleNames, function: Function) -> GoogleResource:
    path = f"{names.location}/jobs/{names.base}-{function.name}"
    body = {
        "schedule": _event(function, "schedule"),
        "timeZone": "Etc/UTC",
        "pubsubTarget": {
            "topicName": f"projects/{names.project}/topics/{names.base}-sweep",
            "data": "e30=",
        },
    }
    return GoogleResource(
        f"the schedule {names.base}-{function.name} ({body['schedule']})",
        "cloudscheduler",
        f"/v1/{path}",
        body,
        ("POST", f"/v1/{names.location}/jobs", {"name": path, **body}),
    )


def _function(
    names: GoogleNames,
    function: Function,
    service: Service,
    environment: dict[str, str],
    answering: dict[str, str],
) -> CloudFunction:
    settings, public = function.settings, _event(function, "http") == "public"
    config: Json = {
        "description": f"serverless-ml: {function.name} of {names.base}",
        "environment": "GEN_2",
        "labels": names.labels,
        "buildConfig": {"runtime": service.provider["runtime"], "entryPoint": function.name},
        "serviceConfig": {
            "timeoutSeconds": settings["timeoutSeconds"],
            "availableMemory": settings["memory"],
            "availableCpu": str(settings["cpu"]),
            "maxInstanceCount": settings["instances"],
            "maxInstanceRequestConcurrency": settings["concurrency"],
            "serviceAccountEmail": names.email(function.name),
            "ingressSettings": "ALLOW_ALL",
            "allTrafficOnLatestRevision": True,
            "environmentVariables": environment,
        },
    }
    if _event(function, "queue"):
        # Cloud Tasks gives an HTTP target at most 30 minutes.
        seconds = min(settings["timeoutSeconds"], LONGEST_TASK)
        config["serviceConfig"]["environmentVariables"] = {
            **environment,
            "ML_TRAIN_SECONDS": str(seconds),
            "ML_TRAIN_MEMORY": str(_mebibytes(settings["memory"])),
        }
    if public:
        config["serviceConfig"]["environmentVariables"] = {
            **environment,
            **answering,
            "ML_KEYS_FILE": KEYS_FILE,
            # The framework has four for each processor: with requests that wait on them, none would answer.
            "THREADS": str(settings["concurrency"]),
        }
        config["serviceConfig"]["secretVolumes"] = [_keys_volume(names)]
    if _event(function, "schedule"):
        config["eventTrigger"] = {
            "triggerRegion": names.region,
            "eventType": "google.cloud.pubsub.topic.v1.messagePublished",
            "pubsubTopic": f"projects/{names.project}/topics/{names.base}-sweep",
            "serviceAccountEmail": names.email("caller"),
            # The schedule comes again soon: a sweep that failed need not be repeated before.
            "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
        }
    callers = EVERYBODY if public else (INVOKER, names.member("caller"))
    name = f"{names.base}-{function.name}"
    return CloudFunction(
        name,
        f"{names.location}/functions/{name}",
        config,
        settings["requirements"],
        function.handler,
        frozenset({callers}),
    )


def _keys_volume(names: GoogleNames) -> Json:
    """The secret as a file: the platform reads the newest version whenever the file is read."""
    return {
        "mountPath": KEYS_FOLDER,
        "projectId": names.project,
        "secret": f"{names.base}-keys",
        "versions": [{"version": "latest", "path": KEYS_FILE.rpartition("/")[2]}],
    }


def _event(function: Function, kind: str) -> str | None:
    """The setting of the function's event of that kind, None without one."""
    for event in function.settings.get("events") or []:
        if kind in event:
            return str(event[kind])
    return None


def fingerprint(config: Json, package: bytes) -> str:
    """What a function is made from, as a label: equal means that there is nothing to deploy."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    digest.update(hashlib.sha256(package).digest())
    return digest.hexdigest()[:40]


def _mebibytes(memory: str) -> int:
    return int(memory[:-2]) * {"Mi": 1, "Gi": 1024}[memory[-2:]]
