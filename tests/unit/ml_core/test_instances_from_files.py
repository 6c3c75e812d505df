"""Pictures, sequences and texts in tables: what becomes of them, what is told, and where each fault is."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arro3.core import Array, DataType, RecordBatch, Table, fixed_size_list_array
from arro3.io import write_parquet
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from numpy.testing import assert_array_equal
from PIL import Image

from ml_core import algorithms
from ml_core.errors import InvalidInput, MalformedInput, TooLarge
from ml_core.tables.description import describe
from ml_core.tables.memory import BYTES_AT_LEAST, Budget
from ml_core.tables.reading import read as read_table
from ml_core.training.reference import TableReference, data_schema
from ml_core.training.request import TrainingRequest
from tests.unit.ml_core.files_of_instances import (
    FORMATS,
    Columns,
    check,
    csv_file,
    faults,
    instances,
    json_lines,
    labels,
    parquet,
    pictures,
    read,
    rows_of,
    sequences,
    texts,
)

BY_TIME = {"id": "patient", "order": "time"}
LONG: Columns = {
    "patient": ["p7", "p2", "p7", "p2", "p2", "p9"],
    "time": [2, 10, 1, 9, 11, 5],
    "pulse": [72.5, 80.0, 71.25, 81.0, 82.0, 60.0],
    "pressure": [12, 13, 11, 14, 15, 10],
    "ill": ["no", "yes", "no", "yes", "yes", "no"],
}
STEPS = [
    [[71.25, 11], [72.5, 12]],
    [[81, 14], [80, 13], [82, 15]],
    [[60, 10]],
]


def long_table(**changed: list[Any]) -> Columns:
    return {**LONG, **changed}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("named", [True, False])
def test_a_long_table_becomes_its_sequences(tmp_path: Path, form: str, named: bool) -> None:
    said = {**BY_TIME, "channels": ["pulse", "pressure"]} if named else BY_TIME
    request = read(tmp_path, FORMATS[form](LONG), "rnn", {"target": "ill", "sequence": said})
    assert sequences(request) == STEPS
    assert labels(request) == ["no", "yes", "no"]
    assert request.features == ("pulse", "pressure")
    assert request.warnings == ()
    assert instances(request).kind == "sequence"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_file_in_any_order_has_the_same_sequences(seed: int, tmp_path_factory: Any) -> None:
    """They come in the order in which the file first names them."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    steps = {name: [(time, rng.random()) for time in range(rng.randint(1, 5))] for name in "abcdef"}
    rows = [(name, time, value) for name, each in steps.items() for time, value in each]
    rng.shuffle(rows)
    columns: Columns = dict(zip(("id", "t", "x"), map(list, zip(*rows, strict=True)), strict=True))
    columns["y"] = [name < "d" for name in columns["id"]]
    form = rng.choice([csv_file, json_lines, parquet])
    request = read(
        tmp_path_factory.mktemp("t"),
        form(columns),
        "rnn",
        {"target": "y", "sequence": {"id": "id", "order": "t"}},
    )
    names = list(dict.fromkeys(columns["id"]))
    expected = [[[float(np.float32(value))] for _, value in steps[name]] for name in names]
    assert sequences(request) == expected
    assert labels(request) == [name < "d" for name in names]
    single = all(len(each) == 1 for each in steps.values())
    assert any("each sequence has a single step" in told for told in request.warnings) == single
    assert len(request.warnings) == single


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-02", "2024-02-10", "2024-01-01", "2024-02-09", "2024-02-11", "2024-01-05"],
        ["2.1.2024", "10.2.2024", "1.1.2024", "9.2.2024", "31.12.2024", "5.1.2024"],
        [1.5, -1.0, 1.25, -2.0, 3.0, 0.5],
        [10**18 + time for time in (2, 10, 1, 9, 11, 5)],
    ],
    ids=["dates", "written dates", "numbers", "nanoseconds"],
)
def test_steps_are_sorted_by_numbers_or_dates(tmp_path: Path, times: list[Any]) -> None:
    for write in FORMATS.values():
        if write is not csv_file and "." in str(times[0]) and isinstance(times[0], str):
            continue
        data = {"target": "ill", "sequence": BY_TIME, "dayfirst": True}
        request = read(tmp_path, write(long_table(time=times)), "rnn", data)
        assert sequences(request) == STEPS


def test_without_an_order_the_files_counts_and_that_is_told(tmp_path: Path) -> None:
    data = {"target": "ill", "sequence": {"id": "patient", "channels": ["pulse"]}}
    request = read(tmp_path, csv_file(LONG), "rnn", data)
    assert sequences(request) == [[[72.5], [71.25]], [[80], [81], [82]], [[60]]]
    (told,) = request.warnings
    assert "in the order of the file" in told
    assert '"order" in data.sequence' in told


def test_rows_of_one_id_and_place_keep_the_files_order_and_are_told(tmp_path: Path) -> None:
    content = csv_file(long_table(time=[1, 10, 1, 9, 9, 5]))
    request = read(tmp_path, content, "rnn", {"target": "ill", "sequence": BY_TIME})
    assert sequences(request)[:2] == [[[72.5, 12], [71.25, 11]], [[81, 14], [82, 15], [80, 13]]]
    assert [each for each in request.warnings if each.startswith("2 rows have the 'patient' and 'time'")]


def test_other_columns_are_left_out_and_told(tmp_path: Path) -> None:
    more: Columns = {
        "note": list("abcabc"),
        "seen": ["2024-01-01"] * 6,
        "smokes": [True, False] * 3,
        "empty": [None] * 6,
    }
    request = read(tmp_path, csv_file({**LONG, **more}), "rnn", {"target": "ill", "sequence": BY_TIME})
    assert request.features == ("pulse", "pressure")
    assert {each.partition(" is left out")[0] for each in request.warnings} == {
        f"column '{name}'" for name in more
    }
    data = {"target": "ill", "sequence": {**BY_TIME, "channels": ["smokes", "time"]}}
    request = read(tmp_path, csv_file({**LONG, **more}), "rnn", data)
    assert sequences(request)[0] == [[1, 1], [1, 2]]


