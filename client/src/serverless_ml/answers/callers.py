"""Whose key a request has."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from serverless_ml.answers.record import Answer


@dataclass(frozen=True, kw_only=True, repr=False)
class Caller(Answer):
    """Who is asking: the key's id, its roles, the rights that they give, and what it is limited to.

    `models` and `datasets` are patterns of names, None for all. `expires` is None for never.
    """

    picture: ClassVar[str] = "caller"

    key: str | None = None
    roles: list[str]
    rights: list[str]
    models: list[str] | None = None
    datasets: list[str] | None = None
    expires: datetime | None = None
