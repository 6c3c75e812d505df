"""The packaged functions, from their zips alone: under AWS's runtime client or ours, and AWS's emulator."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import boto3
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from providers.aws.deploying.identity import identify
from providers.aws.deploying.key_store import SsmKeys
from providers.aws.runtime.store import s3_store
from providers.deploying.keys import new_key
from tests.framework import Packages
from tests.ministack import Ministack
from tests.runtime.lambda_runtime import Function, runtime_client, unpacked

BUCKET = "packaged-models"
PARAMETER = "/packaged/keys"


@pytest.fixture(scope="module")
def folders(aws_packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the zips lie unpacked: the code, and each function's layer."""
    root = tmp_path_factory.mktemp("lambda")
    return {
        "runtime": runtime_client(str(root)),
        "task": unpacked([aws_packages.code], str(root / "task")),
        "api": unpacked([aws_packages.predict_layer], str(root / "opt-api")),
        "train": unpacked([aws_packages.training_layer], str(root / "opt-train")),
    }


@pytest.fixture(scope="module")
def key(ministack: Ministack) -> str:
    """A key that may do everything, its record in the parameter store; the bucket exists too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ministack.env.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": ministack.env["AWS_REGION"]}
        )
        made = new_key("admin")
        identity = identify(ministack.env, ministack.env["AWS_REGION"])
        SsmKeys(identity, PARAMETER).write([made.record])
    return made.key


@pytest.fixture(scope="module", params=["aws", "own"])
def client(request: pytest.FixtureRequest) -> str:
    """Who talks to the Runtime API: AWS's client, or ours."""
    return str(request.param)


def function(
    name: str,
    folders: dict[str, str],
    ministack: Ministack,
    client: str,
    timeout: int = 60,
    **more: str,
) -> Function:
    queue = "http://localhost/nobody-listens"
    known = {"ML_BUCKET": BUCKET, "ML_QUEUE_URL": queue, "ML_KEYS_PARAMETER": PARAMETER}
    return Function(
        f"handlers.clouds.aws.{name}",
        task=folders["task"],
        opt=folders[name],
        runtime=folders["runtime"],
        env={**ministack.env, **known, **more},
        timeout=timeout,
        client=client,
    )


@pytest.fixture(scope="module")
def trained(folders: dict[str, str], ministack: Ministack, key: str, client: str) -> dict[str, Any]:
    """The jobs of three models, each trained by a packaged `train` in its runtime."""
    assert key
    cancer, wine, iris = load_breast_cancer(), load_wine(), load_iris()
    events = {
        "cancer": ("logistic_regression", cancer.data, [str(cancer.target_names[t]) for t in cancer.target]),
        "iris": ("svm", iris.data, [int(t) for t in iris.target]),
        "wine": ("kmeans", wine.data, None),
    }
    with function("train", folders, ministack, client) as train:
        return {
            model: train.invoke(
                {"model": model, "algorithm": algorithm, "instances": rows.tolist()}
                | ({"targets": targets} if targets else {})
            )
            for model, (algorithm, rows, targets) in events.items()
        }


@pytest.fixture(scope="module")
def api(
    folders: dict[str, str], ministack: Ministack, trained: dict[str, Any], client: str
) -> Iterator[Function]:
    """A packaged `api` in its runtime, with three models to serve."""
    assert trained
    with function("api", folders, ministack, client) as running:
        yield running


def request(api: Function, path: str, body: object, key: str | None) -> tuple[int, Any]:
    """Call `api` with an HTTP API's event; status and body."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"} | ({"x-api-key": key} if key else {}),
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default", "requestId": "1"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = api.invoke(event)
    return answer["statusCode"], json.loads(answer["body"])


def test_the_packaged_trainer_fits_all_three_algorithms(trained: dict[str, Any]) -> None:
    assert {model: job["state"] for model, job in trained.items()} == dict.fromkeys(trained, "succeeded")
    assert len({job["version"] for job in trained.values()}) == 1
    assert trained["cancer"]["metrics"]["test"]["accuracy"] > 0.9


def test_a_training_that_cannot_end_in_its_time_fails_before_lambda_ends_it(
    folders: dict[str, str], ministack: Ministack, key: str, client: str
) -> None:
    """What is left is told by Lambda's own context."""
    assert key
    event = {
        "model": "late",
        "algorithm": "svm",
        "hyperparameters": {"C": 10_000},
        "instances": [[float(i % 97), float(i % 89)] for i in range(12_000)],
        "targets": [i % 2 for i in range(12_000)],
    }
    with function("train", folders, ministack, client, timeout=18) as train:
        job = train.invoke(event)
    assert (job["state"], job["error"]["code"]) == ("failed", "deadline_exceeded")
    assert "train function's timeout" in job["error"]["message"]