ONE_VALUE = "has one value in all of its rows"


def test_sequences_are_held_out_by_a_column_that_has_one_value_in_each(tmp_path: Path) -> None:
    site = ["x", "z", "x", "z", "z", "y"]
    data = {"target": "ill", "sequence": BY_TIME}
    body: dict[str, Any] = {"split": {"by": "group", "column": "site"}, "test_fraction": 0.4}
    request = read(tmp_path, csv_file({**LONG, "site": site}), "rnn", data, **body)
    assert np.frombuffer(request.ranks or b"", "<i8").tolist() == [0, 2, 1]
    when = [3.0, 1.0, 3.0, 1.0, 1.0, 2.0]
    body = {"split": {"by": "time", "column": "when"}, "test_fraction": 0.4}
    request = read(tmp_path, csv_file({**LONG, "when": when}), "rnn", data, **body)
    assert np.frombuffer(request.ranks or b"", "<i8").tolist() == [2, 0, 1]
    assert request.features == ("pulse", "pressure")
    when[2] = 4.0
    told = faults(lambda: read(tmp_path, csv_file({**LONG, "when": when}), "rnn", data, **body))
    assert told == [
        (
            "$.split.column",
            "sequence 'p7' has both 4 and 3 in column 'when': what sequences are held out by " + ONE_VALUE,
        )
    ]
    when[0] = when[2] = None  # type: ignore[call-overload]
    request = read(tmp_path, csv_file({**LONG, "when": when}), "rnn", data, **body)
    assert len(instances(request).instances) == 2
    assert any("no value in column 'when'" in each for each in request.warnings)


def test_a_target_is_one_for_each_sequence(tmp_path: Path) -> None:
    data = {"target": "ill", "sequence": BY_TIME}
    two = csv_file(long_table(ill=["no", "yes", "no", "no", "yes", "no"]))
    assert faults(lambda: read(tmp_path, two, "rnn", data)) == [
        ("$.data.target", "sequence 'p2' has both 'no' and 'yes' in column 'ill': the target " + ONE_VALUE)
    ]
    # One row may say it for all; a sequence of which none does is left out.
    sparse = csv_file(long_table(ill=["no", None, None, "yes", None, None]))
    request = read(tmp_path, sparse, "rnn", data)
    assert labels(request) == ["no", "yes"]
    assert sequences(request) == STEPS[:2]
    assert any("1 sequences have no target" in each for each in request.warnings)
    numbers = csv_file(long_table(ill=[1.5, 2.5, 1.5, 2.5, 2.5, 1.5]))
    assert faults(lambda: read(tmp_path, numbers, "rnn", data))[0][0] == "$.data.target"


GAPS: Columns = {
    "id": ["a", "a", "a", "b", "b", "c"],
    "t": [1, 2, 3, 1, 2, 1],
    "x": [None, 2.0, None, 4.0, None, 6.0],
    "z": [1.0, None, 3.0, None, 5.0, None],
    "y": [0, 0, 0, 1, 1, 0],
}


@pytest.mark.parametrize("form", FORMATS)
def test_gaps_are_filled_within_a_sequence_and_counted(tmp_path: Path, form: str) -> None:
    data = {"target": "y", "sequence": {"id": "id", "order": "t"}}
    request = read(tmp_path, FORMATS[form](GAPS), "rnn", data)
    assert sequences(request) == [[[2, 1], [2, 1], [2, 3]], [[4, 5], [4, 5]]]
    assert labels(request) == [0, 1]
    filled, left_out = sorted(request.warnings, key=lambda each: "left out" in each)
    assert "3 in 'x', 2 in 'z'" in filled
    assert '"gaps": "refuse"' in filled
    assert left_out == "1 sequence has no number at all in a channel, such as 'c' in 'z', and is left out"


def test_gaps_are_refused_where_that_is_said(tmp_path: Path) -> None:
    data = {"target": "y", "sequence": {"id": "id", "order": "t", "gaps": "refuse"}}
    told = faults(lambda: read(tmp_path, csv_file(GAPS), "rnn", data))
    assert [path for path, _ in told] == ["$.data", "$.data"]
    assert told[0][1].startswith("channel 'x' has no number in row 1, in sequence 'a'")
    assert told[1][1].startswith("channel 'z' has no number in row 2, in sequence 'a'")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_gap_has_the_last_number_before_it(data: st.DataObject, tmp_path_factory: Any) -> None:
    """As pandas fills groups, forwards and then backwards."""
    import pandas as pd

    ids = data.draw(st.lists(st.sampled_from("abc"), min_size=4, max_size=12))
    cell = st.one_of(st.none(), st.integers(0, 99))
    values = data.draw(st.lists(cell, min_size=len(ids), max_size=len(ids)))
    frame = pd.DataFrame({"id": ids, "x": pd.Series(values, dtype="float")})
    filled = frame.assign(x=frame.groupby("id")["x"].transform(lambda each: each.ffill().bfill()))
    expected = [
        [[value] for value in filled.x[frame.id == name]]
        for name in dict.fromkeys(ids)
        if filled.x[frame.id == name].notna().all()
    ]
    columns: Columns = {"id": ids, "x": values, "y": [each == "a" for each in ids]}
    said = {"target": "y", "sequence": {"id": "id", "channels": ["x"]}}
    try:
        request = read(tmp_path_factory.mktemp("t"), csv_file(columns), "rnn", said)
    except InvalidInput as refused:
        assert len(expected) < 2 or "two classes" in str(refused)  # noqa: PT017 - either may be drawn
        return
    assert sequences(request) == expected


