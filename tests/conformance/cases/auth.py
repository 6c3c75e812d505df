"""Who may call what: with each role's key, a limited one, none, a wrong one, and where none was ever made."""

from typing import Any

from handlers.auth import INSPECT, KEY, READ, SCHEMA
from tests.conformance.case import (
    ADMIN,
    ASKING,
    ASKING_AND_TELLING,
    DAMAGED,
    EXPIRED,
    LIMITED,
    LOOKING,
    NOBODY,
    PREDICT,
    TELLING,
    TRAIN,
    Case,
    call,
    delete,
    get,
    post,
)
from tests.conformance.cases.training import CLUSTERS

ROW = [6.3, 2.5, 4.9, 1.5]
Asked = tuple[str, str, Any, str]
# What each role may just do, and the next lower may not: method, path, body, and what is wrong for who may.
LEVELS: dict[str, list[Asked]] = {
    PREDICT: [
        ("GET", "/v1/models", None, ""),
        ("GET", "/v1/algorithms", None, ""),
        ("GET", "/openapi.json", None, ""),
        ("GET", "/v2", None, ""),
        ("GET", "/v2/models/iris", None, ""),
        ("POST", "/v1/models/iris:predict", {"instances": [ROW]}, ""),
    ],
    TRAIN: [
        ("GET", "/v1/jobs?state=failed", None, ""),
        ("DELETE", "/v1/jobs/{the_job_of_flags}", None, ""),
        ("POST", "/v1/models/x:train", {}, "invalid_input"),
    ],
    ADMIN: [
        ("PUT", "/v1/models/nobody/aliases/a", {"version": 1}, "model_not_found"),
        ("DELETE", "/v1/models/nobody/aliases/a", None, "model_not_found"),
        ("DELETE", "/v1/models/nobody/versions/1", None, "model_not_found"),
        ("DELETE", "/v1/models/nobody", None, "model_not_found"),
    ],
}
STATUSES = {"": 200, "invalid_input": 422, "model_not_found": 404}
ROLES = [NOBODY, PREDICT, TRAIN, ADMIN]


def _asked(role: str, needed: str, asked: Asked) -> Case:
    method, path, body, code = asked
    who = f"{role or 'nobody'} asks {method} {path}"
    if ROLES.index(role) >= ROLES.index(needed):
        return call(who, method, path, STATUSES[code], body, key=role, code=code)
    refused = "forbidden" if role else "unauthenticated"
    return call(who, method, path, 403 if role else 401, body, key=role, code=refused)


# What each right is for.
RIGHTS: dict[str, list[Asked]] = {
    KEY: [
        ("GET", "/v1/whoami", None, ""),
        ("GET", "/v1/algorithms", None, ""),
        ("GET", "/openapi.json", None, ""),
        ("GET", "/v2", None, ""),
    ],
    SCHEMA: [("GET", "/v1/models/iris/schema", None, ""), ("GET", "/v2/models/iris", None, "")],
    PREDICT: [
        ("POST", "/v1/models/iris:predict", {"instances": [ROW]}, ""),
        ("GET", "/v2/models/iris/ready", None, ""),
    ],
    READ: [
        ("GET", "/v1/models", None, ""),
        ("GET", "/v1/models/iris", None, ""),
        ("GET", "/v1/models/iris/versions", None, ""),
        ("GET", "/v1/models/iris/versions/1", None, ""),
        ("GET", "/v1/models/iris/aliases/production", None, ""),
        ("GET", "/v1/models/iris/aliases/production/history", None, ""),
    ],
    INSPECT: [("GET", "/v1/models/iris/versions/1/parameters", None, "")],
    TRAIN: LEVELS[TRAIN],
    ADMIN: LEVELS[ADMIN],
}
RIGHTS_OF = {
    ASKING: {KEY, SCHEMA, PREDICT},
    TELLING: {KEY},
    LOOKING: {KEY, SCHEMA, READ, INSPECT},
    ASKING_AND_TELLING: {KEY, SCHEMA, PREDICT},
}


def _by_right(key: str, right: str, asked: Asked) -> Case:
    method, path, body, code = asked
    who = f"the key {key} asks {method} {path}"
    if right in RIGHTS_OF[key]:
        return call(who, method, path, STATUSES[code], body, key=key, code=code)
    return call(who, method, path, 403, body, key=key, code="forbidden")


def _beyond(method: str, path: str, body: Any = None, what: str = "") -> Case:
    """What a key for iris, flags and some datasets is refused."""
    name = f"limited: {method} {path}{what and f', {what}'}"
    return call(name, method, path, 403, body, key=LIMITED, code="forbidden")


