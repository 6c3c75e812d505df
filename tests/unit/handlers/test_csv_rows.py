"""`:predict` with CSV: the training file as it is, and an answer with a line for each row."""

import csv
import gzip
import io
import json
import random
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.settings import read_settings

type Ask = Callable[..., Response]

HEADER = ["id", "age", "plan", "active", "since", "spend", "churned"]
AT_RANDOM = random.Random(5)  # noqa: S311 - no secret


def line(row: int) -> list[str]:
    plan = AT_RANDOM.choice(["basic", " pro", "NA", "team", ""])
    active = AT_RANDOM.choice(["true", "False", "", "?"])
    since = f"{AT_RANDOM.randint(1, 28):02}.{AT_RANDOM.randint(1, 12):02}.2024"
    spend = AT_RANDOM.choice([f"1,{row + 100}.50", "999", "(5.25)", "n/a"])
    age = AT_RANDOM.choice([str(20 + row % 40), " 31", "-"])
    return [f"c-{row}", age, plan, active, since, spend, "yes" if row % 3 == 0 else "no"]


LINES = [line(row) for row in range(80)]


def written(lines: list[list[str]], header: list[str] | None = HEADER, delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([*([header] if header else []), *lines])
    return text.getvalue()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Asks a server with a model of mixed columns, `mixed`, and one of plain numbers, `plain`."""
    root = tmp_path_factory.mktemp("csv")
    (root / "data").mkdir()
    (root / "data" / "churn.csv").write_text(written(LINES))
    services = folder_services(read_settings({"ML_ROOT": str(root)}), key_records=None)
    data = {"uri": "file:churn.csv", "target": "churned"}
    body: dict[str, Any] = {"algorithm": "logistic_regression", "data": data, "test_fraction": 0}
    assert train_now(services, {"model": "mixed", **body}).state == "succeeded"
    rows = [[1.5, 2], [2.5, 1], [3.5, 4], [0.5, 3]] * 3
    inline = {"algorithm": "logistic_regression", "instances": rows, "targets": [0, 1, 1, 0] * 3}
    assert train_now(services, {"model": "plain", **inline, "test_fraction": 0}).state == "succeeded"
    api = Api(services)

    def ask(path: str, body: str | bytes, **headers: str) -> Response:
        path, _, query = path.partition("?")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = body.encode() if isinstance(body, str) else body
        return api.handle(Request("POST", path, dict(parse_qsl(query)), named, sent, "r"))

    return ask


MIXED, PLAIN = "/v1/models/mixed:predict", "/v1/models/plain:predict"


def answer(response: Response) -> Any:
    assert response.status == 200, response.body
    return json.loads(response.body)


def test_the_training_file_is_answered_as_its_rows_are_in_json(ask: Ask) -> None:
    query = "?outputs=label,probability&unknown_columns=ignore"
    got = answer(ask(f"{MIXED}{query}", written(LINES), content_type="text/csv"))
    rows = [dict(zip(HEADER, cells, strict=True)) for cells in LINES]
    body = {"instances": rows, "outputs": ["label", "probability"], "unknown_columns": "ignore"}
    assert got["predictions"] == answer(ask(MIXED, json.dumps(body)))["predictions"]
    assert len({each["label"] for each in got["predictions"]}) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_come_without_a_header_in_the_order_of_the_features(ask: Ask, delimiter: str) -> None:
    features = [cells[1:-1] for cells in LINES]
    got = answer(ask(MIXED, written(features, None, delimiter), content_type="text/csv"))
    assert got["predictions"] == answer(ask(MIXED, json.dumps({"instances": features})))["predictions"]


# How programs write the same three columns and a target, and what training calls the columns.
SHAPES = {
    "names that are there twice": ("n,n,w,y", ",", ["n", "n.1", "w"]),
    "a name that is empty": ("n,,w,y", ",", ["n", "x1", "w"]),
    "R's names of rows": ('"n" "m" "w" "y"', " ", ["n", "m", "w"]),
    "R's names of rows, with commas": ("n,m,w,y", ",r", ["n", "m", "w"]),
    "cells that a space separates": ("n m w y", " s", ["n", "m", "w"]),
    "a data frame's index": (",n,m,w,y", ",r", ["n", "m", "w"]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_training_file_of_any_shape_is_answered_as_its_rows_are(shape: str, tmp_path: Path) -> None:
    header, how, names = SHAPES[shape]
    rows = [
        [str(row % 7), str(AT_RANDOM.randint(1, 99)), f"w{row % 3}", "pq"[row % 4 > 1]] for row in range(60)
    ]
    numbered = how.endswith("r") or how == " "
    lines = [[f'"r{number}"', *row] if numbered else row for number, row in enumerate(rows)]
    text = "\n".join([header, *(how[0].join(line) for line in lines), ""])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t").write_text(text)
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    data = {"uri": "file:t", "target": "y"}
    body = {"model": "m", "algorithm": "logistic_regression", "data": data, "test_fraction": 0}
    assert train_now(services, body).state == "succeeded"
    asked = {"outputs": "probability", "unknown_columns": "ignore"}
    path, headers = "/v1/models/m:predict", {"content-type": "text/csv"}
    found = Api(services).handle(Request("POST", path, asked, headers, text.encode(), "r"))
    sent = [dict(zip(names, row, strict=False)) for row in rows]
    as_json = json.dumps({"instances": sent, "outputs": ["probability"]}).encode()
    expected = Api(services).handle(Request("POST", path, {}, {}, as_json, "r"))
    assert answer(found)["predictions"] == answer(expected)["predictions"]


def test_an_answer_of_csv_has_a_column_for_each_value(ask: Ask) -> None:
    query = "?outputs=predict,predict_proba,decision"
    features = written([cells[1:-1] for cells in LINES], HEADER[1:-1])
    response = ask(f"{MIXED}{query}", features, content_type="text/csv", accept="text/csv")
    assert response.headers["content-type"].startswith("text/csv")
    header, *lines = list(csv.reader(io.StringIO(response.body.decode())))
    assert header == ["predict", "predict_proba_no", "predict_proba_yes", "decision"]
    told = answer(ask(f"{MIXED}{query}", features, content_type="text/csv"))["predictions"]
    assert [
        {"predict": label, "predict_proba": [float(no), float(yes)], "decision": float(decision)}
        for label, no, yes, decision in lines
    ] == told


def test_json_may_be_answered_with_csv(ask: Ask) -> None:
    body = json.dumps({"instances": [[1.5, 2], [2.5, 1]]})
    response = ask(PLAIN, body, accept="text/csv")
    assert response.body.decode().split() == ["label", "0", "1"]


def test_notes_say_what_was_read_as_missing_and_what_is_unseen(ask: Ask) -> None:
    rows = [["31", "gold", "true", "01.02.2024", "5"], ["-", "NA", "?", "", "n/a"]]
    body = json.dumps({"instances": rows, "notes": True})
    told = {each["path"]: each["message"] for each in answer(ask(MIXED, body))["notes"]}
    assert told.pop("$.instances[0][1]") == "'gold' was not seen in training: it is encoded as all zeros"
    assert sorted(told) == [f"$.instances[1][{place}]" for place in range(5)]
    assert told["$.instances[1][4]"] == "'n/a' was read as a missing value"
    as_csv = answer(ask(f"{MIXED}?notes=true", written(rows, None), content_type="text/csv"))
    assert [each["path"] for each in as_csv["notes"]][:2] == ["line 2, column 'age'", "line 1, column 'plan'"]
    assert "notes" not in answer(ask(MIXED, json.dumps({"instances": rows})))


@pytest.mark.parametrize(
    ("path", "body", "content_type", "status", "says"),
    [
        (MIXED, written(LINES), "text/csv", 422, "line 1: model 'mixed' version 1 has no feature 'id'"),
        (MIXED, "age,plan\n1,a\n", "text/csv", 422, "line 1: feature 'active' is missing"),
        (PLAIN, "x0,x1\n1,2\n3\n", "text/csv", 422, "line 3: expected 2 cells, got 1"),
        (PLAIN, "x0,x1\n9,1,2\n9,3,4\n", "text/csv", 422, "line 2: expected 2 cells, got 3"),
        (PLAIN, "1,2,3\n", "text/csv", 422, "line 1: model 'plain' version 1 expects 2 features"),
        (PLAIN, "1,abc\n", "text/csv", 422, "line 1, column 'x1': expected a number, got 'abc'"),
        (PLAIN, "1,\n", "text/csv", 422, "line 1, column 'x1': expected a number, got ''"),
        (PLAIN, "", "text/csv", 422, "expected at least one row, got none"),
        (PLAIN, "x0,x1\n", "text/csv", 422, "got a header alone"),
        (PLAIN, "x0,x0\n1,2\n", "text/csv", 422, "column 'x0' is there twice"),
        (PLAIN, "x0,x1\n1,2,3\n", "text/csv", 422, "line 2: expected 2 cells, got 3"),
        (PLAIN, "x0,x1\n1,2,\n3,4,\n", "text/csv", 422, "line 2: expected 2 cells, got 3"),
        (PLAIN, "x0,x1,x1\n1,2,3\n", "text/csv", 422, "column 'x1' is there twice"),
        (PLAIN, "1,2\n", "text/csv; charset=latin-1", 415, "CSV is read as UTF-8"),
        (PLAIN, b"\xff,2\n", "text/csv", 400, "not UTF-8"),
        (f"{PLAIN}?outputs=votes", "1,2\n", "text/csv", 422, "votes"),
        (f"{PLAIN}?nonsense=1", "1,2\n", "text/csv", 422, "nonsense"),
        (PLAIN, '1,2\n3,"4\n5,6\n', "text/csv", 400, "a quote that begins after line 1 is not closed"),
        (PLAIN, '"', "text/csv", 400, "a quote that begins after line 0 is not closed"),
        (PLAIN, "1,2\n", "text/csv; header=perhaps", 415, "expected header=present or header=absent"),
        (PLAIN, "1,2\n", "text/csv-schema", 415, "text/csv-schema"),
        (PLAIN, "1,2\n" * 100_001, "text/csv", 413, "more than 100000 rows"),
        (f"{PLAIN}?notes=true", '{"instances": [[1, 2]]}', "application/json", 422, "query.notes: is for"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    ask: Ask, path: str, body: str | bytes, content_type: str, *, status: int, says: str
) -> None:
    response = ask(path, body, content_type=content_type)
    assert (response.status, says in json.loads(response.body)["detail"]) == (status, True), response.body


def test_the_media_type_says_for_sure_whether_there_is_a_header(ask: Ask) -> None:
    assert ask(PLAIN, "1,2\n3,4\n", content_type="text/csv; header=present").status == 422
    response = ask(PLAIN, "x0,x1\n3,4\n", content_type="text/csv; header=absent")
    assert "expected a number, got 'x0'" in response.body.decode()


@pytest.mark.parametrize("content_type", ["text/csv", "TEXT/CSV", "text/csv;", "text/csv ; header=absent"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_the_media_type_and_the_ends_of_lines_are_as_anybody_writes_them(
    ask: Ask, content_type: str, end: str
) -> None:
    for body in (f"1,2{end}3,4{end}", f"{end}1,2{end}{end}3,4", f'\ufeff"1","2"{end}3,"4"'):
        assert len(answer(ask(PLAIN, body, content_type=content_type))["predictions"]) == 2
        packed = ask(PLAIN, gzip.compress(body.encode()), content_type=content_type, content_encoding="gzip")
        assert len(answer(packed)["predictions"]) == 2


def test_a_long_cell_beside_short_ones_of_other_requests_is_read(ask: Ask) -> None:
    """What Python's reader bounds a cell by is one number for all threads."""
    long = written([["31", "x" * 200_000, "true", "01.02.2024", "5"]] * 8, None)
    short = "1,2\n" * 50

    def statuses(path: str, body: str) -> set[int]:
        return {ask(path, body, content_type="text/csv").status for _ in range(40)}

    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(statuses, *each) for each in ((MIXED, long), (PLAIN, short)) * 2]
    assert {status for each in found for status in each.result()} == {200}