IDS = ["007", "7", "1e3", "1000", "NA", "null", "true", "TRUE", "2024-05-01", "1.5.2024", "-", "nan"]


@pytest.mark.parametrize("form", FORMATS)
def test_ids_are_the_words_that_are_written(tmp_path: Path, form: str) -> None:
    """None is read as a number, a date or a gap: each would make one sequence of two, or none of it."""
    steps: Columns = {
        "id": [*IDS, *IDS],
        "x": [*range(len(IDS)), *range(100, 100 + len(IDS))],
        "y": [name < "5" for name in IDS] * 2,
    }
    data = {"target": "y", "sequence": {"id": "id", "channels": ["x"]}}
    for types in ({}, {"types": {"id": "category"}}):
        request = read(tmp_path, FORMATS[form](steps), "rnn", {**data, **types})
        assert sequences(request) == [[[place], [100 + place]] for place in range(len(IDS))]
        assert not [told for told in request.warnings if "left out" in told]


def test_ids_of_an_npy_are_the_words_that_are_written(tmp_path: Path) -> None:
    records = np.array([(name, 1.0, name < "5") for name in IDS], [("id", "U9"), ("x", "f8"), ("y", "?")])
    file = io.BytesIO()
    np.save(file, records)
    data = {"target": "y", "sequence": {"id": "id", "channels": ["x"]}}
    assert len(sequences(read(tmp_path, file.getvalue(), "rnn", data))) == len(IDS)


def test_only_an_empty_id_is_missing_and_a_word_that_is_said_to_be(tmp_path: Path) -> None:
    content = "id,t,x,y\nNA,1,1,a\n ,1,2,a\nNA ,2,3,a\nb,1,4,b\n-9,1,5,b\nb,2,6,b\n"
    data = {"target": "y", "sequence": {"id": "id", "order": "t"}, "missing": ["-9"]}
    request = read(tmp_path, content, "rnn", data)
    assert sequences(request) == [[[1], [3]], [[4], [6]]]
    (told,) = request.warnings
    assert told.startswith("2 rows have no value in column 'id', which tells of which sequence they are")
    assert told.endswith("and are left out: of these '-9' (1 rows) stand for a missing value")


def test_ids_said_to_be_numbers_are_read_as_numbers(tmp_path: Path) -> None:
    content = "id,x,y\n007,1,a\n7,2,a\n8,3,b\n8.0,4,b\n"
    data = {"target": "y", "sequence": {"id": "id"}, "types": {"id": "number"}}
    assert sequences(read(tmp_path, content, "rnn", data)) == [[[1], [2]], [[3], [4]]]


def test_ids_that_are_measured_are_words_where_that_is_said(tmp_path: Path) -> None:
    content = "id,x,y\n1.10,1,a\n1.1,2,a\n2.5,3,b\n"
    data = {"target": "y", "sequence": {"id": "id"}}
    ((path, message),) = faults(lambda: read(tmp_path, content, "rnn", data))
    assert path == "$.data.sequence.id"
    assert message.endswith("""'id' is of type number; "types": {"id": "category"} reads it as words""")
    assert len(sequences(read(tmp_path, content, "rnn", {**data, "types": {"id": "category"}}))) == 3


def test_any_number_of_ids_is_told_apart_within_the_memory(tmp_path: Path) -> None:
    content = "id,x,y\n" + "".join(f"p{row},{row % 7},{'ab'[row % 2]}\n" for row in range(100_100))
    data = {"target": "y", "sequence": {"id": "id"}}
    assert instances(read(tmp_path, content, "rnn", data)).size == 100_100
    with pytest.raises(TooLarge, match="texts or sequences"):
        read(tmp_path, content, "rnn", data, Budget(BYTES_AT_LEAST + (12 << 20)))


def test_whole_numbers_are_held_out_alike_whatever_file_they_come_from(tmp_path: Path) -> None:
    numbers: Columns = {"id": [9, 10, 101, 2, 33], "x": [1, 2, 3, 4, 5], "y": ["a", "b", "a", "b", "a"]}
    split = {"by": "group", "column": "id"}
    data = {"target": "y", "sequence": {"id": "id"}}
    for write in FORMATS.values():
        ranks = instances(read(tmp_path, write(numbers), "rnn", data, split=split, test_fraction=0.4)).ranks
        assert memoryview(ranks or b"").cast("B").cast("q").tolist() == [1, 2, 4, 0, 3]


@pytest.mark.parametrize(
    ("changed", "said", "path", "message"),
    [
        ({}, {"id": "who"}, "$.data.sequence.id", "the table has no column 'who'; it has 'patient', 'time'"),
        ({}, {**BY_TIME, "channels": ["puls"]}, "$.data.sequence.channels[0]", "no column 'puls'; it has"),
        ({}, {"id": "patient", "order": "ill"}, "$.data.sequence.order", "another column than the target"),
        (
            {"time": list("abcdef")},
            BY_TIME,
            "$.data.sequence.order",
            "sorted by numbers or dates; column 'time'",
        ),
        ({"patient": [1.5] * 6}, BY_TIME, "$.data.sequence.id", "column 'patient' is of type number"),
        (
            {"pulse": list("abcdef")},
            {**BY_TIME, "channels": ["pulse"]},
            "$.data.sequence.channels[0]",
            "category",
        ),
        ({"pulse": [1, 2, 3, "inf", 5, 6]}, BY_TIME, "$.data", "holds infinity (row 4)"),
        ({"pulse": [1, 2, 3, 4, 1e39, 6]}, BY_TIME, "$.data", "past single precision (row 5)"),
        (
            {"pulse": list("abcdef"), "pressure": list("abcdef")},
            BY_TIME,
            "$.data.sequence.channels",
            "no column",
        ),
    ],
)
def test_a_fault_of_a_long_table_has_its_place(
    tmp_path: Path, changed: Columns, said: dict[str, Any], path: str, message: str
) -> None:
    told = faults(
        lambda: read(tmp_path, csv_file(long_table(**changed)), "rnn", {"target": "ill", "sequence": said})
    )
    assert [each[0] for each in told] == [path]
    assert message in told[0][1]


