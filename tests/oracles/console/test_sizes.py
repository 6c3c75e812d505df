"""The console over a service that holds much: no page grows with what there is, and one of many is found."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ml_core.datasets.sources import upload_key
from ml_core.registry.aliases import Aliases
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from providers.local.runtime.store import FolderStore
from tests.e2e.local_server import LocalServer
from tests.oracles.console.chromium import scenario
from tests.past_jobs import past_jobs

FEW, MANY = 110, 600  # more than any page lists, and several times as much
PAGES = [
    *["#/models", "#/models/many", "#/models/many/58", "#/models/many?compare=58,57,56", "#/try/many"],
    *["#/jobs", "#/datasets", "#/try", "#/monitoring/many?version=58"],
]


def fill(root: Path, numbers: range) -> None:
    """Models, jobs and datasets of those numbers, and versions of one model, all of them the trained one."""
    store = FolderStore(str(root))
    registry = Registry(store)
    trained = registry.model("trained").pick()
    artifact, manifest = (store.get(key(trained.job)).data for key in (artifact_key, manifest_key))

    def register(name: str, job: str) -> None:
        store.put_if_absent(artifact_key(job), artifact)
        store.put_if_absent(manifest_key(job), manifest)
        told: dict[str, Any] = {
            "sha256": trained.sha256,
            "size": trained.size,
            "algorithm": trained.algorithm,
        }
        registry.register(name, job, **told, metric=("accuracy", 0.5))

    for number in numbers:
        register(f"model-{number:04d}", f"{number:028x}")
        register("many", f"{number:014x}{'f' * 14}")
        store.put_if_absent(upload_key(f"table-{number:04d}", f"{number:028x}"), b"a,b\n1,2\n")
    for key, document in past_jobs(len(numbers), time.time(), seconds=86_400.0, marked=True):
        store.put_if_absent(key, document)


def test_no_page_grows_with_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    with LocalServer(tmp_path) as server:
        rows = [[x + y / 10, x * y] for x in range(12) for y in range(5)]
        labels = ["low" if x < 6 else "high" for x in range(12) for _ in range(5)]
        body = {"algorithm": "logistic_regression", "instances": rows, "targets": labels}
        assert server.train("trained", body)["state"] == "succeeded"
        for numbers in (range(FEW), range(FEW, MANY)):
            with monkeypatch.context() as quick:
                quick.setattr(os, "fsync", lambda _: None)
                fill(tmp_path, numbers)
            Aliases(Registry(FolderStore(str(tmp_path)))).set("many", "production", 58)
            seen.append(scenario("sizes", url=f"{server.url}/", pages=PAGES, last=numbers.stop))
    few, many = seen
    for told in seen:
        assert told["found"] == []
    for place in PAGES:
        small, large = few["pages"][place], many["pages"][place]
        assert large["asked"] <= 8, place
        assert large["elements"] <= 1.02 * small["elements"] + 5, place
        assert large["elements"] <= 1_500, place
        assert large["options"] <= 120, place
    # A letter more, and one model is left; one version of very many is opened, and tried beside another.
    assert many["named"] == [f"model-{MANY - 1:04d}"]
    assert many["opened"] == f"many version {MANY // 2}"
    assert many["shared"] == {"58": 95, str(MANY // 2): 5}
