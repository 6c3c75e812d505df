"""`deploy_model` and `invoke_model` on Azure."""

import json

import numpy as np
import pytest

from ml_core.errors import Conflict, InvalidInput, NotFound, Unavailable
from ml_core.training.notebook import train_model
from providers.azure.deploying import functions, packaging
from providers.azure.deploying.cloud import Azure
from providers.deploying.functions import DeployedFunction
from tests.azure.conftest import QUICK, names_as_typed
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure
from tests.azure.function_host import FunctionHost

X = np.arange(40.0).reshape(20, 2)
PAYLOAD = {"instances": [[0.0, 1.0], [38.0, 39.0]]}


@pytest.fixture(scope="module")
def artifact() -> bytes:
    return train_model(X, ["a"] * 10 + ["b"] * 10, "logistic_regression").to_bytes()


def test_the_models_package_answers_under_the_real_worker(artifact: bytes) -> None:
    with FunctionHost(packaging.model_function(artifact), {}) as host:
        assert host.functions["model"]["authLevel"].upper() == "FUNCTION"
        answer = host.http("POST", "/", PAYLOAD)
        assert (answer.status, json.loads(answer.body)["predictions"]) == (200, ["a", "b"])
        refused = json.loads(host.http("POST", "/", {"instances": [[1.0]]}).body)
        assert refused["code"] == "invalid_input"


def test_a_model_is_deployed_once_and_then_left_alone(
    azure: FakeAzure, artifact: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.functions_in = lambda _: ["model"]
    # It has no keys that who deploys would have to write.
    monkeypatch.setattr(Azure, "myself", lambda _: "0e0b0c0d-0000-0000-0000-00000000000e")
    env = {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url}
    said: list[str] = []

    def deploy() -> DeployedFunction:
        return functions.deploy(
            artifact, "iris", memory_mb=512, region=None, progress=said.append, env=env, polling=QUICK
        )

    assert deploy().changed is True
    assert deploy().changed is False
    answer = json.loads(functions.invoke("iris", json.dumps(PAYLOAD).encode(), region=None, env=env))
    assert answer["body"] == json.dumps(PAYLOAD)
    assert azure.seen[-1].headers["x-functions-key"] == "the function key"
    azure.group("iris-model")["tags"] = {}
    with pytest.raises(Conflict, match="exists that deploy_model did not make: choose another"):
        deploy()


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    ("subscription", "name"),
    [(SUBSCRIPTION, "Iris"), (SUBSCRIPTION.upper(), "iris"), (SUBSCRIPTION.upper(), "IRIS")],
)
def test_a_model_has_one_function_whatever_its_spelling(
    azure: FakeAzure, artifact: bytes, subscription: str, name: str, earlier: bool
) -> None:
    """Those of earlier versions, which hashed names as they were typed, are found as well."""
    azure.functions_in = lambda _: ["model"]
    plain = {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url}
    spelled = {**plain, "AZURE_SUBSCRIPTION_ID": subscription}
    with pytest.MonkeyPatch.context() as patch:
        if earlier:
            typed = names_as_typed(subscription, f"{name}-model")
            patch.setattr(functions, "names", lambda *_: typed)
        functions.deploy(
            artifact, name, memory_mb=512, region=None, progress=print, env=spelled, polling=QUICK
        )
    made = sorted(azure.resources)
    assert functions.invoke("iris", b"{}", region=None, env=plain)
    functions.deploy(artifact, "iris", memory_mb=512, region=None, progress=print, env=plain, polling=QUICK)
    assert sorted(azure.resources) == made


def test_a_models_function_stays_where_it_is(azure: FakeAzure, artifact: bytes) -> None:
    azure.functions_in = lambda _: ["model"]
    env = {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url}

    def deploy(region: str | None) -> DeployedFunction:
        return functions.deploy(
            artifact, "iris", memory_mb=512, region=region, progress=print, env=env, polling=QUICK
        )

    deploy("North Europe")
    assert deploy(None).changed is False
    with pytest.raises(Conflict, match="in northeurope, not in westeurope"):
        deploy("westeurope")


def test_what_cannot_be_is_said(azure: FakeAzure) -> None:
    env = {"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION, "AZURE_ENDPOINT_URL": azure.url}
    with pytest.raises(InvalidInput, match="memory_mb"):
        functions.deploy(b"", "iris", memory_mb=256, region=None, progress=print, env=env)
    with pytest.raises(NotFound, match="no function app"):
        functions.invoke("iris", b"{}", region=None, env=env)
    with pytest.raises(Unavailable, match="AZURE_SUBSCRIPTION_ID"):
        functions.invoke("iris", b"{}", region=None, env={})
