"""The role for whoever deploys holds what the deployer's calls need, and nothing that none of them needs."""

import os
import re

import yaml

from providers.deploying.keys import Target
from providers.google.deploying.key_store import key_store
from providers.google.deploying.names import names_of
from tests.google.conftest import ROOT, Bench, make_service

KEY = "projects/demo-1/locations/europe-west1/keyRings/ml/cryptoKeys/models"

# What each call needs, by its method and path: from the reference of each API's methods and of IAM's roles.
P, L = r"projects/[^/]+", r"projects/[^/]+/locations/[^/]+"
NEEDED: list[tuple[str, str, str]] = [
    ("GET", rf"/v2/{L}/functions", "cloudfunctions.functions.list"),
    # Functions run as, and are built by, accounts that the caller may act as.
    ("POST", rf"/v2/{L}/functions", "cloudfunctions.functions.create iam.serviceAccounts.actAs"),
    ("POST", rf"/v2/{L}/functions:generateUploadUrl", "cloudfunctions.functions.sourceCodeSet"),
    ("GET", rf"/v2/{L}/functions/[^/:]+", "cloudfunctions.functions.get"),
    ("PATCH", rf"/v2/{L}/functions/[^/:]+", "cloudfunctions.functions.update iam.serviceAccounts.actAs"),
    ("DELETE", rf"/v2/{L}/functions/[^/:]+", "cloudfunctions.functions.delete"),
    ("GET", rf"/v2/{L}/operations/operation-.+", "cloudfunctions.operations.get"),
    ("GET", rf"/v2/{L}/operations/run-.+", "run.operations.get"),
    ("GET", rf"/v2/{L}/services/[^/:]+", "run.services.get"),
    # Who turns the invoker check on or off decides who is let in.
    ("PATCH", rf"/v2/{L}/services/[^/:]+", "run.services.update run.services.setIamPolicy"),
    ("GET", rf"/v2/{L}/services/[^/]+:getIamPolicy", "run.services.getIamPolicy"),
    ("POST", rf"/v2/{L}/services/[^/]+:setIamPolicy", "run.services.setIamPolicy"),
    ("POST", rf"/v1/{P}/serviceAccounts", "iam.serviceAccounts.create"),
    ("GET", rf"/v1/{P}/serviceAccounts/[^/:]+", "iam.serviceAccounts.get"),
    ("DELETE", rf"/v1/{P}/serviceAccounts/[^/:]+", "iam.serviceAccounts.delete"),
    ("POST", rf"/v1/{P}/serviceAccounts/[^/]+:getIamPolicy", "iam.serviceAccounts.getIamPolicy"),
    ("POST", rf"/v1/{P}/serviceAccounts/[^/]+:setIamPolicy", "iam.serviceAccounts.setIamPolicy"),
    ("POST", rf"/v3/{P}:getIamPolicy", "resourcemanager.projects.getIamPolicy"),
    ("POST", rf"/v3/{P}:setIamPolicy", "resourcemanager.projects.setIamPolicy"),
    ("GET", rf"/v2/{P}/locations", "cloudtasks.locations.list"),
    ("GET", rf"/v2/{L}/queues", "cloudtasks.queues.list"),
    ("POST", rf"/v2/{L}/queues", "cloudtasks.queues.create"),
    ("GET", rf"/v2/{L}/queues/[^/:]+", "cloudtasks.queues.get"),
    ("PATCH", rf"/v2/{L}/queues/[^/:]+", "cloudtasks.queues.update"),
    ("DELETE", rf"/v2/{L}/queues/[^/:]+", "cloudtasks.queues.delete"),
    ("POST", rf"/v2/{L}/queues/[^/]+:getIamPolicy", "cloudtasks.queues.getIamPolicy"),
    ("POST", rf"/v2/{L}/queues/[^/]+:setIamPolicy", "cloudtasks.queues.setIamPolicy"),
    ("GET", rf"/v1/{P}/locations", "cloudscheduler.locations.list"),
    ("POST", rf"/v1/{L}/jobs", "cloudscheduler.jobs.create"),
    ("GET", rf"/v1/{L}/jobs/[^/]+", "cloudscheduler.jobs.get"),
    ("PATCH", rf"/v1/{L}/jobs/[^/]+", "cloudscheduler.jobs.update"),
    ("DELETE", rf"/v1/{L}/jobs/[^/]+", "cloudscheduler.jobs.delete"),
    ("PUT", rf"/v1/{P}/topics/[^/]+", "pubsub.topics.create"),
    ("GET", rf"/v1/{P}/topics/[^/]+", "pubsub.topics.get"),
    ("PATCH", rf"/v1/{P}/topics/[^/]+", "pubsub.topics.update"),
    ("DELETE", rf"/v1/{P}/topics/[^/]+", "pubsub.topics.delete"),
    ("GET", rf"/v1/{P}/secrets", "secretmanager.secrets.list"),
    ("POST", rf"/v1/{P}/secrets", "secretmanager.secrets.create"),
    ("GET", rf"/v1/{P}/secrets/[^/:]+", "secretmanager.secrets.get"),
    ("PATCH", rf"/v1/{P}/secrets/[^/:]+", "secretmanager.secrets.update"),
    ("DELETE", rf"/v1/{P}/secrets/[^/:]+", "secretmanager.secrets.delete"),
    ("GET", rf"/v1/{P}/secrets/[^/]+:getIamPolicy", "secretmanager.secrets.getIamPolicy"),
    ("POST", rf"/v1/{P}/secrets/[^/]+:setIamPolicy", "secretmanager.secrets.setIamPolicy"),
    ("GET", rf"/v1/{P}/secrets/[^/]+/versions", "secretmanager.versions.list"),
    ("POST", rf"/v1/{P}/secrets/[^/]+:addVersion", "secretmanager.versions.add"),
    ("GET", rf"/v1/{P}/secrets/[^/]+/versions/[^/]+:access", "secretmanager.versions.access"),
    ("POST", rf"/v1/{P}/secrets/[^/]+/versions/[^/]+:destroy", "secretmanager.versions.destroy"),
    ("POST", rf"/v1/{L}/repositories", "artifactregistry.repositories.create"),
    ("GET", rf"/v1/{L}/repositories/[^/:]+", "artifactregistry.repositories.get"),
    ("PATCH", rf"/v1/{L}/repositories/[^/:]+", "artifactregistry.repositories.update"),
    ("DELETE", rf"/v1/{L}/repositories/[^/:]+", "artifactregistry.repositories.delete"),
    ("GET", rf"/v1/{L}/repositories/[^/]+:getIamPolicy", "artifactregistry.repositories.getIamPolicy"),
    ("POST", rf"/v1/{L}/repositories/[^/]+:setIamPolicy", "artifactregistry.repositories.setIamPolicy"),
    *(
        (method, rf"/v3/{P}/{kind}{tail}", f"monitoring.{kind}.{right}")
        for kind in ("alertPolicies", "notificationChannels")
        for method, tail, right in (
            ("POST", "", "create"),
            ("GET", "", "list"),
            ("PATCH", r"/\d+", "update"),
            ("DELETE", r"/\d+", "delete"),
        )
    ),
    *(
        (method, rf"/v1/{P}/dashboards{tail}", f"monitoring.dashboards.{right}")
        for method, tail, right in (
            ("POST", "", "create"),
            ("GET", "", "list"),
            ("PATCH", r"/\d+", "update"),
            ("DELETE", r"/\d+", "delete"),
        )
    ),
    ("POST", r"/v2/entries:list", "logging.logEntries.list"),
    ("POST", r"/storage/v1/b", "storage.buckets.create"),
    ("GET", r"/storage/v1/b/[^/]+", "storage.buckets.get"),
    ("PATCH", r"/storage/v1/b/[^/]+", "storage.buckets.update"),
    ("DELETE", r"/storage/v1/b/[^/]+", "storage.buckets.delete"),
    ("GET", r"/storage/v1/b/[^/]+/iam", "storage.buckets.getIamPolicy"),
    ("PUT", r"/storage/v1/b/[^/]+/iam", "storage.buckets.setIamPolicy"),
    ("GET", r"/storage/v1/b/[^/]+/o", "storage.objects.list"),
    ("DELETE", r"/storage/v1/b/[^/]+/o/.+", "storage.objects.delete"),
]


