"""Files as chance, age and malice write them: each is read whole, or refused in a line, within its means."""

import csv
import io
import itertools
import json
import os
import random
import re
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from re._constants import MAX_REPEAT, MAXREPEAT, MIN_REPEAT  # type: ignore[import-not-found]
from re._parser import SubPattern, parse  # type: ignore[import-not-found]
from typing import Any

import numpy as np
import pytest
from arro3.core import Array, DataType, RecordBatch, Table
from arro3.io import write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_core.errors import MalformedInput, TooLarge
from ml_core.inputs import texts
from ml_core.inputs.rows import Limits
from ml_core.jobs.fit_child import FitChild, FittedArtifact
from ml_core.tables import (
    arrow,
    batches,
    delimited,
    dialects,
    guesses,
    notations,
    oddities,
    suitability,
    words,
    written,
)
from ml_core.tables.columns import Column, Dataset, number_column
from ml_core.tables.description import describe
from ml_core.tables.memory import BYTES_AT_LEAST, Budget
from ml_core.tables.options import GAP_SIGNS, MISSING_WORDS, ColumnOptions, ReadOptions, read_options
from ml_core.tables.reading import read
from ml_core.tables.words import word_column
from ml_core.training.notebook import check_request
from tests.unit.test_tables import values

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes | str], str]:
    def written(content: bytes | str) -> str:
        path = tmp_path / "data"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return written


