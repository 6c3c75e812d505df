"""What should be on Google Cloud for one service at one stage, as data in the APIs' own JSON.

Nothing here calls anything: `planning.py` compares this with what is there. Rights and limits are decided
here and in `policies.py`, names in `names.py`; `settings.py` reads the parameters.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from providers.deploying.graphs import CALLERS, is_asked, runs_graphs
from providers.deploying.graphs import FUNCTION as GRAPHS
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Function, Service
from providers.deploying.web import STORAGE_METHODS, STORAGE_SECONDS, web_of
from providers.google.deploying.alarms import Alarms, alarms_of
from providers.google.deploying.dashboards import GoogleDashboard, dashboard_of
from providers.google.deploying.names import GoogleNames
from providers.google.deploying.policies import (
    ACCOUNT_USER,
    EVERYBODY,
    INVOKER,
    READS_OBJECTS,
    TOKEN_CREATOR,
    Condition,
    Grant,
    adding_grants,
    bucket_grants,
)
from providers.google.deploying.settings import GoogleSettings, old_states_days, settings_of
from providers.google.deploying.sizes import cpu_of, mebibytes

Json = dict[str, Any]

# The labels that say that there are alarms, or a dashboard, so that who has none need not look.
ALARMS, DASHBOARD = "alarms", "dashboard"
KEYS_FOLDER = "/etc/secrets"
KEYS_FILE = f"{KEYS_FOLDER}/keys.json"
LONGEST_TASK = 1800
STORAGE = "https://storage.googleapis.com"
# Where Cloud Functions keeps the sources that a build reads.
_SOURCES = "projects/_/buckets/gcf-v2-sources-"


class GoogleResource(NamedTuple):
    """One small thing that a control plane keeps.

    `path` reads, patches and deletes it; `create` is the method, path and body that make it; `body` holds the
    fields that must be so. `ours` is False for what is there without us: it is neither made nor deleted, and
    the grants on it are taken back. `holds_keys` is True for the secret.
    """

    title: str
    service: str
    path: str
    body: Json
    create: tuple[str, str, Json]
    grants: frozenset[Grant] = frozenset()
    ours: bool = True
    holds_keys: bool = False

    @property
    def shared(self) -> bool:
        """Whether it belongs to the project and not to a region."""
        return "/locations/" not in self.path


class Bucket(NamedTuple):
    """The bucket that holds the models."""

    name: str
    location: str
    labels: dict[str, str]
    expire_days: int
    grants: frozenset[Grant]
    others_cors: tuple[Json, ...] = ()
    key: str = ""
    own_origins: tuple[str, ...] = ()

    @property
    def cors(self) -> tuple[Json, ...]:
        """The rules for pages at signed addresses: the service's own, and those that a parameter names."""
        return (*_storage_cors(self.own_origins), *self.others_cors)

    @property
    def members(self) -> frozenset[str]:
        """The accounts whose rights on it are these and no more."""
        return frozenset(grant.member for grant in self.grants)


class DataBucket(NamedTuple):
    """A bucket that jobs may read, or write results to; it is not ours. `named` by which parameters."""

    name: str
    named: str
    grants: frozenset[Grant]


class CloudFunction(NamedTuple):
    """One function: `config` is functions v2's JSON without the source, `callers` may invoke it."""

    name: str
    path: str
    config: Json
    requirements: str
    handler: str
    callers: frozenset[Grant]

    @property
    def public(self) -> bool:
        """Whether everybody may call it."""
        return EVERYBODY in self.callers


class Desired(NamedTuple):
    """Everything. The order is the order of making: nothing refers to what comes later."""

    names: GoogleNames
    resources: list[GoogleResource]
    bucket: Bucket
    data: list[DataBucket]
    functions: list[CloudFunction]
    schedules: list[GoogleResource]
    alarms: Alarms
    dashboard: GoogleDashboard

    @property
    def project(self) -> str:
        """The project's id."""
        return self.names.project

    @property
    def region(self) -> str:
        """The region of functions, queue and schedule."""
        return self.names.region

    @property
    def base(self) -> str:
        """Before each regional resource's own part of its name."""
        return self.names.base

    @property
    def location(self) -> str:
        """The parent of everything regional."""
        return self.names.location


