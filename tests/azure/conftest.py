"""A stand-in for Azure, and the service as the framework resolves it for Azure."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.azure.deploying import packaging
from providers.azure.deploying.cloud import Azure, Polling
from providers.azure.deploying.deployer import AzureDeployer
from providers.azure.runtime.names import Names, account_prefix, named, names
from providers.deploying.service import Function, Service, wanted
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure
from tests.azurite import Azurite

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONFIG = os.path.join(ROOT, "providers", "azure", "config.yml")
QUICK = Polling(interval=0.01, patience=20.0)


@pytest.fixture
def azure() -> Iterator[FakeAzure]:
    """A subscription with nothing in it."""
    fake = FakeAzure()
    yield fake
    fake.close()


@pytest.fixture
def small_packages(azure: FakeAzure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Packages of a few bytes, where their content plays no part; the stand-in finds a function in each."""

    def build(_: Service, apps: Iterable[str]) -> dict[str, str]:
        for app in apps:
            (tmp_path / f"{app}.zip").write_text(app)
        return {app: str(tmp_path / f"{app}.zip") for app in apps}

    monkeypatch.setattr(packaging, "build", build)
    azure.functions_in = lambda _: ["api"]


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azure's storage on this machine."""
    with Azurite() as running:
        yield running


def make_service(name: str = "serverless-ml", stage: str = "dev", **provider: Any) -> Service:
    """The service of config.yml, its variables resolved as the framework would; `provider` overrides."""
    with open(CONFIG, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    params = config["params"]["default"]
    settings = {
        **{key: _resolved(value, params) for key, value in config["provider"].items()},
        "stage": stage,
        "subscription": SUBSCRIPTION,
        "location": "westeurope",
        "resourceGroup": f"{name}-{stage}",
        **provider,
    }
    functions = {}
    for function, each in wanted(config["functions"], settings).items():
        found = {key: _resolved(value, params) for key, value in each.items()}
        functions[function] = Function(function, found["handler"], found)
    return Service(name, stage, "azure", ROOT, settings, functions, config["package"]["patterns"])


def names_as_typed(subscription: str, group: str) -> Names:
    """What earlier versions called things: they hashed subscription and group as they were typed."""
    digest = hashlib.sha256(f"{subscription}/{group}".encode()).hexdigest()
    return named(group, account_prefix(group) + digest[:13], digest[:6])


def _resolved(value: Any, params: dict[str, Any]) -> Any:
    """A value of config.yml that is a parameter, with its default."""
    found = re.fullmatch(r"\$\{param:(\w+)\}", value) if isinstance(value, str) else None
    return params[found[1]] if found else value


def deployer(
    fake: FakeAzure, service: Service | None = None, polling: Polling = QUICK, first: Names | None = None
) -> AzureDeployer:
    """The deployer of the service, talking to the stand-in; `first` are other names of a first deployment."""
    service = service or make_service()
    subscription, group = service.provider["subscription"], service.provider["resourceGroup"]
    azure = Azure(subscription, {"AZURE_ENDPOINT_URL": fake.url}, polling)
    return AzureDeployer(
        service, azure, first or names(service.name, service.stage, subscription, group=group)
    )
