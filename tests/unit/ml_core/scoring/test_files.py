"""The files of a job as a list, and their end with the job."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ml_core import train_model
from ml_core.errors import InvalidInput
from ml_core.jobs import upkeep
from ml_core.jobs.jobs import Job, Jobs, job_key, plan_key
from ml_core.jobs.leases import claim
from ml_core.jobs.sweep import sweep
from ml_core.registry.registry import Registry
from ml_core.scoring.files import FilesPage, ScoredFile, scored_files
from ml_core.scoring.places import PartCounts, counts_key, file_key, folder_of, rejects_name, scores_name
from ml_core.scoring.request import ScoringRequest
from tests.contract.faults import Clock, RememberingQueue
from tests.counting_store import CountingStore
from tests.unit.ml_core.scoring.lake import SCORING, Lake

DAY = 86_400.0


class Past:
    """A store of jobs that score, and a clock to put forward."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.clock = Clock()
        self.jobs = Jobs(self.store, RememberingQueue(), self.clock)

    def submit(self, parts: int, *, to: str | None = None) -> Job:
        """A job with so many parts written, every third of them with rejects."""
        request = ScoringRequest("file:t/", to=to, version=1)
        job = self.jobs.submit("iris", request.to_bytes(), request.summary())
        self.store.put_if_absent(plan_key(job.id), b"{}")
        for part in range(parts):
            rejected = int(part % 3 == 0)
            counts = PartCounts(10 - rejected, rejected, 4, 3 * rejected)
            self.store.put_if_absent(counts_key(job.id, part), counts.to_bytes())
            if to is None:
                self.store.put_if_absent(file_key(job.id, scores_name(part, "parquet")), b"....")
                if rejected:
                    self.store.put_if_absent(file_key(job.id, rejects_name(part)), b"...")
        return job

    def sweep(self) -> int:
        return sweep(self.jobs, Registry(self.store, self.clock)).expired

    def left(self, job: Job) -> list[str]:
        return [key for key in self.store._keys if job.id in key]

    def end(self, job: Job, how: str) -> None:
        if how == "cancelled":
            self.jobs.cancel(job.id)
            return
        lease = claim(self.jobs, job.id).lease
        assert lease is not None
        if how == "succeeded":
            lease.succeed(None, {"result": {"rows": 1}})
        else:
            lease.fail({"code": "internal", "message": "…"})


def _pages(past: Past, job: Job, limit: int) -> Iterator[FilesPage]:
    after = None
    while True:
        page = scored_files(past.store, job, limit=limit, after=after)
        yield page
        after = page.next_after
        if after is None:
            return


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9, 10, 1000])
@pytest.mark.parametrize("to", [None, "s3://lake/scores/"])
def test_pages_of_any_length_have_each_file_once_in_the_order_of_parts(limit: int, to: str | None) -> None:
    past = Past()
    job = past.submit(7, to=to)
    pages = list(_pages(past, job, limit))
    files = [file for page in pages for file in page.files]
    expected = []
    for part in range(7):
        expected.append(f"part-0000{part}.parquet")
        expected += [f"rejects-0000{part}.csv"] * (part % 3 == 0)
    assert [file.name for file in files] == expected
    assert all(len(page.files) == limit for page in pages[:-1])
    assert 1 <= len(pages[-1].files) <= limit
    first, rejects = files[:2]
    uri = None if to is None else f"{to}{job.id}/{first.name}"
    key = file_key(job.id, first.name) if to is None else None
    assert first == ScoredFile("part-00000.parquet", "scores", 9, 4, key, uri)
    assert (rejects.kind, rejects.rows, rejects.size) == ("rejects", 1, 3)


def test_a_name_that_is_none_of_a_file_is_refused_and_a_training_has_no_files() -> None:
    past = Past()
    job = past.submit(1)
    with pytest.raises(InvalidInput):
        scored_files(past.store, job, limit=1, after="../x")
    training = past.jobs.submit("iris", b"{}", {"algorithm": "kmeans"})
    assert scored_files(past.store, training, limit=1) == FilesPage([], None)


def test_a_part_is_a_file_only_when_its_counts_are_there(tmp_path: Path) -> None:
    """What they tell is what the job wrote."""
    X = np.arange(12.0).reshape(6, 2)
    lake = Lake(tmp_path, train_model(X, [0, 0, 0, 1, 1, 1]))
    lake.put("t.csv", b"x0,x1\n1,2\n,3\n5,6\n")
    request = lake.request("file:t.csv")
    lake.score(request)
    job = Past().jobs.submit("iris", b"{}", request.summary())._replace(id=SCORING)
    files = scored_files(lake.store, job, limit=10).files
    written = lake.written()
    assert {file.name: file.size for file in files} == {name: len(data) for name, data in written.items()}
    assert [file.rows for file in files] == [2, 1]
    lake.store.delete(counts_key(SCORING, 0))
    assert scored_files(lake.store, job, limit=10).files == []


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_everything_that_a_job_wrote_goes_with_its_document_and_not_sooner(how: str) -> None:
    past = Past()
    job, other = past.submit(5), past.submit(2)
    past.end(job, how)
    before = past.left(other)
    past.clock.ahead = 29 * DAY
    past.sweep()
    assert len([key for key in past.left(job) if key.startswith(folder_of(job.id))]) == 5 + 5 + 2
    past.clock.ahead = 31 * DAY
    assert past.sweep() == 1
    assert past.left(job) == []
    assert [key for key in before if key.startswith("scores/")] == [
        key for key in past.left(other) if key.startswith("scores/")
    ], "a job that is open keeps what it wrote"


def test_a_sweep_removes_a_bounded_number_of_files_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upkeep, "_MOST_FILES", 130)
    past = Past()
    job = past.submit(150)  # 150 files, 50 of rejects, 150 counts
    past.end(job, "succeeded")
    past.clock.ahead = 31 * DAY
    left = 350
    for _ in range(2):
        past.store.forget()
        assert past.sweep() == 0
        left -= 130
        assert past.store.requests["delete scores"] == 130
        assert len([key for key in past.left(job) if key.startswith("scores/")]) == left
        assert job_key(job.id) in past.left(job)
    assert past.sweep() == 1
    assert past.left(job) == []


def test_what_is_left_of_a_job_whose_document_an_earlier_release_removed_goes_too() -> None:
    past = Past()
    job = past.submit(3)
    past.end(job, "succeeded")
    past.store.delete(job_key(job.id))
    past.clock.ahead = 31 * DAY
    past.sweep()
    assert past.left(job) == []
