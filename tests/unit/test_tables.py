"""Tables are read as people write them, and by their content, whatever they are called."""

import io
import json
import math
import os
import pickle
import re
import struct
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
from arro3.core import Array, DataType, RecordBatch, Table
from arro3.io import write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ml_core.errors import InvalidInput, MalformedInput, ServerlessMLError, TooLarge
from ml_core.tables import parquet, sniffing
from ml_core.tables.columns import Column, Dataset
from ml_core.tables.description import describe
from ml_core.tables.memory import BYTES_AT_LEAST, Budget, machine_budget
from ml_core.tables.options import ReadOptions
from ml_core.tables.reading import read

NAN = math.nan


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def written(content: bytes | str) -> str:
        path = tmp_path / "data"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return written


def values(column: Column) -> list[Any]:
    """A column as a reader of the file sees it; None where a value is missing."""
    if column.words:
        return [None if code < 0 else column.words[code] for code in column.values.tolist()]
    return [None if math.isnan(value) else value for value in column.values.tolist()]


def table(dataset: Dataset) -> dict[str, list[Any]]:
    return {column.name: values(column) for column in dataset.columns}


def kinds(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.kind for column in dataset.columns}


PLAIN = "age,plan,active,since\n31,basic,true,2024-01-02\n,pro,false,\n4.5,,,2024-01-03T12:00:00\n"


def test_a_csv_file_has_numbers_categories_truth_values_and_dates(file: Any) -> None:
    dataset = read(file(PLAIN))
    assert kinds(dataset) == {"age": "number", "plan": "category", "active": "boolean", "since": "date"}
    assert table(dataset) == {
        "age": [31, None, 4.5],
        "plan": ["basic", "pro", None],
        "active": [1, 0, None],
        "since": [19724, None, 19725.5],
    }
    assert dataset.format == "csv"
    assert dataset.complete


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_line_ending_and_encoding_are_found_out(
    file: Any, delimiter: str, ending: str, encoding: str
) -> None:
    lines = [["näme", "größe"], ["Zoë", "1.5"], ["Müller", "2"], ["x" + delimiter + "y", ""]]
    text = "".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in line) + ending for line in lines
    )
    dataset = read(file(text.encode(encoding)))
    assert table(dataset) == {"näme": ["Zoë", "Müller", "x" + delimiter + "y"], "größe": [1.5, 2, None]}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_that_the_file_does_not_begin_by_is_told(file: Any, encoding: str) -> None:
    with pytest.raises(MalformedInput, match=f"the file is not {encoding}"):
        read(file(b"a,b\n1,2\n"), options=ReadOptions(encoding=encoding))


def test_quoted_cells_hold_newlines_quotes_and_delimiters(file: Any) -> None:
    dataset = read(file('id,note\n1,"one\ntwo, ""three"""\n2,"a;b"\n'))
    assert table(dataset) == {"id": [1, 2], "note": ['one\ntwo, "three"', "a;b"]}


def test_a_decimal_comma_is_one_where_commas_do_not_separate(file: Any) -> None:
    assert table(read(file("a;b\n1,5;x\n-2;y\n3,25;z\n")))["a"] == [1.5, -2, 3.25]
    assert table(read(file('a,b\n"1,5",2\n"2,5",3\n')))["a"] == [1.5, 2.5]


def test_excels_own_first_line_names_the_delimiter(file: Any) -> None:
    assert table(read(file("sep=;\r\na;b\r\n1;2\r\n"))) == {"a": [1], "b": [2]}


def test_the_words_for_a_missing_value_are_those_of_pandas(file: Any) -> None:
    dataset = read(file("a,b,c\n1,x,1\nNA,NULL,2\nn/a,None,3\n  ,nan,4\nNaN,,5\n"))
    assert table(dataset) == {
        "a": [1, None, None, None, None],
        "b": ["x", None, None, None, None],
        "c": [1, 2, 3, 4, 5],
    }


def test_numbers_may_stand_among_spaces_and_carry_a_sign_or_exponent(file: Any) -> None:
    assert table(read(file("a,b\n +1 ,0\n-.5,0\n1e3,0\n 2. ,0\n")))["a"] == [1, -0.5, 1000, 2]


