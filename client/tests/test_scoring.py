"""Whole tables, scored by a job of a real service, and what came of them taken away."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from serverless_ml import (
    AsyncClient,
    Client,
    InvalidArgument,
    InvalidInput,
    JobFailed,
    ScoringHandle,
    TimedOut,
)

from client.tests.service import ROOT, Service

CHURN = ROOT / "examples" / "churn.csv"
TABLE = pd.read_csv(CHURN)


def predicted(ml: Client, model: str) -> list[Any]:
    """What `:predict` says of each row of the table."""
    return list(ml.predict(model, pl.read_csv(CHURN, infer_schema_length=None)))


@pytest.fixture(scope="module")
def scores(ml: Client, churn: str) -> Any:
    """The example's table, scored once."""
    return ml.score(churn, CHURN, outputs=["label", "probability"], keep=["customer"])


def test_a_file_is_scored_as_it_is_predicted(ml: Client, churn: str, scores: Any) -> None:
    assert (scores.model, scores.version, scores.rows, scores.rejected) == (churn, 1, len(TABLE), 0)
    frame = scores.frame()
    assert list(frame) == ["customer", "label", "probability_no", "probability_yes"]
    assert list(frame["customer"]) == list(TABLE["customer"])
    assert list(frame["label"]) == predicted(ml, churn)
    assert scores.rejects() == []
    assert scores.uri is None


def test_its_files_are_listed_and_written_whole(scores: Any, ml: Client, tmp_path: Path) -> None:
    listed = scores.files()
    assert [(file.name, file.kind, file.rows) for file in listed] == [
        ("part-00000.parquet", "scores", len(TABLE))
    ]
    assert listed[0].size == scores.bytes
    assert listed == ml.job(scores.job.id).files()
    folder = scores.download(tmp_path / "deep" / "scores")
    assert [path.name for path in folder.iterdir()] == ["part-00000.parquet"]
    assert pq.read_table(folder / "part-00000.parquet").num_rows == len(TABLE)
    with pytest.raises(InvalidArgument, match="without the files of another scoring"):
        scores.download(folder)
    again = ml.job(scores.job.id).download(tmp_path / "again")
    assert (again / "part-00000.parquet").read_bytes() == (folder / "part-00000.parquet").read_bytes()


def test_it_shows_itself(scores: Any) -> None:
    assert "scoring" in scores._repr_html_()
    assert f"{len(TABLE)}" in scores._repr_html_()
    assert "1 file" in repr(scores.files())
    assert "part-00000.parquet" in scores.files()._repr_html_()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_is_answered_with_a_frame_of_its_library(ml: Client, churn: str, library: str) -> None:
    table = TABLE if library == "pandas" else pl.from_pandas(TABLE)
    frame: Any = ml.model(churn).score(table, format="csv").frame()
    assert type(frame).__module__.startswith(library)
    assert list(frame["label"]) == predicted(ml, churn)
    assert "churn-to-score" in [each.name for each in ml.datasets()]


@pytest.mark.usefixtures("scores")
def test_what_is_trained_on_stays_the_newest_of_its_dataset(ml: Client, churn: str) -> None:
    (of_training,) = [each for each in ml.datasets() if each.name == churn]
    assert of_training.uri in ml.model(churn).version(1).lineage["data"]["uri"]


def test_rows_that_cannot_be_predicted_are_told(ml: Client, churn: str, tmp_path: Path) -> None:
    lines = CHURN.read_text().splitlines()
    cells = lines[2].split(",")
    age = lines[0].split(",").index("age")
    bad = [*lines[:2], ",".join([*cells[:age], "old", *cells[age + 1 :]]), *lines[3:10]]
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(bad) + "\n")
    scores = ml.score(churn, path)
    assert (scores.rows, scores.rejected) == (8, 1)
    (rejected,) = scores.rejects()
    assert (rejected["line"], rejected["column"]) == (3, "age")
    assert "old" in rejected["reason"]
    assert {path.name for path in scores.download(tmp_path / "both").iterdir()} == {
        "part-00000.parquet",
        "rejects-00000.csv",
    }
    with pytest.raises(JobFailed, match="old"):
        ml.score(churn, path, rejects="stop")


def test_a_column_that_is_missing_fails_the_job(ml: Client, churn: str) -> None:
    with pytest.raises(JobFailed, match="age"):
        ml.score(churn, TABLE.drop(columns="age"))


def test_a_job_is_found_again(ml: Client, churn: str) -> None:
    sent = ml.score(f"{churn}@1", CHURN, wait=False)
    assert sent.record.request["kind"] == "score"
    found = ml.job(sent.id)
    assert isinstance(found, ScoringHandle)
    assert found.wait().rows == sent.wait().rows == len(TABLE)
    assert found.result().files()


def test_a_job_that_is_not_over_has_no_result(ml: Client, churn: str) -> None:
    job = ml.score(churn, CHURN, wait=False)
    if not job.over:
        with pytest.raises(TimedOut):
            job.result()
    job.wait()


def test_a_training_has_no_files(ml: Client, churn: str) -> None:
    assert list(ml.job(ml.model(churn).version(1).job).files()) == []


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"outputs": ["distance"]}, "$.outputs[0]"),
        ({"format": "jsonl"}, "$.format"),
        ({"to": "s3://lake/scores/"}, "$.to.uri"),
        ({"engine": "lithops"}, "$.engine"),
        ({"options": {"target": "churned"}}, "$.data"),
    ],
)
def test_what_is_refused_says_where(ml: Client, churn: str, said: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ml.score(churn, "dataset://churn", **said)
    assert caught.value.faults[0].path == path


def test_an_address_of_another_kind_is_refused(ml: Client, churn: str) -> None:
    with pytest.raises(InvalidArgument, match="dataset://"):
        ml.score(churn, "https://example.com/table.csv")


def test_more_than_a_frame_holds_is_refused(scores: Any) -> None:
    with pytest.raises(InvalidArgument, match="download"):
        scores.frame(most_bytes=100)


def test_a_coroutine_scores_too(service: Service, churn: str, tmp_path: Path) -> None:
    async def both() -> tuple[int, list[str]]:
        async with AsyncClient(service.url, progress=False) as ml:
            scores = await ml.score(churn, CHURN)
            folder = await scores.download(tmp_path / "scores")
            return scores.rows, [path.name for path in folder.iterdir()]

    assert asyncio.run(both()) == (len(TABLE), ["part-00000.parquet"])