def desired(service: Service, names: GoogleNames, queue: str, addresses: Collection[str] = ()) -> Desired:
    """What config.yml asks for.

    Args:
        service: the configuration.
        names: what everything is called.
        queue: the queue's id (see `planning.queue_name`).
        addresses: where functions that answer callers and use the bucket are found already.

    Raises:
        DeploymentFailed: for a parameter that cannot be.
    """
    settings = settings_of(service)
    web = web_of(service)
    said = {ALARMS: settings.alarms, DASHBOARD: settings.dashboard}
    labels = {**settings.tags, **names.labels, **{name: "on" for name, is_on in said.items() if is_on}}
    # What runs graphs has no right to any of this, and is told of none.
    members = {
        each.name: names.member(each.name) for each in service.functions.values() if not runs_graphs(each)
    }
    workers = set(members.values())
    queue_path = f"{names.location}/queues/{queue}"
    bucket = bucket_name(service, names)
    environment = {
        "ML_BUCKET": bucket,
        "ML_QUEUE": queue_path,
        "ML_TRAIN_URL": names.url("train"),
        "ML_CALLER": names.email("caller"),
        "ML_DATA_BUCKETS": _allowed(service, "dataBuckets"),
        "OPENBLAS_NUM_THREADS": "1",
        **({"ML_OUTPUT_BUCKETS": outputs} if (outputs := _allowed(service, "outputBuckets")) else {}),
    }
    calling = {"ML_ONNX": names.url(GRAPHS)} if is_asked(service) else {}
    answering = {**web.settings, **service.parameters.setting}
    common = _Common(service.provider["runtime"], labels, environment, calling)
    return Desired(
        names,
        [
            *(
                _account(
                    names, function.name, f"runs {function.name}", _rights_on_itself(names, function, calling)
                )
                for function in service.functions.values()
            ),
            # Creating a task that is delivered in the caller's name takes the right to act as the caller.
            _account(
                names, "caller", "delivers tasks and events", {Grant(ACCOUNT_USER, each) for each in workers}
            ),
            *_builder(names, settings),
            *_images(names, settings, labels),
            _queue(names, queue_path, service.provider["queue"], workers),
            _keys(names, settings, labels),
            _topic(names, labels),
        ],
        Bucket(
            bucket,
            names.region,
            labels,
            old_states_days(service),
            bucket_grants(bucket, members),
            _storage_cors(web.origins),
            settings.key,
            own_origins([names.url("api"), *web.own, *addresses]),
        ),
        _others(service, bucket, names.member("train"), names.member("sweep")),
        [_function(names, function, settings, common, answering) for function in service.functions.values()],
        [
            _schedule(names, function)
            for function in service.functions.values()
            if _event(function, "schedule")
        ],
        alarms_of(names, queue, settings.email, functions=service.functions, on=settings.alarms),
        dashboard_of(names, queue, functions=service.functions, on=settings.dashboard),
    )


def bucket_name(service: Service, names: GoogleNames) -> str:
    """The bucket that a parameter names, or the deployment's own."""
    return str(service.provider.get("bucket") or "") or names.bucket


def is_queue_of(base: str, queue: str) -> bool:
    """Whether a queue's id is one that a deployment of that base makes; queues carry no labels."""
    return re.fullmatch(rf"{re.escape(base)}-train-[0-9a-f]+", queue) is not None


def _allowed(service: Service, parameter: str) -> str:
    """The allow-list of what `data.uri` or `to.uri` may name."""
    return str(service.provider.get(parameter) or "")


def _others(service: Service, ours: str, trainer: str, sweeper: str) -> list[DataBucket]:
    """The buckets that the trainer reads, or writes results to, beside ours.

    The sweep reads them too: whether the data of a schedule have changed.

    Raises:
        DeploymentFailed: for an entry that is no `gs://bucket`, or would have results written to ours.
    """
    read, written = (_folders(service, parameter) for parameter in ("dataBuckets", "outputBuckets"))
    if ours in written:
        raise DeploymentFailed(
            f"outputBuckets: expected other buckets than the service's own, got gs://{ours}"
        )
    return [
        DataBucket(
            name,
            "dataBuckets" if name in read else "outputBuckets",
            frozenset(Grant(READS_OBJECTS, each) for each in (trainer, sweeper) if name in read)
            | (adding_grants(name, written[name], trainer) if name in written else frozenset()),
        )
        for name in sorted({*read, *written})
    ]


