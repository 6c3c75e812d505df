"""Datasets: uploaded by a signed address straight to the storage, described by the trainer, trained on."""

from typing import Any

from tests.conformance.case import NOBODY, PREDICT, TRAIN, Case, call, delete, get, post, put, upload

_PLANS = ("basic", "pro", "", "team, large")
CHURN = (
    "\ufeffcustomer;age;plan;active;since;churned\n"
    + "".join(
        f"{'c' * (row % 7 + 1)}{row};{'' if row % 5 == 0 else row * 0.75};{_PLANS[row % 4]!s}"
        f";{'true' if row % 3 else 'false'};2024-0{row % 9 + 1}-1{row % 10}"
        f";{'yes' if (row * row) % 7 < 3 else 'no'}\n"
        for row in range(120)
    )
).encode()
LINES = b"".join(b'{"x": %d, "y": %s}\n' % (row, b"null" if row % 6 == 0 else b"1.5") for row in range(60))
_CHURN = {"uri": "dataset://churn", "target": "churned"}
_BY_CUSTOMER = {"by": "group", "column": "customer"}
ROW = {"age": 31.5, "plan": "pro", "active": True, "since": "2024-03-12"}


def train(name: str, data: dict[str, Any], note: str, **more: Any) -> list[Case]:
    """A table that a model is trained on, and what became of the job."""
    body = {"algorithm": "logistic_regression", "data": data, **more}
    return [
        post(name, "/v1/models/churn:train", body, 202, keep={note: "body id"}, deliver="after", key=TRAIN),
        get(f"{name}: the job is over", f"/v1/jobs/{{{note}}}"),
    ]


def refused(name: str, data: Any, at: str, **more: Any) -> Case:
    """A table that is refused before there is a job."""
    body = {"algorithm": "logistic_regression", "data": data, **more}
    return post(name, "/v1/models/churn:train", body, 422, code="invalid_input", at=at)


CHURN_DATA = "/v1/datasets/churn"
DESCRIBE = "/v1/datasets/churn:describe"


def look(name: str, said: Any) -> Case:
    """A description under options, waited for."""
    return post(name, DESCRIBE, said, 200, {"Prefer": "wait=50"}, deliver="meanwhile", key=TRAIN)


def unsaid(name: str, said: Any, at: str) -> Case:
    """Options that are refused before anything is read."""
    return post(name, DESCRIBE, said, 422, code="invalid_input", at=at)


NOT_READ = {
    "a bucket that is not allowed": "s3://b/k.csv",
    "another that is not": "gs://b/k.csv",
    "one that is not, of Azure": "az://b/k.csv",
    "the web": "http://example.com/a.csv",
    "a metadata server": "http://169.254.169.254/latest/meta-data/",
    "a dataset that climbs": "dataset://a/../../jobs",
    "no text": 7,
}

