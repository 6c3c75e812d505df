"""What an erasure tells: what is gone, what the sweep removes, what expires when, and what stays.

Each line has a word that programs may know it by, a sentence for people, and where it is so a number or days.
"""

from typing import Any, NamedTuple

_DAY_OF_ARTIFACT_UPLOADS = 7
_DAY_OF_RECORDS = 1


class Line(NamedTuple):
    """One line of a report. `days` are the most that something is kept from now on."""

    what: str
    detail: str
    number: int | None = None
    days: int | None = None


class KeptDays(NamedTuple):
    """For how many days a deployment keeps what; 0 is not at all.

    Args:
        old_states: what the storage keeps of an object that was removed or replaced.
        jobs: a job's document, after it ended.
        monitoring: counts of predictions.
        logs: lines of the functions' logs.
    """

    old_states: int
    jobs: int
    monitoring: int
    logs: int


class ErasureReport(NamedTuple):
    """What became of a dataset that was erased with the versions made from it.

    Args:
        dataset: its name.
        complete: whether nothing is left for the same request to do: repeated, it does what is missing.
        waiting_for: the jobs that are being cancelled, and are not over yet.
        versions: the model and number of each version that was made from it, all of them purged.
        gone: what is removed.
        going: what the next sweeps remove, some minutes from now.
        expires: what is removed by itself, and after how many days.
        stays: what deletion cannot remove.
    """

    dataset: str
    complete: bool
    waiting_for: list[str]
    versions: list[dict[str, Any]]
    gone: list[Line]
    going: list[Line]
    expires: list[Line]
    stays: list[Line]

    def told(self) -> dict[str, Any]:
        """As JSON."""
        parts = {
            name: [line._asdict() for line in getattr(self, name)]
            for name in ("gone", "going", "expires", "stays")
        }
        return {**self._asdict(), **parts}


def gone(uploads: int, descriptions: int, versions: int, cancelled: int) -> list[Line]:
    """What was removed: of uploads, descriptions and jobs by this request, of versions ever."""
    return [
        Line("uploads", "files of the dataset, removed by this request", uploads),
        Line("descriptions", "what was found in them: columns, values, ranges", descriptions),
        Line("versions", "versions made from it: none answers, and none can be restored", versions),
        Line(
            "cancelled_jobs", "jobs that were waiting or running on it, cancelled by this request", cancelled
        ),
    ]


def going(versions: int, jobs: int) -> list[Line]:
    """What the next sweeps remove."""
    return [
        Line(
            "artifacts",
            "the versions' artifacts with their profiles, their manifests with metrics and words, and what "
            "people wrote about them",
            versions,
        ),
        Line(
            "job_files",
            "what jobs on it left: scores and rejected rows, inputs, checkpoints, plans, and artifacts that "
            "were never registered",
            jobs,
        ),
    ]


def expiring(kept: KeptDays) -> list[Line]:
    """What is removed by itself."""
    lines = [
        Line(
            "old_states",
            "the storage keeps removed objects as old states, which only the owner of the storage reads",
            days=kept.old_states,
        ),
        Line(
            "job_documents",
            "jobs on it stay listed, with metrics, warnings and errors, which may quote values",
            days=kept.jobs,
        ),
        Line(
            "monitoring",
            "counts of predictions and of feedback, by columns and classes of the versions",
            days=kept.monitoring,
        ),
        Line("upload_records", "which dataset an upload was for: its id and the name", days=_DAY_OF_RECORDS),
        Line(
            "artifact_uploads",
            "files from which copies of a version were registered",
            days=_DAY_OF_ARTIFACT_UPLOADS,
        ),
        Line("logs", "ids, names and counts; no values of rows", days=kept.logs),
        Line(
            "running_instances",
            "functions that have a version in memory forget it when they end; they do not answer by it",
            days=1,
        ),
    ]
    return [line for line in lines if line.days]


def staying(outside: tuple[str, ...], omitted: int) -> list[Line]:
    """What deletion cannot remove."""
    places = [
        Line("scores_elsewhere", f"scores that a job wrote to another bucket: {place}") for place in outside
    ]
    if omitted:
        places.append(Line("scores_elsewhere", "more folders of scores in other buckets", omitted))
    return [
        *places,
        Line(
            "downloads",
            "artifacts, ONNX files, parameters, predictions and scores that somebody downloaded; an artifact "
            "of an SVM with a kernel holds rows",
        ),
        Line(
            "other_deployments",
            "versions that were copied to another deployment, or converted before they were registered again",
        ),
        Line("backups", "copies of the storage that its owner made, and what the uploads were made from"),
        Line(
            "same_rows",
            "other datasets, tables in other buckets and rows sent in requests, where the same people are in "
            "them, and the versions made from those",
        ),
        Line(
            "names",
            "names and numbers: which versions there were, of which dataset, when they were deleted, and the "
            "histories of aliases",
        ),
    ]
