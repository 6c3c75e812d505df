"""The pages for who comes from elsewhere: their code runs, and what it leaves is brought here.

Run by `make oracles`. Each library is in an environment of its own, with our client beside it. The blocks
that are marked as theirs run there in the page's order, and with them ours that bring a model over. Then the
bodies of the page are sent to their server and to ours, for the same model.

SageMaker's code runs with nobody behind it: botocore checks each request that it would send.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from documenting.pages import ROOT
from tests.e2e.local_server import LocalServer
from tests.oracles.followed_page import FollowedPage, Source
from tests.pages.marks import KINDS
from tests.pages.reading import PYTHON, blocks

ROW = {"age": 44, "spend": 8.0, "plan": "basic", "country": "DE"}
MLFLOW = Source(
    page="docs/coming-from-mlflow.md",
    tool="mlflow",
    serves="mlflow models serve ",
    port=5000,
    health="/health",
)
BENTOML = Source(
    page="docs/coming-from-bentoml.md",
    tool="bentoml",
    serves="bentoml serve ",
    port=3000,
    health="/readyz",
)
# What the page says that MLflow takes and `:predict` does not, and what `:predict` says then.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"inputs": [ROW]}, "$.inputs[0]: expected a list, got an object"),
    ({"instances": [ROW], "params": {}}, "has 'params', which is not known here"),
]
# The bodies of the page on BentoML, beside those that mean the same here.
SAME = [
    ({"rows": [ROW]}, {"instances": [ROW]}),
    ({"rows": {name: [value] for name, value in ROW.items()}}, {"inputs": {n: [v] for n, v in ROW.items()}}),
]
# What the page's code asks of SageMaker, in its order.
DEEDS = [
    "CreateTrainingJob",
    "CreateModel",
    "CreateModelPackage",
    "CreateEndpointConfig",
    "CreateEndpoint",
    "InvokeEndpoint",
    "CreateEndpointConfig",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
    "CreateProcessingJob",
    "CreateMonitoringSchedule",
    "DeleteEndpoint",
    "DeleteEndpointConfig",
    "DeleteModel",
]


def test_mlflow_s_code_runs_and_its_models_and_bodies_are_brought(tmp_path: Path) -> None:
    with _service(tmp_path) as ours, FollowedPage(MLFLOW, tmp_path, ours.url) as theirs:
        sent = theirs.bodies("/from-folder:predict")
        assert [name for body in sent for name in body] == [
            "dataframe_split",
            "dataframe_records",
            "instances",
            "inputs",
        ]
        for body in sent:
            assert _answered(ours, "from-mlflow", body) == theirs.ask("/invocations", body)["predictions"]
        for body, _ in REFUSED[:1]:
            assert theirs.ask("/invocations", body)["predictions"]


def test_bentoml_s_code_runs_and_its_models_and_bodies_are_brought(tmp_path: Path) -> None:
    with _service(tmp_path) as ours, FollowedPage(BENTOML, tmp_path, ours.url) as theirs:
        for body, same in SAME:
            assert theirs.ask("/predict", body) == _answered(ours, "from-bentoml", same)
        assert _answered(ours, "from-store", SAME[0][1]) == _answered(ours, "from-bentoml", SAME[0][1])


@pytest.mark.parametrize(("body", "why"), REFUSED)
def test_what_predict_is_said_not_to_take_it_refuses(tmp_path: Path, body: Any, why: str) -> None:
    with _service(tmp_path) as ours:
        rows = [[44, 8.0, "basic", "DE"], [45, 9.0, "pro", "FR"]] * 2
        trained = {"algorithm": "logistic_regression", "feature_names": [*ROW], "instances": rows}
        ours.train("asked", {**trained, "targets": ["no", "yes"] * 2, "test_fraction": 0})
        answer = ours.call("POST", "/v1/models/asked:predict", body)
    assert answer.status == 422
    assert why in answer.body["detail"]


def test_sagemaker_s_sdk_takes_what_the_page_says(tmp_path: Path) -> None:
    theirs = [
        each for each in blocks("docs/coming-from-sagemaker.md") if each.mark.startswith(KINDS["theirs"])
    ]
    assert all(each.language == PYTHON for each in theirs)
    region = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    done = subprocess.run(
        [ROOT / ".tools/sagemaker/bin/python", ROOT / "tests/oracles/sagemaker_stand_in.py"],
        input=json.dumps([(str(each), each.text) for each in theirs]),
        cwd=tmp_path,
        env={**os.environ, **region, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    operations = json.loads(done.stdout)
    assert [each for each in operations if each in DEEDS] == DEEDS


def _service(folder: Path) -> LocalServer:
    return LocalServer(folder / "root", ML_ONNX="here", ML_MAX_WAIT="50")


def _answered(service: LocalServer, model: str, body: Any) -> Any:
    answer = service.call("POST", f"/v1/models/{model}:predict", body)
    assert answer.status == 200, answer
    return answer.body.get("predictions", answer.body.get("outputs"))
