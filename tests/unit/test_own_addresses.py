"""A dataset's budget counts for the same file by whatever address it is read."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from handlers.addresses import SCHEMES
from handlers.jobs import deliver
from handlers.services import Services
from ml_core.conflicts import BudgetRefused
from ml_core.datasets.private_reading import DataUse
from ml_core.datasets.sources import ANY_DATASET, DataSources, upload_key
from ml_core.errors import InvalidInput
from ml_core.privacy.accounting import rho_of
from ml_core.privacy.budgets import DatasetBudget
from ml_core.privacy.ledger import Ledger
from providers.local.runtime.own_key import own_key
from providers.local.runtime.queue import FolderQueue
from tests.unit.handlers.conftest import asking, services_over

UPLOAD = "0" * 28
ENVIRONMENTS = {
    "aws": {"ML_BUCKET": "ours"},
    "google": {"ML_BUCKET": "ours"},
    "azure": {
        "ML_STORAGE__blobServiceUri": "https://account.blob.core.windows.net",
        "ML_STORAGE__queueServiceUri": "https://account.queue.core.windows.net",
        "ML_CONTAINER": "ours",
    },
}
OWN = {"aws": ["s3://ours"], "google": ["gs://ours"], "azure": ["az://ours", "az://ours@account"]}
CHURN, NONE = frozenset({"churn"}), frozenset[str]()


def sources(cloud: str) -> DataSources:
    wiring = importlib.import_module(f"providers.{cloud}.runtime.wiring")
    return DataSources(
        uploads=lambda: pytest.fail("nothing is opened"),
        schemes=SCHEMES,
        own_key=lambda scheme, name, key: wiring.own_key(ENVIRONMENTS[cloud], scheme, name, key),
    )


@pytest.mark.parametrize(("cloud", "own"), [(cloud, own) for cloud, each in OWN.items() for own in each])
class TestOwnBucket:
    """What an address in the deployment's own bucket leads to."""

    @pytest.mark.parametrize(
        ("key", "reached"),
        [
            (f"datasets/churn/{UPLOAD}", CHURN),
            (f"datasets/churn/{UPLOAD}.Churn", CHURN),
            ("datasets/churn/", CHURN),
            ("datasets/a.b_c-d.json/x", frozenset({"a.b_c-d.json"})),
            ("datasets/Churn/x", CHURN),
            ("Datasets/churn/x", CHURN),
            ("datasets/", ANY_DATASET),
            ("", ANY_DATASET),
            ("datasets/churn", ANY_DATASET),
            ("datasets/ch%75rn/x", ANY_DATASET),
            ("datasets%2Fchurn%2Fx", ANY_DATASET),
            ("datasets/churn./x", ANY_DATASET),
            ("datasets/ch\u00fcrn/x", ANY_DATASET),
            ("jobs/x/input", ANY_DATASET),
            ("scores/x/", ANY_DATASET),
            ("descriptions/x.json", ANY_DATASET),
        ],
    )
    def test_it_counts(self, cloud: str, own: str, key: str, reached: frozenset[str]) -> None:
        assert sources(cloud).reached(f"{own}/{key}") == reached

    def test_other_places_are_none_of_it(self, cloud: str, own: str) -> None:
        scheme, _, _ = own.partition(":")
        for other in ("theirs", "ours2", "our", "ours-logs"):
            assert sources(cloud).reached(f"{scheme}://{other}/datasets/churn/x") == NONE
        for elsewhere in {"s3", "gs", "az"} - {scheme}:
            assert sources(cloud).reached(f"{elsewhere}://ours/datasets/churn/x") == NONE

    def test_a_dataset_is_one_in_every_spelling(self, cloud: str, own: str) -> None:
        for address in (
            "dataset://churn",
            "dataset://CHURN",
            f"dataset://Churn/{UPLOAD}",
            "dataset://churn/b/c",
        ):
            assert sources(cloud).reached(address) == CHURN
        assert own


def test_of_azure_another_account_is_another_place() -> None:
    assert sources("azure").reached("az://ours@other/datasets/churn/x") == NONE


def test_an_access_points_alias_may_be_our_bucket() -> None:
    """Which bucket it is of its name does not tell: what lies where uploads lie is taken for one."""
    reached = sources("aws").reached
    alias = "s3://lake-abcdefghijklmnopqrstuvwxyz012345-s3alias"
    assert reached(f"{alias}/datasets/churn/x") == CHURN
    assert reached(f"{alias}/") == ANY_DATASET
    assert reached(f"{alias}/scores/j/") == ANY_DATASET
    assert reached(f"{alias}/exports/a.csv") == NONE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ml"
    root.mkdir()
    return root


CSV = b"age,plan,churned\n" + b"31,basic,yes\n45,pro,no\n" * 20


def laptop(root: Path, data: Path | str) -> Services:
    services = services_over(root, ML_DATA_ROOT=str(data))
    services.store.write_stream(upload_key("churn", UPLOAD), [CSV])
    return services


