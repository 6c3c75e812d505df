"""A CSV file in, and out comes what a good pipeline in scikit-learn makes of the same table.

The tables are made up anew for each seed: columns of all kinds in any order, 0 % to 40 % of their cells
missing, constants, columns without any value, categories that only the held-out rows have; and every way to
write a file.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from ml_core import algorithms
from ml_core.arithmetic import plain, vectorised
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.tables.memory import NO_BUDGET
from ml_core.training.notebook import fit
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest

type Cells = list[Any]
GAPS = ("", "NA", "null", "NaN")


class Table(NamedTuple):
    names: list[str]
    columns: list[Cells]  # None where a cell is missing
    targets: list[str]

    @property
    def wordy(self) -> list[bool]:
        return [any(isinstance(cell, str) for cell in cells) for cells in self.columns]

    def row(self, place: int) -> dict[str, Any]:
        return {name: cells[place] for name, cells in zip(self.names, self.columns, strict=True)}


KINDS = ("number", "count", "truth", "word", "constant", "only word", "empty", "rare")


def cells_of(kind: str, random: np.random.Generator, rows: int) -> Any:
    if kind == "number":
        unit, centre = 10.0 ** random.integers(-3, 5), random.integers(-9, 9)
        return (random.normal(size=rows) * unit + centre).tolist()
    if kind == "count":
        return random.integers(0, 60, rows).tolist()
    if kind == "truth":
        return (random.random(rows) < 0.4).tolist()
    if kind == "word":
        return [f'wörd {code}\n,;"' for code in random.integers(0, 9, rows).tolist()]
    if kind == "rare":
        return [f"rare {row}" if random.random() < 0.1 else "common" for row in range(rows)]
    return [{"constant": 7.25, "only word": "same", "empty": None}[kind]] * rows


def made(random: np.random.Generator, rows: int = 120) -> Table:
    kinds = ["count", *random.choice(KINDS, int(random.integers(1, 7))).tolist()]
    columns: list[Cells] = []
    score = np.zeros(rows)
    for kind in kinds:
        cells = cells_of(kind, random, rows)
        _, codes = np.unique(list(map(str, cells)), return_inverse=True)
        score += codes / max(1, int(codes.max()))
        missing = random.random(rows) < random.choice([0.0, 0.01, 0.1, 0.4])
        columns.append([None if gap else cell for cell, gap in zip(cells, missing, strict=True)])
    targets = np.where(score + 0.3 * random.normal(size=rows) > np.median(score), "yes", "no").tolist()
    return Table([f"{kind} {place}" for place, kind in enumerate(kinds)], columns, targets)


def without_empty_rows(table: Table) -> Table:
    """The table without rows that have no value: nobody learns from them."""
    kept = [
        row for row in range(len(table.targets)) if any(cell is not None for cell in table.row(row).values())
    ]
    columns = [[cells[row] for row in kept] for cells in table.columns]
    return Table(table.names, columns, [table.targets[row] for row in kept])


def written(table: Table, random: np.random.Generator) -> bytes:
    """The table as some program would write it."""
    text = io.StringIO()
    quoting: Any = random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]).item()
    ending = str(random.choice(["\n", "\r\n"]))
    writer = csv.writer(
        text, delimiter=str(random.choice(list(",;\t|"))), quoting=quoting, lineterminator=ending
    )
    writer.writerow([*table.names, "target"])
    for place, target in enumerate(table.targets):
        cells = [random.choice(GAPS) if cell is None else cell for cell in table.row(place).values()]
        writer.writerow([*cells, target])
    return text.getvalue().encode(str(random.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1"])))


def pipeline(table: Table, estimator: Any, *, scale: bool) -> tuple[Any, Any]:
    """What a data scientist writes, and its matrix."""
    X = np.array(table.columns, dtype=object).T
    for place, wordy in enumerate(table.wordy):
        # A gap among words stays None, which OneHotEncoder takes for a word more.
        X[:, place] = [np.nan if cell is None and not wordy else cell for cell in X[:, place]]
    numbers = make_pipeline(SimpleImputer(add_indicator=True), *([StandardScaler()] if scale else []))
    places = range(len(table.names))
    columns = ColumnTransformer(
        [
            ("numbers", numbers, [place for place in places if not table.wordy[place]]),
            (
                "words",
                OneHotEncoder(handle_unknown="ignore"),
                [place for place in places if table.wordy[place]],
            ),
        ]
    )
    return make_pipeline(columns, estimator), X


ESTIMATORS: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {
    # Solved to the end: where a solver stops early, the last digits depend on the order of adding.
    "logistic_regression": (
        {"max_iter": 5_000, "tol": 1e-8},
        lambda: LogisticRegression(max_iter=5_000, tol=1e-8),
    ),
    "svm": ({"tol": 1e-9}, lambda: SVC(tol=1e-9)),
    "kmeans": ({"n_clusters": 3}, lambda: KMeans(3, random_state=0)),
}


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
@pytest.mark.parametrize("algorithm", ESTIMATORS)
@pytest.mark.parametrize("seed", range(8))
def test_a_file_trains_to_what_the_pipeline_gives(algorithm: str, seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng([seed, *algorithm.encode()])
    table = without_empty_rows(made(random))
    (tmp_path / "data").write_bytes(written(table, random))
    chosen, estimator = ESTIMATORS[algorithm]
    clusters = algorithm == "kmeans"
    reference = TableReference("file:data", None, None if clusters else "target", tuple(table.names))
    request = TrainingRequest(algorithm, algorithms.algorithm(algorithm).check(chosen), reference, 0.2, 0)
    request_with_rows = request.with_rows(str(tmp_path / "data"), NO_BUDGET)
    model = Model.from_bytes(fit(request_with_rows, lambda *_: None).artifact)

    expected, X = pipeline(table, estimator(), scale=not clusters)
    stratify = None if clusters else table.targets
    train, test = train_test_split(range(len(X)), test_size=0.2, random_state=0, stratify=stratify)
    expected.fit(X[train], np.array(table.targets)[train])

    rows = model.rows([table.row(place) for place in test], limits=Limits())
    few, many = (model.compute(rows.packed, model.outputs, arithmetic=each) for each in (plain, vectorised))
    assert few["label"] == many["label"]
    labels = [number if model.classes is None else model.classes[number] for number in many["label"]]
    assert labels == expected.predict(X[test]).tolist()
    if clusters:
        squares = np.square(expected.transform(X[test]))
        assert_allclose(
            np.square(np.asarray(many["distance"])), squares, rtol=1e-9, atol=1e-9 * squares.max()
        )
    else:
        decisions = np.asarray(many["decision"])[:, 0]
        # What is left is the solver's: it stops at its tolerance, on sums that are added in another order.
        assert_allclose(decisions, expected.decision_function(X[test]), rtol=1e-6, atol=1e-6)
