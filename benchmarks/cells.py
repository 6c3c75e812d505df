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
from typing import TYPE_CHECKING, Any

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
SIDES = (PRODUCT, FASTAPI, NUMPY, ONNX)
ROUNDS = 3
ROWS: dict[str, Sequence[int]] = {
    "logistic-regression": (1, 10, 100, 1_000, 10_000),
    "svm-linear": (1, 100, 1_000),
    "svm": (1, 10, 100, 1_000),
    "kmeans": (1, 100, 1_000, 10_000),
    "cnn": (1, 10, 100),
    "rnn": (1, 10, 100),
}
NETWORKS = ("cnn", "rnn")


def prepare(folder: str) -> None:
    """The models in the folder's registry, as ONNX files, and an event for each cell."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer, load_digits

    from ml_core import train_model
    from providers.local.runtime.store import FolderStore

    X, y = load_breast_cancer(return_X_y=True)
    pictures, digits = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8).astype(np.uint8)
    random = np.random.default_rng(0)
    waves = random.normal(size=(200, 20, 3)).cumsum(axis=1).round(3)
    models: dict[str, tuple[Model, Any]] = {
        "logistic-regression": (train_model(X, y), X),
        "svm-linear": (train_model(X, y, "svm", kernel="linear"), X),
        "svm": (train_model(X, y, "svm"), X),
        "kmeans": (train_model(X, None, "kmeans"), X),
        "cnn": (train_model(pictures, digits, "cnn", epochs=1), pictures),
        "rnn": (train_model([*waves], (waves[:, -1, 0] > 0).astype(int), "rnn", epochs=1), waves),
    }
    store = FolderStore(folder)
    preparation.write_keys(folder)
    for number, (name, (model, rows)) in enumerate(models.items()):
        preparation.store_model(store, f"{number:028x}", name, model)
        Path(folder, f"{name}.onnx").write_bytes(model.to_onnx())
        many = np.concatenate([rows] * (max(ROWS[name]) // len(rows) + 1)).tolist()
        for count in ROWS[name]:
            preparation.write(_event(folder, name, count), preparation.event(name, many[:count]))


def compare(
    console: Recording, commands: Mapping[str, Sequence[str]], env: Mapping[str, str], folder: str
) -> None:
    """Print a table of all cells. `commands` answer `time FOLDER EVENT…`, each a side's."""
    cells = [(name, count) for name, counts in ROWS.items() for count in counts]
    taken: dict[str, dict[str, list[float]]] = {f"{name} {count}": {} for name, count in cells}
    for turn in range(ROUNDS):
        for side in SIDES:
            asked = [cell for cell in cells if side in (PRODUCT, ONNX) or cell[0] not in NETWORKS]
            with console.status(f"timing {side}, {turn + 1} of {ROUNDS}"):
                medians = _timed(commands[side], env, folder, [_event(folder, *cell) for cell in asked])
            for (name, count), value in zip(asked, medians, strict=True):
                taken[f"{name} {count}"].setdefault(side, []).append(value)
    console.figures["microseconds"] = taken
    table = Table(
        title="Warm request from event to answer, CPU µs: the median of three processes' medians",
        title_justify="left",
    )
    table.add_column("model")
    for column in ("rows", *SIDES, "FastAPI ÷ ours", "spread of ours"):
        table.add_column(column, justify="right")
    for name, count in cells:
        found = taken[f"{name} {count}"]
        ours = median(found[PRODUCT])
        shown = [f"{median(found[side]):,.0f}" if side in found else "–" for side in SIDES]
        ratio = f"{median(found[FASTAPI]) / ours:.1f} ×" if FASTAPI in found else "–"
        spread = f"{(max(found[PRODUCT]) - min(found[PRODUCT])) / ours:.0%}"
        table.add_row(name, f"{count:,}", *shown, ratio, spread)
    console.print(table)


def _event(folder: str, name: str, count: int) -> str:
    return f"{folder}/cell-{name}-{count}.json"


def _timed(command: Sequence[str], env: Mapping[str, str], folder: str, events: Sequence[str]) -> list[float]:
    models = " ".join(name for name in ROWS if name not in NETWORKS)
    done = subprocess.run(
        (*command, "time", folder, *events),
        check=True,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        env={**env, "BENCHMARK_MODELS": models, "ML_MONITORING_DAYS": "0"},
    )
    medians: list[float] = json.loads(done.stdout)
    return medians
