"""What a fresh process has loaded: the price of a first prediction."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from ml_core import train_model
from ml_core.model.model import Model
from tests.unit.ml_core.reference import CLASSIFICATION

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
# Each costs more than a prediction does.
HEAVY = {
    "numpy", "scipy", "sklearn", "safetensors", "threadpoolctl",
    "dataclasses", "pathlib", "logging", "urllib", "base64", "subprocess", "http", "inspect", "ast",
}  # fmt: skip
PREDICT = """
import json, sys
from ml_core.model.model import Model
from ml_core.inputs.instances import rows_from_json
from ml_core.inputs.rows import Limits
with open(sys.argv[1], "rb") as file:
    model = Model.from_bytes(file.read())
rows = rows_from_json(json.loads(sys.argv[2]) * int(sys.argv[3]), features=model.features, limits=Limits())
labels = model.predict_rows(rows, model.outputs)["label"]
print(json.dumps({"labels": labels, "modules": list(sys.modules)}))
"""


def run(code: str, *arguments: str) -> Any:
    """What the code prints, in a process that starts with nothing loaded."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def loaded(modules: list[str]) -> set[str]:
    """The top-level packages among modules."""
    return {module.partition(".")[0] for module in modules}


@pytest.fixture(
    scope="module", params=["logistic_regression", "svm", "svm linear", "kmeans", "kmeans scaled"]
)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """An artifact's path, and one row as JSON."""
    algorithm, _, choice = request.param.partition(" ")
    X, y = CLASSIFICATION["digits"].data, CLASSIFICATION["digits"].target
    choices: dict[str, dict[str, Any]] = {"": {}, "linear": {"kernel": "linear"}, "scaled": {"scale": True}}
    model = train_model(X, None if algorithm == "kmeans" else y, algorithm, **choices[choice])
    path = tmp_path_factory.mktemp("fresh") / "model"
    path.write_bytes(model.to_bytes())
    return str(path), json.dumps([X[0].tolist()])


def test_one_row_needs_neither_numpy_nor_anything_heavy(saved: tuple[str, str]) -> None:
    told = run(PREDICT, *saved, "1")
    assert not loaded(told["modules"]) & HEAVY
    assert len(told["labels"]) == 1


def test_a_thousand_rows_need_numpy_but_nothing_that_trains(saved: tuple[str, str]) -> None:
    told = run(PREDICT, *saved, "1000")
    assert loaded(told["modules"]) & {"numpy", "scipy", "sklearn", "safetensors", "threadpoolctl"} == {
        "numpy"
    }
    assert told["labels"] == run(PREDICT, *saved, "1")["labels"] * 1000


def test_only_the_algorithm_that_predicts_is_imported(saved: tuple[str, str]) -> None:
    with open(saved[0], "rb") as file:
        name = Model.from_bytes(file.read()).algorithm
    imported = {
        module for module in run(PREDICT, *saved, "1")["modules"] if module.startswith("ml_core.algorithms.")
    }
    contract = {f"ml_core.algorithms.{part}" for part in ("base", "outputs", "tasks")}
    assert imported == {f"ml_core.algorithms.{name}", *contract}


CHECK = """
import json, sys
from ml_core.inputs.rows import Limits
from ml_core.algorithms import algorithms
from ml_core.training.notebook import check_request
check_request(json.loads(sys.argv[1]), Limits()).to_bytes()
[info.schema() for info in algorithms().values()]
print(json.dumps(list(sys.modules)))
"""


def test_requests_are_checked_and_algorithms_listed_without_numpy() -> None:
    body = {"algorithm": "svm", "instances": [[0.0], [1.0]] * 50, "targets": [True, False] * 50}
    assert not loaded(run(CHECK, json.dumps(body))) & {"numpy", "scipy", "sklearn", "threadpoolctl"}


THREADS = """
import json, os
from ml_core.arithmetic import vectorised
print(json.dumps(os.environ.get("OPENBLAS_NUM_THREADS")))
"""


def test_numpys_threads_are_set_for_its_import_alone() -> None:
    """A process that is started later reads its own environment."""
    assert run(THREADS) == os.environ.get("OPENBLAS_NUM_THREADS")
    assert run("import os; os.environ['OPENBLAS_NUM_THREADS'] = '3'" + THREADS) == "3"


def test_the_package_itself_imports_nothing_but_offers_the_articles_functions() -> None:
    told = run("import json, sys, ml_core; print(json.dumps([sorted(sys.modules), ml_core.__all__]))")
    assert not {module for module in told[0] if module.startswith("ml_core.")}
    assert told[1] == ["from_onnx", "from_scikit_learn", "predict", "train_model"]
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        __import__("ml_core").fit  # noqa: B018


TRAIN = """
import hashlib, json, sys
from sklearn import datasets
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import check_request, fit
X, y = datasets.load_digits(return_X_y=True)
digests = {}
for algorithm in ("logistic_regression", "svm", "kmeans"):
    targets = None if algorithm == "kmeans" else y.tolist()
    body = {"algorithm": algorithm, "instances": X.tolist(), "targets": targets}
    trained = fit(check_request(body, Limits()), lambda *_: None)
    digests[algorithm] = hashlib.sha256(trained.artifact).hexdigest()
print(json.dumps(digests))
"""


def test_every_process_trains_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the seed of hashing nor threads that finish in another order change a bit."""
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    digests = []
    for seed in ("0", "1"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        digests.append(run(TRAIN))
    assert digests[0] == digests[1]
