"""What a data scientist writes today to score a table: pandas, and a fitted estimator of scikit-learn's.

`python -m benchmarks.comparison_scoring fit MODEL` fits an SVM with the RBF kernel to 1,898 rows of 1,000
columns, all of which become support vectors, and stores it; `… generate ROWS FILE` writes rows like these as
Parquet; `… score MODEL FILE SCORES` writes the label of each row, `… read FOLDER` reads 30 columns alone, and
both print what that took as JSON. They run in `.tools/bench`, an environment of its own.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import joblib  # type: ignore[import-not-found, import-untyped, unused-ignore]
import numpy as np
import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS, COLUMNS = 1_898, 1_000
NUMBERS = 30


def rows_of(seed: int, rows: int) -> pd.DataFrame:
    """Numbers in columns of unequal scale."""
    X = np.random.default_rng(seed).standard_normal((rows, COLUMNS)) * np.geomspace(0.1, 1_000, COLUMNS)
    return pd.DataFrame(X, columns=[f"x{place}" for place in range(COLUMNS)])


def fit(model: str) -> None:
    """Fit to labels that no column tells: each row becomes a support vector."""
    y = np.arange(VECTORS) % 2
    fitted = make_pipeline(StandardScaler(), SVC(C=0.5)).fit(rows_of(0, VECTORS), y)
    joblib.dump(fitted, model)
    sys.stdout.write(json.dumps({"vectors": int(fitted[-1].n_support_.sum())}))


def generate(rows: str, path: str) -> None:
    """Write rows that the model can be asked for."""
    rows_of(2, int(rows)).to_parquet(path)
    sys.stdout.write("{}")


def score(model: str, path: str, scores: str) -> None:
    """The label of each row, from file to file."""
    fitted = joblib.load(model)
    began = time.process_time()
    table = pd.read_parquet(path)
    labels = fitted.predict(table)
    pd.DataFrame({"label": labels}).to_parquet(scores)
    taken = time.process_time() - began
    sys.stdout.write(json.dumps({"rows": len(table), "seconds": taken, "ones": int(labels.sum())}))


def read(folder: str) -> None:
    """The numbers of each file, one file after the other."""
    began, rows = time.process_time(), 0
    for path in sorted(Path(folder).iterdir()):
        rows += len(pd.read_parquet(path, columns=[f"x{place}" for place in range(NUMBERS)]))
    sys.stdout.write(json.dumps({"rows": rows, "seconds": time.process_time() - began}))


def main(verb: str, *arguments: str) -> None:
    """Fit, write a table, score it, or read one."""
    verbs: dict[str, Callable[..., None]] = {"fit": fit, "generate": generate, "score": score, "read": read}
    verbs[verb](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