@pytest.mark.parametrize("word", ["1_000", "0x10", "1,5,5", "12a", "--1", "٣"])
def test_what_only_looks_like_a_number_is_a_word(file: Any, word: str) -> None:
    assert kinds(read(file(f'a,b\n1,2\n"{word}",3\n')))["a"] == "category"


def test_a_word_after_many_numbers_makes_the_whole_column_words(file: Any) -> None:
    """The column is read again from its first row: no number is lost, none is respelled."""
    rows = 70_000  # past one batch
    lines = "".join(f"{row}.0,{row % 3},2024-01-01\n" for row in range(rows))
    dataset = read(file("a,b,c\n" + lines + "none of these,7,someday\n"))
    assert kinds(dataset) == {"a": "category", "b": "integer", "c": "category"}
    a = dataset.column("a")
    assert a is not None
    assert values(a)[0] == "0.0"
    assert values(a)[-1] == "none of these"
    assert len(a.words) == rows + 1
    assert dataset.columns[2].words == ("2024-01-01", "someday")


def test_a_column_that_is_empty_for_long_is_still_words(file: Any) -> None:
    dataset = read(file("a,b\n" + ",1\n" * 70_000 + "x,1\n"))
    a = dataset.columns[0]
    assert (a.kind, a.words, int(a.present.sum())) == ("category", ("x",), 1)


def test_an_integer_that_float64_cannot_hold_is_no_integer(file: Any) -> None:
    assert kinds(read(file("a,b\n1,12345678901234567890\n2,9\n"))) == {"a": "integer", "b": "category"}


def test_too_many_words_are_text(file: Any) -> None:
    dataset = read(file("id,y\n" + "".join(f"id-{row},1\n" for row in range(100_002)) + ",2\n"))
    assert dataset.columns[0].kind == "text"
    assert int(dataset.columns[0].present.sum()) == 100_002


def test_columns_of_one_name_are_told_apart_as_pandas_does(file: Any) -> None:
    dataset = read(file("a,a,,a\n1,2,3,4\n"))
    assert table(dataset) == {"a": [1], "a.1": [2], "x2": [3], "a.2": [4]}
    assert "its name is there twice" in " ".join(dataset.warnings)


