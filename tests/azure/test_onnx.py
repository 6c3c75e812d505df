"""The app that runs imported models on Azure: what its identity may do, what it is told, and how it goes."""

import io
import json
import os
import zipfile
from typing import Any

import pytest

from providers.azure.deploying import packaging
from providers.azure.deploying.planning import apps_of, shape_of
from providers.azure.deploying.template import BLOB_DATA_OWNER, BLOB_DELEGATOR, rights, template
from providers.azure.runtime.connection import connection
from providers.azure.runtime.names import names
from providers.azure.runtime.signer import BlobSigner
from providers.deploying import graphs
from providers.deploying.plan import DeploymentFailed, DeploymentRun
from tests.azure.arm_expressions import Scope
from tests.azure.conftest import ROOT, deployer, make_service
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure
from tests.azure.field_limits import faults_between_fields
from tests.azure.name_rules import faults_of_name
from tests.azure.published_types import faults_of_resource
from tests.azure.test_template import ALL_ON

NAMES = names("serverless-ml", "dev", SUBSCRIPTION)
HOST = NAMES.host_account("onnx")


def document(**given: Any) -> dict[str, Any]:
    return template(shape_of(make_service(**given), NAMES))


def site(found: dict[str, Any], app: str) -> Any:
    named = [each for each in found["resources"] if each["name"] == NAMES.app(app)]
    return named[0]["properties"]


def settings(found: dict[str, Any], app: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in site(found, app)["siteConfig"]["appSettings"]}


@pytest.mark.parametrize("more", [{}, ALL_ON])
def test_every_resource_is_one_that_azure_publishes(more: dict[str, Any]) -> None:
    found = document(onnx="yes", **more)
    for each in found["resources"]:
        assert faults_of_resource(each) == []
        assert faults_between_fields(each) == []
        assert faults_of_name(each["type"], each["name"]) == []


def test_its_identity_has_its_hosts_account_and_nothing_of_the_models() -> None:
    """No container, no queue, no key, no right to sign: a model that broke out would find nothing."""
    (right,) = (each for each in rights(shape_of(make_service(onnx="yes"), NAMES)) if each.function == "onnx")
    assert (right.role, right.names) == (BLOB_DATA_OWNER, (HOST,))
    assert NAMES.storage != HOST


def test_of_the_others_train_gets_a_right_more_which_is_to_sign_addresses() -> None:
    before, after = (set(rights(shape_of(make_service(**given), NAMES))) for given in ({}, {"onnx": "yes"}))
    added = {(each.function, each.role, each.names) for each in after - before}
    assert added == {
        ("onnx", BLOB_DATA_OWNER, (HOST,)),
        ("train", BLOB_DELEGATOR, (NAMES.storage,)),
    }
    assert before <= after


def test_its_package_is_in_its_hosts_account_too() -> None:
    found = document(onnx="yes")
    containers = [
        each["name"]
        for each in found["resources"]
        if each["type"].endswith("/containers") and "onnx" in each["name"]
    ]
    assert containers == [f"{HOST}/default/packages-onnx"]
    storage = site(found, "onnx")["functionAppConfig"]["deployment"]["storage"]
    assert HOST in storage["value"]
    assert NAMES.storage not in storage["value"]


def test_it_is_told_where_artifacts_are_and_nothing_else_of_the_service() -> None:
    told = settings(document(onnx="yes"), "onnx")
    assert {name for name in told if name.startswith("ML_")} == {"ML_ARTIFACTS", "ML_ONNX_MEMORY"}
    assert "keyRecords" not in json.dumps(told)
    assert told["ML_ARTIFACTS"].endswith(".primaryEndpoints.blob, 'models/artifacts/')]")
    assert told["ML_ONNX_MEMORY"] == "2048"
    for app in ("api", "train"):
        assert settings(document(onnx="yes"), app)["ML_ONNX"] == (
            f"https://{NAMES.app('onnx')}.azurewebsites.net/run"
        )


@pytest.mark.parametrize("value", ["", "no", False])
def test_off_nothing_is_otherwise(value: object) -> None:
    assert document(onnx=value) == document()
    assert "onnx" not in json.dumps(document()).lower()


def test_on_the_other_apps_are_what_they_were_but_for_where_it_is() -> None:
    before, after = document(), document(onnx="yes")
    for app in ("api", "train"):
        told = site(after, app)["siteConfig"]["appSettings"]
        told[:] = [each for each in told if each["name"] != "ML_ONNX"]
        assert site(after, app) == site(before, app)
    names_before = {(each["type"], each["name"]) for each in before["resources"]}
    added = [each for each in after["resources"] if (each["type"], each["name"]) not in names_before]
    rights_added = [each for each in added if each["type"].endswith("/roleAssignments")]
    assert len(rights_added) == 2  # the test above says which
    assert all("onnx" in json.dumps(each) for each in added if each not in rights_added)


