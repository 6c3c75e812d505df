"""Files of rows in the forms that people have them in."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from serverless_ml.command_line import reading, writing
from serverless_ml.command_line.exits import CommandError
from serverless_ml.command_line.reading import HowRead, opened
from serverless_ml.command_line.rows import INSTANCE, Piece

FEATURES = ("age", "plan")
ROWS = [{"age": "31", "plan": "pro"}, {"age": "", "plan": "basic, old"}]


def read(
    path: Path, how: HowRead | None = None, features: Sequence[str] = FEATURES
) -> tuple[list[dict[str, object]], list[int]]:
    """All rows of a file, with their places."""
    with opened(str(path), features, how or HowRead()) as source:
        pieces = list(source.pieces)
    return [row for piece in pieces for row in piece.rows], [p for piece in pieces for p in piece.places]


@pytest.mark.parametrize(
    "content",
    [
        b'age,plan\n31,pro\n,"basic, old"\n',
        b'age;plan\r\n31;pro\r\n;"basic, old"\r\n',
        b"age|plan\r31|pro\r|basic, old",
        b"age\tplan\n31\tpro\n\tbasic, old\n",
        b'\xef\xbb\xbfage,plan\n31,pro\n,"basic, old"',
        b'sep=;\nage;plan\n31;pro\n;"basic, old"\n',
        'age,plan\n31,pro\n,"basic, old"\n'.encode("utf-16"),
        'age,plan\n31,pro\n,"basic, old"\n'.encode("utf-16-le"),
        b'\n\nage , plan\n\n31,pro\n\n,"basic, old"\n\n',
    ],
)
def test_csv_in_every_form_has_the_same_rows(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes(content)
    assert read(path)[0] == ROWS


def test_cells_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes('age,plan\n 007 ,"a\nb""c"\n1e5,Grün\n'.encode("cp1252"))
    rows, lines = read(path)
    assert rows == [{"age": " 007 ", "plan": 'a\nb"c'}, {"age": "1e5", "plan": "Grün"}]
    assert lines == [3, 4], "a row is called after the line that it ends at"


def test_names_are_told_apart_as_training_tells_them(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("a,a,,age\n1,2,3,4\n")
    assert read(path)[0] == [{"a": "1", "a.1": "2", "x2": "3", "age": "4"}]


def test_names_of_rows_that_r_writes_are_a_column(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text('"age" "plan"\n"1" 31 "pro"\n"2" 32 "basic"\n"3" 33 "pro"\n')
    assert read(path)[0][0] == {"x0": "1", "age": "31", "plan": "pro"}


def test_without_a_header_cells_are_the_features(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("31,pro\n32,basic\n")
    assert read(path)[0][1] == {"age": "32", "plan": "basic"}
    assert read(path, features=("x1",))[0][1] == {"x0": "32", "x1": "basic"}
    with pytest.raises(CommandError, match="a header with the columns age, plan, since, or 3 cells"):
        read(path, features=("age", "plan", "since"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"age,plan\n1,2\n3\n", r"line 3: expected 2 cells, got 1"),
        (b'age,plan\n1,"2\n3,4\n', "a quote that begins after line 1 is not closed"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_table_is_refused_by_its_line(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=why):
        read(path)


@pytest.mark.parametrize("sample", [1, 2, 3, 5, 8, 1 << 16])
def test_where_the_first_part_ends_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    monkeypatch.setattr(reading, "_SAMPLE", sample)
    path = tmp_path / "new.csv"
    path.write_bytes(b'age,plan\r\n31,pro\r\n,"basic, old"\r\n7,"x\r\ny"\r\n')
    assert read(path)[0] == [*ROWS, {"age": "7", "plan": "x\r\ny"}]
    path = tmp_path / "new.json"
    rows = [{"age": 12345, "plan": "a]b,"}, {"age": None, "plan": "[{"}, {"age": 1.5e300, "plan": ""}]
    path.write_text(json.dumps(rows, indent=1) + "\n")
    assert read(path)[0] == rows
    path.write_text("[12345, 678, -9.25e-3]")
    assert read(path, features=())[0] == [{INSTANCE: 12345}, {INSTANCE: 678}, {INSTANCE: -9.25e-3}]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('{"age": 1, "plan": "x"}', [{"age": 1, "plan": "x"}]),
        ('{"instances": [[1, "x"], {"age": 2}]}', [{"age": 1, "plan": "x"}, {"age": 2}]),
        ("[]", []),
        (' [ [1, "x"] ] ', [{"age": 1, "plan": "x"}]),
    ],
)
def test_json_in_every_form(tmp_path: Path, content: str, rows: list[object]) -> None:
    path = tmp_path / "new.json"
    path.write_text(content)
    assert read(path)[0] == rows


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[1, 2", r"expected ',' or '\]' after row 2"),
        ("[1 2]", r"expected ',' or '\]' after row 1"),
        ("[{,}]", "row 1 is no JSON"),
        ("[1] 2", "expected nothing after the array"),
        ("{", "is no JSON"),
        ('{"a": 1}\n{"a": 2}', "--format jsonl"),
        ("", "is no JSON"),
    ],
)
def test_json_that_is_none_is_refused(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "new.json"
    path.write_text(content)
    with pytest.raises(CommandError, match=why):
        read(path)


def test_json_lines_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text('{"age": 1}\n\n["2", "x"]\n')
    assert read(path) == ([{"age": 1}, {"age": "2", "plan": "x"}], [1, 3])
    path.write_text('{"age": 1}\n{"age": \n')
    with pytest.raises(CommandError, match="line 2 is no JSON"):
        read(path)


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_parquet_by_either_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    pytest.importorskip(library)
    rows: list[dict[str, object]] = [{"age": 31, "plan": "pro"}, {"age": None, "plan": "Grün"}]
    path = tmp_path / "new.parquet"
    if library == "polars":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with path.open("wb") as file:
        writer = writing.writer(file, writing.HowWritten("parquet"), ["age", "plan"])
        writer.write(rows)
        writer.write(rows)
        writer.close()
    assert read(path) == ([*rows, *rows], [1, 2, 3, 4])
    path.write_bytes(b"PAR1, it says")
    with pytest.raises(CommandError, match="is no Parquet file"):
        read(path)


def test_parquet_without_a_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new.parquet"
    path.write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CommandError, match="pip install pyarrow"):
        read(path)
    with path.open("wb") as file, pytest.raises(CommandError, match="pip install pyarrow"):
        writing.writer(file, writing.HowWritten("parquet"), ["age"])


def test_pieces_are_bounded_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.csv"
    path.write_text("age,plan\n" + "".join(f"{row},{'x' * 100}\n" for row in range(1000)))
    monkeypatch.setattr(reading, "MOST_BYTES", 5000)
    with opened(str(path), FEATURES, HowRead()) as source:
        pieces = list(source.pieces)
    assert [row["age"] for piece in pieces for row in piece.rows] == [str(row) for row in range(1000)]
    assert len(pieces) > 20
    assert max(len(piece.rows) for piece in pieces) <= 50


def test_halves_are_all_of_a_piece() -> None:
    piece = Piece([{"age": n} for n in range(5)], range(10, 15))
    first, rest = piece.halves()
    assert [*first.rows, *rest.rows] == piece.rows
    assert [*first.places, *rest.places] == [10, 11, 12, 13, 14]


def test_a_format_that_nothing_says_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "new.data"
    path.write_text("age,plan\n1,x\n")
    with pytest.raises(CommandError, match="--format"):
        read(path)
    assert read(path, HowRead(format="csv"))[0] == [{"age": "1", "plan": "x"}]
    with pytest.raises(CommandError, match="expected a format of csv, tsv"):
        read(path, HowRead(format="xlsx"))
