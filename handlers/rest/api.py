"""The one way from a request to its answer, whatever the cloud: find, admit, bound, call, log."""

from __future__ import annotations

import time
from importlib import import_module

from handlers.auth import ADMIN, KEY, OPEN, PREDICT, TRAIN, VISITOR, Caller
from handlers.logs import log_request
from handlers.rest.call import Call
from handlers.rest.http import Request, Response, indented, wants_indented
from handlers.rest.router import allowed, below, find
from handlers.rest.routes import PATH_PARAMETERS, QUERY, Route
from handlers.rest.schemas import check, matches
from ml_core.errors import MalformedInput, ServerlessMLError, TooLarge, shown
from ml_core.names import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from handlers.auth import Gate
    from handlers.rest.cors import Cors
    from handlers.rest.schemas import Schema
    from handlers.services import Services
    from ml_core.monitoring.observation import Observation

    type Count = Callable[[dict[str, Any], int, float], None]


class Api:
    """Answers requests with what `services` can do.

    Args:
        services: what endpoints stand on.
        count: is told of every answer: what the log says of the request, the status, and the seconds it took.
    """

    def __init__(self, services: Services, count: Count | None = None) -> None:
        self._services = services
        self._told = count
        self._tracing = services.tracing
        self._settings = services.settings
        self._cold = True
        self._endpoints: dict[str, tuple[Any, Schema]] = {}  # those that were asked before, by target
        self._cors: Cors | None = None
        if self._settings.cors_origins:
            from handlers.rest.cors import Cors

            self._cors = Cors(self._settings.cors_origins)

    def handle(self, request: Request, gate: Gate | None = None) -> Response:
        """The answer to `request`; never raises.

        Args:
            request: what an adapter has read.
            gate: decides instead of the keys, where the platform itself has vouched for the caller.
        """
        if self._tracing is None:
            return self._handle(request, gate, {})
        return self._tracing.answer(request, lambda noted: self._handle(request, gate, noted))

    def _handle(self, request: Request, gate: Gate | None, noted: dict[str, Any]) -> Response:
        """What `handle` does; in `noted` is what the log says beside, and what it says in all is added."""
        started = time.perf_counter()
        cold, self._cold = self._cold, False
        wrong = _wrong_kind(request)
        if wrong:
            request = Request("", "", {}, {}, b"", _id_of(request))
        elif self._settings.base_path:
            request = self._based(request)
        record = noted
        record |= {"request_id": request.request_id, "method": request.method[:20]}
        seen: list[Observation] = []
        try:
            response = (
                _failure(MalformedInput(wrong), request, record)
                if wrong
                else self._answer(request, gate or self._services.gate, record, seen)
            )
        except Exception as error:  # noqa: BLE001 (every failure is an answer)
            response = _failure(error, request, record)
            if wants_indented(request):
                response = indented(response)
        if "key" in record and self._settings.monitoring_days and (seen or response.status < 500):
            self._count(request, record, seen, response.status, started)
        seconds = time.perf_counter() - started
        if self._told is not None:
            self._told(record, response.status, seconds)
        log_request({**record, "status": response.status, "cold": cold}, seconds)
        if self._cors is not None:
            told = self._cors.told(request.headers)
            if "vary" in told and "vary" in response.headers:
                told["vary"] = f"{response.headers['vary']}, {told['vary']}"
            response = response._replace(headers={**response.headers, **told})
        return finished(request, response)

    def _count(
        self, request: Request, record: dict[str, Any], seen: list[Observation], status: int, started: float
    ) -> None:
        """Count what a key used and what was predicted, and store the counts when it is time to.

        The caller is answered in any case.
        """
        sent = status < 300 and request.method == "POST" and "job" in record
        try:
            monitor = self._services.monitor
            key, rows = record["key"] or "", record.get("rows", 0) if status < 300 else 0
            if status < 500:
                # How long the rows of a private training are tells of them.
                length = 0 if record.get("private") else len(request.body)
                monitor.use(key, rows, int(sent), length, predicts=bool(seen))
            if seen:
                monitor.take(seen[0], status, (time.perf_counter() - started) * 1000)
        except Exception as error:  # noqa: BLE001 (what was answered stays answered)
            from handlers.logs import log_unforeseen

            log_unforeseen(error, counting=seen[0].served.name if seen else record["route"])

    def _based(self, request: Request) -> Request:
        """The request with its path below the base path, where there is one."""
        base = self._settings.base_path
        return request._replace(path=below(base, request.path)) if base else request

    def admit(self, request: Request, gate: Gate | None = None, length: int = 0) -> None:
        """Raise what `handle` would before it looks into the body, which is announced with `length` bytes."""
        self._admitted(self._based(request), gate or self._services.gate, {}, length)

    def _answer(
        self, request: Request, gate: Gate, record: dict[str, Any], seen: list[Observation]
    ) -> Response:
        admitted = self._admitted(request, gate, record, len(request.body))
        if isinstance(admitted, Response):
            return admitted
        route, values, caller = admitted
        _check_path(route, values)
        if "pretty" in request.query:
            check(QUERY["pretty"], request.query["pretty"], "query.pretty")
        endpoint, schema = self._endpoints.get(route.target) or self._endpoint(route)
        call = Call(
            request,
            route,
            path=values,
            schema=schema,
            services=self._services,
            caller=caller,
            record=record,
            seen=seen,
        )
        response: Response = endpoint(call)
        most = self._settings.max_answer_bytes
        if len(response.body) > most:
            raise _too_long("answer", len(response.body), most)
        if wants_indented(request):
            response = indented(response)
            if len(response.body) > most:
                raise _too_long("indented answer", len(response.body), most)
        return response

    def _endpoint(self, route: Route) -> tuple[Any, Schema]:
        """The function that answers, and what the body has to meet."""
        module_name, _, function_name = route.target.partition(":")
        module = import_module(f"handlers.rest.endpoints.{module_name}")
        endpoint: Callable[[Call], Response] = getattr(module, function_name)
        if route.access in (TRAIN, ADMIN) and route.method != "GET" and self._settings.audit_days:
            from handlers.rest.auditing import audited

            endpoint = audited(endpoint)
        if self._tracing is not None and route.access == PREDICT and route.method == "POST":
            endpoint = self._tracing.predicting(endpoint)
        found = endpoint, getattr(module, route.body) if route.body else {}
        self._endpoints[route.target] = found
        return found

    def _admitted(
        self, request: Request, gate: Gate, record: dict[str, Any], length: int
    ) -> Response | tuple[Route, dict[str, str], Caller]:
        """Where a request leads and who sends it, or the answer where there is no endpoint."""
        found = find(request.path)
        method = _method(request)
        if method not in found:
            allow = allowed(found) if found else ""
            preflight = self._cors.preflight(method, request.headers, allow) if self._cors else None
            return preflight or _without_endpoint(request, gate, method, allow)
        route, values = found[method]
        record["route"] = route.path
        caller = gate.admit(request.headers, route.access)
        if route.access not in (OPEN, VISITOR):
            record["key"] = caller.id or None
        if caller.limited:
            from handlers.limits import check as check_limits

            check_limits(caller, values)
        most = self._settings.max_body_bytes
        if length > most:
            raise _too_long("request's body", length, most)
        return route, values, caller