def _folders(service: Service, parameter: str) -> dict[str, set[str]]:
    """The buckets in an allow-list, each with the folders that are named in it; an empty one is all of it."""
    found: dict[str, set[str]] = {}
    for entry in filter(None, map(str.strip, _allowed(service, parameter).split(","))):
        if not re.match(r"gs://[a-z0-9][a-z0-9._-]+(/|$)", entry):
            raise DeploymentFailed(f"{parameter}: expected gs://bucket or gs://bucket/folder, got {entry!r}")
        name, _, folder = entry.removeprefix("gs://").rstrip("/").partition("/")
        found.setdefault(name, set()).add(folder and f"{folder}/")
    return found


def own_origins(addresses: Iterable[str]) -> tuple[str, ...]:
    """The origins of the service's own pages, which a function serves at each of its addresses."""
    return tuple(sorted({"/".join(address.split("/", 3)[:3]) for address in addresses}))


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


def _rights_on_itself(names: GoogleNames, function: Function, calling: Collection[str]) -> set[Grant]:
    """What a function's account may do with itself: sign.

    Whoever answers callers signs addresses for uploads, and who has graphs run those of their artifacts.
    """
    signs = _event(function, "http") == "public" or (calling and function.name in CALLERS)
    return {Grant(TOKEN_CREATOR, names.member(function.name))} if signs else set()


def account_resource(
    project: str, account: str, purpose: str, owner: str, grants: set[Grant]
) -> GoogleResource:
    """A service account, and who may act as it."""
    parent = f"/v1/projects/{project}/serviceAccounts"
    shown = {"displayName": f"{owner} {account}"[:100], "description": f"{owner}: {purpose}"[:256]}
    return GoogleResource(
        f"the service account {account}, which {purpose}",
        "iam",
        f"{parent}/{account}@{project}.iam.gserviceaccount.com",
        {},
        ("POST", parent, {"accountId": account, "serviceAccount": shown}),
        frozenset(grants),
    )


def _account(names: GoogleNames, role: str, purpose: str, grants: set[Grant]) -> GoogleResource:
    owner = names.base if names.shared else f"{names.base} in {names.region}"
    return account_resource(names.project, names.account(role), purpose, owner, grants)


def build_rights(project: str, member: str) -> GoogleResource:
    """What a build's account needs of its project: to log, to read the sources, to store the image.

    https://cloud.google.com/functions/docs/securing/build-custom-sa lists these roles; the sources are read
    where Cloud Functions keeps them and nowhere else. Before the first build neither that bucket nor the
    images' repository is there, so the grants can stand on the project alone.
    """
    sources = Condition("sources of builds", f'resource.name.startsWith("{_SOURCES}")')
    return GoogleResource(
        f"the project {project}",
        "cloudresourcemanager",
        f"/v3/projects/{project}",
        {},
        ("", "", {}),
        frozenset(
            {
                Grant("roles/logging.logWriter", member),
                Grant("roles/artifactregistry.writer", member),
                Grant(READS_OBJECTS, member, sources),
            }
        ),
        ours=False,
    )


def _builder(names: GoogleNames, settings: GoogleSettings) -> list[GoogleResource]:
    """The account that builds, with its rights: the project's default one has none in companies of today."""
    if settings.build_account:
        return []
    return [
        _account(names, "build", "builds the functions", set()),
        build_rights(names.project, names.member("build")),
    ]


def account_path(email: str, project: str) -> str:
    """A service account's resource name; one that Google made for a service belongs to the project."""
    host = email.partition("@")[2]
    own = host.removesuffix(".iam.gserviceaccount.com")
    return f"projects/{project if own == host else own}/serviceAccounts/{email}"


def _images(names: GoogleNames, settings: GoogleSettings, labels: dict[str, str]) -> list[GoogleResource]:
    """The repository of the functions' images, where a key encrypts it; else Google has one of its own."""
    if not settings.key:
        return []
    parent = f"/v1/{names.location}/repositories"
    body = {"format": "DOCKER", "kmsKeyName": settings.key, "labels": labels}
    builder = f"serviceAccount:{settings.build_account}" if settings.build_account else names.member("build")
    return [
        GoogleResource(
            f"the repository {names.base}, which holds the images of the functions",
            "artifactregistry",
            f"{parent}/{names.base}",
            {"labels": labels},
            ("POST", f"{parent}?repositoryId={names.base}", body),
            frozenset({Grant("roles/artifactregistry.writer", builder)}),
        )
    ]


