"""Traffic that versions share: the same caller gets the same version everywhere; promoted, rolled back."""

from typing import Any

from tests.conformance.case import PREDICT, TRAIN, Case, call, delete, get, post, put

SPLIT = "/v1/models/iris/aliases/split"
PRODUCTION = "/v1/models/iris/aliases/production"
TENTH = {"weights": {"1": 90, "2": 10}}
ROW = {"instances": [[5, 3, 1, 0.2]]}
RACE = {"code": "revision_mismatch"}
TENSOR = {
    "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [5, 3, 1, 0.2]}],
    "outputs": [{"name": "predict"}],
}


def _refused(name: str, body: Any, at: str) -> Case:
    return put(name, SPLIT, body, 422, code="invalid_input", at=at)


CASES = [
    put(
        "only if it is new", SPLIT, {"version": 1}, 200, {"If-None-Match": "*"}, keep={"only": "header etag"}
    ),
    put("it is not new any more", SPLIT, {"version": 1}, 412, {"If-None-Match": "*"}, **RACE),
    put("only if it is another", SPLIT, {"version": 1}, 412, {"If-None-Match": 'W/"{only}"'}, **RACE),
    put("a weak tag does not match", SPLIT, {"version": 1}, 412, {"If-Match": 'W/"{only}"'}, **RACE),
    put("a quoted asterisk is no asterisk", SPLIT, {"version": 1}, 412, {"If-Match": '"*"'}, **RACE),
    put("a tenth gets version 2", SPLIT, TENTH, 200, {"If-Match": '"{only}"'}, keep={"tenth": "header etag"}),
    get("the weights are shown", SPLIT, key=PREDICT),
    *(
        post(f"key {key} at a tenth", f"{SPLIT}:predict", ROW, 200, {"X-Routing-Key": str(key)})
        for key in range(20)
    ),
    put("half gets version 2", SPLIT, {"weights": {"1": 50, "2": 50, "9": 0}}, keep={"half": "header etag"}),
    *(
        post(
            f"key {key} at a half",
            "/v1/models/iris/labels/split:predict",
            ROW,
            200,
            {"X-Routing-Key": str(key)},
        )
        for key in range(20)
    ),
    post(
        "a key in other letters",
        f"{SPLIT}:predict",
        ROW,
        200,
        [("x-routing-key", "  customer 7/EU  ")],
    ),
    post(
        "a key that is too long",
        f"{SPLIT}:predict",
        ROW,
        422,
        {"X-Routing-Key": "k" * 256},
        code="invalid_input",
        at="X-Routing-Key",
    ),
    delete("a version with a weight", "/v1/models/iris/versions/2", 409, code="version_in_use"),
    post("promoted under an old ETag", f"{SPLIT}:promote", b"", 412, {"If-Match": '"{tenth}"'}, **RACE),
    post("promoted without a body", f"{SPLIT}:promote", b"", keep={"promoted": "header etag"}),
    post("there is nothing to promote", f"{SPLIT}:promote", {}, 409, code="nothing_to_promote"),
    post(
        "rolled back under its ETag",
        f"{SPLIT}:rollback",
        b"",
        200,
        {"If-Match": '"{promoted}"'},
        keep={"back": "header etag"},
    ),
    post("there is nothing before", f"{SPLIT}:rollback", {}, 409, code="nothing_to_roll_back"),
    post(
        "rolled back under an old ETag",
        f"{SPLIT}:rollback",
        {"to": 3},
        412,
        {"If-Match": '"{promoted}"'},
        **RACE,
    ),
    post("back to a change by its number", f"{SPLIT}:rollback", {"to": 2}),
    post(
        "back to a change that is not known",
        f"{SPLIT}:rollback",
        {"to": 99},
        422,
        code="invalid_input",
        at="$.to",
    ),
    post("a version is promoted", f"{SPLIT}:promote", {"version": 2}),
    post("another alias's version is promoted", f"{SPLIT}:promote", {"alias": "production"}),
    post("an alias that is not there", f"{SPLIT}:promote", {"alias": "nobody"}, 404, code="alias_not_found"),
    post("a version that is not there", f"{SPLIT}:promote", {"version": 9}, 404, code="version_not_found"),
    post(
        "both at once",
        f"{SPLIT}:promote",
        {"version": 1, "alias": "canary"},
        422,
        code="invalid_input",
        at="$",
    ),
    post(
        "of no model", "/v1/models/nobody/aliases/split:promote", {"version": 1}, 404, code="model_not_found"
    ),
    post(
        "an alias that cannot be",
        "/v1/models/iris/aliases/a.:promote",
        {"version": 1},
        422,
        code="invalid_input",
    ),
    post(
        "a key that may only train promotes",
        f"{SPLIT}:promote",
        {"version": 2},
        403,
        key=TRAIN,
        code="forbidden",
    ),
    post("a key that may only train rolls back", f"{SPLIT}:rollback", {}, 403, key=TRAIN, code="forbidden"),
    call("GET of a promotion", "GET", f"{SPLIT}:promote", 405, code="method_not_allowed"),
    get("the history", f"{SPLIT}/history", key=PREDICT),
    get("a page of the history", f"{SPLIT}/history?limit=2"),
    get("the next page of the history", f"{SPLIT}/history?limit=2&before=6"),
    get("a place that cannot be", f"{SPLIT}/history?before=x", 422, code="invalid_input", at="query.before"),
    delete("it is removed", SPLIT),
    get("its history stays", f"{SPLIT}/history"),
    post("it comes back", f"{SPLIT}:rollback", b""),
    delete("it is removed for good", SPLIT),
    get("the history of no alias", "/v1/models/iris/aliases/nobody/history", 404, code="alias_not_found"),
    post(
        "the roll-back of no alias",
        "/v1/models/iris/aliases/nobody:rollback",
        {},
        404,
        code="alias_not_found",
    ),
    _refused("neither version nor weights", {}, "$"),
    _refused("version and weights", {"version": 1, **TENTH}, "$"),
    _refused("weights in a list", {"weights": [90, 10]}, "$.weights"),
    _refused("no weights", {"weights": {}}, "$.weights"),
    _refused("only weights of 0", {"weights": {"1": 0}}, "$.weights"),
    _refused("a weight below 0", {"weights": {"1": 90, "2": -1}}, '$.weights["2"]'),
    _refused("a weight with a fraction", {"weights": {"1": 0.9, "2": 1}}, '$.weights["1"]'),
    _refused("a weight that is too great", {"weights": {"1": 10001}}, '$.weights["1"]'),
    _refused("a weight of a name", {"weights": {"newest": 1}}, "$.weights.newest"),
    put(
        "a weight of a version that is not there",
        SPLIT,
        {"weights": {"1": 9, "9": 1}},
        404,
        code="version_not_found",
    ),
    put("production is shared", PRODUCTION, TENTH),
    *(
        post(
            f"a model without an alias, key {key}",
            "/v1/models/iris:predict",
            ROW,
            200,
            {"X-Routing-Key": f"u{key}"},
        )
        for key in range(10)
    ),
    *(
        post(f"an inference, id u{key}", "/v2/models/iris/infer", {**TENSOR, "id": f"u{key}"})
        for key in range(10)
    ),
    post("an inference with a key", "/v2/models/iris/infer", TENSOR, 200, {"X-Routing-Key": "u3"}),
    get("its metadata", "/v2/models/iris"),
    get("it is ready", "/v2/models/iris/ready"),
    get("its schema", "/v1/models/iris/schema"),
    get("the schema of the alias", f"{PRODUCTION}/schema", key=PREDICT),
    get("the schema of no alias", "/v1/models/iris/aliases/nobody/schema", 404, code="alias_not_found"),
    get("its versions, compared", "/v1/models/iris/versions", key=PREDICT),
    get("a page of its versions", "/v1/models/iris/versions?limit=1"),
    get("the next page of its versions", "/v1/models/iris/versions?limit=1&before=2"),
    get(
        "a page of no number",
        "/v1/models/iris/versions?before=0",
        422,
        code="invalid_input",
        at="query.before",
    ),
    get("the versions of no model", "/v1/models/nobody/versions", 404, code="model_not_found"),
    post("production is rolled back", f"{PRODUCTION}:rollback", b""),
    get("production is as it was", PRODUCTION),
]
