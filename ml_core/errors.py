"""Every error this project raises on purpose.

    ServerlessMLError
    ├── InvalidInput            a value breaks the contract; says where
    │   └── NotConverted        another library's model cannot be said exactly; names the step
    ├── MalformedInput          the bytes cannot be read at all
    ├── TooLarge                past a limit; says the limit and what came
    ├── NotFound
    │   ├── ModelNotFound · VersionNotFound · AliasNotFound · JobNotFound · AlgorithmNotFound
    │   ├── DatasetNotFound · ScheduleNotFound
    │   └── ObjectNotFound      no such key in the object store
    ├── Conflict                not possible in the present state
    │   ├── VersionInUse        an alias points at it
    │   ├── VersionGone         it was deleted, and something still needs it
    │   ├── NameTaken           something has the name in another spelling
    │   ├── DataChanged         what a job reads is not what it was when the job began
    │   ├── BudgetRefused       a dataset has a privacy budget, and this would read it without privacy
    │   ├── BudgetSpent         a dataset's privacy budget does not pay for it any more
    │   ├── NothingToPromote · NothingToRollBack
    │   ├── NotDescribed        what a version learnt, or of which rows, cannot be told
    │   ├── NotExplained        why it predicts what it predicts cannot be told
    │   ├── NotMonitored        predictions are not counted here
    │   ├── FeedbackFull        a day's predictions have as many labels as are counted
    │   ├── IdempotencyMismatch the key was used for another request
    │   ├── LeaseLost           another trainer holds the job, or it is over
    │   ├── ObjectExists        put-if-absent found an object
    │   └── RevisionMismatch    compare-and-swap lost
    ├── TooManyJobs             as many as may be are not over yet; trying again later helps
    ├── Refused                 who asks, not what is asked
    │   ├── Unauthenticated · Forbidden · NotConfigured
    │   └── NotDeployed         a function that it takes is no part of this deployment
    ├── ArtifactInvalid         bytes that are not a model of ours
    └── Unavailable             a service we stand on did not answer; trying again may help
        ├── DocumentDamaged     somebody else wrote over one of our documents; it will not
        └── AccessRefused       it answers that we may not

`Unfinished` is none of them: nothing is wrong where it is raised.

What no prediction of our own models raises is defined in `conflicts.py`: most conflicts, `NotDeployed`
and `ScheduleNotFound`.

The codes are stable: a client may branch on them. What an error means in HTTP is said in
`handlers/rest/problems.py`.
"""

from __future__ import annotations

from itertools import chain, islice

from ml_core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar


# A value is shown with at most so many characters.
LONGEST = 60


class Fault(Record):
    """One thing wrong with an input: `path` is a JSON path such as `$.instances[2][0]`."""

    path: str
    message: str


class ServerlessMLError(Exception):
    """The root. `str(error)` is fit for the caller's eyes."""

    code: ClassVar[str] = "internal"


class InvalidInput(ServerlessMLError):
    """A value breaks the contract; `faults` says where and how.

    No more faults are looked for than are told: of what is not a list, one more is taken, which says that
    there are others. `omitted` is how many are known and not told.
    """

    code = "invalid_input"
    MOST_FAULTS: ClassVar[int] = 20

    def __init__(self, faults: Iterable[Fault]) -> None:
        found = faults if isinstance(faults, list) else list(islice(faults, self.MOST_FAULTS + 1))
        self.faults: list[Fault] = found[: self.MOST_FAULTS]
        self.omitted = len(found) - len(self.faults)
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in self.faults))

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, as another process gets it, has the same faults and counts the others too."""
        return type(self), (self.faults,), self.__dict__

    @classmethod
    def at(cls, path: str, message: str) -> InvalidInput:
        """One fault."""
        return cls([Fault(path, message)])


class NotConverted(InvalidInput):
    """A model of another library's cannot be said exactly; the path of the fault names the step."""

    code = "not_converted"


