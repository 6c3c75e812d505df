"""What people deploy today: FastAPI behind Mangum, scikit-learn pipelines loaded by joblib.

`python -m benchmarks.comparison_fastapi train|predict|time FOLDER EVENT…` runs in
`.tools/bench`, an environment of its own.
"""

import json
import os
import sys
from typing import Any


def train(folder: str) -> None:
    """Fit the product's models on the same rows; store them by joblib, and as arrays."""
    import joblib  # type: ignore[import-not-found, unused-ignore]
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    X, y = load_breast_cancer(return_X_y=True)
    estimators = {
        "logistic-regression": LogisticRegression(),
        "svm-linear": SVC(kernel="linear"),
        "svm": SVC(),
        "kmeans": KMeans(8, n_init=1, random_state=0),
    }
    for name, estimator in estimators.items():
        pipeline = make_pipeline(StandardScaler(), estimator).fit(X, y)
        joblib.dump(pipeline, f"{folder}/{name}.joblib")
        arrays: dict[str, Any] = {
            "mean": pipeline[0].mean_,
            "scale": pipeline[0].scale_,
            "classes": np.unique(y),
        }
        if name == "kmeans":
            arrays["centres"] = estimator.cluster_centers_
        elif name == "svm":
            arrays |= {"vectors": estimator.support_vectors_, "dual": estimator.dual_coef_[0]}
            arrays |= {"gamma": estimator._gamma, "bias": estimator.intercept_[0]}  # noqa: SLF001 - what "scale" made
        else:
            arrays |= {"weights": estimator.coef_[0], "bias": estimator.intercept_[0]}
        np.savez(f"{folder}/{name}.npz", **arrays)


def handler(folder: str) -> Any:
    """The Lambda handler as tutorials write it."""
    import joblib
    from fastapi import FastAPI  # type: ignore[import-not-found, unused-ignore]
    from mangum import Mangum  # type: ignore[import-not-found, unused-ignore]
    from pydantic import BaseModel

    class Body(BaseModel):
        instances: list[list[float]]

    app = FastAPI()
    models = {
        name: joblib.load(f"{folder}/{name}.joblib")
        for name in os.environ.get("BENCHMARK_MODELS", "logistic-regression").split()
    }

    @app.post("/v1/models/{name}:predict")  # type: ignore[untyped-decorator, unused-ignore]
    def predict(name: str, body: Body) -> dict[str, Any]:
        return {"predictions": models[name].predict(body.instances).tolist()}

    return Mangum(app, lifespan="off")


def main(verb: str, folder: str, *events: str) -> None:
    """Train, answer one event from cold, or several again and again."""
    if verb == "train":
        train(folder)
    elif verb == "time":
        from benchmarks.timing import report

        report(handler(folder), events)
    else:
        with open(events[0], encoding="utf-8") as file:
            answer = handler(folder)(json.load(file), None)
        if answer["statusCode"] != 200:
            raise SystemExit(answer["body"])


if __name__ == "__main__":
    main(*sys.argv[1:])
