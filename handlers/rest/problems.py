"""From an error to an answer: RFC 9457's members, and the string `error` that both protocols' clients show.

What an error means in HTTP is said here and nowhere else.
"""

from typing import Any

from handlers.errors import ForeignOrigin, MethodNotAllowed, RangeNotSatisfiable, UnsupportedMediaType
from handlers.rest.http import Response, json_response
from ml_core.conflicts import IdempotencyMismatch, NotDeployed
from ml_core.errors import (
    ArtifactInvalid,
    Conflict,
    Forbidden,
    InvalidInput,
    MalformedInput,
    NotConfigured,
    NotFound,
    RevisionMismatch,
    ServerlessMLError,
    TooLarge,
    TooManyJobs,
    Unauthenticated,
    Unavailable,
)

# The nearest class in an error's ancestry decides. What is not listed is unforeseen: 500.
STATUSES: dict[type[ServerlessMLError], int] = {
    MalformedInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    ForeignOrigin: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    RevisionMismatch: 412,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    RangeNotSatisfiable: 416,
    InvalidInput: 422,
    IdempotencyMismatch: 422,
    TooManyJobs: 429,
    ArtifactInvalid: 500,
    NotDeployed: 501,
    NotConfigured: 503,
    Unavailable: 503,
}
TITLES = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible in the present state",
    412: "It changed in the meantime",
    413: "Too large",
    415: "Unsupported media type",
    416: "No such range",
    422: "The request breaks the contract",
    429: "Too many at once",
    500: "Internal error",
    501: "Not deployed",
    503: "Not available",
}
_RETRY_AFTER: dict[type[ServerlessMLError], str] = {TooManyJobs: "30", Unavailable: "2"}  # seconds
UNFORESEEN = "something went wrong on our side; the request id finds it in the logs"


def status_of(kind: type[Exception]) -> int:
    """The HTTP status of an error of that kind."""
    return next((STATUSES[ancestor] for ancestor in kind.__mro__ if ancestor in STATUSES), 500)


def status_of_error(error: Exception, invalid: int) -> int:
    """The HTTP status of an error, of invalid input as the route says. What nests too deeply is malformed."""
    if isinstance(error, InvalidInput):
        return invalid
    return status_of(MalformedInput if isinstance(error, RecursionError) else type(error))


def is_foreseen(error: Exception) -> bool:
    """Whether callers may read what `error` says."""
    return isinstance(error, ServerlessMLError) and any(kind in STATUSES for kind in type(error).__mro__)


def problem_response(error: Exception, *, request_id: str, accept: str = "", invalid: int = 422) -> Response:
    """The answer that tells a caller about `error`; of something unforeseen, only the request id.

    Args:
        error: what was raised.
        request_id: repeated, so that a caller can name the request.
        accept: the Accept header; `application/problem+json` is sent to those who name it.
        invalid: the status of `InvalidInput`: 422, or 400 where the Open Inference Protocol says so.
    """
    status = status_of_error(error, invalid)
    code = error.code if isinstance(error, ServerlessMLError) and is_foreseen(error) else "internal"
    detail = str(error) if is_foreseen(error) else UNFORESEEN
    problem: dict[str, Any] = {
        "type": f"/docs#{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        "error": detail,
    }
    if isinstance(error, InvalidInput):
        problem["faults"] = [{"path": fault.path, "message": fault.message} for fault in error.faults]
        if error.omitted:
            problem["faults_omitted"] = error.omitted
    headers = _headers_of(error, status)
    if "application/problem+json" in accept.lower():
        headers["content-type"] = "application/problem+json"
    return json_response(problem, status=status, headers=headers)


def _headers_of(error: Exception, status: int) -> dict[str, str]:
    if isinstance(error, MethodNotAllowed):
        return {"allow": error.allow}
    if isinstance(error, UnsupportedMediaType):
        return {"accept-encoding": UnsupportedMediaType.ACCEPTED_ENCODINGS}
    if isinstance(error, RangeNotSatisfiable):
        return {"content-range": f"bytes */{error.length}"}
    if status == 401:
        return {"www-authenticate": 'Bearer realm="serverless-ml"'}
    seconds = next((_RETRY_AFTER[kind] for kind in _RETRY_AFTER if isinstance(error, kind)), None)
    return {"retry-after": seconds} if seconds else {}