class MalformedInput(ServerlessMLError):
    """The bytes cannot be read as what they claim to be."""

    code = "malformed_input"


class TooLarge(ServerlessMLError):
    """Past a limit; the message says the limit and what was sent."""

    code = "too_large"


class NotFound(ServerlessMLError):
    """No such thing."""

    code = "not_found"


class ModelNotFound(NotFound):
    """No model has that name."""

    code = "model_not_found"


class VersionNotFound(NotFound):
    """The model has no such version, or it was deleted."""

    code = "version_not_found"


class AliasNotFound(NotFound):
    """The model has no such alias."""

    code = "alias_not_found"


class JobNotFound(NotFound):
    """No job has that id."""

    code = "job_not_found"


class DatasetNotFound(NotFound):
    """No dataset has that name, or nothing was uploaded to it yet."""

    code = "dataset_not_found"


class AlgorithmNotFound(NotFound):
    """No algorithm has that name."""

    code = "algorithm_not_found"


class ObjectNotFound(NotFound):
    """The object store holds nothing under that key."""

    code = "object_not_found"


class Conflict(ServerlessMLError):
    """Not possible in the present state."""

    code = "conflict"


class NameTaken(Conflict):
    """Something has the name in another spelling: of names that differ only in case one can be there."""

    code = "name_taken"


class ObjectExists(Conflict):
    """Put-if-absent found an object under the key."""

    code = "object_exists"


class RevisionMismatch(Conflict):
    """The object or alias changed, or went away, since the revision that the caller holds."""

    code = "revision_mismatch"


class TooManyJobs(ServerlessMLError):
    """As many jobs as may be are not over yet: of this key, or of all; another is taken when one ends."""

    code = "too_many_jobs"


class Refused(ServerlessMLError):
    """It matters who asks."""

    code = "refused"


class Unauthenticated(Refused):
    """No key, none that is known, or one that has expired."""

    code = "unauthenticated"


class Forbidden(Refused):
    """The key lacks the right, or is limited to other models or datasets."""

    code = "forbidden"


class NotConfigured(Refused):
    """No key is configured: closed, not open."""

    code = "not_configured"


class ArtifactInvalid(ServerlessMLError):
    """Bytes that are not a model of ours, or of a format this release cannot read."""

    code = "artifact_invalid"


class Unavailable(ServerlessMLError):
    """A service that we stand on failed or did not answer; trying again may help."""

    code = "unavailable"


class DocumentDamaged(Unavailable):
    """A document in the store is not one that this project wrote; only a person can help."""

    code = "document_damaged"


class AccessRefused(Unavailable):
    """The object storage does not let us: a right is missing, or is not yet in force everywhere."""

    code = "access_refused"


def shown(value: object) -> str:
    """A value as a message shows it: JSON-like, and never longer than `LONGEST` characters."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > LONGEST:
        # str() of a huge integer takes quadratic time, and Python refuses it past 4,300 digits.
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = repr(value[:LONGEST]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


class Unfinished(Exception):
    """A fit that saved a checkpoint stops here, before its deadline; another delivery continues it.

    Its text says how far it was: `continues at epoch 12 of 30`.
    """


def quoted(word: str) -> str:
    """A word as JSON has it, shortened; for options that a message proposes."""
    text = word if len(word) <= LONGEST else word[:LONGEST] + "…"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def member(where: str, name: str) -> str:
    """The JSON path of an object's member: `$.a.name`, or `$.a["any name"]`, shortened when it is long."""
    if name.isascii() and name.isidentifier() and len(name) <= LONGEST:
        return f"{where}.{name}"
    return f'{where}["{name if len(name) <= LONGEST else name[: LONGEST - 3] + "..."}"]'


def raise_faults(faults: Iterable[Fault]) -> None:
    """Raise `InvalidInput` if there are any; no more are looked for than it tells."""
    rest = iter(faults)
    for first in rest:
        raise InvalidInput(chain([first], rest))
