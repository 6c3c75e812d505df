"""`score` and `files`, really run against a service."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from serverless_ml.command_line.exits import CommandError
from serverless_ml.command_line.scores import check_free, file_format, format_written

from client.tests.command_line.running import run
from client.tests.service import ROOT, Service

CHURN = ROOT / "examples" / "churn.csv"
LINES = CHURN.read_text().splitlines()
ROWS = len(LINES) - 1


def test_a_file_becomes_a_folder_of_files(service: Service, churn: str, tmp_path: Path) -> None:
    ran = run("score", churn, CHURN, "-o", "scores/", "--keep", "customer", url=service.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    assert dict(ran.cells)["rows"] == str(ROWS)
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]
    table = pq.read_table(tmp_path / "scores" / "part-00000.parquet")
    assert (table.column_names, table.num_rows) == (["customer", "label"], ROWS)
    again = run("score", churn, CHURN, "-o", "scores/", url=service.url, folder=tmp_path)
    assert again.code == 2
    assert "folder with files in it" in again.err


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_a_file_becomes_one_file(service: Service, churn: str, tmp_path: Path, name: str) -> None:
    ran = run(
        "score", churn, CHURN, "-o", name, "--outputs", "label,probability", "--json",
        url=service.url, folder=tmp_path,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.json["result"]["rows"] == ROWS
    assert ran.json["output"] == name
    assert [path.name for path in tmp_path.iterdir()] == [name]
    predicted = run("predict", churn, CHURN, "--only", "--to", "csv", url=service.url)
    if name.endswith(".csv"):
        written = (tmp_path / name).read_text().splitlines()
        assert written[0] == "label,probability_no,probability_yes"
        assert [line.partition(",")[0] for line in written] == predicted.out.splitlines()
    else:
        assert pq.read_table(tmp_path / name)["label"].to_pylist() == predicted.out.splitlines()[1:]


def test_rows_that_cannot_be_predicted_are_told(service: Service, churn: str, tmp_path: Path) -> None:
    age = LINES[0].split(",").index("age")
    cells = LINES[2].split(",")
    cells[age] = "old"
    (tmp_path / "bad.csv").write_text("\n".join([*LINES[:2], ",".join(cells), *LINES[3:6]]) + "\n")
    ran = run("score", churn, "bad.csv", "-o", "scores.csv", "-q", url=service.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    assert "1 row could not be predicted" in ran.err
    assert "bad.csv: line 3, column 'age'" in ran.err
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 5
    stopped = run("score", churn, "bad.csv", "--rejects", "stop", url=service.url, folder=tmp_path)
    assert stopped.code == 5
    assert "old" in stopped.err


def none_predictable(folder: Path) -> Path:
    """A table whose three rows are all rejected."""
    age = LINES[0].split(",").index("age")
    rows = [line.split(",") for line in LINES[1:4]]
    text = [",".join([*cells[:age], "old", *cells[age + 1 :]]) for cells in rows]
    (folder / "bad.csv").write_text("\n".join([LINES[0], *text]) + "\n")
    return folder / "bad.csv"


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ((), []),
        (("-o", "scores.csv"), ["scores.csv"]),
        (("-o", "scores.parquet", "--json"), ["scores.parquet"]),
        (("-o", "scores", "--quiet"), ["scores"]),
    ],
)
def test_a_table_of_which_no_row_was_predicted_is_no_success(
    service: Service, churn: str, tmp_path: Path, arguments: tuple[str, ...], left: list[str]
) -> None:
    none_predictable(tmp_path)
    ran = run("score", churn, "bad.csv", *arguments, url=service.url, folder=tmp_path)
    assert ran.code == 1, ran.err
    assert "bad.csv: line 2, column 'age'" in ran.err
    assert "nothing was predicted: 0 of 3 rows" in ran.err.splitlines()[-1]
    counts = ran.json["result"] if "--json" in arguments else dict(ran.cells)
    assert (int(counts["rows"]), int(counts["rejected"])) == (0, 3)
    assert [path.name for path in tmp_path.iterdir() if path.name != "bad.csv"] == left


def test_waiting_for_a_job_that_predicted_no_row_is_no_success(
    service: Service, churn: str, tmp_path: Path
) -> None:
    bad = none_predictable(tmp_path)
    begun = run("score", churn, bad, "--no-wait", "--json", url=service.url)
    assert begun.code == 0, begun.err
    waited = run("job", begun.json["id"], "--wait", url=service.url)
    assert waited.code == 1, waited.err
    assert "nothing was predicted: 0 of 3 rows" in waited.err


def test_files_are_taken_away_later(service: Service, churn: str, tmp_path: Path) -> None:
    ran = run("score", churn, "-", "--no-wait", "--json", url=service.url, stdin=CHURN.read_bytes())
    assert ran.code == 0, ran.err
    job = ran.json["id"]
    waited = run("job", job, "--wait", url=service.url)
    assert waited.code == 0, waited.err
    assert f"serverless-ml files {job}" in waited.err
    listed = run("files", job, url=service.url)
    assert [cells[:3] for cells in listed.cells] == [["part-00000.parquet", "scores", str(ROWS)]]
    taken = run("files", job, "-o", "later", url=service.url, folder=tmp_path)
    assert taken.code == 0, taken.err
    assert [path.name for path in (tmp_path / "later").iterdir()] == ["part-00000.parquet"]


def test_a_column_that_is_missing_fails_the_job(service: Service, churn: str, tmp_path: Path) -> None:
    (tmp_path / "less.csv").write_text("age,plan\n1,basic\n")
    ran = run("score", churn, "less.csv", "-o", "out.csv", url=service.url, folder=tmp_path)
    assert ran.code == 5
    assert "spend" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["less.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "a.jsonl"), ".csv or .parquet"),
        (("-o", "a.csv", "--to", "parquet"), "one format"),
        (("-o", "a.csv", "--no-wait"), "--no-wait"),
        (("-o", "a.csv", "--into", "s3://lake/a/"), "--into"),
        (("--to", "jsonl"), "csv or parquet"),
        (("--outputs", ","), "--outputs"),
        (("-o", "nowhere/a.csv"), "there is no folder"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_sent(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = run("score", "churn", CHURN, *arguments, url="http://127.0.0.1:9", folder=tmp_path)
    assert ran.code in (2, 8)
    assert said in ran.err


def test_what_is_refused_names_the_option(service: Service, churn: str) -> None:
    ran = run("score", churn, "dataset://churn", "--engine", "lithops", url=service.url)
    assert ran.code == 1
    assert "--engine" in ran.err


def test_a_name_says_whether_it_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").mkdir()
    assert file_format("a.csv") == "csv"
    assert file_format("a.PQ") == "parquet"
    assert file_format("a.csv/") is None
    assert file_format(str(tmp_path / "scores.csv")) is None
    assert file_format("scores") is None
    assert format_written("scores", None) is None
    assert format_written("scores", "CSV") == "csv"
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="is a file"):
        check_free(str(tmp_path / "file"), force=True)
