"""The file that a job's input names: a table to train on, or what was made elsewhere.

Other inputs name none: their rows are in them, or their table is read in parts by the child process. What
differs between the kinds is here and in `kinds.py`; how a file is fetched, and what the child process is
bounded by, is the same (`attempt.py`).
"""

from typing import Any, NamedTuple, Protocol

from ml_core.datasets.fetching import Fetched
from ml_core.errors import InvalidInput
from ml_core.graphs.request import import_of
from ml_core.jobs import job_errors
from ml_core.jobs.context import TrainerContext
from ml_core.jobs.job_errors import JobError
from ml_core.jobs.jobs import Job
from ml_core.objects import Opened
from ml_core.registering.request import RegistrationRequest, registration_of
from ml_core.registering.uploads import opened_upload
from ml_core.training.reference import TableReference, refuse_tables, table_of
from ml_core.training.request import is_read_in_parts


class JobFile(Protocol):
    """A file that is fetched before the child process begins."""

    def open(self, context: TrainerContext) -> tuple[str, Opened]:
        """Where exactly it is, and its content. Raises `InvalidInput`, `Unavailable`."""

    def refusal(self, fetched: Fetched) -> JobError | None:
        """Why the file that was fetched is not the one that was meant; None where it is."""

    def told(self, job: Job, fetched: Fetched) -> dict[str, Any]:
        """What the version's manifest tells of it."""

    @property
    def is_table(self) -> bool:
        """Whether it may be read from where it is, where the disk does not hold it."""


class TableFile(NamedTuple):
    """A table."""

    table: TableReference

    def open(self, context: TrainerContext) -> tuple[str, Opened]:
        """See `JobFile`."""
        if context.data is None:
            refuse_tables(self.table.uri)
        location, opened = context.data.open(self.table.uri)
        return str(location), opened

    def refusal(self, fetched: Fetched) -> JobError | None:  # noqa: ARG002 (the protocol's)
        """Any is taken: one that a checkpoint does not fit is found later."""
        return None

    def told(self, job: Job, fetched: Fetched) -> dict[str, Any]:  # noqa: ARG002 (the protocol's)
        """Its lineage."""
        return {"data": self.table.lineage(fetched.lineage)}

    @property
    def is_table(self) -> bool:
        """See `JobFile`."""
        return self.table.image is None and self.table.sequence is None and self.table.text is None


class ArtifactFile(NamedTuple):
    """A file that was uploaded, to be registered or imported."""

    request: RegistrationRequest

    def open(self, context: TrainerContext) -> tuple[str, Opened]:
        """See `JobFile`."""
        return self.request.uri, opened_upload(context.jobs.store, self.request.uri)

    def refusal(self, fetched: Fetched) -> JobError | None:
        """It is read once, as it was when the job was accepted."""
        if self.request.revision not in (None, fetched.lineage["revision"]):
            return job_errors.artifact_changed(self.request.uri)
        digest = fetched.lineage["sha256"]
        if self.request.sha256 not in (None, digest):
            message = f"expected a file whose SHA-256 is {self.request.sha256}, got {digest}"
            return job_errors.refusal(InvalidInput.at("$.sha256", f"{message}: upload the file once more"))
        return None

    def told(self, job: Job, fetched: Fetched) -> dict[str, Any]:
        """Who registered which file, and what they told of it."""
        registered = {
            "sha256": fetched.lineage["sha256"],
            "size": fetched.lineage["size"],
            "by": job.submitter,
            "at": job.created,
            "origin": self.request.origin,
        }
        return {"registered": registered}

    @property
    def is_table(self) -> bool:
        """See `JobFile`."""
        return False


def file_of(stored: bytes) -> JobFile | None:
    """The file that is to be fetched for a job; None where there is none. Raises `ArtifactInvalid`."""
    registration, importing = registration_of(stored), import_of(stored)
    if registration is not None:
        return ArtifactFile(registration)
    if importing is not None:
        return ArtifactFile(importing.file)
    table = table_of(stored)
    return None if table is None or is_read_in_parts(stored) else TableFile(table)
