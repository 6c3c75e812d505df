"""Our client of Lambda's Runtime API, against a server that answers as the API may.

tests/runtime runs it under the interface emulator.
"""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from handlers.clouds import aws_runtime
from handlers.clouds.aws_runtime import InvocationContext, RuntimeApi, answer_next

WRAPPER = Path(aws_runtime.__file__).with_suffix(".sh")

ABOUT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476\r\n"
    b"Lambda-Runtime-Deadline-Ms: 99999999999999\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:x\r\n"
)
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n" + b'{"status":"OK"}\n'
END = None  # instead of an answer the connection ends

type Answers = list[bytes | None]


@contextmanager
def serving(*connections: Answers) -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """An address, and what was asked there; each connection gets its answers, and is closed after them."""
    asked: list[tuple[str, dict[str, str], bytes]] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answers in connections:
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as file:
                    for answer in answers:
                        line = file.readline().decode().strip()
                        headers = dict(part.split(": ", 1) for part in iter(lambda: _line(file), ""))
                        asked.append((line, headers, file.read(int(headers["Content-Length"]))))
                        if answer is END:
                            break
                        for byte in range(0, len(answer), 7):  # in pieces, wherever these end
                            connection.sendall(answer[byte : byte + 7])

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
        thread.join(30)
        assert not thread.is_alive(), "fewer requests came than were expected"


def _line(file: Any) -> str:
    return str(file.readline().decode().strip())


def event(text: bytes, *more: bytes) -> bytes:
    return ABOUT + b"".join(more) + b"Content-Length: %d\r\n\r\n" % len(text) + text


def test_events_are_answered_over_one_connection() -> None:
    first, second = event(b'{"n": 1}'), event('{"n": "ü"}'.encode())
    with serving([first, TAKEN, second, TAKEN]) as (address, asked):
        api = RuntimeApi(address)
        for _ in range(2):
            answer_next(api, lambda event, context: [event["n"], context.aws_request_id])
    answer = "POST /2018-06-01/runtime/invocation/8476/response HTTP/1.1"
    assert [line for line, _, _ in asked] == ["GET /2018-06-01/runtime/invocation/next HTTP/1.1", answer] * 2
    assert asked[0][1]["Host"] == address
    assert asked[1][2] == b'[1, "8476"]'
    assert asked[3][2] == '["ü", "8476"]'.encode()


@pytest.mark.parametrize("name", ["Transfer-Encoding", "transfer-encoding"])
def test_an_event_may_come_in_chunks(name: str) -> None:
    chunked = (
        ABOUT + name.encode() + b': chunked\r\n\r\n4\r\n{"n"\r\n5;x=y\r\n: 17}\r\n0\r\nA: trailer\r\n\r\n'
    )
    with serving([chunked, TAKEN]) as (address, asked):
        answer_next(RuntimeApi(address), lambda event, _: event["n"])
    assert asked[1][2] == b"17"


def test_a_kept_connection_that_ended_is_made_anew() -> None:
    with serving([event(b"1"), TAKEN, END], [event(b"2"), END], [TAKEN]) as (address, asked):
        api = RuntimeApi(address)
        for _ in range(2):
            answer_next(api, lambda event, _: event)
    assert [body for line, _, body in asked if "response" in line] == [b"1", b"2", b"2"]


def test_one_that_the_server_ends_is_not_asked_again() -> None:
    with serving([event(b"1", b"Connection: close\r\n")], [TAKEN]) as (address, asked):
        answer_next(RuntimeApi(address), lambda event, _: event)
    assert len(asked) == 2


def test_a_new_connection_that_ends_is_an_error() -> None:
    with serving([END]) as (address, _), pytest.raises(OSError, match="ended the connection"):
        answer_next(RuntimeApi(address), lambda event, _: event)


@pytest.mark.parametrize("place", [0, 1])
def test_another_status_than_expected_is_an_error(place: int) -> None:
    answers: Answers = [event(b"1"), TAKEN]
    answers[place] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    with (
        serving(answers[: place + 1]) as (address, _),
        pytest.raises(OSError, match=r"expected 20\d .*got 413"),
    ):
        answer_next(RuntimeApi(address), lambda event, _: event)


