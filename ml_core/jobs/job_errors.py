"""The errors with which jobs fail: a stable code, what happened, and what to do about it."""

from typing import Any, Protocol

from ml_core.errors import AlgorithmNotFound, InvalidInput, MalformedInput, NameTaken, TooLarge
from ml_core.sandbox.background import Work
from ml_core.tables.readers import cannot_be_read

type JobError = dict[str, Any]


class Asked(Protocol):
    """What a job was to do."""

    @property
    def algorithm(self) -> str:
        """What is trained."""

    @property
    def registers(self) -> bool:
        """Whether it registers what was made elsewhere."""


_LESS_MEMORY = (
    "train on fewer rows or columns (data.features names them), or give the train function more memory"
)

_MORE_MEMORY = "make a smaller model, or give the train function more memory"
_TIMEOUT = "the train function's timeout"

TRAIN_HOURS = "ML_TRAIN_HOURS"
DEADLINE_EXCEEDED = "deadline_exceeded"


def refusal(error: InvalidInput | TooLarge) -> JobError:
    """The request or its data is at fault."""
    faults = error.faults if isinstance(error, InvalidInput) else []
    return {"code": error.code, "message": str(error), "faults": [fault._asdict() for fault in faults]}


def name_taken(error: NameTaken, asked: Asked) -> JobError:
    """A model came to be while this job waited or ran, whose name differs from its model's in case alone."""
    what = "sent" if asked.registers else "trained"
    return {"code": error.code, "message": f"{error}; what was {what} has no version"}


def artifact_changed(uri: str) -> JobError:
    """Another file was put at the address of an upload before the job had read it."""
    message = f"another file was put at {uri} after it was to be registered: send the request again"
    return {"code": "data_changed", "message": message}


def out_of_memory(size: int, limit: int | None, asked: Asked) -> JobError:
    """The child process was refused memory for `size` bytes of data; `limit` is what it might have taken."""
    available = "the memory" if limit is None else f"the {_mib(limit)}"
    message = f"out of memory: {_mib(size)} of data did not fit into {available} available for "
    purpose = "checking an artifact" if asked.registers else "training"
    return {"code": "out_of_memory", "message": f"{message}{purpose}; {_less_memory(asked)}"}


def unreadable(how: str) -> JobError:
    """The data's file made its reader fail."""
    return {"code": MalformedInput.code, "message": cannot_be_read(how), "faults": []}


def defect(job_id: str, asked: Asked) -> JobError:
    """Our own code failed."""
    message = (
        f"{_what(asked)} failed at an error of this service, which is not in the request; its log tells of "
        f"it under job {job_id}"
    )
    return {"code": "internal", "message": message}


def disk_full(asked: Asked) -> JobError:
    """What was to be written did not fit."""
    message = (
        "the trainer's disk is full: give the train function more disk"
        if asked.registers
        else "the trainer's disk is full: leave out columns or rows, write the data as Parquet, or give the "
        "train function more disk"
    )
    return {"code": "disk_full", "message": message}


def too_slow(seconds: float, work: Work, asked: Asked, setting: str = "") -> JobError:
    """The work did not end in the seconds that the platform gave, or a setting of this machine."""
    return _deadline_exceeded(
        f"{_what(asked)} did not end within {_given(seconds, setting)} ({how_far(work)})", asked, setting
    )


def how_far(work: Work) -> str:
    """Its phase, and how much of that is done where it is counted."""
    counted = "" if work.percentage is None else f", {_rounded(work.percentage)} % done"
    return f"phase: {work.phase}{counted}"


def spent(most: float, reached: str, asked: Asked) -> JobError:
    """All attempts together took as long as the request allows; `reached` says how far they were."""
    what = f"training did not end within the {most:g} seconds of max_seconds ({reached})"
    return _deadline_exceeded(what, asked, "max_seconds")


def continued_too_long(hours: float, reached: str, asked: Asked) -> JobError:
    """The job was continued for as long as this deployment does that; `reached` says how far it was."""
    what = f"training did not end within the {hours:g} hours of {TRAIN_HOURS} ({reached})"
    return _deadline_exceeded(what, asked, TRAIN_HOURS)


def data_changed(uri: str) -> JobError:
    """What a continued training reads is not what it had read before."""
    message = (
        f"{uri} changed while the training was under way, and a training continues on the data that it began "
        "with: send the request again, or train on an upload (dataset://…), which never changes"
    )
    return {"code": "data_changed", "message": message}


def never_time(seconds: float, asked: Asked, setting: str = "") -> JobError:
    """There were too few seconds to begin with, each time."""
    what = f"{_given(seconds, setting)} are too few to begin a {_noun(asked)}"
    return _deadline_exceeded(what, asked, setting)


def given_up(code: str, reason: str, attempts: int, asked: Asked, setting: str = "") -> JobError:
    """So many attempts came to nothing, the last for this reason."""
    message = f"{reason}; given up after {attempts} attempts"
    if code == DEADLINE_EXCEEDED:
        return _deadline_exceeded(message, asked, setting)
    return {
        "code": code,
        "message": f"{message}: {_less_memory(asked)}" if code == "out_of_memory" else message,
    }


def _deadline_exceeded(what: str, asked: Asked, setting: str) -> JobError:
    less = "" if asked.registers else f"train on fewer rows, {_less_work(asked)}or "
    return {"code": DEADLINE_EXCEEDED, "message": f"{what}: {less}raise {setting or _TIMEOUT}"}


def _what(asked: Asked) -> str:
    return "checking the artifact" if asked.registers else "training"


def _noun(asked: Asked) -> str:
    return "registration" if asked.registers else "training"


def _less_memory(asked: Asked) -> str:
    return _MORE_MEMORY if asked.registers else _LESS_MEMORY


def _less_work(asked: Asked) -> str:
    """What to ask of the algorithm, by the hyperparameters that it has; nothing of one that is not here."""
    from ml_core import algorithms

    try:
        has = {each.name for each in algorithms.algorithm(asked.algorithm).algorithm.hyperparameters}
    except AlgorithmNotFound:
        return ""
    if "epochs" in has:
        return "train fewer epochs or a smaller network, "
    return "set a lower max_iter, " if "max_iter" in has else ""


def _rounded(percentage: float) -> str:
    """At most one digit after the point; what is not done is not 100."""
    return f"{min(round(percentage, 1), 99.9) if percentage < 100 else 100:g}"


def _given(seconds: float, setting: str) -> str:
    return (
        f"the {seconds:.0f} seconds {f'of {setting}' if setting else 'that the platform gave the function'}"
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size:,} bytes"
