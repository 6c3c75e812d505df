"""The built packages on Google's own runtime, functions-framework, beside stand-ins for the rest."""

import glob
import hashlib
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sklearn.datasets import load_iris

from handlers.settings import read_settings
from providers.google.deploying import packaging
from providers.google.runtime.store import gcs_store
from tests.google import gcs, tasks
from tests.google.conftest import make_service
from tests.runtime.google_runtime import CloudRunFunction, environment_of

BUCKET, KEY = "demo-1-serverless-ml-dev", "sml_test_key"
CALLER = "serverless-ml-dev-caller@demo-1.iam.gserviceaccount.com"
EVENT = {
    "content_type": "application/json",
    "ce_id": "1",
    "ce_source": "//pubsub.googleapis.com/projects/demo-1/topics/serverless-ml-dev-sweep",
    "ce_type": "google.cloud.pubsub.topic.v1.messagePublished",
    "ce_specversion": "1.0",
}


class Stage(NamedTuple):
    """Three functions and what stands beside them."""

    api: CloudRunFunction
    train: CloudRunFunction
    sweep: CloudRunFunction
    beside: tasks.Beside
    buckets: gcs.Buckets
    keys: str

    def ask(self, method: str, target: str, document: Any = None) -> tuple[int, Any]:
        """One request to the api, with the key."""
        body = b"" if document is None else json.dumps(document).encode()
        answer = self.api.call(
            method, target, body, authorization=f"Bearer {KEY}", content_type="application/json"
        )
        return answer.status, json.loads(answer.body)

    def deliver(self) -> list[int]:
        """What Cloud Tasks does: send every task that is there; the answers' statuses."""
        waiting, self.beside.tasks[:] = list(self.beside.tasks), []
        return [
            self.train.call("POST", "/", task.body, content_type="application/json").status
            for task in waiting
        ]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("google")
    keys = str(folder / "records.json")
    service = make_service()
    zips = packaging.build(service)
    buckets = gcs.Buckets(implicit=False)
    buckets.create(BUCKET, {})
    with gcs.running(buckets) as storage, tasks.running() as beside:
        env = {
            **beside.env,
            "STORAGE_EMULATOR_HOST": storage,
            "ML_BUCKET": BUCKET,
            "ML_QUEUE": tasks.QUEUE,
            "ML_TRAIN_URL": "https://europe-west1-demo-1.cloudfunctions.net/serverless-ml-dev-train",
            "ML_CALLER": CALLER,
            "ML_KEYS_FILE": keys,
            "ML_KEY_TTL": "0",
            "ML_ALIAS_TTL": "0",
            "ML_MAX_WAIT": "50",
            "THREADS": str(service.functions["api"].settings["concurrency"]),
        }

        def function(name: str, signature: str = "http") -> CloudRunFunction:
            lock = service.functions[name].settings["requirements"]
            place = str(folder / name)
            return CloudRunFunction(
                name, package=zips[name], requirements=lock, folder=place, env=env, signature=signature
            )

        with function("api") as api, function("train") as train, function("sweep", "cloudevent") as sweep:
            yield Stage(api, train, sweep, beside, buckets, keys)


