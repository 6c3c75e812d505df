"""What the functions write and remove is what their roles in the configuration allow."""

import json
import os
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers.jobs import deliver, sweep_once, train_now
from ml_core.datasets.datasets import KEPT as KEPT_DESCRIPTIONS
from ml_core.datasets.datasets import left_behind
from ml_core.jobs.jobs import Jobs
from ml_core.jobs.marks import NOBODY, open_key
from ml_core.jobs.sweep import sweep
from ml_core.registry.abouts import Abouts
from ml_core.registry.aliases import Aliases
from ml_core.registry.changes import KEPT
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.retention import DAY
from providers.local.runtime.queue import FolderQueue
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import REQUESTS, Ask, asking, services_over

CONFIG = os.path.join(os.path.dirname(__file__), "..", "..", "..", "providers", "aws", "config.yml")
WRITING, REMOVING = "s3:PutObject", "s3:DeleteObject"


class RecordingStore(FolderStore):
    """A folder that notes who writes and removes what."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.who = "api"
        self.done: set[tuple[str, str, str]] = set()

    def put_if_absent(self, key: str, data: bytes) -> str:
        self.done.add((self.who, WRITING, key))
        return super().put_if_absent(key, data)

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        self.done.add((self.who, WRITING, key))
        return super().put_if_unchanged(key, data, revision)

    def delete(self, key: str) -> None:
        self.done.add((self.who, REMOVING, key))
        super().delete(key)


def allowed(role: str, action: str) -> list[str]:
    """The keys that a role may do something to, as patterns."""
    with open(CONFIG, encoding="utf-8") as file:
        resources = yaml.safe_load(file)["resources"]["Resources"]
    statements = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    prefix = "${Models.Arn}/"
    return [
        resource["Fn::Sub"].removeprefix(prefix)
        for statement in statements
        if statement["Action"] == action
        for resource in statement["Resource"]
    ]


ROLES = {"api": "ApiRole", "train": "TrainRole", "sweep": "SweepRole"}


def refused(store: RecordingStore) -> list[tuple[str, str, str]]:
    """What was done that the roles do not allow."""
    return [
        (who, action, key)
        for who, action, key in sorted(store.done)
        if not any(fnmatchcase(key, pattern) for pattern in allowed(ROLES[who], action))
    ]


def done_in(store: RecordingStore) -> set[tuple[str, str, str]]:
    """Who did what, by the keys' first parts."""
    return {(who, action, key.partition("/")[0]) for who, action, key in store.done}


def begun_upload(reply: Ask, store: RecordingStore) -> str:
    """Have an upload to a dataset begun; where its rows go."""
    assert reply("POST", "/v1/datasets/churn:upload").status == 201
    (begun,) = store.list("uploads/").objects
    return f"datasets/churn/{begun.key.removeprefix('uploads/').removesuffix('.json')}"


def test_each_function_may_do_what_the_registry_asks_of_it(tmp_path: Path) -> None:
    store = RecordingStore(str(tmp_path))
    registry = Registry(store)
    aliases, deletion = Aliases(registry), Deletion(registry)

    def register(job: str, name: str = "iris") -> None:
        store.who = "train"
        store.put_if_absent(artifact_key(job), b"")
        store.put_if_absent(manifest_key(job), b"{}")
        registry.register(name, job, sha256="", size=0, algorithm="none")
        store.who = "api"

    for number in range(KEPT + 2):
        register(f"{number:028x}")
    for number in (1, 2, 3):
        aliases.set("iris", "blue", number)
    for number in range(4, KEPT + 2):
        deletion.delete_version("iris", number)
    deletion.restore("iris", 4)
    abouts = Abouts(registry)
    abouts.change_model("iris", {"description": "x"})
    for number in (1, 4):
        abouts.change_version("iris", number, {"tags": {"a": "b"}})
    aliases.delete("iris", "blue")
    deletion.delete_version("iris", 1, purge=True)
    register("a" * 28)
    store.who = "sweep"
    sweep(Jobs(store, FolderQueue(str(tmp_path)), lambda: time.time() + 30 * DAY), registry)
    store.who = "api"
    deletion.delete_model("iris", purge=True)
    register("b" * 28, "IRIS")
    store.who = "sweep"
    for _ in range(2):
        registry.clock = lambda: time.time() + 30 * DAY
        sweep(Jobs(store, FolderQueue(str(tmp_path)), registry.clock), registry)
    assert refused(store) == []
    done = {(who, action, key.rpartition("/")[0].removesuffix("/iris")) for who, action, key in store.done}
    assert done >= {
        ("api", WRITING, "registry/about/models"),
        ("api", WRITING, "registry/about/versions"),
        ("train", WRITING, "registry/about/models"),
        ("sweep", REMOVING, "registry/about/versions"),
        ("api", WRITING, "registry/history"),
        ("api", WRITING, "registry/deleted"),
        ("api", WRITING, "registry/purged"),
        ("api", WRITING, "models/-versions"),
        ("train", WRITING, "models/-versions"),
        ("train", WRITING, "registry/jobs"),
        ("train", WRITING, "registry/purged"),
        ("sweep", WRITING, "registry"),
        ("sweep", WRITING, "registry/jobs"),
        ("sweep", WRITING, "models/-versions"),
        ("sweep", REMOVING, "registry/purged"),
        ("sweep", REMOVING, "registry/deleted"),
        ("sweep", REMOVING, "artifacts"),
    }


