"""What can go wrong, as one tree of exceptions.

ServerlessMLError
    BadReference            a model, version or alias is named in no way that is understood
    InvalidArgument         a call of the client makes no sense; nothing was sent
    NotInstalled            it takes a package that is not installed
    BadConnection           which service to ask is not said, or not rightly
    NotConnected            nobody answered
    UnexpectedAnswer        something answered, and not as the service does
    TimedOut                it was not waited for any longer
    ServiceError            the service refused: status, code, detail, faults, request id, documented at
        InvalidInput        … of what was sent: each fault with its JSON path
        NotAllowed          … for want of a key or of a right
        NotFound
        Conflict            … because something changed, or is in the way
        TooLarge
        TooMany             … for now: too many requests or jobs
        Unavailable         … because it cannot answer now
    JobFailed               a job ended without a version
    JobCancelled
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class Fault(NamedTuple):
    """What is wrong in one place of what was sent; `path` is a JSON path, such as `$.instances[3].age`."""

    path: str
    message: str


class ServerlessMLError(Exception):
    """The root of the tree."""


class BadReference(ServerlessMLError, ValueError):
    """A model, version or alias is named in no way that is understood."""


class InvalidArgument(ServerlessMLError, ValueError):
    """A call of the client makes no sense; nothing was sent."""


class NotInstalled(ServerlessMLError, ImportError):
    """It takes a package that is not installed; the message says which, and how to install it."""


class BadConnection(ServerlessMLError):
    """Which service to ask is not said, or not rightly."""


class NotConnected(ServerlessMLError):
    """Nobody answered at the service's address, after all retries. `tried` says how often it was asked.

    Args:
        message: what is wrong, for a person.
        unsent: whether the request cannot have arrived.
    """

    def __init__(self, message: str, *, unsent: bool = False) -> None:
        super().__init__(message)
        self.unsent = unsent
        self.tried = 1  # how often the request was sent


class UnexpectedAnswer(ServerlessMLError):
    """Something answered, and not as the service does: another program, or another release."""


class TimedOut(ServerlessMLError, TimeoutError):
    """What was waited for did not come in the time that was given; it may still come."""


class ServiceError(ServerlessMLError):
    """The service refused. What it said is in the members.

    Args:
        detail: what is wrong, for a person.
        status: the answer's HTTP status.
        code: the problem's name, such as `model_not_found`.
        faults: each thing that is wrong with what was sent, as far as the service tells them.
        request_id: by which the service's log knows the request.
        omitted: how many more faults there are at least.
        retry_after: the seconds after which the service would be asked again; None where it does not say.
        documented_at: where the service says what the code means and what to do; empty where it does not.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int = 0,
        code: str = "",
        faults: Sequence[Fault] = (),
        request_id: str | None = None,
        omitted: int = 0,
        retry_after: float | None = None,
        documented_at: str = "",
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.faults = list(faults)
        self.request_id = request_id
        self.omitted = omitted
        self.retry_after = retry_after
        self.documented_at = documented_at
        self.tried = 1  # how often the request was sent


class InvalidInput(ServiceError):
    """What was sent is not as it has to be; `str` of it has a line for each fault, with its JSON path."""

    SHOWN: ClassVar[int] = 20

    def __str__(self) -> str:
        if not self.faults:
            return self.detail
        lines = [f"{fault.path}: {fault.message}" for fault in self.faults[: self.SHOWN]]
        more = self.omitted + len(self.faults) - len(lines)
        return "\n".join([*lines, f"… and at least {more:,} more"] if more else lines)


class NotAllowed(ServiceError):
    """There was no key, an unknown one, or one without the right."""


class NotFound(ServiceError):
    """There is no such model, version, alias, job or dataset."""


class Conflict(ServiceError):
    """It was changed by somebody else meanwhile, or something is in the way."""


class TooLarge(ServiceError):
    """More than the service takes at once."""


class TooMany(ServiceError):
    """Too many requests or jobs for now."""


class Unavailable(ServiceError):
    """The service cannot answer now, also after all retries."""


class JobFailed(ServerlessMLError):
    """A job ended without a version.

    Args:
        message: why, and what to do.
        job: its id.
        code: the name of what was wrong, such as `deadline_exceeded`.
        faults: each thing that is wrong with what was sent, with its place.
    """

    def __init__(self, message: str, *, job: str, code: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.job = job
        self.code = code
        self.faults = list(faults)


class JobCancelled(ServerlessMLError):
    """A job was cancelled before it had a version.

    Args:
        message: what became of it.
        job: its id.
    """

    def __init__(self, message: str, *, job: str) -> None:
        super().__init__(message)
        self.job = job


class TableWarning(UserWarning):
    """What a person should know of how their table was read; nothing is wrong."""


class UnencryptedWarning(UserWarning):
    """A key goes over a network where others can read it."""
