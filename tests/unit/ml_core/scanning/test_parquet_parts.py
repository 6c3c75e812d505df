"""Parquet read by row groups and columns: the values that the engine reads of the whole file."""

import base64
import io
import json
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest
from arro3.core import Array, DataType, Field, RecordBatch, Schema, Table, list_array
from arro3.io import read_parquet, write_parquet

from ml_core.errors import InvalidInput, MalformedInput
from ml_core.inputs.by_column import packed_columns
from ml_core.inputs.columns import BOOLEAN, CATEGORY, DATE, NUMBER, Feature
from ml_core.inputs.rules import ValueRule
from ml_core.inputs.samples import matrix_of
from ml_core.mapping import InTurn
from ml_core.scanning import parquet_blocks
from ml_core.scanning.blocks import blocks
from ml_core.scanning.numbers import numbers
from ml_core.scanning.plan import Plan
from ml_core.scanning.planning import plan_of
from ml_core.tables.options import NOTHING_SAID
from tests.unit.ml_core.scanning.memory import MemoryData

ROWS = 1_000


def columns() -> dict[str, Any]:
    """Columns of every kind, some of their values missing."""
    drawn = np.random.default_rng(3)
    gaps = drawn.random(ROWS) < 0.1

    def some(values: list[Any]) -> list[Any]:
        return [None if gap else value for gap, value in zip(gaps.tolist(), values, strict=True)]

    whole = drawn.integers(-(2**40), 2**40, ROWS).tolist()
    floats = drawn.normal(size=ROWS).tolist()
    words = [f"word {number % 7}" for number in range(ROWS)]
    instants = [1_577_836_800_000_007 + 86_399_000_123 * number for number in range(ROWS)]
    dates = Array(some(instants), DataType.int64()).cast(DataType.timestamp("us"))
    return {
        "floats": Array(floats, DataType.float64()),
        "gaps": Array(some(floats), DataType.float64()),
        "nan": Array(
            [np.nan if gap else value for gap, value in zip(gaps, floats, strict=True)], DataType.float64()
        ),
        "infinite": Array(
            [np.inf if gap else value for gap, value in zip(gaps, floats, strict=True)], DataType.float64()
        ),
        "single": Array(some(floats), DataType.float32()),
        "whole": Array(some(whole), DataType.int64()),
        "small": Array(some([number % 100 for number in whole]), DataType.int8()),
        "unsigned": Array([2**63 + number % 1000 for number in whole], DataType.uint64()),
        "decimal": Array(some([number % 10_000 / 100 for number in whole]), DataType.float64()).cast(
            DataType.decimal128(12, 2)
        ),
        "tens": Array(some(whole), DataType.int64()).cast(DataType.decimal128(20, 0)),
        "words": Array(some(words), DataType.string()),
        "large": Array(some(words), DataType.large_string()),
        "coded": Array(some(words), DataType.string()).cast(
            DataType.dictionary(DataType.int32(), DataType.string())
        ),
        "truths": Array(some([number % 3 == 0 for number in whole]), DataType.bool()),
        "days": dates.cast(DataType.date32()),
        "instants": dates,
        "zoned": dates.cast(DataType.timestamp("us", tz="UTC")),
        "exact": dates.cast(DataType.timestamp("ns")),
        "times": Array(some([number % 86_400 for number in whole]), DataType.int32()).cast(
            DataType.time32("s")
        ),
        "numerals": Array(some([str(number) for number in whole]), DataType.string()),
        "lists": list_array(
            Array.from_numpy(np.arange(0, 2 * ROWS + 1, 2, dtype=np.int32)),
            Array.from_numpy(drawn.normal(size=2 * ROWS)),
        ),
    }


