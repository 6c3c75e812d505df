"""`invoke local`: a function's handler called in this process, as functions-framework would call it."""

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from providers.deploying import invocation


class LocalRequest:
    """What our handlers use of a Flask request."""

    def __init__(self, call: invocation.HttpCall) -> None:
        path, _, query = call.target.partition("?")
        self._body = call.body
        self.headers = call.headers
        self.environ = {
            "REQUEST_METHOD": call.method,
            "PATH_INFO": unquote(path, encoding="latin-1"),
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(call.body)),
            "wsgi.input": io.BytesIO(call.body),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in call.headers.items()},
        }
        self.environ["CONTENT_TYPE"] = call.headers.get("content-type", "")

    def get_data(self) -> bytes:
        """The body."""
        return self._body


def call_handler(handler: Callable[[Any], Any], function: str, event: object) -> object:
    """Call the handler of the function with an event and return what `invoke` prints.

    Raises:
        DeploymentFailed: when the event is not one of the function's.
    """
    if function == "sweep":
        handler(event)
        return None
    if function == "api":
        call = invocation.http_call(event)
    else:
        call = invocation.HttpCall(
            "POST", "/", {"content-type": "application/json"}, json.dumps(event).encode()
        )
    body, status, headers = handler(LocalRequest(call))
    return invocation.answer(event, status, headers, bytes(body))
