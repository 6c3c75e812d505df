"""A zip of class folders as people send it, and as nobody should."""

import io
import random
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images

from ml_core.errors import InvalidInput, MalformedInput, ServerlessMLError, TooLarge
from ml_core.picture_files import jpeg
from ml_core.picture_files.reading import PictureSet, read_pictures
from ml_core.pictures import png
from ml_core.pictures.shaping import resized
from ml_core.tables.memory import BYTES_AT_LEAST, Budget
from tests.unit.ml_core.pictures.archives import folders, picture, zip_file
from tests.unit.ml_core.pictures.png_files import png_file


def labels(pictures: PictureSet) -> list[object]:
    return list(pictures.targets)


def test_a_folder_is_a_class_and_a_picture_is_read_as_a_prediction_reads_it(tmp_path: Path) -> None:
    entries = folders({"dogs": 3, "cats": 2})
    read = read_pictures(zip_file(tmp_path / "a", entries))
    assert labels(read) == ["cats", "cats", "dogs", "dogs", "dogs"]
    assert read.targets.classes == ("cats", "dogs")
    assert read.samples.array.dtype == np.uint8
    assert read.samples.array.shape == (5, 6, 5, 3)
    for place, name in enumerate(sorted(entries)):
        assert read.samples.array[place].tobytes() == png.read_png(entries[name], (6, 5, 3), "$")
    assert (read.held_out, read.groups, read.warnings, read.format, read.resized) == (
        None,
        None,
        (),
        "zip",
        False,
    )


def test_the_order_of_a_zips_entries_does_not_matter(tmp_path: Path) -> None:
    entries = folders({"a": 4, "b": 5})
    first = read_pictures(zip_file(tmp_path / "a", entries))
    again = read_pictures(zip_file(tmp_path / "b", dict(reversed(entries.items())), zipfile.ZIP_STORED))
    assert np.array_equal(first.samples.array, again.samples.array)
    assert labels(first) == labels(again)


@pytest.mark.parametrize("above", ["data/", "data/images 1/", "./", "C\\", "été/"])
def test_folders_that_hold_everything_are_passed_over(tmp_path: Path, above: str) -> None:
    entries = {above + name: data for name, data in folders({"x/deep": 1, "x": 1, "y": 2}).items()}
    assert labels(read_pictures(zip_file(tmp_path / "a", entries))) == ["x", "x", "y", "y"]


def test_what_file_managers_leave_is_no_picture(tmp_path: Path) -> None:
    entries = folders({"x": 2, "y": 2})
    litter = (
        "__MACOSX/x/._0.png", "x/.DS_Store", "y/Thumbs.db", "x/desktop.ini", ".git/x/1.png", "x/.hidden.png",
        "x/@eaDir/1.png",
    )  # fmt: skip
    read = read_pictures(zip_file(tmp_path / "a", {**dict.fromkeys(litter, b"litter"), "z/": b"", **entries}))
    assert (labels(read), read.warnings) == (["x", "x", "y", "y"], ())


def test_files_that_are_no_pictures_are_left_out_and_told(tmp_path: Path) -> None:
    entries = {**folders({"x": 2, "y": 2}), "README.md": b"# hello", "x/labels.csv": b"a,b"}
    read = read_pictures(zip_file(tmp_path / "a", entries))
    assert read.warnings == ("files that are no pictures are left out: 'README.md', 'x/labels.csv'",)


def test_folders_named_by_whole_numbers_are_numbers(tmp_path: Path) -> None:
    entries = folders({"10": 1, "9": 2, "0": 1})
    assert labels(read_pictures(zip_file(tmp_path / "a", entries))) == [0, 10, 9, 9]
    assert read_pictures(zip_file(tmp_path / "a", entries)).targets.classes == (0, 9, 10)
    zeros = folders({"007": 2, "8": 2})
    assert read_pictures(zip_file(tmp_path / "b", zeros)).targets.classes == ("007", "8")


