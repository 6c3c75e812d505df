"""The network for pictures: what it reads, how it is changed, and how well it learns."""

import json
import os
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ml_core.algorithms.base import FitContext, TrainingData
from ml_core.inputs.samples import PictureSamples
from ml_core.networks import convolutional, numerics
from ml_core.networks.augmentation import PictureAugmentation
from ml_core.networks.convolutional import PictureInputs
from ml_core.networks.network import forward
from ml_core.networks.training import TrainingOptions, train

DIGITS = {"channels": [16, 32], "kernel_size": 3, "pooling": "max", "dense": [64], "dropout": 0.25}
RANDOM_BYTES = np.random.default_rng(0).integers(0, 200, (50, 5, 4, 2), dtype=np.uint8)


def test_digits_are_told_apart() -> None:
    """At least 97 of 100 digits that were not trained on."""
    X, y = load_digits(return_X_y=True)
    pictures = X.reshape(-1, 8, 8, 1).astype(np.uint8)
    rest, held_out = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=0)
    samples = PictureSamples(pictures[rest])
    mean_and_scale = convolutional.scaling(samples, "standardise")
    layers = convolutional.build((8, 8, 1), 10, DIGITS, 0)
    history = []
    train(
        layers,
        PictureInputs(samples, *mean_and_scale),
        TrainingData(samples, y[rest], 0),
        TrainingOptions(epochs=30, batch_size=32, patience=8),
        FitContext(lambda done, of, metrics: history.append(metrics)),  # noqa: ARG005 - the shape
        augment=PictureAugmentation(shift=1),
    )
    inputs = PictureInputs(PictureSamples(pictures[held_out]), *mean_and_scale)
    scores = forward(layers, inputs.batch(np.arange(len(held_out))))
    assert (scores.argmax(axis=1) == y[held_out]).mean() >= 0.97
    assert history[-1]["loss"] < history[0]["loss"] / 4


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pictures_are_standardised_channel_by_channel_a_batch_at_a_time(dtype: Any) -> None:
    pictures = RANDOM_BYTES.astype(dtype)
    pictures[..., 1] //= 3
    samples = PictureSamples(pictures)
    mean, scale = convolutional.scaling(samples, "standardise")
    np.testing.assert_allclose(mean, pictures.mean(axis=(0, 1, 2), dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(scale, pictures.std(axis=(0, 1, 2), dtype=np.float64), rtol=1e-6)
    inputs = PictureInputs(samples, mean, scale)
    assert len(inputs) == 50
    batch = inputs.batch(np.array([7, 3, 7]))
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch, (pictures[[7, 3, 7]] - mean) / scale, rtol=1e-5, atol=1e-6)
    assert samples.array.dtype == dtype
    assert inputs.batch(np.arange(50)).std() == pytest.approx(1, abs=1e-5)


def test_moments_of_many_pixels_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolutional, "_BLOCK", 7)
    mean, scale = convolutional.scaling(PictureSamples(RANDOM_BYTES), "standardise")
    np.testing.assert_allclose(mean, RANDOM_BYTES.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(scale, RANDOM_BYTES.std(axis=(0, 1, 2)), rtol=1e-6)


def test_other_scales() -> None:
    def pair(array: NDArray[Any], kind: str) -> tuple[list[float], list[float]]:
        mean, scale = convolutional.scaling(PictureSamples(array), kind)
        return mean.tolist(), scale.tolist()

    dark, floats = RANDOM_BYTES // 3, np.linspace(-3, 5, 24, dtype=np.float32).reshape(2, 2, 3, 2)
    assert pair(dark, "none") == pair(floats, "none") == ([0, 0], [1, 1])
    assert pair(dark, "0-1") == ([0, 0], [255, 255])
    assert pair(floats, "0-1") == ([-3, -3], [8, 8])
    flat = np.full((4, 2, 2, 1), 7, np.uint8)
    assert pair(flat, "standardise") == ([7], [1])
    assert pair(flat.astype(np.float32), "0-1") == ([7], [1])
    ends = np.array([-3e38, 3e38], np.float32).reshape(2, 1, 1, 1)
    assert np.isfinite(pair(ends, "0-1")).all()
    assert pair(flat * np.float32(1e-45), "standardise")[1] == [1]


def test_pictures_are_moved_at_most_so_far_and_edges_are_repeated() -> None:
    pictures = np.arange(2 * 200 * 5 * 4, dtype=np.float32).reshape(200, 5, 4, 2)
    moved = PictureAugmentation(shift=2)(pictures.copy(), np.random.default_rng(1))
    assert moved.shape == pictures.shape
    seen = set()
    for picture, result in zip(pictures, moved, strict=True):
        wider = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="edge")
        cuts = {(d, r): wider[d : d + 5, r : r + 4] for d in range(5) for r in range(5)}
        seen.add(next(corner for corner, cut in cuts.items() if (cut == result).all()))
    assert len(seen) == 25