@pytest.mark.parametrize("delimiter", [" ", ",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_header_that_lacks_the_name_of_row_names_is_that_of_the_rest(
    file: Any, delimiter: str, encoding: str
) -> None:
    """As R writes tables: a cell more in each line than in the first."""
    lines = ['"mpg" "größe"', '"Mazda RX4" 21.5 "a"', '"Fiat 128" 32 "é"', '"Volvo" 20 "a"']
    text = "\n".join(re.sub(r' (?=(?:[^"]*"[^"]*")*[^"]*$)', delimiter, line) for line in lines)
    dataset = read(file(text.encode(encoding)))
    assert table(dataset) == {
        "x0": ["Mazda RX4", "Fiat 128", "Volvo"],
        "mpg": [21.5, 32, 20],
        "größe": ["a", "é", "a"],
    }
    assert [column.is_index for column in dataset.columns] == [True, False, False]


@pytest.mark.parametrize("text", ["name\nJohn Smith\nJane Doe\nJim Roe\n", "a b\nx y z\nx q r\n"])
def test_words_of_a_sentence_are_no_cells(file: Any, text: str) -> None:
    assert len(read(file(text)).columns) == 1


@pytest.mark.parametrize("rest", ["", "\n5,6\n7,8\n", "\n" + "5,6\n" * 100_000])
def test_a_quote_that_is_never_closed_swallows_no_rows(file: Any, rest: str) -> None:
    with pytest.raises(MalformedInput, match="begins in line 3 has a quote that is never closed"):
        read(file(f'a,b\n1,2\n3,"4{rest}'))


def test_a_quote_within_a_word_is_a_sign_for_inches(file: Any) -> None:
    dataset = read(file('a,b\n5" pipe,1\n"6"" pipe",2\n4 pipe,3\n'))
    assert table(dataset)["a"] == ['5" pipe', '6" pipe', "4 pipe"]


def test_a_space_separates_where_nothing_else_does(file: Any) -> None:
    assert table(read(file("a b c\n1 2 x\n3 4 y\n"))) == {"a": [1, 3], "b": [2, 4], "c": ["x", "y"]}


def test_a_file_without_a_header_names_columns_by_their_place(file: Any) -> None:
    dataset = read(file("1,2\n3,4\n"))
    assert table(dataset) == {"x0": [1, 3], "x1": [2, 4]}
    assert any("no header" in warning for warning in dataset.warnings)


def test_latin_1_past_the_first_megabyte_is_noticed(file: Any) -> None:
    content = b"a,b\n" + b"plain,1\n" * 200_000 + "größe,2\n".encode("cp1252")
    dataset = read(file(content))
    assert dataset.columns[0].words == ("größe", "plain")
    assert any("cp1252" in warning for warning in dataset.warnings)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,2,3\n", "line 2 has 3 cells, the first line has 2"),
        (b"a,b\n1,2\n1\n", "line 3 has 1 cells"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "Excel"),
        (pickle.dumps([1]), "pickle"),
        (b"\x00\x01\x02\x03", "NUL bytes, the first at byte 0"),
        (b'[{"a": 1}]', "JSON lines"),
        (b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        (b'{"a": 1}\n[1]\n', "line 2 is no JSON object"),
        (b"PAR1", "broken"),
        (b"PAR1" + b"\xff" * 50 + b"\x10\0\0\0PAR1", "broken"),
        (b"\x93NUMPY\x01\x00", "NPY"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(file: Any, content: bytes, says: str) -> None:
    with pytest.raises(MalformedInput, match=says):
        read(file(content))


@pytest.mark.parametrize("content", ["a,b\n1,2\ninf,3\n", '{"a": 1}\n{"a": -Infinity}\n'])
def test_infinity_is_described_with_its_column_and_row(file: Any, content: str) -> None:
    described = describe(read(file(content)))
    assert "column 'a' holds infinity (row 2), which no model takes" in described["warnings"]
    assert described["columns"][0]["range"] == [1, 1]
    assert described["columns"][0]["infinite"] == 1


def test_the_content_decides_and_a_false_declaration_is_refused(file: Any) -> None:
    path = file(b"a,b\n1,2\n")
    assert read(path, declared="csv").rows == 1
    with pytest.raises(InvalidInput, match="the file is no parquet: by its content it is csv"):
        read(path, declared="parquet")


def test_only_the_named_columns_are_kept(file: Any) -> None:
    assert list(table(read(file(PLAIN), names=["plan", "age"]))) == ["age", "plan"]
    with pytest.raises(InvalidInput, match="none of these"):
        read(file(PLAIN), names=["salary"])


def test_json_lines_keep_their_types(file: Any) -> None:
    rows = [
        {"n": 1, "b": True, "w": "x", "d": "2024-01-02", "m": 1, "o": [1]},
        {"n": 2.5, "b": None, "w": "1", "d": None, "m": "x", "o": None},
        {"w": None, "late": 3, "m": True},
    ]
    dataset = read(file("\n".join(map(json.dumps, rows)) + "\n\n"))
    assert kinds(dataset) == {
        "n": "number",
        "b": "boolean",
        "w": "category",
        "d": "date",
        "m": "category",
        "o": "list",
        "late": "integer",
    }
    read_back = table(dataset)
    assert read_back["n"] == [1, 2.5, None]
    assert read_back["b"] == [1, None, None]
    assert read_back["w"] == ["x", "1", None]
    assert read_back["m"] == ["1", "x", "true"]
    assert read_back["late"] == [None, None, 3]
    assert any("'m' mixes" in warning for warning in dataset.warnings)


def parquet_file(path: Path, columns: dict[str, Any], **options: Any) -> str:
    write_parquet(Table.from_batches([RecordBatch.from_pydict(columns)]), str(path), **options)
    return str(path)


@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "gzip(6)", "zstd(3)", "lz4", "brotli(3)"])
def test_parquet_has_its_own_types(tmp_path: Path, compression: str) -> None:
    path = parquet_file(
        tmp_path / "p",
        {
            "i": Array([1, None, 3], DataType.int64()),
            "f": Array([0.1, 2.0, None], DataType.float32()),
            "b": Array([True, None, False], DataType.bool()),
            "s": Array(["1", None, "x"], DataType.large_string()),
            "d": Array(["2024-01-02", "2024-01-03", None], DataType.string()),
            "t": Array([1_704_196_800_000, None, None], DataType.int64()).cast(DataType.timestamp("ms")),
            "l": Array([b"1", None, b"2"], DataType.binary()),
        },
        compression=compression,
    )
    dataset = read(path)
    assert kinds(dataset) == {
        "i": "integer",
        "f": "number",
        "b": "boolean",
        "s": "category",
        "d": "date",
        "t": "date",
        "l": "other",
    }
    read_back = table(dataset)
    assert read_back["i"] == [1, None, 3]
    assert read_back["f"] == [float(np.float32(0.1)), 2, None]
    assert read_back["b"] == [1, None, 0]
    assert read_back["s"] == ["1", None, "x"]
    assert read_back["d"] == [19724, 19725, None]
    assert read_back["t"] == [19724.5, None, None]


def test_a_parquet_column_that_ceases_to_be_dates_is_words(tmp_path: Path) -> None:
    words = ["2024-01-02"] * 70_000 + ["later"]
    dataset = read(parquet_file(tmp_path / "p", {"d": Array(words, DataType.string())}))
    assert values(dataset.columns[0]) == words


def test_npy_files_hold_matrices_or_records(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with open(path, "wb") as written:
        np.save(written, np.array([[1, 2.5], [np.nan, 4]]))
    assert table(read(str(path))) == {"x0": [1, None], "x1": [2.5, 4]}
    records = np.array([(1, "b", True), (2, "a", False)], dtype=[("n", "i4"), ("w", "U3"), ("t", "?")])
    with open(path, "wb") as written:
        np.save(written, records)
    assert table(read(str(path))) == {"n": [1, 2], "w": ["b", "a"], "t": [1, 0]}


def test_nothing_in_an_npy_file_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with open(path, "wb") as written:
        np.save(written, np.array([[object()]]), allow_pickle=True)
    with pytest.raises(MalformedInput, match="NPY"):
        read(str(path))


def test_a_table_that_will_not_fit_is_refused_before_it_is_loaded(file: Any, tmp_path: Path) -> None:
    budget = Budget(BYTES_AT_LEAST + 1_000_000)
    small = file("a,b\n" + "1,2\n" * 5_000)
    assert read(small, budget=budget).rows == 5_000
    big = file("a,b\n" + "1,2\n" * 50_000)
    with pytest.raises(TooLarge, match=r"about 50\d\d\d rows and 2 columns takes about 302 MiB .* 301 MiB"):
        read(big, budget=budget)
    assert read(big, names=["a"], most_rows=10, budget=budget).complete is False
    path = parquet_file(tmp_path / "p", {"a": Array(np.arange(50_000.0))})
    with pytest.raises(TooLarge, match="about 50000 rows and 1 columns"):
        read(path, budget=budget)
    with open(tmp_path / "n", "wb") as written:
        np.save(written, np.zeros((50_000, 2)))
    with pytest.raises(TooLarge, match=r"fewer columns in data\.features"):
        read(str(tmp_path / "n"), budget=budget)


def test_the_machine_says_how_much_there_is() -> None:
    assert (machine_budget().bytes or 0) > 1 << 26


@given(rows=st.integers(1, 3000), width=st.integers(1, 40), groups=st.integers(1, 700))
@settings(max_examples=25, deadline=None)
def test_a_parquet_footer_tells_its_rows(rows: int, width: int, groups: int) -> None:
    column = Array(np.arange(float(rows)))
    path = parquet_file(
        Path(os.devnull).parent / "shm" / f"serverless-ml-{os.getpid()}.parquet",
        {f"c{number}": column for number in range(width)},
        max_row_group_size=groups,
    )
    try:
        assert parquet.row_count(path) == rows
    finally:
        os.unlink(path)


CELLS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**40), 2**40),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8),
)


