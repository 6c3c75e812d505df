"""What was deployed before names carried the region stays found, is updated in place, and never made twice.

deployed_before.json is what the stand-in held after an earlier version had deployed one stage to two regions,
which share bucket, secret, topic and service accounts.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from providers.deploying.keys import Target
from providers.deploying.plan import DeploymentFailed
from providers.deploying.service import Service
from providers.google.deploying.key_store import key_store
from tests.google.conftest import Bench, make_service

BEFORE = Path(__file__).parent / "deployed_before.json"
HERE, THERE = "europe-west1", "us-central1"
BUCKET, SECRET = "demo-1-serverless-ml-dev", "projects/demo-1/secrets/serverless-ml-dev-keys"
RECORD = {"id": "3f9a0c1e", "role": "predict", "sha256": "0" * 64}
THERES = make_service(region=THERE)


@pytest.fixture
def earlier(bench: Bench) -> Bench:
    """A stage in two regions, as the earlier version left it, with a model and a key."""
    cloud, buckets = bench.google.cloud, bench.google.buckets
    state: dict[str, Any] = json.loads(BEFORE.read_text().replace("URL", cloud.url))
    for name in ("resources", "versions", "policies", "functions"):
        getattr(cloud, name).update(state[name])
    cloud.resources[SECRET]["etag"] = cloud.new_etag()
    cloud.number("demo-1")
    for name, settings in state["buckets"].items():
        buckets.create(name, settings)
    buckets.policies.update(state["bucket_policies"])
    buckets.put(BUCKET, "models/iris.json", b"{}", {})
    key_store(Target("dev", options={"region": HERE}), bench.google.env).write([RECORD])
    return bench


def of_the_project(bench: Bench) -> set[str]:
    return {path for path in bench.google.cloud.resources if "/locations/" not in path}


def regions(bench: Bench) -> set[str]:
    return {path.split("/")[3] for path in bench.google.cloud.functions}


def test_a_deployment_updates_it_in_place(earlier: Bench, service: Service) -> None:
    cloud = earlier.google.cloud
    before, queues = of_the_project(earlier), [path for path in cloud.resources if "/queues/" in path]
    said = earlier.deploy(service)
    assert "under the same names: these regions share the keys" in said.splitlines()[0]
    assert of_the_project(earlier) - before == {
        "projects/demo-1/serviceAccounts/serverless-ml-dev-build@demo-1.iam.gserviceaccount.com"
    }
    assert list(earlier.google.buckets.objects) == [BUCKET]
    assert [path for path in cloud.resources if "/queues/" in path] == queues
    assert len(cloud.functions) == 6
    assert not any("create the function" in line for line in said.splitlines())
    assert cloud.resources[SECRET]["replication"] == {"automatic": {}}, "it cannot be changed, nor need be"
    assert "nothing to change" in earlier.deploy(service)
    assert "nothing to change" not in earlier.deploy(THERES)
    assert "nothing to change" in earlier.deploy(service), "what one region changed is right for the other"
    store = key_store(Target("dev"), earlier.google.env)
    assert (store.read(), store.warning) == ([RECORD], None)


def test_whoever_could_delete_every_object_can_no_more(earlier: Bench, service: Service) -> None:
    said = earlier.deploy(service)
    assert "take storage.objectUser on all of the bucket from serverless-ml-dev-api, " in said
    bindings = earlier.google.buckets.policies[BUCKET]["bindings"]
    assert not any(
        each["role"] == "roles/storage.objectUser" and "condition" not in each for each in bindings
    )


def test_an_open_api_stays_open_by_the_grant_that_opened_it_or_without_a_check(
    earlier: Bench, service: Service
) -> None:
    earlier.deploy(service)
    cloud = earlier.google.cloud
    path = f"projects/demo-1/locations/{HERE}/services/serverless-ml-dev-api"
    open_to_all = {"role": "roles/run.invoker", "members": ["allUsers"]}
    assert path in cloud.unchecked or open_to_all in cloud.policies[path]["bindings"]


def test_removing_one_of_two_regions_leaves_what_the_other_uses(earlier: Bench, service: Service) -> None:
    cloud = earlier.google.cloud
    before = of_the_project(earlier)
    said = earlier.remove(service, yes=True)
    assert said.startswith(
        "the keys, the topic and the service accounts are kept: this stage is also in us-central1 "
        "(3 functions); removing it there deletes them\n"
        f"the bucket {BUCKET} is kept for this stage in us-central1\n"
    )
    assert regions(earlier) == {THERE}
    assert of_the_project(earlier) == before
    assert "models/iris.json" in earlier.google.buckets.objects[BUCKET]
    with pytest.raises(DeploymentFailed, match="nothing was removed: answer y"):
        earlier.remove(THERES, ask=lambda question: "n" if "1 model" in question else "y")
    earlier.remove(THERES, yes=True)
    assert (cloud.resources, cloud.functions, earlier.google.buckets.objects) == ({}, {}, {})


def test_an_interrupted_removal_of_one_of_two_is_completed_by_the_next(
    earlier: Bench, service: Service
) -> None:
    cloud = earlier.google.cloud
    before = of_the_project(earlier)
    cloud.fail("DELETE", r"/queues/", 403, "denied")
    with pytest.raises(DeploymentFailed, match="denied"):
        earlier.remove(service, yes=True)
    earlier.remove(service, yes=True)
    assert not any(f"/locations/{HERE}/" in path for path in (*cloud.functions, *cloud.resources))
    assert of_the_project(earlier) == before


def test_a_region_that_is_deployed_again_gets_what_is_its_own(earlier: Bench, service: Service) -> None:
    earlier.remove(service, yes=True)
    before = of_the_project(earlier)
    said = earlier.deploy(service)
    assert "this stage is also in us-central1 (3 functions), with keys, accounts and a bucket" in said
    assert len(of_the_project(earlier)) > len(before) + 5
    earlier.remove(service, yes=True)
    assert of_the_project(earlier) == before
    assert list(earlier.google.buckets.objects) == [BUCKET]


@pytest.mark.parametrize("left", ["everything but functions", "secret and bucket"])
def test_what_is_left_of_it_without_functions_is_removed(earlier: Bench, service: Service, left: str) -> None:
    cloud = earlier.google.cloud
    cloud.functions.clear()
    for path in [path for path in cloud.resources if "/locations/" in path]:
        if left == "secret and bucket" or f"/{THERE}/" in path:
            del cloud.resources[path]
    with pytest.raises(DeploymentFailed, match="nothing was removed: answer y"):
        earlier.remove(service, ask=lambda question: "n" if "1 model" in question else "y")
    earlier.remove(service, yes=True)
    assert (cloud.resources, earlier.google.buckets.objects) == ({}, {})
    assert earlier.remove(service).strip() == "nothing to remove in any region"


def test_an_interrupted_first_deployment_is_completed_under_its_names(
    earlier: Bench, service: Service
) -> None:
    """An earlier version ended before its functions were made; the secret was."""
    cloud = earlier.google.cloud
    cloud.functions.clear()
    before = of_the_project(earlier)
    earlier.deploy(service)
    assert len(of_the_project(earlier) - before) == 1, "the account that builds"
    assert list(earlier.google.buckets.objects) == [BUCKET]


def test_verbs_find_it_in_either_region(earlier: Bench, service: Service) -> None:
    for each, region in ((service, HERE), (THERES, THERE)):
        facts = earlier.deployer(each).info()
        assert facts["bucket"] == BUCKET
        assert f"/{region}/" in facts["endpoint"]
        assert list(earlier.deployer(each).logs("api", 0.0)) == []
        store = key_store(Target("dev", options={"region": region}), earlier.google.env)
        assert store.read() == [RECORD]
    with pytest.raises(DeploymentFailed, match=r"it is in europe-west1 .*us-central1"):
        earlier.deployer(make_service(region="asia-northeast1")).info()