def fail(event: Any, _: object) -> Any:
    raise ValueError(f"got {event}")


@pytest.mark.parametrize(
    ("text", "handler", "kind", "message"),
    [
        (b"7", fail, "ValueError", "got 7"),
        (b"[", fail, "JSONDecodeError", "Expecting value: line 1 column 2 (char 1)"),
        (b"7", lambda *_: {7, 8}, "TypeError", "Object of type set is not JSON serializable"),
        (b"7", lambda *_: "\ud800", "UnicodeEncodeError", None),
    ],
)
def test_an_error_is_logged_and_told(
    text: bytes, handler: Any, kind: str, message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving([event(text), TAKEN]) as (address, asked):
        answer_next(RuntimeApi(address), handler)
    line, headers, body = asked[1]
    told = json.loads(body)
    assert line == "POST /2018-06-01/runtime/invocation/8476/error HTTP/1.1"
    assert (headers["Lambda-Runtime-Function-Error-Type"], told["errorType"]) == (kind, kind)
    assert message is None or told["errorMessage"] == message
    assert any("aws_runtime.py" in frame for frame in told["stackTrace"])
    logged = capsys.readouterr().out
    assert logged.startswith(f"[ERROR] {kind}: ")
    assert logged.count("\n") == 1


def test_the_trace_of_an_event_is_in_the_environment_while_it_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "of an earlier one")
    traces: list[str | None] = []
    traced = event(b"1", b"Lambda-Runtime-Trace-Id: Root=1-5e1b4151\r\n")
    with serving([traced, TAKEN, event(b"1"), TAKEN]) as (address, _):
        api = RuntimeApi(address)
        for _ in range(2):
            answer_next(api, lambda *_: traces.append(os.environ.get("_X_AMZN_TRACE_ID")))
    assert traces == ["Root=1-5e1b4151", None]


def test_a_context_says_what_lambda_told() -> None:
    known = {"lambda-runtime-aws-request-id": "8476", "lambda-runtime-client-context": '{"custom": {"a": 1}}'}
    context = InvocationContext({**known, "lambda-runtime-deadline-ms": "99999999999999"})
    assert (context.aws_request_id, context.client_context) == ("8476", {"custom": {"a": 1}})
    assert context.get_remaining_time_in_millis() > 10**12
    assert InvocationContext({**known, "lambda-runtime-deadline-ms": "1"}).get_remaining_time_in_millis() == 0


@pytest.mark.parametrize(
    "more", [{"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}, {"AWS_LAMBDA_MAX_CONCURRENCY": "8"}]
)
def test_what_it_does_not_offer_is_left_to_awss_client(tmp_path: Path, more: dict[str, str]) -> None:
    lambdas = {**more, "LAMBDA_TASK_ROOT": "/var/task"}
    assert started(tmp_path, lambdas) == ["", "-X", "importtime", "/var/runtime/bootstrap.py"]


def test_the_wrapper_keeps_the_interpreter_and_its_options(tmp_path: Path) -> None:
    lambdas = {"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "PYTHONPATH": "/mine"}
    assert started(tmp_path, lambdas) == [
        "/var/task:/opt/python:/mine:/var/runtime",
        *["-X", "importtime", "-c", "from handlers.clouds.aws_runtime import main; main()"],
    ]


def started(folder: Path, env: dict[str, str]) -> list[str]:
    """What the wrapper starts: PYTHONPATH, and the arguments of the interpreter."""
    interpreter = folder / "an interpreter"
    interpreter.write_text('#!/bin/sh\nprintf "%s\\n" "$PYTHONPATH" "$@"\n', encoding="utf-8")
    interpreter.chmod(0o755)
    command = [str(interpreter), "-X", "importtime", "/var/runtime/bootstrap.py"]
    ran = subprocess.run(["/bin/sh", WRAPPER, *command], env=env, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()
