"""What an explanation costs beside a prediction of the same rows: whole requests to a warm process.

Counted in instructions, from the event to the answer, the key checked and the model looked up. What is
counted is the difference between many requests and few of them, so that no start is in it. Of an SVM with a
kernel that is not linear, the CPU time of a row.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import instructions, preparation
from providers.local.runtime.store import FolderStore

FEW, MANY = 20, 220
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "logistic regression": ("logistic_regression", {}),
    "linear SVM": ("svm", {"kernel": "linear"}),
    "k-means": ("kmeans", {"n_clusters": 8}),
}
# Of many rows, most of the cost is that of writing their parts: 30 numbers for each label of a prediction.
ASKED = (*((title, 1) for title in MODELS), ("logistic regression", 100))


def prepare(folder: str) -> None:
    """Train on breast cancer, 30 numbers a row, and write an event for each model, verb and count of rows."""
    from sklearn.datasets import load_breast_cancer

    from ml_core import train_model

    X, y = load_breast_cancer(return_X_y=True)
    preparation.write_keys(folder, "train")
    store = FolderStore(folder)
    for number, (title, (algorithm, hyperparameters)) in enumerate(MODELS.items()):
        model = train_model(X, None if algorithm == "kmeans" else y, algorithm, **hyperparameters)
        preparation.store_model(store, f"{100 + number:028x}", _name(title), model)
    for title, rows in ASKED:
        for verb in ("predict", "explain"):
            event = preparation.event(_name(title), X[:rows].tolist(), verb)
            preparation.write(_file(folder, title, verb, rows), event)


def _name(title: str) -> str:
    return title.replace(" ", "-")


def _file(folder: str, title: str, verb: str, rows: int) -> str:
    return f"{folder}/{_name(title)}-{verb}-{rows}.json"


def counted(command: Sequence[str], env: Mapping[str, str], folder: str, event: str) -> float:
    """The instructions of one warm request."""
    few, many = (
        instructions.count((*command, "repeat", folder, event, str(times)), env) for times in (FEW, MANY)
    )
    return (many - few) / (MANY - FEW)


def compare(console: Console, command: Sequence[str], env: Mapping[str, str], folder: str) -> None:
    """Print both beside each other."""
    prepare(folder)
    table = Table(
        title=f"An explanation beside the prediction of the same rows, 30 features, warm "
        f"({instructions.counter()}, user space)",
        title_justify="left",
    )
    table.add_column("model")
    for column in ("rows", "predict, thousand instructions", "explain", "ratio"):
        table.add_column(column, justify="right")
    # What is looked up again after a while is not looked up meanwhile: a request under valgrind takes long.
    env = {**env, "ML_ALIAS_TTL": "3600", "ML_KEY_TTL": "3600"}
    for title, rows in ASKED:
        with console.status(f"counting: {title}, {rows} rows"):
            predict, explain = (
                counted(command, env, folder, _file(folder, title, verb, rows))
                for verb in ("predict", "explain")
            )
        ratio = f"{explain / predict:.2f}"
        table.add_row(title, str(rows), f"{predict / 1e3:,.0f}", f"{explain / 1e3:,.0f}", ratio)
    console.print(table)
    _kernels(console)


def _kernels(console: Console) -> None:
    """An SVM's CPU time: digits, 64 features, all pairs of ten classes."""
    from sklearn.datasets import load_digits

    from ml_core import train_model

    X, y = load_digits(return_X_y=True)
    model = train_model(X, y, "svm")
    rows = [X[row : row + 1] for row in range(60)]
    model.explain(rows[0])  # what is kept of the profile is worked out
    predict, explain = (_milliseconds(ask, rows) for ask in (model.predict, model.explain))
    vectors = model.estimator.tensors()["vectors"].shape[0]
    console.print(
        f"SVM (RBF) on digits: {vectors} support vectors; CPU time of a row alone, p50: predict "
        f"{predict:.2f} ms, explain {explain:.2f} ms"
    )


def _milliseconds(ask: Callable[[Any], object], rows: Sequence[Any]) -> float:
    taken = []
    for row in rows:
        began = time.process_time_ns()
        ask(row)
        taken.append(time.process_time_ns() - began)
    return median(taken) / 1e6


if __name__ == "__main__":
    import tempfile

    from benchmarks.__main__ import OURS, environment

    with tempfile.TemporaryDirectory() as made:
        compare(Console(), OURS, environment(), made)
