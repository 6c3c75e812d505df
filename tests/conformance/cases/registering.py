"""A version that was made elsewhere: its artifact is uploaded by a signed address, and a job registers it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ml_core.model.artifact import read
from ml_core.safetensors import write
from tests.conformance.case import LIMITED, NOBODY, PREDICT, TRAIN, Case, Request, call, delete, get, post

_KEPT = Path(__file__).resolve().parents[2] / "unit" / "ml_core" / "artifacts"
MODEL = "/v1/models/brought"


def artifact(name: str) -> bytes:
    """An artifact of this or an earlier format, the same every time."""
    return bytes.fromhex(json.loads((_KEPT / f"{name}.json").read_text())["artifact"])


def put(name: str, data: bytes, note: str) -> list[Case]:
    """The cases of a file's way to where it can be registered from."""
    return [
        post(
            f"{name}: an address",
            f"{MODEL}:upload",
            None,
            201,
            key=TRAIN,
            keep={f"{note}_url": "body url", f"{note}_headers": "body headers", f"{note}_uri": "body uri"},
        ),
        Case(f"{name}: the file", Request("PUT", "", body=data), 200, signed=note),
    ]


def register(name: str, note: str, status: int = 202, **more: Any) -> Case:
    """A request to register what was uploaded under a note."""
    told = {member: more.pop(member) for member in ("sha256", "origin") if member in more}
    headers = more.pop("headers", ())
    return post(name, f"{MODEL}:register", {"uri": f"{{{note}_uri}}", **told}, status, headers, **more)


def registered(name: str, data: bytes, note: str, **told: Any) -> list[Case]:
    """A file that becomes a version, or a job that says why not."""
    return [
        *put(name, data, note),
        register(name, note, key=TRAIN, keep={f"{note}_job": "body id"}, deliver="after", **told),
        get(f"{name}: its job", f"/v1/jobs/{{{note}_job}}"),
    ]


def refused(name: str, body: Any, at: str, **more: Any) -> Case:
    return post(name, f"{MODEL}:register", body, 422, code="invalid_input", at=at, **more)


def _changed(**members: Any) -> bytes:
    """An artifact with a right checksum and another description."""
    description, tensors = read(artifact("2-logistic_regression"))
    return write({"format": 2, **description, **members}, tensors)


