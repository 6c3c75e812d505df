"""Files come into being as a whole, or not at all."""

import io
import os
import stat
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from serverless_ml.command_line.exits import CommandError
from serverless_ml.command_line.writing import HowWritten, json_of, whole_file, whole_output, writer


def written(how: HowWritten, columns: list[str], *parts: list[dict[str, Any]]) -> bytes:
    """What is written of rows."""
    file = io.BytesIO()
    made = writer(file, how, columns)
    for part in parts:
        made.write(part)
    made.close()
    return file.getvalue()


def test_a_file_is_there_at_the_end_alone(tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    with whole_file(path, force=False) as file:
        file.write(b"1")
        assert not path.exists()
    assert path.read_bytes() == b"1"
    assert [each.name for each in tmp_path.iterdir()] == ["scored.csv"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


def test_nothing_is_left_of_what_ended_early(tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path, force=True) as file:
            file.write(b"half of i")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["scored.csv"]


def test_a_file_that_is_there_is_replaced_when_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(CommandError, match="--force"), whole_file(path, force=False):
        pass
    with whole_file(path, force=True) as file:
        file.write(b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_that_came_to_be_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"

    def write_both() -> None:
        with whole_file(path, force=False) as file:
            file.write(b"ours")
            path.write_text("theirs")

    with pytest.raises(CommandError, match="came to be meanwhile"):
        write_both()
    assert path.read_text() == "theirs"


def test_a_link_stays_one_and_a_device_stays_what_it_is(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    with whole_output(str(link), force=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with whole_output(str(pipe), force=True) as file:
        file.write(b"rows")
    assert os.read(reader, 10) == b"rows"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is a folder"), whole_file(tmp_path, force=True):
        pass
    with (
        pytest.raises(CommandError, match="there is no folder"),
        whole_file(tmp_path / "a" / "b", force=False),
    ):
        pass


VALUES = {
    "text": 'a "b", c',
    "number": 0.1,
    "whole": 7,
    "flag": True,
    "none": None,
    "nan": float("nan"),
    "day": date(2026, 5, 31),
    "time": datetime(2026, 5, 31, 10, tzinfo=UTC),
    "decimal": Decimal("1.50"),
}


def test_values_as_cells() -> None:
    content = written(HowWritten("csv"), list(VALUES), [VALUES], [{"text": "x"}])
    assert content.decode().splitlines() == [
        ",".join(VALUES),
        '"a ""b"", c",0.1,7,true,,,2026-05-31,2026-05-31T10:00:00+00:00,1.50',
        "x,,,,,,,,",
    ]


def test_values_as_json() -> None:
    assert json_of(VALUES) == (
        '{"text": "a \\"b\\", c", "number": 0.1, "whole": 7, "flag": true, "none": null, "nan": null, '
        '"day": "2026-05-31", "time": "2026-05-31T10:00:00+00:00", "decimal": 1.5}'
    )


def test_forms() -> None:
    rows = [{"a": "1", "b": "x;y"}]
    assert written(HowWritten("csv", ";", marked=True), ["a", "b"], rows) == b'\xef\xbb\xbfa;b\n1;"x;y"\n'
    assert written(HowWritten("tsv"), ["a", "b"], rows) == b"a\tb\n1\tx;y\n"
    assert written(HowWritten("jsonl"), ["a", "b"], rows, rows) == b'{"a": "1", "b": "x;y"}\n' * 2
    assert written(HowWritten("json"), ["a"], [{"a": 1}], [{"a": 2}]) == b'[{"a": 1},\n{"a": 2}]\n'
    assert written(HowWritten("json"), ["a"]) == b"[]\n"


def test_a_member_that_has_no_column_is_refused() -> None:
    with pytest.raises(CommandError, match="the member 'b'"):
        written(HowWritten("csv"), ["a"], [{"a": 1}], [{"b": 2}])


def test_a_type_that_changes_is_refused_in_parquet() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(CommandError, match="one type in a column"):
        written(HowWritten("parquet"), ["a"], [{"a": 1}], [{"a": "x"}])