@pytest.mark.parametrize(("given", "said"), [({"onnx": "on"}, "onnx: expected yes, or nothing, got 'on'")])
def test_a_value_that_cannot_be_is_refused_before_anything_is_built(given: dict[str, Any], said: str) -> None:
    with pytest.raises(DeploymentFailed, match=said):
        document(**given)


@pytest.mark.parametrize(("name", "value"), [("memory", "1024"), ("instances", "0")])
def test_an_instance_that_azure_does_not_have_is_refused(name: str, value: str) -> None:
    service = make_service(onnx="yes")
    onnx = service.functions["onnx"]
    functions = {**service.functions, "onnx": onnx._replace(settings={**onnx.settings, name: value})}
    with pytest.raises(DeploymentFailed, match=f"onnx{name.title()}: expected"):
        shape_of(service._replace(functions=functions), NAMES)


def test_alarms_and_pictures_are_of_it_too_where_it_is() -> None:
    app = NAMES.app("onnx")
    found = document(onnx="yes", alarms="yes", dashboard="yes")
    told = {each["type"]: json.dumps(each) for each in found["resources"] if "Insights" in each["type"]}
    queries = json.dumps(
        [each for each in found["resources"] if each["type"] == "Microsoft.Insights/scheduledQueryRules"]
    )
    assert f"cloud_RoleName =~ '{app}' and toint(resultCode) >= 500" in queries
    assert told["Microsoft.Insights/workbooks"].count(app) > 3


@pytest.fixture(scope="module")
def built() -> str:
    service = make_service(onnx="yes")
    return packaging.build(service, {"onnx": apps_of(service)["onnx"]})["onnx"]


def test_its_package_holds_what_it_reaches_and_what_that_imports(built: str) -> None:
    with zipfile.ZipFile(built) as archive:
        held = archive.namelist()
        app, host = archive.read("function_app.py").decode(), json.loads(archive.read("host.json"))
    ours = {name for name in held if name.endswith(".py") and not name.startswith(".python_packages")}
    assert ours - {"function_app.py"} == set(graphs.sources(ROOT, "azure"))
    assert "from handlers.onnx.azure import run" in app
    assert host["functionTimeout"] == "00:00:28"
    libraries = {name.split("/")[3] for name in held if name.startswith(packaging.SITE_PACKAGES)}
    assert {"numpy", "onnxruntime", "azure"} <= libraries
    assert not {"obstore", "sklearn", "google", "flatbuffers", "packaging"} & libraries
    assert not [name for name in held if "libonnxruntime.so" in name]


def test_its_package_is_at_most_27_mb(built: str) -> None:
    assert os.path.getsize(built) <= 27_000_000


@pytest.mark.usefixtures("small_packages")
class TestDeployed:
    def run(self, azure: FakeAzure, **given: Any) -> str:
        out = io.StringIO()
        deployer(azure, make_service(**given)).deploy(DeploymentRun(out=out))
        return out.getvalue()

    def test_a_second_deployment_has_nothing_to_do(self, azure: FakeAzure) -> None:
        assert "publish onnx" in self.run(azure, onnx="yes")
        assert "nothing to change" in self.run(azure, onnx="yes")

    def test_turned_off_the_app_and_its_plan_go(self, azure: FakeAzure) -> None:
        self.run(azure, onnx="yes")
        assert any(path.endswith(f"/sites/{NAMES.app('onnx')}") for path in azure.resources)
        self.run(azure)
        left = [
            path for path in azure.resources if "Microsoft.Web/" in path and "onnx" in path.rpartition("/")[2]
        ]
        assert left == []
        assert "nothing to change" in self.run(azure)

    def test_nobody_calls_it_by_hand(self, azure: FakeAzure) -> None:
        service = make_service(onnx="yes")
        with pytest.raises(DeploymentFailed, match="onnx answers api and train alone"):
            deployer(azure, service).invoke("onnx", {})


def test_what_addresses_begin_with_is_what_the_signer_signs() -> None:
    account = connection({"ML_STORAGE": f"AccountName={NAMES.storage};AccountKey=c2VjcmV0"})
    endpoint = f"https://{NAMES.storage}.blob.core.windows.net/"  # as Azure says it, with a slash
    scope = Scope(SUBSCRIPTION, NAMES.group, {}, {})
    scope.state[f"{scope.base}/providers/Microsoft.Storage/storageAccounts/{NAMES.storage}"] = {
        "primaryEndpoints": {"blob": endpoint}
    }
    told = scope.value(settings(document(onnx="yes"), "onnx")["ML_ARTIFACTS"])
    assert told == f"{BlobSigner(account, 'models').below}artifacts/"