def test_a_table_of_quite_other_columns_says_so(tmp_path: Path) -> None:
    for data in ({"target": "y", "text": "t"}, {"target": "y", "features": ["t"]}):
        told = faults(lambda data=data: read(tmp_path, "a,b\n1,2\n", "rnn", data))  # type: ignore[misc]
        assert told == [("$.data", "the table has none of these columns: 't', 'y'")]


def test_a_long_table_takes_the_options_of_tables(tmp_path: Path) -> None:
    content = "wer;t;x;y\n1;1;1,5;a\n1;2;-9;a\n2;1;2,5;b\n2;2;3;b\n"
    options = {"delimiter": ";", "decimal": ",", "missing": ["-9"]}
    data = {"target": "y", "sequence": {"id": "wer", "order": "t"}, **options}
    assert sequences(read(tmp_path, content, "rnn", data)) == [[[1.5], [1.5]], [[2.5], [3]]]
    types = {"wer": "category", "x": "ignore"}
    told = faults(lambda: read(tmp_path, content, "rnn", {**data, "types": types}))
    assert told[0][0] == "$.data.sequence.channels"


def test_sequences_of_one_step_are_told(tmp_path: Path) -> None:
    columns: Columns = {"id": list("abcd"), "x": [1.0, 2.0, 3.5, 4.0], "y": list("uvuv")}
    request = read(tmp_path, csv_file(columns), "rnn", {"target": "y", "sequence": {"id": "id"}})
    assert "each sequence has a single step: does column 'id' tell sequences apart?" in request.warnings


WORDS = [
    "lines\r\nend",
    "007",
    "NA",
    " null ",
    "2024-01-02",
    "1.50",
    "true",
    "-",
    "?",
    "a,b",
    'say "no"',
    "zwei\nZeilen",
    " ",
    "نعم",
]


@pytest.mark.parametrize("form", FORMATS)
def test_a_text_is_read_exactly_as_it_is_written(tmp_path: Path, form: str) -> None:
    columns: Columns = {"text": WORDS, "y": [place % 2 for place in range(len(WORDS))]}
    request = read(tmp_path, FORMATS[form](columns), "rnn", {"target": "y", "text": "text"})
    assert texts(request) == WORDS
    assert request.features == ("text",)
    assert request.warnings == ("1 texts are empty, or nothing but space",)


@pytest.mark.parametrize("cell", WORDS)
def test_a_column_of_one_text_alone_is_still_text(tmp_path: Path, cell: str) -> None:
    """Whatever the column would be among a table's."""
    columns: Columns = {"text": [cell] * 6, "y": [0, 1] * 3}
    for write in FORMATS.values():
        assert texts(read(tmp_path, write(columns), "rnn", {"target": "y", "text": "text"})) == [cell] * 6


def test_a_missing_text_is_left_out_and_told(tmp_path: Path) -> None:
    columns: Columns = {"text": ["good", None, "bad", "n/a", " n/a"], "y": [1, 0, 0, 1, 0]}
    for write in FORMATS.values():
        request = read(tmp_path, write(columns), "rnn", {"target": "y", "text": "text"})
        assert texts(request) == ["good", "bad", "n/a", " n/a"]
        assert labels(request) == [1, 0, 1, 0]
        assert request.warnings == ("1 rows have no text and are left out",)
        request = read(tmp_path, write(columns), "rnn", {"target": "y", "text": "text", "missing": ["n/a"]})
        assert texts(request) == ["good", "bad"]
        assert "says that 'n/a' (2 rows) stands for none" in request.warnings[0]


def test_texts_of_files_with_types_are_texts_there_too(tmp_path: Path) -> None:
    data = {"target": "y", "text": "text"}
    told = faults(lambda: read(tmp_path, parquet({"text": [1, 2], "y": ["a", "b"]}), "rnn", data))
    assert told[0][0] == "$.data.text"
    assert "of type integer in this file" in told[0][1]
    told = faults(lambda: read(tmp_path, json_lines({"text": ["1", 2], "y": ["a", "b"]}), "rnn", data))
    assert told == [
        (
            "$.data.text",
            "column 'text': expected a text or null in each row, got 2 in row 2: write it as a text",
        )
    ]
    with pytest.raises(MalformedInput, match="half of a surrogate pair in row 2"):
        read(tmp_path, '{"text": "a", "y": 1}\n{"text": "\\ud800", "y": 2}\n', "rnn", data)
    late = '{"y": 1}\n{"text": "", "y": 2}\n{"text": "b", "y": 1}\n'
    assert texts(read(tmp_path, late, "rnn", data)) == ["", "b"]
    file = io.BytesIO()
    np.save(file, np.array([("ab", 0), ("cé", 1)], [("text", "U3"), ("y", "i4")]))
    assert texts(read(tmp_path, file.getvalue(), "rnn", data)) == ["ab", "cé"]