class TestColumnsAreWhole:
    """A guess that fails leaves nothing behind: neither a lost value nor a gap that is none."""

    @pytest.mark.parametrize("sign", sorted(GAP_SIGNS))
    def test_a_first_word_that_looks_like_a_gap_is_a_word_among_words(
        self, file: Callable[[str], str], sign: str
    ) -> None:
        column = read(file(f"a,y\n{sign},p\nx,q\nx,p\nz,q\n")).columns[0]
        assert values(column) == [sign, "x", "x", "z"]
        assert column.kind == "category"

    @pytest.mark.parametrize("sign", sorted(GAP_SIGNS))
    @pytest.mark.parametrize(("known", "kind"), [("2024-05-31", "date"), ("1.5", "number")])
    def test_it_is_a_gap_among_numbers_and_dates(
        self, file: Callable[[str], str], sign: str, known: str, kind: str
    ) -> None:
        dataset = read(file(f"a,y\n{sign},p\n{known},q\n"))
        assert (dataset.columns[0].kind, values(dataset.columns[0])[0]) == (kind, None)
        assert f"{sign!r} among its values is taken for a missing one" in " ".join(dataset.warnings)

    def test_such_a_column_is_a_target(self, file: Callable[[str], str], tmp_path: Path) -> None:
        rows = "".join(f"{sign},{number}\n" for number, sign in enumerate(["unknown", "yes", "no"] * 10))
        found = fitted(file("y,a\n" + rows), tmp_path / "fit", target="y")
        assert found.manifest["classes"] == ["no", "unknown", "yes"]

    def test_a_column_that_is_not_whole_never_leaves_a_reader(
        self, file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = Dataset((Column("a", "number", np.zeros(1)),), 2, "csv")
        monkeypatch.setattr(delimited, "read", lambda *_, **__: broken)
        with pytest.raises(AssertionError, match="a column of 2 rows has 1 values"):
            read(file("a\n1\n2\n"))


# Cells of every kind that a column is told by, and of none.
CELLS = [
    *("1", "2.5", "-3e2", " 4 ", "007", "1,5"),
    *("2024-05-31", "2024-05-31T12:00:00Z", "2024-05-31 10:00:00+01", "31.05.2024", "12:00:00"),
    *("x", "true", "False", "a b"),
    *sorted(GAP_SIGNS)[:6],
    *sorted(MISSING_WORDS)[:6],
]
COLUMNS = st.one_of(
    st.lists(st.sampled_from(CELLS), min_size=1, max_size=24),
    *(
        st.lists(st.sampled_from([*kind, "", "NA", "-", "?"]), min_size=1, max_size=24)
        for kind in (["1", "2.5"], ["2024-05-31", "2024-06-01 10:00:00"], ["true", "False"], ["x", "y"])
    ),
)


def column_of(cells: list[str], cuts: list[int], *, numeric: bool = True) -> Column:
    """The column of cells that come in batches which end at the cuts, read as a reader of files does."""
    edges = [0, *sorted({cut % len(cells) for cut in cuts} - {0}), len(cells)]
    arrays = [Array(cells[begin:end], arrow.STRING) for begin, end in itertools.pairwise(edges)]
    return word_column("a", arrays, ColumnOptions(text=numeric)).column()


@given(
    cells=COLUMNS,
    cuts=st.lists(st.integers(0, 30), max_size=6),
    seed=st.integers(0, 99),
    numeric=st.booleans(),
)
@settings(max_examples=400)
def test_a_column_means_the_same_in_any_order_and_any_batches(
    cells: list[str], cuts: list[int], seed: int, numeric: bool
) -> None:
    whole = column_of(cells, [], numeric=numeric)
    assert len(whole.values) == len(cells)
    in_batches = column_of(cells, cuts, numeric=numeric)
    assert (in_batches.kind, in_batches.words) == (whole.kind, whole.words)
    assert values(in_batches) == values(whole)
    order = random.Random(seed).sample(range(len(cells)), len(cells))  # noqa: S311 - no secret
    shuffled = column_of([cells[place] for place in order], cuts, numeric=numeric)
    assert (shuffled.kind, shuffled.words) == (whole.kind, whole.words)
    assert values(shuffled) == [values(whole)[place] for place in order]


@given(columns=st.lists(COLUMNS, min_size=1, max_size=4), at_once=st.integers(1, 9))
@settings(max_examples=60)
def test_a_file_means_the_same_in_any_batches(columns: list[list[str]], at_once: int) -> None:
    rows = max(map(len, columns))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["row", *(f"c{place}" for place in range(len(columns)))])
    for row in range(rows):
        writer.writerow([row, *(column[row % len(column)] for column in columns)])
    path = f"/dev/shm/serverless-ml-{os.getpid()}.csv"
    with open(path, "w", encoding="utf-8", newline="") as written:
        written.write(text.getvalue())
    try:
        whole = read(path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batches, "BATCH_ROWS", at_once)
            cut = read(path)
    finally:
        os.unlink(path)
    assert [(c.name, c.kind, c.words, values(c)) for c in cut.columns] == [
        (c.name, c.kind, c.words, values(c)) for c in whole.columns
    ]


def fitted(path: str, folder: Path, *, target: str | None, memory: int | None = None) -> FittedArtifact:
    """What a job's child makes of a table."""
    folder.mkdir()
    os.link(path, folder / "data")
    data = {"uri": "file:data", "target": target}
    body = {"algorithm": "logistic_regression", "data": data, "test_fraction": 0}
    request = check_request(body, Limits(), lambda _: None)
    with FitChild(request.to_bytes(), str(folder), memory=memory) as child:
        assert child.ended.wait(120)
        found = child.result()
    assert isinstance(found, FittedArtifact), found
    return found


def wide(columns: int, rows: int) -> str:
    header = ",".join(f"c{place}" for place in range(columns))
    lines = (",".join(str(place * row % 7) for place in range(columns)) for row in range(rows))
    return f"y,{header}\n" + "".join(f"{'pq'[row % 2]},{line}\n" for row, line in enumerate(lines))