@pytest.fixture
def with_key(stage: Stage) -> Stage:
    record = {"id": "a", "role": "admin", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
    with open(stage.keys, "w", encoding="utf-8") as file:
        json.dump([record], file)
    return stage


def test_without_a_key_configured_everything_but_health_is_closed(stage: Stage) -> None:
    if os.path.exists(stage.keys):
        os.remove(stage.keys)
    assert json.loads(stage.api.call("GET", "/v2/health/live").body) == {"live": True}
    assert stage.ask("GET", "/v1/models")[0] == 503


def test_a_request_without_the_key_is_refused(with_key: Stage) -> None:
    assert with_key.api.call("GET", "/v1/models").status == 401
    assert with_key.ask("GET", "/v1/models")[0] == 200


def test_a_model_is_trained_by_a_task_and_predicts(with_key: Stage) -> None:
    """The whole way: submit, a task in the queue, its delivery, a version, a prediction."""
    iris = load_iris()
    body = {
        "algorithm": "logistic_regression",
        "instances": iris.data.tolist(),
        "targets": [str(iris.target_names[target]) for target in iris.target],
    }
    status, job = with_key.ask("POST", "/v1/models/iris:train", body)
    assert status == 202, job
    (task,) = with_key.beside.tasks
    assert json.loads(task.body) == {"job": job["id"]}
    assert (task.url, task.caller) == (
        "https://europe-west1-demo-1.cloudfunctions.net/serverless-ml-dev-train",
        CALLER,
    )
    assert with_key.deliver() == [204]
    status, job = with_key.ask("GET", f"/v1/jobs/{job['id']}")
    assert (job["state"], job["version"]) == ("succeeded", 1)
    status, answer = with_key.ask("POST", "/v1/models/iris:predict", {"instances": [[5.1, 3.5, 1.4, 0.2]]})
    assert (status, answer["predictions"]) == (200, ["setosa"])


def test_a_task_that_is_delivered_twice_makes_one_version(with_key: Stage) -> None:
    body = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "instances": [[0.0], [1.0], [9.0], [10.0]],
    }
    with_key.ask("POST", "/v1/models/twice:train", body)
    with_key.beside.tasks.append(with_key.beside.tasks[0])
    assert with_key.deliver() == [204, 204]
    assert [each["version"] for each in with_key.ask("GET", "/v1/models/twice")[1]["versions"]] == [1]


def test_with_every_place_taken_by_requests_that_wait_the_others_answer(with_key: Stage) -> None:
    body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": [[0], [1], [9]]}
    headers = {"authorization": f"Bearer {KEY}", "content_type": "application/json", "prefer": "wait=50"}
    places = read_settings({}).max_waiting

    def wait(_: int) -> tuple[int, str]:
        answer = with_key.api.call("POST", "/v1/models/waited:train", json.dumps(body).encode(), **headers)
        return answer.status, answer.headers.get("preference-applied", "")

    def queued() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = with_key.ask("GET", "/v1/jobs?state=queued&model=waited")[1]["jobs"]
        return found

    with ThreadPoolExecutor(places) as callers:
        waiters = [callers.submit(wait, number) for number in range(places)]
        while len(queued()) < places:
            assert not any(each.done() for each in waiters)
        assert with_key.ask("GET", "/v1/models")[0] == 200
        assert not any(each.done() for each in waiters), "they wait on"
        for job in queued():
            with_key.ask("DELETE", f"/v1/jobs/{job['id']}")
    assert [each.result() for each in waiters] == [(200, "wait=50")] * places
    assert with_key.deliver() == [204] * places


def test_training_without_the_queue_answers_the_finished_job(with_key: Stage) -> None:
    event = {
        "model": "direct",
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "instances": [[0.0], [1.0], [9.0], [10.0]],
    }
    answer = with_key.train.call("POST", "/", json.dumps(event).encode(), content_type="application/json")
    assert json.loads(answer.body)["state"] == "succeeded"


def test_a_message_that_names_no_job_is_a_dead_letter_in_the_bucket(with_key: Stage) -> None:
    """Cloud Tasks has none of its own: what it gives up is gone."""
    task = {"content_type": "application/json", "X_CloudTasks_TaskRetryCount": "0"}
    assert with_key.train.call("POST", "/", b"{", **task).status == 204
    store = gcs_store(BUCKET, "", env=with_key.train.env)
    (buried,) = store.list("dead-letters/").objects
    assert store.get(buried.key).data == b"{"


def test_a_task_that_fails_is_repeated_until_it_is_a_dead_letter(with_key: Stage) -> None:
    store = gcs_store(BUCKET, "", env=with_key.train.env)
    before = len(store.list("dead-letters/").objects)
    job = "f" * 28
    store.write_stream(f"jobs/{job}.json", [b"[]"])  # not a document of ours
    message = json.dumps({"job": job}).encode()
    task = {"content_type": "application/json"}
    assert with_key.train.call("POST", "/", message, X_CloudTasks_TaskRetryCount="3", **task).status == 500
    assert with_key.train.call("POST", "/", message, X_CloudTasks_TaskRetryCount="19", **task).status == 204
    assert len(store.list("dead-letters/").objects) == before + 1
    store.delete(f"jobs/{job}.json")


