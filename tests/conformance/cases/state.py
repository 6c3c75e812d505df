"""The state that all other cases find: it is made by requests too, and each is a case of its own.

iris      version 1 logistic regression (production), 2 an SVM with probabilities (canary), 3 deleted
flags     logistic regression of two classes that are booleans
numbers   a linear SVM of two classes that are integers, without probabilities
texts     features and classes outside ASCII
line      k-means of one feature, 25 clusters
gone      a model that was deleted
visits    logistic regression of a number and a word; the first model that is asked
broken    has a job that failed, and no version
"""

from typing import Any

from sklearn.datasets import load_iris

from tests.conformance.case import PREDICT, Case, delete, get, post, put

_IRIS = load_iris()
ROWS = _IRIS.data.tolist()
SPECIES = [str(_IRIS.target_names[target]) for target in _IRIS.target]
FEATURES = ["sepal length", "sepal width", "petal length", "petal width"]
TEXT_FEATURES = ["größe", "重さ"]

MODELS = {
    "iris": {
        "algorithm": "logistic_regression",
        "instances": ROWS,
        "targets": SPECIES,
        "feature_names": FEATURES,
    },
    "flags": {
        "algorithm": "logistic_regression",
        "hyperparameters": {"C": 10, "class_weight": "balanced"},
        "instances": [row[:2] for row in ROWS[:100]],
        "targets": [species == "setosa" for species in SPECIES[:100]],
        "test_fraction": 0,
    },
    "numbers": {
        "algorithm": "svm",
        "hyperparameters": {"kernel": "linear", "scale": False},
        "instances": ROWS[50:],
        "targets": [-7 if species == "virginica" else 40 for species in SPECIES[50:]],
        "seed": 7,
    },
    "texts": {
        "algorithm": "logistic_regression",
        "instances": [dict(zip(TEXT_FEATURES, row, strict=False)) for row in ROWS[:100]],
        "targets": [
            "großblütig 🌸" if species == "setosa" else 'mit "Anführung" \\' for species in SPECIES[:100]
        ],
        "test_fraction": 0.3,
    },
    "line": {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 25},
        "instances": [[0.37 * step * step] for step in range(100)],
        "test_fraction": 0,
    },
    "visits": {
        "algorithm": "logistic_regression",
        "instances": [[step, "basic" if step % 3 else "plus"] for step in range(90)],
        "targets": ["no" if step < 45 else "yes" for step in range(90)],
        "feature_names": ["visits", "plan"],
    },
    "broken": {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "instances": [[1e308], [-1e308], [9e307], [-9e307]],
        "test_fraction": 0,
    },
}
SECOND = {**MODELS["iris"], "algorithm": "svm", "hyperparameters": {"probability": True}}
GONE = {
    "algorithm": "kmeans",
    "hyperparameters": {"n_clusters": 2},
    "instances": [[0], [1], [9], [10]],
    "test_fraction": 0,
}
# Nothing else in the suite is like these values: none of them may ever be found in the store.
PLANS = ("basic", "plus")
ASKED: list[list[Any]] = [
    [4815.162342, "Xanthippe"],
    [-271828.125, "basic"],
    [61.803398, "plus"],
    [None, None],
]
THIRD = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 3}, "instances": ROWS}


def _trained(name: str, model: str, body: object) -> list[Case]:
    """Submitted, run by the queue's message, and looked at."""
    note = name.replace(" ", "_").replace("-", "_")
    return [
        post(f"{name} is submitted", f"/v1/models/{model}:train", body, 202, keep={note: "body id"}),
        get(f"{name} is queued", f"/v1/jobs/{{{note}}}", deliver="after"),
        get(f"{name} is over", f"/v1/jobs/{{{note}}}"),
    ]


CASES = [
    get("there is no model yet", "/v1/models"),
    get("there is no job yet", "/v1/jobs"),
    *[each for model, body in MODELS.items() for each in _trained(f"the job of {model}", model, body)],
    *_trained("the job of iris again", "iris", SECOND),
    *_trained("the job of iris once more", "iris", THIRD),
    post(
        "gone is trained while its caller waits",
        "/v1/models/gone:train",
        GONE,
        200,
        {"Prefer": "wait=50"},
        deliver="meanwhile",
    ),
    put("production is version 1", "/v1/models/iris/aliases/production", {"version": 1}),
    put("canary is version 2", "/v1/models/iris/aliases/canary", {"version": 2}),
    delete("version 3 is deleted", "/v1/models/iris/versions/3"),
    delete("gone is deleted", "/v1/models/gone"),
    post("a first prediction", "/v1/models/visits:predict", {"instances": ASKED}, key=PREDICT),
]
