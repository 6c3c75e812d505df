"""The sweep of the jobs and that of the registry, where they meet, in stores that are odd."""

from ml_core.jobs.jobs import SUCCEEDED, JobLimits, Jobs, job_key
from ml_core.jobs.leases import claim
from ml_core.jobs.sweep import Swept, sweep
from ml_core.ports import every_object
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.retention import DAY
from tests.contract.faults import Clock, RememberingQueue
from tests.counting_store import CountingStore


class Kept:
    """A store with jobs and models, and what sweeps it."""

    def __init__(self, limits: JobLimits | None = None) -> None:
        self.store = CountingStore()
        self.clock = Clock()
        self.jobs = Jobs(self.store, RememberingQueue(), self.clock, limits)
        self.registry = Registry(self.store, self.clock)

    def sweep(self, days: float = 0) -> Swept:
        """What a sweep does after so many days."""
        self.clock.ahead += days * DAY
        return sweep(self.jobs, self.registry)

    def fitted(self, name: str = "iris") -> str:
        """A job whose trainer has stored what it made, and gone no further."""
        job_id = self.jobs.submit(name, b"{}", {}).id
        self.store.put_if_absent(artifact_key(job_id), b"artifact")
        self.store.put_if_absent(manifest_key(job_id), b"{}")
        return job_id

    def register(self, job_id: str, name: str = "iris") -> int:
        return self.registry.register(name, job_id, sha256="", size=8, algorithm="none")

    def end(self, job_id: str, version: int) -> None:
        lease = claim(self.jobs, job_id).lease
        assert lease is not None
        assert lease.succeed(version, None, []).state == SUCCEEDED

    def everything(self) -> set[str]:
        return {found.key for found in every_object(self.store, "")}

    def is_stored(self, job_id: str) -> bool:
        return artifact_key(job_id) in self.everything()


def test_a_version_outlives_its_job_that_was_registered_after_the_models_were_read() -> None:
    kept = Kept(JobLimits(retention=DAY))
    kept.end(first := kept.fitted(), kept.register(first))
    job_id = kept.fitted()
    kept.sweep(0.001)  # it reads the models, as it does once a week
    kept.clock.ahead += 60
    kept.end(job_id, kept.register(job_id))
    for _ in range(6):
        kept.sweep(0.5)
    assert job_key(job_id) not in kept.everything()
    assert kept.is_stored(job_id)


def test_a_version_outlives_its_job_whose_trainers_clock_was_behind() -> None:
    kept = Kept()
    kept.end(first := kept.fitted(), kept.register(first))
    kept.sweep(1)
    job_id = kept.fitted()
    kept.clock.ahead -= DAY / 2
    version = kept.register(job_id)
    kept.clock.ahead += DAY / 2
    kept.end(job_id, version)
    for _ in range(40):
        kept.sweep(1)
    assert job_key(job_id) not in kept.everything()
    assert kept.is_stored(job_id)