def test_a_zip_of_pictures_is_told_from_other_zips(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("L", (2, 2)).save(picture, "PNG")
    for content, told in ((picture.getvalue(), "cnn takes"), (b"text", "the file is another zip file")):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/1", content)
        with pytest.raises(MalformedInput, match=told):
            read(tmp_path, file.getvalue(), "rnn", {})


def test_the_one_column_of_texts_is_found_and_told(tmp_path: Path) -> None:
    some = [f"{word} {place}" for place, word in enumerate(["lorem", "ipsum", "dolor"] * 8)]
    columns: Columns = {"n": [1.5] * 24, "text": some, "land": ["de", "fr"] * 12, "y": [0, 1] * 12}
    for write in FORMATS.values():
        request = read(tmp_path, write(columns), "rnn", {"target": "y"})
        assert texts(request) == some
        assert request.warnings == ("column 'text' was read as the text; \"text\" in data names another",)
        assert texts(read(tmp_path, write(columns), "rnn", {"target": "y", "text": "land"}))[0] == "de"
    told = faults(lambda: read(tmp_path, csv_file({**columns, "more": some}), "rnn", {"target": "y"}))
    assert told[0][0] == "$.data"
    assert "the table has 'n', 'text', 'land', 'more'" in told[0][1]
    request = read(tmp_path, csv_file({**columns, "more": some}), "rnn", {"target": "y", "exclude": ["text"]})
    assert request.features == ("more",)
    request = read(
        tmp_path, csv_file({**columns, "more": some}), "rnn", {"target": "y"},
        split={"by": "group", "column": "more"}, test_fraction=0.2,
    )  # fmt: skip
    assert request.features == ("text",)


LISTS: Columns = {
    "pulse": [[1.5, 2.0], [3.0], [4.0, 5.0, 6.0], None],
    "pressure": [[10.0, 20.0], [30.0], [40.0, 50.0, 60.0], None],
    "ill": ["no", "yes", "no", "yes"],
}


@pytest.mark.parametrize("write", [json_lines, parquet])
def test_lists_of_several_columns_are_channels(tmp_path: Path, write: Any) -> None:
    data = {"target": "ill", "features": ["pressure", "pulse"]}
    request = read(tmp_path, write(LISTS), "rnn", data)
    assert sequences(request) == [[[10, 1.5], [20, 2]], [[30, 3]], [[40, 4], [50, 5], [60, 6]]]
    assert labels(request) == ["no", "yes", "no"]
    assert request.features == ("pressure", "pulse")
    assert request.warnings == ("1 rows have no steps and are left out",)
    guessed = read(tmp_path, write(LISTS), "rnn", {"target": "ill"})
    assert guessed.features == ("pulse", "pressure")
    assert guessed.warnings[0].startswith(
        "each row was read as a sequence, of the lists in 'pulse', 'pressure'"
    )


@pytest.mark.parametrize("write", [json_lines, parquet])
def test_one_column_has_lists_of_numbers_or_of_steps(tmp_path: Path, write: Any) -> None:
    columns: Columns = {"s": [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]], "y": [0, 1]}
    request = read(tmp_path, write(columns), "rnn", {"target": "y", "features": ["s"]})
    assert sequences(request) == [[[1, 2]], [[3, 4], [5, 6]]]
    assert request.features == ("x0", "x1")
    columns["s"] = [[1.0, 2.0], [3.0]]
    request = read(tmp_path, write(columns), "rnn", {"target": "y", "features": ["s"]})
    assert sequences(request) == [[[1], [2]], [[3]]]
    assert request.features == ("s",)


def test_steps_may_be_objects_by_channel(tmp_path: Path) -> None:
    columns: Columns = {"s": [[{"a": 1, "b": 2}], [{"b": 4, "a": 3}, {"a": 5, "b": 6}]], "y": [0, 1]}
    request = read(tmp_path, json_lines(columns), "rnn", {"target": "y"})
    assert sequences(request) == [[[1, 2]], [[3, 4], [5, 6]]]
    assert request.features == ("a", "b")


def test_records_of_arrays_are_sequences_of_one_length(tmp_path: Path) -> None:
    kinds = [("s", "f4", (3,)), ("v", "i2", (3, 2)), ("y", "i4")]
    records = np.zeros(2, kinds)
    records["s"], records["v"], records["y"] = [[1, 2, 3], [4, 5, 6]], np.arange(12).reshape(2, 3, 2), [0, 1]
    file = io.BytesIO()
    np.save(file, records)
    request = read(tmp_path, file.getvalue(), "rnn", {"target": "y", "features": ["s"]})
    assert sequences(request) == [[[1], [2], [3]], [[4], [5], [6]]]
    request = read(tmp_path, file.getvalue(), "rnn", {"target": "y", "features": ["v"]})
    assert sequences(request)[1] == [[6, 7], [8, 9], [10, 11]]


@pytest.mark.parametrize(
    ("lists", "path", "message"),
    [
        (
            {"s": [[1.0], [None, 2.0]]},
            "$.data",
            "column 's' has no number in step 1 of row 2: fill gaps first",
        ),
        ({"s": [[1.0], [2.0, 1e39]]}, "$.data", "past single precision in step 2 of row 2"),
        ({"s": [[1.0], [2.0, float("inf")]]}, "$.data", "holds infinity in step 2 of row 2"),
        ({"s": [[1.0], [2.0]], "r": [[1.0], [2.0, 3.0]]}, "$.data", "row 2 has 1 steps in 's' and 2 in 'r'"),
        (
            {"s": [[1.0], [2.0]], "r": [[[1.0]], [[2.0]]]},
            "$.data.features[1]",
            "several numbers; name it alone",
        ),
        ({"s": [[[1.0, 2.0]], [[3.0, 4.0], [5.0]]]}, "$.data.features", "step 2 of row 2"),
    ],
)
@pytest.mark.parametrize("write", [json_lines, parquet])
def test_a_fault_of_lists_has_its_place(
    tmp_path: Path, lists: Columns, path: str, message: str, write: Callable[[Columns], bytes]
) -> None:
    data = {"target": "y", "features": list(lists)}
    ((found, told),) = faults(lambda: read(tmp_path, write({**lists, "y": [0, 1]}), "rnn", data))
    assert found == path
    assert message in told


