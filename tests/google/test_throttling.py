"""Cloud Storage takes about one write a second of one object, and answers 429 to the others."""

import json

from ml_core.jobs.jobs import Jobs
from ml_core.registry.registry import Registry
from providers.google.runtime.store import gcs_store
from tests.contract.places import Place, race
from tests.google import gcs


def throttled() -> gcs.Buckets:
    buckets = gcs.Buckets(implicit=False, seconds_between_writes=1.0)
    buckets.create("contract", {})
    return buckets


def test_processes_that_register_at_once_lose_and_overwrite_nothing() -> None:
    buckets = throttled()
    with gcs.running(buckets) as url:
        place = Place("google", {"bucket": "contract", "STORAGE_EMULATOR_HOST": url, "prefix": "p"})
        written = race([place.process("register", "iris", "4") for _ in range(3)])
        numbers = sorted(number for each in written for number in json.loads(each).values())
        model = Registry(place.open()).model("iris")
    assert numbers == list(range(1, 13))
    assert len(model.versions) == 12
    assert buckets.throttled > 0


def test_a_job_goes_through_its_states_though_each_write_comes_too_soon() -> None:
    class Silent:
        def submit(self, job_id: str) -> None: ...
        def defer(self, delivery: str, seconds: float) -> None: ...
        def bury(self, message: str) -> None: ...

    buckets = throttled()
    with gcs.running(buckets) as url:
        jobs = Jobs(gcs_store("contract", env={"STORAGE_EMULATOR_HOST": url}), Silent())
        job = jobs.submit("iris", b"{}", {})
        assert jobs.cancel(job.id).state == "cancelled"
    assert buckets.throttled > 0
