"""Cloud Run functions: requests, tasks and CloudEvents as functions-framework hands them over, and back."""

import json
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from handlers.clouds.bootstrap import answer, services_of
from handlers.rest.api import Api
from handlers.services import Services
from handlers.wsgi import from_environ
from providers.google.runtime import wiring

if TYPE_CHECKING:
    from flask import Request

Answer = tuple[bytes | Iterator[bytes], int, dict[str, str]]

_API: list[Api] = []


def api(request: "Request") -> Answer:
    """Answer a request of the REST contract."""
    if not _API:
        _API.append(Api(services()))
    # Flask reads it, and before we look: a body that comes in chunks has no length in the environment.
    body = request.get_data()
    asked = from_environ(request.environ)._replace(body=body)
    response = answer(_API[0], asked)
    # Flask counts the bytes that it is given; how many a GET would have is in a HEAD's headers already.
    sent: bytes | Iterator[bytes] = iter(()) if asked.method == "HEAD" else response.body
    return sent, response.status, response.headers


def train(request: "Request") -> Answer:
    """Run the job that a task names, or train on a bare event and answer the finished job.

    Only the queue's account and who deploys may call it. After anything but 2xx Cloud Tasks delivers again.
    """
    from handlers.jobs import job_of, receive
    from handlers.logs import forward_logging

    forward_logging()
    deadline = time.time() + wiring.train_seconds(os.environ)
    message = request.get_data().decode(errors="replace")
    failures = request.headers.get("X-CloudTasks-TaskRetryCount")
    if failures is None and '"job"' not in message:
        from handlers.direct import train_directly

        document = train_directly(services(), json.loads(message), deadline)
        return json.dumps(document).encode(), 200, {"content-type": "application/json"}
    seconds = receive(services(), message, failures=int(failures or 0), deadline=deadline)
    if seconds is not None:
        services().queue.defer(job_of(message), seconds)
    return b"", 204, {}


def sweep(_: object) -> None:
    """Bring stray jobs back on their way; called with a CloudEvent by the schedule's topic."""
    from handlers.jobs import sweep_once
    from handlers.logs import forward_logging

    forward_logging()
    sweep_once(services())


def services() -> Services:
    """Google's services; under `invoke local` the folder's."""
    return services_of(wiring, platform_sets="K_SERVICE")