@pytest.mark.parametrize(
    ("lists", "got"),
    [
        ([1.0, 2.0], "1.0 in row 1"),
        ([[1.0], ["2"]], "'2' in step 1 of row 2"),
        ([[1.0], [2.0, True]], "true in step 2 of row 2"),
        ([[1.0], [2.0, [3.0]]], "a list of 1 in step 2 of row 2"),
        ([[{"a": 1}], [{"a": 2}, {"b": 3}]], "a step with 'b', and 'a' before in step 2 of row 2"),
        ([[1.0], [[]]], "a list of 0 in step 1 of row 2"),
        ([[[]], [[]]], "a step without a number in step 1 of row 1"),
    ],
)
def test_a_member_that_is_no_list_of_steps_has_its_place(tmp_path: Path, lists: list[Any], got: str) -> None:
    data = {"target": "y", "features": ["s"]}
    told = faults(lambda: read(tmp_path, json_lines({"s": lists, "y": [0, 1]}), "rnn", data))
    assert told == [("$.data.features", f"column 's': expected lists of numbers, got {got}")]


def test_numbers_of_parquet_are_no_lists(tmp_path: Path) -> None:
    content = parquet({"s": [1.0, 2.0], "y": [0, 1]})
    ((path, told),) = faults(lambda: read(tmp_path, content, "rnn", {"target": "y", "features": ["s"]}))
    assert path == "$.data.features[0]"
    assert "of type integer, and a sequence is a list of numbers" in told


def test_words_of_every_kind_in_parquet_are_texts(tmp_path: Path) -> None:
    words = Array(["a", None, "b", "a"], DataType.string())
    kinds = [
        DataType.large_string(),
        DataType.string_view(),
        DataType.dictionary(DataType.int32(), DataType.string()),
    ]
    for kind in kinds:
        batch = RecordBatch.from_pydict({"t": words.cast(kind), "y": Array([0, 1, 1, 0], DataType.int64())})
        write_parquet(Table.from_batches([batch]), str(tmp_path / "p"))
        request = read(tmp_path, (tmp_path / "p").read_bytes(), "rnn", {"target": "y", "text": "t"})
        assert texts(request) == ["a", "b", "a"]


def test_lists_of_nulls_and_of_fixed_size_are_read_from_parquet(tmp_path: Path) -> None:
    numbers = Array([1.0, 2.0, 9.0, 9.0, 5.0, 6.0], DataType.float32())
    fixed = fixed_size_list_array(numbers, 2, mask=Array([False, True, False], DataType.bool()))
    table = RecordBatch.from_pydict({"s": fixed, "y": Array(["a", "b", "b"], DataType.string())})
    write_parquet(Table.from_batches([table]), str(tmp_path / "p"))
    request = read(tmp_path, (tmp_path / "p").read_bytes(), "rnn", {"target": "y", "features": ["s"]})
    assert sequences(request) == [[[1], [2]], [[5], [6]]]


PIXELS = [[0, 1, 2, 255, 4, 5], [6, 7, 8, 9, 10, 11]]
OF_PIXELS = {"target": "label", "image": [2, 3, 1]}


def pixel_table(numbers: list[list[Any]] = PIXELS) -> Columns:
    columns = [list(each) for each in zip(*numbers, strict=True)]
    return {"label": ["a", "b"], **{f"pixel{place}": column for place, column in enumerate(columns)}}


def read_pixels(path: Path, content: bytes, data: dict[str, Any] = OF_PIXELS, **body: Any) -> TrainingRequest:
    """Pictures so small that no usual network takes them."""
    small = {"channels": [2], "kernel_size": 1, "validation_fraction": 0}
    return read(path, content, "cnn", data, hyperparameters=small, **body)


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_of_pixels_becomes_pictures_of_bytes(tmp_path: Path, form: str) -> None:
    request = read_pixels(tmp_path, FORMATS[form](pixel_table()), OF_PIXELS)
    assert pictures(request).dtype == np.uint8
    assert_array_equal(pictures(request), np.array(PIXELS).reshape(2, 2, 3, 1))
    assert (request.features, request.warnings) == (("image",), ())
    assert labels(request) == ["a", "b"]
    assert instances(request).summary()["input"] == {"kind": "image", "shape": [2, 3, 1]}


def test_pixels_with_a_fraction_are_float32(tmp_path: Path) -> None:
    for wrong in (0.1, 256, -1):
        numbers: list[list[Any]] = [[wrong, *PIXELS[0][1:]], PIXELS[1]]
        request = read_pixels(tmp_path, csv_file(pixel_table(numbers)), OF_PIXELS)
        assert pictures(request).dtype == np.float32
        assert_array_equal(pictures(request), np.array(numbers, np.float32).reshape(2, 2, 3, 1))


def test_an_array_of_pixels_names_its_columns_by_place(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.array([[7, *PIXELS[0]], [8, *PIXELS[1]]], np.uint8))
    request = read_pixels(tmp_path, file.getvalue(), {"target": "x0", "image": [2, 3, 1]})
    assert pictures(request).reshape(2, -1).tolist() == PIXELS
    assert labels(request) == [7, 8]


def test_features_say_another_order_of_pixels(tmp_path: Path) -> None:
    names = [f"pixel{place}" for place in (5, 4, 3, 2, 1, 0)]
    request = read_pixels(tmp_path, csv_file(pixel_table()), {**OF_PIXELS, "features": names})
    assert pictures(request).reshape(2, -1).tolist() == [row[::-1] for row in PIXELS]
    columns = pixel_table()
    turned = {name: columns[name] for name in ("label", *names)}
    assert (
        pictures(read_pixels(tmp_path, csv_file(turned), OF_PIXELS)).reshape(2, -1)[0].tolist()
        == PIXELS[0][::-1]
    )
    (told,) = read_pixels(tmp_path, csv_file(turned), OF_PIXELS).warnings
    assert told.startswith(
        "column 'pixel5' stands before 'pixel4': pixels are taken in the order of the columns"
    )


