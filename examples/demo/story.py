"""Train, register, predict and explain over REST: rows, a table, pictures and sequences."""

import os
from typing import Any, NamedTuple

from examples.demo import display
from examples.demo.networks import tell_of_networks
from examples.demo.rollout import tell_of_a_table
from examples.demo.service import Answer, Service, started
from examples.demo.steps import asked, checked, trained
from examples.demo.trust import tell_of_trust

OBJECTIVES = {
    "logistic_regression": "log_loss",
    "svm": "hinge_loss",
    "kmeans": "inertia",
    "cnn": "log_loss",
    "rnn": "log_loss",
}


class Chapter(NamedTuple):
    """One model of the story. `targets` is None where the algorithm finds the groups by itself."""

    model: str
    algorithm: str
    title: str
    hyperparameters: dict[str, Any]
    instances: list[list[float]]
    targets: list[Any] | None
    feature_names: list[str]
    outputs: list[str]


def chapters() -> list[Chapter]:
    """The three models, on data sets that scikit-learn carries."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine

    cancer, digits, wine = load_breast_cancer(), load_digits(), load_wine()
    diagnosis = [str(cancer.target_names[label]) for label in cancer.target]
    return [
        Chapter(
            "demo-breast-cancer", "logistic_regression", "Logistic regression on breast cancer", {"C": 1.0},
            cancer.data.tolist(), diagnosis, [str(name) for name in cancer.feature_names], ["label", "probability"],  # noqa: E501
        ),
        Chapter(
            "demo-digits", "svm", "An SVM with an RBF kernel on digits", {"kernel": "rbf", "C": 10.0},
            digits.data.tolist(), digits.target.tolist(), [str(name) for name in digits.feature_names], ["label", "decision"],  # noqa: E501
        ),
        Chapter(
            "demo-wine", "kmeans", "k-means on wine", {"n_clusters": 3, "scale": True},
            wine.data.tolist(), None, [str(name) for name in wine.feature_names], ["label"],
        ),
    ]  # fmt: skip


def tell(service: Service, chapter: Chapter) -> None:
    """Train one model, show its metrics, and predict one row and a batch."""
    about = f"{len(chapter.instances)} rows × {len(chapter.feature_names)} features"
    if chapter.targets is not None:
        about += f", {len(set(chapter.targets))} classes"
    display.heading(chapter.title, about)
    job = train(service, chapter)
    metrics = job.body["metrics"]
    display.metrics(metrics)
    held_out = metrics.get("test") or {}
    if "confusion_matrix" in held_out:
        display.confusion_matrix(held_out["confusion_matrix"], sorted(set(chapter.targets or ())))
    predict(service, chapter)


def train(service: Service, chapter: Chapter) -> Answer:
    """Ask for the training and follow the job to its end."""
    body = {
        "algorithm": chapter.algorithm,
        "hyperparameters": chapter.hyperparameters,
        "feature_names": chapter.feature_names,
        "instances": chapter.instances,
    }
    if chapter.targets is not None:
        body["targets"] = chapter.targets
    return trained(service, chapter.model, body)


def predict(service: Service, chapter: Chapter) -> None:
    """One row with every output, then a batch with labels only."""
    path = f"/v1/models/{chapter.model}:predict"
    batch = chapter.instances[:: max(1, len(chapter.instances) // 100)]
    for body in ({"instances": chapter.instances[:1], "outputs": chapter.outputs}, {"instances": batch}):
        asked(service, "POST", path, body)


def registered(service: Service) -> None:
    """Every model's newest version with the loss function that it was trained to lower."""
    display.heading("The registry", "nothing but files: JSON documents and safetensors")
    answer = asked(service, "GET", "/v1/models")
    display.versions(
        [
            described(service, name, version)
            for name in answer.body["models"]
            for version in checked(service.call("GET", f"/v1/models/{name}")).body["versions"]
        ]
    )


def described(service: Service, name: str, version: Any) -> tuple[str, int, str, str]:
    """A version in one line."""
    number = version["version"] if isinstance(version, dict) else int(version)
    manifest = checked(service.call("GET", f"/v1/models/{name}/versions/{number}")).body
    objective = OBJECTIVES.get(manifest["algorithm"], "loss")
    held_out = manifest["metrics"].get("test") or manifest["metrics"]["training"]
    return name, number, manifest["algorithm"], f"{objective} = {held_out.get(objective, float('nan')):.6g}"


def tell_all() -> None:
    """The story from start to stop."""
    with display.console.status("loading the data sets"):
        story = chapters()
    display.note("starting the service")
    root = os.environ.get("ML_ROOT") or ".serverless-ml"
    with started() as service:
        display.note(f"serverless-ml answers at {service.url}; models are kept in {root}")
        for chapter in story:
            tell(service, chapter)
        tell_of_a_table(service)
        tell_of_trust(service)
        tell_of_networks(service)
        registered(service)
    display.note(
        "\nThe service is stopped. `make serve` starts it again with these models: docs/first-model.md."
    )
