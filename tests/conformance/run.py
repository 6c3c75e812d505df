"""All cases, asked one after another of one cloud."""

import hashlib
import importlib
import json
import os
import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.conformance import wire
from tests.conformance.case import Answer, Case, Request
from tests.conformance.cloud import Running
from tests.conformance.comparison import LAKE, OUT, comparable

_CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
_FIRST = "state"  # what the others find; each of them changes only what it has made itself
_NOTE = re.compile(r"\{(\w+)\}")
_UPLOAD = re.compile(rb"dataset://[A-Za-z0-9._-]+/[0-9a-f]{28}")
_QUOTED_NOTE = re.compile(rb'"\{\w+\}"')

Notes = dict[str, str]


def groups() -> list[str]:
    """The files of cases/, in the order in which they are run."""
    names = {name.removesuffix(".py") for name in os.listdir(_CASES) if name.endswith(".py")}
    return [_FIRST, *sorted(names - {_FIRST})]


def cases() -> dict[str, Case]:
    """Every case by its file and name, in the order in which they are run."""
    found: dict[str, Case] = {}
    for group in groups():
        for case in importlib.import_module(f"tests.conformance.cases.{group}").CASES:
            name = f"{group}: {case.name}"
            assert name not in found, f"two cases are called {name!r}"
            found[name] = case
    return found


def answers(running: Running, keys: Mapping[str, str], cases: Mapping[str, Case]) -> dict[str, Any]:
    """The comparable answer to each case, by its name; where there was none, the exception."""
    notes: Notes = {f"{role}_key": key for role, key in keys.items()} | {
        LAKE: running.lake,
        OUT: running.out,
    }
    found: dict[str, Any] = {}
    for name, case in cases.items():
        try:
            if case.signed:
                found[name] = _stored(case, notes)
                continue
            answer = _asked(running, _filled(case, keys, notes), case)
            if case.deliver == "swept":
                running.sweep()
            if case.deliver in ("after", "swept"):
                running.deliver()
            _keep(case, answer, notes)
            found[name] = comparable(answer, notes)
        except Exception as error:  # noqa: BLE001 (one case must not take the others with it)
            found[name] = error
    return found


def _stored(case: Case, notes: Notes) -> dict[str, Any]:
    """What storage answers at a signed address: each cloud's in its own words, so that they are not compared.

    The statuses of success are one, and so are those of refusal. What was got is what the service said it is.
    """
    parts = urlsplit(notes[f"{case.signed}_url"])
    headers = tuple(json.loads(notes[f"{case.signed}_headers"]).items())
    request = case.request._replace(target=f"{parts.path}?{parts.query}", headers=headers)
    assert parts.hostname == "127.0.0.1", "an emulator on this machine is meant"
    assert parts.port is not None
    answer = wire.ask(parts.port, request)
    status = 200 if answer.status in (200, 201) else 400 if 400 <= answer.status < 500 else answer.status
    got = answer.body if request.method == "GET" and status == 200 else b""
    if got and f"{case.signed}_sha256" in notes:
        assert hashlib.sha256(got).hexdigest() == notes[f"{case.signed}_sha256"], "another file came"
    return {"status": status, "headers": {}, "body": _UPLOAD.sub(b"dataset://upload", got)}


def _filled(case: Case, keys: Mapping[str, str], notes: Notes) -> Request:
    """The case's request with its key, and with what earlier cases kept."""

    def fill(text: str) -> str:
        return _NOTE.sub(lambda note: notes[note[1]], text)

    request = case.request
    key = [("Authorization", f"Bearer {keys[case.key]}")] if case.key else []
    headers = [(name, fill(value)) for name, value in request.headers]
    return request._replace(
        target=fill(request.target), headers=(*key, *headers), body=_filled_body(request.body, notes)
    )


def _filled_body(body: bytes | None, notes: Notes) -> bytes | None:
    """A body in which a text that is nothing but a note's name in braces is what the note says."""
    if body is None or b'"{' not in body:
        return body
    known = {f'"{{{name}}}"'.encode(): json.dumps(value).encode() for name, value in notes.items()}
    return _QUOTED_NOTE.sub(lambda found: known.get(found[0], found[0]), body)


def _asked(running: Running, request: Request, case: Case) -> Answer:
    if case.closed:
        return running.ask_closed(request)
    if case.web:
        return running.ask_web(request)
    if case.deliver != "meanwhile":
        return running.ask(request)
    answered: list[Answer] = []
    asking = threading.Thread(target=lambda: answered.append(running.ask(request)), daemon=True)
    asking.start()
    while asking.is_alive():
        running.deliver()
        asking.join(0.1)
    return answered[0]


def _keep(case: Case, answer: Answer, notes: Notes) -> None:
    for note, place in case.keep.items():
        kind, _, name = place.partition(" ")
        found = answer.headers[name] if kind == "header" else _member(json.loads(answer.body), name)
        notes[note] = found.strip('"') if isinstance(found, str) else json.dumps(found)


def _member(value: Any, path: str) -> Any:
    """What stands at a path such as `parameters.receipts.0`."""
    for name in path.split("."):
        value = value[int(name) if isinstance(value, list) else name]
    return value
