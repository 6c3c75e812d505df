"""Deploying to a stand-in project: all is made, nothing twice; failures are survived or said in a line."""

import io
import json
import urllib.request
from collections.abc import Callable

import pytest

from handlers.settings import read_settings
from providers.deploying.parameters import Parameters
from providers.deploying.plan import DeploymentFailed, DeploymentRun
from providers.deploying.service import Function, Service
from providers.google.deploying.names import names_of
from tests.google.conftest import Bench, make_service

API, TRAIN, SWEEP = (f"serverless-ml-dev-{name}" for name in ("api", "train", "sweep"))
LOCATION = "projects/demo-1/locations/europe-west1"
NAMES = names_of(make_service())
BUCKET, SECRET = NAMES.bucket, f"projects/demo-1/secrets/{NAMES.secret}"


def test_a_first_deploy_makes_everything_and_sees_that_the_endpoint_answers(
    bench: Bench, service: Service
) -> None:
    said = bench.deploy(service)
    cloud = bench.google.cloud
    assert {name.rpartition("/")[2]: function["state"] for name, function in cloud.functions.items()} == {
        API: "ACTIVE",
        TRAIN: "ACTIVE",
        SWEEP: "ACTIVE",
    }
    assert said.splitlines()[-1] == f"{cloud.url}/live/europe-west1/{API} answers"
    assert cloud.functions[f"{LOCATION}/functions/{SWEEP}"]["eventTrigger"]["pubsubTopic"].endswith(
        NAMES.topic
    )
    assert cloud.versions[SECRET][0]["data"] == "W10="


def test_the_bucket_is_closed_to_the_public_and_forgets_old_states(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    settings = bench.google.buckets.settings[BUCKET]
    assert settings["iamConfiguration"]["uniformBucketLevelAccess"] == {"enabled": True}
    assert settings["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert settings["versioning"] == {"enabled": True}
    assert {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 30}} in settings[
        "lifecycle"
    ]["rule"]
    assert settings["softDeletePolicy"]["retentionDurationSeconds"] in {0, "0"}


def test_the_api_may_sign_for_itself_and_nobody_else_may(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    signs = {
        path: binding["members"]
        for path, policy in bench.google.cloud.policies.items()
        for binding in policy.get("bindings", [])
        if binding["role"] == "roles/iam.serviceAccountTokenCreator"
    }
    account = NAMES.email("api")
    assert {path.rpartition("/")[2]: members for path, members in signs.items()} == {
        account: [f"serviceAccount:{account}"]
    }


def test_trainer_and_sweep_may_read_the_buckets_of_data_and_nothing_else_of_them(bench: Bench) -> None:
    for name in ("lake", "archive"):
        bench.google.buckets.create(name, {})
    bench.google.buckets.policies["lake"] = {
        "bindings": [{"role": "roles/storage.admin", "members": ["user:owner@example.com"]}]
    }
    allowed = make_service(dataBuckets="gs://lake/exports, gs://lake/raw,gs://archive")
    said = bench.deploy(allowed)
    assert "give storage.objectViewer on the bucket lake to serviceAccount" not in said
    accounts = ", ".join(sorted(NAMES.account(reading) for reading in ("train", "sweep")))
    assert f"give storage.objectViewer on the bucket lake to {accounts}" in said
    for name in ("lake", "archive"):
        bindings = bench.google.buckets.policies[name]["bindings"]
        for reading in ("train", "sweep"):
            member = NAMES.member(reading)
            assert {"role": "roles/storage.objectViewer", "members": [member]} in bindings
    assert len(bench.google.buckets.policies["lake"]["bindings"]) == 3, "what others granted stays"
    for function in bench.google.cloud.functions.values():
        settings = function["serviceConfig"]["environmentVariables"]
        assert settings["ML_DATA_BUCKETS"] == "gs://lake/exports, gs://lake/raw,gs://archive"
    assert "nothing to change" in bench.deploy(allowed)
    bench.remove(allowed, yes=True)
    assert {"lake", "archive"} <= set(bench.google.buckets.objects), "they are not ours to remove"


def test_the_trainer_may_add_results_where_they_may_be_written_and_nothing_else_of_it(bench: Bench) -> None:
    for name in ("lake", "results"):
        bench.google.buckets.create(name, {})
    allowed = make_service(
        dataBuckets="gs://lake/exports", outputBuckets="gs://lake/scores/, gs://lake/more,gs://results"
    )
    said = bench.deploy(allowed)
    assert "storage.objectCreator" in said
    trainer, viewer, creator = (
        NAMES.member("train"),
        "roles/storage.objectViewer",
        "roles/storage.objectCreator",
    )
    held = {
        name: {
            (each["role"], each.get("condition", {}).get("expression", ""))
            for each in bench.google.buckets.policies[name]["bindings"]
            if each["members"] == [trainer]
        }
        for name in ("lake", "results")
    }
    below = {
        f'resource.name.startsWith("projects/_/buckets/lake/objects/{each}/")' for each in ("scores", "more")
    }
    assert held == {
        "lake": {(viewer, ""), *((role, each) for role in (viewer, creator) for each in below)},
        "results": {(viewer, ""), (creator, "")},
    }
    for function in bench.google.cloud.functions.values():
        settings = function["serviceConfig"]["environmentVariables"]
        assert settings["ML_OUTPUT_BUCKETS"] == "gs://lake/scores/, gs://lake/more,gs://results"
    assert "nothing to change" in bench.deploy(allowed)


def test_results_are_not_written_among_what_the_service_keeps(bench: Bench) -> None:
    with pytest.raises(DeploymentFailed, match="outputBuckets: expected other buckets than the service's"):
        bench.deploy(make_service(outputBuckets=f"gs://{NAMES.bucket}/scores"))


@pytest.mark.parametrize("parameter", ["dataBuckets", "outputBuckets"])
@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("gs://nowhere", "there is no bucket nowhere"),
        ("s3://lake", "expected gs://bucket"),
        ("lake", "expected gs://bucket or gs://bucket/folder, got 'lake'"),
    ],
)
def test_another_bucket_that_cannot_be_is_one_clear_line(
    bench: Bench, parameter: str, named: str, said: str
) -> None:
    with pytest.raises(DeploymentFailed, match=f"{parameter}: {said}"):
        bench.deploy(make_service(**{parameter: named}))
    assert bench.google.cloud.changes() == []


