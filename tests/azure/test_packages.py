"""The built packages: what is in them, and that they work under Microsoft's own worker library."""

import filecmp
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from handlers.settings import read_settings
from ml_core.ports import ObjectStore
from providers.azure.deploying import packaging
from providers.azure.deploying.planning import apps_of
from providers.azure.runtime import wiring
from providers.azure.runtime.connection import connection
from providers.azure.runtime.store import blob_store as make_store
from tests.azure.conftest import make_service
from tests.azure.function_host import FunctionHost
from tests.azurite import Azurite

KEY = {"authorization": "Bearer the-key"}
ROWS = [[i / 10, (i * 7 % 10) / 3] for i in range(40)]
SLOW_TRAINING = {
    "algorithm": "svm",
    "hyperparameters": {"C": 10_000},
    "instances": [[float(i % 97), float(i % 89)] for i in range(12_000)],
    "targets": [i % 2 for i in range(12_000)],
}
TRAINING = {"algorithm": "logistic_regression", "instances": ROWS, "targets": ["a"] * 20 + ["b"] * 20}


@pytest.fixture(scope="module")
def built() -> dict[str, str]:
    service = make_service()
    return packaging.build(service, apps_of(service))


class Apps(NamedTuple):
    """Both apps and their storage, all running."""

    api: FunctionHost
    train: FunctionHost
    azurite: Azurite


def blob_store(apps: Apps) -> ObjectStore:
    return wiring.store(apps.azurite.env)


@pytest.fixture(scope="module")
def apps(built: dict[str, str], azurite: Azurite) -> Iterator[Apps]:
    azurite.make_container("models")
    azurite.make_queue("training")
    azurite.make_queue("training-poison")
    record = {"id": "1", "role": "admin", "sha256": hashlib.sha256(b"the-key").hexdigest()}
    azurite.make_container("keys")
    keys = {
        **azurite.env,
        "ML_KEYS_CONTAINER": "keys",
        "ML_MAX_WAIT": "50",
        "PYTHON_THREADPOOL_THREAD_COUNT": str(make_service().functions["api"].settings["concurrency"]),
    }
    make_store(connection(azurite.env), "keys", keys).put_if_absent(
        "records.json", json.dumps([record]).encode()
    )
    with FunctionHost(built["api"], keys) as api, FunctionHost(built["train"], azurite.env) as train:
        yield Apps(api, train, azurite)


@pytest.mark.parametrize("app", ["api", "train"])
def test_entries_are_readable_and_of_no_time(built: dict[str, str], app: str) -> None:
    """Azure refuses entries that it may not read; a time of packing would make every zip another one."""
    with zipfile.ZipFile(built[app]) as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_documents_say_what_the_packages_weigh(built: dict[str, str]) -> None:
    with open(os.path.join(make_service().folder, "docs", "azure.md"), encoding="utf-8") as file:
        (said,) = re.findall(r"two packages of (\d+) and (\d+) MB", file.read())
    assert [int(each) for each in said] == [
        round(os.path.getsize(built[app]) / 1e6) for app in ("api", "train")
    ]


@pytest.mark.parametrize(("given", "excluded"), [("", None), ("yes", "Request")])
def test_access_logs_keep_every_request(given: str, excluded: str | None) -> None:
    service = make_service(accessLogs=given)
    built = packaging.build(service, {"api": apps_of(service)["api"]})["api"]
    with zipfile.ZipFile(built) as archive:
        host = json.loads(archive.read("host.json"))
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]
    assert sampling["isEnabled"] is True
    assert sampling.get("excludedTypes") == excluded


def test_what_predicts_is_at_most_20_mb(built: dict[str, str]) -> None:
    assert os.path.getsize(built["api"]) <= 20_000_000


