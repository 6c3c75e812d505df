"""`invoke local`: a function's handler called in this process, as the Functions host would call it."""

import os
import time
from types import ModuleType
from typing import Any

from providers.deploying import invocation
from providers.deploying.service import Function

LOCAL = "http://localhost"
SECONDS = 3600.0


class LocalContext:
    """What our handlers use of an invocation's context."""

    def __init__(self) -> None:
        self.invocation_id = os.urandom(8).hex()


def call_handler(module: ModuleType, function: Function, event: object) -> object:
    """Call the handler of the function with an event and return what `invoke` prints.

    Raises:
        DeploymentFailed: when the event is not one of the function's.
    """
    handler: Any = getattr(module, function.handler.rpartition(".")[2])
    kinds = {kind for each in function.settings["events"] for kind in each}
    if "http" in kinds:
        return _call_http(handler, event)
    if "schedule" in kinds:
        handler(None)
        return None
    # The queue's handler answers nobody; who invokes it wants to see the finished job.
    job: object = module.train_directly(event, time.time() + SECONDS)
    return job


def _call_http(handler: Any, event: object) -> object:  # noqa: ANN401 - found by its name
    import azure.functions as func

    call = invocation.http_call(event)
    request = func.HttpRequest(call.method, LOCAL + call.target, headers=call.headers, body=call.body)
    answer = handler(request, LocalContext())
    return invocation.answer(event, answer.status_code, dict(answer.headers), answer.get_body())
