"""What can be wrong with a request as HTTP, before it means anything to `ml_core`."""

from __future__ import annotations

from ml_core.errors import NotFound, ServerlessMLError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class RouteNotFound(NotFound):
    """No endpoint has that path."""

    code = "route_not_found"


class MethodNotAllowed(ServerlessMLError):
    """The path exists, but not for that method; `allow` lists those that it takes."""

    code = "method_not_allowed"

    def __init__(self, method: str, allow: str) -> None:
        self.allow = allow
        super().__init__(f"{method} is not possible here; the path takes {allow}")


class UnsupportedMediaType(ServerlessMLError):
    """The body's Content-Type or Content-Encoding is not one that is read here."""

    code = "unsupported_media_type"
    ACCEPTED_ENCODINGS: ClassVar[str] = "gzip, deflate, identity"


class RangeNotSatisfiable(ServerlessMLError):
    """The answer has none of the bytes that the header Range asks for."""

    code = "range_not_satisfiable"

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(f"expected a range of the {length:,} bytes that there are")


class ForeignOrigin(ServerlessMLError):
    """A page of another site asks a server that is open to its own machine."""

    code = "foreign_origin"
