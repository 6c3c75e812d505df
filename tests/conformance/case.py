"""A case: one request, and the answer's status. All else in the answer is what the laptop's server says."""

import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# Whose key is sent along: those of the roles that every release knows,
PREDICT, TRAIN, ADMIN = "predict", "train", "admin"
# those of records that this one writes, of one role or of two,
ASKING, TELLING, LOOKING, ASKING_AND_TELLING = "asking", "telling", "looking", "asking_and_telling"
# those that may do everything, but with some models and datasets alone, or no more; and nobody's.
LIMITED, EXPIRED, DAMAGED = "limited", "expired", "damaged"
NOBODY = ""

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Request(NamedTuple):
    """A request as it goes over the wire: `target` is percent-encoded, headers may repeat."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class Answer(NamedTuple):
    """An answer. Header names are lower case; what came several times is joined."""

    status: int
    headers: dict[str, str]
    body: bytes


class Case(NamedTuple):
    """A request that every cloud has to answer alike.

    Args:
        name: says in words what is special about it; unique in its file.
        request: what is sent; `{note}` in its target or a header, or as a text of its body, stands for what
            an earlier case kept.
        status: of the answer.
        code: of the problem, where the answer is one.
        at: the path of the problem's first fault.
        key: whose key is sent along, one of those above.
        keep: notes to take of the answer: name → `header NAME`, `body MEMBER` or
            `body MEMBER.0`.
        deliver: the queue's messages reach the trainer `after` it is answered, or `meanwhile`; with `swept`
            the sweep comes after it is answered, and then they do.
        closed: asked of a service for which no key was ever made.
        web: asked of a service with a custom domain that pages of `test_conformance.WEB` may call, and that
            says which trace a request belongs to.
        told: there, the origin that the answer allows to read it.
        traced: there, the answer is in the trace that the request names, which is `comparison.TRACE`; else in
            a new one.
        state: there, what the answer says as `tracestate`.
        signed: the note of a signed address, to which the request goes instead, and of the headers that go
            with it: the storage answers, in its own way.
    """

    name: str
    request: Request
    status: int
    code: str = ""
    at: str = ""
    key: str = ADMIN
    keep: Mapping[str, str] = {}
    deliver: str = ""
    closed: bool = False
    web: bool = False
    told: str = ""
    traced: bool = False
    state: str = ""
    signed: str = ""


def get(name: str, target: str, status: int = 200, headers: Headers = (), **more: Any) -> Case:
    """A case without a body."""
    return call(name, "GET", target, status, headers=headers, **more)


def delete(name: str, target: str, status: int = 204, headers: Headers = (), **more: Any) -> Case:
    """A case that removes something."""
    return call(name, "DELETE", target, status, headers=headers, **more)


def post(name: str, target: str, body: Any, status: int = 200, headers: Headers = (), **more: Any) -> Case:
    """A case with a body."""
    return call(name, "POST", target, status, body, headers=headers, **more)


def put(name: str, target: str, body: Any, status: int = 200, headers: Headers = (), **more: Any) -> Case:
    """A case that sets something."""
    return call(name, "PUT", target, status, body, headers=headers, **more)


def upload(name: str, dataset: str, data: bytes) -> list[Case]:
    """The cases of a file's way into a dataset: an address is signed, and the file is PUT there."""
    return [
        post(
            f"{name}: an address",
            f"/v1/datasets/{dataset}:upload",
            None,
            201,
            keep={f"{dataset}_url": "body url", f"{dataset}_headers": "body headers"},
        ),
        Case(f"{name}: the file", Request("PUT", "", body=data), 200, signed=dataset),
    ]


def download(name: str, target: str, note: str) -> list[Case]:
    """The cases of a file's way out: an address is signed, and the file is got from there."""
    kept = {f"{note}_{member}": f"body {member}" for member in ("url", "headers", "sha256")}
    return [
        get(f"{name}: an address", target, keep=kept, key=TRAIN),
        Case(f"{name}: the file", Request("GET", ""), 200, signed=note),
        Case(f"{name}: no other file is put there", Request("PUT", "", body=b"x"), 400, signed=note),
    ]


def call(
    name: str, method: str, target: str, status: int, body: Any = None, *, headers: Headers = (), **more: Any
) -> Case:
    """A case of any method. A body is bytes as they are, or a value to be sent as JSON and called that."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    named = {each.lower() for each, _ in pairs}
    if data is not None and not isinstance(body, bytes) and "content-type" not in named:
        pairs.append(("Content-Type", "application/json"))
    return Case(name, Request(method, target, tuple(pairs), data), status, **more)


def zipped(value: Any) -> bytes:
    """A value as JSON in gzip's format, the same bytes every time."""
    return gzip.compress(json.dumps(value).encode(), mtime=0)
