"""Text cut into parts of any size: the same records, lines and refusals as read at once."""

import csv
import io
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.errors import InvalidInput, MalformedInput
from ml_core.mapping import InTurn
from ml_core.scanning import block as of_block
from ml_core.scanning.blocks import blocks
from ml_core.scanning.plan import Plan
from ml_core.scanning.planning import plan_of
from ml_core.tables.options import NOTHING_SAID, ReadOptions
from tests.unit.ml_core.scanning.memory import MemoryData

type Records = list[tuple[int, list[str]]]


def planned(data: MemoryData, part_bytes: int = 1 << 26, options: ReadOptions = NOTHING_SAID) -> Plan:
    return plan_of(
        data, "file:", options=options, declared=None, mapper=InTurn(), stores=None, part_bytes=part_bytes
    )


def records_read(data: MemoryData, plan: Plan, block_bytes: int) -> tuple[Records, list[tuple[int, str]]]:
    """Each record's line and cells, and the line and message of each that is none."""
    read: Records = []
    rejected: list[tuple[int, str]] = []
    for part in plan.parts:
        for block in blocks(data, plan, part, plan.names, block_bytes=block_bytes):
            cells = [block.columns[name].to_pylist() for name in plan.names]  # type: ignore[union-attr]
            read += [
                (int(line), [cell or "" for cell in row])
                for line, row in zip(block.lines, zip(*cells, strict=True), strict=True)
            ]
            rejected += [(reject.line, reject.message) for reject in block.rejected]
    return read, rejected


