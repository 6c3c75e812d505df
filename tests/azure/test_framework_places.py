"""Where the framework's own verbs act, whatever says the subscription and the group, and in which case."""

import io
from pathlib import Path

import pytest

from providers.deploying.plan import DeploymentRun
from tests.azure.conftest import deployer
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure, group_id
from tests.framework import Project

GROUP = "serverless-ml-dev"
SPELLED = {"subscription": SUBSCRIPTION.upper(), "resourceGroup": "Serverless-ML-dev"}
VARIABLES = {"subscription": "AZURE_SUBSCRIPTION_ID", "resourceGroup": "AZURE_RESOURCE_GROUP"}


@pytest.mark.usefixtures("small_packages")
@pytest.mark.parametrize("source", ["parameter", "environment"])
@pytest.mark.parametrize(
    "spelled", [("resourceGroup",), ("subscription",), ("resourceGroup", "subscription")]
)
def test_remove_does_not_delete_models_unasked(
    azure: FakeAzure,
    tmp_path: Path,
    source: str,
    spelled: tuple[str, ...],
) -> None:
    deployer(azure).deploy(DeploymentRun(out=io.StringIO()))
    (account,) = azure.accounts(GROUP)
    azure.blobs[account] = ["models/iris.json"]
    values = {"subscription": SUBSCRIPTION} | {name: SPELLED[name] for name in spelled}
    env = {VARIABLES[name]: value for name, value in values.items()} if source == "environment" else {}
    given = [] if env else [word for name, value in values.items() for word in ("--param", f"{name}={value}")]
    project = Project(str(tmp_path), {"AZURE_ENDPOINT_URL": azure.url, **env})
    ran = project.try_serverless("remove", "--stage", "dev", "--param", "cloud=azure", *given)
    assert ran.status == 1, ran.said
    assert f"resource group {GROUP} in westeurope" in ran.said
    assert "nothing was removed: answer y to the question, or pass --yes" in ran.said
    assert group_id(GROUP) in azure.groups


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        (("apiMemory=2048", "alarms=yes", "tags=team=ml,cost-center=7", "warmInstances=1"), 0, "would: 4/4"),
        (("apiMemory=1024",), 1, "apiMemory: expected 512, 2048 or 4096 (MB), got '1024'"),
    ],
)
def test_parameters_of_the_command_line_reach_the_plan(
    azure: FakeAzure, tmp_path: Path, given: tuple[str, ...], status: int, says: str
) -> None:
    project = Project(str(tmp_path), {"AZURE_ENDPOINT_URL": azure.url, "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION})
    params = [word for each in ("cloud=azure", *given) for word in ("--param", each)]
    ran = project.try_serverless("deploy", "--stage", "dev", "--dry-run", *params)
    assert ran.status == status, ran.said
    assert says in ran.said
    assert azure.changes() == []
