"""Keys on Google Cloud: written to Secret Manager by the command line, read by functions from a file."""

from pathlib import Path
from typing import Any

import pytest

from ml_core.errors import Unavailable
from providers.deployment import DeploymentFailed
from providers.google.key_store import key_store
from providers.google.mounted_keys import read_records
from providers.keys import Target
from tests.google.conftest import Google

SECRET = "projects/demo-1/secrets/serverless-ml-dev-keys"
RECORD = {"id": "3f9a0c1e", "role": "predict", "sha256": "0" * 64}


@pytest.fixture
def deployed(google: Google) -> Google:
    google.cloud.resources[SECRET] = {"name": SECRET}
    return google


def test_what_is_written_is_read(deployed: Google) -> None:
    store = key_store(Target("dev"), deployed.env)
    store.write([RECORD])
    assert store.read() == [RECORD]


def test_only_the_newest_version_is_kept(deployed: Google) -> None:
    """Each version that is not destroyed costs, and an old one would still hold a revoked key's digest."""
    store = key_store(Target("dev"), deployed.env)
    for records in ([RECORD], [RECORD, RECORD], []):
        store.write(records)
    assert [each["state"] for each in deployed.cloud.versions[SECRET]] == [
        "ENABLED",
        "DESTROYED",
        "DESTROYED",
    ]
    assert store.read() == []


def test_before_the_first_deploy_there_is_none_and_none_can_be_made(google: Google) -> None:
    store = key_store(Target("dev"), google.env)
    assert store.read() is None
    with pytest.raises(DeploymentFailed, match="there is no secret serverless-ml-dev-keys: deploy first"):
        store.write([RECORD])


def test_without_a_project_it_is_said_in_a_line() -> None:
    with pytest.raises(DeploymentFailed, match="set GOOGLE_CLOUD_PROJECT"):
        key_store(Target("dev"), {})


def test_a_function_reads_the_mounted_file(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    assert read_records(str(path)) is None
    path.write_text('[{"id": "a"}]')
    assert read_records(str(path)) == [{"id": "a"}]


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_damaged_secret_closes_the_service_as_unavailable(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "records.json"
    path.write_bytes(content)
    with pytest.raises(Unavailable):
        read_records(str(path))