def live_through_everything(bench: Bench) -> None:
    """Each verb, each parameter, and each kind of change."""
    first = make_service(alarms="yes", alarmEmail="ops@example.com", encryptionKey=KEY, dashboard="yes")
    bench.deploy(first)
    cloud, buckets = bench.google.cloud, bench.google.buckets
    queue = next(each for name, each in cloud.resources.items() if "/queues/" in name)
    queue["rateLimits"] = {"maxConcurrentDispatches": 1}
    job = next(each for name, each in cloud.resources.items() if "/jobs/" in name)
    job["schedule"] = "0 0 * * *"
    alarm = next(each for name, each in cloud.resources.items() if "/alertPolicies/" in name)
    alarm["enabled"] = False
    shown = next(each for name, each in cloud.resources.items() if "/dashboards/" in name)
    shown["displayName"] = "mine"
    second = make_service(
        alarms="yes",
        alarmEmail="others@example.com",
        encryptionKey=KEY,
        access="private",
        tags="team=ml",
        dashboard="yes",
    )
    bench.deploy(second)
    bench.deploy(
        make_service(alarms="yes", encryptionKey=KEY, access="private", invokers="user:a@example.com")
    )
    bench.deploy(make_service(encryptionKey=KEY))
    deployer = bench.deployer(first)
    deployer.info()
    deployer.invoke("api", {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/v1/models"})
    list(deployer.logs("api", 0.0))
    store = key_store(Target("dev"), bench.google.env)
    store.write(store.read() or [])
    cloud.functions.clear()
    key_store(Target("dev"), bench.google.env).read()
    bench.deploy(first)
    left = f"{names_of(first).location}/functions/serverless-ml-dev-api"
    cloud.functions[left]["state"] = "DEPLOYING"
    cloud.becomes_active_after(left, polls=3)
    bench.deploy(first)
    buckets.put(names_of(first).bucket, "models/iris.json", b"{}", {})
    bench.remove(first, yes=True)


def permissions(method: str, path: str) -> set[str]:
    for wanted, pattern, needed in NEEDED:
        if wanted == method and re.fullmatch(pattern, path):
            return set(needed.split())
    raise AssertionError(f"no permission is known for {method} {path}")


def test_the_role_holds_what_the_calls_need_and_no_more(bench: Bench) -> None:
    live_through_everything(bench)
    asked = {(each.method, each.path) for each in bench.google.cloud.requests} | set(
        bench.google.buckets.asked
    )
    # Uploads go to an address that is signed, calls of functions to the functions.
    ours = {(method, path) for method, path in asked if not path.startswith(("/signed/", "/live/"))}
    needed = set[str]().union(*(permissions(*each) for each in ours))
    with open(os.path.join(ROOT, "providers", "google", "deployer-role.yml"), encoding="utf-8") as file:
        role = yaml.safe_load(file)["includedPermissions"]
    assert len(role) == len(set(role))
    # Asked of a person beside every call: their credentials name the project that the call counts towards.
    assert set(role) == needed | {"serviceusage.services.use"}