def test_other_columns_of_a_table_of_pixels(tmp_path: Path) -> None:
    content = csv_file({"": [0, 1], **pixel_table()})
    request = read_pixels(tmp_path, content, OF_PIXELS)
    assert pictures(request).reshape(2, -1).tolist() == PIXELS
    assert "is left out: it is the index of a data frame" in request.warnings[-1]
    content = csv_file({**pixel_table(), "who": ["k", "l"], "seen": [1.5, 2.5]})
    told = faults(lambda: read_pixels(tmp_path, content, OF_PIXELS))
    assert told[0][0] == "$.data.image"
    assert (
        "2 × 3 × 1 are 6 pixels, the table has 8 columns for them, among them 'who', which hold no"
        in told[0][1]
    )
    request = read_pixels(tmp_path, content, {**OF_PIXELS, "exclude": ["who", "seen"]})
    assert pictures(request).reshape(2, -1).tolist() == PIXELS
    body = {"split": {"by": "group", "column": "who"}, "test_fraction": 0.5}
    request = read_pixels(tmp_path, content, {**OF_PIXELS, "exclude": ["seen"]}, **body)
    assert np.frombuffer(request.ranks or b"", "<i8").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "column 'pixel3' has no value in row 1: a picture has no gaps"),
        ("inf", "column 'pixel3' holds infinity in row 1"),
        (1e39, "column 'pixel3' holds a number past single precision in row 1"),
        ("x", "column 'pixel3' is of type category: pixels are numbers"),
    ],
)
def test_a_fault_of_a_pixel_has_its_place(tmp_path: Path, value: Any, message: str) -> None:
    numbers = [[*PIXELS[0][:3], value, *PIXELS[0][4:]], PIXELS[1]]
    ((path, told),) = faults(lambda: read_pixels(tmp_path, csv_file(pixel_table(numbers)), OF_PIXELS))
    assert path == "$.data"
    assert told.startswith(message)


def test_a_gap_in_a_row_without_a_label_is_left_out_with_it(tmp_path: Path) -> None:
    columns = {name: [*each, None] for name, each in pixel_table().items()}
    columns["pixel0"][2] = 3
    request = read_pixels(tmp_path, csv_file(columns), OF_PIXELS)
    assert pictures(request).reshape(2, -1).tolist() == PIXELS
    assert request.warnings == ("1 rows have no target and are left out",)