class TestWidth:
    """A table takes memory for what it holds: a wide one no more than a long one of as many cells."""

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process's memory")
    @pytest.mark.parametrize("columns", [2_000, 9_900])
    def test_a_wide_table_trains_in_little_memory(
        self, file: Callable[[str], str], tmp_path: Path, columns: int
    ) -> None:
        found = fitted(file(wide(columns, 4)), tmp_path / "fit", target="y", memory=512 << 20)
        assert len(found.manifest["features"]) == columns

    @pytest.mark.parametrize("width", [1, 20, 1_000, 10_000, 100_000])
    @pytest.mark.parametrize("row_bytes", [1, 100, 1 << 20, 1 << 30])
    def test_a_batch_is_bound_by_bytes(self, width: int, row_bytes: int) -> None:
        rows = batches.rows_at_once(width * row_bytes)
        assert rows == 1 or rows * width * row_bytes <= batches.BATCH_BYTES

    def test_more_columns_than_are_taken_are_refused(self, file: Callable[[str], str]) -> None:
        with pytest.raises(TooLarge, match="the table has 10002 columns; at most 10000 are taken"):
            read(file(wide(10_001, 1)))
        assert len(read(file(wide(10_001, 1)), names=["c1", "c10000"]).columns) == 2
        with pytest.raises(TooLarge, match="the file has 110000 columns; at most 100000 are read"):
            read(file("a\t" * 109_999 + "a\n"), names=["a"])

    def test_json_lines_that_widen_late_are_refused_when_they_do(self, file: Callable[[str], str]) -> None:
        late = '{"a": 1}\n' * 16_000 + json.dumps({f"k{place}": place for place in range(9_000)})
        with pytest.raises(TooLarge, match="about 16000 rows and 9001 columns"):
            read(file(late), budget=Budget(BYTES_AT_LEAST + (1 << 30)))
        wider = '{"a": 1}\n' * 16_000 + json.dumps({f"k{place}": place for place in range(30_000)})
        assert peak_of_python(lambda: refusal(file(wider))) < 64 << 20

    @pytest.mark.parametrize("kind", ["<f8", "|S0", "<U0"])
    def test_an_npy_file_is_refused_by_its_header(self, file: Callable[[bytes], str], kind: str) -> None:
        path = file(npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 300000000)}}"))
        assert peak_of_python(lambda: refusal(path)) < 8 << 20

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its limit")
    @pytest.mark.parametrize("first", [0, 5_000], ids=["from the first row", "late"])
    def test_a_word_that_stands_in_every_row_is_read_in_little_memory(
        self, tmp_path: Path, first: int
    ) -> None:
        """Parquet writes it once: the file is small, and all its rows at once would take 2 GB."""
        cells = Array(["short"] * first + ["y" * 30_000] * (65_000 - first), DataType.string())
        write_parquet(
            Table.from_batches([RecordBatch.from_pydict({"t": cells})]),
            str(tmp_path / "p"),
            compression="zstd(3)",
        )
        assert os.path.getsize(tmp_path / "p") < 1 << 20
        assert read_within(tmp_path / "p", 900 << 20) == "65000 rows, 1 or 2 words"

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its limit")
    def test_long_rows_are_few_at_once(self, tmp_path: Path) -> None:
        with open(tmp_path / "c", "w", encoding="utf-8") as written:
            written.write("n,t\n")
            written.writelines("1,s\n" for _ in range(2_000))
            written.writelines(f"1,{'x' * 40_000}\n" for _ in range(6_000))
        assert read_within(tmp_path / "c", 700 << 20) == "8000 rows, 1 or 2 words"


def peak_of_python(act: Callable[[], object]) -> int:
    """The most bytes that Python and numpy hold at once in it."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refusal(path: str) -> str:
    with pytest.raises((MalformedInput, TooLarge)) as refused:
        read(path, budget=Budget(3008 << 20))
    return str(refused.value)


READ_WITHIN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]),) * 2)
from ml_core.tables.reading import read
dataset = read(sys.argv[1])
print(dataset.rows, "rows,", "1 or 2 words" if len(dataset.columns[-1].words) < 3 else "many words")
"""


