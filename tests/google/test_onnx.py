"""The function that runs imported models on Google Cloud: what its account may do, who may invoke it."""

import zipfile
from typing import Any

import pytest

from providers.deploying import graphs
from providers.deploying.plan import DeploymentFailed
from providers.google.deploying import packaging
from providers.google.deploying.desired import desired
from providers.google.deploying.names import names_of
from providers.google.runtime.signer import GoogleSigner
from tests.google.conftest import ROOT, Bench, make_service

NAMES = names_of(make_service())
LOCATION = "projects/demo-1/locations/europe-west1"
ONNX = f"{LOCATION}/functions/serverless-ml-dev-onnx"
CONNECTOR = f"{LOCATION}/connectors/corp"


def functions(**given: Any) -> dict[str, Any]:
    return {each.name: each for each in desired(make_service(**given), NAMES, "queue").functions}


def granted(bench: Bench, member: str) -> set[str]:
    """Every role that a member has anywhere, of the project's policies, its services' and the buckets'."""
    policies = [*bench.google.cloud.policies.items(), *bench.google.buckets.policies.items()]
    return {
        f"{binding['role']} on {path}"
        for path, policy in policies
        for binding in policy.get("bindings", [])
        if member in binding.get("members", [])
    }


def test_its_account_has_no_role_at_all(bench: Bench) -> None:
    bench.deploy(make_service(onnx="yes", dataBuckets="", alarms="yes"))
    account = NAMES.email("onnx")
    config = bench.google.cloud.functions[ONNX]["serviceConfig"]
    assert config["serviceAccountEmail"] == account
    assert granted(bench, f"serviceAccount:{account}") == set()
    assert granted(bench, NAMES.member("api")), "of the others it is seen"


def test_train_signs_for_itself_where_it_has_graphs_run(bench: Bench) -> None:
    """As `api` does anyway: the address of an artifact is what proves who asks."""
    for given, signing in (({}, {"api"}), ({"onnx": "yes"}, {"api", "train"})):
        bench.deploy(make_service(**given))
        signs = {
            (path.rpartition("/")[2], member)
            for path, policy in bench.google.cloud.policies.items()
            for binding in policy.get("bindings", [])
            if binding["role"] == "roles/iam.serviceAccountTokenCreator"
            for member in binding["members"]
        }
        assert signs == {(NAMES.email(name), NAMES.member(name)) for name in signing}


def test_api_and_train_alone_may_invoke_it(bench: Bench) -> None:
    bench.deploy(make_service(onnx="yes"))
    services = {
        path: policy
        for path, policy in bench.google.cloud.policies.items()
        if path.endswith("/services/serverless-ml-dev-onnx")
    }
    (policy,) = services.values()
    allowed = {(each["role"], member) for each in policy["bindings"] for member in each["members"]}
    assert allowed == {("roles/run.invoker", NAMES.member(name)) for name in ("api", "train")}


def test_it_is_told_where_artifacts_are_and_nothing_of_the_service() -> None:
    found = functions(onnx="yes")
    settings = found["serverless-ml-dev-onnx"].config["serviceConfig"]
    signer = GoogleSigner(NAMES.bucket, {})
    assert settings["environmentVariables"] == {
        "ML_ARTIFACTS": f"{signer.below}artifacts/",
        "ML_ONNX_MEMORY": "2048",
        "OPENBLAS_NUM_THREADS": "1",
    }
    assert "secretVolumes" not in settings
    assert "eventTrigger" not in found["serverless-ml-dev-onnx"].config
    assert (settings["timeoutSeconds"], settings["maxInstanceCount"]) == (28, 5)
    for name in ("api", "train", "sweep"):
        told = found[f"serverless-ml-dev-{name}"].config["serviceConfig"]["environmentVariables"]
        assert told.get("ML_ONNX") == (NAMES.url("onnx") if name != "sweep" else None)


def test_behind_a_connector_all_that_it_sends_goes_through_the_companys_network() -> None:
    found = functions(onnx="yes", vpcConnector=CONNECTOR)
    for name, each in found.items():
        settings = each.config["serviceConfig"]
        assert settings["vpcConnector"] == CONNECTOR
        expected = "ALL_TRAFFIC" if name.endswith("-onnx") else None
        assert settings.get("vpcConnectorEgressSettings") == expected


@pytest.mark.parametrize("value", ["", "no", "false"])
def test_off_nothing_is_otherwise(value: str) -> None:
    without = desired(make_service(), NAMES, "queue")
    assert desired(make_service(onnx=value), NAMES, "queue") == without
    assert "onnx" not in repr(without).lower()


def test_another_value_is_refused_before_anything_is_built() -> None:
    with pytest.raises(DeploymentFailed, match="onnx: expected yes, or nothing, got 'on'"):
        make_service(onnx="on")


def test_on_the_other_functions_are_what_they_were_but_for_where_it_is() -> None:
    before, after = functions(), functions(onnx="yes")
    for name, each in before.items():
        told = after[name].config["serviceConfig"]["environmentVariables"]
        told.pop("ML_ONNX", None)
        assert after[name] == each


def test_the_other_packages_are_byte_for_byte_the_same_with_it_and_without() -> None:
    before, after = packaging.build(make_service()), packaging.build(make_service(onnx="yes"))
    assert after.keys() - before.keys() == {"onnx"}
    for name, path in before.items():
        assert packaging.read(after[name]) == packaging.read(path), name


def test_its_package_holds_what_it_reaches_and_installs_what_it_imports() -> None:
    path = packaging.build(make_service(onnx="yes"))["onnx"]
    with zipfile.ZipFile(path) as archive:
        held = {name for name in archive.namelist() if name.endswith(".py")}
        main, lock = archive.read("main.py").decode(), archive.read("requirements.txt").decode()
    assert held - {"main.py"} == set(graphs.sources(ROOT, "google"))
    assert "from handlers.onnx.google import run as onnx" in main
    assert main.count("import") == 1
    pins = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    assert {"numpy", "onnxruntime", "functions-framework"} <= pins
    assert not {"obstore", "scikit-learn"} & pins


def test_turned_off_again_it_goes_with_its_account(bench: Bench) -> None:
    cloud = bench.google.cloud
    bench.deploy(make_service(onnx="yes"))
    path = f"projects/demo-1/serviceAccounts/{NAMES.email('onnx')}"
    assert path in cloud.resources
    assert "nothing to change" in bench.deploy(make_service(onnx="yes"))
    said = bench.deploy(make_service())
    assert "delete the function serverless-ml-dev-onnx" in said
    assert ONNX not in cloud.functions
    assert path not in cloud.resources
    assert "nothing to change" in bench.deploy(make_service())


def test_removing_without_the_parameter_leaves_nothing_of_it(bench: Bench) -> None:
    bench.deploy(make_service(onnx="yes"))
    bench.remove(make_service(), yes=True)
    assert not [path for path in bench.google.cloud.resources if "onnx" in path]
    assert not bench.google.cloud.functions