@given(data=st.data(), delimiter=st.sampled_from(",;\t|"))
@settings(max_examples=50, deadline=None)
def test_numbers_come_back_bit_by_bit_and_words_letter_by_letter(data: Any, delimiter: str) -> None:
    import csv
    import tempfile

    numbers = data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
    words = data.draw(st.lists(CELLS, min_size=len(numbers), max_size=len(numbers)))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["number", "word"])
    writer.writerows((number, f"w{word}") for number, word in zip(numbers, words, strict=True))
    with tempfile.NamedTemporaryFile() as written:
        written.write(text.getvalue().encode())
        written.flush()
        dataset = read(written.name)
    assert_array_equal(dataset.columns[0].values, np.array(numbers))
    assert values(dataset.columns[1]) == [f"w{word}".strip() for word in words]


@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_reading_fail_in_an_unforeseen_way(content: bytes) -> None:
    _read_or_refuse(content)


@given(
    cut=st.integers(0, 600), flips=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=4)
)
@settings(max_examples=60, deadline=None)
def test_a_broken_parquet_file_is_refused(cut: int, flips: list[tuple[int, int]]) -> None:
    whole = bytearray(_small_parquet())
    for place, byte in flips:
        whole[place % len(whole)] = byte
    _read_or_refuse(b"PAR1" + bytes(whole[4 : len(whole) - cut]))


