"""Cloud Run functions: a POST's body is the call, and the answer is the response's."""

from typing import TYPE_CHECKING

from handlers.onnx import function

if TYPE_CHECKING:
    from flask import Request


def run(request: "Request") -> tuple[bytes, int, dict[str, str]]:
    """Answer one call.

    The first child starts with the first call: the framework imports this module before it forks its server.
    """
    if request.method != "POST":
        return b"", 405, {"allow": "POST"}
    if (request.content_length or 0) > function.LONGEST_CALL:
        return b"", 413, {}
    return function.answer(request.get_data()), 200, {"content-type": "application/json"}
