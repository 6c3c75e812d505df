"""The client with the real service: what a person does with it, in the order that they do it."""

from pathlib import Path

import pytest
from serverless_ml import Client, InvalidInput, JobFailed, NotFound
from serverless_ml.answers import Version

from client.tests.service import ROOT, Service

CHURN = ROOT / "examples" / "churn.csv"


def test_a_file_becomes_a_version_that_predicts(ml: Client, churn: str) -> None:
    version = ml.model(churn).version()
    assert isinstance(version, Version)
    assert (version.name, version.version, version.algorithm) == ("churn", 1, "logistic_regression")
    assert version.metrics["test"]["accuracy"] > 0.5
    assert version.raw["sha256"] == version.sha256
    row = {"age": None, "plan": "pro", "active": True, "since": "2026-10-01", "country": "PL", "spend": 31.5}
    assert ml.predict(churn, [row])[0] in ("yes", "no")


def test_a_dataset_is_uploaded_once_and_its_job_is_waited_for_later(ml: Client) -> None:
    assert ml.upload("customers", CHURN).describe().columns
    job = ml.train("customers", target="churned", seed=3, wait=False)
    version = job.wait()
    assert version.lineage["data"]["uri"].startswith("dataset://customers/")
    assert (version.seed, version.version, job.version) == (3, 1, 1)
    assert ml.job(job.id).state == "succeeded"
    assert [each.id for each in ml.jobs(model="customers")] == [job.id]


def test_a_job_that_fails_says_why_and_where(ml: Client, churn: str) -> None:
    with pytest.raises(JobFailed, match="'nothing'") as caught:
        ml.train("failing", f"dataset://{churn}", target="nothing")
    assert (caught.value.code, caught.value.faults[0].path) == ("invalid_input", "$.data.target")
    assert ml.job(caught.value.job).state == "failed"


def test_what_is_wrong_is_told_with_its_place(ml: Client, fruit: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ml.predict(fruit, [[1, 2], [1, "much"]])
    assert [fault.path for fault in caught.value.faults] == ["row 1, [1]"]
    assert str(caught.value).startswith("row 1, [1]: expected a number")
    with pytest.raises(NotFound) as missing:
        ml.predict("nothing", [[1, 2]])
    assert missing.value.code == "model_not_found"
    assert missing.value.request_id


def test_lists_have_all_entries(ml: Client, fruit: str, churn: str) -> None:
    assert {fruit, churn} <= set(ml.models())
    assert [each.version for each in ml.model(fruit).versions()] == [3, 2, 1]
    assert len(ml.models(limit=1)) == 1
    # Other tests' models and datasets may be there, too.
    for begun in (
        list(ml.models(prefix="CHUR")),
        [each.name for each in ml.overview(prefix="chur", limit=1)],
        [each.name for each in ml.datasets(prefix="chur")],
    ):
        assert churn in begun
        assert fruit not in begun
        assert all(each.startswith(churn) for each in begun)
    assert list(ml.models(prefix="nothing-begins-so")) == []


def test_a_service_below_a_path_is_found(tmp_path: Path) -> None:
    with Service(tmp_path, ML_BASE_PATH="/ml") as started, Client(started.url.rstrip("/") + "/ml/") as client:
        assert list(client.models()) == []


def test_an_upload_is_trained_on_whatever_is_uploaded_after_it(ml: Client) -> None:
    rows = b"a,kind\n1,x\n2,x\n8,y\n9,y\n"
    first, second = ml.upload("overtaken", rows), ml.upload("overtaken", rows + b"7,y\n")
    version = ml.train("overtaken", first.uri, target="kind", test_fraction=0)
    assert (version.rows, version.lineage["data"]["uri"]) == (4, first.uri)
    assert ml.dataset("overtaken").describe().uri == second.uri
    assert ml.dataset("overtaken").uri == "dataset://overtaken"