def read_within(path: Path, nbytes: int) -> str:
    """What a process that may hold so many bytes reads."""
    done = subprocess.run(
        [sys.executable, "-c", READ_WITHIN, str(path), str(nbytes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr[-300:]


class TestTimeGrowsWithLength:
    @pytest.mark.parametrize(
        "cell", ["1" * 40_000 + "x", "0" * 40_000 + "x", "1" * 20_000 + "." + "1" * 20_000 + "x"]
    )
    def test_a_cell_of_many_digits_is_a_word(self, file: Callable[[str], str], cell: str) -> None:
        assert read(file(f"a;b\n{cell};1\n")).columns[0].words == (cell,)

    def test_no_pattern_gives_back_what_it_repeated(self) -> None:
        """A repeat without a bound that may be undone is tried again at each of its characters."""
        patterns = {
            f"{module.__name__}.{name}[{place}]": found.pattern
            for module in (
                words,
                delimited,
                guesses,
                texts,
                suitability,
                notations,
                oddities,
                dialects,
                written,
            )
            for name, held in vars(module).items()
            for place, found in enumerate(patterns_in(held))
        }
        assert len(patterns) >= 9
        # The engine's own sentence is short, and not a cell.
        patterns.pop("ml_core.tables.delimited._RAGGED[0]")
        assert {name: text for name, text in patterns.items() if gives_back(parse(text))} == {}

    def test_names_that_stand_twice_are_told_apart_in_time(self, file: Callable[[str], str]) -> None:
        dataset = read(file(",".join(["a"] * 9_000) + "\n" + ",".join(["1"] * 9_000) + "\n"))
        assert [column.name for column in dataset.columns][-1] == "a.8999"
        assert len(dataset.warnings) == 21
        assert dataset.warnings[-1] == "8979 more columns are renamed like these"


def patterns_in(held: Any) -> "Iterator[re.Pattern[str]]":
    """The patterns that a value is, or holds."""
    if isinstance(held, re.Pattern):
        yield held
    elif isinstance(held, (tuple, dict)):
        for each in held.values() if isinstance(held, dict) else held:
            yield from patterns_in(each)


def gives_back(parsed: Any) -> bool:
    """Whether a parsed pattern has a repeat without a bound that is not possessive."""
    return any(
        (operation in (MAX_REPEAT, MIN_REPEAT) and argument[1] is MAXREPEAT)
        or any(gives_back(part) for part in parts_of(argument))
        for operation, argument in parsed
    )


def parts_of(argument: Any) -> "Iterator[Any]":
    """The patterns in an operation's argument."""
    if isinstance(argument, SubPattern):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for each in argument:
            yield from parts_of(each)


def test_the_check_of_patterns_sees_what_it_is_for() -> None:
    assert [
        gives_back(parse(text)) for text in (r"\d+\.?\d*", r"(a|(b*?c))", r"\d++x", r"a{2,9}(\d++)?")
    ] == [
        True,
        True,
        False,
        False,
    ]


def npy(header: str, body: bytes = b"") -> bytes:
    head = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def npy_words(order: str, *characters: int) -> bytes:
    shape = f"({len(characters)}, 1)"
    return npy(
        f"{{'descr': '{order}U1', 'fortran_order': False, 'shape': {shape}}}",
        struct.pack(f"{order}{len(characters)}I", *characters),
    )


BROKEN: dict[str, bytes | str] = {
    "a column named by half a character": '{"\\ud800": 1}\n',
    "half a character in JSON": '{"a": "x"}\n{"a": "\\ud800"}\n',
    "brackets without end": '{"a":' + "[" * 100_000 + "\n",
    "a JSON array without end": "[" * 200_000,
    "a number of 5,000 digits": '{"a": ' + "1" * 5_000 + "}\n",
    "an NPY header with a quote too many": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)'}"),
    "an NPY header with NUL": npy("{'descr': '<f8',\0 'fortran_order': False, 'shape': (2, 3)}"),
    "an NPY header of brackets": npy("(" * 210),
    "an NPY header of long brackets": npy("[" * 9_000),
    "an NPY shape of truth": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 3)}", b"\0" * 24),
    "an NPY shape past all numbers": npy(
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**31}, 2)}}"
    ),
    "an NPY shape below zero": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}", b"\0" * 24),
    "NPY values without a size": npy("{'descr': '|V0', 'fortran_order': False, 'shape': (2, 3)}"),
    "NPY words past Unicode": npy_words("<", 0x110000, 65),
    "NPY words past Unicode, the other way around": npy_words(">", 0xFFFFFFFF, 65),
    "NPY words of half characters": npy_words("<", 0xD800, 65),
    "an NPY column named by half a character": npy(
        "{'descr': [('a\\ud800', '<f8')], 'fortran_order': False, 'shape': (2,)}", b"\0" * 16
    ),
    "Excel's line without a delimiter": 'sep=\na"b\n1,2\n',
    "Excel's line with a quote for one": 'sep="\r\na"b\r\n1\r\n2"3,4\r\n',
}


