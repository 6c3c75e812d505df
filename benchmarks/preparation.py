"""Models, keys and recorded events for the benchmarks, in a folder and in S3."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_core.ports import ObjectStore

KEY = "benchmark-key"
BATCHES = (1, 100, 1000)


def store_models(store: "ObjectStore") -> None:
    """Train each algorithm with its defaults on breast cancer, and register it as its first version."""
    from sklearn.datasets import load_breast_cancer

    from ml_core import train_model
    from ml_core.registry.registry import Registry, artifact_key

    X, y = load_breast_cancer(return_X_y=True)
    for number, algorithm in enumerate(("logistic_regression", "svm", "kmeans")):
        data = train_model(X, None if algorithm == "kmeans" else y, algorithm).to_bytes()
        job = f"{number:028x}"
        store.put_if_absent(artifact_key(job), data)
        sha256 = hashlib.sha256(data).hexdigest()
        Registry(store).register(name(algorithm), job, sha256=sha256, size=len(data), algorithm=algorithm)


def name(algorithm: str) -> str:
    """The model's name: the algorithm's, as a name may be written."""
    return algorithm.replace("_", "-")


def write_events(folder: str) -> None:
    """`keys.json`, and `{model}-{rows}.json`: an HTTP API event for each model and batch."""
    from sklearn.datasets import load_breast_cancer

    rows = load_breast_cancer().data.tolist() * 2
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    _write(f"{folder}/keys.json", [{"id": "benchmark", "role": "predict", "sha256": digest}])
    for algorithm in ("logistic_regression", "svm", "kmeans"):
        for batch in BATCHES:
            _write(f"{folder}/{name(algorithm)}-{batch}.json", event(name(algorithm), rows[:batch]))


def event(model: str, instances: list[list[float]]) -> dict[str, Any]:
    """What AWS's HTTP API hands to a function (payload 2.0) for a prediction."""
    path = f"/v1/models/{model}:predict"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "authorization": f"Bearer {KEY}",
            "content-type": "application/json",
            "host": "localhost",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "benchmark",
            "domainName": "localhost",
            "http": {"method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": "benchmark",
            "routeKey": "$default",
            "stage": "$default",
        },
        "body": json.dumps({"instances": instances}),
        "isBase64Encoded": False,
    }


def _write(file: str, content: object) -> None:
    with open(file, "w", encoding="utf-8") as opened:
        json.dump(content, opened)
