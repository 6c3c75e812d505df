"""Whole tables: scored by a job, by a version that is fixed when it is accepted; its files are taken away."""

from typing import Any

from tests.conformance.case import (
    LIMITED,
    NOBODY,
    PREDICT,
    TRAIN,
    Case,
    Request,
    delete,
    get,
    post,
    put,
    upload,
)

MODEL = "/v1/models/scored"
SCORE = f"{MODEL}:score"
_PLANS = ("basic", "pro", "", "team", "large")
_HEADER = "customer;age;plan;active;since;churned\n"


def _rows(first: int, last: int) -> str:
    """Lines of a table as German programs write it."""
    return "".join(
        f"k{row};{'' if row % 5 == 0 else str(row * 0.75).replace('.', ',')};{_PLANS[row % 5]}"
        f";{'ja' if row % 3 else 'nein'};1{row % 10}.0{row % 9 + 1}.2024"
        f";{'yes' if (row * row) % 7 < 3 else 'no'}\n"
        for row in range(first, last)
    )


TABLE = (_HEADER + _rows(0, 120)).encode()
# Of what a model cannot be asked: no number, a date that is none, and a cell too many.
BAD = (
    _HEADER
    + _rows(200, 203)
    + "k-;viel;pro;ja;11.02.2024;no\nk-;1,5;pro;ja;31.02.2024;no\n"
    + _rows(203, 206)
).encode()
# What the suite puts into a place that may be read, besides what is no data.
LAKE = {
    "lake/2026-01.csv": (_HEADER + _rows(300, 310)).encode(),
    "lake/2026-02/b.csv": (_HEADER + _rows(310, 315)).encode(),
    "lake/_SUCCESS": b"",
}
_DATA = {"uri": "dataset://scored"}
UNKNOWN = "f" * 28


def train(name: str, **hyperparameters: Any) -> Case:
    """A version of the model."""
    body = {
        "algorithm": "logistic_regression",
        "hyperparameters": hyperparameters,
        "data": {**_DATA, "target": "churned", "exclude": ["customer"]},
    }
    return post(name, f"{MODEL}:train", body, 202, keep={f"trained_{hyperparameters['C']:g}": "body id"})


def scored(name: str, target: str, body: Any, note: str, *files: str, **more: Any) -> list[Case]:
    """A table that is scored: the job when it is over, the list of its files, and what is in each."""
    headers = more.pop("headers", {"Idempotency-Key": note})
    kept: dict[str, str] = {}
    for place, file in enumerate(files):
        kept |= {f"{note}_{file}_{part}": f"body files.{place}.{part}" for part in ("url", "headers")}
    return [
        post(name, target, body, 202, headers, keep={note: "body id"}, deliver="after", key=TRAIN),
        get(f"{name}: its job", f"/v1/jobs/{{{note}}}", key=TRAIN),
        get(f"{name}: its files", f"/v1/jobs/{{{note}}}/files", keep=kept, key=TRAIN),
        *[
            Case(f"{name}: the file {file}", Request("GET", ""), 200, signed=f"{note}_{file}")
            for file in files
        ],
    ]


def again(name: str, target: str, body: Any, note: str) -> Case:
    """The same request once more: it is the same job, which is over."""
    return post(name, target, body, 200, {"Prefer": "wait=50", "Idempotency-Key": note}, key=TRAIN)


def refused(name: str, body: Any, at: str, target: str = SCORE) -> Case:
    """What is refused before there is a job."""
    return post(name, target, body, 422, code="invalid_input", at=at)


BODIES: dict[str, tuple[Any, str]] = {
    "nothing in it": ({}, "$"),
    "an unknown member": ({"data": _DATA, "alias": "production"}, "$"),
    "data that is text": ({"data": "dataset://scored"}, "$.data"),
    "a dataset that is not there": ({"data": {"uri": "dataset://nothing"}}, "$.data.uri"),
    "a bucket that is not allowed": ({"data": {"uri": "s3://b/k.csv"}}, "$.data.uri"),
    "a folder that is not allowed": ({"data": {"uri": "gs://b/k/"}}, "$.data.uri"),
    "the web": ({"data": {"uri": "https://example.com/a.csv"}}, "$.data.uri"),
    "a target": ({"data": {**_DATA, "target": "churned"}}, "$.data"),
    "no outputs": ({"data": _DATA, "outputs": []}, "$.outputs"),
    "an output that the model has not": ({"data": _DATA, "outputs": ["label", "distance"]}, "$.outputs[1]"),
    "an output twice": ({"data": _DATA, "outputs": ["label", "label"]}, "$.outputs[1]"),
    "a column to keep that a prediction is called": ({"data": _DATA, "keep": ["label"]}, "$.keep[0]"),
    "a format that is not written": ({"data": _DATA, "format": "jsonl"}, "$.format"),
    "a place that is not allowed": ({"data": _DATA, "to": {"uri": "s3://b/scores/"}}, "$.to.uri"),
    "a place that is no folder": ({"data": _DATA, "to": {"uri": "s3://b/scores"}}, "$.to.uri"),
    "a place without an address": ({"data": _DATA, "to": {}}, "$.to"),
    "rejects that are counted": ({"data": _DATA, "rejects": "count"}, "$.rejects"),
    "an engine that is none": ({"data": _DATA, "engine": "spark"}, "$.engine"),
    "an engine that is not turned on": ({"data": _DATA, "engine": "lithops"}, "$.engine"),
}
_WHOLE = {"data": _DATA, "outputs": ["label", "probability"], "keep": ["customer"], "format": "csv"}
_TYPED = {"data": {**_DATA, "format": "csv", "delimiter": ";"}, "keep": ["customer", "age"]}
_REJECTED = {"data": {"uri": "dataset://to-reject"}, "keep": ["customer"], "format": "csv"}
_FOLDER = {"data": {"uri": "{lake}"}, "keep": ["customer"], "format": "csv"}

