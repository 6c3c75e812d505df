"""What a column is, decided part by part, is what a reader of the whole file decides."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.core import RecordBatch, Table
from arro3.io import write_parquet

from ml_core.errors import InvalidInput, MalformedInput
from ml_core.streaming.seen import LookedColumn
from ml_core.tables.columns import Column, Dataset, first_infinite
from ml_core.tables.options import ReadOptions
from ml_core.tables.reading import read
from ml_core.tables.suitability import ColumnValues, objection, objection_to
from tests.unit.ml_core.streaming.local_tables import looked, plan, written
from tests.unit.test_real_tables import FORMATS, table

TINY = 1 << 12


def same(column: Column, found: LookedColumn) -> None:
    """Both are the same, as far as one without values can be."""
    name = column.name
    told = (
        column.kind,
        column.words,
        column.rule,
        dict(column.missing_words),
        column.integers,
        column.is_index,
    )
    assert (
        found.kind,
        found.words,
        found.rule,
        found.missing_words,
        found.integers,
        found.is_index,
    ) == told, name
    assert found.seen.rows == len(column.values), name
    assert found.seen.present == column.present.sum(), name
    infinite = None if found.seen.infinite is None else found.seen.infinite + 1
    assert infinite == first_infinite(column), name
    assert objection_to(found, found.seen) == objection(column), name


def check(tmp_path: Path, files: dict[str, bytes], whole: bytes, **options: Any) -> Dataset:
    """Look at a folder of files in tiny parts, and at the whole in memory."""
    said = ReadOptions(**options)
    place = written(tmp_path / "folder", files)
    of = plan(place, options=said, part_bytes=TINY)
    found = looked(place, of, said)
    (tmp_path / "whole").write_bytes(whole)
    dataset = read(str(tmp_path / "whole"), options=said)
    assert [each.name for each in found.columns] == [each.name for each in dataset.columns]
    for column, each in zip(dataset.columns, found.columns, strict=True):
        same(column, each)
    warnings = [*of.how.get("warnings", ()), *(one for each in found.columns for one in each.warnings)]
    assert tuple(warnings) == dataset.warnings
    assert len(of.parts) > 1
    return dataset


def cut_csv(text: bytes, count: int) -> dict[str, bytes]:
    header, *lines = text.splitlines(keepends=True)
    size = -(-len(lines) // count)
    parts = [lines[begin : begin + size] for begin in range(0, len(lines), size)]
    return {f"{number}.csv": header + b"".join(part) for number, part in enumerate(parts)}


@pytest.mark.parametrize("name", ["titanic", "penguins", "credit", "starwars"])
@pytest.mark.parametrize("kind", FORMATS)
def test_published_tables_are_what_they_are_in_memory(name: str, kind: str, tmp_path: Path) -> None:
    frame = table(name).frame
    content = FORMATS[kind](frame)
    size = -(-len(frame) // 3)
    files = {
        f"{begin:05}.{kind}": FORMATS[kind](frame.iloc[begin : begin + size])
        for begin in range(0, len(frame), size)
    }
    if kind == "csv" and not any('"' in line for line in content.decode().splitlines()):
        files = cut_csv(content, 3)
    check(tmp_path, files, content)


ODD: dict[str, tuple[list[str], dict[str, Any]]] = {
    "numbers that end in a word": (["1", "2.5"] * 300 + ["n/b"], {}),
    "numbers after a word": (["n/b"] + ["1", "2.5"] * 300, {}),
    "gap signs among numbers": (["1", "?", "-"] * 200, {}),
    "gap signs alone in a part": (["?"] * 900 + ["1"] * 300, {}),
    "gap signs alone": (["?"] * 900, {}),
    "nothing at all": ([""] * 900, {}),
    "nothing and words": ([""] * 900 + ["a"], {}),
    "dates": (["2024-05-31", "2024-06-01"] * 300, {}),
    "dates after gaps": (["?"] * 900 + ["2024-05-31"] * 100, {}),
    "dates then numbers": (["2024-05-31"] * 300 + ["5"] * 300, {}),
    "days first": ([f"{day:02}.05.2024" for day in range(1, 29)] * 30, {}),
    "day or month": (["05/06/2024"] * 600, {}),
    "day or month, said": (["05/06/2024"] * 600, {"dayfirst": True}),
    "grouped": ([f"1,{number:03}.5" for number in range(900)], {}),
    "currency": ([f"${number}" for number in range(900)], {}),
    "decimal commas, said": ([f"{number},5" for number in range(900)], {"decimal": ","}),
    "truths": (["true", "False", ""] * 300, {}),
    "codes": (["0123", "45"] * 300, {}),
    "codes as words": (["0123", "45"] * 300, {"types": {"a": "category"}}),
    "yes and no, said": (["yes", "no", "?"] * 300, {"types": {"a": "boolean"}}),
    "large whole numbers": ([str(2**53 + number) for number in range(900)], {}),
    "counts": ([str(number) for number in range(900)], {}),
    "counts in another order": ([str(number) for number in reversed(range(900))], {}),
    "counts from ten": ([str(number) for number in range(10, 910)], {}),
    "a count with one twice": ([str(number) for number in [*range(899), 5]], {}),
    "compact days": (["20240531", "20240601"] * 300, {}),
    "telephones": ([str(4_930_000_000 + 7 * number) for number in range(900)], {}),
    "missing numbers": (["-999", "5"] * 300, {"missing": ["-999"]}),
    "missing words": (["x", "gone"] * 300, {"missing": ["gone"]}),
    "infinity": (["1"] * 500 + ["inf"] + ["2"] * 50, {}),
    "another word in each row": ([f"w{number}" for number in range(900)], {}),
    "words in nearly each row": ([f"w{number // 2 * 2}" for number in range(900)], {}),
    "padded words": ([" p", "p ", "q"] * 300, {}),
    "two digits of a year": (["01.02.24", "03.04.24"] * 300, {}),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_columns_are_what_they_are_in_memory(odd: str, tmp_path: Path) -> None:
    cells, options = ODD[odd]
    text = "a,b\n" + "".join(f"{cell if ',' not in cell else chr(34) + cell + chr(34)},x\n" for cell in cells)
    whole = text.encode()
    check(tmp_path, cut_csv(whole, 3), whole, **options)


def test_more_words_than_are_told_apart_are_text_or_numbers_of_a_notation(tmp_path: Path) -> None:
    rows = 100_400
    lines = [
        f'{n},"{n // 1000},{n % 1000:03}.25",{1 + n % 28:02}.{1 + n // 28 % 12:02}.{1900 + n // 336}'
        for n in range(100_000, 100_000 + rows)
    ]
    text = "a,b,c\n" + "".join(f"w{line}\n" for line in lines)
    place = written(tmp_path / "folder", cut_csv(text.encode(), 2))
    of = plan(place, part_bytes=1 << 19)
    found = looked(place, of)
    (tmp_path / "whole").write_text(text)
    for column, each in zip(read(str(tmp_path / "whole")).columns, found.columns, strict=True):
        same(column, each)
    assert [each.kind for each in found.columns] == ["text", "number", "date"]


def test_columns_of_types_that_are_said_to_be_others(tmp_path: Path) -> None:
    def as_file(some: "np.ndarray[Any, Any]") -> bytes:
        file = io.BytesIO()
        batch = RecordBatch.from_pydict(
            {"code": some, "truth": (some % 2).astype(np.int64), "large": some + 2**60, "number": some / 7}
        )
        write_parquet(Table.from_batches([batch]), file)
        return file.getvalue()

    rows = np.arange(900, dtype=np.int64) % 70
    files = {f"{number}.parquet": as_file(rows[number * 300 : number * 300 + 300]) for number in range(3)}
    said = {"types": {"code": "category", "truth": "boolean"}, "missing": ["5", "-1"]}
    check(tmp_path, files, as_file(rows), **said)


def test_what_is_not_what_it_was_said_to_be_is_refused_by_its_row(tmp_path: Path) -> None:
    text = b"a,b\n" + b"1,x\n" * 900 + b"?,x\n" + b"oops,x\n"
    place = written(tmp_path / "folder", cut_csv(text, 2))
    options = ReadOptions(types={"a": "number"})
    with pytest.raises(InvalidInput, match=r"oops.* in row 902"):
        looked(place, plan(place, options=options, part_bytes=TINY), options)


def test_a_line_with_too_many_cells_is_refused_by_its_file_and_line(tmp_path: Path) -> None:
    place = written(tmp_path / "folder", {"1.csv": b"a,b\n1,x\n", "2.csv": b"a,b\n1,x\n1,x,y\n"})
    with pytest.raises(MalformedInput, match=r"2\.csv.*line 3"):
        looked(place, plan(place))


def test_members_of_json_lines(tmp_path: Path) -> None:
    lines = [
        *['{"a": 1, "b": "x", "c": true, "d": 1, "e": [1]}'] * 300,
        *['{"a": 2.5, "b": null, "d": "one"}'] * 300,
        *['{"a": 3, "b": "2024-01-01", "c": false, "d": 2, "e": null}'] * 300,
    ]
    files = {f"{n}.jsonl": "\n".join(lines[n * 300 : n * 300 + 300]).encode() + b"\n" for n in range(3)}
    dataset = check(tmp_path, files, "\n".join(lines).encode())
    assert [column.kind for column in dataset.columns] == [
        "number",
        "category",
        "boolean",
        "category",
        "list",
    ]


def test_values_seen_are_those_of_the_column() -> None:
    values = np.array([5.0, 3.0, np.nan, 4.0])
    column = Column("a", "integer", values)
    assert ColumnValues(column).is_count