def parquet(named: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    write_parquet(Table.from_batches([RecordBatch.from_pydict(named)]), file, **options)
    return file.getvalue()


def planned(data: MemoryData, part_bytes: int = 1 << 26) -> Plan:
    return plan_of(
        data,
        "file:",
        options=NOTHING_SAID,
        declared=None,
        mapper=InTurn(),
        stores=None,
        part_bytes=part_bytes,
    )


OPTIONS: list[dict[str, Any]] = [
    {},
    {"max_row_group_size": 64},
    {
        "max_row_group_size": 300,
        "compression": "zstd(3)",
        "data_page_row_count_limit": 50,
        "write_batch_size": 50,
    },
    {"dictionary_enabled": False, "writer_version": "parquet_2_0", "compression": "snappy"},
    {"skip_arrow_metadata": True},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("whole_bytes", [1 << 24, 0])
def test_any_columns_of_any_row_groups_are_those_of_the_file(
    options: dict[str, Any], whole_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a row group is too large to be held, and only windows of its columns are."""
    monkeypatch.setattr(parquet_blocks, "_WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(parquet_blocks, "_LEAST_WINDOW", 1_000)
    monkeypatch.setattr(parquet_blocks, "_WINDOW_BYTES", 1_000)
    content = parquet(columns(), **options)
    expected = read_parquet(content).read_all()
    data = MemoryData(t=content)
    for part_bytes, block_bytes, names in (
        (1, 100, expected.schema.names),
        (10_000, 3_000, ["words", "floats", "lists"]),
        (1 << 26, 1 << 22, ["whole"]),
    ):
        plan = planned(data, part_bytes)
        assert (len(plan.parts) > 1) == (part_bytes < 1 << 20 and "max_row_group_size" in options)
        assert sum(part.rows or 0 for part in plan.parts) == ROWS
        assert [part.number for part in plan.parts] == list(range(len(plan.parts)))
        read: dict[str, list[Any]] = {name: [] for name in names}
        lines: list[int] = []
        for part in plan.parts:
            for block in blocks(data, plan, part, names, block_bytes=block_bytes):
                assert list(block.columns) == [name for name in plan.names if name in names]
                lines += block.lines
                for name, array in block.columns.items():
                    assert array.type == expected.schema.field(name).type  # type: ignore[union-attr]
                    read[name] += array.to_pylist()  # type: ignore[union-attr]
        assert lines == list(range(1, ROWS + 1))
        for name in names:
            assert repr(read[name]) == repr(expected.column(name).to_pylist())


@pytest.mark.parametrize("compression", ["uncompressed", "zstd(3)"])
def test_blocks_that_are_held_stay_what_they_are_while_others_are_read(
    compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row groups are read into the same memory; words may stand in it, and are not copied by the engine."""
    monkeypatch.setattr(parquet_blocks, "_TOGETHER_BYTES", 0)
    words = [f"a word that is longer than twelve letters, number {number}" for number in range(ROWS)]
    content = parquet(
        {
            "views": Array(words, DataType.string_view()),
            "words": Array(words, DataType.string()),
            "floats": Array.from_numpy(np.arange(ROWS, dtype=np.float64)),
        },
        max_row_group_size=100,
        dictionary_enabled=False,
        compression=compression,
    )
    data = MemoryData(t=content)
    plan = planned(data)
    held = [*blocks(data, plan, plan.parts[0], ["views", "words", "floats"])]
    again = [*blocks(data, plan, plan.parts[0], ["views", "words", "floats"])]
    for found in (held, again):
        for name, expected in (("views", words), ("words", words), ("floats", [*range(ROWS)])):
            read = [value for block in found for value in block.columns[name].to_pylist()]  # type: ignore[union-attr]
            assert read == expected


def test_what_is_not_asked_for_is_not_read() -> None:
    drawn = np.random.default_rng(0)
    content = parquet(
        {f"x{place}": Array.from_numpy(drawn.normal(size=50_000)) for place in range(20)},
        dictionary_enabled=False,
    )
    data = MemoryData(t=content)
    plan = planned(data)
    data.read = 0
    assert sum(block.rows for block in blocks(data, plan, plan.parts[0], ["x7"])) == 50_000
    assert data.read < len(content) / 15
    assert [(block.rows, block.columns) for block in blocks(data, plan, plan.parts[0], [])] == [(50_000, {})]


GAPS = ("", "NA")
WORDS = tuple(f"word {number}" for number in range(6))
FEATURES = [
    *(Feature(name, NUMBER) for name in columns()),
    *(Feature(name, BOOLEAN) for name in columns()),
    *(Feature(name, DATE) for name in columns()),
    *(Feature(name, CATEGORY, WORDS) for name in columns()),
    *(Feature(name, CATEGORY, WORDS, ValueRule(closed=True, required=True)) for name in columns()),
    *(
        Feature(name, CATEGORY, ("-5", "3", "true"), ValueRule(spelled=True, missing=("word 1",)))
        for name in columns()
    ),
    *(Feature(name, CATEGORY, WORDS, ValueRule(filled=("word 2",))) for name in columns()),
    *(Feature(name, NUMBER, (), ValueRule(text=True, missing=("7", "word 3"))) for name in columns()),
    *(Feature(name, BOOLEAN, (), ValueRule(true=("word 1",), false=("word 2", "3"))) for name in columns()),
    *(Feature(name, DATE, (), ValueRule(missing=("2020-01-07",))) for name in columns()),
]


def as_json(values: list[Any]) -> list[Any]:
    """Values as a client sends them."""

    def sent(value: Any) -> Any:
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return int(value) if value.as_tuple().exponent == 0 else float(value)
        return None if isinstance(value, float) and np.isnan(value) else value

    return [sent(value) for value in values]


def told(feature: Feature, values: list[Any], *, gaps: bool) -> Any:
    """What a prediction answers, value by value."""
    found: list[Any] = []
    for value in values:
        try:
            rows = packed_columns([feature], [[value]], lambda *_: "", "", gaps=gaps)
            found.append(float(matrix_of(rows)[0, 0]))
        except InvalidInput as refused:
            found.append(refused.faults[0].message)
    return found


@cache
def first_rows() -> tuple[dict[str, Any], MemoryData, Plan]:
    few = {name: array.slice(0, 60) for name, array in columns().items()}
    data = MemoryData(t=parquet(few))
    return few, data, planned(data)


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("number", range(len(FEATURES)))
def test_each_value_is_read_as_a_prediction_reads_it(number: int, gaps: bool) -> None:
    feature = FEATURES[number]
    few, data, plan = first_rows()
    expected = told(feature, as_json(few[feature.name].to_pylist()), gaps=gaps)
    (block,) = blocks(data, plan, plan.parts[0], [feature.name])
    found = numbers(block, [feature], gaps=gaps)
    answered: list[Any] = found.X[:, 0].tolist()
    for reject in found.rejected:
        assert reject.row is not None
        assert (reject.line, reject.column) == (reject.row + 1, feature.name)
        answered[reject.row] = reject.message
    assert json.dumps(answered) == json.dumps(expected)
    kept = np.array([not isinstance(value, str) for value in expected])
    assert found.kept is None if kept.all() else (found.kept == kept).all()  # type: ignore[union-attr]
    assert len(found.good) == kept.sum()


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 100, 2_000, 20_000])
def test_a_file_that_is_cut_off_is_refused_with_its_name(cut: int) -> None:
    content = parquet(columns(), max_row_group_size=100)
    with pytest.raises(MalformedInput, match=r"file:t: .*Parquet"):
        planned(MemoryData(t=content[:-cut]))
    middle = len(content) // 2
    data = MemoryData(t=content[:middle] + content[middle + cut :])
    with pytest.raises(MalformedInput, match="file:t: "):
        [
            *map(
                len,
                (
                    list(blocks(data, plan, part, plan.names))
                    for plan in [planned(data)]
                    for part in plan.parts
                ),
            )
        ]


def test_bytes_that_are_overwritten_are_refused_with_the_name() -> None:
    content = parquet(columns(), compression="zstd(3)")
    data = MemoryData(t=content[:4] + b"\xff" * 40 + content[44:])
    plan = planned(data)
    with pytest.raises(MalformedInput, match="file:t: the file"):
        list(blocks(data, plan, plan.parts[0], plan.names))


def test_files_may_have_their_columns_in_another_order_and_more_of_them() -> None:
    one, two = [1.0, 2.0], [3.0, 4.0]
    floats = DataType.float64()
    data = MemoryData(
        a=parquet({"x": Array(one, floats), "y": Array(two, floats)}),
        b=parquet(
            {"y": Array(one, floats), "z": Array(["a", "b"], DataType.string()), "x": Array(two, floats)}
        ),
        c=parquet({"x": Array([], floats), "y": Array([], floats)}),
    )
    plan = planned(data)
    assert plan.names == ("x", "y")
    features = [Feature("x", NUMBER), Feature("y", NUMBER)]
    X = [
        numbers(block, features, gaps=False).X
        for part in plan.parts
        for block in blocks(data, plan, part, plan.names)
    ]
    assert np.concatenate(X).tolist() == [[1, 3], [2, 4], [3, 1], [4, 2]]
    del data.contents["file:b"]
    data.contents["file:d"] = parquet({"x": Array(one, floats)})
    with pytest.raises(InvalidInput, match="file:d lacks columns that file:a has: 'y'"):
        planned(data)


# As pyarrow writes tables without a row: row groups of none, whose first data page is told to be at byte 0.
_NO_ROW = base64.b64decode(
    "UEFSMRUEFQAVAEwVABUAEgAAFQQZLDUAGAZzY2hlbWEVAgAVCiUCGAF4ABYAGRwZHCYAHBUKGSUABhkYAXgVABYAFhwWHCYA"
    "JggpHBUEFQAVAgAAABYcFgAmCBYcACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZHBwAAAB0AAAAUEFSMQ=="
)
_BETWEEN = base64.b64decode(
    "UEFSMRUEFQAVAEwVABUAEgAAFQQVIBUgTBUEFQASAAAAAAAAAADwPwAAAAAAAABAFQAVEhUSLBUEFRAVBhUGHAAAAAIAAAAE"
    "AQEDAhUEFQAVAEwVABUAEgAAFQQVEBUQTBUCFQASAAAAAAAAAAAIQBUAFRIVEiwVAhUQFQYVBhwAAAACAAAAAgEBAgAVBBks"
    "NQAYBnNjaGVtYRUCABUKJQIYAXgAFgYZTBkcJgAcFQoZJQAGGRgBeBUAFgAWHBYcJgAmCCkcFQQVABUCAAAAFhwWACYIFhwA"
    "GRwmABwVChk1AAYQGRgBeBUAFgQWdBZ0JmAmJCksFQQVABUCABUAFRAVAgA8KQYZJgAEAAAAFnQWBCYkFnQAGRwmABwVChkl"
    "AAYZGAF4FQAWABYcFhwmACaYASkcFQQVABUCAAAAFhwWACaYARYcABkcJgAcFQoZNQAGEBkYAXgVABYCFmQWZCbgASa0ASks"
    "FQQVABUCABUAFRAVAgA8KQYZJgACAAAAFmQWAia0ARZkACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZHBwA"
    "AAAmAQAAUEFSMQ=="
)


def test_row_groups_of_no_rows_are_left_out() -> None:
    more = parquet({"x": Array([4.0], DataType.float64())})
    data = MemoryData(a=_NO_ROW, b=_BETWEEN, c=more, d=_NO_ROW)
    for part_bytes in (1, 1 << 20):
        plan = planned(data, part_bytes=part_bytes)
        found = [
            (number, value)
            for part in plan.parts
            for block in blocks(data, plan, part, plan.names)
            for number, value in zip(block.lines, np.asarray(block.columns["x"]).tolist(), strict=True)
        ]
        assert found == [(1, 1.0), (2, 2.0), (3, 3.0), (1, 4.0)]
        counted = [block.rows for part in plan.parts for block in blocks(data, plan, part, ())]
        assert sum(counted) == 4
    with pytest.raises(MalformedInput, match="the files have no rows"):
        planned(MemoryData(a=_NO_ROW, d=_NO_ROW))


def test_blocks_have_their_size_whatever_the_row_groups() -> None:
    columns_of_floats = {f"x{place}": Array.from_numpy(np.zeros(40_000)) for place in range(4)}
    for rows in (1_000, 7_000, 40_000):
        data = MemoryData(t=parquet(columns_of_floats, max_row_group_size=rows))
        plan = planned(data)
        sizes = [block.rows for block in blocks(data, plan, plan.parts[0], plan.names, block_bytes=1 << 17)]
        assert sizes == [4_096] * 9 + [3_136]


def test_words_of_a_dictionary_do_not_make_blocks_large() -> None:
    """A long word is written once, and stands in each row."""
    word = "x" * (1 << 19)
    schema = Schema([Field("word", DataType.string()), Field("number", DataType.float64())])
    batch = RecordBatch.from_pydict(
        {
            "word": Array([word] * 300, DataType.string()),
            "number": Array([1.0] * 300, DataType.float64()),
        },
    )
    file = io.BytesIO()
    write_parquet(Table.from_batches([batch], schema=schema), file)
    data = MemoryData(t=file.getvalue())
    plan = planned(data)
    sizes = [block.rows for block in blocks(data, plan, plan.parts[0], ["word"])]
    assert sum(sizes) == 300
    assert max(sizes[1:]) <= 32  # 16 MiB
