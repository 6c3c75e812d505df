"""A whole life on Google Cloud, by the framework's own verbs: deploy, key, train, predict, invoke, remove.

The project is a stand-in; the functions are real: what was uploaded runs under functions-framework with the
settings that were sent. The tests build on one another, in the order in which a person would do these things.
"""

import json
import os
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris

from tests.framework import Project
from tests.google import cloud, gcs, tasks
from tests.runtime.google_runtime import CloudRunFunction

BUCKET = "demo-1-serverless-ml-dev-europe-west1"
LOCATION = "projects/demo-1/locations/europe-west1"
SECRET = "projects/demo-1/secrets/serverless-ml-dev-europe-west1-keys"
IRIS = load_iris()


class Life:
    """The stand-in project, the framework on it, and what the tests learn on the way."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder = folder
        self.running = running
        self.cloud, self.buckets = cloud.Cloud(), gcs.Buckets(implicit=False)
        url = running.enter_context(cloud.running(self.cloud))
        self.storage = running.enter_context(gcs.running(self.buckets))
        self.beside = running.enter_context(tasks.running())
        env = {
            "GOOGLE_ENDPOINT_URL": url,
            "GOOGLE_ENDPOINT_URL_STORAGE": self.storage,
            "GOOGLE_CLOUD_PROJECT": "demo-1",
            "ML_ROOT": str(folder / "laptop"),
        }
        (folder / "project").mkdir()
        self.project = Project(str(folder / "project"), env)
        self.functions: dict[str, CloudRunFunction] = {}
        self.key = ""

    def serverless(self, *arguments: str) -> str:
        return self.project.serverless(*arguments, "--stage", "dev", "--param", "cloud=google")

    def run_what_was_uploaded(self) -> None:
        """Give each function's address to functions-framework on its zip."""
        for name in ("api", "train", "sweep"):
            found = self.cloud.functions[f"{LOCATION}/functions/serverless-ml-dev-{name}"]
            package = self.folder / f"{name}.zip"
            package.write_bytes(self.cloud.uploads[found["buildConfig"]["source"]["storageSource"]["object"]])
            env = {**found["serviceConfig"]["environmentVariables"], **self.beside.env}
            env |= {"STORAGE_EMULATOR_HOST": self.storage, "ML_KEY_TTL": "0"}
            if "ML_KEYS_FILE" in env:
                env["ML_KEYS_FILE"] = str(self.folder / "records.json")
            lock = "requirements/google-train.txt" if name == "train" else "requirements/google-api.txt"
            self.functions[name] = self.running.enter_context(
                CloudRunFunction(
                    found["buildConfig"]["entryPoint"],
                    package=str(package),
                    requirements=lock,
                    folder=str(self.folder / name),
                    env=env,
                    signature="cloudevent" if "eventTrigger" in found else "http",
                )
            )
            found["serviceConfig"]["uri"] = self.functions[name].url

    def mount_keys(self) -> None:
        """What the platform does when the function reads the file: the newest version."""
        newest = next(each for each in self.cloud.versions[SECRET] if each["state"] == "ENABLED")
        (self.folder / "records.json").write_bytes(b64decode(newest["data"]))

    def deliver(self) -> None:
        """What Cloud Tasks does."""
        waiting, self.beside.tasks[:] = list(self.beside.tasks), []
        for task in waiting:
            assert self.functions["train"].call("POST", "/", task.body).status == 204

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body of a request to the deployed endpoint, with the key once there is one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.functions["api"].url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with ExitStack() as running:
        yield Life(tmp_path_factory.mktemp("life"), running)


def test_a_dry_run_names_the_steps_and_changes_nothing(life: Life) -> None:
    said = life.serverless("deploy", "--dry-run")
    assert "would:  1/26 create the service account serverless-ml-dev-" in said
    assert life.cloud.changes() == []


def test_deploy_makes_everything_and_says_where_it_is(life: Life) -> None:
    said = life.serverless("deploy")
    assert "deploy: google project demo-1, europe-west1, stage dev, service serverless-ml" in said
    assert f"endpoint  {life.cloud.url}/live/europe-west1/serverless-ml-dev-api" in said


def test_a_second_deploy_changes_nothing(life: Life) -> None:
    before = len(life.cloud.changes())
    assert "nothing to change" in life.serverless("deploy")
    assert len(life.cloud.changes()) == before


def test_a_page_at_a_new_address_may_use_the_bucket_after_the_next_deploy(life: Life) -> None:
    life.run_what_was_uploaded()
    assert "1/1 update the bucket" in life.serverless("deploy")
    assert "nothing to change" in life.serverless("deploy")


def test_it_is_closed_until_there_is_a_key(life: Life) -> None:
    life.mount_keys()
    assert life.call("GET", "/v1/models")[0] == 503
    said = life.project.python(
        *["-m", "providers", "keys", "new", "--stage", "dev", "--cloud", "google", "--role", "admin"]
    )
    assert "secret serverless-ml-dev-europe-west1-keys, project demo-1, read in europe-west1" in said
    life.key = said.split()[-1]
    life.mount_keys()
    assert life.call("GET", "/v1/models")[1]["models"] == []


