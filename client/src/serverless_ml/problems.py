"""From an answer that refuses to the exception that says so."""

import re
from collections.abc import Mapping
from typing import Any

from serverless_ml.errors import (
    Conflict,
    Fault,
    InvalidInput,
    NotAllowed,
    NotFound,
    ServiceError,
    TooLarge,
    TooMany,
    Unavailable,
    UnexpectedAnswer,
)

KINDS: Mapping[int, type[ServiceError]] = {
    400: InvalidInput,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    413: TooLarge,
    422: InvalidInput,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_SHOWN = 200
_TYPE = re.compile(r"/docs#[a-z_]{1,60}")


def error_of(
    status: int,
    body: Any,
    *,
    text: str = "",
    request_id: str | None = None,
    retry_after: float | None = None,
    service: str = "",
) -> ServiceError | UnexpectedAnswer:
    """The exception for an answer.

    Args:
        status: what it says in HTTP.
        body: what its JSON is; None for no JSON.
        text: how it begins, where it is no JSON: a proxy's page, perhaps.
        request_id: of the answer's headers.
        retry_after: the seconds after which it would be asked again.
        service: the address of the service that answered, below which its pages are; empty for others.
    """
    problem = body if isinstance(body, dict) else {}
    detail = problem.get("detail") or problem.get("error") or problem.get("message")
    if status < 400:
        return UnexpectedAnswer(f"expected an answer of the service, got status {status} {_shortened(text)}")
    if not isinstance(detail, str):
        detail = f"status {status}, without a word of the service's {_shortened(text)}".rstrip()
    return KINDS.get(status, ServiceError)(
        detail,
        status=status,
        code=_text(problem.get("code")),
        faults=faults_of(problem.get("faults")),
        request_id=_text(problem.get("request_id")) or request_id,
        omitted=_count(problem.get("faults_omitted")),
        retry_after=retry_after,
        documented_at=_documented_at(service, problem.get("type")),
    )


def _documented_at(service: str, kind: Any) -> str:
    """The page that a problem's type names, which is a path of the service's; empty for any other type."""
    return service + kind if service and isinstance(kind, str) and _TYPE.fullmatch(kind) else ""


def faults_of(told: Any) -> list[Fault]:
    """The faults of an answer, as far as they are readable."""
    entries = told if isinstance(told, list) else []
    return [
        Fault(_text(each.get("path")), _text(each.get("message")))
        for each in entries
        if isinstance(each, dict)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return repr(words[:_SHOWN] + "…" if len(words) > _SHOWN else words) if words else ""
