"""Projects as companies have them: each rule of an organisation is a switch of the stand-in."""

import json
from pathlib import Path
from typing import Any

import pytest

from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Function, Service
from providers.google.deploying.access import Access
from providers.google.deploying.names import names_of
from providers.google.deploying.settings import settings_of
from tests.google.conftest import Bench, make_service

LOCATION, API = "projects/demo-1/locations/europe-west1", "serverless-ml-dev-api"
TRAIN, SWEEP = "serverless-ml-dev-train", "serverless-ml-dev-sweep"
SERVICE = f"{LOCATION}/services/{API}"
NAMES = names_of(make_service())
MODELS = {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/v1/models"}


def members(bench: Bench, path: str, role: str) -> set[str]:
    """Who has a role on something."""
    bindings = bench.google.cloud.policies.get(path, {}).get("bindings", [])
    return {member for each in bindings if each["role"] == role for member in each["members"]}


def test_it_deploys_where_every_rule_holds_at_once(bench: Bench, service: Service) -> None:
    cloud, buckets = bench.google.cloud, bench.google.buckets
    cloud.own_domains_alone = cloud.builds_need_rights = True
    cloud.allowed_locations = buckets.allowed_locations = ["europe-west1"]
    cloud.late_rights, cloud.late_eventarc = 4, 3
    bench.deploy(service)
    assert {each["state"] for each in cloud.functions.values()} == {"ACTIVE"}
    assert SERVICE in cloud.unchecked
    assert "nothing to change" in bench.deploy(service)
    bench.remove(service, yes=True)
    assert (cloud.resources, cloud.functions) == ({}, {})


def test_the_build_has_an_account_of_its_own_with_the_rights_that_it_needs_and_no_more(
    bench: Bench, service: Service
) -> None:
    bench.google.cloud.builds_need_rights = True
    bench.deploy(service)
    bindings = bench.google.cloud.policies["projects/demo-1"]["bindings"]
    assert {each["role"] for each in bindings} == {
        "roles/logging.logWriter",
        "roles/artifactregistry.writer",
        "roles/storage.objectViewer",
    }
    assert {member for each in bindings for member in each["members"]} == {NAMES.member("build")}
    (reads,) = (each for each in bindings if each["role"] == "roles/storage.objectViewer")
    assert reads["condition"]["expression"] == (
        'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
    )
    bench.remove(service, yes=True)
    assert bench.google.cloud.policies["projects/demo-1"]["bindings"] == []


def test_a_companys_own_build_account_is_used_and_nothing_is_granted_on_the_project(bench: Bench) -> None:
    own = "projects/demo-1/serviceAccounts/builds@demo-1.iam.gserviceaccount.com"
    bench.google.cloud.resources[own] = {"name": own, "email": own.rpartition("/")[2]}
    bench.deploy(make_service(buildAccount=own.rpartition("/")[2]))
    assert "projects/demo-1" not in bench.google.cloud.policies
    builds = {each["buildConfig"]["serviceAccount"] for each in bench.google.cloud.functions.values()}
    assert builds == {own}


def test_what_others_were_granted_on_the_project_stays(bench: Bench, service: Service) -> None:
    owner = {"role": "roles/owner", "members": ["user:owner@example.com"]}
    until = {"title": "until", "expression": "request.time < timestamp('2027-01-01T00:00:00Z')"}
    guest = {"role": "roles/viewer", "members": ["user:guest@example.com"], "condition": until}
    bench.google.cloud.policies["projects/demo-1"] = {"bindings": [owner, guest], "etag": "A1"}
    bench.deploy(service)
    bench.remove(service, yes=True)
    assert bench.google.cloud.policies["projects/demo-1"]["bindings"] == [owner, guest]


def test_a_build_that_never_gets_its_rights_ends_with_googles_reason(bench: Bench, service: Service) -> None:
    bench.google.cloud.late_rights = 1000
    with pytest.raises(DeploymentFailed, match=r"could not build .*does not have storage.objects.get access"):
        bench.deploy(service)
    assert sum(bench.clock.slept) < 600


def test_everybody_is_let_in_by_the_check_being_off_and_named_in_no_policy(
    bench: Bench, service: Service
) -> None:
    bench.deploy(service)
    assert bench.google.cloud.unchecked == {SERVICE}
    assert members(bench, SERVICE, "roles/run.invoker") == set()


def test_where_the_check_has_to_be_on_everybody_is_named(bench: Bench, service: Service) -> None:
    bench.google.cloud.invoker_check_required = True
    said = bench.deploy(service)
    assert "the invoker check cannot be turned off: " in said
    assert members(bench, SERVICE, "roles/run.invoker") == {"allUsers"}
    assert "nothing to change" in bench.deploy(service)


def test_where_neither_is_allowed_the_way_out_is_named(bench: Bench, service: Service) -> None:
    cloud = bench.google.cloud
    cloud.invoker_check_required = cloud.own_domains_alone = True
    with pytest.raises(DeploymentFailed, match=r"requireInvokerIam.*permitted customer.*access=private"):
        bench.deploy(service)
    bench.deploy(make_service(access="private", invokers="group:ml@example.com"))
    assert members(bench, SERVICE, "roles/run.invoker") == {"group:ml@example.com"}


def test_a_private_api_is_for_its_invokers_alone_and_changes_with_them(
    bench: Bench, service: Service
) -> None:
    bench.deploy(service)
    private = make_service(access="private", invokers="user:a@example.com, domain:example.com")
    said = bench.deploy(private)
    assert f"set who may call {API}: domain:example.com, user:a" in said
    assert "is not open to everybody, so it was not called" in said
    assert bench.google.cloud.unchecked == set()
    assert members(bench, SERVICE, "roles/run.invoker") == {"user:a@example.com", "domain:example.com"}
    assert "nothing to change" in bench.deploy(private)
    bench.deploy(make_service(access="private", invokers="user:a@example.com"))
    assert members(bench, SERVICE, "roles/run.invoker") == {"user:a@example.com"}
    bench.deploy(make_service(access="private"))
    assert members(bench, SERVICE, "roles/run.invoker") == set()
    bench.deploy(service)
    assert bench.google.cloud.unchecked == {SERVICE}


def test_somebody_who_opened_a_private_api_by_hand_is_undone(bench: Bench) -> None:
    private = make_service(access="private", invokers="user:a@example.com")
    bench.deploy(private)
    bench.google.cloud.unchecked.add(SERVICE)
    assert f"set who may call {API}" in bench.deploy(private)
    assert bench.google.cloud.unchecked == set()


def test_an_update_that_turns_the_check_on_again_leaves_the_api_open(bench: Bench, service: Service) -> None:
    """Cloud Functions does not promise to keep what was set through Cloud Run's API."""
    bench.deploy(service)
    bench.deploy(make_service(corsOrigins="https://app.example.com"))
    assert bench.google.cloud.unchecked == {SERVICE}


def test_the_key_of_a_private_api_comes_beside_the_callers_identity(bench: Bench) -> None:
    private = make_service(access="private", invokers="user:a@example.com")
    bench.deploy(private)
    deployer = bench.deployer(private)
    deployer._env = {**bench.google.env, "ML_KEY": "sml_x"}
    deployer.invoke("api", MODELS)
    headers = bench.google.cloud.requests[-1].headers
    assert headers["x-api-key"] == "sml_x"
    assert "authorization" not in headers, "an endpoint on this machine asks for no identity"


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ({"access": "secret"}, "access: expected public or private, got 'secret'"),
        ({"access": "private", "invokers": "a@example.com"}, "invokers: expected user:…"),
        ({"access": "private", "invokers": "allUsers"}, "invokers: expected user:…"),
        ({"invokers": "user:a@example.com"}, "invokers: expected access=private beside it"),
        ({"ingress": "vpn"}, "ingress: expected all or internal or internal-and-gclb, got 'vpn'"),
        ({"vpcConnector": "ours"}, "vpcConnector: expected projects/<project>/locations/europe-west1/"),
        (
            {"vpcConnector": "projects/p/locations/us-central1/connectors/c"},
            "vpcConnector: expected one in the deployment's region europe-west1, got one in us-central1",
        ),
        (
            {"encryptionKey": "projects/p/locations/global/keyRings/r/cryptoKeys/k"},
            "encryptionKey: expected one in the deployment's region europe-west1, got one in global",
        ),
        (
            {"encryptionKey": "k"},
            "encryptionKey: expected projects/<project>/locations/europe-west1/keyRings/",
        ),
        ({"tags": "Team=ml"}, "tags: expected name=value"),
        ({"tags": "team"}, "tags: expected name=value"),
        ({"tags": "team=a b"}, "tags: expected a value"),
        ({"tags": "stage=x"}, "tags: expected each name once and none of service, stage"),
        ({"tags": "a=1,a=2"}, "tags: expected each name once"),
        ({"accessLogs": "no way"}, "accessLogs: expected yes, or nothing, got 'no way'"),
        ({"alarms": "maybe"}, "alarms: expected yes, or nothing, got 'maybe'"),
        ({"alarmEmail": "ops"}, "alarmEmail: expected an address such as ops@example.com, got 'ops'"),
        ({"warmInstances": "-1"}, "warmInstances: expected 0 to 10 (apiInstances), got '-1'"),
        ({"warmInstances": 11}, "warmInstances: expected 0 to 10 (apiInstances), got '11'"),
        ({"trainHours": "long"}, "trainHours: expected a number of hours from 1 to 8760, got 'long'"),
        (
            {"monitoringDays": "9.5"},
            "monitoringDays: expected a whole number of days from 0 to 3650, got '9.5'",
        ),
        (
            {"monitoringDays": 4000},
            "monitoringDays: expected a whole number of days from 0 to 3650, got '4000'",
        ),
        ({"auditDays": -1}, "auditDays: expected a whole number of days from 0 to 3650, got '-1'"),
        ({"trainHours": -1}, "trainHours: expected a number of hours from 1 to 8760, got '-1'"),
        ({"buildAccount": "me@example.com"}, "buildAccount: expected a service account's address"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_before_anything_is_asked_of_google(
    bench: Bench, provider: dict[str, Any], said: str
) -> None:
    with pytest.raises(DeploymentFailed) as refusal:
        bench.deploy(make_service(**provider))
    assert str(refusal.value).startswith(said)
    with pytest.raises(DeploymentFailed) as refusal:
        bench.deployer(make_service(**provider)).package()
    assert str(refusal.value).startswith(said)
    assert bench.google.cloud.requests == []


def sized(service: Service, function: str, **settings: Any) -> Service:
    """The service with other settings of a function."""
    found = service.functions[function]
    changed = Function(found.name, found.handler, {**found.settings, **settings})
    return service._replace(functions={**service.functions, function: changed})


@pytest.mark.parametrize(
    ("memory", "cpu"),
    [
        *[("256Mi", "0.167"), ("511Mi", "0.167"), ("512Mi", "1"), ("4Gi", "1"), ("4097Mi", "2")],
        *[("8Gi", "2"), ("8193Mi", "4"), ("16Gi", "4"), ("16385Mi", "8"), ("32Gi", "8")],
    ],
)
def test_cpus_follow_from_memory_and_google_takes_them(
    bench: Bench, service: Service, memory: str, cpu: str
) -> None:
    bench.deploy(sized(service, "train", memory=memory))
    found = bench.google.cloud.functions[f"{LOCATION}/functions/{TRAIN}"]["serviceConfig"]
    assert (found["availableMemory"], found["availableCpu"]) == (memory, cpu)


@pytest.mark.parametrize(
    ("function", "settings", "said"),
    [
        (
            "api",
            {"memory": "256Mi"},
            "memory of api: expected 512 to 32768 MiB for 8 requests at once, got 256",
        ),
        ("train", {"memory": "255Mi"}, "memory of train: expected 256 to 32768 MiB, got 255"),
        ("train", {"memory": "33Gi"}, "memory of train: expected 256 to 32768 MiB, got 33792"),
        (
            "train",
            {"memory": "8Gi", "cpu": 1},
            "memory of train: expected 512 to 4096 MiB with cpu 1, got 8192",
        ),
        ("train", {"memory": "1Gi", "cpu": 4}, "memory of train: expected 2048 to 16384 MiB with cpu 4"),
        ("train", {"memory": "2Gi", "cpu": 3}, "cpu of train: expected 0.08 to 1, 2, 4, 6 or 8, got 3"),
        ("train", {"memory": "1Gi", "cpu": 0.2}, "memory of train: expected 256 to 512 MiB with cpu 0.2"),
        ("api", {"memory": "512Mi", "cpu": 0.5}, "concurrency of api: expected 1 with cpu 0.5, got 8"),
        ("train", {"memory": "nullMi"}, "memory: expected a whole number of MiB, got 'null'"),
    ],
)
def test_memory_and_cpus_that_do_not_go_together_are_refused_before_anything_is_asked_of_google(
    bench: Bench, service: Service, function: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(DeploymentFailed) as refusal:
        bench.deploy(sized(service, function, **settings))
    assert str(refusal.value).startswith(said)
    assert bench.google.cloud.requests == []


def test_a_person_counts_calls_towards_the_project_and_a_service_account_towards_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    file = tmp_path / "credentials.json"
    for content, counted in ((person, "demo-1"), ({**person, "quota_project_id": "billing-1"}, "billing-1")):
        file.write_text(json.dumps(content))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        monkeypatch.delenv("GOOGLE_CLOUD_QUOTA_PROJECT", raising=False)
        credentials = Access("demo-1", "europe-west1", {}).credentials
        headers: dict[str, str] = {}
        credentials.token = "t"
        credentials.apply(headers)
        assert headers["x-goog-user-project"] == counted


def test_tags_are_on_everything_that_takes_labels_and_change_in_place(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    tagged = make_service(tags="team=ml, cost-center=7")
    bench.deploy(tagged)
    cloud = bench.google.cloud
    found = [
        *(each["labels"] for each in cloud.functions.values()),
        bench.google.buckets.settings[NAMES.bucket]["labels"],
        cloud.resources[f"projects/demo-1/secrets/{NAMES.secret}"]["labels"],
        cloud.resources[f"projects/demo-1/topics/{NAMES.topic}"]["labels"],
    ]
    for labels in found:
        expected = {"team": "ml", "cost-center": "7", "stage": "dev", "region": "europe-west1"}
        assert expected.items() <= labels.items()
    assert "nothing to change" in bench.deploy(tagged)


def test_network_ingress_and_warm_instances_are_the_apis_and_off_without_a_word(
    bench: Bench, service: Service
) -> None:
    bench.deploy(service)
    cloud = bench.google.cloud
    for each in cloud.functions.values():
        config = each["serviceConfig"]
        assert "vpcConnector" not in config
        assert not config.get("minInstanceCount")
    connector = "projects/demo-1/locations/europe-west1/connectors/ours"
    bench.deploy(make_service(ingress="internal", vpcConnector=connector, warmInstances=2))
    configs = {path.rpartition("/")[2]: each["serviceConfig"] for path, each in cloud.functions.items()}
    assert {each["vpcConnector"] for each in configs.values()} == {connector}
    internal = {
        name for name, each in configs.items() if each["ingressSettings"] in {"ALLOW_INTERNAL_ONLY", 2}
    }
    warm = {name: each["minInstanceCount"] for name, each in configs.items() if each.get("minInstanceCount")}
    assert (internal, warm) == ({API}, {API: 2})


def test_a_companys_key_encrypts_all_that_is_stored(bench: Bench) -> None:
    key = "projects/keys-1/locations/europe-west1/keyRings/ml/cryptoKeys/models"
    encrypted = make_service(encryptionKey=key)
    bench.deploy(encrypted)
    cloud = bench.google.cloud
    assert {each["kmsKeyName"] for each in cloud.functions.values()} == {key}
    repository = f"{LOCATION}/repositories/serverless-ml-dev"
    assert cloud.resources[repository]["kmsKeyName"] == key
    assert members(bench, repository, "roles/artifactregistry.writer") == {NAMES.member("build")}
    assert {each["buildConfig"]["dockerRepository"] for each in cloud.functions.values()} == {repository}
    settings = bench.google.buckets.settings[NAMES.bucket]
    assert settings["encryption"]["defaultKmsKeyName"] == key
    replica = cloud.resources[f"projects/demo-1/secrets/{NAMES.secret}"]["replication"]["userManaged"]
    assert replica["replicas"][0]["customerManagedEncryption"] == {"kmsKeyName": key}
    assert "nothing to change" in bench.deploy(encrypted)
    bench.remove(encrypted, yes=True)
    assert cloud.resources == {}


def test_a_key_that_is_named_no_more_is_taken_from_functions_and_bucket(
    bench: Bench, service: Service
) -> None:
    key = "projects/keys-1/locations/europe-west1/keyRings/ml/cryptoKeys/models"
    bench.deploy(make_service(encryptionKey=key))
    assert "delete the repository serverless-ml-dev" in bench.deploy(service)
    assert f"{LOCATION}/repositories/serverless-ml-dev" not in bench.google.cloud.resources
    assert {each.get("kmsKeyName", "") for each in bench.google.cloud.functions.values()} == {""}
    settings = bench.google.buckets.settings[NAMES.bucket]
    assert not (settings.get("encryption") or {}).get("defaultKmsKeyName")
    assert "nothing to change" in bench.deploy(service)


def test_removing_without_the_key_that_was_named_leaves_no_images(bench: Bench, service: Service) -> None:
    key = "projects/keys-1/locations/europe-west1/keyRings/ml/cryptoKeys/models"
    bench.deploy(make_service(encryptionKey=key))
    assert "delete the repository serverless-ml-dev" in bench.remove(service, yes=True)
    assert bench.google.cloud.resources == {}


@pytest.mark.parametrize(
    ("alarms", "on"), [("yes", True), ("True", True), (True, True), ("no", False), ("false", False)]
)
def test_alarms_are_switched_by_the_words_of_every_cloud(alarms: object, on: bool) -> None:
    assert settings_of(make_service(alarms=alarms)).alarms is on