def _small_parquet() -> bytes:
    buffer = io.BytesIO()
    batch = RecordBatch.from_pydict(
        {"a": Array([1, 2], DataType.int64()), "s": Array(["x", None], DataType.string())}
    )
    write_parquet(Table.from_batches([batch]), buffer)
    return buffer.getvalue()


def _read_or_refuse(content: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as written:
        written.write(content)
        written.flush()
        try:
            dataset = read(written.name)
        except ServerlessMLError:
            return
    assert all(len(column.values) == dataset.rows for column in dataset.columns)


def test_a_format_is_told_from_bytes_alone() -> None:
    assert sniffing.format_of(b"PAR1....") == "parquet"
    assert sniffing.format_of(b'\xef\xbb\xbf{"a": 1}') == "jsonl"
    assert sniffing.format_of(b"[a],b\n1,2\n") == "csv"
    assert sniffing.format_of(b"x[1],y\n1,2\n") == "csv"
    assert sniffing.format_of(b"\x93NUMPY" + struct.pack("<H", 1)) == "npy"


def test_a_description_says_what_a_person_looks_at_first(file: Any) -> None:
    described = describe(read(file(PLAIN + "2,pro,true,2024-01-03\n")))
    assert described["rows"] == 4
    assert {column["name"]: column for column in described["columns"]} == {
        "age": {
            "name": "age",
            "type": "number",
            "missing": 1,
            "distinct": 3,
            "range": [2, 31],
            "mean": 12.5,
            "histogram": ANY,
        },
        "plan": {
            "name": "plan",
            "type": "category",
            "missing": 1,
            "distinct": 2,
            "values": [{"value": "pro", "rows": 2}, {"value": "basic", "rows": 1}],
        },
        "active": {
            "name": "active",
            "type": "boolean",
            "missing": 1,
            "distinct": 2,
            "values": [{"value": True, "rows": 2}, {"value": False, "rows": 1}],
        },
        "since": {
            "name": "since",
            "type": "date",
            "missing": 1,
            "distinct": 3,
            "range": ["2024-01-02", "2024-01-03T12:00:00"],
            "histogram": ANY,
        },
    }
    json.dumps(described, allow_nan=False)


def test_a_column_without_values_is_described(file: Any) -> None:
    described = describe(read(file("a,b\n,1\n,2\n")))
    left_out = "holds no value in any row"
    empty = {"name": "a", "type": "number", "missing": 2, "distinct": 0, "left_out": left_out}
    assert described["columns"][0] == empty
