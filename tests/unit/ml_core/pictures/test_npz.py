"""NPZ files of pictures: the names, shapes and types that people save, and hostile ones."""

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ml_core.errors import InvalidInput, MalformedInput, ServerlessMLError, TooLarge
from ml_core.picture_files import labelled_arrays, npz
from ml_core.picture_files.reading import read_pictures
from ml_core.tables.memory import Budget
from tests.unit.ml_core.pictures.archives import npz_file, zip_file

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
NUMBERS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("pictures", "labels"),
    [
        ("x", "y"),
        ("X", "Y"),
        ("images", "labels"),
        ("data", "target"),
        ("arr_0", "arr_1"),
        ("image", "label"),
    ],
)
def test_pictures_and_labels_are_found_by_name(tmp_path: Path, pictures: str, labels: str) -> None:
    read = read_pictures(npz_file(tmp_path / "a", **{pictures: BYTES, labels: NUMBERS}))
    assert read.samples.array.dtype == np.uint8
    assert np.array_equal(read.samples.array, BYTES[..., None])
    assert list(read.targets) == NUMBERS.tolist()
    assert (read.held_out, read.warnings, read.format, read.resized) == (None, (), "npz", False)


@pytest.mark.parametrize(
    "names",
    ["x_{}/y_{}", "{}_images/{}_labels", "X_{}/y_{}", "images-{}/labels-{}"],
)
@pytest.mark.parametrize("test", ["test", "val"])
def test_a_given_split_is_used(tmp_path: Path, names: str, test: str) -> None:
    """As Keras' mnist.npz and MedMNIST, whose labels are a column, have it."""
    pictures, labels = names.split("/")
    arrays = {
        pictures.format("train"): BYTES[:4],
        labels.format("train"): NUMBERS[:4, None],
        pictures.format(test): BYTES[4:],
        labels.format(test): NUMBERS[4:, None],
    }
    read = read_pictures(npz_file(tmp_path / "a", **arrays))
    assert read.held_out is not None
    assert read.held_out.tolist() == [False] * 4 + [True] * 2
    assert np.array_equal(read.samples.array[..., 0], BYTES)
    assert list(read.targets) == NUMBERS.tolist()


def test_arrays_for_validation_are_trained_on_where_others_test(tmp_path: Path) -> None:
    arrays = {
        f"{part}_{kind}": array[place : place + 2]
        for place, part in ((0, "train"), (2, "val"), (4, "test"))
        for kind, array in (("images", BYTES), ("labels", NUMBERS))
    }
    read = read_pictures(npz_file(tmp_path / "a", **arrays, extra=np.zeros(3)))
    assert read.held_out is not None
    assert read.held_out.tolist() == [False, False, True, True, False, False]
    assert list(read.targets) == [0, 1, 1, 2, 2, 0]
    assert read.warnings == (
        "arrays are left out: 'extra' (3, float64)",
        "the arrays for validation are trained on; those for the test are held out",
    )


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (BYTES.astype(np.int64), np.uint8),
        (BYTES.astype(">u2"), np.uint8),
        (BYTES > 100, np.uint8),
        (BYTES.astype(np.int16) - 200, np.float32),
        (BYTES.astype(np.uint16) * 200, np.float32),
        (BYTES / 255, np.float32),
        (BYTES.astype(np.float16), np.float32),
        (np.asfortranarray(BYTES / 3), np.float32),
    ],
)
def test_numbers_keep_their_values(tmp_path: Path, array: Any, dtype: Any) -> None:
    read = read_pictures(npz_file(tmp_path / "a", x=array, y=NUMBERS)).samples.array
    assert read.dtype == dtype
    assert np.array_equal(read[..., 0], array.astype(dtype))