CASES = [
    get("there is none yet", "/v1/datasets"),
    get("one that is unknown", "/v1/datasets/churn", 404, code="dataset_not_found"),
    get("a name that can be none", "/v1/datasets/churn.", 404, code="dataset_not_found"),
    post("an address for a name that can be none", "/v1/datasets/churn.:upload", None, 422)._replace(
        code="invalid_input", at="path.dataset"
    ),
    post(
        "an address for a key that may only predict", "/v1/datasets/churn:upload", None, 403, key=PREDICT
    )._replace(code="forbidden"),
    post("an address for nobody", "/v1/datasets/churn:upload", None, 401, key=NOBODY)._replace(
        code="unauthenticated"
    ),
    *upload("semicolons", "churn", CHURN),
    get("one that nobody has described", "/v1/datasets/churn", deliver="after"),
    get("one that is described", "/v1/datasets/churn", key=TRAIN, keep={"churn_etag": "header etag"}),
    get("one that has not changed", "/v1/datasets/churn", 304, {"If-None-Match": '"{churn_etag}"'}),
    get("one, for a key that may only predict", "/v1/datasets/churn", 403, key=PREDICT, code="forbidden"),
    post("the same, asked without options", DESCRIBE, {}),
    post("the same, asked without a body", DESCRIBE, None),
    post("options that nobody has asked", DESCRIBE, {"exclude": ["age"]}, deliver="after"),
    post("options that somebody has asked", DESCRIBE, {"exclude": ["age"]}),
    look("a type that is said", {"types": {"age": "category", "customer": "ignore"}}),
    look("a word that is missing", {"missing": ["basic", "c1"]}),
    look("no header", {"header": False}),
    look("everything that is said of a CSV file", {"format": "csv", "delimiter": ";", "encoding": "utf-8"}),
    look("a type that is another", {"types": {"churned": "number"}}),
    look("columns that are not there", {"types": {"gone": "date"}, "exclude": ["lost"]}),
    look("a format that is another", {"format": "parquet"}),
    unsaid("a type that is none", {"types": {"age": "float"}}, "$.types.age"),
    unsaid("a word that is no word", {"missing": [-999]}, "$.missing[0]"),
    unsaid("half a character", {"exclude": ["\ud800"]}, "$.exclude[0]"),
    unsaid("a format that is none", {"format": "xlsx"}, "$.format"),
    unsaid("an option that is none", {"target": "churned"}, "$.target"),
    unsaid("options that are a list", [], "$"),
    post("options that are no JSON", DESCRIBE, b"{", 400)._replace(code="malformed_input"),
    post("options, of a key that may only predict", DESCRIBE, {}, 403, key=PREDICT, code="forbidden"),
    post("options, of nobody", DESCRIBE, {}, 401, key=NOBODY, code="unauthenticated"),
    post("options for none that is there", "/v1/datasets/never:describe", {}, 404, code="dataset_not_found"),
    call("HEAD of the list", "HEAD", "/v1/datasets", 200),
    *upload("JSON lines", "lines", LINES),
    get("one that is waited for", "/v1/datasets/lines", 200, {"Prefer": "wait=50"}, deliver="meanwhile"),
    *upload("no table", "noise", b"PAR1" + b"\xff" * 60 + b"\x10\0\0\0PAR1"),
    get("no table is asked for", "/v1/datasets/noise", deliver="after"),
    get("no table is unreadable", "/v1/datasets/noise"),
    get("the list", "/v1/datasets", key=TRAIN),
    get("the list has not changed", "/v1/datasets", 304, {"If-None-Match": "*"}, key=TRAIN),
    get("the first page", "/v1/datasets?limit=1"),
    get("what comes after", "/v1/datasets?limit=1&after=churn"),
    get("those whose names begin so", "/v1/datasets?prefix=CH"),
    get(
        "a prefix that begins no name",
        "/v1/datasets?prefix=a/b",
        422,
        code="invalid_input",
        at="query.prefix",
    ),
    get("the list, for a key that may only predict", "/v1/datasets", 403, key=PREDICT, code="forbidden"),
    get("a limit of 0", "/v1/datasets?limit=0", 422, code="invalid_input", at="query.limit"),
    *train("a dataset", {"uri": "dataset://churn", "target": "churned"}, "table"),
    get("a version says what it was trained on", "/v1/models/churn/versions/1"),
    get("what a row of it is", "/v1/models/churn/schema", key=PREDICT),
    get("what a row of that version is", "/v1/models/churn/versions/1/schema"),
    post("a row of the table", "/v1/models/churn:predict", {"instances": [ROW]}),
    post("a row with gaps", "/v1/models/churn:predict", {"instances": [{**ROW, "age": None, "plan": None}]}),
    post(
        "a row with a word that was not met",
        "/v1/models/churn:predict",
        {"instances": [{**ROW, "plan": "x"}]},
    ),
    post(
        "a row that lacks a column",
        "/v1/models/churn:predict",
        {"instances": [{name: value for name, value in ROW.items() if name != "plan"}]},
        422,
        code="invalid_input",
        at="$.instances[0]",
    ),
    *train("some columns", {"uri": "dataset://churn", "target": "churned", "features": ["plan"]}, "some"),
    *train("options", {**_CHURN, "types": {"age": "category"}, "exclude": ["customer"]}, "said"),
    *train("held out by group", _CHURN, "by_group", split=_BY_CUSTOMER, seed=3),
    *train("held out by time", _CHURN, "by_time", split={"by": "time", "column": "since"}),
    get("what was held out how", "/v1/models/churn/versions"),
    *train("held out by no column", _CHURN, "by_none", split={"by": "time", "column": "until"}),
    *train("held out by words as times", _CHURN, "by_words", split={"by": "time", "column": "plan"}),
    *train("a dataset that is read part by part", _CHURN, "in_parts", engine="streamed"),
    *train("groups of one that is", _CHURN, "groups_in_parts", engine="streamed", split=_BY_CUSTOMER, seed=3),
    refused("an engine that is none", _CHURN, "$.engine", engine="spark"),
    refused("an engine that is not turned on", _CHURN, "$.engine", engine="lithops"),
    *train("a column that is not there", {"uri": "dataset://churn", "target": "gone"}, "absent"),
    *train("a dataset that is no table", {"uri": "dataset://noise", "target": "a"}, "noise_job"),
    refused("a dataset that was never uploaded", {"uri": "dataset://never", "target": "a"}, "$.data.uri"),
    refused(
        "an upload that is not there", {"uri": f"dataset://churn/{'0' * 28}", "target": "a"}, "$.data.uri"
    ),
    *[
        refused(f"data from {what}", {"uri": uri, "target": "churned"}, "$.data.uri")
        for what, uri in NOT_READ.items()
    ],
    refused("data that is a text", "dataset://churn", "$.data"),
    refused("data without a target", {"uri": "dataset://churn"}, "$.data.target"),
    refused(
        "data in an unknown format",
        {"uri": "dataset://churn", "target": "churned", "format": "xlsx"},
        "$.data.format",
    ),
    refused("data and rows", {"uri": "dataset://churn", "target": "churned"}, "$.instances", instances=[[1]]),
    get("the schema of a model of rows", "/v1/models/iris/schema"),
    get("the schema of one of clusters", "/v1/models/line/versions/1/schema"),
    get("the schema of no model", "/v1/models/nobody/schema", 404, code="model_not_found"),
    get("the schema of no version", "/v1/models/iris/versions/9/schema", 404, code="version_not_found"),
    get("the schema for nobody", "/v1/models/iris/schema", 401, key=NOBODY, code="unauthenticated"),
    get(
        "what was made from one",
        "/v1/datasets/churn/versions?limit=2",
        keep={"made_after": "body next_after"},
    ),
    get("the next page of it", "/v1/datasets/churn/versions?limit=1&after={made_after}"),
    get("what was made from one is as it was", "/v1/datasets/churn/versions", 304, {"If-None-Match": "*"}),
    get("what was made from one that nobody trained on", "/v1/datasets/lines/versions", key=TRAIN),
    get("what was made from one that is unknown", "/v1/datasets/never/versions", 404)._replace(
        code="dataset_not_found"
    ),
    get("what was made from one, after no job", "/v1/datasets/churn/versions?after=x", 422)._replace(
        code="invalid_input", at="query.after"
    ),
    get(
        "what was made from one, for a key that may only predict", "/v1/datasets/churn/versions", 403
    )._replace(key=PREDICT, code="forbidden"),
    put("an alias of a version that was made from one", "/v1/models/churn/aliases/live", {"version": 1}),
    delete("one with the version that an alias points at", f"{CHURN_DATA}?with_versions=true", 409)._replace(
        code="version_in_use"
    ),
    delete("one with its versions or not", f"{CHURN_DATA}?with_versions=maybe", 422)._replace(
        code="invalid_input", at="query.with_versions"
    ),
    delete(
        "one with its versions, for a key that may only train", f"{CHURN_DATA}?with_versions=true", 403
    )._replace(key=TRAIN, code="forbidden"),
    delete("the alias is removed", "/v1/models/churn/aliases/live"),
    *upload("to be erased", "erased", CHURN),
    post(
        "a version that is to be erased",
        "/v1/models/erased:train",
        {"algorithm": "svm", "data": {"uri": "dataset://erased", "target": "churned"}},
        202,
        deliver="after",
    ),
    get("what is to be erased", "/v1/datasets/erased/versions"),
    delete("one with its versions", "/v1/datasets/erased?with_versions=true", 200),
    get("a version that was erased", "/v1/models/erased/versions/1", 404, code="version_not_found"),
    get("what was made from one that was erased", "/v1/datasets/erased/versions"),
    delete("one with its versions again", "/v1/datasets/erased?with_versions=true", 200),
    *upload("with a job that waits", "awaited", CHURN),
    post(
        "a job that waits",
        "/v1/models/awaited:train",
        {"algorithm": "svm", "data": {"uri": "dataset://awaited", "target": "churned"}},
        202,
        keep={"awaiting": "body id"},
    ),
    delete("one with a job that waits", "/v1/datasets/awaited?with_versions=true", 200),
    get("the job that waited", "/v1/jobs/{awaiting}"),
    delete(
        "a dataset, for a key that may only train", "/v1/datasets/noise", 403, key=TRAIN, code="forbidden"
    ),
    delete("a dataset is deleted", "/v1/datasets/noise"),
    delete("a dataset is deleted again", "/v1/datasets/noise", 404, code="dataset_not_found"),
    get("one that was deleted", "/v1/datasets/noise", 404, code="dataset_not_found"),
    refused("a dataset that was deleted", {"uri": "dataset://noise", "target": "a"}, "$.data.uri"),
]
