"""What a data scientist writes today to train on a file: pandas, and a pipeline of scikit-learn's.

`python -m benchmarks.comparison_pandas generate SHAPE MEGABYTES FILE` writes a table, and `… fit ALGORITHM
FILE` trains on it, measures on held-out rows, stores the model and prints the metrics as JSON. Both run in
`.tools/bench`, an environment of its own.
"""

import json
import sys
import tempfile
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]

BLOCK_ROWS = 20_000
TARGET = "target"


def numeric(random: np.random.Generator, rows: int) -> Any:
    """Twenty numbers of sixteen digits, as measurements come out of a program."""
    Z = random.normal(size=(rows, 20))
    X = Z * np.geomspace(0.1, 1000, 20) + np.linspace(-50, 50, 20)
    frame = pd.DataFrame(X, columns=[f"number {place}" for place in range(20)])
    return _with_target(frame, random, Z[:, 0] + Z[:, 10] - Z[:, 19])


def mixed(random: np.random.Generator, rows: int) -> Any:
    """Numbers, counts, words, truth values and gaps, as a customer database has them."""
    columns: dict[str, Any] = {}
    score = np.zeros(rows)
    for place in range(8):
        values = random.normal(size=rows)
        score += values * (place % 3 - 1)
        columns[f"amount {place}"] = np.round(values * 100 + 500, 2)
    for place in range(3):
        columns[f"count {place}"] = random.integers(0, 10 ** (place + 1), rows)
    for place, words in enumerate((4, 12, 60, 300)):
        codes = np.minimum(random.geometric(3 / words, rows), words) - 1
        score += (codes % 3 - 1) * 0.7
        columns[f"kind {place}"] = np.array([f"kind {place}-{code:03}" for code in range(words)], object)[
            codes
        ]
    columns["subscribed"] = np.where(random.random(rows) < 0.4, "true", "false").astype(object)
    frame = pd.DataFrame(columns)
    for place, name in enumerate(frame.columns[:-1]):  # 1 % to 40 % missing
        share = (0.0, 0.01, 0.05, 0.4)[place % 4]
        frame[name] = frame[name].where(random.random(rows) >= share)
    return _with_target(frame, random, score)


def digits(random: np.random.Generator, rows: int) -> Any:
    """Fifty columns of a single digit: as many cells as a file can hold."""
    X = random.integers(0, 10, size=(rows, 50))
    frame = pd.DataFrame(X, columns=[f"d{place}" for place in range(50)])
    return _with_target(frame, random, X[:, :5].sum(axis=1) - 22.5)


def wide(random: np.random.Generator, rows: int) -> Any:
    """Two columns of words, of 5,000 and 1,000 different ones, beside ten numbers."""
    X = random.normal(size=(rows, 10))
    frame = pd.DataFrame(X, columns=[f"number {place}" for place in range(10)]).round(4)
    score = X[:, 0]
    for words in (5_000, 1_000):
        codes = random.integers(0, words, rows)
        score = score + (codes % 3 - 1)
        frame[f"word of {words}"] = np.array([f"word {code}" for code in range(words)], object)[codes]
    return _with_target(frame, random, score)


SHAPES = {"numeric": numeric, "mixed": mixed, "digits": digits, "wide": wide}


def _with_target(frame: Any, random: np.random.Generator, score: Any) -> Any:
    noisy = score + random.logistic(size=len(frame))
    frame[TARGET] = np.where(noisy > 0, "yes", "no")
    return frame


def generate(shape: str, megabytes: float, path: str) -> None:
    """Write a table of this size; equal arguments give equal files."""
    random = np.random.default_rng(7)
    with open(path, "w", encoding="utf-8", newline="") as file:
        while file.tell() < megabytes * 1e6:
            block = SHAPES[shape](random, BLOCK_ROWS if megabytes > 5 else 2_000)
            block.to_csv(file, index=False, header=not file.tell())


def preparation(X: Any, *, scale: bool) -> Any:
    """The columns as numbers: gaps filled and flagged, words one-hot."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scaler = [StandardScaler()] if scale else []
    numbers = [name for name in X if X[name].dtype.kind in "iufb"]
    words = [name for name in X if name not in numbers]
    if not words and not X.isna().any(axis=None):
        return make_pipeline(*scaler) if scale else "passthrough"
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(add_indicator=True), *scaler), numbers),
            (
                "words",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"),
                    OneHotEncoder(handle_unknown="ignore"),
                ),
                words,
            ),
        ]
    )


def estimator(algorithm: str) -> Any:
    """The estimator with the product's defaults."""
    if algorithm == "logistic_regression":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression()
    if algorithm == "svm":
        from sklearn.svm import SVC

        return SVC()
    from sklearn.cluster import KMeans

    return KMeans(random_state=0)


def fit(algorithm: str, path: str) -> dict[str, float]:
    """Train on a file, and measure on the rows held out."""
    import joblib  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline

    frame = pd.read_csv(path)
    y = frame.pop(TARGET)
    clusters = algorithm == "kmeans"
    X_train, X_test, y_train, y_test = train_test_split(
        frame, y, test_size=0.2, random_state=0, stratify=None if clusters else y
    )
    model = make_pipeline(preparation(frame, scale=not clusters), estimator(algorithm)).fit(X_train, y_train)
    with tempfile.NamedTemporaryFile() as file:
        joblib.dump(model, file.name)
    return clustering(model, X_test) if clusters else classification(model, X_test, y_test)


def classification(model: Any, X: Any, y: Any) -> dict[str, float]:
    """Held-out figures of a classifier, as the product reports them."""
    from sklearn import metrics

    labels, decisions = model.predict(X), model.decision_function(X)
    probable = hasattr(model, "predict_proba")
    metrics.confusion_matrix(y, labels)
    return {
        "accuracy": float(metrics.accuracy_score(y, labels)),
        "f1_macro": float(metrics.f1_score(y, labels, average="macro")),
        "roc_auc": float(metrics.roc_auc_score(y, decisions)),
        **({"log_loss": float(metrics.log_loss(y, model.predict_proba(X)))} if probable else {}),
        **({} if probable else {"hinge_loss": float(metrics.hinge_loss(y, decisions))}),
    }


def clustering(model: Any, X: Any) -> dict[str, float]:
    """Held-out figures of a clustering, as the product reports them."""
    from sklearn.metrics import silhouette_score

    Z = model[:-1].transform(X)
    inertia = float((model[-1].transform(Z).min(axis=1) ** 2).sum())
    sampled = min(len(X), 2_000)
    silhouette = silhouette_score(Z, model[-1].predict(Z), sample_size=sampled, random_state=0)
    return {"inertia": inertia, "silhouette": float(silhouette)}


def main(verb: str, what: str, *arguments: str) -> None:
    """Generate a table, or train on one."""
    if verb == "generate":
        generate(what, float(arguments[0]), arguments[1])
    else:
        sys.stdout.write(json.dumps(fit(what, *arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
