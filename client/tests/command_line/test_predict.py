"""`predict` against the real service: rows of files in, the same rows with predictions out."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from serverless_ml import Client
from serverless_ml.command_line import reading, rows
from serverless_ml.command_line.predicting import _parts
from serverless_ml.command_line.scoring import Features, HowAsked, Questions
from serverless_ml.references import reference

from client.tests.command_line.conftest import Guarded
from client.tests.command_line.running import run
from client.tests.service import ROOT, Service

CHURN = ROOT / "examples" / "churn.csv"


def table(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    """CSV as rows."""
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.fixture(scope="session")
def expected(ml: Client, churn: str) -> list[dict[str, Any]]:
    """What the service itself says of the whole file, sent as it is."""
    reply = ml.request(
        "POST",
        f"/v1/models/{churn}:predict",
        params={"outputs": "label,probability", "unknown_columns": "ignore"},
        content=CHURN.read_bytes(),
        headers={"content-type": "text/csv"},
    )
    predictions: list[dict[str, Any]] = reply.json()["predictions"]
    return predictions


def test_the_file_that_was_trained_on_scores_as_it_is(
    service: Service, churn: str, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    output = tmp_path / "scored.csv"
    ran = run("predict", churn, CHURN, "-o", output, "--outputs", "label,probability", url=service.url)
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert "not sent, as churn does not know them: customer, churned" in ran.err
    assert "160 rows predicted by churn version 1" in ran.err
    found, given = table(output.read_text()), table(CHURN.read_text())
    assert [{name: row[name] for name in given[0]} for row in found] == given, (
        "the rows as they were, in order"
    )
    assert [row["label"] for row in found] == [each["label"] for each in expected]
    assert [[float(row["probability_no"]), float(row["probability_yes"])] for row in found] == [
        each["probability"] for each in expected
    ]


def test_pieces_of_any_size_have_the_same_answers(
    ml: Client, churn: str, expected: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = ml.model(churn).schema()
    features = Features.of_schema(schema)
    for most in (1, 7, 160):
        monkeypatch.setattr(reading, "MOST_ROWS", most)
        with reading.opened(str(CHURN), features.names, reading.HowRead()) as source:
            scored = list(
                Questions(ml, source, features).predicted(
                    reference(churn, version=1), HowAsked(("label",), False)
                )
            )
        assert len(scored) == -(-160 // most)
        labels = [label for each in scored for label in each.columns["label"]]
        assert labels == [each["label"] for each in expected]


def test_every_form_has_the_same_predictions(
    service: Service, churn: str, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    labels = [each["label"] for each in expected]
    semicolons, lines, parquet = (tmp_path / name for name in ("new.csv", "new.jsonl", "new.parquet"))
    semicolons.write_bytes(b"\xef\xbb\xbf" + CHURN.read_bytes().replace(b",", b";"))
    ran = run("predict", churn, semicolons, url=service.url)
    assert ran.out.startswith("\ufeffcustomer;age;"), "CSV stays as it was written"
    assert [row["label"] for row in table(ran.out, ";")] == labels
    ran = run("predict", churn, CHURN, "-o", lines, url=service.url)
    assert [json.loads(line)["label"] for line in lines.read_text().splitlines()] == labels
    ran = run(
        "predict", churn, lines, "-o", parquet, "--keep", "customer", "--prefix", "its_", url=service.url
    )
    assert ran.code == 0, ran.err
    ran = run("predict", churn, "-", "--only", "--json", url=service.url, stdin=CHURN.read_bytes())
    assert [row["label"] for row in ran.json] == labels
    again = run("predict", churn, lines, "--only", "--to", "tsv", "--prefix", "its_", url=service.url)
    assert again.out.splitlines() == ["its_label", *labels]
    pyarrow = pytest.importorskip("pyarrow.parquet")
    kept = pyarrow.read_table(parquet)
    assert kept.column_names == ["customer", "its_label"]
    assert kept.column("its_label").to_pylist() == labels


def test_parquet_in_and_out_keeps_its_types(service: Service, churn: str, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    from pyarrow import csv as arrow_csv

    given = arrow_csv.read_csv(CHURN)
    new, scored = tmp_path / "new.parquet", tmp_path / "scored.parquet"
    pq.write_table(given, new)
    ran = run("predict", churn, new, "-o", scored, url=service.url)
    assert ran.code == 0, ran.err
    found = pq.read_table(scored)
    assert found.schema.names == [*given.schema.names, "label"]
    assert found.select(given.schema.names).equals(given)
    assert found.schema.field("since").type == pa.date32()


def test_names_that_are_there_already_are_told_apart(service: Service, churn: str, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text(CHURN.read_text().replace("customer", "label", 1))
    ran = run("predict", churn, new, url=service.url)
    assert ran.out.splitlines()[0].endswith(",churned,predicted_label")
    assert "predictions are called predicted_label" in ran.err
    ran = run("predict", churn, new, "--prefix", "", url=service.url)
    assert (ran.code, ran.out) == (2, "")


def test_what_is_wrong_is_told_at_its_place_in_the_file(service: Service, churn: str, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    lines = CHURN.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace("C-1002", '"C\n1002"')
    lines[150] = lines[150].replace(lines[150].split(",")[1], "old", 1)
    new.write_text("".join(lines))
    output = tmp_path / "scored.csv"
    ran = run("predict", churn, new, "-o", output, url=service.url)
    assert ran.code == 1
    assert "line 152, column 'age': expected a number, got 'old'" in ran.err, "one record has two lines"
    assert not output.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["new.csv"]
    row = {"age": 31, "plan": "pro", "active": True, "since": "2024-05-31", "country": "DE", "spend": 3}
    new = tmp_path / "new.jsonl"
    new.write_text(json.dumps(row) + "\n\n" + json.dumps({**row, "age": [1]}) + "\n")
    ran = run("predict", churn, new, url=service.url)
    assert ran.code == 1
    assert "line 3, column 'age': " in ran.err
    ran = run("predict", churn, CHURN, "--outputs", "chance", url=service.url)
    assert (ran.code, ran.out) == (1, "")
    *_, message, what_to_do = ran.err.splitlines()
    assert message.startswith("serverless-ml: $.outputs[0] (--outputs): ")
    assert what_to_do.endswith(f"{service.url}/docs#invalid_input")


def test_a_missing_column_is_refused_and_an_unknown_one_when_that_is_said(
    service: Service, churn: str, tmp_path: Path
) -> None:
    new = tmp_path / "new.csv"
    new.write_text(CHURN.read_text().replace("spend", "spent", 1))
    ran = run("predict", churn, new, url=service.url)
    assert (ran.code, ran.out) == (1, "")
    assert "lacks the column spend, which churn needs; it has customer, spent, churned" in ran.err
    ran = run("predict", churn, CHURN, "--unknown-columns", "refuse", url=service.url)
    assert (ran.code, ran.out) == (1, "")
    assert "the columns customer, churned, which churn does not know" in ran.err


def test_files_are_not_replaced_unawares(service: Service, churn: str, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_bytes(CHURN.read_bytes())
    ran = run("predict", churn, new, "-o", new, "--force", url=service.url)
    assert ran.code == 2
    assert "is the file that is read" in ran.err
    output = tmp_path / "scored.csv"
    output.write_text("mine")
    ran = run("predict", churn, new, "-o", output, url=service.url)
    assert (ran.code, output.read_text()) == (2, "mine")
    assert "--force" in ran.err
    ran = run("predict", churn, new, "-o", output, "--force", "--json", url=service.url)
    assert ran.json == {
        "model": {"name": "churn", "version": 1},
        "rows": 160,
        "output": str(output),
        "not_sent": ["customer", "churned"],
    }


def test_a_service_that_takes_less_gets_smaller_pieces(guarded: Guarded, tmp_path: Path) -> None:
    long = tmp_path / "long.csv"
    lines = CHURN.read_text().splitlines(keepends=True)
    long.write_text("".join([lines[0], *lines[1:] * 5]))
    with Client(guarded.url, key=guarded.admin, progress=False) as client:
        client.train("churn", CHURN, target="churned")
    environment = {"SERVERLESS_ML_URL": guarded.url, "SERVERLESS_ML_KEY": guarded.predict}
    ran = run("predict", "churn", long, "--outputs", "label,probability", environment=environment)
    assert ran.code == 0, ran.err
    assert [row["customer"] for row in table(ran.out)] == [row["customer"] for row in table(long.read_text())]


def test_receipts_come_back_as_feedback(service: Service, churn: str, tmp_path: Path) -> None:
    scored = tmp_path / "scored.csv"
    ran = run("predict", churn, CHURN, "--receipts", "-o", scored, url=service.url)
    assert ran.code == 0, ran.err
    ran = run("feedback", churn, scored, "--label", "churned", "--json", url=service.url)
    assert ran.json == {"counted": 160, "repeated": 0}
    ran = run("feedback", churn, scored, "--label", "churned", url=service.url)
    assert ran.cells == [["counted", "0"], ["repeated", "160"]]
    ran = run("feedback", churn, scored, "--label", "truth", url=service.url)
    assert (ran.code, ran.out) == (1, "")


def test_pictures_are_told_by_their_names(service: Service, tmp_path: Path) -> None:
    digits = ROOT / "examples" / "digits.zip"
    ran = run("train", digits, "--param", "epochs=1", "--json", url=service.url)
    assert ran.code == 0, ran.err
    with zipfile.ZipFile(digits) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        one = Path(archive.extract(names[7], tmp_path))
    ran = run("predict", "digits", digits, url=service.url)
    found = table(ran.out)
    assert [row["file"] for row in found] == names
    ran = run("predict", "digits", one, "--json", url=service.url)
    assert ran.json == [{"file": one.name, "label": int(found[7]["label"])}]
    broken = tmp_path / "broken.zip"
    broken.write_bytes(digits.read_bytes()[:1000])
    ran = run("predict", "digits", broken, url=service.url)
    assert (ran.code, ran.out) == (1, "")
    assert "is no zip file" in ran.err
    assert run("predict", "digits", one, "-o", tmp_path / "x.png", url=service.url).code == 2


def test_parts_of_what_is_no_table_are_told_by_their_places() -> None:
    word = {"text": "good", "begin": 0, "end": 4, "known": True, "value": 0.5}
    assert _parts({"attributions": [word], "rest": 0.1}) == [("good", 0.5), ("(all others)", 0.1)]
    assert _parts({"attributions": [[0.1, -0.3]]}) == [("[0][1]", -0.3), ("[0][0]", 0.1)]
    assert _parts({"attributions": {"age": 1, "plan": -2}}) == [("plan", -2), ("age", 1)]


def test_the_features_are_those_of_rows() -> None:
    file = {"type": "object", "required": ["b64"], "properties": {"b64": {}, "dtype": {}}}
    named = {"type": "object", "required": ["image"], "properties": {"image": {}}}
    table_row = {"type": "object", "required": ["a"], "properties": {"a": {}, "b": {}}}
    assert Features.of_schema({"anyOf": [{"type": "array"}, file, named]}) == Features(["image"])
    assert Features.of_schema({"anyOf": [{"type": "array"}, file]}) == Features([])
    assert Features.of_schema({"anyOf": [table_row]}) == Features(["a", "b"], frozenset("b"))
    assert Features.of_schema(table_row) == Features(["a", "b"], frozenset("b"))


def test_pieces_go_in_the_order_of_the_file() -> None:
    assert rows.MOST_BYTES * 2 < 4 << 20, (
        "a piece is below the request that a service takes unless it says less"
    )


def test_explanations_are_told_of_each_row(service: Service, churn: str, tmp_path: Path) -> None:
    two = tmp_path / "two.csv"
    two.write_text("".join(CHURN.read_text().splitlines(keepends=True)[:3]))
    ran = run("explain", churn, two, "--top", "2", url=service.url)
    assert ran.code == 0, ran.err
    assert [cells[0] for cells in ran.cells] == ["2", "2", "2", "3", "3", "3"]
    document = run("explain", churn, two, "--json", url=service.url).json
    for place, explanation in enumerate(document["explanations"]):
        told = {cells[2]: float(cells[4]) for cells in ran.cells[place * 3 : place * 3 + 2]}
        assert told.items() <= explanation["attributions"].items()
    row = tmp_path / "row.json"
    row.write_text(json.dumps({name: value or None for name, value in table(two.read_text())[0].items()}))
    ran = run("explain", churn, row, "--json", url=service.url)
    assert ran.code == 0, ran.err
    assert (
        ran.json["explanations"][0]["attributions"].keys()
        == document["explanations"][0]["attributions"].keys()
    )