@pytest.mark.parametrize(
    "body", ["1\n" * 500_000, ",\n" * 300_000, "\n" * 1_000_000, "," * 1_000_000, "a,b;c\td|" * 125_000]
)
def test_a_refusal_takes_no_more_memory_than_a_few_times_the_body(ask: Ask, body: str) -> None:
    assert ask(PLAIN, body, content_type="text/csv").status in (413, 422)
    tracemalloc.start()
    try:
        ask(PLAIN, body, content_type="text/csv")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 50 * len(body)


def test_a_column_that_training_lines_lacked_may_be_left_out(tmp_path: Path) -> None:
    """Of JSON lines: by rows, in the other forms and as tensors."""
    (tmp_path / "data").mkdir()
    rows = [{"a": n % 5, **({"b": "xy"[n % 2]} if n % 3 else {}), "y": "pq"[n % 2]} for n in range(30)]
    (tmp_path / "data" / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    body = {"algorithm": "svm", "data": {"uri": "file:t.jsonl", "target": "y"}, "test_fraction": 0}
    assert train_now(services, {"model": "m", **body}).state == "succeeded"
    api = Api(services)

    def labels(path: str, body: str, kind: str = "application/json") -> Any:
        headers = {"content-type": kind}
        return answer(api.handle(Request("POST", path, {}, headers, body.encode(), "r")))

    path = "/v1/models/m:predict"
    without = labels(path, json.dumps({"instances": [{"a": 3}]}))["predictions"]
    assert without == labels(path, json.dumps({"instances": [{"a": 3, "b": None}]}))["predictions"]
    assert without == labels(path, json.dumps({"inputs": {"a": [3]}}))["outputs"]
    split = {"dataframe_split": {"columns": ["a"], "data": [[3]]}}
    assert without == labels(path, json.dumps(split))["predictions"]
    assert without == labels(path, "a\n3\n", "text/csv")["predictions"]
    tensor = {"name": "a", "shape": [1], "datatype": "INT64", "data": [3]}
    infer = labels("/v2/models/m/infer", json.dumps({"inputs": [tensor]}))
    assert infer["outputs"][0]["data"] == without


def test_a_blank_line_among_lines_of_one_cell_is_no_row_and_is_not_passed_over(tmp_path: Path) -> None:
    """Left out, the answers would stand beside other lines. Around the table, and with more cells, it may."""
    (tmp_path / "data").mkdir()
    rows = [f"{n % 5},{'pq'[n % 2]}" for n in range(30)]
    (tmp_path / "data" / "t.csv").write_text("a,y\n" + "\n".join(rows))
    services = folder_services(read_settings({"ML_ROOT": str(tmp_path)}), key_records=None)
    body = {"algorithm": "svm", "data": {"uri": "file:t.csv", "target": "y"}, "test_fraction": 0}
    assert train_now(services, {"model": "m", **body}).state == "succeeded"
    api = Api(services)

    def asked(text: str) -> Response:
        headers = {"content-type": "text/csv"}
        return api.handle(Request("POST", "/v1/models/m:predict", {}, headers, text.encode(), "r"))

    for text in ("a\n1\n\n3\n", "1\n\n3", "a\n\n1\n"):
        refused = asked(text)
        assert refused.status == 422
        assert b"the line is empty" in refused.body
    for text in ("\na\n1\n3\n\n\n", "1\n3\n"):
        assert len(answer(asked(text))["predictions"]) == 2
