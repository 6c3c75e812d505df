"""Azure Functions.

HTTP requests, queue messages and timers as the Python worker hands them over, and back.
"""

import os
import time
from urllib.parse import parse_qsl, unquote

import azure.functions as func

from handlers.clouds.bootstrap import answer, services_of
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.services import Services
from providers.azure.runtime import wiring

_API: list[Api] = []


def api(request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer a request of the REST contract."""
    if not _API:
        _API.append(Api(services()))
    return to_azure(answer(_API[0], from_azure(request, context.invocation_id)))


def train(message: func.QueueMessage) -> None:
    """Run the job that a message names.

    When this returns the host deletes the message, else it comes again.
    """
    from handlers.jobs import job_of, receive
    from handlers.logs import forward_logging

    forward_logging()
    deadline = time.time() + wiring.train_seconds(os.environ)
    text = message.get_body().decode(errors="replace")
    seconds = receive(services(), text, failures=(message.dequeue_count or 1) - 1, deadline=deadline)
    if seconds is not None:
        services().queue.defer(job_of(text), seconds)


def train_directly(event: object, deadline: float) -> object:
    """The finished job of a body to train on: what `invoke local` calls instead of `train`."""
    from handlers.direct import train_directly

    return train_directly(services(), event, deadline)


def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 (the trigger's)
    """Bring stray jobs back on their way; called by the schedule."""
    from handlers.jobs import sweep_once
    from handlers.logs import forward_logging

    forward_logging()
    sweep_once(services())


def from_azure(request: func.HttpRequest, request_id: str) -> Request:
    """The request; its URL is whole and percent-encoded."""
    path, query = _path_and_query(request.url)
    return Request(
        method=request.method.upper(),
        path=unquote(path, errors="replace") or "/",
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_body(),
        request_id=request_id,
    )


def _path_and_query(url: str) -> tuple[str, str]:
    """The two parts of a URL after its host, of which any sign may be one that `urlsplit` refuses."""
    _, _, after = url.partition("://")
    target = after.partition("#")[0]
    before_query, _, query = target.partition("?")
    _, slash, path = before_query.partition("/")
    return slash + path, query


def to_azure(response: Response) -> func.HttpResponse:
    """An answer as the worker takes it."""
    return func.HttpResponse(response.body, status_code=response.status, headers=response.headers)


def services() -> Services:
    """Azure's services; under `invoke local` the folder's."""
    return services_of(wiring, platform_sets="FUNCTIONS_WORKER_RUNTIME")
