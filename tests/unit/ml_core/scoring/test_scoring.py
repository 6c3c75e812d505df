"""Tables are scored as `:predict` would answer their rows, whatever they are written as."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.core import Array, DataType, Table
from arro3.io import read_parquet, write_parquet

from ml_core import predict, train_model
from ml_core.errors import InvalidInput, RevisionMismatch, Unfinished
from ml_core.model.model import Model
from tests.unit.ml_core.scoring.lake import Lake, lines_of, table_of

_CHANCE = np.random.default_rng(0)
X = _CHANCE.normal(size=(300, 3)).round(3)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
NAMES = ("a", "b", "c")
MODELS: dict[str, Model] = {
    "numbers": train_model(X, Y),
    "truth": train_model(X, Y.astype(bool), "svm", probability=True),
    "words": train_model(X, np.array(["no", "yes", 'may "be", é'])[Y + (X[:, 2] > 1)]),
    "clusters": train_model(X, None, "kmeans", n_clusters=3),
}
OUTPUTS = {name: list(model.outputs) for name, model in MODELS.items()}


def _columns(model: Model, rows: int = 300) -> dict[str, list[Any]]:
    named = {name: X[:rows, place].tolist() for place, name in enumerate(model.features)}
    return {"id": list(range(rows)), **named, "note": [f'n "{row}", é\nx' for row in range(rows)]}


def _as_csv(columns: dict[str, list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _as_json_lines(columns: dict[str, list[Any]]) -> bytes:
    rows = zip(*columns.values(), strict=True)
    return "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows).encode()


def _put(lake: Lake, kind: str, columns: dict[str, list[Any]]) -> str:
    if kind == "parquet":
        lake.put_parquet("table.parquet", columns)
    else:
        lake.put(f"table.{kind}", _as_csv(columns) if kind == "csv" else _as_json_lines(columns))
    return f"file:table.{kind}"


def _expected(model: Model, outputs: list[str], rows: int = 300) -> dict[str, list[Any]]:
    """The columns that `:predict` answers in CSV."""
    columns: dict[str, list[Any]] = {}
    for asked in outputs:
        entries = predict(model, X[:rows], asked)
        spec = model.output_specs[asked]
        if not spec.shape:
            columns[asked] = entries
            continue
        labels = model.classes or range(spec.width)
        for place, label in enumerate(labels):
            text = str(label).lower() if isinstance(label, bool) else label
            columns[f"{asked}_{text}"] = [row[place] for row in entries]
    return columns


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("name", MODELS)
def test_scores_are_what_predict_answers_beside_what_is_kept(tmp_path: Path, name: str, kind: str) -> None:
    lake = Lake(tmp_path, MODELS[name])
    columns = _columns(lake.model)
    request = lake.request(_put(lake, kind, columns), outputs=tuple(OUTPUTS[name]), keep=("note", "id"))
    told = lake.score(request)
    (data,) = lake.written().values()
    found = table_of(data)
    expected = _expected(lake.model, OUTPUTS[name])
    assert list(found) == ["note", "id", *expected]
    assert found["note"] == columns["note"]
    assert found["id"] == (columns["id"] if kind == "parquet" else list(map(str, columns["id"])))
    for column, values in expected.items():
        if column == "label":
            assert found[column] == values
            assert type(found[column][0]) is type(values[0])
        else:
            np.testing.assert_allclose(found[column], values, rtol=1e-12, atol=1e-300)
    assert told["result"] == {"rows": 300, "rejected": 0, "files": 1, "bytes": len(data), "uri": None}
    assert told["engine"]["parts"] == 1
    assert lake.told[-1] == ("scoring", 100.0)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_scores_as_csv_are_quoted_and_named_as_the_answer_of_predict(tmp_path: Path, kind: str) -> None:
    lake = Lake(tmp_path, MODELS["words"])
    columns = _columns(lake.model)
    wanted: dict[str, Any] = {"outputs": ("label", "probability"), "keep": ("note",), "written": "csv"}
    lake.score(lake.request(_put(lake, kind, columns), **wanted))
    assert list(lake.written()) == ["part-00000.csv"]
    header, *lines = lines_of(lake.written()["part-00000.csv"])
    expected = _expected(lake.model, ["label", "probability"])
    assert header == ["note", *expected]
    assert [line[0] for line in lines] == columns["note"]
    assert [line[1] for line in lines] == expected["label"]
    found = np.array([line[2:] for line in lines], float)
    np.testing.assert_allclose(found.T, [*expected.values()][1:], rtol=1e-12)


@pytest.mark.parametrize("written", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_rows_that_cannot_be_asked_are_written_with_their_line_and_reason(
    tmp_path: Path, kind: str, written: str
) -> None:
    """Gaps, and numbers whose result overflows, at the begin, the end and in between."""
    lake = Lake(tmp_path, train_model(X * 1e-3, Y))
    a, b, c = lake.model.features
    columns = {**_columns(lake.model), "note": ["x"] * 300}
    gaps, overflowing = (3, 299), (0, 100, 101)
    for row in gaps:
        columns[b][row] = None
    for row in overflowing:
        columns[a][row] = columns[c][row] = 1e308
    told = lake.score(lake.request(_put(lake, kind, columns), keep=("id",), written=written))
    files = lake.written()
    assert list(files) == [f"part-00000.{written}", "rejects-00000.csv"]
    header, *lines = lines_of(files["rejects-00000.csv"])
    assert header == ["file", "line", "column", "reason"]
    first = 1 if kind != "csv" else 2
    bad = sorted((*gaps, *overflowing))
    assert [int(line[1]) for line in lines] == [row + first for row in bad]
    assert {line[0] for line in lines} == {f"file:table.{kind}"}
    assert {line[2] for line in lines} == {"", b}
    assert all("overflows" in line[3] for line in lines if not line[2])
    scores = files[f"part-00000.{written}"]
    kept = table_of(scores)["id"] if written == "parquet" else [line[0] for line in lines_of(scores)[1:]]
    assert list(map(int, kept)) == [row for row in range(300) if row not in bad]
    assert told["result"] == {
        "rows": 295,
        "rejected": 5,
        "files": 2,
        "bytes": sum(map(len, files.values())),
        "uri": None,
    }


def test_a_job_that_is_to_stop_at_a_bad_row_says_where_it_is(tmp_path: Path) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    columns = _columns(lake.model)
    columns[lake.model.features[1]][7] = "many"
    with pytest.raises(InvalidInput) as stopped:
        lake.score(lake.request(_put(lake, "csv", {**columns, "note": ["x"] * 300}), rejects="stop"))
    (fault,) = stopped.value.faults
    assert fault.path == f"file:table.csv, line 9, column '{lake.model.features[1]}'"
    assert lake.written() == {}


def test_kept_columns_of_parquet_have_their_types(tmp_path: Path) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    kinds = {
        "i8": Array([1, None, 3], DataType.int8()),
        "f32": Array([0.5, 1.5, None], DataType.float32()),
        "day": Array.from_numpy(np.array([1, 2, 3], "datetime64[D]")),
        "time": Array.from_numpy(np.array([1, 2, 3], "datetime64[us]")),
        "text": Array(["a", None, "é"], DataType.large_string()),
        "flag": Array([True, None, False], DataType.bool()),
        "bytes": Array([b"a", b"\xff", None], DataType.binary()),
    }
    numbers = {name: Array([0.1, 0.2, 0.3], DataType.float64()) for name in lake.model.features}
    table, file = Table.from_pydict({**numbers, **kinds}), io.BytesIO()
    write_parquet(table, file)
    lake.put("t.parquet", file.getvalue())
    lake.score(lake.request("file:t.parquet", keep=tuple(kinds)))
    found = read_parquet(io.BytesIO(lake.written()["part-00000.parquet"])).read_all()
    for name in kinds:
        assert found.schema.field(name).type == table.schema.field(name).type, name
        assert found.column(name).to_pylist() == table.column(name).to_pylist(), name


def test_kept_values_of_parquet_are_written_to_csv_as_people_read_them(tmp_path: Path) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    columns = {
        "flag": Array([True, None], DataType.bool()),
        "day": Array.from_numpy(np.array([1, 2], "datetime64[D]")),
        "at": Array.from_numpy(np.array([1, 2], "datetime64[us]")),
        "bytes": Array([b"\xff\x00", None], DataType.binary()),
        "number": Array([0.5, None], DataType.float32()),
    }
    numbers = {name: [0.1, 0.2] for name in lake.model.features}
    lake.put_parquet("t.parquet", {**numbers, **columns})
    lake.score(lake.request("file:t.parquet", keep=tuple(columns), written="csv"))
    _, *lines = lines_of(lake.written()["part-00000.csv"])
    assert [line[:5] for line in lines] == [
        ["true", "1970-01-02", "1970-01-01T00:00:00.000001", "ff00", "0.5"],
        ["", "1970-01-03", "1970-01-01T00:00:00.000002", "", ""],
    ]


def _many(lake: Lake, files: int = 5) -> str:
    columns = _columns(lake.model, 60)
    for file in range(files):
        lake.put_parquet(f"many/{file}.parquet", {**columns, "id": [1000 * file + i for i in range(60)]})
    return "file:many/"


def test_a_table_of_many_files_is_continued_and_no_part_is_written_twice(tmp_path: Path) -> None:
    whole = Lake(tmp_path / "whole", MODELS["numbers"])
    expected = whole.score(whole.request(_many(whole), keep=("id",)))
    assert expected["result"]["files"] == 5
    lake = Lake(tmp_path / "many", MODELS["numbers"])
    request = lake.request(_many(lake), keep=("id",))
    for done in range(1, 5):
        with pytest.raises(Unfinished, match=f"{done} of 5 parts"):
            lake.score(request, deadline=time.time() - 1)
    assert lake.score(request, deadline=time.time() - 1) == expected
    assert lake.written() == whole.written()


@pytest.mark.parametrize("lost", ["checkpoint", "nothing"])
def test_what_was_written_counts_also_without_the_checkpoint(tmp_path: Path, lost: str) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    request = lake.request(_many(lake))
    with pytest.raises(Unfinished):
        lake.score(request, deadline=time.time() - 1)
    if lost == "checkpoint":
        (lake.child() / "checkpoint").unlink()
    with pytest.raises(Unfinished, match="2 of 5"):
        lake.score(request, deadline=time.time() - 1)
    assert lake.score(request)["result"]["rows"] == 300
    assert lake.told[-1] == ("scoring", 100.0)


def test_a_table_that_changed_after_the_first_look_is_told(tmp_path: Path) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    request = lake.request(_many(lake))
    with pytest.raises(Unfinished):
        lake.score(request, deadline=time.time() - 1)
    lake.put_parquet("many/3.parquet", _columns(lake.model, 61))
    with pytest.raises(RevisionMismatch, match=r"many/3\.parquet"):
        lake.score(request)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_without_a_column_is_refused_with_what_it_lacks(tmp_path: Path, kind: str) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    columns = _columns(lake.model)
    del columns[lake.model.features[2]]
    with pytest.raises(InvalidInput) as refused:
        lake.score(lake.request(_put(lake, kind, columns), keep=("id", "who")))
    assert [fault.path for fault in refused.value.faults] == ["$.data.uri", "$.keep[1]"]


@pytest.mark.parametrize("wanted", [{}, {"keep": ["id"]}], ids=["asked", "kept"])
def test_a_column_that_is_there_twice_is_refused_as_predict_does(
    tmp_path: Path, wanted: dict[str, Any]
) -> None:
    lake = Lake(tmp_path, MODELS["numbers"])
    twice = "id" if wanted else MODELS["numbers"].features[0]
    header = [*_columns(MODELS["numbers"], 2), twice]
    lake.put("table.csv", "\n".join([",".join(header), ",".join("1" for _ in header)]).encode())
    with pytest.raises(InvalidInput, match=f"column '{twice}' is there twice"):
        lake.score(lake.request("file:table.csv", **wanted))


def test_texts_are_scored_by_a_model_of_texts(tmp_path: Path) -> None:
    texts = ["good day", "bad day", "good", "bad"] * 10
    model = train_model(texts, [1, 0, 1, 0] * 10, "rnn", epochs=1)
    lake = Lake(tmp_path, model)
    lines = [{model.features[0]: text, "id": place} for place, text in enumerate(texts)]
    lines[5] = {model.features[0]: 7, "id": 5}
    lake.put("t.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    told = lake.score(lake.request("file:t.jsonl", keep=("id",)))
    found = table_of(lake.written()["part-00000.parquet"])
    others = [text for place, text in enumerate(texts) if place != 5]
    assert found["label"] == predict(model, others)
    assert (told["result"]["rows"], told["result"]["rejected"]) == (39, 1)