def test_an_instance_has_a_thread_for_each_request_and_not_all_of_them_may_wait(
    bench: Bench, service: Service
) -> None:
    bench.deploy(service)
    api = next(each for name, each in bench.google.cloud.functions.items() if name.endswith(f"/{API}"))
    config = api["serviceConfig"]
    threads = int(config["environmentVariables"]["THREADS"])
    assert threads == config["maxInstanceRequestConcurrency"] >= 2 * read_settings({}).max_waiting


def may_upload(bench: Bench, origin: str) -> bool:
    """Whether the bucket lets a page of that origin PUT a file to a signed address."""
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    url = f"{bench.google.env['GOOGLE_ENDPOINT_URL_STORAGE']}/{BUCKET}/datasets/churn/01"
    with urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS", headers=asks)) as answer:
        return bool(answer.headers["Access-Control-Allow-Origin"] == origin)


def test_the_services_own_page_may_upload_whatever_else_may(bench: Bench, service: Service) -> None:
    """Cloud Run's address is known after the function; Cloud Functions' own is known before."""
    said = bench.deploy(service)
    assert f"let the console use the bucket {BUCKET}" in said
    address = bench.google.cloud.functions[f"{LOCATION}/functions/{API}"]["serviceConfig"]["uri"]
    own = {"/".join(address.split("/")[:3]), "https://europe-west1-demo-1.cloudfunctions.net"}
    assert {may_upload(bench, origin) for origin in own} == {True}
    assert not may_upload(bench, "https://app.example.com")
    assert "nothing to change" in bench.deploy(service)
    bench.deploy(make_service(corsOrigins="https://app.example.com"))
    assert {may_upload(bench, origin) for origin in (*own, "https://app.example.com")} == {True}
    there = make_service(customDomains="ml.example.com,ml.example.org")
    bench.deploy(there)
    assert {may_upload(bench, f"https://{name}") for name in ("ml.example.com", "ml.example.org")} == {True}
    assert not may_upload(bench, "https://app.example.com"), "it is named no more"
    assert "nothing to change" in bench.deploy(there)
    bench.deploy(service)
    assert not may_upload(bench, "https://ml.example.com")
    assert {may_upload(bench, origin) for origin in own} == {True}