CASES = [
    *upload("a table", "scored", TABLE),
    *upload("a table with bad rows", "to-reject", BAD),
    train("a version", C=1.0),
    train("another version", C=0.01)._replace(deliver="after"),
    get("both are there", f"{MODEL}/versions"),
    put("an alias that shares", f"{MODEL}/aliases/shared", {"weights": {"1": 40, "2": 60}}),
    put("an alias of equals", f"{MODEL}/aliases/equal", {"weights": {"1": 50, "2": 50}}),
    *[refused(f"a body with {what}", body, at) for what, (body, at) in BODIES.items()],
    post("a body that is a list", SCORE, [], 422, code="invalid_input", at="$"),
    post("a body that is no JSON", SCORE, b"{", 400, code="malformed_input"),
    get("GET of it", SCORE, 405, code="method_not_allowed"),
    post("a model that is not there", "/v1/models/never:score", {"data": _DATA}, 404, code="model_not_found"),
    post(
        "a version that is not there",
        f"{MODEL}/versions/9:score",
        {"data": _DATA},
        404,
        code="version_not_found",
    ),
    *[
        post(
            f"an alias that is not there, of {kind}", f"{MODEL}/{kind}/gone:score", {"data": _DATA}, 404
        )._replace(code="alias_not_found")
        for kind in ("aliases", "labels")
    ],
    post("of a key that may only predict", SCORE, {"data": _DATA}, 403, key=PREDICT, code="forbidden"),
    post("of nobody", SCORE, {"data": _DATA}, 401, key=NOBODY, code="unauthenticated"),
    post("of a key of other models", SCORE, {"data": _DATA}, 403, key=LIMITED, code="forbidden"),
    post(
        "of a key of other datasets",
        "/v1/models/iris:score",
        {"data": _DATA},
        403,
        key=LIMITED,
        code="forbidden",
    ),
    post(
        "a folder, of a key of some datasets",
        "/v1/models/iris:score",
        {"data": {"uri": "{lake}"}},
        403,
        key=LIMITED,
        code="forbidden",
    ),
    post(
        "a place, of a key of some datasets",
        "/v1/models/iris:score",
        {"data": {"uri": "dataset://wine"}, "to": {"uri": "s3://lake/scores/"}},
        403,
        key=LIMITED,
        code="forbidden",
    ),
    *scored("cells to cells", SCORE, _WHOLE, "whole", "part"),
    again("cells to cells, sent again", SCORE, _WHOLE, "whole"),
    post(
        "the same Idempotency-Key for another body",
        SCORE,
        _TYPED,
        422,
        {"Idempotency-Key": "whole"},
        code="idempotency_mismatch",
    ),
    post(
        "the same Idempotency-Key for another version",
        f"{MODEL}/versions/1:score",
        _WHOLE,
        422,
        {"Idempotency-Key": "whole"},
        code="idempotency_mismatch",
    ),
    *scored("cells to Parquet, by a version", f"{MODEL}/versions/1:score", _TYPED, "typed", "part"),
    again("cells to Parquet, by a version, sent again", f"{MODEL}/versions/1:score", _TYPED, "typed"),
    *scored("rows that are rejected", f"{MODEL}/aliases/shared:score", _REJECTED, "left", "part", "rejects"),
    again("rows that are rejected, sent again", f"{MODEL}/aliases/shared:score", _REJECTED, "left"),
    get("the first file", "/v1/jobs/{left}/files?limit=1", keep={"left_after": "body next_after"}),
    get("the file after it", "/v1/jobs/{left}/files?limit=1&after={left_after}"),
    get("a limit of 0", "/v1/jobs/{left}/files?limit=0", 422, code="invalid_input", at="query.limit"),
    get(
        "after no file's name",
        "/v1/jobs/{left}/files?after=..%2F",
        422,
        code="invalid_input",
        at="query.after",
    ),
    *scored("a folder", f"{MODEL}/labels/equal:score", _FOLDER, "folder", "part"),
    again("a folder, sent again", f"{MODEL}/labels/equal:score", _FOLDER, "folder"),
    *scored("rows that stop it", SCORE, {**_REJECTED, "rejects": "stop"}, "stopped"),
    *scored("a column that is missing", "/v1/models/iris:score", {"data": _DATA}, "lacking"),
    *scored("into a bucket", SCORE, {**_WHOLE, "to": {"uri": "{out}"}}, "elsewhere"),
    post("one that is cancelled", SCORE, {"data": _DATA}, 202, keep={"given_up": "body id"}),
    delete("it is cancelled", "/v1/jobs/{given_up}", 200, deliver="after"),
    get("it has no files", "/v1/jobs/{given_up}/files"),
    get("a training has none", "/v1/jobs/{trained_1}/files"),
    get(
        "of a key that may only predict, files", "/v1/jobs/{whole}/files", 403, key=PREDICT, code="forbidden"
    ),
    get("of nobody, files", "/v1/jobs/{whole}/files", 401, key=NOBODY, code="unauthenticated"),
    get("of a key of other models, files", "/v1/jobs/{whole}/files", 404, key=LIMITED, code="job_not_found"),
    get("files of an unknown job", f"/v1/jobs/{UNKNOWN}/files", 404, code="job_not_found"),
    post("POST to files", "/v1/jobs/{whole}/files", {}, 405, code="method_not_allowed"),
    get("the jobs, with what was scored", "/v1/jobs?model=scored"),
]
