"""What single precision erases is told, wherever numbers to train on come from; ordinary rounding is not."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.inputs.rounding import erased, erased_in_array
from ml_core.inputs.rows import Limits
from ml_core.training.instances import TrainingInstances
from ml_core.training.request import check_request
from tests.unit.ml_core.files_of_instances import FORMATS, Columns, read

EPOCH = 1_700_000_000
# Four sequences of three steps.
STEPS = [[EPOCH + step + 3 * person for step in range(3)] for person in range(4)]
Y = ["a", "b", "a", "b"]
LISTS = {"target": "y", "features": ["t", "x"]}
LONG = {"target": "y", "sequence": {"id": "id", "order": "step", "channels": ["t", "x"]}}


def told_of(warnings: Any) -> list[str]:
    return [told for told in warnings if "single precision" in told]


def inline(algorithm: str, **body: Any) -> tuple[str, ...]:
    request = check_request(
        {"algorithm": algorithm, "test_fraction": 0, **body}, Limits(10**6), lambda _: None
    )
    assert isinstance(request.data, TrainingInstances)
    return request.data.warnings


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_the_numbers_and_their_channel_are_named() -> None:
    (told,) = erased([EPOCH + 1.0, EPOCH, EPOCH + 2], "the numbers of channel 't'")
    assert told == (
        "single precision, in which networks compute, erases what tells the numbers of channel 't' apart: "
        "1700000001.0 and 1700000000 are both 1700000000.0, and so 2 of 2 differences from one to the next "
        "are lost; subtract a constant first, here and of what you ask the model with"
    )


@pytest.mark.parametrize("form", FORMATS)
def test_a_channel_of_a_long_table_is_named(tmp_path: Path, form: str) -> None:
    columns: Columns = {
        "id": [place // 3 for place in range(12)],
        "step": [place % 3 for place in range(12)],
        "t": [number for steps in STEPS for number in steps],
        "x": [place / 7 for place in range(12)],
        "y": [Y[place // 3] for place in range(12)],
    }
    (told,) = told_of(read(tmp_path, FORMATS[form](columns), "rnn", LONG).warnings)
    assert "channel 't'" in told
    columns["t"] = [number - EPOCH for number in columns["t"]]
    assert not told_of(read(tmp_path, FORMATS[form](columns), "rnn", LONG).warnings)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_channel_of_lists_is_named(tmp_path: Path, form: str) -> None:
    columns: Columns = {"t": STEPS, "x": [[0.1, 0.2, 0.3]] * 4, "y": Y}
    (told,) = told_of(read(tmp_path, FORMATS[form](columns), "rnn", LISTS).warnings)
    assert "channel 't'" in told


@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_a_channel_of_an_array_is_named(tmp_path: Path, kind: Any) -> None:
    small = np.arange(12).reshape(4, 3)
    x = np.stack([small, np.array(STEPS)], axis=2).astype(kind)
    (told,) = told_of(read(tmp_path, npz(x=x, y=np.array(Y)), "rnn", {"format": "npz"}).warnings)
    assert "channel 'x1'" in told


@pytest.mark.parametrize(
    "instances",
    [
        [[[0, number] for number in steps] for steps in STEPS],
        [[{"x": 0, "t": number} for number in steps] for steps in STEPS],
    ],
)
def test_a_channel_of_a_request_is_named(instances: Any) -> None:
    (told,) = told_of(inline("rnn", instances=instances, targets=Y))
    assert "channel 't'" in told or "channel 'x1'" in told
    (told,) = told_of(inline("rnn", instances=STEPS, targets=Y))
    assert "channel 'x0'" in told


def test_pixels_are_named(tmp_path: Path) -> None:
    pictures = [[[EPOCH + place, EPOCH + 2 * place], [EPOCH, EPOCH]] for place in range(4)]
    small: Any = {
        "hyperparameters": {"channels": [2], "kernel_size": 1, "dense": [], "validation_fraction": 0}
    }
    flat = [[number for row in picture for number in row] for picture in pictures]
    columns: Columns = {f"p{place}": [row[place] for row in flat] for place in range(4)}
    content = FORMATS["csv"]({**columns, "y": Y})
    arrays = npz(x=np.array(pictures, np.float64), y=np.array(Y))
    for warnings in (
        inline("cnn", instances=pictures, targets=Y, **small),
        read(tmp_path, content, "cnn", {"target": "y", "image": [2, 2, 1]}, **small).warnings,
        read(tmp_path, arrays, "cnn", {"format": "npz"}, **small).warnings,
    ):
        (told,) = told_of(warnings)
        assert "tells pixels apart" in told


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).random(1_000_000),
        np.random.default_rng(0).normal(20, 0.1, 300_000),
        np.full(10, 1e9 + 1),
        np.arange(10.0) * 1e30,
        np.array([0.1, 1e20, 0.3]),
        (2**23 + np.arange(100)) * 64,
        20 + np.sin(np.arange(100_000) / 1000),
        np.array([True, False]),
        np.array([], np.float64),
        np.array([1.0, np.inf, np.nan]),
    ],
)
def test_rounding_as_it_always_is_is_not_told(values: Any) -> None:
    assert erased_in_array(values, "x") == []
    assert erased(values.tolist(), "x") == []


@pytest.mark.parametrize(
    "values",
    [
        EPOCH + np.arange(25_920),
        1e6 + np.arange(100) / 100,
        np.repeat([EPOCH, EPOCH + 1], 5),
        [1e-60, 2e-60],
    ],
)
def test_both_ways_tell_the_same(values: Any) -> None:
    """Also of hours, which float32 tells from one another: their seconds are lost."""
    array = np.asarray(values)
    assert erased_in_array(array, "x") == erased(array.tolist(), "x") != []
