"""Has the service score a whole table, and takes away what came of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from serverless_ml._async.job_files import REJECTS, SCORES, downloaded, fetched, files_of
from serverless_ml._async.jobs import AsyncJobHandle
from serverless_ml._async.runtime import blocking
from serverless_ml._async.training import address_of, tables_file
from serverless_ml._async.uploads import opened, upload_dataset
from serverless_ml.display import Displayed
from serverless_ml.errors import InvalidArgument, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from serverless_ml._async.requests import AsyncRequests
    from serverless_ml.answers import Job, JobFiles, ScoreResult

_MOST_IN_MEMORY = 1 << 30
_LONGEST_NAME = 63


class AsyncScores(Displayed):
    """A table that was scored: how many rows, and the files with their predictions."""

    picture: ClassVar[str] = "job"

    def __init__(self, requests: AsyncRequests, record: Job, result: ScoreResult, like: Any = None) -> None:
        self._requests = requests
        self.job = record
        self.result = result
        self._like = like

    @property
    def model(self) -> str:
        """The name of the model that predicted."""
        return self.job.model

    @property
    def version(self) -> int | None:
        """Its version, which was fixed when the job was accepted."""
        version = self.job.request.get("version")
        return None if version is None else int(version)

    @property
    def rows(self) -> int:
        """How many rows were predicted."""
        return self.result.rows

    @property
    def rejected(self) -> int:
        """How many were not; `rejects` says where and why."""
        return self.result.rejected

    @property
    def bytes(self) -> int:
        """The bytes of all files."""
        return self.result.bytes

    @property
    def uri(self) -> str | None:
        """The place that the files are at; None for the deployment's own store."""
        return self.result.uri

    @property
    def raw(self) -> dict[str, Any]:
        """The job as JSON."""
        return self.job.raw

    async def files(self, *, limit: int | None = None) -> JobFiles:
        """The files that were written, each with a signed address that is good for 15 minutes."""
        return await files_of(self._requests, self.job.id, limit=limit)

    async def download(
        self, folder: str | os.PathLike[str] | None = None, *, progress: bool | None = None
    ) -> Path:
        """Write the files into a folder, each whole or not at all; where they are then.

        Args:
            folder: which is made where it is not there, and has no files of another scoring; without it here,
                called `<model>-scores-<job>`.
            progress: whether it is drawn; None for on a terminal and in a notebook.

        Raises:
            InvalidArgument: the files are in a bucket that the request named, or those of another scoring
                are in the folder.
        """
        return await downloaded(self._requests, self.job, folder, progress=progress)

    async def frame(self, *, most_bytes: int = _MOST_IN_MEMORY) -> Any:
        """All predictions as one frame: of the library that the scored data came in, else what is installed.

        That is pandas, polars or pyarrow, in this order.

        Args:
            most_bytes: of the files; more is refused: `download` takes any number.

        Raises:
            InvalidArgument: there is more than that.
            NotInstalled: nothing that reads the files is installed.
        """
        if self.bytes > most_bytes:
            raise InvalidArgument(
                f"expected at most {most_bytes:,} bytes for a frame, and the files have {self.bytes:,}: "
                "download(folder) writes them to the disk, and most_bytes=… allows more"
            )
        from serverless_ml.tables.scored_parts import frame_of_parts

        with tempfile.TemporaryDirectory(prefix="serverless-ml-") as folder:
            paths = await fetched(self._requests, self.job.id, Path(folder), kinds=(SCORES,))
            return await blocking(lambda: frame_of_parts(paths, self._like))

    async def rejects(self, *, limit: int = 1000) -> list[dict[str, Any]]:
        """The first rows that were not predicted: `file`, `line`, `column` and `reason` of each.

        Args:
            limit: how many at most.
        """
        from serverless_ml.tables.scored_parts import rejects_of_parts

        if not self.rejected:
            return []
        with tempfile.TemporaryDirectory(prefix="serverless-ml-") as folder:
            paths = await fetched(self._requests, self.job.id, Path(folder), kinds=(REJECTS,))
            return await blocking(lambda: rejects_of_parts(paths, limit))


class AsyncScoringHandle(AsyncJobHandle):
    """A job that scores a table. What it was when last looked at is in `record`; `refresh` looks again."""

    def __init__(self, requests: AsyncRequests, record: Job, like: Any = None) -> None:
        super().__init__(requests, record)
        self._like = like

    async def wait(  # type: ignore[override]  # no version comes of it
        self,
        timeout: float | None = None,
        *,
        on_interrupt: str = "leave",
        seen: Callable[[Job], None] = lambda _: None,
    ) -> AsyncScores:
        """Wait until it is over; what came of it. The arguments, and what it raises, are as for trainings."""
        await self.over_at_last(timeout, on_interrupt=on_interrupt, seen=seen)
        return await self.result()

    async def result(self) -> AsyncScores:  # type: ignore[override]
        """What came of it, where it is over. Raises `JobFailed`, `JobCancelled`, `TimedOut`."""
        self.check_succeeded()
        if self.record.result is None:
            raise TimedOut(f"job {self.id} of '{self.model}' is not over: {self.state}")
        return AsyncScores(self._requests, self.record, self.record.result, self._like)


def handle_of(requests: AsyncRequests, record: Job) -> AsyncJobHandle:
    """The handle of a job, by what it does."""
    return AsyncScoringHandle(requests, record) if record.scores else AsyncJobHandle(requests, record)


async def scored_data(
    requests: AsyncRequests,
    data: Any,
    *,
    dataset: str,
    options: Mapping[str, Any] | None,
    seen: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """The member `data` of `:score`; what the service cannot find by itself is uploaded first.

    Raises `InvalidInput` for what cannot be sent, `InvalidArgument`, `OSError`, and what a request raises.
    """
    said = dict(options or {})
    address = address_of(data)
    if address is not None:
        return {**said, "uri": address}
    if isinstance(data, str | os.PathLike | bytes):
        with await blocking(lambda: opened(data)) as file:
            return {**said, "uri": await upload_dataset(requests, dataset, file, seen)}
    made = await blocking(lambda: tables_file(data, names=None, target=None, targets=None, algorithm=""))
    with made:
        uri = await upload_dataset(requests, dataset, made.file, seen)
    return {"format": made.format, **said, "uri": uri}


def dataset_for(model: str) -> str:
    """What is uploaded as, where nobody said it: another dataset than that which the model is trained on."""
    ending = "-to-score"
    return model[: _LONGEST_NAME - len(ending)].rstrip("-._") + ending
