"""What keys used: requests, rows, jobs and bytes."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from serverless_ml.answers.record import Answer


@dataclass(frozen=True, kw_only=True, repr=False)
class Usage(Answer):
    """What keys used in some time.

    `days` has an entry for each key and day, `keys` one for each key, each with `requests`, `rows`, `jobs`
    and `bytes`; `total` has these of all keys. `key` is None where none was needed.
    """

    picture: ClassVar[str] = "usage"

    monitoring: dict[str, Any] = field(default_factory=dict)
    window: dict[str, str] = field(default_factory=dict)
    days: list[dict[str, Any]] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)
    total: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