def _too_long(what: str, length: int, most: int) -> TooLarge:
    return TooLarge(f"the {what} has {length:,} bytes; at most {most:,} are possible")


def _wrong_kind(request: Request) -> str:
    """What in a request is no text where HTTP has nothing else; empty where all is well.

    Only an event that no gateway has sent can be so: whoever may invoke a function writes it as they like.
    """
    method, path, query, headers, body, request_id = request
    if type(headers) is dict is type(query) and type(body) is bytes:
        try:
            "".join((method, path, request_id, *headers, *headers.values(), *query, *query.values()))
        except TypeError:  # the quickest way to hear of one that is no text
            pass
        else:
            return ""
    return _whose_kind_is_wrong(request)


def _whose_kind_is_wrong(request: Request) -> str:
    texts = (("method", request.method), ("path", request.path), ("request id", request.request_id))
    for what, value in texts:
        if type(value) is not str:
            return f"expected a {what} that is text, got {shown(value)}"
    for what, named in (("headers", request.headers), ("query", request.query)):
        if type(named) is not dict:
            return f"expected {what} by name, got {shown(named)}"
        for name, value in named.items():
            if type(name) is not str or type(value) is not str:
                return f"expected {what} of text, got {shown(value)} for {shown(name)}"
    return f"expected a body of bytes, got {shown(request.body)}"


def _id_of(request: Request) -> str:
    return request.request_id if type(request.request_id) is str else shown(request.request_id)


def _method(request: Request) -> str:
    """The method whose endpoint answers: HEAD is a GET whose body stays behind."""
    return "GET" if request.method == "HEAD" else request.method


def _without_endpoint(request: Request, gate: Gate, method: str, allow: str) -> Response:
    """Answer OPTIONS; tell anyone with a key what else is wrong with the method or the path."""
    if allow and method == "OPTIONS":
        gate.admit(request.headers, VISITOR)
        return Response(204, {"allow": allow}, b"")
    from handlers.errors import MethodNotAllowed, RouteNotFound

    gate.admit(request.headers, KEY)
    if allow:
        raise MethodNotAllowed(request.method[:20], allow)
    raise RouteNotFound("there is no such path; /docs and /openapi.json show what there is")


def _check_path(route: Route, values: dict[str, str]) -> None:
    """Raise what a malformed name in the path means: invalid where it would be created, else unknown."""
    for name, value in values.items():
        parameter = PATH_PARAMETERS[name]
        if name in route.creates:
            check_name(value, f"path.{name}")
        elif not matches(parameter.schema["pattern"], value):
            raise parameter.missing(
                f"no {name} can be called {value[:80]!r}: it has to match {parameter.schema['pattern']}"
            )


def _failure(error: Exception, request: Request, record: dict[str, Any]) -> Response:
    """The answer to an error, which is logged in full when nobody foresaw it."""
    from handlers.logs import log_unforeseen
    from handlers.rest.problems import is_foreseen, problem_response, status_of

    if isinstance(error, RecursionError):
        error = MalformedInput("the request is nested too deeply")
    if not is_foreseen(error):
        log_unforeseen(error, request_id=request.request_id, route=record.get("route"))
    elif status_of(type(error)) >= 500:
        record["detail"] = str(error)
    if isinstance(error, ServerlessMLError):
        record["code"] = error.code
    route = find(request.path).get(_method(request))
    return problem_response(
        error,
        request_id=request.request_id,
        accept=request.headers.get("accept", ""),
        invalid=route[0].invalid if route else 422,
    )


def finished(request: Request, response: Response) -> Response:
    """`response` with the headers that every answer has, and without its body for HEAD."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", **response.headers}
    headers["x-request-id"] = request.request_id
    if request.method != "HEAD":
        return Response(response.status, headers, response.body)
    headers["content-length"] = str(len(response.body))
    return Response(response.status, headers, b"")