def test_half_of_the_pictures_are_mirrored() -> None:
    pictures = np.random.default_rng(0).random((400, 3, 4, 1)).astype(np.float32)
    flipped = PictureAugmentation(flip=True)(pictures.copy(), np.random.default_rng(1))
    mirrored = (flipped == pictures[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == pictures).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 150 < mirrored.sum() < 250
    assert PictureAugmentation()(pictures, np.random.default_rng(1)) is pictures


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize(
    ("shape", "channels", "least"),
    [((64, 64, 3), [256, 8], 5), ((100, 90, 1), [200], 6), ((8, 8, 1), [4], 5_000)],
)
def test_a_large_batch_of_large_pictures_takes_no_more_memory(
    pooling: str, shape: tuple[int, int, int], channels: list[int], least: int
) -> None:
    """Half as much again as is meant, with what layers make and throw away; and no more parts than needed."""
    chosen = {**DIGITS, "channels": channels, "dense": [], "pooling": pooling}
    most = convolutional.most_at_once(shape, chosen)
    assert most >= least
    samples = PictureSamples(np.zeros((2 * min(most, 20), *shape), np.uint8))
    y = np.arange(len(samples.array)) % 2
    inputs = PictureInputs(samples, *convolutional.scaling(samples, "none"))
    options = TrainingOptions(epochs=1, batch_size=1024, validation_fraction=0)
    layers = convolutional.build(shape, 2, chosen, 0)
    tracemalloc.start()
    train(layers, inputs, TrainingData(samples, y, 0), options, FitContext(), most_at_once=most)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * (128 << 20)


_PROGRAM = """
import json, os
from ml_core.networks.numerics import environment, numerics
os.environ.update(environment())
found = numerics()
import numpy as np
x = np.sin(np.arange(250_000)).reshape(500, 500)
products = [(x @ x.T).sum(), (x @ x).sum(), x[0] @ x[1]]
print(json.dumps([found, environment(), [*products, np.exp(x).sum()]]))
"""


def _said(**env: str) -> Any:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS", "NPY_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env={**inherited, **env}, check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_a_process_computes_with_what_it_is_told_to() -> None:
    found, environment, numbers = _said()
    assert found["threads"] == 1
    assert found["numpy"] == np.__version__
    assert found["cpu_features"]
    if "OPENBLAS_CORETYPE" in environment and found["blas"].startswith("openblas"):
        assert found["kernel"] == environment["OPENBLAS_CORETYPE"]
    disabled = environment.get("NPY_DISABLE_CPU_FEATURES", "").split()
    assert not set(disabled) & set(found["cpu_features"])
    # What the process inherited goes behind it.
    if "OPENBLAS_CORETYPE" in environment:
        assert _said(OPENBLAS_CORETYPE="Prescott", OPENBLAS_NUM_THREADS="2") == [found, environment, numbers]


def test_a_processor_that_is_too_old_for_the_kernel_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numerics, "_told_of_processor", lambda: {"GenuineIntel", "sse4_2", "avx"})
    assert numerics.environment() == {"OPENBLAS_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    ("vendor", "features", "pinned"),
    [
        ("GenuineIntel", {"avx2", "fma"}, True),
        ("GenuineIntel", {"avx2", "fma", "avx512f"}, True),
        ("AuthenticAMD", {"avx2", "fma"}, True),
        ("AuthenticAMD", {"avx2", "fma", "avx512f"}, False),
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="other processors keep their own kernel")
def test_the_kernel_is_left_alone_where_it_would_crash(
    monkeypatch: pytest.MonkeyPatch, vendor: str, features: set[str], *, pinned: bool
) -> None:
    """By OpenBLAS 0.3.34, on AMD's processors with AVX-512; what else is set stays."""
    monkeypatch.setattr(numerics, "_told_of_processor", lambda: {vendor, *features})
    found = numerics.environment()
    assert ("OPENBLAS_CORETYPE" in found) is pinned
    assert {"OPENBLAS_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES"} <= found.keys()


def test_numpy_knows_every_name_that_is_disabled() -> None:
    """A name that numpy does not know would disable nothing."""
    from importlib import import_module

    machine = os.uname().machine
    names = numerics.ENVIRONMENT.get(machine, {}).get("NPY_DISABLE_CPU_FEATURES", "").split()
    dispatched = import_module("numpy._core._multiarray_umath").__cpu_dispatch__
    assert set(names) <= set(dispatched)
    if machine == "x86_64":
        assert set(dispatched) - set(names) == {"X86_V3"}
