"""What jobs do: they train, register or import what was made elsewhere, or score a table.

The queue, leases, attempts, bounds and checkpoints are the same for all. What differs is how a stored request
begins, which file the trainer fetches for it (`inputs.py`), what the child process does (`fit_process.py`),
and how people are told of it, which is here.
"""

from collections.abc import Callable
from typing import NamedTuple

from ml_core.errors import AlgorithmNotFound
from ml_core.graphs import request as importing
from ml_core.registering import request as registering
from ml_core.scoring import request as scoring


class JobKind(NamedTuple):
    """One kind of job, in words for the messages of its errors.

    Args:
        name: what a job's request has as its `kind`; None for trainings, which have none.
        prefix: how a stored request of this kind begins; empty where it is of this kind if of no other.
        what: what is done, `training did not end within …`.
        noun: one of it, `too few to begin a training`.
        purpose: what memory is available for.
        unregistered: what was done to what has no version in the end, `what was trained`.
        less_memory: what to do where memory is not enough,
        less_disk: where the disk is not,
        less_work: and where time is not: the begin of a list, by the algorithm's name.
        goes_on: what the job's data has to be while it is continued.
    """

    name: str | None
    prefix: bytes
    what: str
    noun: str
    purpose: str
    unregistered: str
    less_memory: str
    less_disk: str
    less_work: Callable[[str], str]
    goes_on: str


_MORE_DISK = "give the train function more disk"
_MORE_MEMORY = "give the train function more memory"


def _nothing(_: str) -> str:
    return ""


def _less_training(algorithm: str) -> str:
    """What to ask of the algorithm, by the hyperparameters that it has; nothing of one that is not here."""
    from ml_core import algorithms

    try:
        has = {each.name for each in algorithms.algorithm(algorithm).algorithm.hyperparameters}
    except AlgorithmNotFound:
        has = set()
    if "epochs" in has:
        return "train on fewer rows, train fewer epochs or a smaller network, or "
    return (
        "train on fewer rows, set a lower max_iter, or " if "max_iter" in has else "train on fewer rows, or "
    )


TRAINING = JobKind(
    None,
    b"",
    what="training",
    noun="training",
    purpose="training",
    unregistered="trained",
    less_memory=f"train on fewer rows or columns (data.features names them), or {_MORE_MEMORY}",
    less_disk=f"leave out columns or rows, write the data as Parquet, or {_MORE_DISK}",
    less_work=_less_training,
    goes_on="a training continues on the data that it began with: send the request again, or train on an "
    "upload (dataset://…), which never changes",
)
REGISTERING = JobKind(
    registering.KIND,
    registering.STORED_PREFIX,
    what="checking the artifact",
    noun="registration",
    purpose="checking an artifact",
    unregistered="sent",
    less_memory=f"make a smaller model, or {_MORE_MEMORY}",
    less_disk=_MORE_DISK,
    less_work=_nothing,
    goes_on="send the request again",
)
IMPORTING = JobKind(
    importing.KIND,
    importing.STORED_PREFIX,
    what="importing the model",
    noun="import",
    purpose="looking at a model",
    unregistered="imported",
    less_memory=f"export a smaller model, or {_MORE_MEMORY}",
    less_disk=_MORE_DISK,
    less_work=_nothing,
    goes_on="send the request again",
)
SCORING = JobKind(
    scoring.KIND,
    scoring.STORED_PREFIX,
    what="scoring",
    noun="scoring",
    purpose="scoring",
    unregistered="scored",
    less_memory=f"write the table with smaller row groups, keep fewer columns, or {_MORE_MEMORY}",
    less_disk=_MORE_DISK,
    less_work=lambda _: "write the table with smaller row groups or as smaller files, or ",
    goes_on="a table is scored as it was when the job first looked at it: send the request again, or score "
    "an upload (dataset://…), which never changes",
)
KINDS = (REGISTERING, IMPORTING, SCORING, TRAINING)


def kind_named(name: object) -> JobKind:
    """The kind that a job's request names; trainings name none."""
    return next((kind for kind in KINDS if kind.name == name), TRAINING)


def kind_of(stored: bytes) -> JobKind:
    """The kind of a stored request."""
    return next(kind for kind in KINDS if stored.startswith(kind.prefix))
