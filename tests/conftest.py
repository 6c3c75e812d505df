"""What tests of every kind may ask for."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.framework import Packages, Project
from tests.ministack import Ministack

# What tests import of onnxruntime does not tell its makers of it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# An example takes as long as the machine is busy; what work costs is counted where it matters.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    """AWS on this machine, started once for the whole run (for each process of pytest-xdist)."""
    with Ministack() as running:
        yield running


@pytest.fixture(scope="session")
def guarded_aws() -> Iterator[Ministack]:
    """AWS on this machine that checks signatures and lets a function do only what its role says."""
    with Ministack(AUTH="true") as running:
        yield running


@pytest.fixture(scope="session")
def aws_packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The zips of a deployment to AWS, as `serverless package` leaves them; no account is at hand."""
    project = Project(str(tmp_path_factory.mktemp("packaged")), {})
    project.serverless("package", "--stage", "dev", timeout=600)
    return Packages(project.path(".serverless"))
