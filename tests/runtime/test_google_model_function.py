"""`deploy_model` and `invoke_model` on Google: the uploaded zip, run by functions-framework, answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris

from ml_core.errors import Conflict, InvalidInput, NotFound, Unavailable
from ml_core.training.notebook import train_model
from providers import deploy_model, invoke_model
from tests.google.cloud import Cloud
from tests.google.cloud import running as running_cloud
from tests.runtime.google_runtime import CloudRunFunction

PATH = "projects/demo-1/locations/europe-west1/functions/iris"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    cloud = Cloud()
    with running_cloud(cloud) as url:
        monkeypatch.setenv("GOOGLE_ENDPOINT_URL", url)
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-1")
        yield cloud


@pytest.fixture(scope="module")
def model() -> Any:
    iris = load_iris()
    return train_model(iris.data, [str(iris.target_names[target]) for target in iris.target])


def test_a_deployed_model_answers_as_it_does_here(cloud: Cloud, model: Any, tmp_path: Path) -> None:
    deployed = deploy_model(model, "iris", provider="google", progress=lambda _: None)
    assert (deployed.name, deployed.changed) == ("iris", True)
    (uploaded,) = cloud.uploads.values()
    package = tmp_path / "function.zip"
    package.write_bytes(uploaded)
    lock = "requirements/google-api.txt"
    function = CloudRunFunction(
        "predict", package=str(package), requirements=lock, folder=str(tmp_path / "code"), env={}
    )
    with function:
        cloud.functions[PATH]["serviceConfig"]["uri"] = function.url
        answer = invoke_model("iris", {"instances": [[5.1, 3.5, 1.4, 0.2]]}, provider="google")
        assert answer["predictions"] == ["setosa"]
        with pytest.raises(InvalidInput, match=r"\$\.instances"):
            invoke_model("iris", {"instances": [["a"]]}, provider="google")


def test_a_second_deploy_changes_nothing_and_another_model_does(cloud: Cloud, model: Any) -> None:
    deploy_model(model, "iris", provider="google", progress=lambda _: None)
    changes = len(cloud.changes())
    assert not deploy_model(model, "iris", provider="google", progress=lambda _: None).changed
    assert len(cloud.changes()) == changes
    other = train_model([[0.0], [1.0], [9.0]], algorithm="kmeans", n_clusters=2)
    assert deploy_model(other, "iris", provider="google", progress=lambda _: None).changed


def test_the_function_has_no_rights_and_nobody_new_may_call_it(cloud: Cloud, model: Any) -> None:
    deploy_model(model, "iris", provider="google", progress=lambda _: None)
    given = [binding for policy in cloud.policies.values() for binding in policy["bindings"]]
    builds = "serviceAccount:deploy-model-build@demo-1.iam.gserviceaccount.com"
    assert {member for binding in given for member in binding["members"]} <= {builds}
    account = cloud.functions[PATH]["serviceConfig"]["serviceAccountEmail"]
    assert account == "iris-model@demo-1.iam.gserviceaccount.com"


def test_a_function_that_is_not_ours_is_left_alone(cloud: Cloud, model: Any) -> None:
    cloud.functions[PATH] = {"name": PATH, "labels": {"team": "other"}, "state": "ACTIVE"}
    with pytest.raises(Conflict, match="exists that deploy_model did not make: choose another"):
        deploy_model(model, "iris", provider="google", progress=lambda _: None)


@pytest.mark.parametrize("name", ["Iris", "1iris", "iris-"])
@pytest.mark.usefixtures("cloud")
def test_a_name_that_google_does_not_take_is_said(model: Any, name: str) -> None:
    with pytest.raises(InvalidInput, match="lower-case letters"):
        deploy_model(model, name, provider="google")


@pytest.mark.usefixtures("cloud")
def test_without_a_project_and_without_a_function_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="there is no function 'none' in europe-west1"):
        invoke_model("none", {"instances": [[1]]}, provider="google")
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    with pytest.raises(Unavailable, match="set GOOGLE_CLOUD_PROJECT"):
        invoke_model("none", {"instances": [[1]]}, provider="google")