_FILE = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}}
LIMITS = [
    *[
        _beyond(method, path.format(model), body)
        for model in ("line", "nobody", "not%20a%20name")
        for method, path, body in (
            ("POST", "/v1/models/{}:predict", {"instances": [[1]]}),
            ("GET", "/v1/models/{}", None),
            ("GET", "/v2/models/{}", None),
            ("POST", "/v1/models/{}:train", {}),
            ("DELETE", "/v1/models/{}", None),
        )
    ],
    *[_beyond("GET", f"/v1/datasets/{dataset}") for dataset in ("customers", "nothing")],
    _beyond("GET", "/v1/jobs?model=line"),
    *[
        _beyond("POST", "/v1/models/iris:train", {**_FILE, "data": {"uri": uri}}, f"on {uri}")
        for uri in (
            "dataset://customers",
            "dataset://nothing",
            "file:a.csv",
            "s3://lake/a.csv",
            "gs://lake/a.csv",
        )
    ],
    get("limited: the models that it is for", "/v1/models", key=LIMITED),
    get("limited: no more than a page of them", "/v1/models?limit=1", key=LIMITED),
    get("limited: the datasets", "/v1/datasets", key=LIMITED),
    post("limited: predicts", "/v1/models/iris:predict", {"instances": [ROW]}, key=LIMITED),
    get("limited: by a pattern in other letters", "/v1/models/flags/schema", key=LIMITED),
    get(
        "limited: another spelling is the same model",
        "/v1/models/IRIS/schema",
        404,
        key=LIMITED,
        code="model_not_found",
    ),
    get("limited: its job", "/v1/jobs/{the_job_of_flags}", key=LIMITED),
    get("limited: no job of another", "/v1/jobs/{the_job_of_line}", 404, key=LIMITED, code="job_not_found"),
    delete("limited: nor to cancel", "/v1/jobs/{the_job_of_line}", 404, key=LIMITED, code="job_not_found"),
    post(
        "limited: a dataset that it is for",
        "/v1/models/iris:train",
        {**_FILE, "data": {"uri": "dataset://wine-9"}},
        422,
        key=LIMITED,
        code="invalid_input",
        at="$.data.uri",
    ),
]


def _with(name: str, status: int, *headers: tuple[str, str]) -> Case:
    code = {} if status == 200 else {"code": "unauthenticated"}
    return get(name, "/v1/models/line", status, headers, key=NOBODY, **code)


CASES = [
    get("nobody asks who that is", "/v1/whoami", 401, key=NOBODY, code="unauthenticated"),
    *[_asked(role, needed, each) for needed, asked in LEVELS.items() for each in asked for role in ROLES],
    *[
        _by_right(key, right, each)
        for right, asked in RIGHTS.items()
        for each in asked
        for key in RIGHTS_OF
        if key != ASKING_AND_TELLING or each == asked[0]
    ],
    *LIMITS,
    get("an expired key", "/v1/models", 401, key=EXPIRED, code="unauthenticated"),
    get("an expired key where every key does", "/v1/algorithms", 401, key=EXPIRED, code="unauthenticated"),
    get(
        "a record with a member that nobody knows", "/v1/algorithms", 401, key=DAMAGED, code="unauthenticated"
    ),
    get("a path that is none is told to every key", "/v3", 404, key=TELLING, code="route_not_found"),
    *[
        call(
            f"where no key was ever made, {key or 'nobody'} asks {method} {path}",
            method,
            path,
            503,
            body,
            key=key,
            code="not_configured",
            closed=True,
        )
        for method, path, body, key in (
            ("GET", "/v1/models", None, NOBODY),
            ("GET", "/v1/models", None, ADMIN),
            ("POST", "/v1/models/iris:predict", {"instances": [ROW]}, PREDICT),
            ("POST", "/v1/models/iris:train", CLUSTERS, TRAIN),
            ("GET", "/docs", None, NOBODY),
            ("GET", "/openapi.json", None, NOBODY),
            ("GET", "/nowhere", None, NOBODY),
            ("PUT", "/v1/models", {}, NOBODY),
            ("OPTIONS", "/v1/models", None, NOBODY),
        )
    ],
    call("where no key was ever made: HEAD", "HEAD", "/v1/models", 503, key=NOBODY, closed=True),
    get("the page needs no key", "/docs", key=NOBODY),
    _with("X-Api-Key", 200, ("X-Api-Key", "{predict_key}")),
    _with("bearer in small letters", 200, ("authorization", "bearer {predict_key}")),
    _with("spaces around the key", 200, ("Authorization", "Bearer   {predict_key} ")),
    _with(
        "the platform's own token beside the key",
        200,
        ("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"),
        ("X-Api-Key", "{predict_key}"),
    ),
    _with(
        "a signed request beside the key",
        200,
        ("Authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c"),
        ("X-Api-Key", "{predict_key}"),
    ),
    _with(
        "both headers, X-Api-Key of them wrong",
        401,
        ("Authorization", "Bearer {predict_key}"),
        ("X-Api-Key", "no"),
    ),
    _with(
        "a scheme of another kind beside the key",
        200,
        ("Authorization", "Basic YTpi"),
        ("X-Api-Key", "{predict_key}"),
    ),
    _with("a header with an underscore", 401, ("X_Api_Key", "{predict_key}")),
    _with("an unknown key", 401, ("Authorization", "Bearer sml_unknown")),
    _with("a key in other letters", 401, ("X-Api-Key", "SML_PREDICT")),
    _with("the key's beginning", 401, ("X-Api-Key", "sml_")),
    _with("an empty key", 401, ("X-Api-Key", "")),
    _with("Bearer and nothing", 401, ("Authorization", "Bearer")),
    _with("the key without a scheme", 401, ("Authorization", "{predict_key}")),
    _with("Basic", 401, ("Authorization", "Basic e3ByZWRpY3Rfa2V5fQ==")),
    _with("a key of 600 characters", 401, ("X-Api-Key", "k" * 600)),
    _with("a key outside ASCII", 401, ("X-Api-Key", "schlüssel")),
    get("a key in the query", "/v1/models/line?key={predict_key}", 401, key=NOBODY, code="unauthenticated"),
    _with("a key in a cookie", 401, ("Cookie", "key={predict_key}")),
    post(
        "who has no key is not told what is wrong",
        "/v1/models/iris:predict",
        b"{",
        401,
        key=NOBODY,
        code="unauthenticated",
    ),
    get("nor whether a model is there", "/v1/models/nobody", 401, key=NOBODY, code="unauthenticated"),
]