def test_the_page_of_another_region_uses_the_bucket_of_its_own(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.deploy(make_service(region="us-central1"))
    bench.deploy(service)
    assert may_upload(bench, "https://europe-west1-demo-1.cloudfunctions.net")
    assert not may_upload(bench, "https://us-central1-demo-1.cloudfunctions.net")


def test_pages_of_named_origins_may_call_and_use_signed_addresses_until_they_are_named_no_more(
    bench: Bench, service: Service
) -> None:
    origins = "https://app.example.com, http://localhost:3000"
    address = "https://docs.example.com"
    open_ = make_service(corsOrigins=origins, basePath="/ml", documentation=address)
    said = bench.deploy(open_)
    assert "update the bucket" not in said, "it was made with them"
    assert {may_upload(bench, origin) for origin in origins.split(", ")} == {True}
    assert not may_upload(bench, "https://evil.example")
    environments = {
        name.rpartition("/")[2]: function["serviceConfig"]["environmentVariables"]
        for name, function in bench.google.cloud.functions.items()
    }
    api = environments.pop(API)
    assert (api["ML_CORS_ORIGINS"], api["ML_BASE_PATH"]) == (origins.replace(" ", ""), "/ml")
    assert api["ML_DOCUMENTATION"] == address
    assert api["ML_TRAIN_HOURS"] == "12", "what takes requests knows how long they may train"
    assert not any("ML_CORS_ORIGINS" in each for each in environments.values()), "the api alone answers pages"
    assert "nothing to change" in bench.deploy(open_)
    said = bench.deploy(service)
    assert f"update the bucket {BUCKET}: origins of pages" in said
    assert not may_upload(bench, "https://app.example.com")
    assert "nothing to change" in bench.deploy(service)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("corsOrigins", "https://app.example.com/"),
        ("customDomains", "https://api.example.com"),
        ("basePath", "ml"),
        ("documentation", "http://docs.example.com"),
    ],
)
def test_a_parameter_of_the_web_that_cannot_be_is_one_clear_line(
    bench: Bench, parameter: str, value: str
) -> None:
    with pytest.raises(DeploymentFailed, match=f"^{parameter}: expected .*{value}"):
        bench.deploy(make_service(**{parameter: value}))
    assert bench.google.cloud.changes() == []


