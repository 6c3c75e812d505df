"""The sweep of the jobs and that of the registry, where they meet, in stores that are odd."""

from threading import Barrier
from types import SimpleNamespace

import pytest

from ml_core.documents import Body, read, timestamp, update
from ml_core.errors import Unavailable
from ml_core.jobs.jobs import QUEUED, SUCCEEDED, JobLimits, Jobs, job_key
from ml_core.jobs.leases import claim
from ml_core.jobs.marks import mark_open, open_jobs, owner_of
from ml_core.jobs.sweep import Swept, sweep
from ml_core.jobs.upkeep import expire
from ml_core.ports import every_object
from ml_core.registry.aliases import Aliases
from ml_core.registry.deletion import Deletion
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.retention import DAY
from ml_core.registry.segments import segment_key
from tests.contract.faults import Clock, RememberingQueue
from tests.counting_store import CountingStore
from tests.past_jobs import past_jobs


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
        assert lease.succeed(version, {}).state == SUCCEEDED

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


def _registered_twice(kept: Kept) -> str:
    """The job of versions 1 and 21: an instance of the release before knows no version that was moved out."""
    jobs = [kept.fitted() for _ in range(20)]
    for job_id in jobs:
        kept.register(job_id)
    entry = {"created": timestamp(kept.clock()), "sha256": "", "size": 8, "algorithm": "none"}

    def change(body: Body | None) -> Body:
        assert body is not None
        body["versions"][jobs[0]] = {"version": body["next_version"], **entry}
        body["next_version"] += 1
        return body

    update(kept.store, "models/iris.json", change)
    return jobs[0]


def test_files_of_two_versions_stay_while_one_is_there() -> None:
    kept = Kept()
    job_id = _registered_twice(kept)
    deletion = Deletion(kept.registry)
    deletion.delete_version("iris", 21, purge=True)
    kept.sweep()
    assert kept.registry.model("iris").pick(1).job == job_id
    assert kept.is_stored(job_id)
    deletion.delete_model("iris", purge=True)
    kept.sweep()
    assert not kept.is_stored(job_id)


def test_a_model_that_was_copied_into_the_store_keeps_its_artifacts() -> None:
    kept, other = Kept(), Kept()
    kept.end(first := kept.fitted(), kept.register(first))
    kept.sweep()
    other.clock.ahead = -30 * DAY  # it was made long ago, and its job is nowhere
    other.register(job_id := other.fitted("copied"), "copied")
    for key in (artifact_key(job_id), manifest_key(job_id), "models/copied.json"):
        kept.store.put_if_absent(key, other.store.get(key).data)
    for _ in range(20):
        kept.sweep(1)
    assert kept.is_stored(job_id)


@pytest.mark.parametrize("key", ["sweeps/progress.json", "registry/sweep.json"])
def test_a_sweep_goes_on_where_a_document_of_its_own_is_damaged(key: str) -> None:
    kept = Kept()
    for _ in range(2):
        kept.register(job_id := kept.fitted())
    kept.sweep()
    kept.store.delete(key)
    kept.store.put_if_absent(key, b"damaged")
    Deletion(kept.registry).delete_version("iris", 2, purge=True)
    kept.sweep(8)
    assert not kept.is_stored(job_id)
    assert read(kept.store, key).body["revision"] <= 2, "it began anew"


def test_orphans_are_found_beyond_many_jobs_whose_files_were_removed() -> None:
    kept = Kept()
    job_id = kept.fitted()
    kept.jobs.cancel(job_id)
    told = b'{"model":"iris","version":1}'
    kept.store.fill((f"registry/jobs/{number:028x}.json", told) for number in range(6_000))
    kept.sweep(2)
    assert not kept.is_stored(job_id)


def test_a_damaged_segment_keeps_no_other_model_from_being_swept() -> None:
    kept = Kept()
    for _ in range(20):
        kept.register(kept.fitted())
    kept.register(job_id := kept.fitted("zebra"), "zebra")
    deletion = Deletion(kept.registry)
    deletion.delete_model("zebra", purge=True)
    deletion.delete_model("iris", purge=True)
    kept.store.delete(segment_key("iris", 1))
    kept.store.put_if_absent(segment_key("iris", 1), b"damaged")
    kept.sweep()
    assert not kept.is_stored(job_id)
    assert read(kept.store, "registry/sweep.json").body["complete"]


def test_a_mark_of_another_key_than_the_jobs_is_removed() -> None:
    """A request died after its mark; the same Idempotency-Key then came with another API key."""
    kept = Kept(JobLimits(most_of_key=1))
    job_id = kept.jobs.submit("iris", b"{}", {}, idempotency_key="same", submitter="new").id
    mark_open(kept.store, job_id, owner_of("old"))
    kept.sweep()
    assert [each.owner for each in open_jobs(kept.store)] == [owner_of("new")]
    mark_open(kept.store, job_id, owner_of("old"))
    kept.jobs.cancel(job_id)
    for _ in range(2):
        kept.sweep()
    assert list(open_jobs(kept.store)) == []
    kept.jobs.submit("iris", b"{}", {}, submitter="old")


def test_a_request_that_the_store_refused_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(JobLimits(most_of_key=1))
    put = kept.store.put_if_absent

    def refuse(key: str, data: bytes) -> str:
        if key.startswith("jobs/"):
            raise Unavailable("the store was made to fail")
        return put(key, data)

    monkeypatch.setattr(kept.store, "put_if_absent", refuse)
    with pytest.raises(Unavailable):
        kept.jobs.submit("iris", b"{}", {}, submitter="key")
    monkeypatch.undo()
    assert kept.jobs.submit("iris", b"{}", {}, submitter="key").state == QUEUED


def test_jobs_expire_several_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them, one after the other, take all of a sweep's time, and nothing else gets any."""
    kept = Kept()
    kept.store.fill(past_jobs(8, kept.clock(), seconds=DAY, marked=True))
    delete, two = kept.store.delete, Barrier(2, timeout=10)

    def deleted(key: str) -> None:
        if key.startswith("jobs/"):
            two.wait()
        delete(key)

    monkeypatch.setattr(kept.store, "delete", deleted)
    kept.clock.ahead = 32 * DAY
    assert expire(kept.jobs, lambda: True) == 8


def test_a_model_goes_on_where_a_segment_is_damaged() -> None:
    kept = Kept()
    for _ in range(20):
        kept.register(kept.fitted())
    kept.store.write_stream(segment_key("iris", 1), [b"damaged"])
    assert kept.register(kept.fitted()) == 21
    assert Aliases(kept.registry).set("iris", "production", 20).version == 20
    kept.sweep()
    assert kept.registry.model("iris").pick().version == 20


def test_what_is_purged_goes_while_a_store_of_before_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    kept.store.fill(past_jobs(20_000, kept.clock(), seconds=DAY, marked=False))
    kept.register(job_id := kept.fitted())
    Deletion(kept.registry).delete_version("iris", 1, purge=True)
    # Marking takes as long as on the clouds: a page of a thousand jobs is eight seconds.
    passed = SimpleNamespace(monotonic=lambda: kept.store.requests["get jobs"] / 125)
    monkeypatch.setattr("ml_core.jobs.sweep.time", passed)
    assert 4_000 < kept.sweep().marked < 8_000
    assert not kept.is_stored(job_id)
