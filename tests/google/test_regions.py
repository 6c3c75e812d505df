"""Each verb acts where it was told to: regions, stages, services and projects keep out of each other's way.

Each region of a stage has all of its own. tests/google/test_earlier.py has those that share.
"""

import json
from typing import Any

import pytest

from providers.deploying.keys import Target
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.google.deploying.key_store import key_store
from providers.google.deploying.names import names_of
from tests.google.cloud import Cloud
from tests.google.conftest import Bench, make_service

HERE, THERE = "europe-west1", "us-central1"
BUCKET, THERES = (f"demo-1-serverless-ml-dev-{region}" for region in (HERE, THERE))
API = "serverless-ml-dev-api"
MODELS = {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/v1/models"}


@pytest.fixture
def there() -> Service:
    """The stage `dev` in another region than the one that is meant without a word."""
    return make_service(region=THERE)


def state(bench: Bench) -> str:
    """All that the stand-ins hold, but for tags and policies that say nothing."""
    cloud, buckets = bench.google.cloud, bench.google.buckets
    policies = {
        name: each["bindings"] for name, each in sorted(cloud.policies.items()) if each.get("bindings")
    }
    held = [cloud.resources, cloud.functions, cloud.versions, policies, buckets.settings]
    return json.dumps([held, {name: sorted(each) for name, each in buckets.objects.items()}], default=str)


def regional(cloud: Cloud, region: str) -> list[str]:
    """What is in a region: functions, queue and schedule."""
    return [path for path in (*cloud.functions, *cloud.resources) if f"/locations/{region}/" in path]


def of_the_project(cloud: Cloud) -> list[str]:
    return [path for path in cloud.resources if "/locations/" not in path]


def put_model(bench: Bench, bucket: str = BUCKET) -> None:
    bench.google.buckets.put(bucket, "models/iris.json", b"{}", {})


def test_remove_without_the_region_refuses_and_says_how_to_name_it(
    bench: Bench, service: Service, there: Service
) -> None:
    """It once deleted models and keys, left the functions, and ended well."""
    bench.deploy(there)
    put_model(bench, THERES)
    before = state(bench)
    with pytest.raises(DeploymentFailed) as refusal:
        bench.remove(service, yes=True)
    assert str(refusal.value) == (
        "nothing was removed: serverless-ml, stage dev, is not in europe-west1; it is in us-central1 "
        "(3 functions): pass --param region=us-central1"
    )
    assert state(bench) == before
    bench.remove(there, yes=True)
    assert (bench.google.cloud.resources, bench.google.cloud.functions) == ({}, {})
    assert bench.google.buckets.objects == {}


def test_two_regions_share_nothing_and_removing_one_leaves_the_other_as_it_was(
    bench: Bench, service: Service, there: Service
) -> None:
    bench.deploy(there)
    put_model(bench, THERES)
    before = state(bench)
    theirs = set(of_the_project(bench.google.cloud))
    bench.deploy(service)
    put_model(bench)
    assert len(set(of_the_project(bench.google.cloud)) - theirs) == len(theirs)
    with pytest.raises(DeploymentFailed, match="nothing was removed: answer y"):
        bench.remove(service, ask=lambda question: "n" if BUCKET in question else "y")
    said = bench.remove(service, yes=True)
    assert "kept" not in said
    assert state(bench) == before
    assert "nothing to change" in bench.deploy(there)


def test_an_interrupted_removal_of_one_of_two_regions_is_completed_by_the_next(
    bench: Bench, service: Service, there: Service
) -> None:
    bench.deploy(service)
    bench.deploy(there)
    cloud = bench.google.cloud
    cloud.fail("DELETE", r"/queues/", 403, "denied")
    with pytest.raises(DeploymentFailed, match="denied"):
        bench.remove(service, yes=True)
    assert [path.split("/")[-2] for path in regional(cloud, HERE)] == ["queues"]
    bench.remove(service, yes=True)
    assert regional(cloud, HERE) == []
    assert len(regional(cloud, THERE)) == 5


@pytest.mark.parametrize("kind", ["queues", "jobs"])
def test_what_is_left_in_another_region_without_functions_is_found(
    bench: Bench, service: Service, there: Service, kind: str
) -> None:
    """Functions deleted by hand: the rest is not forgotten there, and is removed by naming that region."""
    bench.deploy(there)
    put_model(bench, THERES)
    cloud = bench.google.cloud
    cloud.functions.clear()
    for path in regional(cloud, THERE):
        if f"/{kind}/" not in path:
            del cloud.resources[path]
    with pytest.raises(DeploymentFailed, match=r"it is in us-central1 \(1 (queue|schedule)\): pass --param"):
        bench.remove(service, yes=True)
    with pytest.raises(DeploymentFailed, match="nothing was removed: answer y"):
        bench.remove(there, ask=lambda _: "n")
    bench.remove(there, yes=True)
    assert (cloud.resources, bench.google.buckets.objects) == ({}, {})


def test_what_is_left_without_functions_is_removed_by_naming_its_region(
    bench: Bench, service: Service, there: Service
) -> None:
    """Nothing but bucket, secret, topic and accounts."""
    bench.deploy(there)
    put_model(bench, THERES)
    cloud = bench.google.cloud
    cloud.functions.clear()
    for path in regional(cloud, THERE):
        del cloud.resources[path]
    before = state(bench)
    assert bench.remove(service, yes=True).strip() == "nothing to remove in any region"
    assert state(bench) == before
    with pytest.raises(DeploymentFailed, match="nothing was removed: answer y"):
        bench.remove(there, ask=lambda _: "n")
    bench.remove(there, yes=True)
    assert (cloud.resources, bench.google.buckets.objects) == ({}, {})
    assert bench.remove(service).strip() == "nothing to remove in any region"


def test_a_dry_run_of_remove_refuses_and_prints_as_the_run_would(
    bench: Bench, service: Service, there: Service
) -> None:
    bench.deploy(there)
    with pytest.raises(DeploymentFailed, match="is not in europe-west1"):
        bench.remove(service, dry=True)
    bench.deploy(service)
    before = state(bench)
    dry = [line.removeprefix("would: ") for line in bench.remove(service, dry=True).splitlines()]
    assert state(bench) == before
    said = bench.remove(service, yes=True).splitlines()
    assert [line.removeprefix("will: ") for line in said if line.startswith("will: ")] == dry


@pytest.mark.parametrize("unreachable", [THERE, HERE, "asia-northeast1"])
def test_a_region_that_google_cannot_look_at_is_not_taken_for_empty(
    bench: Bench, service: Service, unreachable: str
) -> None:
    bench.deploy(service)
    bench.google.cloud.unreachable = {unreachable}
    before = state(bench)
    with pytest.raises(DeploymentFailed, match=f"the functions in {unreachable} now.*try again later"):
        bench.remove(service, yes=True)
    assert state(bench) == before
    bench.google.cloud.unreachable = set()
    bench.remove(service, yes=True)
    assert bench.google.cloud.functions == {}


@pytest.mark.parametrize("status", [403, 400])
@pytest.mark.parametrize(
    "path", [rf"{THERE}/queues$", rf"{THERE}/jobs/", r"v2/projects/demo-1/locations$", r"/v1/.*/locations$"]
)
def test_a_look_that_fails_removes_nothing(bench: Bench, service: Service, path: str, status: int) -> None:
    bench.deploy(service)
    before = state(bench)
    bench.google.cloud.fail("GET", path, status, "not for you")
    with pytest.raises(DeploymentFailed, match="not for you") as refusal:
        bench.remove(service, yes=True)
    assert "\n" not in str(refusal.value)
    assert state(bench) == before


def test_other_regions_are_asked_for_queues_and_schedules_by_the_last_removal_alone(
    bench: Bench, service: Service, there: Service
) -> None:
    """A look into every region is dozens of calls: deploy and the removal of one of two need none."""

    def looks(region: str) -> int:
        asked = [request.path for request in bench.google.cloud.requests]
        return sum(f"/locations/{region}/queues" in path or f"{region}/jobs/" in path for path in asked)

    bench.deploy(service)
    assert looks(THERE) == 0
    bench.deploy(there)
    before = looks(HERE)
    bench.remove(there, yes=True)
    assert looks(HERE) == before
    assert looks("asia-northeast1") == looks("europe-west4") == 0
    bench.remove(service, yes=True)
    assert looks("asia-northeast1") == looks("europe-west4") == 1


def test_deploying_to_a_second_region_says_where_else_the_stage_is(
    bench: Bench, service: Service, there: Service
) -> None:
    assert "this stage is also in" not in bench.deploy(service).splitlines()[0]
    said = "this stage is also in europe-west1 (3 functions), with keys, accounts and a bucket of its own"
    assert said in bench.deploy(there, dry=True).splitlines()
    assert said in bench.deploy(there).splitlines()
    assert "this stage is also in us-central1 (3 functions), with keys" in bench.deploy(service)


def test_deploy_minds_no_other_region_that_cannot_be_looked_at_but_its_own(
    bench: Bench, service: Service, there: Service
) -> None:
    bench.deploy(service)
    bench.google.cloud.unreachable = {THERE}
    said = bench.deploy(service)
    assert "Google cannot list the functions in us-central1 now" in said
    assert "nothing to change" in said
    with pytest.raises(DeploymentFailed, match=f"cannot list the functions in {THERE} now"):
        bench.deploy(there)


def test_info_invoke_and_logs_say_in_which_region_it_is(
    bench: Bench, service: Service, there: Service
) -> None:
    bench.deploy(there)
    here, far = bench.deployer(service), bench.deployer(there)
    hint = r"; it is in us-central1 \(3 functions\): pass --param region=us-central1$"
    with pytest.raises(DeploymentFailed, match=f"nothing is deployed to google project demo-1.*{hint}"):
        here.info()
    with pytest.raises(DeploymentFailed, match=f"api is not deployed to google project demo-1.*{hint}"):
        here.invoke("api", MODELS)
    with pytest.raises(DeploymentFailed, match=f"api is not deployed to google project demo-1.*{hint}"):
        list(here.logs("api", 0.0))
    assert f"/{THERE}/" in far.info()["endpoint"]
    assert list(far.logs("api", 0.0)) == []


def test_each_region_is_shown_called_and_read_by_itself(
    bench: Bench, service: Service, there: Service
) -> None:
    bench.deploy(service)
    bench.deploy(there)
    bench.google.cloud.entries = [
        {"textPayload": region, "resource": {"labels": {"location": region}}} for region in (HERE, THERE)
    ]
    for one, other in ((service, THERE), (there, HERE)):
        deployer, region = bench.deployer(one), one.provider["region"]
        facts = deployer.info()
        assert f"/live/{region}/{API}" in facts["endpoint"]
        assert facts["also in"] == f"{other} (3 functions)"
        answer: Any = deployer.invoke("api", MODELS)
        assert region in json.dumps(answer)
        assert [line.split()[-1] for line in deployer.logs("api", 0.0)] == [region]


def test_whoever_may_read_logs_alone_reads_them(bench: Bench, service: Service) -> None:
    bench.google.cloud.fail("GET", r"/functions$", 403, "no right to list functions")
    deployer = bench.deployer(service)
    assert list(deployer.logs("api", 0.0)) == []
    assert list(deployer.logs("api", 0.0)) == []
    assert bench.google.cloud.failures == []


NEIGHBOURS = {
    "stage": make_service(stage="prod"),
    "service": make_service()._replace(name="churn"),
    "project": make_service(project="demo-2"),
    "stage, elsewhere": make_service(stage="prod", region=THERE),
    "service whose name goes on": make_service(stage="train")._replace(name="serverless-ml-dev"),
}


@pytest.mark.parametrize("neighbour", NEIGHBOURS.values(), ids=NEIGHBOURS.keys())
def test_every_verb_leaves_the_neighbour_alone(bench: Bench, service: Service, neighbour: Service) -> None:
    bench.deploy(neighbour)
    put_model(bench, names_of(neighbour).bucket)
    before = state(bench)
    assert bench.remove(service, yes=True).strip() == "nothing to remove in any region"
    with pytest.raises(DeploymentFailed, match=r"nothing is deployed to google project demo-1[^;]*$"):
        bench.deployer(service).info()
    assert "this stage is also in" not in bench.deploy(service)
    bench.remove(service, yes=True)
    assert state(bench) == before
    assert "nothing to change" in bench.deploy(neighbour)


EVERYWHERE = [
    make_service(project=project, region=region, stage=stage)._replace(name=name)
    for project in ("demo-1", "demo-2")
    for region in (HERE, THERE)
    for stage in ("dev", "prod")
    for name in ("serverless-ml", "churn")
]


def own_functions(bench: Bench, service: Service) -> set[str]:
    names = names_of(service)
    prefix = f"{names.location}/functions/{names.base}-"
    return {path for path in bench.google.cloud.functions if path.startswith(prefix)}


def test_sixteen_deployments_that_differ_in_one_thing_or_more_are_each_their_own(bench: Bench) -> None:
    """Two projects, regions, stages and services: each verb acts on one, and every other is as it was."""
    for each in EVERYWHERE:
        bench.deploy(each)
        put_model(bench, names_of(each).bucket)
        target = Target(
            each.stage, each.name, {"project": each.provider["project"], "region": each.provider["region"]}
        )
        store = key_store(target, bench.google.env)
        assert store.warning is None
        store.write([{"id": names_of(each).secret, "role": "admin", "sha256": "0" * 64}])
    for each in EVERYWHERE:
        names, deployer = names_of(each), bench.deployer(each)
        facts = deployer.info()
        assert facts["bucket"] == names.bucket
        assert f"/live/{names.region}/{names.base}-api" in facts["endpoint"]
        answer = json.loads(json.dumps(deployer.invoke("api", MODELS)))["body"]
        assert json.loads(answer) == {"region": names.region, "function": f"{names.base}-api"}
        assert list(deployer.logs("api", 0.0)) == []
        asked = [each.body for each in bench.google.cloud.requests if each.path.endswith("entries:list")][-1]
        assert asked["resourceNames"] == [f"projects/{names.project}"]
        assert names.region in asked["filter"]
        assert f'"{names.base}-api"' in asked["filter"]
    left = list(EVERYWHERE)
    while left:
        gone = left.pop(len(left) // 2)
        before = {path: dict(each) for path, each in bench.google.cloud.functions.items()}
        mine = own_functions(bench, gone)
        assert len(mine) == 3
        bench.remove(gone, yes=True)
        assert {
            path: each for path, each in before.items() if path not in mine
        } == bench.google.cloud.functions
        assert set(bench.google.buckets.objects) == {names_of(each).bucket for each in left}
        for each in left:
            secret = f"projects/{each.provider['project']}/secrets/{names_of(each).secret}"
            assert bench.google.cloud.versions[secret][0]["state"] == "ENABLED"
        if left:
            assert "nothing to change" in bench.deploy(left[len(left) // 2])
    assert bench.google.cloud.resources == {}


def test_names_that_two_services_share_are_not_taken_for_ones_own(bench: Bench) -> None:
    """`ml` at the stage `a-b` and `ml-a` at `b` are called the same; labels tell them apart."""
    one = make_service(stage="a-b", bucket="b-1")._replace(name="ml")
    other = make_service(stage="b", bucket="b-1")._replace(name="ml-a")
    bench.deploy(one)
    put_model(bench, "b-1")
    before = state(bench)
    with pytest.raises(
        DeploymentFailed, match=r"belongs to the service ml, stage a-b, which has the same names"
    ):
        bench.remove(other, yes=True)
    assert state(bench) == before
    with pytest.raises(
        DeploymentFailed, match=r"ml-a-b-api in europe-west1 belongs to the service ml, stage"
    ):
        bench.deploy(other)
    assert state(bench) == before


def test_a_bucket_that_another_stage_uses_stays(bench: Bench, service: Service) -> None:
    prod = make_service(stage="prod", bucket=BUCKET)
    bench.deploy(prod)
    bench.deploy(service)
    put_model(bench)
    users = ", ".join(f"serverless-ml-prod-{name}" for name in ("api", "sweep", "train"))
    assert f"the bucket {BUCKET} is kept for {users}" in bench.remove(service, yes=True)
    assert "models/iris.json" in bench.google.buckets.objects[BUCKET]
    bench.deploy(service)
    bench.deploy(prod)
    bench.google.cloud.functions.clear()
    said = bench.remove(service, yes=True)
    assert f"the bucket {BUCKET} is kept for the service serverless-ml, stage prod" in said
    bench.remove(prod, yes=True)
    assert (bench.google.cloud.resources, bench.google.buckets.objects) == ({}, {})


def test_a_bucket_of_one_region_alone_goes_with_it(bench: Bench, service: Service) -> None:
    own = make_service(region=THERE, bucket="models-over-there")
    bench.deploy(service)
    bench.deploy(own)
    put_model(bench)
    put_model(bench, "models-over-there")
    with pytest.raises(DeploymentFailed, match="nothing was removed: answer y"):
        bench.remove(own, ask=lambda _: "n")
    assert regional(bench.google.cloud, THERE)
    bench.remove(own, yes=True)
    assert list(bench.google.buckets.objects) == [BUCKET]
    assert "nothing to change" in bench.deploy(service)


def test_remove_refuses_another_bucket_than_the_functions_use(bench: Bench, service: Service) -> None:
    """`deploy --param bucket=…`, then `remove` without it."""
    chosen = make_service(bucket="models-of-mine")
    bench.deploy(chosen)
    before = state(bench)
    with pytest.raises(DeploymentFailed, match=r"use the bucket models-of-mine, .*: pass --param bucket=mod"):
        bench.remove(service, yes=True)
    assert state(bench) == before
    assert bench.deployer(service).info()["bucket"] == "models-of-mine"
    bench.remove(chosen, yes=True)
    assert bench.google.buckets.objects == {}


def test_deploy_refuses_to_lose_sight_of_the_bucket_that_has_the_models(
    bench: Bench, service: Service
) -> None:
    """`deploy --param bucket=…`, then `deploy` without it; whoever names another one means it."""
    bench.deploy(make_service(bucket="models-1"))
    put_model(bench, "models-1")
    before = state(bench)
    with pytest.raises(
        DeploymentFailed, match=rf"use the bucket models-1, .*bucket=models-1, or .*={BUCKET}"
    ):
        bench.deploy(service)
    assert state(bench) == before
    bench.deploy(make_service(bucket=BUCKET))
    assert "nothing to change" in bench.deploy(service)
    assert "models/iris.json" in bench.google.buckets.objects["models-1"]
