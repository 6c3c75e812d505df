"""Takes the files of a job away, each whole or not at all."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from serverless_ml._async.lists import listed
from serverless_ml._async.runtime import blocking
from serverless_ml.answers import JobFile, JobFiles
from serverless_ml.bars import bar
from serverless_ml.errors import InvalidArgument, UnexpectedAnswer
from serverless_ml.references import segment

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection

    from serverless_ml._async.requests import AsyncRequests
    from serverless_ml.answers import Job

# Seconds after which an address is signed anew; the service's own are good for 900.
_FRESH = 300.0
_PAGE = 100
SCORES, REJECTS = "scores", "rejects"
"""Kinds of files: predictions, and rows without any."""
_NAME = re.compile(r"[a-z]{1,20}-[0-9]{1,9}\.[a-z]{1,10}")
_PART = ".part"


async def files_of(requests: AsyncRequests, job: str, *, limit: int | None = None) -> JobFiles:
    """The files that a job has written, by their names; while it runs, those that are finished."""
    return JobFiles.from_json(await listed(requests, _path(job), "files", limit))


async def downloaded(
    requests: AsyncRequests,
    job: Job,
    folder: str | os.PathLike[str] | None,
    *,
    progress: bool | None,
) -> Path:
    """Write all files of a job into a folder that has none of another one; where they are then.

    Raises `InvalidArgument`, `OSError`, and what a request raises.
    """
    place = Path(folder) if folder is not None else Path(f"{job.model}-scores-{job.id}")
    await blocking(lambda: _check_apart(place))
    total = job.result.bytes if job.result is not None else 0
    with bar(f"Downloading {place.name}", unit="bytes", on=progress) as drawn:
        await fetched(
            requests,
            job.id,
            place,
            kinds=(SCORES, REJECTS),
            seen=lambda done: drawn.counted(done, max(done, total)),
        )
    return place


def _check_apart(folder: Path) -> None:
    """Raise `InvalidArgument` where parts of a table are there: two tables would be taken for one."""
    if folder.is_dir():
        for found in (each for each in folder.iterdir() if _NAME.fullmatch(each.name)):
            raise InvalidArgument(
                f"expected a folder without the files of another scoring, and {found} is there"
            )


async def fetched(
    requests: AsyncRequests,
    job: str,
    folder: Path,
    *,
    kinds: Collection[str],
    seen: Callable[[int], None] = lambda _: None,
) -> list[Path]:
    """Write a job's files of some kinds into a folder, page after page; where they are, by their names.

    Args:
        requests: whom to ask.
        job: its id.
        folder: where to; it is made where it is not there.
        kinds: `scores`, `rejects`, or both.
        seen: told how many bytes have come.

    Raises:
        InvalidArgument: the files are in a bucket that the request named: they are taken from there.
        OSError: a file cannot be written.
    """
    await blocking(lambda: folder.mkdir(parents=True, exist_ok=True))
    paths: list[Path] = []
    after, done = None, 0
    while True:
        begun = time.monotonic()
        page = await requests.get(_path(job), {"limit": _PAGE, "after": after})
        for file in JobFiles.from_json(page["files"]):
            if file.kind in kinds:
                fresh = file
                if time.monotonic() - begun > _FRESH:
                    fresh = await _again(requests, job, after, file)
                paths.append(await _written(requests, fresh, folder, done, seen))
                done += file.size
            after = file.name
        if page.get("next_after") is None:
            return paths


async def _again(requests: AsyncRequests, job: str, after: str | None, file: JobFile) -> JobFile:
    """The same file with an address that was signed now."""
    page = await requests.get(_path(job), {"limit": 1, "after": after})
    for found in JobFiles.from_json(page["files"]):
        if found.name == file.name:
            return found
    raise UnexpectedAnswer(f"expected the file {file.name} of job {job}, and it is not listed any more")


async def _written(
    requests: AsyncRequests, file: JobFile, folder: Path, before: int, seen: Callable[[int], None]
) -> Path:
    if _NAME.fullmatch(file.name) is None:
        raise UnexpectedAnswer(f"expected the name of a file, got {file.name!r:.80}")
    if file.url is None:
        raise InvalidArgument(f"{file.name} is at {file.uri}: take it from there")
    url, headers, path = file.url, file.headers or {}, folder / file.name
    partly = path.with_name(path.name + _PART)

    async def once(_: int) -> None:
        came = 0
        with partly.open("wb") as copy:

            def take(part: bytes) -> None:
                nonlocal came
                came += len(part)
                if came > file.size:
                    raise UnexpectedAnswer(f"expected {file.name} to have {file.size:,} bytes, got more")
                copy.write(part)
                seen(before + came)

            await requests.get_elsewhere(url, headers, take)
        if came != file.size:
            raise UnexpectedAnswer(f"expected {file.name} to have {file.size:,} bytes, got {came:,}")

    try:
        await requests.repeated(once)
        await blocking(lambda: partly.replace(path))
    finally:
        await blocking(lambda: partly.unlink(missing_ok=True))
    return path


def _path(job: str) -> str:
    return f"/v1/jobs/{segment(job)}/files"
