"""`deploy_model` on Google Cloud: a function that holds one model, built where builds need rights."""

from typing import Any

import pytest

from ml_core.errors import InvalidInput
from providers.google.deploying import functions
from tests.google.conftest import Google

LOCATION = "projects/demo-1/locations/europe-west1"


def deploy(google: Google, name: str = "iris", memory_mb: int = 512, **env: str) -> Any:
    return functions.deploy(
        b"artifact",
        name,
        memory_mb=memory_mb,
        region=None,
        progress=lambda _: None,
        env={**google.env, **env},
    )


def test_it_is_built_by_an_account_with_rights_and_nothing_changes_twice(google: Google) -> None:
    google.cloud.builds_need_rights = True
    assert deploy(google).changed
    assert deploy(google, "digits").changed
    assert not deploy(google).changed
    accounts = {path.rpartition("/")[2].split("@")[0] for path in google.cloud.resources}
    assert accounts == {"iris-model", "digits-model", "deploy-model-build"}


def test_another_account_builds_where_one_is_named(google: Google) -> None:
    own = "projects/demo-1/serviceAccounts/builds@demo-1.iam.gserviceaccount.com"
    google.cloud.resources[own] = {"name": own, "email": own.rpartition("/")[2]}
    deploy(google, GOOGLE_BUILD_ACCOUNT=own.rpartition("/")[2])
    assert google.cloud.functions[f"{LOCATION}/functions/iris"]["buildConfig"]["serviceAccount"] == own
    assert "projects/demo-1" not in google.cloud.policies


@pytest.mark.parametrize(
    ("memory", "cpu", "concurrency"), [(256, "0.167", 1), (512, "1", 8), (4097, "2", 8), (32768, "8", 8)]
)
def test_cpus_follow_from_memory(google: Google, memory: int, cpu: str, concurrency: int) -> None:
    deploy(google, memory_mb=memory)
    found = google.cloud.functions[f"{LOCATION}/functions/iris"]["serviceConfig"]
    assert (found["availableCpu"], found["maxInstanceRequestConcurrency"]) == (cpu, concurrency)


@pytest.mark.parametrize("memory", [128, 255, 32769])
def test_memory_that_no_instance_has_is_refused(google: Google, memory: int) -> None:
    with pytest.raises(InvalidInput, match=f"expected 256 to 32768 .* got {memory}"):
        deploy(google, memory_mb=memory)
    assert google.cloud.requests == []


def test_a_long_name_gives_an_account_that_google_takes(google: Google) -> None:
    assert deploy(google, "a-model-with-a-very-long-name-for-one-function").changed
