"""Requests that the laptop's server cannot read, answered like every other error."""

import os
from http import HTTPStatus
from typing import Any, ClassVar

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from handlers.local.admission import REFUSED
from handlers.rest.cors import Cors
from handlers.rest.problems import problem_response
from ml_core.errors import MalformedInput, ServerlessMLError, TooLarge

_TOO_LARGE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


class ProblemTask(ErrorTask):
    """Answers with a problem where waitress would with a page of text."""

    def execute(self) -> None:
        """Write the answer, and close the connection: nobody knows where the next request would begin."""
        refused: Any = self.request.error  # type: ignore[attr-defined] # the stubs take the parser for its error
        response = problem_response(_error(refused.code, str(refused.body)), request_id=os.urandom(8).hex())
        self.status = f"{response.status} {HTTPStatus(response.status).phrase}"
        headers = {**response.headers, **self._told()}
        self.response_headers = [(name.title(), value) for name, value in headers.items()]
        self.set_close_on_finish()
        self.content_length = len(response.body)
        self.write(response.body)

    def _told(self) -> dict[str, str]:
        """What a page has to be told to see the refusal."""
        channel: Any = self.channel
        request: Any = self.request
        if channel.cors is None:
            return {}
        told: dict[str, str] = channel.cors.told({"origin": request.headers.get("ORIGIN", "")})
        return told


class AnswerTask(WSGITask):
    """Answers a request; the last answer on a connection says that it is."""

    def get_environment(self) -> dict[str, Any]:
        """The request as the application sees it, with the reason where it is refused already."""
        request: Any = self.request
        environ: dict[str, Any] = super().get_environment()
        environ[REFUSED] = request.refused
        return environ

    def build_response_header(self) -> bytes:
        """The status line and the headers."""
        channel: Any = self.channel
        request: Any = self.request
        if request.closes or (channel.server.draining and len(channel.requests) == 1):
            self.set_close_on_finish()
        return bytes(super().build_response_header())


class Channel(HTTPChannel):
    """A connection that answers what it cannot read with a problem."""

    task_class = AnswerTask
    error_task_class = ProblemTask
    cors: ClassVar[Cors | None] = None


def _error(code: int, said: str) -> Exception:
    """The error that stands for a refusal of waitress; an unknown coding is the caller's fault too."""
    if code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return RuntimeError(said)
    kind: type[ServerlessMLError] = TooLarge if code in _TOO_LARGE else MalformedInput
    return kind(f"the server could not read the request: {said}")
