"""What the console's pages ask costs as much of a service that holds little as of one that holds much."""

import json
import os
import time
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import pytest

from handlers.services import Services
from handlers.settings import read_settings
from ml_core.datasets.sources import upload_key
from ml_core.jobs.sweep_progress import SweepProgress, write_progress
from ml_core.registry.aliases import Aliases
from ml_core.registry.registry import Registry, manifest_key
from providers.local.runtime.signer import LocalSigner
from tests.contract.faults import RememberingQueue
from tests.counting_store import CountingStore
from tests.past_jobs import past_jobs
from tests.unit.handlers.conftest import Ask, asking

FEW, MANY = 100, 1_000
MANIFEST: dict[str, Any] = {
    "algorithm": "svm",
    "task": "classification",
    "metrics": None,
    "hyperparameters": {},
    "rows": 30,
}
PAGES = {
    "/v1/models?limit=50": 102,  # one list, and what is known and what was written of each of a page
    "/v1/models?limit=50&prefix=m-000": 21,
    "/v1/models/many?limit=25": 4,
    "/v1/models/many/versions?limit=25": 28,
    "/v1/models/many/versions?limit=25&before=60": 28,
    "/v1/models/many/versions/30": 4,
    "/v1/models/many/aliases/production/history?limit=20": 2,
    "/v1/jobs?limit=50": 51,
    "/v1/jobs?limit=50&state=failed": 2,
    "/v1/datasets?limit=50": 2,
    "/v1/datasets?limit=50&prefix=d-000": 2,
}


class Filled(NamedTuple):
    """A service, and the store that counts what is asked of it."""

    store: CountingStore
    ask: Ask


@cache
def filled(size: int) -> Filled:
    """So many models, datasets and versions of one model, and twenty times as many jobs."""
    store = CountingStore()
    registry = Registry(store)

    def register(name: str, job: str) -> None:
        store.fill([(manifest_key(job), json.dumps(MANIFEST).encode())])
        registry.register(name, job, sha256="0" * 64, size=1, algorithm="svm", metric=("accuracy", 0.5))

    for number in range(size):
        register(f"m-{number:04d}", f"{number:028x}")
        register("many", f"{number:014x}{'f' * 14}")
    for version in (1, 2, size):
        Aliases(registry).set("many", "production", version)
    store.fill(past_jobs(20 * size, time.time(), seconds=86_400.0, marked=True))
    write_progress(store, SweepProgress(all_marked=True))
    store.fill((upload_key(f"d-{number:04d}", f"{number:028x}"), b"a,b\n1,2\n") for number in range(size))
    services = Services(
        read_settings({}),
        store=lambda: store,
        queue=RememberingQueue,
        key_records=None,
        signer=lambda: LocalSigner(os.devnull),  # nothing is signed
    )
    return Filled(store, asking(services))


def asked(size: int, path: str) -> tuple[Counter[str], int]:
    """What is asked of the store for a page, and how long the answer is."""
    store, ask = filled(size)
    ask("GET", "/v1/models/m-0001")  # what is made once
    store.forget()
    answer = ask("GET", path)
    assert answer.status == 200, answer.body
    return Counter(store.requests), len(answer.body)


@pytest.mark.parametrize(("path", "most"), PAGES.items())
def test_a_page_asks_as_much_of_few_as_of_many(path: str, most: int) -> None:
    (few, short), (many, long) = asked(FEW, path), asked(MANY, path)
    assert few == many
    assert many.total() <= most
    assert long <= 1.05 * short + 100


def test_a_page_of_many_has_no_more_entries_than_were_asked_for() -> None:
    def told(path: str) -> Any:
        return json.loads(filled(MANY).ask("GET", path).body)

    assert len(told("/v1/models?limit=50")["entries"]) == 50
    assert [each["version"] for each in told("/v1/models/many/versions?limit=25")["versions"]] == [
        *range(MANY, MANY - 25, -1)
    ]
    assert len(told("/v1/models/many?limit=25")["versions"]) == 25
    assert len(told("/v1/jobs?limit=50")["jobs"]) == 50
    assert len(told("/v1/datasets?limit=50")["datasets"]) == 50
