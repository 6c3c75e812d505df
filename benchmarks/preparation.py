"""Models, keys and recorded events for the benchmarks, in a folder and in S3."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_core.model.model import Model
    from ml_core.ports import ObjectStore

KEY = "benchmark-key"
BATCHES = (1, 100, 1000)


def store_models(store: "ObjectStore") -> None:
    """Train each algorithm with its defaults on breast cancer, and register it as its first version."""
    from sklearn.datasets import load_breast_cancer

    from ml_core import train_model

    X, y = load_breast_cancer(return_X_y=True)
    for number, algorithm in enumerate(("logistic_regression", "svm", "kmeans")):
        model = train_model(X, None if algorithm == "kmeans" else y, algorithm)
        store_model(store, f"{number:028x}", name(algorithm), model)


def store_model(store: "ObjectStore", job: str, name: str, model: "Model") -> None:
    """Register a model as the first version of its name, as if that job had trained it."""
    from ml_core.registry.registry import Registry, artifact_key

    data = model.to_bytes()
    store.put_if_absent(artifact_key(job), data)
    sha256 = hashlib.sha256(data).hexdigest()
    Registry(store).register(name, job, sha256=sha256, size=len(data), algorithm=model.algorithm)


def name(algorithm: str) -> str:
    """The model's name: the algorithm's, as a name may be written."""
    return algorithm.replace("_", "-")


def write_events(folder: str) -> None:
    """`keys.json`, and `{model}-{rows}.json`: an HTTP API event for each model and batch."""
    from sklearn.datasets import load_breast_cancer

    rows = load_breast_cancer().data.tolist() * 2
    write_keys(folder)
    for algorithm in ("logistic_regression", "svm", "kmeans"):
        for batch in BATCHES:
            write(f"{folder}/{name(algorithm)}-{batch}.json", event(name(algorithm), rows[:batch]))


def write_keys(folder: str, role: str = "predict") -> None:
    """`keys.json`: the record of `KEY`."""
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    write(f"{folder}/keys.json", [{"id": "benchmark", "role": role, "sha256": digest}])


def event(model: str, instances: list[list[float]], verb: str = "predict") -> dict[str, Any]:
    """What AWS's HTTP API hands to a function (payload 2.0) for a prediction, or for another verb."""
    path = f"/v1/models/{model}:{verb}"
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


def write(file: str, content: object) -> None:
    """Write a file of JSON."""
    with open(file, "w", encoding="utf-8") as opened:
        json.dump(content, opened)