def images_left(should: Desired, functions: Mapping[str, Json]) -> GoogleResource | None:
    """The repository in which the functions' images are, where no key asks for one any more."""
    path = f"{should.location}/repositories/{should.base}"
    if any(each.path == f"/v1/{path}" for each in should.resources):
        return None
    # Google may name the project by its number.
    end = path.removeprefix(f"projects/{should.project}")
    used = [each.get("buildConfig", {}).get("dockerRepository", "") for each in functions.values()]
    if not any(each.endswith(end) for each in used):
        return None
    title = f"the repository {should.base}, which held the images of the functions"
    return GoogleResource(title, "artifactregistry", f"/v1/{path}", {}, ("", "", {}))


def account_left(should: Desired, functions: Collection[str]) -> GoogleResource | None:
    """The account of a function that ran graphs, where the service has it no more."""
    path = f"{should.location}/functions/{should.names.function(GRAPHS)}"
    if path not in functions or any(each.path == path for each in should.functions):
        return None
    return _account(should.names, GRAPHS, "ran graphs", set())


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
        frozenset(Grant("roles/cloudtasks.enqueuer", member) for member in workers),
    )


def _keys(names: GoogleNames, settings: GoogleSettings, labels: dict[str, str]) -> GoogleResource:
    """The secret. It is kept in the deployment's region: companies allow their regions alone.

    How a secret is replicated cannot be changed, so an earlier one keeps what it has.
    """
    parent = f"/v1/projects/{names.project}/secrets"
    replica: Json = {"location": names.region}
    if settings.key:
        replica["customerManagedEncryption"] = {"kmsKeyName": settings.key}
    replication = {"userManaged": {"replicas": [replica]}}
    return GoogleResource(
        f"the secret {names.secret}, which holds digests of the API keys",
        "secretmanager",
        f"{parent}/{names.secret}",
        {"labels": labels},
        ("POST", f"{parent}?secretId={names.secret}", {"replication": replication, "labels": labels}),
        # The sweep asks whether the key is still there by which a schedule was written.
        frozenset(
            Grant("roles/secretmanager.secretAccessor", names.member(each)) for each in ("api", "sweep")
        ),
        holds_keys=True,
    )


def _topic(names: GoogleNames, labels: dict[str, str]) -> GoogleResource:
    path = f"/v1/projects/{names.project}/topics/{names.topic}"
    body = {"labels": labels}
    return GoogleResource(f"the topic {names.topic}", "pubsub", path, body, ("PUT", path, body))


def _schedule(names: GoogleNames, function: Function) -> GoogleResource:
    path = f"{names.location}/jobs/{names.function(function.name)}"
    body = {
        "schedule": _event(function, "schedule"),
        "timeZone": "Etc/UTC",
        "pubsubTarget": {
            "topicName": f"projects/{names.project}/topics/{names.topic}",
            "data": "e30=",
        },
    }
    return GoogleResource(
        f"the schedule {names.function(function.name)} ({body['schedule']})",
        "cloudscheduler",
        f"/v1/{path}",
        body,
        ("POST", f"/v1/{names.location}/jobs", {"name": path, **body}),
    )


class _Common(NamedTuple):
    """What all functions of a service have."""

    runtime: str
    labels: dict[str, str]
    environment: dict[str, str]
    # What those are told besides who may call the function that runs graphs.
    calling: dict[str, str]