def test_names_of_folders_are_utf_8_also_where_a_zip_does_not_say_so(tmp_path: Path) -> None:
    entries = folders({"cafe\u0301": 2, "thé": 2})
    path = zip_file(tmp_path / "a", entries)
    data = Path(path).read_bytes()
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            marked = int.from_bytes(data[place + flags : place + flags + 2], "little") & ~0x800
            data = data[: place + flags] + struct.pack("<H", marked) + data[place + flags + 2 :]
            place = data.find(signature, place + 4)
    Path(path).write_bytes(data)
    assert read_pictures(path).targets.classes == ("café", "thé")


@pytest.mark.parametrize(
    ("names", "held_out"),
    [
        ({"train/a": 2, "train/b": 1, "test/a": 1, "test/b": 1}, [1, 1, 0, 0, 0]),
        ({"data/Training/a": 1, "data/Training/b": 1, "data/TESTING/b": 1}, [1, 0, 0]),
        ({"train/a": 1, "train/b": 1, "val/a": 1}, [0, 0, 1]),
        ({"train/a": 1, "train/b": 1, "Validation/a": 1}, [1, 0, 0]),
        ({"train/a": 1, "train/b": 1, "val/a": 1, "test/b": 1}, [1, 0, 0, 0]),
    ],
)  # fmt: skip
def test_a_given_split_is_used(tmp_path: Path, names: dict[str, int], held_out: list[int]) -> None:
    read = read_pictures(zip_file(tmp_path / "a", folders(names)))
    assert read.held_out is not None
    assert read.held_out.dtype == np.bool_
    assert read.held_out.astype(int).tolist() == held_out
    assert read.targets.classes == ("a", "b")
    told = any("validation folder are trained on" in warning for warning in read.warnings)
    assert told == ({"val/a", "test/b"} <= names.keys())


@pytest.mark.parametrize(
    "names", [{"train": 2, "plane": 2}, {"test": 2, "exam": 2}, {"train/a": 2, "train/b": 1}]
)
def test_a_class_may_be_called_train(tmp_path: Path, names: dict[str, int]) -> None:
    assert read_pictures(zip_file(tmp_path / "a", folders(names))).held_out is None


def test_pictures_to_predict_without_classes_are_left_out(tmp_path: Path) -> None:
    read = read_pictures(zip_file(tmp_path / "a", folders({"train/a": 2, "train/b": 2, "test": 3})))
    assert (labels(read), read.held_out) == (["a", "a", "b", "b"], None)
    assert "the pictures of 'test' are in no class folders" in read.warnings[0]