def test_a_training_that_cannot_end_in_its_time_fails_before_the_platform_ends_it(
    with_key: Stage, tmp_path: Path
) -> None:
    """`timeoutSeconds` is half an hour; here it is a little more than what is kept for the last words."""
    train = make_service().functions["train"]
    event = {
        "model": "late",
        "algorithm": "svm",
        "hyperparameters": {"C": 10_000},
        "instances": [[float(i % 97), float(i % 89)] for i in range(12_000)],
        "targets": [i % 2 for i in range(12_000)],
    }
    with CloudRunFunction(
        "train",
        package=packaging.build(make_service())["train"],
        requirements=train.settings["requirements"],
        folder=str(tmp_path / "train"),
        env={**with_key.train.env, "ML_TRAIN_SECONDS": "48"},
    ) as function:
        answer = function.call("POST", "/", json.dumps(event).encode(), content_type="application/json")
    job = json.loads(answer.body)
    assert (job["state"], job["error"]["code"]) == ("failed", "deadline_exceeded")


def test_the_sweep_takes_a_cloudevent_and_clears_what_a_finished_job_left(with_key: Stage) -> None:
    body = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "instances": [[0.0], [1.0], [9.0], [10.0]],
    }
    _, job = with_key.ask("POST", "/v1/models/swept:train", body)
    with_key.deliver()
    left = f"jobs/{job['id']}/input"
    with_key.buckets.put(BUCKET, left, b"left behind", {})
    message = {
        "message": {"data": "e30=", "messageId": "1"},
        "subscription": "projects/demo-1/subscriptions/s",
    }
    assert with_key.sweep.call("POST", "/", json.dumps(message).encode(), **EVENT).status == 200
    assert left not in with_key.buckets.objects[BUCKET]


def test_the_page_to_try_it_is_in_the_package(with_key: Stage) -> None:
    page = with_key.api.call("GET", "/docs", authorization=f"Bearer {KEY}")
    assert (page.status, page.headers["content-type"].split(";")[0]) == (200, "text/html")


def test_a_body_in_chunks_is_read(with_key: Stage) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", with_key.api.port, timeout=60)
    body = json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]]}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request(
        "POST", "/v1/models/none:predict", iter([body[:10], body[10:]]), headers, encode_chunked=True
    )
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (404, "model_not_found")
    connection.close()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PUT", "/v1/models", 405),
        ("POST", "/v1/models/iris:predict", 400),
        ("GET", "/v1/models/%C3%BC", 404),
        ("GET", "/v1/models?limit=0", 422),
    ],
)
def test_bad_requests_get_our_own_problems(with_key: Stage, method: str, target: str, status: int) -> None:
    answer = with_key.api.call(method, target, authorization=f"Bearer {KEY}")
    problem = json.loads(answer.body)
    assert answer.status == problem["status"] == status, problem
    assert answer.headers["content-type"] == "application/json"


PREDICT_ONCE = """
import sys
from handlers.clouds import google
class Request:
    headers = {}
    path = "/v1/models/light:predict"
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "HTTP_X_API_KEY": sys.argv[1]}
    def get_data(self):
        return b'{"instances": [[0.5]]}'
print(google.api(Request())[1])
print(sorted({"numpy", "sklearn", "http.client", "google.auth", "flask"} & set(sys.modules)))
"""


def test_a_first_prediction_loads_neither_numpy_nor_an_http_client_of_ours(with_key: Stage) -> None:
    """In a fresh process, from the package alone: the keys come from a file and the model through obstore."""
    body = {
        "algorithm": "kmeans",
        "hyperparameters": {"n_clusters": 2},
        "instances": [[0.0], [1.0], [9.0], [10.0]],
    }
    with_key.ask("POST", "/v1/models/light:train", body)
    with_key.deliver()
    python = os.path.join(environment_of("requirements/google-api.txt"), "bin", "python")
    done = subprocess.run(
        [python, "-c", PREDICT_ONCE, KEY],
        cwd=with_key.api.folder,
        env=with_key.api.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["200", "[]"]


def test_the_apis_environment_holds_no_google_client() -> None:
    """What is needed of Google goes through obstore and one REST call."""
    (library,) = glob.glob(os.path.join(environment_of("requirements/google-api.txt"), "lib", "python3*"))
    installed = [os.path.basename(path) for path in glob.glob(f"{library}/site-packages/*.dist-info")]
    assert [name for name in installed if name.startswith(("google", "grpc", "proto"))] == []
    assert [name for name in installed if name.startswith(("functions_framework", "obstore"))] != []
