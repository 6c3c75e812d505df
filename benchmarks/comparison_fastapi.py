"""What people deploy today: FastAPI behind Mangum, a scikit-learn pipeline loaded by joblib.

`python -m benchmarks.comparison_fastapi train|predict|time FOLDER EVENT…` runs in
`.tools/bench`, an environment of its own.
"""

import json
import sys
from typing import Any


def train(folder: str) -> None:
    """Fit the same model on the same rows as the product's benchmark, and store it with joblib."""
    import joblib  # type: ignore[import-not-found, unused-ignore]
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_breast_cancer(return_X_y=True)
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), f"{folder}/model.joblib")


def handler(folder: str) -> Any:
    """The Lambda handler as tutorials write it."""
    import joblib
    from fastapi import FastAPI  # type: ignore[import-not-found, unused-ignore]
    from mangum import Mangum  # type: ignore[import-not-found, unused-ignore]
    from pydantic import BaseModel

    class Body(BaseModel):
        instances: list[list[float]]

    app = FastAPI()
    model = joblib.load(f"{folder}/model.joblib")

    @app.post("/v1/models/logistic-regression:predict")  # type: ignore[untyped-decorator, unused-ignore]
    def predict(body: Body) -> dict[str, Any]:
        return {"predictions": model.predict(body.instances).tolist()}

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
