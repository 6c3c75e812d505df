"""Sequences in an NPZ, and pictures in a zip, as a request names them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ml_core.errors import MalformedInput, TooLarge
from ml_core.tables.memory import BYTES_AT_LEAST, Budget
from tests.unit.ml_core.files_of_instances import faults, instances, labels, pictures, read, sequences
from tests.unit.ml_core.pictures.archives import folders, npz_file, zip_file

X = np.arange(24, dtype=np.float64).reshape(4, 3, 2)
Y = np.array(["up", "down", "up", "down"])


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("sequences", "labels"), ("series", "target")])
def test_arrays_of_sequences_and_labels(tmp_path: Path, names: tuple[str, str]) -> None:
    request = read(tmp_path, npz(**dict(zip(names, (X, Y), strict=True))), "rnn", {})
    assert sequences(request) == X.tolist()
    assert labels(request) == Y.tolist()
    assert (request.features, request.warnings) == (("x0", "x1"), ())
    assert instances(request).test is None


def test_a_step_may_be_one_number(tmp_path: Path) -> None:
    request = read(tmp_path, npz(x=X[:, :, 0].astype(np.int16), y=[1, 0, 1, 0]), "rnn", {"format": "npz"})
    assert sequences(request) == X[:, :, :1].tolist()
    assert (request.features, labels(request)) == (("x0",), [1, 0, 1, 0])


def test_lengths_say_which_steps_count(tmp_path: Path) -> None:
    padded = X.copy()
    padded[1, 1:] = np.nan
    request = read(tmp_path, npz(x=padded, y=Y, lengths=[3, 1, 2, 3], other=np.zeros(3)), "rnn", {})
    assert sequences(request) == [X[0].tolist(), X[1, :1].tolist(), X[2, :2].tolist(), X[3].tolist()]
    (told,) = request.warnings
    assert told.startswith("arrays are left out: 'other'")


def test_a_given_test_is_held_out(tmp_path: Path) -> None:
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:2, :2], "y_test": Y[:2], "lengths_test": [1, 2]}
    request = read(tmp_path, npz(**arrays), "rnn", {}, test_fraction=0.2)
    assert bytes(instances(request).test or b"") == bytes([0, 0, 0, 0, 1, 1])
    assert sequences(request)[4:] == [X[0, :1].tolist(), X[1, :2].tolist()]
    assert instances(read(tmp_path, npz(**arrays), "rnn", {})).test is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "expected arrays x (or sequences) and y (or labels)"),
        ({"x": X, "y": Y[:3]}, "expected a label for each sequence"),
        ({"x": X.reshape(4, 3, 2, 1), "y": Y}, "expected sequences × steps, or × numbers of a step too"),
        ({"x": X[:, :0], "y": Y}, "expected sequences × steps, or × numbers of a step too"),
        ({"x": X.astype(str), "y": Y}, "expected numbers in"),
        (
            {"x": X, "y": Y, "lengths": [3, 3, 0, 3]},
            "expected lengths from 1 to 3 in 'lengths' (4, int64), got 0",
        ),
        ({"x": X, "y": Y, "lengths": [3, 3, 4, 3]}, "got 4 for sequence 2"),
        ({"x": X, "y": Y, "lengths": [3, 3]}, "expected a length for each sequence"),
        ({"x": X, "y": Y, "lengths": [3.0] * 4}, "expected whole numbers in"),
        ({"x": np.where(X == 10, np.nan, X), "y": Y}, "sequence 1 of 'x'"),
        (
            {"x": np.where(X == 10, 1e39, X), "y": Y},
            "past float32; of sequences of unequal length, an array of",
        ),
        ({"x": X, "y": np.array([0, 1, np.nan, 1])}, "sample 2 has no label: 'y' (4, float64) holds NaN"),
        ({"x": X, "y": np.array([0.5] * 4)}, "expected labels that are words, truth values or whole numbers"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :, :1], "y_test": Y},
            "equally many numbers in all arrays",
        ),
    ],
)
def test_a_fault_of_arrays_is_told(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    ((path, told),) = faults(lambda: read(tmp_path, npz(**arrays), "rnn", {}))
    assert path == "$.data"
    assert message in told


def test_arrays_of_objects_and_other_zips_are_refused(tmp_path: Path) -> None:
    objects = npz(x=np.array([[1.0], None], object), y=[0, 1])
    assert "which could run code" in faults(lambda: read(tmp_path, objects, "rnn", {}))[0][1]
    zipped = Path(zip_file(tmp_path / "z", folders({"a": 2, "b": 2}))).read_bytes()
    with pytest.raises(MalformedInput, match="expected an NPZ file of arrays"):
        read(tmp_path, zipped, "rnn", {})


def test_arrays_that_will_not_fit_are_refused_by_their_headers(tmp_path: Path) -> None:
    content = npz(x=np.zeros((1_000, 200, 2)), y=[0, 1] * 500)
    with pytest.raises(TooLarge, match="of memory"):
        read(tmp_path, content, "rnn", {}, Budget(BYTES_AT_LEAST + 1_000_000))
    read(tmp_path, content, "rnn", {}, Budget(BYTES_AT_LEAST + 20_000_000))


def test_pictures_of_a_zip_and_of_an_npz(tmp_path: Path) -> None:
    path = Path(zip_file(tmp_path / "z", folders({"a": 3, "b": 2})))
    small = {"channels": [2], "kernel_size": 1, "validation_fraction": 0}
    request = read(tmp_path, path.read_bytes(), "cnn", {}, hyperparameters=small)
    assert (len(pictures(request)), labels(request)) == (5, ["a"] * 3 + ["b"] * 2)
    assert pictures(request).dtype == np.uint8
    assert (request.features, instances(request).where) == (("image",), "$.data")
    wider = {"image": [7, 9, 3]}
    request = read(tmp_path, path.read_bytes(), "cnn", wider, hyperparameters=small)
    assert pictures(request).shape == (5, 7, 9, 3)
    grey = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
    arrays = {"x_train": grey, "y_train": [0, 1, 0, 1], "x_test": grey, "y_test": [0, 1, 0, 1]}
    content = Path(
        npz_file(tmp_path / "n", **{name: np.asarray(each) for name, each in arrays.items()})
    ).read_bytes()
    request = read(tmp_path, content, "cnn", {"format": "npz"}, hyperparameters=small, test_fraction=0.2)
    assert_array_equal(pictures(request)[4:, :, :, 0], grey)
    assert bytes(instances(request).test or b"") == bytes([0] * 4 + [1] * 4)
    told = faults(lambda: read(tmp_path, content, "cnn", {"format": "zip"}, hyperparameters=small))
    assert told[0][0] == "$.data.format"
