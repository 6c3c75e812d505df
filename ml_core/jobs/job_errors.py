"""The errors with which jobs fail: a stable code, what happened, and what to do about it."""

from typing import Any, Protocol

from ml_core.conflicts import BudgetRefused, BudgetSpent, DataChanged
from ml_core.errors import InvalidInput, MalformedInput, NameTaken, TooLarge
from ml_core.jobs.kinds import JobKind
from ml_core.sandbox.background import Work
from ml_core.tables.readers import cannot_be_read

type JobError = dict[str, Any]


class Asked(Protocol):
    """What a job was to do."""

    @property
    def algorithm(self) -> str:
        """What is trained."""

    @property
    def kind(self) -> JobKind:
        """Whether it trains, registers or scores."""


_TIMEOUT = "the train function's timeout"

TRAIN_HOURS = "ML_TRAIN_HOURS"
DEADLINE_EXCEEDED = "deadline_exceeded"
# What each code means that jobs alone have; the message of a job says what to do about it.
MEANINGS = {
    DEADLINE_EXCEEDED: "The job would not have ended in the function's time, took longer than `max_seconds`, "
    "or was continued for as long as `ML_TRAIN_HOURS` allows.",
    "out_of_memory": "The work wanted more memory than the function has for it.",
    "disk_full": "The trainer's disk does not hold what was to be written to it.",
    "data_erased": "The dataset was erased meanwhile, with all that was made of it.",
    "trainer_died": "Each attempt ended without a word: a process or the function was killed, or crashed.",
    "attempts_spent": "Each attempt came to nothing for a reason that may pass; the message has the last.",
    "dead_lettered": "No trainer could work off the job's messages.",
    "internal": "An error of this service, not of the request; its log has it under the job's id.",
}
# The codes that answers to requests have too, with which a job may fail.
SHARED = tuple(
    kind.code
    for kind in (
        *(InvalidInput, MalformedInput, TooLarge, NameTaken),
        *(DataChanged, BudgetRefused, BudgetSpent),
    )
)


def refusal(error: InvalidInput | TooLarge) -> JobError:
    """The request or its data is at fault."""
    faults = error.faults if isinstance(error, InvalidInput) else []
    return {"code": error.code, "message": str(error), "faults": [fault._asdict() for fault in faults]}


def name_taken(error: NameTaken, asked: Asked) -> JobError:
    """A model came to be while this job waited or ran, whose name differs from its model's in case alone."""
    return {
        "code": error.code,
        "message": f"{error}; what was {asked.kind.unregistered} has no version",
    }


def data_erased(dataset: str) -> JobError:
    """The dataset that this is made of was erased meanwhile, with everything that was made of it."""
    return {
        "code": "data_erased",
        "message": f"the dataset '{dataset}' was erased with the versions made from it, and nothing more "
        "that is made of the same upload is registered: upload the rows that may be used, and train on those",
    }


def budget(error: BudgetRefused | BudgetSpent) -> JobError:
    """A dataset's privacy budget is against it."""
    return {"code": error.code, "message": str(error)}


def artifact_changed(uri: str) -> JobError:
    """Another file was put at the address of an upload before the job had read it."""
    message = f"another file was put at {uri} after it was to be registered: send the request again"
    return {"code": DataChanged.code, "message": message}


def out_of_memory(size: int | None, limit: int | None, asked: Asked) -> JobError:
    """The child process was refused memory for `size` bytes of data; `limit` is what it might have taken.

    Of data that is read part by part the size says nothing, and is None.
    """
    available = "the memory" if limit is None else f"the {_mib(limit)}"
    what = "the work on a part of the data" if size is None else f"{_mib(size)} of data"
    message = f"out of memory: {what} did not fit into {available} available for "
    return {
        "code": "out_of_memory",
        "message": f"{message}{asked.kind.purpose}; {asked.kind.less_memory}",
    }


def unreadable(how: str) -> JobError:
    """The data's file made its reader fail."""
    return {"code": MalformedInput.code, "message": cannot_be_read(how), "faults": []}


def defect(job_id: str, asked: Asked) -> JobError:
    """Our own code failed."""
    message = (
        f"{asked.kind.what} failed at an error of this service, which is not in the request; its log tells "
        f"of it under job {job_id}"
    )
    return {"code": "internal", "message": message}


def disk_full(asked: Asked) -> JobError:
    """What was to be written did not fit."""
    return {"code": "disk_full", "message": f"the trainer's disk is full: {asked.kind.less_disk}"}


def too_slow(seconds: float, work: Work, asked: Asked, setting: str = "") -> JobError:
    """The work did not end in the seconds that the platform gave, or a setting of this machine."""
    return _deadline_exceeded(
        f"{asked.kind.what} did not end within {_given(seconds, setting)} ({how_far(work)})", asked, setting
    )


def how_far(work: Work) -> str:
    """Its phase, and how much of that is done where it is counted."""
    counted = "" if work.percentage is None else f", {_rounded(work.percentage)} % done"
    return f"phase: {work.phase}{counted}"


def spent(most: float, reached: str, asked: Asked) -> JobError:
    """All attempts together took as long as the request allows; `reached` says how far they were."""
    what = f"{asked.kind.what} did not end within the {most:g} seconds of max_seconds ({reached})"
    return _deadline_exceeded(what, asked, "max_seconds")


def continued_too_long(hours: float, reached: str, asked: Asked) -> JobError:
    """The job was continued for as long as this deployment does that; `reached` says how far it was."""
    what = f"{asked.kind.what} did not end within the {hours:g} hours of {TRAIN_HOURS} ({reached})"
    return _deadline_exceeded(what, asked, TRAIN_HOURS)


def data_changed(uri: str, asked: Asked) -> JobError:
    """What a continued job reads is not what it had read before."""
    message = f"{uri} changed while the {asked.kind.noun} was under way, and {asked.kind.goes_on}"
    return {"code": DataChanged.code, "message": message}


def never_time(seconds: float, asked: Asked, setting: str = "") -> JobError:
    """There were too few seconds to begin with, each time."""
    what = f"{_given(seconds, setting)} are too few to begin a {asked.kind.noun}"
    return _deadline_exceeded(what, asked, setting)


def given_up(code: str, reason: str, attempts: int, asked: Asked, setting: str = "") -> JobError:
    """So many attempts came to nothing, the last for this reason."""
    message = f"{reason}; given up after {attempts} attempts"
    if code == DEADLINE_EXCEEDED:
        return _deadline_exceeded(message, asked, setting)
    return {
        "code": code,
        "message": f"{message}: {asked.kind.less_memory}" if code == "out_of_memory" else message,
    }


def _deadline_exceeded(what: str, asked: Asked, setting: str) -> JobError:
    less = asked.kind.less_work(asked.algorithm)
    return {"code": DEADLINE_EXCEEDED, "message": f"{what}: {less}raise {setting or _TIMEOUT}"}


def _rounded(percentage: float) -> str:
    """At most one digit after the point; what is not done is not 100."""
    return f"{min(round(percentage, 1), 99.9) if percentage < 100 else 100:g}"


def _given(seconds: float, setting: str) -> str:
    return (
        f"the {seconds:.0f} seconds {f'of {setting}' if setting else 'that the platform gave the function'}"
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size:,} bytes"