@pytest.mark.parametrize(
    ("model", "rows"),
    [("cancer", 1), ("cancer", 569), ("iris", 1), ("iris", 150), ("wine", 1), ("wine", 178)],
)
def test_one_row_and_many_are_predicted_from_the_zips(api: Function, key: str, model: str, rows: int) -> None:
    """Few rows need no numpy, many take the packaged one."""
    data = {"cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine}[model]()
    status, body = request(api, f"/v1/models/{model}:predict", {"instances": data.data[:rows].tolist()}, key)
    assert status == 200, body
    assert len(body["predictions"]) == rows
    if model == "cancer" and rows > 1:
        truth = data.target_names[data.target]
        assert np.mean(np.array(body["predictions"]) == truth) > 0.95


def test_a_request_without_a_key_is_refused(api: Function) -> None:
    status, body = request(api, "/v1/models/iris:predict", {"instances": [[1, 2, 3, 4]]}, None)
    assert (status, body["code"]) == (401, "unauthenticated")


def test_the_events_in_the_repository_are_events_of_the_real_runtime(
    folders: dict[str, str], ministack: Ministack, api: Function, key: str, client: str
) -> None:
    with open("events/train.json", encoding="utf-8") as source:
        event = json.load(source)
    with function("train", folders, ministack, client) as train:
        assert train.invoke({**event, "model": "iris-event"})["state"] == "succeeded"
    with open("events/predict.json", encoding="utf-8") as source:
        event = json.load(source)
    event["rawPath"] = "/v1/models/iris-event:predict"
    event["headers"]["authorization"] = f"Bearer {key}"
    answer = api.invoke(event)
    assert answer["statusCode"] == 200, answer
    labels = [each["label"] for each in json.loads(answer["body"])["predictions"]]
    assert labels == ["setosa", "virginica"]


def test_bare_events_of_invoke_are_answered_with_the_prediction_itself(api: Function) -> None:
    answer = api.invoke({"model": "wine", "instances": [load_wine().data[0].tolist()]})
    assert answer["model"]["name"] == "wine"


def test_of_all_instances_together_so_many_wait_and_the_others_answer(
    folders: dict[str, str], ministack: Ministack, key: str, trained: dict[str, Any], client: str
) -> None:
    """Lambda gives each request an instance: two of the four wait, and none of the others does."""
    assert trained
    clusters = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": [[0], [1], [9]]}
    store = s3_store(BUCKET, env=ministack.env)

    def ask(instance: Function, method: str, path: str, body: object = None, **headers: str) -> Any:
        about = {"http": {"method": method, "path": path}, "stage": "$default", "requestId": "1"}
        return instance.invoke(
            {
                "version": "2.0",
                "rawPath": path,
                "headers": {"content-type": "application/json", "x-api-key": key, **headers},
                "requestContext": about,
                "body": json.dumps(body),
                "isBase64Encoded": False,
            }
        )

    def train(instance: Function) -> Any:
        return ask(instance, "POST", "/v1/models/waited:train", clusters, prefer="wait=50")

    with ExitStack() as stack:
        settings = {"ML_MAX_WAITING": "2", "ML_MAX_WAIT": "50"}
        first, second, *others = [
            stack.enter_context(function("api", folders, ministack, client, 120, **settings))
            for _ in range(4)
        ]
        with ThreadPoolExecutor(2) as callers:
            waiters = [callers.submit(train, each) for each in (first, second)]
            while len(store.list("waiting/").objects) < 2:
                assert not any(each.done() for each in waiters)
            for other in others:
                refused = train(other)
                assert refused["statusCode"] == 202
                assert "preference-applied" not in refused["headers"]
                path, rows = "/v1/models/wine:predict", load_wine().data[:1].tolist()
                assert ask(other, "POST", path, {"instances": rows})["statusCode"] == 200
            assert not any(each.done() for each in waiters), "they wait on"
            for job in json.loads(ask(others[0], "GET", "/v1/jobs")["body"])["jobs"]:
                ask(others[0], "DELETE", f"/v1/jobs/{job['id']}")
            ended = [each.result() for each in waiters]
    assert [each["statusCode"] for each in ended] == [200, 200]
    assert [each["headers"]["preference-applied"] for each in ended] == ["wait=50"] * 2
    assert store.list("waiting/").objects == []


def test_the_log_is_json_lines_without_features_or_keys(api: Function, key: str) -> None:
    request(api, "/v1/models/wine:predict", {"instances": [load_wine().data[0].tolist()]}, key)
    logged = [line for line in api.log if line.startswith("{")]
    assert json.loads(logged[-1])["model"] == "wine"
    assert key not in "".join(logged)
    assert "14.23" not in "".join(logged)


def test_an_error_is_told_to_lambda_and_the_next_event_is_answered(
    folders: dict[str, str], ministack: Ministack, key: str, client: str
) -> None:
    """A number for an event fails in `train` itself; no caller sends one."""
    assert key
    with function("train", folders, ministack, client) as train:
        failed = train.invoke(5)
        assert failed["errorType"] == "TypeError"
        assert "'int'" in failed["errorMessage"]
        assert any("aws.py" in frame for frame in failed["stackTrace"])
        again = train.invoke({"instances": "none"})
    assert "errorType" not in again
    assert any(line.startswith("[ERROR] TypeError: ") for line in train.log)


def test_a_handler_that_cannot_be_loaded_is_told_as_such(
    folders: dict[str, str], ministack: Ministack, client: str
) -> None:
    with function("nobody", {**folders, "nobody": folders["api"]}, ministack, client) as nobody:
        assert "nobody" in nobody.invoke({})["errorMessage"]