LOGISTIC = artifact("3-logistic_regression")
NOWHERE = f"artifact://brought/{'0' * 28}"
ORIGIN = {
    "description": "trained on a laptop",
    "library_versions": {"scikit-learn": "1.7.0"},
    "version": {"metrics": {"test": {"accuracy": 0.75}}, "größe": [1, None, True]},
}
PAST = {"C": 1e15, "dual": True, "solver": "newton-cg"}
VERSION = f"{MODEL}/versions/1"
# Every kind of body that is refused before there is a job, and where.
BODIES: dict[str, tuple[Any, str]] = {
    "nothing in it": ({}, "$"),
    "an unknown member": ({"uri": NOWHERE, "alias": "production"}, "$"),
    "a uri that is a number": ({"uri": 7}, "$.uri"),
    "a uri of a dataset": ({"uri": f"dataset://brought/{'0' * 28}"}, "$.uri"),
    "a uri of the web": ({"uri": "https://example.com/model.safetensors"}, "$.uri"),
    "a uri that climbs": ({"uri": f"artifact://../{'0' * 28}"}, "$.uri"),
    "a uri of another model": ({"uri": f"artifact://iris/{'0' * 28}"}, "$.uri"),
    "a uri of the model in capitals": ({"uri": f"artifact://Brought/{'0' * 28}"}, "$.uri"),
    "a uri that nothing was put to": ({"uri": NOWHERE}, "$.uri"),
    "a digest that is too short": ({"uri": NOWHERE, "sha256": "ab"}, "$.sha256"),
    "a digest in capitals": ({"uri": NOWHERE, "sha256": "A" * 64}, "$.sha256"),
    "an origin that is text": ({"uri": NOWHERE, "origin": "dev"}, "$.origin"),
    "an origin with another member": ({"uri": NOWHERE, "origin": {"by": "me"}}, "$.origin"),
    "a library's version that is a number": (
        {"uri": NOWHERE, "origin": {"library_versions": {"numpy": 2}}},
        "$.origin.library_versions.numpy",
    ),
    "a description that is too long": (
        {"uri": NOWHERE, "origin": {"description": "a" * 2001}},
        "$.origin.description",
    ),
    "an origin that is too long": ({"uri": NOWHERE, "origin": {"version": {"a": "b" * 131_072}}}, "$.origin"),
    "an origin that is too deep": (
        {"uri": NOWHERE, "origin": {"version": {"a": json.loads("[" * 20 + "]" * 20)}}},
        "$.origin",
    ),
    "half a surrogate pair": ({"uri": NOWHERE, "origin": {"description": "\ud83c"}}, "$.origin"),
}
# Files that are refused by their job, which says why.
FILES = {
    "a pickle": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
    "a zip archive": b"PK\x03\x04" + b"\0" * 60,
    "a page": b"<!doctype html><title>404</title>",
    "nothing": b"",
    "half an artifact": LOGISTIC[: len(LOGISTIC) // 2],
    "a byte that was changed": LOGISTIC[:-1] + bytes([LOGISTIC[-1] ^ 1]),
    "an algorithm that is not here": _changed(algorithm="random_forest"),
    "features that repeat": _changed(features=["a"] * 4),
    "labels of two kinds": _changed(classes=["a", 1, True]),
    "a hyperparameter of another kind": _changed(hyperparameters={"C": "much"}),
    "a member that nobody reads": _changed(code="__import__('os')"),
}

CASES = [
    post("an address for a name that can be none", "/v1/models/brought.:upload", None, 422)._replace(
        code="invalid_input", at="path.model"
    ),
    post("an address for a key that may only predict", f"{MODEL}:upload", None, 403, key=PREDICT)._replace(
        code="forbidden"
    ),
    post("an address for nobody", f"{MODEL}:upload", None, 401, key=NOBODY)._replace(code="unauthenticated"),
    post("an address for a key of other models", f"{MODEL}:upload", None, 403, key=LIMITED, code="forbidden"),
    post(
        "an address for a name in another spelling",
        "/v1/models/IRIS:upload",
        None,
        409,
        code="name_taken",
    ),
    call("OPTIONS of an address", "OPTIONS", f"{MODEL}:upload", 204),
    get("GET of an address", f"{MODEL}:upload", 405, code="method_not_allowed"),
    get("GET of a registration", f"{MODEL}:register", 405, code="method_not_allowed"),
    *[refused(f"a body with {what}", body, at) for what, (body, at) in BODIES.items()],
    post("a body that is a list", f"{MODEL}:register", [], 422, code="invalid_input", at="$"),
    post("a body that is no JSON", f"{MODEL}:register", b"{", 400, code="malformed_input"),
    *registered(
        "logistic regression",
        LOGISTIC,
        "logistic",
        sha256=hashlib.sha256(LOGISTIC).hexdigest(),
        origin=ORIGIN,
    ),
    register("for a key that may only predict", "logistic", 403, key=PREDICT, code="forbidden"),
    register("for a key of other models", "logistic", 403, key=LIMITED, code="forbidden"),
    register("for nobody", "logistic", 401, key=NOBODY, code="unauthenticated"),
    get("what is told of it", VERSION, keep={"logistic_tag": "header etag"}),
    get("what is told of it, unchanged", VERSION, 304, {"If-None-Match": '"{logistic_tag}"'}),
    get("the schema of a row", f"{MODEL}/schema"),
    get("what it learnt", f"{VERSION}/parameters"),
    get("the profile of its rows", f"{VERSION}/profile"),
    get("as ONNX", f"{VERSION}/onnx"),
    post("a row", f"{VERSION}:predict", {"instances": [[4.5, "pro", "2024-05-31", True]]}),
    post("why", f"{VERSION}:explain", {"instances": [[4.5, "pro", "2024-05-31", True]]}),
    get("what became of it", f"{VERSION}/monitoring"),
    register("the same file again", "logistic", key=TRAIN, keep={"again": "body id"}, deliver="after"),
    get("the same file again: its job", "/v1/jobs/{again}"),
    register(
        "an Idempotency-Key",
        "logistic",
        headers={"Idempotency-Key": "brought"},
        keep={"known": "body id"},
        deliver="after",
    ),
    register("the same Idempotency-Key again", "logistic", headers={"Idempotency-Key": "brought"}),
    register(
        "the same Idempotency-Key, and another origin",
        "logistic",
        422,
        headers={"Idempotency-Key": "brought"},
        origin=ORIGIN,
        code="idempotency_mismatch",
    ),
    get("the job of the Idempotency-Key", "/v1/jobs/{known}"),
    *registered("an SVM with training rows", artifact("3-svm"), "svm"),
    *registered("clusters", artifact("3-kmeans"), "kmeans"),
    *registered("a network of pictures", artifact("3-cnn"), "cnn"),
    *registered("a network of sequences", artifact("3-rnn"), "rnn"),
    *registered("a network of texts", artifact("2-rnn_text"), "text"),
    *registered("an artifact of the first format", artifact("1-svm"), "first"),
    *registered(
        "hyperparameters past our bounds", _changed(hyperparameters={"C": 1e15, "dual": True}), "past"
    ),
    *registered("another digest", LOGISTIC, "digest", sha256="0" * 64),
    *[
        case
        for number, (what, data) in enumerate(FILES.items())
        for case in registered(what, data, f"file_{number}")
    ],
    register("Prefer: wait", "logistic", 200, headers={"Prefer": "wait=50"}, deliver="meanwhile"),
    get("the versions", f"{MODEL}/versions"),
    get("the model", MODEL),
    get("a network of texts: what is told of it", f"{MODEL}/versions/8"),
    delete("one is deleted", f"{MODEL}/versions/2"),
    post("one is restored", f"{MODEL}/versions/2:restore", None, 200),
    post("two take the traffic", f"{MODEL}/aliases/production:promote", {"version": 1}),
    delete("nobody has the traffic", f"{MODEL}/aliases/production"),
    register("a job that is cancelled", "logistic", keep={"cancelled": "body id"}),
    delete("a job that is cancelled: it is", "/v1/jobs/{cancelled}", 200),
    get("a job that is cancelled: what is told", "/v1/jobs/{cancelled}", deliver="after"),
    delete("all are deleted", MODEL),
]

# What is uploaded.
UPLOADS = [
    case.name.removesuffix(": an address")
    for case in CASES
    if case.name.endswith(": an address") and case.status == 201
]
