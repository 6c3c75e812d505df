"""What `GET /v1/datasets/{d}` and `:describe` say of files of pictures."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.datasets.describing import _described_apart
from ml_core.datasets.looking import Look, check_look
from ml_core.errors import InvalidInput, MalformedInput
from ml_core.picture_files.description import describe_pictures
from ml_core.picture_files.reading import read_pictures
from ml_core.pictures import png
from ml_core.tables import reading
from tests.unit.ml_core.pictures.archives import folders, npz_file, picture, zip_file


def test_a_zip_of_folders_is_described_without_decoding_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png, "unpack", lambda _: pytest.fail("a picture was decoded"))
    names = {"train/cat": 3, "train/dog": 2, "test/cat": 1}
    entries = {**folders(names), "test/dog/1.jpg": picture(mode="L", format="JPEG"), "notes.txt": b"x"}
    told = describe_pictures(zip_file(tmp_path / "a", entries), None)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told == {
        "kind": "pictures",
        "format": "zip",
        "pictures": 7,
        "held_out": 2,
        "complete": True,
        "classes": [
            {"value": "cat", "pictures": 4, "held_out": 1},
            {"value": "dog", "pictures": 3, "held_out": 1},
        ],
        "warnings": [
            "files that are no pictures are left out: 'notes.txt'",
            "1 of 7 pictures are grey, and read as colours",
        ],
        "files": {"jpeg": 1, "png": 6},
        "shape": [6, 5, 3],
        "sizes": [{"height": 6, "width": 5, "pictures": 7}],
        "grey": 1,
        "unreadable": {"files": 0, "faults": []},
        "error": None,
    }


def test_what_keeps_a_file_from_being_trained_on_is_said_beside_what_it_holds(tmp_path: Path) -> None:
    entries = {**folders({"0": 2}), **folders({"1": 3}, size=(9, 9)), "1/broken.png": b"x"}
    told = describe_pictures(zip_file(tmp_path / "a", entries), "zip")
    assert told["classes"] == [{"value": 0, "pictures": 2}, {"value": 1, "pictures": 3}]
    assert (told["shape"], told["held_out"]) == (None, None)
    assert told["sizes"][0] == {"height": 9, "width": 9, "pictures": 3}
    assert told["unreadable"]["files"] == 1
    assert told["error"].startswith("a file cannot be read: '1/broken.png': ")
    del entries["1/broken.png"]
    told = describe_pictures(zip_file(tmp_path / "a", entries), None)
    assert told["error"].startswith("the pictures have 2 different sizes, from 6×5 to 9×9")


HEIC = b"\0\0\0\x18ftypheic" + bytes(40)


@pytest.mark.parametrize(
    ("entries", "says", "classes"),
    [
        (folders({"a": 2}), "the pictures are all of one class, 'a'", ["a"]),
        (folders({"train/a": 2, "train/b": 1, "test/c": 1}), "nothing to train on for 'c'", ["a", "b", "c"]),
        ({"a/1.heic": HEIC, **folders({"b": 2})}, "a file cannot be read: 'a/1.heic': it is a HEIC", ["b"]),
        (
            {"a/1.heic": HEIC, "a/2.heic": HEIC, **folders({"b": 2})},
            "2 files cannot be read: mend them, or leave them out. The first: 'a/1.heic': it is a HEIC",
            ["b"],
        ),
        ({"a/1.heic": HEIC, "b/1.heic": HEIC}, "2 files cannot be read: .* 'a/1.heic': it is a HEIC", None),
        ({"a/1.heic": HEIC, "1.png": picture()}, "a file cannot be read: 'a/1.heic': it is a HEIC", None),
    ],
)
def test_a_description_says_first_what_a_training_says_first(
    tmp_path: Path, entries: dict[str, bytes], says: str, classes: list[str] | None
) -> None:
    path = zip_file(tmp_path / "a", entries)
    with pytest.raises(InvalidInput) as refused:
        read_pictures(path)
    first = refused.value.faults[0].message
    if classes is None:
        with pytest.raises(MalformedInput, match=says) as told:
            describe_pictures(path, None)
        assert str(told.value).endswith(first)
    else:
        described = describe_pictures(path, None)
        assert re.match(f".*{says}", described["error"])
        assert described["error"].endswith(first)
        assert [each["value"] for each in described["classes"]] == classes


def test_an_npz_of_one_class_is_described(tmp_path: Path) -> None:
    path = npz_file(tmp_path / "a", x=np.zeros((3, 8, 8), np.uint8), y=np.array(["a", "a", "a"]))
    told = describe_pictures(path, None)
    assert (told["error"], told["pictures"]) == ("the pictures are all of one class", 3)


def test_arrays_are_described_by_their_headers(tmp_path: Path) -> None:
    pictures = np.zeros((4, 8, 9, 3), np.uint8)
    path = npz_file(
        tmp_path / "a", x_train=pictures, y_train=np.arange(4), x_test=pictures, y_test=np.arange(4)
    )
    told = describe_pictures(path, None)
    assert told["format"] == "npz"
    assert (told["pictures"], told["held_out"], told["shape"]) == (8, 4, [8, 9, 3])
    assert told["classes"][0] == {"value": 0, "pictures": 2, "held_out": 1}
    assert told["arrays"][0] == "'x_train' (4×8×9×3, uint8)"


@pytest.mark.parametrize("lengths", [None, [2, 4, 3]])
def test_arrays_that_can_be_no_pictures_are_described_as_sequences(
    tmp_path: Path, lengths: list[int] | None
) -> None:
    """Arrays of three axes may be either; an array of lengths tells."""
    steps = np.zeros((3, 4, 2) if lengths else (3, 4), np.float32)
    more = {"lengths": np.array(lengths)} if lengths else {}
    path = npz_file(tmp_path / "waves.npz", x=steps, y=np.array(["a", "b", "a"]), **more)
    told = describe_pictures(path, None)
    assert (told["kind"], told["sequences"], told["steps"]) == ("sequences", 3, 4)
    assert told["channels"] == (2 if lengths else 1)
    assert told["classes"] == [{"value": "a", "sequences": 2}, {"value": "b", "sequences": 1}]
    assert (told["held_out"], told["error"]) == (None, None)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"table.csv": b"a,b"}, r"holds no pictures: .* A table is not taken in a zip file: unpack it first"),
        ({"../a/1.png": picture()}, "leads out of it"),
    ],
)
def test_a_file_of_which_nothing_can_be_said_is_no_fault_of_options(
    tmp_path: Path, entries: dict[str, bytes], says: str
) -> None:
    with pytest.raises(MalformedInput, match=says):
        describe_pictures(zip_file(tmp_path / "a", entries), None)


def apart(path: str, **look: Any) -> dict[str, Any]:
    """The description as the trainer makes it: in a process of its own."""
    told = _described_apart("dataset://d/1", path, 0, check_look(look))
    assert told is not None
    return told


def test_the_trainer_describes_pictures_in_a_process_of_their_own(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a", folders({"a": 2, "b": 2}))
    told = apart(path)
    assert told["error"] is None
    assert told["description"]["kind"] == "pictures"
    assert told["description"]["pictures"] == 4
    assert apart(path, format="zip")["description"] == told["description"]
    refused = apart(path, format="csv", types={"a": "number"}, exclude=["b"])
    assert [fault["path"] for fault in refused["faults"]] == ["$.types", "$.exclude"]
    assert apart(path, format="npz")["faults"] == [
        {"path": "$.format", "message": "the file is no npz: by its content it is zip"}
    ]
    Path(path).write_bytes(Path(path).read_bytes()[:200])
    assert apart(path)["error"] == "the zip file is broken: its directory cannot be read"


def test_pictures_of_many_sizes_are_described_as_they_would_be_resized(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a", {**folders({"a": 2}), **folders({"b": 3}, size=(9, 9))})
    assert "say to which they are resized" in apart(path)["description"]["error"]
    told = apart(path, image=[8, 8, 1])["description"]
    assert (told["shape"], told["error"]) == ([8, 8, 1], None)
    read = read_pictures(path, shape=(8, 8, 1))
    assert told["warnings"] == [*read.warnings]
    assert any("5 of 5 pictures are resized to 8×8" in each for each in told["warnings"])
    refused = apart(path, image=[8, 8, 5])
    assert refused["faults"] == [{"path": "$.image", "message": "expected 1, 2, 3 or 4 channels, got 5"}]


def test_arrays_are_described_in_the_shape_that_is_said(tmp_path: Path) -> None:
    path = npz_file(tmp_path / "a", x=np.zeros((4, 64), np.uint8), y=np.arange(4) % 2)
    assert apart(path)["description"]["kind"] == "sequences"
    told = apart(path, image=[8, 8, 1])["description"]
    assert (told["kind"], told["shape"], told["error"]) == ("pictures", [8, 8, 1], None)
    (fault,) = apart(path, image=[9, 8, 1])["faults"]
    assert fault["path"] == "$.image"


def test_an_image_is_said_of_pictures_alone(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a,b\n1,2\n")
    (fault,) = apart(str(tmp_path / "t"), image=[1, 1, 1])["faults"]
    assert fault["path"] == "$.image"
    assert fault["message"].startswith("the file is a table, and is described as one: leave this out")


@pytest.mark.parametrize("image", [[8, 8], [8, 8, 0], "8x8", [8, 8, 1.5], {}])
def test_an_image_that_is_none_is_refused(image: Any) -> None:
    with pytest.raises(InvalidInput, match=r"\$\.image: expected \[height, width, channels\]"):
        check_look({"image": image})


@pytest.mark.parametrize("name", ["target", "features", "sequence", "text"])
def test_what_is_made_of_columns_is_said_in_data(name: str) -> None:
    with pytest.raises(InvalidInput, match=rf"\$\.{name}: .* leave this out here, and say it in data"):
        check_look({name: "a"})


def test_a_look_with_an_image_is_kept_apart() -> None:
    look = check_look({"image": [8, 8.0, 1]})
    assert look.said() == {"image": [8, 8, 1]}
    assert Look.of(look.said()) == look
    assert look.digest not in ("", check_look({"image": [8, 8, 3]}).digest)


def test_a_table_is_no_zip_and_an_office_document_is_told_as_before(tmp_path: Path) -> None:
    table = tmp_path / "t"
    table.write_text("a,b\n1,2\n")
    assert apart(str(table))["description"]["format"] == "csv"
    assert apart(str(table), format="zip")["faults"][0]["path"] == "$.format"
    sheet = zip_file(tmp_path / "s", {"[Content_Types].xml": b"<x/>"})
    assert apart(sheet)["error"] == "the file is an Excel workbook: save the sheet as CSV"


def test_formats_of_pictures_may_be_said() -> None:
    assert check_look({"format": "npz"}) == Look("npz")
    with pytest.raises(InvalidInput, match="expected one of csv, parquet, jsonl, npy, zip, npz, got 'gif'"):
        check_look({"format": "gif"})


def test_a_training_on_a_table_says_what_a_zip_of_pictures_is_for(tmp_path: Path) -> None:
    entries = {"README": b"x", "a/": b"", **folders({"a": 1, "b": 1})}
    with pytest.raises(
        MalformedInput, match='a zip file of pictures, and no table: pictures are trained on by "cnn"'
    ):
        reading.read(zip_file(tmp_path / "a", entries))
    with pytest.raises(MalformedInput, match=r'an NPZ archive of arrays: .* trained on by "cnn"'):
        reading.read(npz_file(tmp_path / "b", x=np.zeros(3)))
    with pytest.raises(MalformedInput, match="a zip file: unpack it first"):
        reading.read(zip_file(tmp_path / "c", {"table.csv": b"a,b\n1,2\n"}))
