"""A stand-in for Azure, and the service as the framework resolves it for Azure."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from providers.azure.deployer import AzureDeployer
from providers.azure.deploying.cloud import Azure, Pace
from providers.azure.names import names
from providers.service import Function, Service
from tests.azure.fake_azure import SUBSCRIPTION, FakeAzure
from tests.azurite import Azurite

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONFIG = os.path.join(ROOT, "providers", "azure", "config.yml")
QUICK = Pace(look=0.01, patience=20.0)


@pytest.fixture
def azure() -> Iterator[FakeAzure]:
    """A subscription with nothing in it."""
    fake = FakeAzure()
    yield fake
    fake.close()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azure's storage on this machine."""
    with Azurite() as running:
        yield running


def make_service(**provider: Any) -> Service:
    """The service of config.yml, its variables resolved as the framework would; `provider` overrides."""
    with open(CONFIG, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    settings = {
        **config["provider"],
        "stage": "dev",
        "subscription": SUBSCRIPTION,
        "location": "westeurope",
        "resourceGroup": "serverless-ml-dev",
        "dataBuckets": "",
        **provider,
    }
    functions = {}
    for name, each in config["functions"].items():
        found = {key: _resolved(value) for key, value in each.items()}
        functions[name] = Function(name, found["handler"], found)
    return Service("serverless-ml", "dev", "azure", ROOT, settings, functions, config["package"]["patterns"])


def _resolved(value: Any) -> Any:
    """`${param:x, 10}` without such a parameter is 10."""
    if isinstance(value, str) and value.startswith("${param:"):
        return int(value.rpartition(",")[2].strip(" }"))
    return value


def deployer(fake: FakeAzure, service: Service | None = None, pace: Pace = QUICK) -> AzureDeployer:
    """The deployer of the service, talking to the stand-in."""
    service = service or make_service()
    azure = Azure(SUBSCRIPTION, {"AZURE_ENDPOINT_URL": fake.url}, pace)
    own = names(service.name, service.stage, SUBSCRIPTION, group=service.provider["resourceGroup"])
    return AzureDeployer(service, azure, own)