def test_each_function_may_do_what_descriptions_ask_of_it(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    store = RecordingStore(str(tmp_path))
    services._store = store
    reply = asking(services)

    def look(said: dict[str, Any]) -> None:
        assert reply("POST", "/v1/datasets/churn:describe", json.dumps(said).encode()).status == 200

    upload = begun_upload(reply, store)
    FolderStore(str(tmp_path)).put_if_absent(upload, b"a,b\n1,2\n")
    for number in range(KEPT_DESCRIPTIONS + 1):
        look({"missing": [str(number)]})
    services.datasets._clock = lambda: time.time() + 3600
    look({})
    look({"exclude": ["a"]})
    store.who = "train"
    queue = FolderQueue(str(tmp_path))
    for message in queue.due()[0][-3:]:
        deliver(services, message)
    store.who = "sweep"
    for key in left_behind(store, time.time() + 60):
        store.delete(key)
    store.who = "api"
    look({"exclude": ["b"]})
    assert reply("DELETE", "/v1/datasets/churn").status == 204
    assert refused(store) == []
    assert done_in(store) >= {
        ("api", WRITING, "descriptions"),
        ("api", REMOVING, "descriptions"),
        ("train", WRITING, "descriptions"),
        ("sweep", REMOVING, "descriptions"),
    }


def test_each_function_may_do_what_an_erasure_asks_of_it(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    store = RecordingStore(str(tmp_path))
    services._store = store
    reply = asking(services)
    upload = begun_upload(reply, store)
    rows = b"a,b\n" + b"1,x\n2,y\n" * 20
    FolderStore(str(tmp_path)).put_if_absent(upload, rows)
    body = {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "b"}}
    for _ in range(2):
        assert reply("POST", "/v1/models/m:train", json.dumps(body).encode()).status == 202
    store.who = "train"
    queue = FolderQueue(str(tmp_path))
    deliver(services, queue.due()[0][0])
    store.who = "api"
    assert reply("GET", "/v1/datasets/churn/versions").status == 200
    assert reply("DELETE", "/v1/datasets/churn?with_versions=true").status == 200
    store.who = "sweep"
    sweep(services.jobs, services.registry)
    assert store.list("artifacts/").objects == []
    assert refused(store) == []
    made = "registry/made-from/"
    done = {(who, action, key[: len(made)]) for who, action, key in store.done}
    assert done >= {
        ("api", WRITING, made),
        ("train", WRITING, made),
        ("sweep", REMOVING, made),
    }


def test_each_function_may_do_what_jobs_ask_of_it(tmp_path: Path) -> None:
    """One is trained, one is cancelled, one was sent by an earlier release, one ended long ago."""
    services = services_over(tmp_path)
    store = RecordingStore(str(tmp_path))
    services._store = store
    reply = asking(services)
    body = json.dumps(REQUESTS["groups"]).encode()

    def train(**headers: str) -> str:
        answer = reply("POST", "/v1/models/groups:train", body, **headers)
        assert answer.status == 202
        return str(json.loads(answer.body)["id"])

    services._one_at_a_time, services.settings = True, services.settings._replace(max_wait=0.01)
    trained, cancelled, unmarked = train(idempotency_key="k"), train(prefer="wait=1"), train()
    assert reply("DELETE", f"/v1/jobs/{cancelled}").status == 200
    FolderStore(str(tmp_path)).delete(open_key(unmarked, NOBODY))
    store.who = "train"
    assert deliver(services, trained) is None
    assert train_now(services, {"model": "groups", **REQUESTS["groups"]}).state == "succeeded"
    store.who = "sweep"
    assert sweep_once(services)["marked"] == 1
    services.jobs.clock = lambda: time.time() + 32 * 86_400
    counts = sweep_once(services)
    assert (counts["sent"], counts["expired"]) == (1, 3)
    assert refused(store) == []
    assert done_in(store) >= {
        ("api", WRITING, "open"),
        ("api", WRITING, "ended"),
        ("api", REMOVING, "open"),
        ("api", WRITING, "waiting"),
        ("api", REMOVING, "waiting"),
        ("train", WRITING, "open"),
        ("train", WRITING, "ended"),
        ("train", REMOVING, "open"),
        ("sweep", WRITING, "open"),
        ("sweep", WRITING, "sweeps"),
        ("sweep", REMOVING, "ended"),
        ("sweep", REMOVING, "idempotency"),
    }


def test_each_function_may_do_what_scoring_a_table_asks_of_it(tmp_path: Path) -> None:
    """What the job's child process writes is found by what is there afterwards: it opens the store itself."""
    services = services_over(tmp_path)
    store = RecordingStore(str(tmp_path))
    services._store = store
    reply = asking(services)
    store.who = "train"
    assert train_now(services, {"model": "groups", **REQUESTS["groups"]}).state == "succeeded"
    store.who = "api"
    (tmp_path / "data").mkdir()
    names = services.models.resolve("groups").model.features
    rows = [names, *[[1.5] * len(names)] * 3, ["?"] * len(names)]
    (tmp_path / "data" / "t.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    body = json.dumps({"data": {"uri": "file:t.csv"}, "format": "csv"}).encode()
    answer = reply("POST", "/v1/models/groups:score", body)
    assert answer.status == 202, answer.body
    job = str(json.loads(answer.body)["id"])
    before = {found.key for found in store.list("").objects}
    store.who = "train"
    assert deliver(services, job) is None
    ended = json.loads(reply("GET", f"/v1/jobs/{job}").body)
    assert (ended["state"], ended["result"]["rows"], ended["result"]["rejected"]) == ("succeeded", 3, 1)
    noted = {key for _, _, key in store.done}
    by_the_child = {found.key for found in store.list("").objects} - before - noted
    store.done |= {("train", WRITING, key) for key in by_the_child}
    store.who = "sweep"
    services.jobs.clock = lambda: time.time() + 32 * 86_400
    sweep_once(services)
    assert store.list("scores/").objects == []
    assert refused(store) == []
    assert done_in(store) >= {("train", WRITING, "scores"), ("sweep", REMOVING, "scores")}


def test_each_function_may_do_what_schedules_ask_of_it(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    store = RecordingStore(str(tmp_path))
    services._store = store
    reply = asking(services)
    upload = begun_upload(reply, store)
    body = {
        "train": {"algorithm": "logistic_regression", "data": {"uri": "dataset://churn", "target": "b"}},
        "on": ["upload"],
    }
    assert reply("PUT", "/v1/models/m/schedule", json.dumps(body).encode()).status == 200
    FolderStore(str(tmp_path)).put_if_absent(upload, b"a,b\n" + b"1,x\n2,y\n" * 20)
    store.who = "sweep"
    assert sweep_once(services)["scheduled"] == 1
    store.who = "train"
    deliver(services, FolderQueue(str(tmp_path)).due()[0][0])
    store.who = "sweep"
    assert sweep_once(services)["scheduled"] == 0
    store.who = "api"
    told = json.loads(reply("GET", "/v1/models/m/schedule").body)
    assert [(run["outcome"], run["version"]) for run in told["runs"]] == [("started", 1)]
    listed = json.loads(reply("GET", "/v1/audit").body)["entries"]
    (run,) = [entry for entry in listed if entry["by"] == "schedule"]
    assert (run["status"], run["model"], run["job"]) == (202, "m", told["runs"][0]["job"])
    assert reply("DELETE", "/v1/models/m/schedule").status == 204
    assert reply("DELETE", "/v1/models/m?purge=true").status == 204
    assert refused(store) == []
    assert done_in(store) >= {
        ("api", WRITING, "schedules"),
        ("api", REMOVING, "schedules"),
        ("sweep", WRITING, "schedules"),
        ("sweep", WRITING, "idempotency"),
        ("sweep", WRITING, "audit"),
        ("sweep", WRITING, "jobs"),
    }


def test_each_function_may_do_what_the_trail_and_notices_ask_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_core.notices.webhooks.WebhookSender.send", lambda *_: None)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's example
    told = {"ML_WEBHOOKS": "https://hooks.example.com/", "ML_WEBHOOK_SECRET": secret, "ML_AUDIT_DAYS": "1"}
    services = services_over(tmp_path, **told)
    services._store = store = RecordingStore(str(tmp_path))
    reply = asking(services)
    for _ in range(2):
        store.who = "api"
        job = json.loads(reply("POST", "/v1/models/iris:train", json.dumps(REQUESTS["iris"]).encode()).body)
        store.who = "train"
        deliver(services, job["id"])
    store.who = "api"
    assert reply("PUT", "/v1/models/iris/aliases/production", b'{"version": 1}').status == 200
    store.who = "sweep"
    assert sweep_once(services)["notices"] == 1
    services.jobs.clock = lambda: time.time() + 2 * DAY
    assert sweep_once(services)["audit"] == 3
    assert refused(store) == []
    assert done_in(store) >= {
        ("api", WRITING, "audit"),
        ("api", WRITING, "notices"),
        ("train", WRITING, "notices"),
        ("train", REMOVING, "notices"),
        ("sweep", WRITING, "notices"),
        ("sweep", REMOVING, "notices"),
        ("sweep", REMOVING, "audit"),
    }