def as_python_reads(text: str, delimiter: str) -> tuple[Records, list[tuple[int, str]]]:
    """The same as the standard library reads it."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    records = [(reader.line_num, cells) for cells in reader if cells]
    (_, header), *rows = records
    width = len(header)
    return [row for row in rows if len(row[1]) == width], [
        (line, f"expected {width} cells, got {len(cells)}") for line, cells in rows if len(cells) != width
    ]


HEADER = "first;second;third\n"
CELLS = st.lists(st.sampled_from(['"', '""', ";", "\n", "\r", "\r\n", "a", "é", " ", "1", '"x"']), max_size=7)


@settings(max_examples=300, deadline=None)
@given(st.lists(CELLS, max_size=12), st.integers(1, 60), st.integers(1, 60))
def test_any_text_is_read_as_the_standard_library_reads_it(
    lines: list[list[str]], part_bytes: int, block_bytes: int
) -> None:
    text = HEADER + "1;2;3\n" + "".join("".join(line) for line in lines)
    data = MemoryData(t=text.encode())
    options = ReadOptions(delimiter=";", header=True)
    reader = csv.reader(chain(io.StringIO(text, newline=""), ('"\udfff"',)), delimiter=";")
    *_, last = reader
    if last[-1].endswith('\udfff"'):
        with pytest.raises(MalformedInput, match="never closed"):
            records_read(data, planned(data, part_bytes, options), block_bytes)
        return
    found = records_read(data, planned(data, part_bytes, options), block_bytes)
    assert found == as_python_reads(text, ";")


TABLE = 'name,number\nZoë,1\n"a, ""b""\nc",2\n\nÅngström,3\n' + "plain,4\n" * 20
READ = [
    (2, ["Zoë", "1"]),
    (4, ['a, "b"\nc', "2"]),
    (6, ["Ångström", "3"]),
    *((line, ["plain", "4"]) for line in range(7, 27)),
]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("part_bytes", [10, 100, 1 << 20])
def test_each_encoding_is_read_wherever_it_is_cut(encoding: str, part_bytes: int) -> None:
    data = MemoryData(t=TABLE.encode(encoding))
    plan = planned(data, part_bytes)
    assert len(plan.parts) == 1 or part_bytes < 200
    assert (len(plan.parts) > 1) == (part_bytes < 200 and not encoding.startswith(("utf-16", "utf-32")))
    for block_bytes in (3, 64, 1 << 20):
        assert records_read(data, plan, block_bytes) == (READ, [])
    assert Plan.from_bytes(plan.to_bytes()) == plan
    assert [part.number for part in plan.parts] == list(range(len(plan.parts)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("said", ["utf-8", "cp1252", "shift_jis", "utf-16"])
def test_lines_end_as_they_may_in_an_encoding_that_was_said(end: str, said: str) -> None:
    text = TABLE.replace("ë", "e").replace("Å", "A").replace("ö", "o").replace("\n", end)
    data = MemoryData(t=text.encode(said))
    expected = [
        (
            line,
            [cell.replace("\n", end).replace("ë", "e").replace("Å", "A").replace("ö", "o") for cell in row],
        )
        for line, row in READ
    ]
    options = ReadOptions(encoding=said)
    for part_bytes in (7, 50, 1 << 20):
        assert records_read(data, planned(data, part_bytes, options), 11) == (expected, [])


def test_bytes_far_into_a_file_tell_that_it_is_not_utf_8() -> None:
    text = "word,number\n" + "plain,1\n" * 200_000 + "größer,2\n"
    data = MemoryData(t=text.encode("cp1252"))
    for part_bytes in (1 << 19, 1 << 26):
        plan = planned(data, part_bytes)
        assert len(plan.parts) == (3 if part_bytes < 1 << 20 else 1)
        *_, last = blocks(data, plan, plan.parts[-1], plan.names)
        assert last.columns["word"][-1].as_py() == "größer"
        assert last.lines[-1] == 200_002
    plan = planned(data, options=ReadOptions(encoding="utf-8"))
    with pytest.raises(MalformedInput, match="file:t: the file is not utf-8"):
        list(blocks(data, plan, plan.parts[0], plan.names))


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("sep=;\na;b\n1;2\n", ("a", "b"), [(3, ["1", "2"])]),
        ('"a" "b" "c"\n"1" 2 3 4\n"2" 5 6 7\n"3" 5 6 8\n', ("x0", "a", "b", "c"), None),
        ("\n\na,b\n\n1,2", ("a", "b"), [(5, ["1", "2"])]),
        ("1,2\n3,4\n", ("x0", "x1"), [(1, ["1", "2"]), (2, ["3", "4"])]),
        ("a,a,\n1,2,3\n", ("a", "a.1", "x2"), [(2, ["1", "2", "3"])]),
    ],
)
def test_headers_are_those_of_the_reader_of_tables(
    text: str, names: tuple[str, ...], rows: Records | None
) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        if text.startswith("sep") and encoding == "utf-16":
            continue
        data = MemoryData(t=text.encode(encoding))
        for part_bytes in (1, 5, 100):
            plan = planned(data, part_bytes)
            assert plan.names == names
            read, rejected = records_read(data, plan, 4)
            assert rejected == []
            assert read == (rows or [(line, [*row]) for line, row in [(2, "1234"), (3, "2567"), (4, "3568")]])


def test_files_of_one_table_have_their_own_headers_and_line_numbers() -> None:
    data = MemoryData(
        a=b"x,y\n1,2\n3,4\n", b=b"", c="y,x,é\n5,6,7\n".encode(), d=b"x,y\n", e="x,y\n\n8,ü".encode("cp1252")
    )
    plan = planned(data)
    assert [part.file for part in plan.parts] == [0, 1, 3]
    assert plan.names == ("x", "y")
    assert records_read(data, plan, 4) == (
        [(2, ["1", "2"]), (3, ["3", "4"]), (2, ["6", "5"]), (3, ["8", "ü"])],
        [],
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": b"x,y\n1,2\n", "b": b"x,z\n1,2\n"}, "file:b lacks columns that file:a has: 'y'"),
        (
            {"a": b"x,y\n1,2\n", "b": b'{"x": 1, "y": 2}\n'},
            "file:b: expected csv as the first file is, got jsonl",
        ),
        ({"a": b"x,y\n1,2\n", "b": b"\x89PNG\r\n"}, "file:b: the file is a PNG picture"),
        ({"a": b"x,y\n", "b": b"x,y\n"}, "the files have no rows"),
        ({"a": b'x,y\n1,"2\n'}, "file:a: the record that begins in line 2 has a quote that is never closed"),
    ],
)
def test_what_is_no_table_is_refused_with_the_file(files: dict[str, bytes], message: str) -> None:
    data = MemoryData(**files)
    for part_bytes in (3, 1 << 20):
        with pytest.raises((InvalidInput, MalformedInput)) as refused:
            records_read(data, planned(data, part_bytes), 100)
        assert message in str(refused.value)


@pytest.mark.parametrize("begin", [b'a,b\n1,2\n"', b'{"a": 1}\n{"a": "'])
def test_a_record_that_goes_on_and_on_is_refused(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_block, "LONGEST_RECORD", 10_000)
    data = MemoryData(t=begin + b"x" * 20_000 + b'"' + b"x" * 1_000)
    line = begin.count(b"\n") + 1
    for part_bytes in (3_000, 1 << 20):
        plan = planned(data, part_bytes)
        with pytest.raises(MalformedInput, match=f"file:t: the record that begins in line {line} has more"):
            [*chain(*(blocks(data, plan, part, ["a"], block_bytes=1_000) for part in plan.parts))]


def plain(column: Any) -> list[Any]:
    return list(column)


def test_options_are_of_columns_that_some_file_has() -> None:
    data = MemoryData(a=b'{"x": 1}\n', b=b'{"y": "2"}\n')
    assert planned(data, options=ReadOptions(types={"y": "number"})).names == ("x", "y")
    with pytest.raises(InvalidInput, match=r"\$.data.types.z: the table has no such column"):
        planned(data, options=ReadOptions(types={"z": "number"}))
    with pytest.raises(InvalidInput, match=r"\$.data.delimiter: expected a file of csv, got jsonl"):
        planned(data, options=ReadOptions(delimiter=";"))


LINES = (
    b'{"a": 1, "b": "x\\n"}\n\n{"a": null}\r\n[1]'
    b'\n{"a": NaN, "c": 2}\nno\n{"b": "\xc3\xa9", "a": 2.5}\n{"b": "\\ud83d"}'
)


@pytest.mark.parametrize("part_bytes", [1, 7, 30, 1 << 20])
@pytest.mark.parametrize("block_bytes", [1, 9, 1 << 20])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_lines_are_read_wherever_they_are_cut(part_bytes: int, block_bytes: int, mark: bytes) -> None:
    data = MemoryData(t=mark + LINES)
    plan = planned(data, part_bytes)
    assert plan.names == ("a", "b", "c")
    read: list[Any] = []
    rejected: list[Any] = []
    absent: list[tuple[str, int]] = []
    for part in plan.parts:
        for block in blocks(data, plan, part, ["a", "b"], block_bytes=block_bytes):
            absent += [(name, block.lines[row]) for name, rows in block.absent.items() for row in rows]
            read += zip(block.lines, *map(plain, block.columns.values()), strict=True)
            rejected += [(reject.line, reject.message) for reject in block.rejected]
    assert read == [(1, 1, "x\n"), (3, None, None), (5, None, None), (7, 2.5, "é")]
    assert rejected[0] == (4, "is no JSON object")
    assert rejected[1][0] == 6
    assert rejected[2:] == [(8, "holds half of a surrogate pair: expected text")]
    assert rejected[1][1].startswith("is not JSON: Expecting value")
    assert sorted(absent) == [("b", 3), ("b", 5)]


@pytest.mark.parametrize("said", [None, "utf-8"])
def test_each_file_of_json_lines_may_have_a_byte_order_mark(said: str | None) -> None:
    data = MemoryData(a=b'{"n": 1}\n', b=b'\xef\xbb\xbf{"n": 2}\n{"n": 3}', c=b'{"n": 4}')
    plan = planned(data, 1 << 20, ReadOptions(encoding=said))
    assert plan.names == ("n",)
    found = [block for part in plan.parts for block in blocks(data, plan, part, ["n"])]
    assert not any(block.rejected for block in found)
    read = [row for block in found for row in zip(block.lines, plain(block.columns["n"]), strict=True)]
    assert read == [(1, 1), (1, 2), (2, 3), (1, 4)]