def test_a_second_deploy_changes_nothing(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    before = len(bench.google.cloud.changes())
    assert "nothing to change" in bench.deploy(service)
    assert len(bench.google.cloud.changes()) == before


def test_a_dry_run_prints_the_steps_and_changes_nothing(bench: Bench, service: Service) -> None:
    said = bench.deploy(service, dry=True)
    assert said.count("would: ") == len(said.splitlines()) > 15
    assert bench.google.cloud.changes() == []
    assert bench.google.buckets.objects == {}


def test_a_changed_setting_updates_only_its_function(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    settings = {**service.functions["api"].settings, "memory": "1Gi"}
    changed = service._replace(
        functions={**service.functions, "api": Function("api", "handlers.clouds.google.api", settings)}
    )
    said = bench.deploy(changed)
    assert [line.split(" (")[0] for line in said.splitlines()[:-1]] == [
        f"1/3 upload and update the function {API}: code or settings",
        f"2/3 wait for the function {API}",
        f"3/3 set who may call {API}: everybody",
    ]
    found = bench.google.cloud.functions[f"{LOCATION}/functions/{API}"]
    assert found["serviceConfig"]["availableMemory"] == "1Gi"


def test_a_parameter_that_goes_back_is_told(bench: Bench, service: Service) -> None:
    defaults = {"apiInstances": "10"}
    given = service._replace(parameters=Parameters({"apiInstances": "20"}, defaults))
    assert "goes back" not in bench.deploy(given)
    assert bench.deploy(given).startswith("nothing to change")
    said = bench.deploy(service._replace(parameters=Parameters({}, defaults)))
    assert said.startswith("the parameter apiInstances goes back from 20 to its default, 10: pass --param")
    assert f"the function {API}" in said, "what is kept is a setting of the function that answers"
    assert TRAIN not in said
    assert "goes back" not in bench.deploy(service)


def test_what_somebody_changed_by_hand_is_put_right(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    cloud = bench.google.cloud
    cloud.functions[f"{LOCATION}/functions/{API}"]["serviceConfig"]["maxInstanceCount"] = 3000
    cloud.policies[f"{LOCATION}/services/{TRAIN}"]["bindings"] = [
        {"role": "roles/run.invoker", "members": ["allUsers"]}
    ]
    bench.google.buckets.settings[BUCKET]["versioning"] = {"enabled": False}
    said = bench.deploy(service)
    assert "serviceConfig.maxInstanceCount" in said
    assert f"update the bucket {BUCKET}: versioning" in said
    assert cloud.policies[f"{LOCATION}/services/{TRAIN}"]["bindings"][0]["members"] == [
        NAMES.member("caller")
    ]
    assert "nothing to change" in bench.deploy(service)


def test_a_policy_keeps_what_others_granted(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    cloud = bench.google.cloud
    secret = SECRET
    auditor = {"role": "roles/secretmanager.viewer", "members": ["user:auditor@example.com"]}
    cloud.policies[secret]["bindings"] = [auditor]
    bench.deploy(service)
    assert auditor in cloud.policies[secret]["bindings"]
    assert len(cloud.policies[secret]["bindings"]) == 3


@pytest.mark.parametrize("after", range(1, 22, 3))
def test_an_interrupted_deploy_is_completed_by_the_next(bench: Bench, service: Service, after: int) -> None:
    """However many steps were done, the next deploy does the rest, and the one after it nothing."""
    run = DeploymentRun(out=io.StringIO())
    steps = 0

    class Interrupted(Exception):
        pass

    def clock() -> float:
        nonlocal steps
        steps += 1
        if steps > 2 * after:
            raise Interrupted
        return 0.0

    run._clock = clock
    with pytest.raises(Interrupted):
        bench.deployer(service).deploy(run)
    bench.deploy(service)
    assert all(each["state"] == "ACTIVE" for each in bench.google.cloud.functions.values())
    assert "nothing to change" in bench.deploy(service)


def test_a_build_that_an_interrupted_deploy_left_is_waited_for(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    cloud = bench.google.cloud
    path = f"{LOCATION}/functions/{API}"
    cloud.functions[path]["state"] = "DEPLOYING"
    cloud.becomes_active_after(path, polls=3)
    said = bench.deploy(service)
    assert f"wait for the function {API}" in said
    assert "upload" not in said


def test_a_failed_build_is_said_with_googles_reason_and_tried_again_by_the_next_deploy(
    bench: Bench, service: Service
) -> None:
    cloud = bench.google.cloud
    cloud.broken_builds[TRAIN] = "Build failed: requirements.txt: hashes do not match"
    with pytest.raises(DeploymentFailed, match=r"could not build serverless-ml-dev-train: Build failed: req"):
        bench.deploy(service)
    assert f"build the function {TRAIN} again, because its last build failed" in bench.deploy(service)
    assert cloud.functions[f"{LOCATION}/functions/{TRAIN}"]["state"] == "ACTIVE"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", r"/queues$"),
        ("POST", r"/serviceAccounts$"),
        ("POST", r"/functions$"),
        ("POST", r":generateUploadUrl$"),
        ("GET", r"/operations/"),
        ("POST", r"/services/.*:setIamPolicy$"),
    ],
)
def test_a_passing_failure_is_tried_again(
    bench: Bench, service: Service, method: str, path: str, status: int
) -> None:
    bench.google.cloud.fail(method, path, status, times=2)
    bench.deploy(service)
    assert bench.google.cloud.failures == []


def test_a_retry_waits_as_long_as_the_answer_asks(bench: Bench, service: Service) -> None:
    bench.google.cloud.fail("POST", r"/queues$", 429, Retry_After="7")
    bench.deploy(service)
    assert 7.0 in bench.clock.slept


def test_a_new_account_that_is_not_known_everywhere_yet_is_waited_for(bench: Bench, service: Service) -> None:
    said = "Service account api@demo-1.iam.gserviceaccount.com does not exist."
    bench.google.cloud.fail("POST", r"/secrets/.*:setIamPolicy$", 400, said, times=3)
    bench.google.cloud.fail("POST", r"/functions$", 404, said, times=2)
    bench.deploy(service)
    assert bench.google.cloud.failures == []


def test_policies_that_two_deploys_write_at_once_are_read_again(bench: Bench, service: Service) -> None:
    bench.google.cloud.fail("POST", r"/secrets/.*:setIamPolicy$", 409, "etag mismatch", times=2)
    bench.deploy(service)
    assert bench.google.cloud.failures == []


def test_what_another_deploy_made_in_the_meantime_is_as_good(bench: Bench, service: Service) -> None:
    """409 on creating: somebody was quicker, or our first answer was lost."""
    bench.deploy(service)
    cloud = bench.google.cloud
    path = f"{LOCATION}/functions/{API}"
    cloud.hide_once(path)
    bench.deploy(service)
    assert cloud.functions[path]["state"] == "ACTIVE"


def test_a_function_that_is_busy_is_updated_when_it_is_not(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.google.cloud.functions[f"{LOCATION}/functions/{API}"]["labels"]["made-from"] = "another"
    bench.google.cloud.fail("PATCH", rf"/functions/{API}$", 409, "unable to queue the operation", times=3)
    bench.deploy(service)
    assert bench.google.cloud.failures == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "Google refuses: .*Cloud Tasks API has not been used.*docs/google.md"),
        (400, "Google answers 400: .*Cloud Tasks API has not been used"),
    ],
)
def test_a_final_refusal_is_one_line(bench: Bench, service: Service, status: int, said: str) -> None:
    bench.google.cloud.fail(
        "GET", r"/queues$", status, "Cloud Tasks API has not been used\nin project demo-1"
    )
    with pytest.raises(DeploymentFailed, match=said) as caught:
        bench.deploy(service)
    assert "\n" not in str(caught.value)


def test_an_endpoint_that_does_not_answer_fails_the_deploy(
    bench: Bench, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.google.deploying.deployer.PATIENCE", 0.1)
    bench.google.cloud.alive = False
    with pytest.raises(DeploymentFailed, match=r"the health check of .* failed: expected HTTP 200, got 503"):
        bench.deploy(service)


def test_a_function_that_serverless_yml_no_longer_has_is_deleted(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    fewer = {name: function for name, function in service.functions.items() if name != "sweep"}
    bench.deploy(service._replace(functions=fewer))
    assert f"{LOCATION}/functions/{SWEEP}" not in bench.google.cloud.functions


def test_remove_leaves_nothing(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.google.buckets.put(BUCKET, "jobs/1.json", b"{}", {})
    bench.remove(service, yes=True)
    cloud, buckets = bench.google.cloud, bench.google.buckets
    assert (cloud.resources, cloud.functions, buckets.objects) == ({}, {}, {})
    assert bench.remove(service).strip() == "nothing to remove in any region"


def test_remove_touches_no_other_stage(bench: Bench, service: Service) -> None:
    prod = make_service(stage="prod", bucket="demo-1-serverless-ml-prod")
    bench.deploy(prod)
    there = json.dumps([bench.google.cloud.resources, bench.google.cloud.functions])
    bench.deploy(service)
    bench.remove(service, yes=True)
    assert json.loads(there) == [bench.google.cloud.resources, bench.google.cloud.functions]
    assert "nothing to change" in bench.deploy(prod)


@pytest.mark.parametrize(
    ("key", "held"), [("models/iris.json", "holds 1 model;"), ("datasets/churn/01", "holds 1 upload;")]
)
def test_remove_asks_before_it_deletes_what_nothing_brings_back(
    bench: Bench, service: Service, key: str, held: str
) -> None:
    bench.deploy(service)
    bench.google.buckets.put(BUCKET, key, b"{}", {})
    if key.startswith("models/"):
        bench.google.buckets.put(BUCKET, "models/-versions/iris/000000001", b"{}", {})  # no model of its own
    asked: list[str] = []

    def no(question: str) -> str:
        asked.append(question)
        return "n"

    with pytest.raises(DeploymentFailed, match="nothing was removed"):
        bench.remove(service, ask=no)
    assert held in asked[0]
    assert len(bench.google.cloud.functions) == 3
    bench.remove(service, yes=True)
    assert bench.google.buckets.objects == {}


def test_an_interrupted_remove_is_completed_by_the_next(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.google.cloud.fail("DELETE", r"/secrets/", 403, "denied")
    with pytest.raises(DeploymentFailed, match="denied"):
        bench.remove(service, yes=True)
    bench.remove(service, yes=True)
    assert bench.google.cloud.resources == {}


def test_a_stage_can_be_deployed_again_after_it_was_removed(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    bench.remove(service, yes=True)
    bench.deploy(service)
    assert len(bench.google.cloud.functions) == 3


def test_a_bucket_name_that_somebody_else_has_is_one_line(bench: Bench, service: Service) -> None:
    bench.google.buckets.taken.add(BUCKET)
    with pytest.raises(
        DeploymentFailed, match=r"the bucket name .* is taken by another project: pass --param bucket="
    ):
        bench.deploy(service)


def test_the_zip_is_uploaded_without_our_authorization(bench: Bench, service: Service) -> None:
    """The stand-in refuses an Authorization header on a signed URL, as Google does."""
    bench.deploy(service)
    uploads = [request for request in bench.google.cloud.requests if request.path.startswith("/signed/")]
    assert len(uploads) == 3
    assert all("authorization" not in request.headers for request in uploads)


def test_info_names_the_endpoint(bench: Bench, service: Service) -> None:
    with pytest.raises(DeploymentFailed, match="nothing is deployed to google project demo-1"):
        bench.deployer(service).info()
    bench.deploy(service)
    info = bench.deployer(service).info()
    assert info["endpoint"] == f"{bench.google.cloud.url}/live/europe-west1/{API}"
    assert info["train"].startswith("ACTIVE")


def test_logs_are_lines_in_order(bench: Bench, service: Service) -> None:
    bench.google.cloud.entries = [
        {"timestamp": "2026-11-23T10:00:00Z", "severity": "INFO", "jsonPayload": {"message": "request"}},
        {"timestamp": "2026-11-23T10:00:01Z", "textPayload": "plain"},
    ]
    lines = list(bench.deployer(service).logs("api", 0.0))
    assert lines == [
        '2026-11-23T10:00:00Z INFO    {"message": "request"}',
        "2026-11-23T10:00:01Z DEFAULT plain",
    ]
    asked = bench.google.cloud.requests[-1].body
    assert f'resource.labels.service_name="{API}"' in asked["filter"]


def test_another_role_on_a_function_is_not_ours_to_mind(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    viewer = {"role": "roles/run.viewer", "members": ["user:auditor@example.com"]}
    bench.google.cloud.policies[f"{LOCATION}/services/{API}"] = {"bindings": [viewer], "etag": "A1"}
    assert "nothing to change" in bench.deploy(service)


def drop_rule(bench: Bench) -> None:
    rules = bench.google.buckets.settings[BUCKET]["lifecycle"]["rule"]
    rules[:] = [each for each in rules if each["action"]["type"] == "Delete"]


def empty_policy(bench: Bench, part: str) -> None:
    for path, policy in bench.google.cloud.policies.items():
        if part in path:
            policy["bindings"] = []


def drop(bench: Bench, part: str) -> None:
    cloud = bench.google.cloud
    for path in [path for path in cloud.resources if part in path]:
        del cloud.resources[path]
        cloud.policies.pop(path, None)
        cloud.versions.pop(path, None)


def drop_bucket(bench: Bench) -> None:
    buckets = bench.google.buckets
    del buckets.objects[BUCKET], buckets.settings[BUCKET], buckets.policies[BUCKET]


HARMED: dict[str, Callable[[Bench], object]] = {
    "secret": lambda bench: drop(bench, "/secrets/"),
    "queue": lambda bench: drop(bench, "/queues/"),
    "schedule": lambda bench: drop(bench, "/jobs/"),
    "topic": lambda bench: drop(bench, "/topics/"),
    "account of the api": lambda bench: drop(bench, NAMES.account("api")),
    "account that builds": lambda bench: drop(bench, NAMES.account("build")),
    "bucket": drop_bucket,
    "rule of the bucket": drop_rule,
    "rights on the bucket": lambda bench: bench.google.buckets.policies[BUCKET].update(bindings=[]),
    "rights on the queue": lambda bench: empty_policy(bench, "/queues/"),
    "rights on the secret": lambda bench: empty_policy(bench, "/secrets/"),
    "rights of the build": lambda bench: empty_policy(bench, "projects/demo-1"),
    "openness": lambda bench: bench.google.cloud.unchecked.clear(),
    "callers of the trainer": lambda bench: empty_policy(bench, f"/services/{TRAIN}"),
    "function": lambda bench: bench.google.cloud.functions.pop(f"{LOCATION}/functions/{SWEEP}"),
}


@pytest.mark.parametrize("harm", HARMED.values(), ids=HARMED.keys())
def test_what_somebody_deleted_or_took_away_comes_back(
    bench: Bench, service: Service, harm: Callable[[Bench], object]
) -> None:
    bench.deploy(service)
    harm(bench)
    assert "nothing to change" not in bench.deploy(service)
    assert all(each["state"] == "ACTIVE" for each in bench.google.cloud.functions.values())
    assert "nothing to change" in bench.deploy(service)


def test_a_function_whose_topic_or_account_was_gone_is_built_again(bench: Bench, service: Service) -> None:
    bench.deploy(service)
    drop(bench, "/topics/")
    said = bench.deploy(service)
    assert f"build the function {SWEEP} again, because its topic was gone" in said
    assert API not in said.replace(f"{API} answers", "")
    drop(bench, NAMES.account("api"))
    assert f"build the function {API} again, because its account was gone" in bench.deploy(service)