@pytest.mark.parametrize(
    ("algorithm", "data", "path"),
    [
        ("rnn", {"target": "y", "image": [2, 2, 1]}, "$.data.image"),
        ("cnn", {"target": "y", "image": [2, 2, 1], "text": "t"}, "$.data.text"),
        ("cnn", {"target": "y", "image": [2, 2, 1], "sequence": {"id": "t"}}, "$.data.sequence"),
        ("logistic_regression", {"target": "y", "sequence": {"id": "t"}}, "$.data.sequence"),
        ("svm", {"target": "y", "text": "t"}, "$.data.text"),
        ("kmeans", {"image": [2, 2, 1]}, "$.data.image"),
        ("logistic_regression", {"target": "y", "format": "npz"}, "$.data.format"),
        ("logistic_regression", {}, "$.data.target"),
        ("rnn", {"target": "y", "format": "zip"}, "$.data.format"),
        ("rnn", {"target": "y", "format": "npz"}, "$.data.target"),
        ("cnn", {"target": "y", "format": "zip"}, "$.data.target"),
        ("cnn", {"format": "csv"}, "$.data.target"),
        ("cnn", {"features": ["a"]}, "$.data.target"),
        ("cnn", {"format": "zip", "decimal": ","}, "$.data.decimal"),
        ("cnn", {"target": "y"}, "$.data.image"),
        ("cnn", {"target": "y", "image": [28, 28]}, "$.data.image"),
        ("cnn", {"target": "y", "image": [28, 28, 0]}, "$.data.image"),
        ("cnn", {"target": "y", "image": [28, 28, True]}, "$.data.image"),
        ("cnn", {"target": "y", "image": "28x28"}, "$.data.image"),
        ("rnn", {"target": "y", "text": "y"}, "$.data.text"),
        ("rnn", {"target": "y", "text": ""}, "$.data.text"),
        ("rnn", {"target": "y", "text": 7}, "$.data.text"),
        ("rnn", {"target": "y", "text": "t", "sequence": {"id": "i"}}, "$.data.sequence"),
        ("rnn", {"target": "y", "text": "t", "features": ["a"]}, "$.data.features"),
        ("rnn", {"target": "y", "sequence": {"id": "i"}, "features": ["a"]}, "$.data.features"),
        ("rnn", {"target": "y", "sequence": "i"}, "$.data.sequence"),
        ("rnn", {"target": "y", "sequence": {}}, "$.data.sequence.id"),
        ("rnn", {"target": "y", "sequence": {"id": "y"}}, "$.data.sequence.id"),
        ("rnn", {"target": "y", "sequence": {"id": "i", "order": "i"}}, "$.data.sequence.order"),
        ("rnn", {"target": "y", "sequence": {"id": "i", "order": 3}}, "$.data.sequence.order"),
        ("rnn", {"target": "y", "sequence": {"id": "i", "gaps": "zero"}}, "$.data.sequence.gaps"),
        ("rnn", {"target": "y", "sequence": {"id": "i", "channels": []}}, "$.data.sequence.channels"),
        (
            "rnn",
            {"target": "y", "sequence": {"id": "i", "channels": ["a", 1]}},
            "$.data.sequence.channels[1]",
        ),
        ("rnn", {"target": "y", "sequence": {"id": "i", "channels": ["a", "a"]}}, "$.data.sequence.channels"),
        ("rnn", {"target": "y", "sequence": {"id": "i", "channels": ["i"]}}, "$.data.sequence.channels"),
        ("rnn", {"target": "y", "sequence": {"id": "i", "by": "t"}}, "$.data.sequence.by"),
        ("rnn", {"target": "y", "text": "t", "exclude": ["t"]}, "$.data.exclude"),
        ("rnn", {"target": "y", "text": "t", "types": {"t": "number"}}, "$.data.types.t"),
        ("rnn", {"target": "y", "sequence": {"id": "i"}, "exclude": ["i"]}, "$.data.exclude"),
        ("rnn", {"target": "y", "sequence": {"id": "i"}, "types": {"i": "ignore"}}, "$.data.types.i"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_a_job(
    algorithm: str, data: dict[str, Any], path: str
) -> None:
    assert [each[0] for each in faults(lambda: check(algorithm, data))] == [path]


@pytest.mark.parametrize("data", [{"target": "y", "text": "t"}, {"format": "npz"}])
def test_nothing_is_held_out_by_a_text_or_by_what_has_no_columns(
    tmp_path: Path, data: dict[str, Any]
) -> None:
    split = {"by": "group", "column": "t"}
    told = faults(lambda: read(tmp_path, b"PK\x03\x04", "rnn", data, split=split, test_fraction=0.2))
    assert told[0][0].startswith("$.split")


def test_a_file_with_labels_of_its_own_is_told_from_a_table(tmp_path: Path) -> None:
    for algorithm in ("cnn", "rnn"):
        told = faults(lambda: read(tmp_path, "a,b\n1,2\n", algorithm, {}))  # noqa: B023
        assert told[0][0] == "$.data.target"
    told = faults(lambda: read_pixels(tmp_path, b"PK\x03\x04"))
    assert told[0][0] == "$.data.target"


SOUND: list[tuple[str, dict[str, Any]]] = [
    ("cnn", {"target": "y", "image": [4, 4, 1]}),
    ("cnn", {"format": "zip"}),
    ("cnn", {"image": [4, 4, 3]}),
    ("cnn", {"image": [4.0, 4, 1.0]}),
    ("rnn", {"target": "y"}),
    ("rnn", {"format": "npz"}),
    ("rnn", {"target": "y", "text": "t"}),
    ("rnn", {"target": "y", "features": ["a", "b"]}),
    ("rnn", {"target": "y", "sequence": {"id": "i", "order": "t", "channels": ["a"], "gaps": "refuse"}}),
]


@pytest.mark.parametrize(("algorithm", "data"), SOUND)
def test_a_reference_is_stored_and_told_as_it_was_said(algorithm: str, data: dict[str, Any]) -> None:
    request = check(algorithm, data)
    reference = request.data
    assert isinstance(reference, TableReference)
    assert type(request).from_bytes(request.to_bytes()) == request
    summary: Any = request.summary()["data"]
    lineage = reference.lineage({"uri": "dataset://a/1", "sha256": "0"})
    for name, value in data.items():
        told = summary[name]
        assert (list(told) if isinstance(told, tuple) else told) == value
        assert name == "features" or name in lineage
    Draft202012Validator(data_schema(algorithms.algorithm(algorithm))).validate({"uri": "file:t", **data})


def test_each_algorithm_offers_what_it_takes() -> None:
    forms = {"image", "sequence", "text"}
    offered = {
        name: forms & data_schema(info)["properties"].keys() for name, info in algorithms.algorithms().items()
    }
    assert offered == {
        "cnn": {"image"}, "rnn": {"sequence", "text"},
        "kmeans": set(), "logistic_regression": set(), "svm": set(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("algorithm", "data", "columns"),
    [
        ("rnn", {"target": "y", "text": "t"}, {"t": ["lorem ipsum " * 50] * 2_000, "y": [0, 1] * 1_000}),
        ("rnn", {"target": "y", "features": ["s"]}, {"s": [[0.5] * 200] * 2_000, "y": [0, 1] * 1_000}),
        (
            "rnn",
            {"target": "y", "sequence": {"id": "i"}},
            {
                "i": [place // 10 for place in range(50_000)],
                "x": [0.5] * 50_000,
                "y": ([1] * 10 + [0] * 10) * 2_500,
            },
        ),
        (
            "cnn",
            OF_PIXELS,
            {"label": ["a", "b"] * 10_000, **{f"p{place}": [7] * 20_000 for place in range(6)}},
        ),
    ],
    ids=["texts", "lists", "steps", "pixels"],
)
def test_what_will_not_fit_is_refused_before_memory_is_taken(
    tmp_path: Path, algorithm: str, data: dict[str, Any], columns: Columns
) -> None:
    content = json_lines(columns)
    small = {"channels": [2], "kernel_size": 1} if algorithm == "cnn" else {}

    def read_within(more: int) -> None:
        read(tmp_path, content, algorithm, data, Budget(BYTES_AT_LEAST + more), hyperparameters=small)

    with pytest.raises(TooLarge, match="of memory"):
        read_within(1_000_000)
    read_within(20_000_000)


def test_a_description_says_who_takes_lists(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(parquet(LISTS))
    (column, *_) = describe(read_table(str(tmp_path / "p")))["columns"]
    assert (column["type"], column["missing"]) == ("list", 1)
    assert "only rnn can learn from them" in column["left_out"]
    told = faults(
        lambda: read(
            tmp_path, parquet(LISTS), "logistic_regression", {"target": "ill", "features": ["pulse"]}
        )
    )
    assert "only rnn can learn from them" in told[0][1]


def test_rows_are_what_the_columns_are() -> None:
    assert rows_of({"a": [1, 2], "b": [3, 4]}) == [[1, 3], [2, 4]]
