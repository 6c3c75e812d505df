"""What people deploy today: FastAPI behind Mangum, a scikit-learn pipeline loaded by joblib.

`python comparison_fastapi.py train|predict FOLDER`; runs in `.tools/bench`, an environment of its own.
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

    @app.post("/v1/models/bench:predict")  # type: ignore[untyped-decorator, unused-ignore]
    def predict(body: Body) -> dict[str, Any]:
        return {"predictions": model.predict(body.instances).tolist()}

    return Mangum(app, lifespan="off")


def main(verb: str, folder: str) -> None:
    """Train, or answer the recorded event once."""
    if verb == "train":
        train(folder)
        return
    with open(f"{folder}/event.json", encoding="utf-8") as file:
        event = json.load(file)
    answer = handler(folder)(event, None)
    if answer["statusCode"] != 200:
        raise SystemExit(answer["body"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
