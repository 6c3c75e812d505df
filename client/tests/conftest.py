"""The laptop's server, really started, for the client to ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serverless_ml import Client

from client.tests.service import ROOT, Service


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test is led by the environment or the profiles of whoever runs it."""
    for name in ("SERVERLESS_ML_URL", "SERVERLESS_ML_KEY", "SERVERLESS_ML_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests, which give their models names of their own."""
    with Service(tmp_path_factory.mktemp("service"), ML_ONNX="here") as started:
        yield started


@pytest.fixture(scope="session")
def ml(service: Service) -> Iterator[Client]:
    """A client of it."""
    with Client(service.url, progress=False) as client:
        yield client


@pytest.fixture(scope="session")
def fruit(ml: Client) -> str:
    """A model of three versions, by its name. No test moves its alias `production`."""
    jobs = [
        ml.train(
            "fruit",
            [
                [120, 0.9],
                [130, 0.8],
                [125, 0.95],
                [118, 0.7],
                [170, 0.2],
                [160, 0.1],
                [155, 0.3],
                [175, 0.15],
            ],
            targets=["apple"] * 4 + ["quince"] * 4,
            features=["grams", "redness"],
            hyperparameters={"C": C},
            test_fraction=0.25,
            wait=False,
        )
        for C in (1.0, 0.1, 10.0)
    ]
    assert sorted(job.wait().version for job in jobs) == [1, 2, 3]
    return "fruit"


@pytest.fixture(scope="session")
def churn(ml: Client) -> str:
    """A model of the example's table, by its name."""
    ml.train("churn", ROOT / "examples" / "churn.csv", target="churned")
    return "churn"
