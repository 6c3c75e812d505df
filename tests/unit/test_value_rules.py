"""One rule for values, part of the model: predictions read a cell as training did, whatever the format."""

import csv
import io
import itertools
import json
import math
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.core import Array, DataType, RecordBatch, Table
from arro3.io import write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from ml_core.errors import InvalidInput
from ml_core.inputs.columns import CATEGORY, DATE, NUMBER, Feature, read_column, wrong_values
from ml_core.inputs.rows import Limits
from ml_core.inputs.rules import (
    DATE_ORDERS,
    DECIMALS,
    THOUSANDS,
    TYPED,
    WORD_KINDS,
    ValueRule,
    restored_rule,
)
from ml_core.inputs.tensors import InputTensor, rows_from_columns
from ml_core.inputs.texts import read_date, read_number
from ml_core.model.model import Model
from ml_core.preprocessing.encoding import Encoding
from ml_core.tables import arrow, guesses, vocabulary
from ml_core.tables.columns import Column
from ml_core.tables.memory import NO_BUDGET
from ml_core.tables.options import ColumnOptions, read_options
from ml_core.tables.reading import read
from ml_core.tables.words import word_column
from ml_core.tables.written import dates_at_once, numbers_at_once
from ml_core.training.fitting import fit
from ml_core.training.request import check_request
from tests.unit.test_tables import values

LIMITS = Limits(10**6, 10**4, 10**8)


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


# What the engine reads, a prediction reads too.

NUMBER_WORDS = st.one_of(
    st.text("0123456789.eE+-", min_size=1, max_size=14),
    st.text("0123456789.,eE+-infatyNIY _\u2212()$%", min_size=1, max_size=10),
    st.floats().map(repr),
    st.floats().map(lambda number: f"{number:.25e}"),
    st.integers().map(str),
    st.decimals(allow_nan=False).map(str),
    st.tuples(st.integers(0, 3), st.integers(300, 1500)).map(lambda n: f"{n[0]}.{'0' * n[1]}1"),
)


@given(st.lists(NUMBER_WORDS, min_size=1, max_size=20))
@settings(max_examples=400)
def test_what_the_engine_reads_as_a_number_is_the_same_number_word_by_word(cells: list[str]) -> None:
    for cell, number in zip(cells, arrow.numbers(Array(cells, arrow.STRING)).tolist(), strict=True):
        if not math.isnan(number):
            found = read_number(cell, ValueRule())
            assert found is not None, cell
            assert bits(found) == bits(number), cell


DATE_WORDS = st.one_of(
    st.text("0123456789-:TZ+. UTC/", min_size=8, max_size=24),
    st.builds(
        "{:04}-{:02}-{:02}{}{}{}".format,
        st.integers(0, 9999),
        st.integers(0, 13),
        st.integers(0, 32),
        st.sampled_from(["", "T23:59", " 00:00:00", "T23:59:60", " 24:00:00", "T12:30:01"]),
        st.sampled_from(["", ".1", ".123456789", ".9999999", ".000001999"]),
        st.sampled_from(["", "Z", " UTC", "+01", "-0330", "+05:45", "-14:00", "+23:59", "+24:00", "-00:90"]),
    ),
)


@given(st.lists(DATE_WORDS, min_size=1, max_size=20))
@settings(max_examples=400)
def test_what_the_engine_reads_as_a_date_is_the_same_date_word_by_word(cells: list[str]) -> None:
    known = [cell for cell in cells if guesses._ISO.fullmatch(cell)]
    for cell, days in zip(known, arrow.days(Array(known, arrow.STRING)).tolist(), strict=True):
        if not math.isnan(days):
            found = read_date(cell, ValueRule())
            assert found is not None, cell
            assert bits(found) == bits(days), cell


NOTATIONS = [(d, t) for d in DECIMALS for t in THOUSANDS if d != t]


def written(number: float, decimal: str, thousands: str, places: int) -> str:
    text = f"{number:,.{places}f}" if thousands else f"{number:.{places}f}"
    return text.translate({ord(","): thousands, ord("."): decimal})


@given(
    notation=st.sampled_from(NOTATIONS),
    unit=st.sampled_from(["", "$", "%", "EUR", "R$", "Fr."]),
    cells=st.lists(
        st.one_of(st.tuples(st.floats(-1e12, 1e12), st.integers(0, 4)), NUMBER_WORDS), min_size=1, max_size=8
    ),
    shape=st.sampled_from(["{u}{n}", "{n}{u}", "{n} {u}", "{u} {n}", " {n}"]),
)
@settings(max_examples=400)
def test_many_numbers_at_once_are_those_word_by_word(
    notation: tuple[str, str], unit: str, cells: list[Any], shape: str
) -> None:
    each = [
        shape.format(n=written(cell[0], *notation, cell[1]), u=unit) if isinstance(cell, tuple) else cell
        for cell in cells
    ]
    rule = ValueRule(text=True, decimal=notation[0], thousands=notation[1], unit=unit)
    numbers = numbers_at_once(each, rule)
    if numbers is not None:
        assert [bits(number) for number in numbers.tolist()] == [
            bits(float("nan") if (found := read_number(cell, rule)) is None else found) for cell in each
        ]


