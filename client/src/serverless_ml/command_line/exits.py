"""How the command ends: a number for each kind of end, and what is said of an error.

The numbers are part of the command's contract (docs/command-line.md): scripts branch on them.
"""

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from serverless_ml.errors import (
    BadConnection,
    BadReference,
    Fault,
    InvalidArgument,
    InvalidInput,
    JobCancelled,
    JobFailed,
    NotAllowed,
    NotConnected,
    NotFound,
    ServerlessMLError,
    ServiceError,
    TimedOut,
    TooMany,
    Unavailable,
    UnexpectedAnswer,
)
from serverless_ml.profiles import ProfileError


class Exit(IntEnum):
    """What a script is told."""

    DONE = 0
    """It is done."""
    REFUSED = 1
    """The service refused what was sent as wrong, or as in conflict with what is there; or `score` predicted
    none of the rows."""
    USAGE = 2
    """The command is wrong: an option, an argument, a file that would be replaced, or no service is named."""
    NOT_FOUND = 3
    """There is no such model, version, alias, job or dataset."""
    NOT_ALLOWED = 4
    """The key is missing, unknown, or has not the right."""
    JOB_FAILED = 5
    """A job failed or was cancelled."""
    UNREACHABLE = 6
    """The service does not answer, or what answers is not the service."""
    NOT_NOW = 7
    """Too many requests or jobs, or the service is not available; the same command may work later."""
    FILE = 8
    """A file of this machine cannot be read or written, that of the profiles included."""
    BUG = 70
    """A fault of this command; `--debug` shows where."""
    INTERRUPTED = 130
    """Ctrl-C."""
    PIPE_CLOSED = 141
    """Whoever read the output has gone, as `head` does."""


class CommandError(Exception):
    """An end that the command itself foresaw.

    Args:
        message: what is wrong and what to do, for a person.
        code: how the command ends.
        faults: each thing that is wrong, with its place.
    """

    def __init__(self, message: str, code: Exit = Exit.USAGE, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.faults = list(faults)


class Interrupted(Exception):
    """Ctrl-C, after what was under way is cancelled or left; the message says which."""


class Ending(NamedTuple):
    """What is said on stderr, and the number that the command ends with."""

    lines: list[str]
    code: Exit


_BY_KIND: tuple[tuple[type[ServerlessMLError], Exit], ...] = (
    (NotFound, Exit.NOT_FOUND),
    (NotAllowed, Exit.NOT_ALLOWED),
    (TooMany, Exit.NOT_NOW),
    (Unavailable, Exit.NOT_NOW),
    (JobFailed, Exit.JOB_FAILED),
    (JobCancelled, Exit.JOB_FAILED),
    (NotConnected, Exit.UNREACHABLE),
    (UnexpectedAnswer, Exit.UNREACHABLE),
    (TimedOut, Exit.NOT_NOW),
    (BadReference, Exit.USAGE),
    (InvalidArgument, Exit.USAGE),
    (BadConnection, Exit.USAGE),
    (ProfileError, Exit.FILE),
)
# What a person typed where the request has a path.
_OPTIONS = {
    "$.algorithm": "--algorithm",
    "$.test_fraction": "--test-fraction",
    "$.seed": "--seed",
    "$.split": "--split",
    "$.max_seconds": "--max-seconds",
    "$.engine": "--engine",
    "$.privacy": "--privacy",
    "$.keep": "--keep",
    "$.format": "--to",
    "$.to": "--into",
    "$.rejects": "--rejects",
    "$.data.target": "--target",
    "$.data.features": "--features",
    "$.data.exclude": "--exclude",
    "$.data.types": "--type",
    "$.data.missing": "--missing",
    "$.hyperparameters": "--param",
    "$.types": "--type",
    "$.missing": "--missing",
    "$.exclude": "--exclude",
    "$.outputs": "--outputs",
    "query.outputs": "--outputs",
    "$.against": "--against",
    "query.against": "--against",
    "$.top": "--top",
    "query.top": "--top",
}
_MOST_FAULTS = 20


def ending_of(error: BaseException) -> Ending | None:
    """What a foreseen error ends the command with; None for one that nobody foresaw."""
    if isinstance(error, CommandError):
        return Ending([str(error), *_told(error.faults)], error.code)
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return Ending([str(error) or "interrupted"], Exit.INTERRUPTED)
    if isinstance(error, ServerlessMLError):
        return Ending([*_lines_of(error)], code_of(type(error)))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return Ending([f"{where}{error.strerror}"], Exit.FILE)
    return None


def code_of(kind: type[ServerlessMLError]) -> Exit:
    """What an error of the client ends the command with."""
    return next((code for known, code in _BY_KIND if issubclass(kind, known)), Exit.REFUSED)


def _lines_of(error: ServerlessMLError) -> Iterator[str]:
    faults: Sequence[Fault] = getattr(error, "faults", ())
    said = error.detail if isinstance(error, InvalidInput) and len(faults) > 1 else str(error)
    # The service's detail repeats an only fault; the line with its place says it once.
    once = len(faults) == 1 and faults[0].message in said
    if not (once and len(said) <= len(faults[0].message) + len(faults[0].path) + 80):
        yield said
    yield from _told(faults, indented=said != "" and len(faults) > 1)
    if isinstance(error, ServiceError) and error.status >= 500 and error.request_id:
        yield f"the service's log knows this request as {error.request_id}"
    if isinstance(error, ServiceError) and error.documented_at:
        yield f"what {error.code} means, and what to do: {error.documented_at}"


def _told(faults: Sequence[Fault], *, indented: bool = True) -> Iterator[str]:
    for fault in faults[:_MOST_FAULTS]:
        place = _with_option(fault.path)
        yield ("  " if indented else "") + (f"{place}: {fault.message}" if place else fault.message)
    if len(faults) > _MOST_FAULTS:
        yield f"  and {len(faults) - _MOST_FAULTS} more"


def _with_option(path: str) -> str:
    stem = re.sub(r"\[.*", "", path)
    for known, option in _OPTIONS.items():
        if stem == known or stem.startswith(f"{known}."):
            return f"{path} ({option})"
    return path
