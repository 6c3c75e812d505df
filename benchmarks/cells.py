"""Every model and number of rows, from event to answer, beside what else answers in a function.

The product and FastAPI with Mangum and joblib as they are deployed; orjson with numpy or onnxruntime in one
file, as nobody deploys them: without a registry, checks, messages or limits. CPU time, in turn, in processes
of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from benchmarks import preparation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.recording import Recording
    from ml_core.model.model import Model

PRODUCT, FASTAPI, NUMPY, ONNX = (
    "serverless-ml",
    "FastAPI + Mangum + joblib",
    "numpy + orjson",
    "onnxruntime + orjson",
)
SERVED_ONNX, SERVED_TORCH = "FastAPI + Mangum + onnxruntime", "FastAPI + Mangum + PyTorch"
ROUNDS = 3
ROWS: dict[str, Sequence[int]] = {
    "logistic-regression": (1, 10, 100, 1_000, 10_000),
    "svm-linear": (1, 100, 1_000),
    "svm": (1, 10, 100, 1_000),
    "kmeans": (1, 100, 1_000, 10_000),
    "cnn": (1, 10, 100),
    "rnn": (1, 10, 100),
    "rnn-texts": (1, 10, 100),
}
NETWORKS = ("cnn", "rnn", "rnn-texts")
TABLES = tuple(name for name in ROWS if name not in NETWORKS)


class Comparison(NamedTuple):
    """Models that the same sides serve; the second side is what people deploy."""

    title: str
    models: Sequence[str]
    sides: Sequence[str]
    theirs: Sequence[str]  # the columns that are told as times of ours


COMPARISONS = (
    Comparison("rows of numbers", TABLES, (PRODUCT, FASTAPI, NUMPY, ONNX), (FASTAPI,)),
    Comparison(
        "networks, the same weights everywhere",
        NETWORKS,
        (PRODUCT, SERVED_ONNX, SERVED_TORCH, NUMPY, ONNX),
        (SERVED_ONNX, SERVED_TORCH),
    ),
)
# Sides that have the product's own weights may differ from it where two classes are as good as equal, in
# float32; scikit-learn's fits of the same rows differ in their last digits.
_LEAST_ALIKE = 0.98


def prepare(folder: str) -> None:
    """The models in the folder's registry, as ONNX files, networks as arrays, and an event for each cell."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer, load_digits

    from ml_core import train_model
    from providers.local.runtime.store import FolderStore

    X, y = load_breast_cancer(return_X_y=True)
    pictures, digits = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8).astype(np.uint8)
    random = np.random.default_rng(0)
    waves = random.normal(size=(200, 20, 3)).cumsum(axis=1).round(3)
    kinds, texts = _texts(random)
    models: dict[str, tuple[Model, Any]] = {
        "logistic-regression": (train_model(X, y), X),
        "svm-linear": (train_model(X, y, "svm", kernel="linear"), X),
        "svm": (train_model(X, y, "svm"), X),
        "kmeans": (train_model(X, None, "kmeans"), X),
        "cnn": (train_model(pictures, digits, "cnn", epochs=1), pictures),
        "rnn": (train_model([*waves], (waves[:, -1, 0] > 0).astype(int), "rnn", epochs=1), waves),
        "rnn-texts": (train_model(texts, kinds, "rnn", epochs=3), np.array(texts, object)),
    }
    store = FolderStore(folder)
    preparation.write_keys(folder)
    for number, (name, (model, rows)) in enumerate(models.items()):
        preparation.store_model(store, f"{number:028x}", name, model)
        Path(folder, f"{name}.onnx").write_bytes(model.to_onnx())
        if name in NETWORKS:
            np.savez(f"{folder}/{name}.npz", **_arrays(model))
        many = np.concatenate([rows] * (max(ROWS[name]) // len(rows) + 1)).tolist()
        for count in ROWS[name]:
            preparation.write(_event(folder, name, count), preparation.event(name, many[:count]))


def _texts(random: Any) -> tuple[list[int], list[str]]:
    """Texts of 5 to 60 words of three letters; each kind has words of its own."""
    kinds = random.integers(0, 2, 300).tolist()
    places = (2 * random.geometric(0.02, random.integers(5, 61)) + kind for kind in kinds)
    return kinds, [" ".join(map(_word, each.tolist())) for each in places]


def _word(number: int) -> str:
    return "".join(chr(ord("a") + number // 26**place % 26) for place in range(3))


def _arrays(model: Model) -> dict[str, Any]:
    """A network's weights, its classes, and its vocabulary, if it has one."""
    import numpy as np

    tensors = model.estimator.tensors()
    arrays = {name: np.frombuffer(each.packed, "<f4").reshape(each.shape) for name, each in tensors.items()}
    arrays["classes"] = np.array(model.classes)
    if model.reader and (words := model.reader.description().get("vocabulary")):
        arrays["vocabulary"] = np.array(words)
    return arrays


def compare(
    console: Recording, commands: Mapping[str, Sequence[str]], env: Mapping[str, str], folder: str
) -> None:
    """Print a table of all cells. `commands` answer `time FOLDER EVENT…`, each a side's.

    Raises:
        RuntimeError: a side predicts something else than the product.
    """
    taken: dict[str, dict[str, list[float]]] = {
        f"{name} {count}": {} for name, counts in ROWS.items() for count in counts
    }
    alike: dict[str, float] = {}
    for turn in range(ROUNDS):
        for comparison in COMPARISONS:
            cells = [(name, count) for name in comparison.models for count in ROWS[name]]
            events = [_event(folder, *cell) for cell in cells]
            ours: list[list[Any]] = []
            for side in comparison.sides:
                if side not in commands:
                    continue
                with console.status(f"timing {side}, {turn + 1} of {ROUNDS}"):
                    found = _timed(commands[side], env, folder, events, comparison.models)
                ours = ours or found["predictions"]
                for (name, count), value, told, known in zip(
                    cells, found["medians"], found["predictions"], ours, strict=True
                ):
                    taken[f"{name} {count}"].setdefault(side, []).append(value)
                    if name == "kmeans" and side in (FASTAPI, NUMPY):
                        continue  # scikit-learn's fit has clusters of its own
                    share = _alike(told, known)
                    alike[side] = min(share, alike.get(side, 1.0))
                    if share < _LEAST_ALIKE and count > 1:
                        raise RuntimeError(f"{side} predicts something else for {count} rows of {name}")
    console.figures["microseconds"] = taken
    console.figures["alike"] = alike
    for comparison in COMPARISONS:
        console.print(_table(comparison, taken))
    if SERVED_TORCH not in commands:
        console.print(f"{SERVED_TORCH} is not measured: `make .tools/torch.ready` installs it.")
    shares = ", ".join(f"{side} {share:.1%}" for side, share in alike.items() if side != PRODUCT)
    console.print(f"Labels that are the product's, at least, of the rows of a cell: {shares}.")


def _alike(told: Sequence[Any], known: Sequence[Any]) -> float:
    """The share of labels that are equal."""
    equal = sum(bool(one == other) for one, other in zip(told, known, strict=True))
    return equal / len(known)


def _table(comparison: Comparison, taken: dict[str, dict[str, list[float]]]) -> Table:
    cells = [(name, count) for name in comparison.models for count in ROWS[name]]
    sides = [each for each in comparison.sides if each in taken[f"{cells[0][0]} {cells[0][1]}"]]
    theirs = [each for each in comparison.theirs if each in sides]
    table = Table(
        title=f"Warm request from event to answer, {comparison.title}, CPU µs: the median of three "
        "processes' medians",
        title_justify="left",
    )
    table.add_column("model")
    for column in ("rows", *sides, *(f"{each} ÷ ours" for each in theirs), "spread of ours"):
        table.add_column(column, justify="right")
    for name, count in cells:
        found = taken[f"{name} {count}"]
        ours = median(found[PRODUCT])
        shown = [f"{median(found[side]):,.0f}" for side in sides]
        ratios = [f"{median(found[side]) / ours:.1f} ×" for side in theirs]
        spread = f"{(max(found[PRODUCT]) - min(found[PRODUCT])) / ours:.0%}"
        table.add_row(name, f"{count:,}", *shown, *ratios, spread)
    return table


def _event(folder: str, name: str, count: int) -> str:
    return f"{folder}/cell-{name}-{count}.json"


def _timed(
    command: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    events: Sequence[str],
    models: Sequence[str],
) -> dict[str, list[Any]]:
    """The median of each event, and what is predicted."""
    done = subprocess.run(
        (*command, "time", folder, *events),
        check=True,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        env={**env, "BENCHMARK_MODELS": " ".join(models), "ML_MONITORING_DAYS": "0"},
    )
    found: dict[str, list[Any]] = json.loads(done.stdout)
    return found