REFUSED = {
    "no pictures": ({"a.txt": b"x"}, "holds no pictures"),
    "no files": ({"a/": b""}, "holds no files"),
    "no folders": (folders({".": 2}), "is in no folder"),
    "one beside the folders": ({**folders({"a": 2, "b": 2}), "x.png": picture()}, "'x.png' is in no folder"),
    "one class": (folders({"a": 3}), "all of one class, 'a'"),
    "two cases": (folders({"Cat": 2, "cat": 2, "dog": 1}), "upper and lower case: 'Cat', 'cat'"),
    "two cases in a split": (folders({"train/Cat": 2, "train/d": 1, "test/cat": 2}), "upper and lower"),
    "a class beside a split": (folders({"train/a": 1, "test/a": 1, "b": 1}), "split, or classes"),
    "a class to test only": (folders({"train/a": 2, "train/b": 2, "test/c": 2}), "to train on for 'c'"),
    "a GIF": ({**folders({"a": 2}), "b/1.gif": picture(format="GIF")}, "'b/1.gif': it is a GIF; PNG and"),
    "a WebP named PNG": ({**folders({"a": 2}), "b/1.png": picture(format="WEBP")}, "it is a WebP"),
    "a BMP": ({**folders({"a": 2}), "b/1.bmp": picture(format="BMP")}, "it is a BMP"),
    "a TIFF": ({**folders({"a": 2}), "b/1.tif": picture(format="TIFF")}, "it is a TIFF"),
    "an AVIF": ({**folders({"a": 2}), "b/1.avif": picture(format="AVIF")}, "it is an AVIF"),
    "text named PNG": ({**folders({"a": 2}), "b/1.png": b"hello"}, "of a format that is known"),
    "an empty file": ({**folders({"a": 2}), "b/1.jpg": b""}, "'b/1.jpg': it is empty"),
    "half a PNG": ({**folders({"a": 2}), "b/1.png": picture()[:-20]}, "'b/1.png': the PNG is broken"),
    "a zip within": ({**folders({"a": 2, "b": 2}), "b/more.zip": b"PK\3\4"}, "a zip file within the zip"),
    "a way out": ({**folders({"a": 2}), "../b/1.png": picture()}, "leads out of it"),
    "a way out by backslashes": ({**folders({"a": 2}), "b\\..\\1.png": picture()}, "leads out of it"),
    "an absolute path": ({**folders({"a": 2}), "/etc/1.png": picture()}, "leads out of it"),
    "a drive": ({**folders({"a": 2}), "C:\\b\\1.png": picture()}, "leads out of it"),
    "twice by backslash": ({**folders({"a": 2}), "a\\0.png": picture()}, "'a/0.png' .* is there twice"),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "says"), REFUSED.values(), ids=REFUSED)
