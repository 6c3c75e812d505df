"""The trail of changes: who asked for what, and how it was answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer, Listed


@dataclass(frozen=True, kw_only=True, repr=False)
class AuditEntry(Answer):
    """A change that was asked for.

    `by` is the id of the key, None where no key was asked for. `status` is None where the answer is not
    known: the change may have been made or not.
    """

    picture: ClassVar[str] = "audit_entry"

    id: str
    time: datetime
    by: str | None = None
    method: str | None = None
    route: str | None = None
    request_id: str | None = None
    status: int | None = None
    model: str | None = None
    dataset: str | None = None
    version: int | None = None
    alias: str | None = None
    job: str | None = None


class AuditEntries(Listed[AuditEntry]):
    """Changes that were asked for, the newest first."""

    picture = "audit"

    @classmethod
    def entry(cls, told: Any) -> AuditEntry:
        """One of them."""
        return AuditEntry.from_json(told)