def _function(
    names: GoogleNames,
    function: Function,
    settings: GoogleSettings,
    common: "_Common",
    answering: dict[str, str],
) -> CloudFunction:
    """A function; `answering` are the variables of the one that answers callers."""
    own, public = function.settings, _event(function, "http") == "public"
    environment = common.environment | (common.calling if function.name in CALLERS else {})
    if runs_graphs(function):
        environment = _of_graphs(common.environment, mebibytes(own["memory"]))
    config: Json = {
        "description": f"serverless-ml: {function.name} of {names.base}",
        "environment": "GEN_2",
        "labels": common.labels,
        "buildConfig": {
            "runtime": common.runtime,
            "entryPoint": function.name,
            "serviceAccount": account_path(settings.build_account or names.email("build"), names.project),
        },
        "serviceConfig": {
            "timeoutSeconds": own["timeoutSeconds"],
            "availableMemory": own["memory"],
            "availableCpu": cpu_of(function),
            "maxInstanceCount": own["instances"],
            "maxInstanceRequestConcurrency": own["concurrency"],
            "serviceAccountEmail": names.email(function.name),
            # Cloud Tasks and Eventarc reach the others, whose callers IAM checks, from outside every network.
            "ingressSettings": settings.ingress if public else "ALLOW_ALL",
            "allTrafficOnLatestRevision": True,
            "environmentVariables": environment,
        },
    }
    if settings.connector:
        config["serviceConfig"]["vpcConnector"] = settings.connector
        if runs_graphs(function):
            # All that it sends goes through the company's network, whose firewall says where to.
            config["serviceConfig"]["vpcConnectorEgressSettings"] = "ALL_TRAFFIC"
    if settings.key:
        config["kmsKeyName"] = settings.key
        config["buildConfig"]["dockerRepository"] = f"{names.location}/repositories/{names.base}"
    if _event(function, "queue"):
        # Cloud Tasks gives an HTTP target at most 30 minutes.
        seconds = min(own["timeoutSeconds"], LONGEST_TASK)
        config["serviceConfig"]["environmentVariables"] = {
            **environment,
            "ML_TRAIN_SECONDS": str(seconds),
            "ML_TRAIN_MEMORY": str(mebibytes(own["memory"])),
            "ML_TRAIN_HOURS": settings.train_hours,
            **settings.traces.recording,
            **settings.notices.telling,
        }
    if public:
        config["serviceConfig"]["minInstanceCount"] = settings.warm
        config["serviceConfig"]["environmentVariables"] = {
            **environment,
            **answering,
            **settings.notices.settings,
            "ML_KEYS_FILE": KEYS_FILE,
            "ML_TRAIN_HOURS": settings.train_hours,
            "ML_MONITORING_DAYS": settings.monitoring_days,
            "ML_AUDIT_DAYS": settings.audit_days,
            "ML_OLD_STATES_DAYS": settings.old_states_days,
            **settings.traces.settings,
            "ML_LOG_DAYS": "30",  # of the project's own bucket of logs, unless it was set otherwise
            # The framework has four for each processor: with requests that wait on them, none would answer.
            "THREADS": str(own["concurrency"]),
        }
        config["serviceConfig"]["secretVolumes"] = [_keys_volume(names)]
    if _event(function, "schedule"):
        config["serviceConfig"]["environmentVariables"] = {
            **environment,
            "ML_KEYS_FILE": KEYS_FILE,
            "ML_TRAIN_HOURS": settings.train_hours,
            "ML_MONITORING_DAYS": settings.monitoring_days,
            "ML_AUDIT_DAYS": settings.audit_days,
            **settings.notices.telling,
        }
        config["serviceConfig"]["secretVolumes"] = [_keys_volume(names)]
        config["eventTrigger"] = {
            "triggerRegion": names.region,
            "eventType": "google.cloud.pubsub.topic.v1.messagePublished",
            "pubsubTopic": f"projects/{names.project}/topics/{names.topic}",
            "serviceAccountEmail": names.email("caller"),
            # The schedule comes again soon: a sweep that failed need not be repeated before.
            "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
        }
    name = names.function(function.name)
    return CloudFunction(
        name,
        f"{names.location}/functions/{name}",
        config,
        own["requirements"],
        function.handler,
        _graph_callers(names) if runs_graphs(function) else _callers(names, settings, public=public),
    )


def _of_graphs(environment: Mapping[str, str], memory: int) -> dict[str, str]:
    """The variables of the function that runs graphs: what addresses of artifacts begin with, and its MiB."""
    return {
        "ML_ARTIFACTS": f"{STORAGE}/{environment['ML_BUCKET']}/artifacts/",
        "ML_ONNX_MEMORY": str(memory),
        "OPENBLAS_NUM_THREADS": environment["OPENBLAS_NUM_THREADS"],
    }


def _graph_callers(names: GoogleNames) -> frozenset[Grant]:
    return frozenset(Grant(INVOKER, names.member(each)) for each in CALLERS)


def _callers(names: GoogleNames, settings: GoogleSettings, *, public: bool) -> frozenset[Grant]:
    """Who may invoke a function."""
    if not public:
        return frozenset({Grant(INVOKER, names.member("caller"))})
    if settings.private:
        return frozenset(Grant(INVOKER, invoker) for invoker in settings.invokers)
    return frozenset({EVERYBODY})


def _keys_volume(names: GoogleNames) -> Json:
    """The secret as a file: the platform reads the newest version whenever the file is read."""
    return {
        "mountPath": KEYS_FOLDER,
        "projectId": names.project,
        "secret": names.secret,
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
