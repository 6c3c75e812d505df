"""Pictures of one subject, in a folder within their class's, stay on one side of every split."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.training.fitting import _split, class_numbers, fit
from ml_core.training.request import TrainingRequest
from tests.unit.ml_core.files_of_instances import faults, instances, read
from tests.unit.ml_core.pictures.archives import folders, npz_file, zip_file

BY_FOLDER = {"by": "group", "column": "folder"}
SUBJECTS = {f"{'ill' if subject % 2 else 'well'}/p{subject}": 3 for subject in range(10)}


def zipped(path: Path, names: dict[str, int]) -> bytes:
    return Path(zip_file(path / "zip", folders(names))).read_bytes()


def read_zip(path: Path, names: dict[str, int], split: Any = BY_FOLDER, **body: Any) -> TrainingRequest:
    return read(path, zipped(path, names), "cnn", {}, split=split, **body)


def ranks(request: TrainingRequest) -> list[int]:
    packed = instances(request).ranks
    assert packed is not None
    return np.frombuffer(packed, "<i8").tolist()


@pytest.mark.parametrize("seed", range(5))
def test_no_subject_is_on_both_sides(tmp_path: Path, seed: int) -> None:
    request = read_zip(tmp_path, SUBJECTS, test_fraction=0.4, seed=seed)
    parts, _ = _split(request, *class_numbers(request.targets))
    sides = []
    for part in parts.values():
        assert part.groups is not None
        sides.append(set(part.groups.tolist()))
        assert len(part.samples) == 3 * len(sides[-1])
    assert [*map(len, sides)] == [6, 4]
    assert not sides[0] & sides[1]


def test_folders_are_groups_by_name_and_a_picture_alone_is_one(tmp_path: Path) -> None:
    """The subject is the folder next to the class's, whatever stands above and below."""
    names = {"data/a/x": 1, "data/a/y/left": 1, "data/a/y/right": 1, "data/b/x": 2, "data/b": 2}
    request = read_zip(tmp_path, names)
    x, y = 0, 1
    # In the order of their paths.
    assert ranks(request) == [x, y, y, 2, 3, x, x]
    told = "pictures that stand in a class's own folder are each a group of their own: 2"
    assert request.warnings == (told,)


def test_a_training_on_all_keeps_the_groups_for_validation(tmp_path: Path) -> None:
    request = read_zip(tmp_path, SUBJECTS, test_fraction=0)
    parts, told = _split(request, *class_numbers(request.targets))
    groups = parts["training"].groups
    assert groups is not None
    assert np.bincount(groups).tolist() == [3] * 10
    assert told == []


def test_a_given_split_goes_before(tmp_path: Path) -> None:
    names = {"train/a/x": 2, "train/b/y": 2, "test/a/z": 1, "test/b/w": 1}
    request = read_zip(tmp_path, names, test_fraction=0.5)
    parts, told = _split(request, *class_numbers(request.targets))
    assert (len(parts["training"].samples), len(parts["test"].samples), told) == (4, 2, [])


def test_a_network_is_trained_on_them(tmp_path: Path) -> None:
    chosen = {"channels": [2], "dense": [], "epochs": 1, "validation_fraction": 0.3}
    request = read_zip(tmp_path, SUBJECTS, test_fraction=0.4, hyperparameters=chosen)
    told = fit(request, lambda *_: None).manifest
    assert (told["rows"], told["test_rows"], told["split"]) == (18, 12, BY_FOLDER)
    assert json.dumps(told)


@pytest.mark.parametrize(
    ("split", "path", "message"),
    [
        (BY_FOLDER, "$.split.column", "put the pictures of each subject into one, such as cats/tom/1.png"),
        ({"by": "group", "column": "patient"}, "$.split", '{"by": "group", "column": "folder"}'),
        ({"by": "time", "column": "folder"}, "$.split", '{"by": "group", "column": "folder"}'),
    ],
)
def test_what_cannot_hold_pictures_out_is_refused_with_what_can(
    tmp_path: Path, split: Any, path: str, message: str
) -> None:
    ((found, told),) = faults(lambda: read_zip(tmp_path, {"a": 4, "b": 4}, split))
    assert found == path
    assert message in told


def test_arrays_have_no_folders(tmp_path: Path) -> None:
    file = npz_file(tmp_path / "npz", x=np.zeros((4, 8, 8), np.uint8), y=np.array([0, 1, 0, 1]))
    content = Path(file).read_bytes()
    ((path, message),) = faults(lambda: read(tmp_path, content, "cnn", {}, split=BY_FOLDER))
    assert (path, "no columns to hold instances out by" in message) == ("$.split", True)
    waves = io.BytesIO()
    np.savez(waves, x=np.zeros((4, 3)), y=np.array([0, 1, 0, 1]))
    ((path, _),) = faults(lambda: read(tmp_path, waves.getvalue(), "rnn", {}, split=BY_FOLDER))
    assert path == "$.split"