@pytest.mark.parametrize("what", BROKEN)
def test_whatever_an_engine_throws_is_the_files_fault(file: Callable[[bytes | str], str], what: str) -> None:
    with pytest.raises(MalformedInput) as refused:
        read(file(BROKEN[what]))
    assert re.fullmatch(r"[^\n]{10,300}", str(refused.value))


@given(numbers=st.lists(st.floats(allow_nan=False) | st.sampled_from((0.0, 5e-324, 1e-323, 1e308, 2.0**53))))
def test_any_numbers_have_a_histogram(numbers: list[float]) -> None:
    """Between edges that rise, of which all finite numbers are."""
    dataset = Dataset((number_column("a", np.array(numbers, float)),), len(numbers), "npy")
    (column,) = describe(dataset)["columns"]
    if any(map(np.isfinite, numbers)):
        edges, counts = column["histogram"]["edges"], column["histogram"]["counts"]
        assert edges == sorted(edges)
        assert sum(counts) == sum(map(np.isfinite, numbers))


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"])
@pytest.mark.parametrize("instant", [2**63 - 1, 1 - 2**63, 2**62, 0])
def test_any_instant_of_an_array_is_read_or_refused(
    file: Callable[[bytes], str], unit: str, instant: int
) -> None:
    """An array holds dates that are none in microseconds."""
    saved = io.BytesIO()
    np.save(saved, np.array([[instant], [0], [1]]).astype(f"M8[{unit}]"))
    try:
        describe(read(file(saved.getvalue())))
    except MalformedInput as error:
        assert "the dates of column" in str(error)  # noqa: PT017 (it may be read as well)
        assert instant


def test_a_mean_past_float64_is_described(file: Callable[[str], str]) -> None:
    (column,) = describe(read(file("a\n1e308\n1.7e308\n1.7e308\n")))["columns"]
    assert column["mean"] == pytest.approx(1e308 / 3 + 1.7e308 / 3 * 2)


@pytest.mark.parametrize("content", ["{}", "\ufeff{}", "{}\n{}\n"])
def test_records_without_members_are_no_table(file: Callable[[bytes | str], str], content: str) -> None:
    with pytest.raises(MalformedInput, match="a column at least"):
        read(file(content))


def any_bytes() -> "st.SearchStrategy[bytes]":
    """Bytes that begin as a format does."""
    beginnings = [b"PAR1", b"\x93NUMPY\x01\x00", b'{"a": ', b"sep=", b"\xff\xfe", b"\xef\xbb\xbf", b""]
    return st.builds(bytes.__add__, st.sampled_from(beginnings), st.binary(max_size=200))


@given(content=any_bytes())
@settings(max_examples=200)
def test_bytes_that_begin_like_a_table_are_read_or_refused(content: bytes) -> None:
    path = f"/dev/shm/serverless-ml-{os.getpid()}.bytes"
    with open(path, "wb") as written:
        written.write(content)
    try:
        dataset: Any = read(path)
    except (MalformedInput, TooLarge):
        return
    finally:
        os.unlink(path)
    json.dumps(describe(dataset), allow_nan=False)


