"""What the functions write and remove around datasets is what their roles in the configuration allow."""

import json
import os
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from handlers.jobs import deliver
from ml_core.datasets.datasets import KEPT, left_behind
from providers.local.runtime.queue import FolderQueue
from providers.local.runtime.store import FolderStore
from tests.unit.handlers.conftest import asking, services_over

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


def test_each_function_may_do_what_descriptions_ask_of_it(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    store = RecordingStore(str(tmp_path))
    services._store = store
    reply = asking(services)

    def look(said: dict[str, Any]) -> None:
        assert reply("POST", "/v1/datasets/churn:describe", json.dumps(said).encode()).status == 200

    assert reply("POST", "/v1/datasets/churn:upload").status == 201
    (begun,) = store.list("uploads/").objects
    upload = begun.key.removeprefix("uploads/").removesuffix(".json")
    FolderStore(str(tmp_path)).put_if_absent(f"datasets/churn/{upload}", b"a,b\n1,2\n")
    for number in range(KEPT + 1):
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
    roles = {"api": "ApiRole", "train": "TrainRole", "sweep": "SweepRole"}
    refused = [
        (who, action, key)
        for who, action, key in sorted(store.done)
        if not any(fnmatchcase(key, pattern) for pattern in allowed(roles[who], action))
    ]
    assert refused == []
    done = {(who, action, key.partition("/")[0]) for who, action, key in store.done}
    assert done >= {
        ("api", WRITING, "descriptions"),
        ("api", REMOVING, "descriptions"),
        ("train", WRITING, "descriptions"),
        ("sweep", REMOVING, "descriptions"),
    }