def test_what_may_be_meant_in_two_ways_or_none_is_refused(
    tmp_path: Path, entries: dict[str, bytes], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        read_pictures(zip_file(tmp_path / "a", entries))
    assert all(fault.path == "$.data" for fault in refused.value.faults)


def test_broken_pictures_are_all_named_up_to_a_bound(tmp_path: Path) -> None:
    entries = folders({"a": 30, "b": 30})
    for number in range(25):
        entries[f"a/{number}.png"] = entries[f"a/{number}.png"][:-30]
    with pytest.raises(InvalidInput) as refused:
        read_pictures(zip_file(tmp_path / "a", entries))
    assert len(refused.value.faults) == 20
    assert refused.value.omitted >= 1
    entries = folders({"a": 30, "b": 30})
    entries["a/3.png"] = png_file(np.full((6, 5, 1), 3), 3, 2, palette=bytes(9))
    entries["b/4.png"] = entries["b/4.png"][:-1] + b"!"
    with pytest.raises(InvalidInput) as refused:
        read_pictures(zip_file(tmp_path / "b", entries), shape=(6, 5, 3))
    assert [fault.message.partition(":")[0] for fault in refused.value.faults] == ["'a/3.png'", "'b/4.png'"]


def test_spaces_around_names_are_left_out_and_told(tmp_path: Path) -> None:
    read = read_pictures(zip_file(tmp_path / "a", folders({"a ": 1, "a": 1, "b": 2})))
    assert read.targets.counts() == {"a": 2, "b": 2}
    assert read.warnings == ("spaces around folders' names are left out: 'a '",)


def test_a_class_of_one_picture_is_told(tmp_path: Path) -> None:
    read = read_pictures(zip_file(tmp_path / "a", folders({"a": 1, "b": 2})))
    assert read.warnings == ("a single picture is there to train on for 'a'",)


def test_sizes_that_differ_are_resized_to_what_is_said(tmp_path: Path) -> None:
    entries = {**folders({"a": 2}), **folders({"b": 2}, size=(12, 10)), "b/s.png": picture(9, (4, 9))}
    path = zip_file(tmp_path / "a", entries)
    with pytest.raises(
        InvalidInput, match=r"\$.data.image: the pictures have 3 different sizes, from 4×9 to 12×10"
    ):
        read_pictures(path)
    read = read_pictures(path, shape=(8, 7, 3))
    assert read.resized
    assert read.samples.array.shape == (5, 8, 7, 3)
    expected = resized(png.decode(entries["b/0.png"]), 8, 7)
    assert np.array_equal(read.samples.array[2], expected)
    assert read.warnings == (
        "5 of 5 pictures are resized to 8×7, 1 of them stretched: their sides are in another proportion",
    )


def test_grey_pictures_have_one_channel_and_others_are_told(tmp_path: Path) -> None:
    grey = folders({"a": 2, "b": 1}, mode="L")
    read = read_pictures(zip_file(tmp_path / "a", grey))
    assert (read.samples.array.shape[-1], read.warnings) == (
        1,
        ("a single picture is there to train on for 'b'",),
    )
    mixed = {**grey, "b/c.png": picture(mode="RGBA"), "b/d.jpg": picture(format="JPEG")}
    read = read_pictures(zip_file(tmp_path / "b", mixed))
    assert read.samples.array.shape[-1] == 3
    assert "3 of 5 pictures are grey, and read as colours" in read.warnings
    assert any(warning.startswith("1 of 5 pictures may be see-through") for warning in read.warnings)
    assert read_pictures(zip_file(tmp_path / "c", mixed), shape=(6, 5, 4)).samples.array.shape[-1] == 4
    read = read_pictures(zip_file(tmp_path / "d", mixed), shape=(6, 5, 1))
    assert "2 of 5 pictures have colours, and are read as grey" in read.warnings


PHOTOGRAPH = Image.fromarray(load_sample_images().images[0])


def photograph(orientation: int = 1, mode: str = "RGB", **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    PHOTOGRAPH.convert(mode).save(file, "JPEG", exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    data = photograph(orientation)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(jpeg.decode(data), expected)
    read = read_pictures(zip_file(tmp_path / "a", {"a/1.jpg": data, "b/1.jpg": data}))
    assert read.samples.array.shape[1:] == expected.shape


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_read_as_by_pillow(mode: str) -> None:
    for options in ({}, {"progressive": True}, {"quality": 20, "subsampling": 2}):
        if mode == "L":
            options.pop("subsampling", None)
        data = photograph(mode=mode, **options)
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("L" if mode == "L" else "RGB"))
        assert np.array_equal(jpeg.decode(data).squeeze(), expected)


def test_decoding_at_a_fraction_hardly_shows() -> None:
    data = photograph(6)
    whole = resized(jpeg.decode(data), 64, 48).astype(int)
    part = jpeg.decode(data, (64, 48))
    assert part.shape == (160, 107, 3)
    assert np.abs(resized(part, 64, 48) - whole).mean() < 1.5


def test_hostile_photographs_raise_nothing_else() -> None:
    chance = random.Random(5)  # noqa: S311 - no secret
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    PHOTOGRAPH.resize((24, 18)).save(file, "JPEG", exif=exif, progressive=True)
    good = file.getvalue()
    for attempt in range(600):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(700 if chance.random() < 0.5 else len(data))] = chance.randrange(256)
        if attempt % 5 == 0:
            del data[chance.randrange(len(data)) :]
        try:
            jpeg.decode(bytes(data), most_pixels=1 << 20)
        except MalformedInput:
            continue


def test_a_truncated_photograph_is_refused_by_name(tmp_path: Path) -> None:
    data = photograph()
    entries = {"a/1.jpg": data, "b/1.jpg": data[: len(data) // 2]}
    with pytest.raises(InvalidInput, match=r"'b/1.jpg': the JPEG is broken: it ends too early"):
        read_pictures(zip_file(tmp_path / "a", entries))


def test_a_jpeg_that_says_to_be_huge_takes_no_memory() -> None:
    data = bytearray(photograph())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(MalformedInput, match="60000×60000 pixels; at most"):
        jpeg.decode(bytes(data))


def entry(name: str, *, link: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    if link:
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(entry("a/1.png", link=True), "/etc/passwd")
        file.writestr("b/1.png", picture())
    with pytest.raises(InvalidInput, match="is a symbolic link"):
        read_pictures(str(path))


def test_an_encrypted_file_and_an_odd_packing_are_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a", folders({"a": 1, "b": 1}))
    data = bytearray(Path(path).read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    Path(path).write_bytes(data)
    with pytest.raises(InvalidInput, match="is encrypted"):
        read_pictures(path)
    with pytest.raises(InvalidInput, match="another method than deflate"):
        read_pictures(zip_file(tmp_path / "b", folders({"a": 1, "b": 1}), zipfile.ZIP_LZMA))


def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/1.png", picture())
        file.writestr("b/1.png", picture())
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a/1.png", picture())
    with pytest.raises(InvalidInput, match=r"'a/1\.png' in the zip file is there twice"):
        read_pictures(str(path))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    zeros = bytes(90 << 20)
    with pytest.raises(TooLarge, match="says that it holds"):
        read_pictures(zip_file(tmp_path / "a", {"a/1.png": zeros, "b/1.png": zeros}))


def test_a_directory_past_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_file(tmp_path / "a", {f"{'x' * 60}/{number}.png": b"" for number in range(3000)})
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: pytest.fail("the directory was read"))
    with pytest.raises(TooLarge, match="directory has"):
        read_pictures(path, budget=Budget(10 << 20))


def test_pictures_past_the_memory_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(png, "unpack", lambda _: pytest.fail("a picture was decoded"))
    path = zip_file(tmp_path / "a", folders({"a": 1, "b": 1}))
    with pytest.raises(
        TooLarge, match=r"2 pictures of 6000×6000×3 take about 1,536 MiB .*trainer has 1,024 MiB"
    ):
        read_pictures(path, shape=(6000, 6000, 3), budget=Budget(1 << 30))
    monkeypatch.undo()
    read_pictures(path, budget=Budget(BYTES_AT_LEAST + (1 << 16)))


def test_a_file_that_says_less_than_it_holds_is_read_no_further(tmp_path: Path) -> None:
    entries = folders({"a": 1, "b": 1})
    path = zip_file(tmp_path / "a", {**entries, "a/0.png": entries["a/0.png"] + bytes(10_000_000)})
    data = bytearray(Path(path).read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 1000)
    Path(path).write_bytes(data)
    with pytest.raises(InvalidInput, match=r"'a/0.png': "):
        read_pictures(path)


def test_hostile_zip_files_raise_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(6)  # noqa: S311 - no secret
    good = Path(zip_file(tmp_path / "a", folders({"a": 1, "b": 2}))).read_bytes()
    directory = good.index(b"PK\x01\x02")
    path = tmp_path / "hostile"
    read = 0
    for attempt in range(600):
        data = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            begin = directory if chance.random() < 0.6 else 0
            data[chance.randrange(begin, len(data))] = chance.randrange(256)
        if attempt % 9 == 0:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            read_pictures(str(path), shape=(6, 5, 3))
            read += 1
        except ServerlessMLError:
            continue
    assert 0 < read < 600


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1,2\n", "expected a zip file of pictures, or an NPZ file; by its content the file is csv"),
        (b"%PDF-1.7", "a PDF document"),
        (b"", "the file is empty"),
        (b"PK\x03\x04 and nothing more", "the zip file is broken"),
        (
            picture(),
            'a PNG picture: pictures are trained on by "cnn", as a zip file with a folder for each class',
        ),
        (picture(format="JPEG"), "a JPEG picture"),
    ],
)
def test_another_file_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(MalformedInput, match=says):
        read_pictures(str(path))


def test_an_office_document_and_another_format_than_declared_are_refused(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a", {"[Content_Types].xml": b"<x/>", "xl/media/1.png": picture()})
    with pytest.raises(MalformedInput, match="an Office document"):
        read_pictures(path)
    with pytest.raises(InvalidInput, match=r"\$.data.format: the file is no npz: by its content it is zip"):
        read_pictures(zip_file(tmp_path / "b", folders({"a": 1, "b": 1})), format="npz")
