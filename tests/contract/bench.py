"""A store with jobs in it, a clock to put forward, and a trainer to call."""

import hashlib
import json
import threading

from ml_core.datasets.sources import DataSources, upload_key
from ml_core.jobs.context import PollIntervals, TrainerContext
from ml_core.jobs.jobs import SUCCEEDED, Job, Jobs
from ml_core.jobs.kinds import SCORING
from ml_core.jobs.leases import MOST_ATTEMPTS
from ml_core.jobs.sweep import Swept, sweep
from ml_core.jobs.trainer import Outcome, run_job
from ml_core.ports import ObjectStore
from ml_core.registering.request import RegistrationRequest
from ml_core.registry.registry import Registry, artifact_key, manifest_key
from ml_core.registry.versions import Versions
from ml_core.scoring.request import ScoringRequest
from ml_core.training.privacy import Privacy
from ml_core.training.reference import TableReference
from ml_core.training.request import TrainingRequest
from tests.contract.faults import QUICK, QUICK_FIT, Clock, RememberingQueue

UPLOAD = "0" * 28
PRIVACY: Privacy = {"epsilon": 1.0, "delta": 1e-6, "bounds": {"age": [0.0, 99.0]}}
TABLE = upload_key("table", UPLOAD)
ARTIFACT = f"uploads/iris/{UPLOAD}.safetensors"
_LINES = b"1.5,2.5,yes\n" * 20_000  # 240 kB: several pieces of a stream


class Bench:
    """A store with jobs in it, a clock to put forward, and a trainer to call."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.clock = Clock()
        self.queue = RememberingQueue()
        self.jobs = Jobs(store, self.queue, self.clock)
        self.registry = Registry(store, self.clock)
        self.table = self.uploaded = b""

    def submit(self, **request: object) -> Job:
        return self.jobs.submit("iris", json.dumps(request).encode(), {"algorithm": "quick"})

    def submit_table(self, **instructions: object) -> Job:
        """A job about an upload, whose first line tells the stand-in for the fitting process what to do."""
        self.table = json.dumps(instructions).encode() + b"\n" + _LINES
        self.store.write_stream(TABLE, [self.table])
        request = TrainingRequest("quick", {}, TableReference("dataset://table"), 0.2, 0)
        return self.jobs.submit("iris", request.to_bytes(), request.summary())

    def submit_private(self) -> Job:
        """A job that trains privately on an upload, whose stand-in does as with any other."""
        if not self.table:
            self.table = _LINES
            self.store.write_stream(TABLE, [self.table])
        reference = TableReference("dataset://table", target="target")
        request = TrainingRequest("quick", {}, reference, 0.2, 0, privacy=PRIVACY)
        return self.jobs.submit("iris", request.to_bytes(), request.summary())

    def submit_artifact(self, **instructions: object) -> Job:
        """A job that registers an upload, which tells the stand-in for the checking process what to do."""
        self.uploaded = json.dumps(instructions).encode() + b"\n" + _LINES
        self.store.write_stream(ARTIFACT, [self.uploaded])
        revision = self.store.opened(ARTIFACT).revision
        request = RegistrationRequest(f"artifact://iris/{UPLOAD}", revision=revision)
        return self.jobs.submit("iris", request.to_bytes(), request.summary())

    def submit_score(self) -> Job:
        """A job that scores, or as far as the stand-in for that process goes."""
        request = ScoringRequest("dataset://table", version=1)
        return self.jobs.submit("iris", request.to_bytes(), request.summary())

    def submit_with(self, data: str) -> Job:
        """A job whose input has "rows" in it, names a "table" or an "artifact", or is to "score"."""
        submit = {
            "rows": self.submit,
            "table": self.submit_table,
            "artifact": self.submit_artifact,
            "score": self.submit_score,
        }
        return submit[data]()

    def deliver(
        self,
        job: Job,
        *,
        intervals: PollIntervals = QUICK,
        deadline: float | None = None,
        stopping: threading.Event | None = None,
    ) -> Outcome:
        context = self.context(self.store)._replace(deadline=deadline, stopping=stopping, intervals=intervals)
        return run_job(job.id, context)

    def context(self, store: ObjectStore) -> TrainerContext:
        """A quick trainer's, on the same jobs in a store that may go wrong."""
        return quick_context(Jobs(store, self.queue, self.clock))

    def deliver_until_over(self, job: Job) -> Job:
        for _ in range(2 * MOST_ATTEMPTS):
            outcome = self.deliver(job)
            if outcome.defer is None:
                assert outcome.job is not None
                return outcome.job
            self.clock.ahead += outcome.defer + 1
        raise AssertionError(f"still not over: {self.jobs.get(job.id)}")

    def expire_leases(self) -> None:
        """Put the clock forward until nobody holds a job, and forget what was sent."""
        self.clock.ahead += 3600
        self.queue.messages.clear()

    def sweep(self) -> Swept:
        return sweep(self.jobs, self.registry)

    def keys(self) -> list[str]:
        """What is stored, but for what sweeps have written down for the next ones."""
        return [key for key in self.stored() if not key.startswith(("registry/", "sweeps/"))]

    def check_one_end(self, job: Job) -> None:
        """The job succeeded with exactly one version, or with a result and none; nothing is left."""
        if job.kind is not SCORING:
            self.check_one_version(job)
            return
        ended = self.jobs.get(job.id)
        assert (ended.state, ended.version) == (SUCCEEDED, None), (ended.error, ended.attempts)
        assert ended.result == {"rows": 1}
        self.jobs.close(ended)
        assert self.keys() == [f"ended/succeeded/{job.id}", f"jobs/{job.id}.json"]

    def check_one_version(self, job: Job) -> None:
        """The job succeeded with exactly one version, everything tells the same of it, nothing is left."""
        ended = self.jobs.get(job.id)
        assert (ended.state, ended.version) == (SUCCEEDED, 1), (ended.error, ended.attempts)
        assert ended.metrics == {"training": {"loss": 0.5}}
        assert [attempt["outcome"] for attempt in ended.attempts][-1] == "succeeded"
        (version,) = self.registry.model("iris").versions
        assert version.job == job.id
        artifact = self.store.get(artifact_key(job.id)).data
        assert (len(artifact), hashlib.sha256(artifact).hexdigest()) == (version.size, version.sha256)
        if self.table:
            whole = hashlib.sha256(self.table).hexdigest()
            assert artifact.endswith(whole.encode()), "what was fitted is the table, whole"
            assert Versions(self.registry).get("iris", 1)["data"]["sha256"] == whole
            self.store.delete(TABLE)
        if self.uploaded:
            whole = hashlib.sha256(self.uploaded).hexdigest()
            assert Versions(self.registry).get("iris", 1)["registered"]["sha256"] == whole
            self.store.delete(ARTIFACT)
        assert Versions(self.registry).get("iris", 1)["sha256"] == version.sha256
        self.jobs.close(ended)
        assert self.keys() == [
            manifest_key(job.id),
            artifact_key(job.id),
            f"ended/succeeded/{job.id}",
            f"jobs/{job.id}.json",
            "models/iris.json",
        ]

    def stored(self) -> list[str]:
        """Everything that is in the store."""
        return [found.key for found in self.store.list("").objects]


def quick_context(jobs: Jobs) -> TrainerContext:
    """A trainer's that waits for nothing, with the stand-in for the fitting process."""
    return TrainerContext(
        jobs, Registry(jobs.store), sources(jobs.store), fit_command=QUICK_FIT, intervals=QUICK
    )


def sources(store: ObjectStore) -> DataSources:
    """Training data from the store's own uploads."""
    return DataSources(uploads=lambda: store)