def test_a_delimiter_too_many_behind_each_line_does_not_move_the_cells(file: Callable[[str], str]) -> None:
    """The first cells are no names of rows, though all are different."""
    with pytest.raises(MalformedInput, match="line 2 has 3 cells, the first line has 2"):
        read(file("a,y\n" + "".join(f"{row},{'pq'[row % 2]},\n" for row in range(20))))


class TestWhatIsNotReadIsTold:
    """What a person means otherwise than it is read: told by its column, and by what to write."""

    @pytest.mark.parametrize(
        ("cells", "says"),
        [
            (["15MAY2024", "02Jun2023"], "look like dates"),
            (["15MAY2024:10:00:00", "02Jun2023:11:30:00"], "look like dates"),
            (['"Mon, 20 May 2024 10:00:00 GMT"', '"Tue, 2 Jun 2024 11:00:00 GMT"'], "look like dates"),
            (["18.0   8   307.0", "15.0   8   350.0"], "several cells with spaces between them"),
            (["77 kg", "8 kg"], "with the unit 'kg'"),
            (["7°C", "-9.5°C"], "with the unit '°C'"),
            (["1.9M", "300K"], "thousands and millions"),
            (["١٦", "٨١"], "digits of another script"),
            (["\uff11\uff16", "\uff18\uff11"], "digits of another script"),
            (["'a'", "'b c'"], "between single quotes"),
            (["'23", "'24"], "marked as text for a spreadsheet"),
            (['"=""0123"""', '"=""0456"""'], "marked as text for a spreadsheet"),
            (["red", "red\u200b"], "not seen (U+200B)"),
            (["Yes", "yes", "no"], "'Yes' and 'yes' differ only in case"),
            (["New York", "New\u00a0York"], "differ only in case, space"),
            (["caf\u00e9", "cafe\u0301"], "how letters are coded"),
            (
                ["20240531", "20231201", ""],
                "such as 20240531, which look like dates: write them as 2024-05-31",
            ),
        ],
    )
    def test_it_is_told(self, file: Callable[[str], str], cells: list[str], says: str) -> None:
        rows = "".join(f"{cell},{'pq'[row % 2]}\n" for row, cell in enumerate(cells * 10))
        told = describe(read(file("a,y\n" + rows)))["warnings"]
        assert [says in each and each.startswith("column 'a'") for each in told] == [True], told

    @pytest.mark.parametrize(
        "cells",
        [
            ["Monday", "Tuesday"],
            ["Sunday roast", "Monday roast"],
            ["0128 302 220", "0129 333 111"],
            ["12A", "7B"],
            ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "x"],
            ["1st", "2nd"],
            ["18 to 25", "26 to 30"],
            ["20249999", "20240531"],
            ["20240531", "20240531"],
            ["Yes", "no"],
            ["don't", "won't"],
        ],
    )
    def test_nothing_is_told_of_what_is_read_as_it_is_meant(
        self, file: Callable[[str], str], cells: list[str]
    ) -> None:
        rows = "".join(f"{cell},{'pq'[row % 2]}\n" for row, cell in enumerate(cells * 10))
        assert describe(read(file("a,y\n" + rows)))["warnings"] == []

    @pytest.mark.parametrize("said", [None, ["#NULL!"]])
    def test_what_is_said_of_words_among_numbers_reads_them(
        self, file: Callable[[str], str], said: list[str] | None
    ) -> None:
        """In one step, and with what was said before."""
        cells = [*map(str, range(100)), "#DIV/0!", " #REF!", "#VALUE!", 'a""b', *(["#NULL!"] if said else [])]
        path = file("a,y\n" + "".join(f'"{cell}",{"pq"[row % 2]}\n' for row, cell in enumerate(cells)))
        (told,) = read(path, options=read_options({"missing": said} if said else {})).warnings
        assert "the word '#DIV/0!' in row 101 and 3 more words" in told
        proposed = told.partition("as words; ")[2].removesuffix(" makes them gaps")
        found = read(path, options=read_options(json.loads("{" + proposed + "}")))
        assert found.columns[0].kind == "integer"

    def test_what_missing_no_longer_says_is_told(self, file: Callable[[str], str]) -> None:
        """It is said for a column of numbers, and holds for the words of others."""
        path = file("n,w,y\n" + "-999,NA,p\n1,x,q\n2,z,p\n" * 9)
        assert read(path, options=read_options({"missing": ["-999", "NA"]})).warnings == ()
        (told,) = read(path, options=read_options({"missing": ["-999"]})).warnings
        assert told == "column 'w': 'NA' is one of its words, as \"missing\" was said without it"

    def test_a_cell_of_many_lines_is_told(self, file: Callable[[str], str]) -> None:
        """Two quotes that are no pair hold the lines between them; one that is not closed is refused."""
        dataset = read(file('a,y\n1,"p\n' + "2,q\n3,p\n" * 9 + '4,"q\n'))
        assert "a single cell of 20 lines: if a quote is not closed" in dataset.warnings[0]

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a page of HTML"),
            (b"\xef\xbb\xbf\r\n <HTML>\n<p>a,b</p>", "a page of HTML"),
            (b"<?xml version='1.0'?><a><b>1</b></a>", "XML"),
            (b"@RELATION x\n@ATTRIBUTE a NUMERIC\n@DATA\n1\n", "an ARFF file"),
            (b"PARE\x00\x15\x04", "encrypted Parquet"),
            (b"$FL2@(#) SPSS DATA FILE\x00\x02", "an SPSS file"),
            (b"<stata_dta><header>\x00", "a Stata file"),
            (b"\x89HDF\r\n\x1a\n\x00", "an HDF5 file"),
        ],
    )
    def test_what_is_no_table_is_told_by_its_name(
        self, file: Callable[[bytes], str], content: bytes, what: str
    ) -> None:
        with pytest.raises(MalformedInput, match=f"the file is {what}"):
            read(file(content))

    def test_codes_that_are_whole_numbers_are_told(self, file: Callable[[str], str]) -> None:
        rows = "".join(f"{491_700_000_000 + row * 7_919},{row % 5},{'pq'[row % 2]}\n" for row in range(60))
        (told,) = describe(read(file("phone,a,y\n" + rows)))["warnings"]
        assert told.startswith("column 'phone' has another number of 12 digits in each row")

    def test_a_file_of_one_column_is_told(self, file: Callable[[str], str]) -> None:
        found = read(file("a^y\n1^p\n2^q\n"))
        assert "each line has one cell" in found.warnings[0]
        said = read(file("a^y\n1^p\n2^q\n"), options=ReadOptions(delimiter="^"))
        assert ([column.name for column in said.columns], said.warnings) == (["a", "y"], ())

    @pytest.mark.parametrize(
        "text",
        [
            "|1x3 Cross validator\n" + "25, Private, <=50K.\n" * 20,
            "# made by a program\n# on a day\na,b,y\n" + "1,2,p\n" * 20,
            " id | name | y \n----+------+---\n" + "  1 | ab   | p\n" * 20,
        ],
    )
    def test_lines_before_the_table_are_told(self, file: Callable[[str], str], text: str) -> None:
        with pytest.raises(MalformedInput, match="if lines stand before the table, remove them"):
            read(file(text))

    def test_a_space_behind_commas_separates_nothing(self, file: Callable[[str], str]) -> None:
        """Quotes behind a space quote nothing, so such a line has too many cells."""
        with pytest.raises(MalformedInput, match="line 2 has 4 cells, the first line has 3"):
            read(file("a, t, y\n" + '1, "h, x", p\n' * 20))
        assert [column.name for column in read(file("a, t, y\n" + "1, h, p\n2, k, q\n" * 9)).columns] == list(
            "aty"
        )