class TestLaptop:
    """What a file address leads to, where the data folder and the store's folder meet."""

    def reached(self, services: Services, uri: str) -> frozenset[str]:
        return services.data.reached(uri)

    def test_the_data_folder_is_beside_the_objects_where_nobody_says_otherwise(self, root: Path) -> None:
        services = services_over(root)
        for uri in ("file:a.csv", "file:datasets/churn/", "a.csv", "file:datasets.d/churn.d/x"):
            assert self.reached(services, uri) == NONE

    def test_where_it_is_the_stores_folder_uploads_are_found(self, root: Path) -> None:
        services = laptop(root, root)
        assert self.reached(services, f"file:datasets.d/churn.d/{UPLOAD}") == CHURN
        assert self.reached(services, f"datasets.d/churn.d/{UPLOAD}") == CHURN
        assert self.reached(services, "file:DATASETS.d/Churn.D/x") == CHURN
        assert self.reached(services, "file:datasets.d/") == ANY_DATASET
        assert self.reached(services, "file:~unfinished/x") == ANY_DATASET
        assert self.reached(services, "file:jobs.d/x") == ANY_DATASET
        assert self.reached(services, "file:data/a.csv") == NONE

    def test_where_it_is_around_the_stores_folder_or_in_it(self, root: Path) -> None:
        around = laptop(root, root.parent)
        assert self.reached(around, f"file:ml/datasets.d/churn.d/{UPLOAD}") == CHURN
        assert self.reached(around, "file:ml/") == ANY_DATASET
        assert self.reached(around, "file:mlx/") == NONE
        inside = laptop(root, root / "datasets.d")
        assert self.reached(inside, "file:churn.d/") == CHURN
        assert self.reached(inside, "file:churn.d/x") == CHURN

    def test_links_lead_where_they_lead(self, root: Path, tmp_path: Path) -> None:
        services = laptop(root, tmp_path / "link")
        os.symlink(root, tmp_path / "link")
        assert self.reached(services, f"file:datasets.d/churn.d/{UPLOAD}") == CHURN
        assert own_key(str(tmp_path / "link"), str(root / "datasets.d" / "churn.d")) == "datasets/churn/"

    def test_a_folder_around_several_is_refused_and_one_alone_is_paid_for(self, root: Path) -> None:
        services = laptop(root, root)
        reading = services.private_reading
        upload = f"file:datasets.d/churn.d/{UPLOAD}"
        reading.check_open("file:datasets.d/")
        Ledger(services.store, "churn").set(DatasetBudget(1, 1e-6), by=None)
        for uri in ("file:datasets.d/", "file:jobs.d/x", upload, "file:datasets.d/churn.d/"):
            with pytest.raises(BudgetRefused, match="churn"):
                reading.check_open(uri)
        assert reading.debited(upload) == "churn"
        assert reading.debited("file:data/a.csv") is None
        with pytest.raises(InvalidInput, match="expected one upload"):
            reading.check(DataUse("file:datasets.d/", rho_of(1, 1e-6)))

    @pytest.mark.parametrize("uri", [f"file:datasets.d/churn.d/{UPLOAD}", f"datasets.d/churn.d/{UPLOAD}"])
    def test_a_request_to_train_is_refused(self, root: Path, uri: str) -> None:
        services = laptop(root, root)
        Ledger(services.store, "churn").set(DatasetBudget(1, 1e-6), by=None)
        body: dict[str, Any] = {
            "algorithm": "logistic_regression",
            "data": {"uri": uri, "target": "churned", "format": "csv"},
        }
        answer = asking(services)("POST", "/v1/models/m:train", json.dumps(body).encode())
        assert (answer.status, json.loads(answer.body)["code"]) == (409, "budget")


@pytest.mark.parametrize(("cloud", "own"), [(cloud, own) for cloud, each in OWN.items() for own in each])
def test_an_address_in_the_own_bucket_is_that_of_the_upload(cloud: str, own: str) -> None:
    for key, upload in {
        f"datasets/churn/{UPLOAD}": f"dataset://churn/{UPLOAD}",
        f"datasets/churn/{UPLOAD}.Churn": f"dataset://Churn/{UPLOAD}",
        "datasets/churn/": "dataset://churn/",
        "datasets/": f"{own}/datasets/",
        "lake/a.csv": f"{own}/lake/a.csv",
    }.items():
        assert sources(cloud).as_upload(f"{own}/{key}") == upload
    for other in ("dataset://churn", "file:a.csv", "nonsense"):
        assert sources(cloud).as_upload(other) == other


def test_what_is_made_of_the_file_itself_is_erased_with_its_dataset(tmp_path: Path) -> None:
    root = tmp_path / "root"
    services = services_over(root, ML_DATA_ROOT=str(root))
    upload = services.datasets.begin("churn").uri.rpartition("/")[2]
    services.store.put_if_absent(upload_key("churn", upload), b"1\n20\n" * 20)  # after a line of the store's
    send = asking(services)
    (path,) = [found.relative_to(root) for found in root.rglob(f"*{upload}*") if "datasets" in str(found)]
    body = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "data": {"uri": f"file:{path}", "format": "csv"},
    }
    queued = json.loads(send("POST", "/v1/models/m:train", json.dumps(body).encode()).body)
    queue = FolderQueue(str(root))
    for message in queue.due()[0]:
        deliver(services, message)
    ended = services.jobs.get(queued["id"])
    assert ended.state == "succeeded", ended.error
    listed = json.loads(send("GET", "/v1/datasets/churn/versions").body)["versions"]
    assert [(each["model"], each["data"]["uri"]) for each in listed] == [("m", "dataset://churn/")]
    assert send("DELETE", "/v1/datasets/churn?with_versions=true").status == 200
    assert send("GET", "/v1/models/m/versions/1").status == 404
