"""What predicts and explains in the cloud lacks parts of numpy, and does without them."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.settings import read_settings
from ml_core import algorithms
from ml_core.algorithms.svm import KERNELS
from providers.aws.deploying import packaging as aws
from providers.azure.deploying import packaging as azure
from providers.azure.deploying.planning import apps_of
from tests.azure.conftest import make_service
from tests.framework import ROOT
from tests.unit.handlers.networks import PICTURES, SEQUENCES, TEXTS, b64, networks, png, register

ROWS = [[row % 7, row % 5 / 3, (row * 11 % 13) / 7] for row in range(60)]
MIXED = [[None if row % 9 == 0 else row, ("basic", "plus", None)[row % 3]] for row in range(60)]
TARGETS = [("low", "middle", "high")[row % 3] for row in range(60)]
SVM = {"algorithm": "svm", "instances": ROWS, "targets": TARGETS}
MODELS: dict[str, dict[str, Any]] = {
    "regression": {"algorithm": "logistic_regression", "instances": ROWS, "targets": TARGETS},
    "mixed": {"algorithm": "logistic_regression", "instances": MIXED, "targets": TARGETS},
    "groups": {"algorithm": "kmeans", "instances": ROWS, "hyperparameters": {"n_clusters": 3, "scale": True}},
    "probable": {**SVM, "hyperparameters": {"probability": True}},
    **{f"svm-{kernel}": {**SVM, "hyperparameters": {"kernel": kernel}} for kernel in KERNELS},
}
OUTPUTS = {
    "regression": ["label", "probability", "decision"],
    "mixed": ["label", "probability", "decision"],
    "groups": ["label", "distance"],
    "probable": ["label", "probability"],
}
# Their weights are random: what they compute with is the same.
NETWORKS: dict[str, list[Any]] = {
    "digits": [*PICTURES, *({"b64": b64(png(picture))} for picture in PICTURES)],
    "waves": SEQUENCES,
    "reviews": TEXTS,
}
VERBS = ("predict", "explain")
PROGRAM = """
import json, sys
from handlers.clouds import aws, bootstrap
from handlers.local.services import folder_services
from handlers.settings import read_settings

bootstrap._SERVICES.append(folder_services(read_settings({"ML_ROOT": sys.argv[1]}), key_records=None))
bodies = []
for event in json.loads(sys.stdin.read()):
    answer = aws.api(event, None)
    assert answer["statusCode"] == 200, answer
    bodies.append(answer["body"])
print(json.dumps({"bodies": bodies, "numpy": sys.modules["numpy"].__file__}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = str(tmp_path_factory.mktemp("trained"))
    services = folder_services(read_settings({"ML_ROOT": root}), key_records=None)
    for name, request in MODELS.items():
        assert train_now(services, {"model": name, **request}).state == "succeeded"
    for name, model in networks().items():
        register(services, name, model)
    return root


@pytest.fixture(scope="module")
def aws_layer() -> str:
    return aws.predict_layer()


@pytest.fixture(scope="module")
def azure_api() -> str:
    service = make_service()
    return azure.build(service, apps_of(service))["api"]


def event(model: str, verb: str) -> dict[str, Any]:
    """A prediction for so many rows that numpy computes it, in every output that the model is asked for.

    Or an explanation of a few.
    """
    if verb == "explain":
        body = {"instances": (NETWORKS.get(model) or MODELS[model]["instances"])[:3]}
    elif model in NETWORKS:
        body = {"instances": NETWORKS[model] * 100, "outputs": ["label", "probability"]}
    else:
        outputs = OUTPUTS.get(model, ["label", "decision"])
        body = {"instances": MODELS[model]["instances"] * 30, "outputs": outputs}
    return {
        "version": "2.0",
        "rawPath": f"/v1/models/{model}:{verb}",
        "headers": {},
        "requestContext": {"http": {"method": "POST"}, "requestId": "r1", "stage": "$default"},
        "body": json.dumps(body),
    }


def answers(root: str, paths: list[str], *options: str) -> dict[str, Any]:
    """What a fresh process answers that finds modules in `paths`."""
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM, root],
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(paths), "PATH": os.environ["PATH"]},
        input=json.dumps([event(model, verb) for model in (*MODELS, *NETWORKS) for verb in VERBS]),
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answered


def test_every_algorithm_is_among_the_models() -> None:
    trained_here = {model["algorithm"] for model in MODELS.values()}
    assert trained_here | {networks()[model].algorithm for model in NETWORKS} == set(algorithms.names())


@pytest.mark.parametrize(("package", "below"), [("aws_layer", "python"), ("azure_api", azure.SITE_PACKAGES)])
def test_every_algorithm_and_kernel_predicts_and_explains_from_what_a_function_has(
    request: pytest.FixtureRequest, tmp_path: Path, trained: str, package: str, below: str
) -> None:
    with zipfile.ZipFile(request.getfixturevalue(package)) as archive:
        archive.extractall(tmp_path)
    site_packages = str(tmp_path / below)
    trimmed = answers(trained, [ROOT, site_packages], "-S")  # -S: without the developer's packages
    assert trimmed["numpy"].startswith(site_packages)
    assert not os.path.exists(os.path.join(site_packages, "numpy", "random"))
    assert trimmed["bodies"] == answers(trained, [ROOT])["bodies"]


def test_the_training_layer_has_numpy_whole(tmp_path: Path) -> None:
    with zipfile.ZipFile(aws.training_layer()) as archive:
        archive.extractall(tmp_path)
    parts = "numpy.random, numpy.fft, numpy.polynomial, numpy.ma, numpy.testing, numpy.f2py"
    subprocess.run(
        [sys.executable, "-S", "-c", f"import {parts}, sklearn.svm, sklearn.cluster, sklearn.linear_model"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "python")},
        check=True,
        timeout=120,
    )


def test_a_function_of_one_model_is_at_most_20_mb() -> None:
    assert len(aws.model_function(b"")) <= 20_000_000
