"""How a connection of the laptop's server is answered: what it asks, and what nobody can read."""

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from handlers.local.admission import REFUSED, whole_request
from handlers.local.quick import Quick
from handlers.rest.cors import Cors
from handlers.rest.http import Request, Response
from handlers.rest.problems import problem_response
from ml_core.errors import MalformedInput, ServerlessMLError, TooLarge

_STATUS = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}
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

    def execute(self) -> None:
        """Answer, by the application where it is about a file: that comes or goes piece by piece."""
        channel: Any = self.channel
        request: Any = self.request
        if channel.is_file(request.path):
            super().execute()
            return
        with channel.quick.noting(request.path):
            response = channel.answer(whole_request(request), request.refused)
        self._send(response)

    def _send(self, response: Response) -> None:
        """Send an answer, header and body in one piece."""
        channel: Any = self.channel
        length = response.headers.get("content-length", str(len(response.body)))
        headers = {"content-length": length, **response.headers}
        if response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            del headers["content-length"]
        self.status = _STATUS[response.status]
        self.response_headers = [(name.title(), value) for name, value in headers.items()]
        head = self.build_response_header()
        if head.count(b"\n") != head.count(b"\r") or head.count(b"\n") != len(self.response_headers) + 2:
            raise ValueError("expected headers of one line each, got one with more")
        self.complete = self.wrote_header = True
        channel.write_soon(head + response.body if self.has_body else head)

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
    quick: ClassVar[Quick]
    answer: ClassVar[Callable[[Request, Exception | None], Response]]
    is_file: ClassVar[Callable[[str], bool]]
    answers_here = False  # whether the thread that has read the next request answers it

    def received(self, data: bytes) -> bool:
        """Take bytes, and answer the requests that they end where that is quick."""
        taken = bool(super().received(data))
        while self.answers_here:
            self.answers_here = False
            self.service()
        return taken


def _error(code: int, said: str) -> Exception:
    """The error that stands for a refusal of waitress; an unknown coding is the caller's fault too."""
    if code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return RuntimeError(said)
    kind: type[ServerlessMLError] = TooLarge if code in _TOO_LARGE else MalformedInput
    return kind(f"the server could not read the request: {said}")
