"""What an endpoint is given: the request, what the router found in it, and the services it may use."""

from __future__ import annotations

from handlers.rest.bodies import read_json
from handlers.rest.http import Request, is_number
from handlers.rest.routes import EVERYWHERE, QUERY, Route, query_of
from handlers.rest.schemas import Schema, check, is_checked_elsewhere, with_integers
from ml_core.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from handlers.auth import Caller
    from handlers.services import Services
    from handlers.settings import Settings
    from ml_core.inputs.rows import Limits
    from ml_core.monitoring.observation import Observation

_LONGEST_ROUTING_KEY = 255


class Call:
    """One call of one endpoint."""

    __slots__ = (*("caller", "path", "record", "request", "route", "schema", "seen", "services", "settings"),)

    def __init__(
        self,
        request: Request,
        route: Route,
        *,
        path: dict[str, str],
        schema: Schema,
        services: Services,
        caller: Caller,
        record: dict[str, Any],
        seen: list[Observation],
    ) -> None:
        self.request = request
        self.route = route
        self.path = path
        self.schema = schema
        self.services = services
        self.settings: Settings = services.settings
        self.caller = caller
        self.record = record
        self.seen = seen

    def note(self, **fields: Any) -> None:
        """Add to the request's line in the log; ids, names and counts only."""
        self.record.update(fields)

    @property
    def version(self) -> int | None:
        """The version that the path names, if it names one."""
        return int(self.path["version"]) if "version" in self.path else None

    @property
    def limits(self) -> Limits:
        """The bounds on rows, columns and numbers."""
        return self.services.limits

    def header(self, name: str) -> str:
        """A request header's value, empty when it is absent."""
        headers = self.request.headers
        return headers[name].strip() if name in headers else ""

    def address(self, signed: str) -> str:
        """A signed address as the caller can use it: a path alone is one of this server's own."""
        return signed if "://" in signed else f"http://{self.header('host')}{signed}"

    def body(self, rows: str = "") -> Any:
        """The body as JSON that meets the route's schema; `rows` as in `read_json`.

        Raises:
            UnsupportedMediaType, TooLarge, MalformedInput: it cannot be read.
            InvalidInput: it is not as declared.
        """
        value = read_json(self.request, self.settings.max_body_bytes, rows)
        if is_checked_elsewhere(self.schema, value):
            return value
        check(self.schema, value)
        return with_integers(self.schema, value)

    def optional_body(self) -> Any:
        """As `body`, for a route that may be called without one: an empty object then."""
        return self.body() if self.request.body else {}

    @property
    def routing_key(self) -> str:
        """What decides among versions that share the traffic, so that who sends it stays with one of them.

        Raises:
            InvalidInput: it cannot be sent alike to every cloud.
        """
        if "x-routing-key" not in self.request.headers:
            return ""
        key = self.header("x-routing-key")
        if key and not (key.isascii() and key.isprintable() and len(key) <= _LONGEST_ROUTING_KEY):
            expected = f"1 to {_LONGEST_ROUTING_KEY} printable characters of ASCII are expected"
            raise InvalidInput.at("X-Routing-Key", f"has {len(key)} characters; {expected}")
        return key

    def page_length(self, query: dict[str, Any]) -> int:
        """How many entries of a list to answer: `limit`, within the setting."""
        return min(int(query.get("limit", 100)), self.settings.max_page)

    def query(self, *, others: bool = False) -> dict[str, Any]:
        """The query's values, as the types that the route declares.

        Args:
            others: what is not declared is ignored, as it was before the route declared any.

        Raises:
            InvalidInput: one is not as declared, or is not declared.
        """
        values: dict[str, Any] = {}
        declared = {**query_of(self.route), **{name: QUERY[name] for name in EVERYWHERE}}
        for name, text in self.request.query.items():
            if others and name not in declared:
                continue
            number = declared.get(name, {}).get("type") == "integer" and is_number(text)
            values[name] = int(text) if number else text
        check({"type": "object", "properties": declared, "additionalProperties": False}, values, "query")
        return values