@pytest.mark.parametrize("app", ["api", "train"])
def test_nothing_is_generated_but_two_files_that_azure_asks_for(built: dict[str, str], app: str) -> None:
    root = make_service().folder
    with zipfile.ZipFile(built[app]) as archive:
        ours = [name for name in archive.namelist() if not name.startswith(".python_packages/")]
    generated = {
        name for name in ours if not name.endswith(".pyc") and not os.path.exists(os.path.join(root, name))
    }
    assert generated == {"function_app.py", "host.json"}


def test_the_api_carries_no_azure_sdk_and_no_training_stack(built: dict[str, str]) -> None:
    with zipfile.ZipFile(built["api"]) as archive:
        tops = {name.split("/")[3] for name in archive.namelist() if name.startswith(".python_packages/")}
        azure = {
            name.split("/")[4]
            for name in archive.namelist()
            if name.startswith(f"{packaging.SITE_PACKAGES}/azure/")
        }
    assert azure == {"functions"}
    assert not tops & {"sklearn", "scipy", "msal", "cryptography", "requests"}


def test_a_package_is_the_same_bytes_whenever_it_is_built(
    built: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.path.dirname(built["api"])
    for name in os.listdir(folder):
        if name.endswith(".packages"):  # installing them once more would show nothing
            (tmp_path / name).symlink_to(os.path.join(folder, name))
    # Elsewhere, since other tests deploy what was built here.
    monkeypatch.setattr(packaging, "BUILT", str(tmp_path))
    service = make_service()
    again = packaging.build(service, {"api": apps_of(service)["api"]})["api"]
    assert again != built["api"]
    assert filecmp.cmp(again, built["api"], shallow=False)


def test_the_worker_finds_every_function_with_its_trigger(apps: Apps) -> None:
    assert {name: each["type"] for name, each in apps.api.functions.items()} == {"api": "httpTrigger"}
    assert {name: each["type"] for name, each in apps.train.functions.items()} == {
        "train": "queueTrigger",
        "sweep": "timerTrigger",
    }


def test_a_model_is_trained_over_the_queue_and_predicts(apps: Apps) -> None:
    accepted = apps.api.http("POST", "/v1/models/iris:train", TRAINING, **KEY)
    assert accepted.status == 202
    assert apps.train.deliver("train", apps.azurite) is True
    assert apps.azurite.waiting("training") == 0
    job = json.loads(apps.api.http("GET", accepted.headers["location"], **KEY).body)
    assert (job["state"], job["version"]) == ("succeeded", 1)
    answer = apps.api.http("POST", "/v1/models/iris:predict", {"instances": [[0.0, 0.0], [4.0, 2.0]]}, **KEY)
    assert json.loads(answer.body)["predictions"] == ["a", "b"]


def test_a_message_comes_twice_and_harms_nothing(apps: Apps) -> None:
    accepted = apps.api.http("POST", "/v1/models/twice:train", TRAINING, **KEY)
    job = json.loads(accepted.body)["id"]
    assert apps.train.deliver("train", apps.azurite) is True
    apps.azurite.send("training", json.dumps({"job": job}).encode())
    assert apps.train.deliver("train", apps.azurite) is True
    model = json.loads(apps.api.http("GET", "/v1/models/twice", **KEY).body)
    assert len(model["versions"]) == 1


def test_a_message_that_names_no_job_is_a_dead_letter_at_once(apps: Apps) -> None:
    """It ends where the host puts what failed too often, as it came."""
    apps.azurite.send("training", b"{}")
    assert apps.train.deliver("train", apps.azurite) is True
    assert apps.azurite.waiting("training") == 0
    buried = apps.azurite.take("training-poison")
    assert buried is not None
    assert buried.body == b"{}"
    apps.azurite.clear("training-poison")


def test_a_message_that_fails_is_left_to_the_host_which_counts_until_it_is_a_dead_letter(apps: Apps) -> None:
    """The job's document is not one of ours; the job whose messages fail so says so where it can."""
    job = "f" * 28
    blob_store(apps).write_stream(f"jobs/{job}.json", [b"[]"])
    apps.azurite.send("training", json.dumps({"job": job}).encode())
    assert apps.train.deliver("train", apps.azurite) is False
    assert apps.azurite.waiting("training") == 1
    apps.azurite.clear("training")  # it would come into sight again in a while
    apps.azurite.send("training", json.dumps({"job": job}).encode())
    assert apps.train.deliver("train", apps.azurite, deliveries=20) is True
    assert (apps.azurite.waiting("training"), apps.azurite.waiting("training-poison")) == (0, 1)
    blob_store(apps).delete(f"jobs/{job}.json")
    apps.azurite.clear("training-poison")


def test_a_training_that_cannot_end_in_the_hosts_time_fails_before_the_host_ends_it(
    built: dict[str, str], apps: Apps
) -> None:
    """`functionTimeout` is an hour; here it is a little more than what is kept for the last words."""
    env = {**apps.azurite.env, "ML_TRAIN_SECONDS": "78"}
    accepted = apps.api.http("POST", "/v1/models/late:train", SLOW_TRAINING, **KEY)
    with FunctionHost(built["train"], env) as train:
        assert train.deliver("train", apps.azurite) is True
    job = json.loads(apps.api.http("GET", accepted.headers["location"], **KEY).body)
    assert (job["state"], job["error"]["code"]) == ("failed", "deadline_exceeded")
    assert "train function's timeout" in job["error"]["message"]


def test_with_every_place_taken_by_requests_that_wait_the_others_answer(apps: Apps) -> None:
    body = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": [[0], [1], [9]]}
    places = read_settings({}).max_waiting

    def wait(_: int) -> tuple[int, str]:
        answer = apps.api.http("POST", "/v1/models/waited:train", body, prefer="wait=50", **KEY)
        return answer.status, answer.headers.get("preference-applied", "")

    def queued() -> list[dict[str, Any]]:
        answer = apps.api.http("GET", "/v1/jobs?state=queued&model=waited", **KEY)
        found: list[dict[str, Any]] = json.loads(answer.body)["jobs"]
        return found

    with ThreadPoolExecutor(places) as callers:
        waiters = [callers.submit(wait, number) for number in range(places)]
        while len(queued()) < places:
            assert not any(each.done() for each in waiters)
        assert apps.api.http("GET", "/v1/models", **KEY).status == 200
        assert not any(each.done() for each in waiters), "they wait on"
        for job in queued():
            apps.api.http("DELETE", f"/v1/jobs/{job['id']}", **KEY)
    assert [each.result() for each in waiters] == [(200, "wait=50")] * places
    assert [apps.train.deliver("train", apps.azurite) for _ in range(places)] == [True] * places


def test_the_timer_sweeps(apps: Apps) -> None:
    assert apps.train.tick("sweep") == 204


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/v2/health/live", 200),
        ("HEAD", "/v2/health/live", 200),
        ("GET", "/v1/models", 401),
        ("GET", "/nowhere", 401),
        ("DELETE", "/v2/health/live", 401),
    ],
)
def test_status_and_type_come_through_the_worker(apps: Apps, method: str, path: str, status: int) -> None:
    answer = apps.api.http(method, path)
    assert answer.status == status
    assert answer.headers["content-type"].startswith(("application/json", "text/html"))
    assert "x-request-id" in answer.headers


def test_a_percent_encoded_path_and_a_query_arrive_as_they_were_sent(apps: Apps) -> None:
    answer = apps.api.http("GET", "/v1/models%3Flimit=1", **KEY)
    assert answer.status == 404
    assert apps.api.http("GET", "/v1/models?limit=1", **KEY).status == 200


def test_without_a_key_configured_the_api_is_closed(built: dict[str, str], azurite: Azurite) -> None:
    with FunctionHost(built["api"], azurite.env) as api:
        assert api.http("GET", "/v2/health/live").status == 200
        closed = api.http("GET", "/v1/models")
        assert (closed.status, json.loads(closed.body)["code"]) == (503, "not_configured")