FORMATS = {
    "": ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S.%fZ"],
    "dmy": ["%d.%m.%Y", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %I:%M %p"],
    "mdy": ["%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M+01:00"],
    "ymd": ["%Y/%m/%d", "%Y/%m/%d %H:%M:%S"],
    "named": ["%d-%b-%Y", "%d %B %Y %H:%M"],
}


@given(
    order=st.sampled_from(DATE_ORDERS),
    instants=st.lists(st.datetimes(), min_size=1, max_size=8),
    noise=st.lists(
        st.one_of(DATE_WORDS, st.sampled_from(["1/2/2024", "31/31/2024", "3 Foo 2024", "1.1.2024 13:00 PM"])),
        max_size=2,
    ),
    which=st.integers(0, 2),
)
@settings(max_examples=400)
def test_many_dates_at_once_are_those_word_by_word(
    order: str, instants: list[Any], noise: list[str], which: int
) -> None:
    form = FORMATS[order][which % len(FORMATS[order])]
    cells = [instant.strftime(form).rjust(10, "0") for instant in instants] + noise
    days = dates_at_once(cells, order)
    for cell, at_once in zip(cells, [] if days is None else days.tolist(), strict=days is not None):
        if not math.isnan(at_once):
            found = read_date(cell, ValueRule(date=order))
            assert found is not None, cell
            assert bits(found) == bits(at_once), cell


@pytest.mark.parametrize(
    "cell",
    [
        *("1" * 10**6, "1" * 10**6 + "x", "1." + "0" * 10**6, "1," * 10**6, "(" * 10**6, "1e" + "1" * 10**6),
        *(" " * 10**6 + "x", "1" + " " * 10**6 + "x", "$" * 10**6, "-" * 10**6, "1'" * 10**6),
    ],
    ids=lambda cell: f"{cell[:3]}…{cell[-3:]}",
)
@pytest.mark.parametrize(
    "rule", [ValueRule(), ValueRule(decimal=",", thousands="."), ValueRule(thousands=" ")]
)
def test_a_cell_of_a_million_characters_takes_no_time(cell: str, rule: ValueRule) -> None:
    began = time.process_time()
    read_number(cell, rule)
    read_date(cell, rule)
    numbers_at_once([cell], rule)
    assert time.process_time() - began < 0.5


# A column means the same in any order and any batches.

WRITERS: list[Callable[[float], str]] = [
    *(lambda n, d=d, t=t: written(n, d, t, 2) for d, t in NOTATIONS),
    lambda n: f"${n:,.2f}",
    lambda n: f"{n:.1f}%",
    lambda n: f"{int(n) % 10**6:,} €".replace(",", "."),
    lambda n: f"({n:.2f})",
    lambda n: f"{n:.3f}".replace(".", ","),
    lambda n: str(2**60 + int(n)),
    *(
        lambda n, form=form: np.datetime64(int(n), "s").item().strftime(form)
        for forms in FORMATS.values()
        for form in forms
    ),
]


def column_of(cells: list[str], cuts: list[int], delimiter: str) -> Column:
    edges = [0, *sorted({cut % len(cells) for cut in cuts} - {0}), len(cells)]
    arrays = [Array(cells[begin:end], arrow.STRING) for begin, end in itertools.pairwise(edges)]
    return word_column("a", arrays, ColumnOptions(delimiter=delimiter)).column()


@pytest.mark.parametrize("most", [3, 100_000])
@given(
    writer=st.sampled_from(WRITERS),
    numbers=st.lists(st.floats(0, 1e9), min_size=1, max_size=24),
    other=st.lists(st.sampled_from(["", "NA", "-", "?", "x", "1", "2024-01-05", "inf"]), max_size=4),
    cuts=st.lists(st.integers(0, 30), max_size=5),
    delimiter=st.sampled_from([",", ";", "\t"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=300)
def test_a_column_of_written_values_means_the_same_in_any_order_and_batches(
    *,
    most: int,
    writer: Callable[[float], str],
    numbers: list[float],
    other: list[str],
    cuts: list[int],
    delimiter: str,
    seed: int,
) -> None:
    cells = [*map(writer, numbers), *other]
    order = random.Random(seed).sample(range(len(cells)), len(cells))  # noqa: S311 - no secret
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "MOST_WORDS", most)
        whole = column_of(cells, [], delimiter)
        shuffled = column_of([cells[place] for place in order], cuts, delimiter)
    assert (shuffled.kind, shuffled.words, shuffled.rule) == (whole.kind, whole.words, whole.rule)
    assert shuffled.missing_words == whole.missing_words
    assert values(shuffled) == [values(whole)[place] for place in order]
    feature = Feature("a", NUMBER if whole.kind == "integer" else whole.kind, whole.words, whole.rule)
    if whole.kind != "text" and not (whole.kind == "number" and np.isinf(whole.values).any()):
        again = read_column(feature, cells)
        assert not list(wrong_values(again))
        np.testing.assert_array_equal(
            again, np.where(whole.values < 0, np.nan, whole.values) if whole.words else whole.values
        )


# Every row of a file, sent as the file has it, is read as the trainer read it.

ROWS = 60
KINDS: dict[str, Callable[[int], str]] = {
    "plain": lambda n: "" if n % 7 == 0 else f"{n * 1.25 - 30}",
    "sign": lambda n: "?" if n % 9 == 0 else str(n % 11),
    "thousands": lambda n: f"{n * 1234.5:,.2f}",
    "dollar": lambda n: f"-${n * 99:,}" if n % 2 else f"${n * 99:,}.50",
    "percent": lambda n: f"{n / 3:.2f}%",
    "truth": lambda n: ["true", "False", "", "TRUE"][n % 4],
    "iso": lambda n: f"2024-01-{n % 28 + 1:02}",
    "postgres": lambda n: f"2024-01-{n % 28 + 1:02} 10:{n % 60:02}:00+01",
    "bigquery": lambda n: f"2024-01-{n % 28 + 1:02} 10:00:00.{n:06} UTC",
    "german": lambda n: f"{n % 28 + 1}.{n % 12 + 1}.2023",
    "american": lambda n: f"{n % 12 + 1}/{n % 28 + 1}/2023 1:{n % 60:02} PM",
    "named": lambda n: f"{n % 28 + 1}-Mar-2023",
    "gap_first": lambda n: ["?", "x", "NA", "None"][n % 4],
    "padded": lambda n: [" Private", "Public ", "Private"][n % 3],
    "code": lambda n: ["007", "7", "seven"][n % 3],
    "large": lambda n: str(2**60 + n % 5),
    "spoken": lambda n: ["yes", "no", "TRUE", "1"][n % 4],
    "accent": lambda n: ["Zürich", "Genève", '"quoted"', "a,b;c"][n % 4],
}


def csv_of(delimiter: str, columns: dict[str, list[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def trained(path: Path, **data: Any) -> tuple[Any, Model]:
    """The rows that a request's table becomes, and the model of them, out of its artifact."""
    body = {
        "algorithm": "logistic_regression",
        "data": {"uri": "file:data", "target": "y", **data},
        "test_fraction": 0,
    }
    filled = check_request(body, LIMITS, lambda _: None).with_rows(str(path), NO_BUDGET)
    return filled, Model.from_bytes(fit(filled, lambda *_: None).artifact)


def assert_replayed(path: Path, rows: list[dict[str, Any]], **data: Any) -> Any:
    """Each row sent by itself and all together are the trainer's, bit for bit."""
    filled, model = trained(path, **data)
    sent = [{name: row[name] for name in model.features if name in row} for row in rows]
    expected = np.frombuffer(filled.rows.packed)
    np.testing.assert_array_equal(np.frombuffer(model.rows(sent, limits=LIMITS).packed), expected)
    one_by_one = b"".join(bytes(model.rows([row], limits=LIMITS).packed) for row in sent[:20])
    np.testing.assert_array_equal(np.frombuffer(one_by_one), expected[: len(one_by_one) // 8])
    return filled


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_row_of_a_csv_file_is_read_as_in_training(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    columns = {name: list(map(cell, range(ROWS))) for name, cell in KINDS.items()}
    columns["y"] = ["pq"[n % 2] for n in range(ROWS)]
    text = csv_of(delimiter, columns)
    path = tmp_path / "data"
    path.write_bytes(text.encode(encoding))
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    filled = assert_replayed(path, rows)
    assert {column.name: column.kind for column in filled.columns} == {
        **dict.fromkeys(("plain", "sign", "thousands", "dollar", "percent"), NUMBER),
        **dict.fromkeys(("iso", "postgres", "bigquery", "german", "american", "named"), DATE),
        **dict.fromkeys(("gap_first", "padded", "code", "large", "spoken", "accent"), CATEGORY),
        "truth": "boolean",
    }


def test_tensors_of_text_are_read_as_the_file(tmp_path: Path) -> None:
    columns = {name: list(map(cell, range(ROWS))) for name, cell in KINDS.items()}
    columns["y"] = ["pq"[n % 2] for n in range(ROWS)]
    (tmp_path / "data").write_text(csv_of(",", columns), encoding="utf-8")
    filled, model = trained(tmp_path / "data")
    for raw in (False, True):
        tensors = [
            InputTensor(name, "BYTES", [ROWS], _raw(columns[name]) if raw else columns[name])
            for name in model.features
        ]
        sent = rows_from_columns(model, tensors, LIMITS, expecting="the model")
        np.testing.assert_array_equal(np.frombuffer(sent.packed), np.frombuffer(filled.rows.packed))


def _raw(cells: list[str]) -> bytes:
    return b"".join(struct.pack("<I", len(cell.encode())) + cell.encode() for cell in cells)


TABLES = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("decimal", [".", ","])
def test_scikit_learns_tables_are_read_to_the_bit(tmp_path: Path, name: str, decimal: str) -> None:
    table = TABLES[name]()
    columns = {
        f"c{place}": [repr(value).replace(".", decimal) for value in column]
        for place, column in enumerate(table.data.T.tolist())
    }
    columns["y"] = [str(table.target_names[number]) for number in table.target]
    path = tmp_path / "data"
    path.write_text(csv_of(";", columns), encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter=";"))
    filled = assert_replayed(path, rows)
    np.testing.assert_array_equal(np.frombuffer(filled.rows.packed).reshape(table.data.shape), table.data)


def typed_columns() -> dict[str, tuple[list[Any], Any]]:
    """Values of each type, as JSON has them, and Arrow's type for them."""
    n = range(ROWS)
    return {
        "number": ([None if i % 7 == 0 else i * 0.1 for i in n], DataType.float64()),
        "single": ([float(np.float32(i / 3)) for i in n], DataType.float32()),
        "small": ([None if i % 5 == 0 else i % 9 for i in n], DataType.int16()),
        "large": ([2**60 + i % 5 for i in n], DataType.int64()),
        "truth": ([None if i % 3 == 0 else i % 2 == 0 for i in n], DataType.bool()),
        "word": ([["NA", "None", "", " x", "x", "1", "?", None][i % 8] for i in n], DataType.string()),
        "iso": ([f"2024-01-{i % 28 + 1:02}T10:00:00+01:00" for i in n], DataType.string()),
        "dmy": ([f"{i % 28 + 1}.01.2024" for i in n], DataType.large_string()),
        "y": (["pq"[i % 2] for i in n], DataType.string()),
    }


def parquet_of(path: Path, columns: dict[str, tuple[list[Any], Any]]) -> None:
    arrays: dict[str, Any] = {name: Array(held, kind) for name, (held, kind) in columns.items()}
    write_parquet(Table.from_batches([RecordBatch.from_pydict(arrays)]), str(path))


@pytest.mark.parametrize("missing", [None, ["x"], ["", "NA"], ["4", "0.1"]])
def test_every_row_of_parquet_and_json_lines_is_read_as_in_training(
    tmp_path: Path, missing: list[str] | None
) -> None:
    columns = typed_columns()
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*(held for held, _ in columns.values()), strict=True)
    ]
    said = {} if missing is None else {"missing": missing}
    parquet_of(tmp_path / "parquet", columns)
    (tmp_path / "lines").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    of_parquet = assert_replayed(tmp_path / "parquet", rows, **said)
    of_lines = assert_replayed(tmp_path / "lines", rows, **said)
    np.testing.assert_array_equal(np.frombuffer(of_parquet.rows.packed), np.frombuffer(of_lines.rows.packed))
    short = [{name: value for name, value in row.items() if value is not None} for row in rows]
    (tmp_path / "short").write_text("".join(json.dumps(row) + "\n" for row in short), encoding="utf-8")
    assert_replayed(tmp_path / "short", short, **said)


def test_parquets_instants_of_nanoseconds_are_read_as_their_texts(tmp_path: Path) -> None:
    instants = np.array([-1, -1_001, 1_999, 0, 1_704_448_800_123_456_789] * 8, np.int64)
    texts = [str(np.datetime64(int(instant), "ns")) for instant in instants]
    array = Array.from_numpy(instants).cast(DataType.timestamp("ns"))
    labels = Array(["pq"[n % 2] for n in range(40)], DataType.string())
    batch = RecordBatch.from_pydict({"a": array, "y": labels})
    write_parquet(Table.from_batches([batch]), str(tmp_path / "data"))
    assert_replayed(tmp_path / "data", [{"a": text} for text in texts])


def test_whole_decimals_of_a_database_are_told_apart(tmp_path: Path) -> None:
    for held, kind in (
        ([2**60 + n % 5 for n in range(40)], CATEGORY),
        ([10**25 + n % 3 for n in range(40)], CATEGORY),
        ([None if n % 4 == 0 else n % 9 for n in range(40)], NUMBER),
    ):
        texts = Array([None if each is None else str(each) for each in held], DataType.string())
        columns: dict[str, Any] = {
            "a": texts.cast(DataType.decimal128(38, 0)),
            "y": Array(["pq"[n % 2] for n in range(40)], DataType.string()),
        }
        write_parquet(Table.from_batches([RecordBatch.from_pydict(columns)]), str(tmp_path / "data"))
        filled = assert_replayed(tmp_path / "data", [{"a": each} for each in held])
        assert filled.columns[0].kind == kind
        assert len(filled.columns[0].words) == (0 if kind == NUMBER else len(set(held)))


def test_rows_that_come_with_a_request_are_read_alike_afterwards() -> None:
    columns = typed_columns()
    held = [column for name, (column, _) in columns.items() if name not in ("y", "large")]
    rows = [list(row) for row in zip(*held, strict=True)]
    body = {"algorithm": "logistic_regression", "instances": rows, "targets": columns["y"][0]}
    checked = check_request(json.loads(json.dumps({**body, "test_fraction": 0})), LIMITS, lambda _: None)
    model = Model.from_bytes(fit(checked, lambda *_: None).artifact)
    sent = model.rows(rows, limits=LIMITS)
    np.testing.assert_array_equal(np.frombuffer(sent.packed), np.frombuffer(checked.rows.packed))


def _bits_of(model: Model) -> dict[str, bytes]:
    return {name: bytes(tensor.packed) for name, tensor in model.estimator.tensors().items()}


def test_equal_content_gives_equal_rows_whatever_the_format(tmp_path: Path) -> None:
    n = range(ROWS)
    columns: dict[str, tuple[list[Any], Any]] = {
        "number": ([None if i % 7 == 0 else i * 0.1 for i in n], DataType.float64()),
        "whole": ([i % 9 for i in n], DataType.int64()),
        "truth": ([None if i % 3 == 0 else i % 2 == 0 for i in n], DataType.bool()),
        "word": ([["NA", "-", "b", None][i % 4] for i in n], DataType.string()),
        "date": ([f"2024-01-{i % 28 + 1:02}" for i in n], DataType.string()),
        "y": (["pq"[i % 2] for i in n], DataType.string()),
    }
    parquet_of(tmp_path / "parquet", columns)
    names = list(columns)
    rows = list(zip(*(held for held, _ in columns.values()), strict=True))
    lines = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    (tmp_path / "lines").write_text(lines, encoding="utf-8")
    cells = {name: ["" if v is None else str(v) for v in held] for name, (held, _) in columns.items()}
    (tmp_path / "csv").write_text(csv_of(",", cells), encoding="utf-8")
    for missing, there in (([], True), (["NA"], False)):
        models = {}
        for name in ("parquet", "lines", "csv"):
            filled, model = trained(tmp_path / name, missing=missing)
            word = next(column for column in filled.columns if column.name == "word")
            assert ("NA" in word.words) is there
            models[name] = (bytes(filled.rows.packed), _bits_of(model))
        assert models["parquet"] == models["lines"] == models["csv"]


# Columns as people write them, and what they mean.

MEANT: list[tuple[str, str, dict[str, Any], str, list[Any]]] = [
    ("a,y\nNone,p\nPaved,q\n", "a", {"missing": []}, CATEGORY, ["None", "Paved"]),
    ("a,y\nNone,p\nPaved,q\n", "a", {}, CATEGORY, [None, "Paved"]),
    ("a, b\n1, Private\n2, Public\n", "b", {}, CATEGORY, ["Private", "Public"]),
    ("a,y\n?,p\nx,q\nx,p\nz,q\n", "a", {}, CATEGORY, ["?", "x", "x", "z"]),
    ("a,y\n-,p\n2024-01-05,q\n", "a", {}, DATE, [None, 19727.0]),
    ('a,y\n"1,073.55",p\n999,q\n', "a", {}, "number", [1073.55, 999.0]),
    ('a,y\n"0,465",p\n"1,588",q\n', "a", {}, "number", [0.465, 1.588]),
    ("a\ty\n0,465\tp\n1,588\tq\n", "a", {}, "number", [0.465, 1.588]),
    ('a,y\n"$1,074.00",p\n-$5,q\n', "a", {}, "integer", [1074.0, -5.0]),
    ("a,y\n5 €,p\n1.234 €,q\n", "a", {}, "integer", [5.0, 1234.0]),
    ("a,y\n5 €,p\n1.234 €,q\n", "a", {"decimal": "."}, "number", [5.0, 1.234]),
    ("a,y\n$3.459,p\n$1.299,q\n", "a", {}, "number", [3.459, 1.299]),
    ("a,y\n$5,p\n$1.234,q\n$1234,q\n", "a", {}, "number", [5.0, 1.234, 1234.0]),
    ("a,y\n12.5%,p\n3%,q\n", "a", {}, "number", [12.5, 3.0]),
    ("a;y\n1.234,56;p\n3,5;q\n", "a", {}, "number", [1234.56, 3.5]),
    ("a;y\n1\u00a0234,56;p\n3,5;q\n", "a", {}, "number", [1234.56, 3.5]),
    ("a,y\n1'234.5,p\n9,q\n", "a", {}, "number", [1234.5, 9.0]),
    ("a,y\n2024-01-05 10:00:00+01,p\n2024-01-05 09:00:00 UTC,q\n", "a", {}, DATE, [19727.375] * 2),
    ("a,y\n2024-1-5,p\n2024-12-31,q\n", "a", {}, DATE, [19727.0, 20088.0]),
    ("a,y\n2016-12-31T23:59:60Z,p\n2017-01-01,q\n", "a", {}, DATE, [17167.0, 17167.0]),
    ("a,y\n05/06/2024,p\n01/02/2024,q\n", "a", {"dayfirst": True}, DATE, [19879.0, 19754.0]),
    ("a,y\n05/06/2024,p\n01/02/2024,q\n", "a", {"dayfirst": False}, DATE, [19849.0, 19724.0]),
    (
        "a,y\n9007199254740993,p\n9007199254740992,q\n",
        "a",
        {},
        CATEGORY,
        ["9007199254740993", "9007199254740992"],
    ),
    ("a,y\n1,p\n,\n2,q\n,\n", "a", {}, "integer", [1.0, 2.0]),
    ("a;y\n1.234;p\n5.000;q\n", "a", {"decimal": ",", "thousands": "."}, "integer", [1234.0, 5000.0]),
    ("a,y\n1,p\n-999,q\n", "a", {"missing": ["-999"]}, "integer", [1.0, None]),
    ("a,y\n01234,p\n5,q\n", "a", {"types": {"a": "category"}}, CATEGORY, ["01234", "5"]),
    ("a,y\nyes,p\nno,q\n", "a", {"types": {"a": "boolean"}}, "boolean", [1.0, 0.0]),
    ("3,?,gas\n3,?,gas\n1,164,oil\n", "x1", {}, "integer", [None, None, 164.0]),
    ("5.1,,setosa\n4.9,3.5,setosa\n", "x1", {}, "number", [None, 3.5]),
    ("2024-01-05,1.5\n2024-01-06,2.5\n", "x1", {}, "number", [1.5, 2.5]),
    ("country,2019\nUS,1\nDE,3\n", "2019", {}, "integer", [1.0, 3.0]),
    ("day,2020-01-22\n2020-01-01,1\n2020-01-02,3\n", "day", {}, DATE, [18262.0, 18263.0]),
    ("2019_20,2020_21\n1,2\n3,4\n", "2019_20", {}, "integer", [1.0, 3.0]),
    ("1,2\n3,4\n", "1", {"header": True}, "integer", [3.0]),
    ("a,b\nc,d\n", "x0", {"header": False}, CATEGORY, ["a", "c"]),
]


@pytest.mark.parametrize(("text", "name", "said", "kind", "expected"), MEANT)
def test_a_column_means_what_a_person_would_say(
    *, tmp_path: Path, text: str, name: str, said: dict[str, Any], kind: str, expected: list[Any]
) -> None:
    (tmp_path / "data").write_text(text, encoding="utf-8")
    column = read(str(tmp_path / "data"), options=read_options(said)).column(name)
    assert column is not None
    assert (column.kind, values(column)) == (kind, expected)


TOLD: list[tuple[str, dict[str, Any], str]] = [
    ("a,y\n1/5/24,p\n12/31/23,q\n", {}, "two digits for the year"),
    ("a,y\n2:31:05,p\n2:40:10,q\n", {}, "times or durations"),
    ("a,y\n1.5,p\n2.5,q\n", {"decimal": ","}, "not all written alike, or not as was said, such as '1.5'"),
    ("a,y\n05/31/2024,p\n06/01/2024,q\n", {"dayfirst": True}, "not as was said, such as '05/31/2024'"),
    ("a,y\n5 €,p\n1.234 €,q\n", {}, "between thousands"),
    ("a,y\n0:41.8,p\n9:47,q\n", {}, "times or durations"),
    ("a,y\n2024-01,p\n2024-02,q\n", {}, "look like months"),
    ("a,y\n05/06/2024,p\n01/02/2024,q\n", {}, '"dayfirst": true'),
    ("a\ty\n1,234\tp\n2,500\tq\n", {}, 'say "thousands": "," or "decimal": ","'),
    ("a,y\n1,p\n2,q\nx,p\n", {}, "the word 'x' in row 3"),
    ("3,?,gas\n3,?,gas\n1,164,oil\n", {}, "the file has no header"),
]


@pytest.mark.parametrize(("text", "said", "told"), TOLD)
def test_what_is_guessed_or_left_open_is_told(
    tmp_path: Path, text: str, said: dict[str, Any], told: str
) -> None:
    (tmp_path / "data").write_text(text, encoding="utf-8")
    dataset = read(str(tmp_path / "data"), options=read_options(said))
    assert [warning for warning in dataset.warnings if told in warning]


@pytest.mark.parametrize("text", ["a;y\n0.465;p\n1.588;q\n", "a;y\n0,465;p\n1,588;q\n", "id,y\n1,p\n2,q\n"])
def test_what_is_sure_is_not_warned_of(tmp_path: Path, text: str) -> None:
    (tmp_path / "data").write_text(text, encoding="utf-8")
    assert read(str(tmp_path / "data")).warnings == ()


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("a,y\n1,p\n2,q\n", {"types": {"a": "boolean"}}, "$.data.types.a"),
        ("a,y\nx,p\n2,q\n", {"types": {"a": "number"}}, "$.data.types.a"),
        ("a,y\nx,p\n2,q\n", {"types": {"a": "date"}}, "$.data.types.a"),
        ("a,y\nx,p\n2,q\n", {"types": {"b": "date"}}, "$.data.types.b"),
        ("a,y\nx,p\n2,q\n", {"exclude": ["b"]}, "$.data.exclude[0]"),
        ("a,y\nx,p\n2,q\n", {"exclude": ["a"], "types": {"y": "ignore"}}, "$.data"),
        ('{"a": 1}\n{"a": 2}\n', {"delimiter": ";"}, "$.data.delimiter"),
        ('{"a": 1}\n{"a": 2}\n', {"header": True}, "$.data.header"),
        ('{"a": [1]}\n{"a": 2}\n', {"types": {"a": "number"}}, "$.data.types.a"),
        (
            "a,y\n" + "".join(f"w{n},p\n" for n in range(100_002)),
            {"types": {"a": "boolean"}},
            "$.data.types.a",
        ),
        (
            "a,y\n" + "".join(f"w{n},p\n" for n in range(100_002)),
            {"types": {"a": "number"}},
            "$.data.types.a",
        ),
    ],
)
def test_what_is_said_and_does_not_fit_is_refused(
    tmp_path: Path, text: str, said: dict[str, Any], where: str
) -> None:
    (tmp_path / "data").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read(str(tmp_path / "data"), options=read_options(said))
    assert refused.value.faults[0].path == where


@pytest.mark.parametrize("row", ["9" * 400, "9" * 5_000, "1" * 17])
@pytest.mark.parametrize("line", ["{}", '{{"a": {}}}'])
def test_whole_numbers_of_any_length_are_words_or_refused(tmp_path: Path, row: str, line: str) -> None:
    head = "a\n" if line == "{}" else ""
    (tmp_path / "data").write_text(head + f"{line}\n{line}\n".format(row, "7"), encoding="utf-8")
    if len(row) == 5_000 and not head:
        return  # Python's JSON takes no such number, and the line is refused
    column = read(str(tmp_path / "data")).columns[0]
    assert (column.kind, values(column)) == (CATEGORY, [row, "7"])
    sent: list[Any] = [row, "7"] if head else [int(row), 7]
    assert read_column(Feature("a", CATEGORY, column.words, column.rule), sent) == column.values.tolist()


def test_large_whole_numbers_past_what_is_told_apart_are_no_numbers(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{2**60 + n},p\n" for n in range(100_002))
    (tmp_path / "data").write_text(text, encoding="utf-8")
    dataset = read(str(tmp_path / "data"))
    assert dataset.columns[0].kind == "text"
    assert "past 2^53" in dataset.warnings[0]


@pytest.mark.parametrize("line", ['{{"a": {}, "y": "{}"}}\n', "{},{}\n"])
def test_a_number_for_a_gap_is_one_among_truth_values(tmp_path: Path, line: str) -> None:
    text = "".join(line.format([0, 1, 9][n % 3], "pq"[n % 2]) for n in range(30))
    path = tmp_path / "data"
    path.write_text(("a,y\n" if line[0] == "{" and line[1] == "}" else "") + text, encoding="utf-8")
    rows = [{"a": [0, 1, 9][n % 3]} for n in range(30)]
    assert_replayed(path, rows, types={"a": "boolean"}, missing=["9"])
    assert_replayed(path, [{"a": str(row["a"])} for row in rows], types={"a": "boolean"}, missing=["9"])


def test_a_date_for_a_gap_is_one_in_every_format(tmp_path: Path) -> None:
    held = [["9999-12-31", "2024-01-05", "2024-01-06"][n % 3] for n in range(30)]
    labels = ["pq"[n % 2] for n in range(30)]
    words = Array(held, DataType.string())
    for name, array in (("words", words), ("days", words.cast(DataType.date32()))):
        columns: dict[str, Any] = {"a": array, "y": Array(labels, DataType.string())}
        write_parquet(Table.from_batches([RecordBatch.from_pydict(columns)]), str(tmp_path / name))
    rows = [{"a": text, "y": label} for text, label in zip(held, labels, strict=True)]
    (tmp_path / "lines").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "csv").write_text(csv_of(",", {"a": held, "y": labels}), encoding="utf-8")
    german = [f"{text[8:]}.{text[5:7]}.{text[:4]}" for text in held]
    (tmp_path / "german").write_text(csv_of(",", {"a": german, "y": labels}), encoding="utf-8")
    for name in ("words", "days", "lines", "csv"):
        filled = assert_replayed(tmp_path / name, rows, missing=["9999-12-31"])
        assert np.isnan(np.frombuffer(filled.rows.packed)).sum() == 10
    rows = [{"a": text} for text in german]
    filled = assert_replayed(tmp_path / "german", rows, missing=["31.12.9999"])
    assert np.isnan(np.frombuffer(filled.rows.packed)).sum() == 10


# Rules are part of the artifact, and artifacts without any mean what they meant.

RULES = st.builds(
    ValueRule,
    text=st.booleans(),
    missing=st.lists(st.text(max_size=4), max_size=3).map(tuple),
    decimal=st.sampled_from(DECIMALS),
    thousands=st.sampled_from(THOUSANDS),
    unit=st.sampled_from(["", "$", "%"]),
    date=st.sampled_from(DATE_ORDERS),
    true=st.sampled_from([(), ("true", "t")]),
    false=st.sampled_from([(), ("false",)]),
    spelled=st.booleans(),
    optional=st.booleans(),
    required=st.booleans(),
    closed=st.booleans(),
    dropped=st.integers(0, 1),
    filled=st.sampled_from([(), ("",), ("other",)]),
    word_kind=st.sampled_from(WORD_KINDS),
)


@given(RULES)
def test_a_rule_comes_back_from_its_description(rule: ValueRule) -> None:
    assert restored_rule(json.loads(json.dumps(rule.described())), rule.missing) == rule


@given(st.lists(RULES, min_size=1, max_size=5))
def test_an_encoding_comes_back_with_its_rules(rules: list[ValueRule]) -> None:
    described = [
        {
            "name": f"c{n}",
            "kind": CATEGORY,
            "words": ["a"],
            "missing_is_a_word": False,
            "read": rule.described(),
            "missing": n,
        }
        for n, rule in enumerate(rules)
    ]
    encoding = Encoding.restored(described, [list(rule.missing) for rule in rules])
    assert [feature.rule for feature in encoding.features] == rules
    again = Encoding.restored(
        json.loads(json.dumps(encoding.description())), json.loads(json.dumps(encoding.missing_words))
    )
    assert again.features == encoding.features


def test_an_artifact_without_rules_reads_values_as_it_did() -> None:
    described = [
        {"name": "word", "kind": CATEGORY, "words": [" a", "1", "NA"], "missing_is_a_word": False},
        {"name": "number", "kind": NUMBER, "replacement": 0.0, "flagged": False},
        {"name": "truth", "kind": "boolean", "replacement": 0.0, "flagged": False},
        {"name": "date", "kind": DATE, "replacement": 0.0, "flagged": False},
    ]
    features = Encoding.restored(described).features
    assert {feature.rule for feature in features} == {TYPED}
    read_as = dict(zip(("word", "number", "truth", "date"), features, strict=True))
    assert read_column(read_as["word"], ["NA", " a", "1"]) == [2.0, 0.0, 1.0]
    assert read_column(read_as["word"], ["a", " NA"]) == [-1.0, -1.0]
    assert read_column(read_as["number"], [1, 2.5]) == [1, 2.5]
    assert read_column(read_as["truth"], [True, False]) == [1.0, 0.0]
    assert read_column(read_as["date"], ["2024-01-05", "2024-W01-5"]) == [19727.0, 19727.0]
    for name, refused in (("word", 1), ("number", "1"), ("number", "NA"), ("truth", "true"), ("truth", 1)):
        assert list(wrong_values(read_column(read_as[name], [refused]))), name


@pytest.mark.parametrize("order", ["dmy", "mdy", "ymd", "named"])
def test_a_date_of_a_frames_own_type_is_taken_whatever_order_the_trainings_file_had(order: str) -> None:
    feature = Feature("since", DATE, (), ValueRule(text=True, date=order))
    read = read_column(feature, ["2024-05-31", "2024-05-31T12:00:00", "2024-05-31T12:00:00+00:00", None])
    assert read[:3] == [19_874.0, 19_874.5, 19_874.5]
    assert np.isnan(read[3])
    assert [row for row, _ in wrong_values(read_column(feature, ["2024-31-05", "2024-05-32", "x"]))] == [
        0,
        1,
        2,
    ]
