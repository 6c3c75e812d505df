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