def test_digits_are_read_as_scikit_learn_has_them(tmp_path: Path) -> None:
    digits = load_digits()
    read = read_pictures(npz_file(tmp_path / "a", images=digits.images, target=digits.target))
    assert read.samples.array.shape == (1797, 8, 8, 1)
    assert np.array_equal(read.samples.array[..., 0], digits.images)
    rows = read_pictures(npz_file(tmp_path / "b", data=digits.data, target=digits.target), shape=(8, 8, 1))
    assert np.array_equal(rows.samples.array, read.samples.array)
    with pytest.raises(InvalidInput, match=r"\$.data.image: .*pixels in one row"):
        read_pictures(npz_file(tmp_path / "b", data=digits.data, target=digits.target))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["b", "ä", "b", "ä", "b", "b"]), ("b", "ä")),
        (np.array([b"x", b"y"] * 3), ("x", "y")),
        (np.array([True, False] * 3), (False, True)),
        (np.array([2.0, -1.0] * 3), (-1, 2)),
        (np.array([[3], [4]] * 3, np.uint8), (3, 4)),
        (np.array([3, 4] * 3, np.uint64), (3, 4)),
    ],
)
def test_labels_are_words_truth_values_and_whole_numbers(
    tmp_path: Path, labels: Any, classes: tuple[object, ...]
) -> None:
    read = read_pictures(npz_file(tmp_path / "a", x=BYTES, y=labels)).targets
    assert read.classes == classes
    assert list(map(type, read.classes)) == list(map(type, classes))
    told = [each.decode() if isinstance(each, bytes) else each for each in labels.reshape(-1).tolist()]
    assert list(read) == told