def test_a_model_is_trained_and_predicts(life: Life) -> None:
    body = {
        "algorithm": "logistic_regression",
        "instances": IRIS.data.tolist(),
        "targets": [str(IRIS.target_names[target]) for target in IRIS.target],
    }
    status, job = life.call("POST", "/v1/models/iris:train", body)
    assert status == 202, job
    life.deliver()
    assert life.call("GET", f"/v1/jobs/{job['id']}")[1]["state"] == "succeeded"
    status, answer = life.call("POST", "/v1/models/iris:predict", {"instances": [[6.7, 3.0, 5.2, 2.3]]})
    assert (status, answer["predictions"]) == (200, ["virginica"])


def test_invoke_calls_the_deployed_functions(life: Life) -> None:
    life.project.set(ML_KEY=life.key)
    event = json.dumps({"model": "iris", "instances": [[5.1, 3.5, 1.4, 0.2]]})
    assert '"setosa"' in life.serverless("invoke", "--function", "api", "--data", event)
    http = life.serverless("invoke", "--function", "api", "--path", "events/predict.json")
    assert '"statusCode": 200' in http
    trained = life.serverless("invoke", "--function", "train", "--path", "events/train.json")
    assert '"state": "succeeded"' in trained
    assert '"statusCode": 200' in life.serverless("invoke", "--function", "sweep")


def test_invoke_local_needs_no_cloud(life: Life) -> None:
    trained = life.serverless("invoke", "local", "--function", "train", "--path", "events/train.json")
    assert '"state": "succeeded"' in trained
    answered = life.serverless("invoke", "local", "--function", "api", "--path", "events/predict.json")
    assert '"statusCode": 200' in answered
    assert "setosa" in answered or "predictions" in answered
    assert "sweep" in life.serverless("invoke", "local", "--function", "sweep")


def test_info_and_logs(life: Life) -> None:
    info = life.serverless("info")
    assert f"endpoint  {life.functions['api'].url}" in info
    assert f"bucket    {BUCKET}" in info
    life.cloud.entries = [{"timestamp": "2026-11-23T10:00:00Z", "textPayload": "one line"}]
    assert "one line" in life.serverless("logs", "--function", "api", "--startTime", "2h")


def test_package_lists_the_zips(life: Life) -> None:
    said = life.serverless("package")
    for name in ("api", "train", "sweep"):
        assert f"serverless-ml-dev-{name}.zip" in said
        assert os.path.exists(life.project.path(".serverless", f"serverless-ml-dev-{name}.zip"))


@pytest.mark.parametrize(
    ("arguments", "env", "said"),
    [
        (["--param", "cloud=google"], {"GOOGLE_CLOUD_PROJECT": ""}, "no Google Cloud project"),
        (
            ["--param", "cloud=google"],
            {"GOOGLE_ENDPOINT_URL": "", "GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent.json"},
            "no Google credentials",
        ),
        (["--param", "cloud=oracle"], {}, 'unknown cloud "oracle"'),
    ],
)
def test_what_is_missing_is_one_clear_line_and_exit_code_1(
    life: Life, arguments: list[str], env: dict[str, str], said: str
) -> None:
    ran = life.project.try_serverless("deploy", "--stage", "dev", *arguments, timeout=60, **env)
    assert ran.status == 1
    assert said in ran.said
    assert "Traceback" not in ran.said
    assert "    at " not in ran.said


@pytest.mark.parametrize("verb", [["info"], ["invoke", "--function", "api"], ["remove", "--yes"]])
def test_a_verb_in_another_region_says_where_the_deployment_is(life: Life, verb: list[str]) -> None:
    before = len(life.cloud.changes()), sorted(life.buckets.objects[BUCKET])
    ran = life.project.try_serverless(
        *verb, "--stage", "dev", "--param", "cloud=google", "--param", "region=us-central1"
    )
    assert ran.status == 1
    assert "it is in europe-west1 (3 functions): pass --param region=europe-west1" in ran.said
    assert (len(life.cloud.changes()), sorted(life.buckets.objects[BUCKET])) == before


def test_a_second_region_comes_and_goes_without_a_trace_in_the_first(life: Life) -> None:
    models, functions = sorted(life.buckets.objects[BUCKET]), dict(life.cloud.functions)
    said = life.serverless("deploy", "--param", "region=us-central1")
    assert "deploy: google project demo-1, us-central1, stage dev, service serverless-ml" in said
    assert "this stage is also in europe-west1 (3 functions)" in said
    assert len(life.cloud.functions) == 6
    said = life.serverless("remove", "--yes", "--param", "region=us-central1")
    assert life.cloud.functions == functions
    assert sorted(life.buckets.objects[BUCKET]) == models
    assert "nothing to change" in life.serverless("deploy")


def test_remove_does_not_delete_models_unasked(life: Life) -> None:
    ran = life.project.try_serverless("remove", "--stage", "dev", "--param", "cloud=google")
    assert ran.status == 1
    assert "nothing was removed" in ran.said
    assert len(life.cloud.functions) == 3


def test_remove_leaves_nothing(life: Life) -> None:
    life.serverless("remove", "--yes")
    assert (life.cloud.resources, life.cloud.functions, life.buckets.objects) == ({}, {}, {})


def test_what_is_gone_is_no_error(life: Life) -> None:
    assert "nothing to remove in any region" in life.serverless("remove")
