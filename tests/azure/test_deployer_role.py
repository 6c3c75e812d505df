"""The role for who deploys: every call of a deployment's life is in it, and nothing else is."""

import io
import json
import os
from typing import Any

import pytest

from providers.azure.deploying import packaging
from providers.azure.deploying.key_store import key_store
from providers.deploying.keys import Target
from providers.deploying.plan import DeploymentFailed, DeploymentRun
from providers.deploying.service import Service
from tests.azure.conftest import ROOT, deployer, make_service
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure, group_id

pytestmark = pytest.mark.usefixtures("small_packages")
GROUP = "serverless-ml-dev"
UNKNOWN_ROLE = "0f0b0c0d-0000-0000-0000-00000000000f"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/v"
# What Azure asks for besides the calls, as its documents say: to attach, to publish, to follow, to read logs.
ASKED_BY_THE_PLATFORM = {
    "Microsoft.Insights/components/query/read",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "Microsoft.OperationalInsights/workspaces/sharedKeys/action",
    "Microsoft.Resources/deployments/operationstatuses/read",
    "Microsoft.Web/serverfarms/join/action",
    "Microsoft.Web/sites/publish/action",
    # An incremental template reads what it references and compares.
    "Microsoft.Insights/components/read",
    "Microsoft.OperationalInsights/workspaces/read",
}


@pytest.fixture
def role() -> dict[str, Any]:
    with open(os.path.join(ROOT, "providers", "azure", "deployer-role.json"), encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


def deploy(azure: FakeAzure, service: Service | None = None) -> None:
    deployer(azure, service).deploy(DeploymentRun(out=io.StringIO()))


def whole_life(azure: FakeAzure) -> None:
    """Deploy, every parameter on and off, a right too much, keys of both kinds, each verb, remove."""
    on = make_service(
        ingress="internal",
        subnet=f"{NETWORK}/subnets/s",
        warmInstances=1,
        tags="team=ml",
        alarmEmail="ops@example.com",
        dashboard="yes",
        onnx="yes",
    )
    deploy(azure)
    azure.inside = True
    deploy(azure, on)
    deploy(azure)
    there = deployer(azure)
    there.info()
    there.invoke("sweep", {})
    list(there.logs("train", 0.0))
    env = {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url}
    (api,) = [app for app in azure.settings if "-api-" in app]
    azure.settings[api]["ML_KEYS"] = '[{"id": "earlier"}]'
    store = key_store(Target("dev"), env)
    store.write([*(store.read() or []), {"id": "new"}])
    _give_too_much(azure)
    deploy(azure)
    there.remove(DeploymentRun(yes=True, out=io.StringIO()))


def _give_too_much(azure: FakeAzure) -> None:
    path, body = next((path, body) for path, body in azure.resources.items() if "/containers/keys/" in path)
    scope = path.rpartition("/")[0].replace("/containers/keys/", "/containers/models/")
    another = {**body["properties"], "roleDefinitionId": f"/x/{UNKNOWN_ROLE}"}
    azure.resources[f"{scope}/{UNKNOWN_ROLE}"] = {**body, "properties": another}


def test_a_whole_life_needs_nothing_that_is_not_in_the_role(azure: FakeAzure, role: dict[str, Any]) -> None:
    azure.actions = role["Actions"]
    whole_life(azure)
    assert azure.groups == {}
    used = {each.lower() for each in azure.used}
    assert {each for each in role["Actions"] if each.lower() not in used} <= ASKED_BY_THE_PLATFORM
    assert role["DataActions"] == []


def test_the_role_says_each_action_once_and_no_wildcard(role: dict[str, Any]) -> None:
    assert role["Actions"] == sorted(set(role["Actions"]))
    assert not any("*" in action for action in role["Actions"])


def test_the_roles_that_the_documents_let_be_given_are_those_that_are_given(azure: FakeAzure) -> None:
    """The condition in docs/azure.md names every role of the template, and no other."""
    deploy(azure)
    given = {
        str(each["properties"]["roleDefinitionId"]).rpartition("/")[2]
        for each in azure.resources.values()
        if each["type"].endswith("/roleAssignments")
    }
    with open(os.path.join(ROOT, "docs", "azure.md"), encoding="utf-8") as file:
        text = file.read()
    (line,) = [line for line in text.splitlines() if line.startswith("$ ROLES=")]
    assert set(line.removeprefix("$ ROLES=").strip("'").split(", ")) == given


class TestWithoutTheRightToAssignRoles:
    """A Contributor is told so before anything is built or made."""

    @pytest.fixture(autouse=True)
    def a_contributor(self, azure: FakeAzure, monkeypatch: pytest.MonkeyPatch) -> None:
        azure.not_actions = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]

        def fail(*_: object) -> None:
            raise AssertionError("packaged")

        monkeypatch.setattr(packaging, "build", fail)

    def test_a_first_deployment_says_so(self, azure: FakeAzure) -> None:
        with pytest.raises(
            DeploymentFailed, match=f"roleAssignments/write in the subscription {SUBSCRIPTION}"
        ):
            deploy(azure)
        assert azure.changes() == []

    def test_an_update_says_so(self, azure: FakeAzure) -> None:
        tags = {"service": "serverless-ml", "stage": "dev"}
        azure.groups[group_id(GROUP)] = {"name": GROUP, "location": "westeurope", "tags": tags}
        with pytest.raises(DeploymentFailed, match=f"roleAssignments/write in the resource group {GROUP}"):
            deploy(azure)
        assert azure.changes() == []


def test_who_may_only_publish_does(azure: FakeAzure) -> None:
    deploy(azure)
    azure.group(GROUP)["tags"]["package-api"] = "of an earlier commit"
    azure.not_actions = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]
    deploy(azure)
    assert len(azure.packages[next(app for app in azure.packages if "-api-" in app)]) == 2


def test_who_may_not_ask_for_rights_is_refused_by_azure_in_time(azure: FakeAzure) -> None:
    azure.not_actions = ["Microsoft.Authorization/*"]
    with pytest.raises(DeploymentFailed, match=r"AuthorizationFailed: .*docs/azure\.md says which rights"):
        deploy(azure)