def test_channels_that_come_first_are_told_and_overruled(tmp_path: Path) -> None:
    array = RNG.integers(0, 256, (6, 3, 8, 7), dtype=np.uint8)
    path = npz_file(tmp_path / "a", x=array, y=NUMBERS)
    read = read_pictures(path)
    assert np.array_equal(read.samples.array, array.transpose(0, 2, 3, 1))
    assert "are taken to come first: pictures of 8×7×3" in read.warnings[0]
    said = read_pictures(path, shape=(8, 7, 3))
    assert np.array_equal(said.samples.array, read.samples.array)
    assert said.warnings == ()
    with pytest.raises(InvalidInput, match=r"expected \[3, 8, 7\].*got \[9, 9, 1\]; arrays are not resized"):
        read_pictures(path, shape=(9, 9, 1))
    last = npz_file(tmp_path / "b", x=array.transpose(0, 2, 3, 1), y=NUMBERS)
    assert read_pictures(last).samples.array.shape == (6, 8, 7, 3)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"x": BYTES}, r"expected arrays x \(or images\) and y"),
    "no training": ({"x_test": BYTES, "y_test": NUMBERS}, "expected arrays x"),
    "other names": ({"a": BYTES, "b": NUMBERS}, r"the file has 'a' \(6×4×5, uint8\), 'b' \(6, int64\)"),
    "too few labels": ({"x": BYTES, "y": NUMBERS[:3]}, "expected a label for each picture"),
    "one-hot": ({"x": BYTES, "y": np.eye(6)}, "argmax"),
    "objects": ({"x": BYTES, "y": np.array([1, "a", None] * 2, object)}, "Python's objects"),
    "object pictures": ({"x": np.array([1, None] * 3, object), "y": NUMBERS}, "Python's objects"),
    "words as pictures": ({"x": np.array(["a"] * 6), "y": NUMBERS}, "expected numbers"),
    "records": ({"x": np.zeros(6, [("a", "u1")]), "y": NUMBERS}, "expected numbers"),
    "dates": ({"x": BYTES, "y": np.zeros(6, "M8[s]")}, "expected labels"),
    "fractions": ({"x": BYTES, "y": NUMBERS / 7}, "words, truth values or whole numbers"),
    "a missing label": ({"x": BYTES, "y": np.array([1, np.nan] * 3)}, "sample 1 has no label"),
    "an empty word": ({"x": BYTES, "y": np.array(["a", ""] * 3)}, "empty, or no text"),
    "no text": ({"x": BYTES, "y": np.array([b"\xff", b"a"] * 3)}, "empty, or no text"),
    "too large a label": ({"x": BYTES, "y": np.array([2**60, 1] * 3)}, "past 2"),
    "one class": ({"x": BYTES, "y": np.zeros(6, int)}, "all of one class, 0"),
    "a gap": ({"x": np.where(BYTES > 200, np.nan, BYTES), "y": NUMBERS}, r"picture \d of"),
    "past float32": ({"x": BYTES * 1e300, "y": NUMBERS}, "picture 0 of"),
    "no pictures": ({"x": BYTES[:0], "y": NUMBERS[:0]}, "no pictures in"),
    "no pixels": ({"x": BYTES[:, :0], "y": NUMBERS}, "pictures without pixels"),
    "five axes": ({"x": np.zeros((6, 1, 2, 3, 4)), "y": NUMBERS}, "expected pictures × height × width"),
    "two shapes": (
        {"x_train": BYTES, "y_train": NUMBERS, "x_test": BYTES[:, 1:], "y_test": NUMBERS},
        "pictures of one shape in all arrays",
    ),
    "two kinds of labels": (
        {"x_train": BYTES, "y_train": NUMBERS, "x_test": BYTES, "y_test": np.array(["a"] * 6)},
        "labels of one type",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "says"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        read_pictures(npz_file(tmp_path / "a", **arrays))
    assert all(fault.path.startswith("$.data") for fault in refused.value.faults)


def array_file(array: Any, shape: tuple[int, ...] | None = None) -> bytes:
    """An NPY file, whose header may tell another shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    )
    return file.getvalue() + bytes(array.tobytes())


@pytest.mark.parametrize(
    "shape", [(10**6, 10**3, 10**3), (6, 4, 6), (2**62, 4, 5), (-6, 4, 5), (6, 2**40, 2**40)]
)
def test_a_header_that_tells_another_size_takes_no_memory(tmp_path: Path, shape: tuple[int, ...]) -> None:
    entries = {"x.npy": array_file(BYTES, shape), "y.npy": array_file(NUMBERS)}
    with pytest.raises((InvalidInput, MalformedInput), match=r"as many bytes|label for each|is broken"):
        read_pictures(zip_file(tmp_path / "a", entries))
    labels = array_file(NUMBERS, shape[:1])
    with pytest.raises((InvalidInput, MalformedInput)):
        read_pictures(zip_file(tmp_path / "b", {"x.npy": array_file(BYTES, shape), "y.npy": labels}))


def test_an_array_past_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = npz_file(tmp_path / "a", x=np.zeros((50, 64, 64, 3)), y=np.arange(50) % 2)
    for module in (npz, labelled_arrays):
        monkeypatch.setattr(module, "read_array", lambda *_: pytest.fail("it was read"))
    with pytest.raises(TooLarge, match="50 pictures of 64×64×3"):
        read_pictures(path, budget=Budget((300 << 20) + 1000))


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x05\x00{" + b"(" * 5, b"\x80\x04K\x01."]
)
def test_a_broken_header_is_malformed_input(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(MalformedInput, match="its header is broken"):
        read_pictures(zip_file(tmp_path / "a", {"x.npy": content, "y.npy": array_file(NUMBERS)}))


def test_hostile_files_raise_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    files = {"x.npy": array_file(BYTES), "y.npy": array_file(NUMBERS)}
    path = tmp_path / "a"
    for _ in range(600):
        hostile = {name: bytearray(data) for name, data in files.items()}
        for data in hostile.values():
            for _ in range(chance.randint(0, 2)):
                place = chance.randrange(90) if chance.random() < 0.8 else chance.randrange(len(data))
                data[place] = chance.choice((chance.randrange(256), ord("9"), ord("O"), ord("-")))
        zip_file(path, {name: bytes(data) for name, data in hostile.items()}, zipfile.ZIP_STORED)
        try:
            read_pictures(str(path))
        except ServerlessMLError:
            continue
