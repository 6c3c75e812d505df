"""Aliases: set, moved under a condition, lost races, removed."""

from typing import Any

from tests.conformance.case import PREDICT, TRAIN, Case, call, delete, get, post, put

MODEL = "/v1/models/iris/aliases"
BLUE = f"{MODEL}/blue"
ROW = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
NO_OLDER = {"Cache-Control": "no-cache"}
# Of versions that share the traffic the key decides; without one each request's id would, as chance has it.
KEYED = {**NO_OLDER, "X-Routing-Key": "customer 7"}
RACE = {"code": "revision_mismatch"}


def _refused(name: str, body: Any, at: str = "", status: int = 422) -> Case:
    code = "invalid_input" if status == 422 else "malformed_input"
    return put(name, BLUE, body, status, code=code, at=at)


CASES = [
    get("one that is there", "/v1/models/iris/aliases/production"),
    get("one that is not", BLUE, 404, code="alias_not_found"),
    put("If-Match where there is none", BLUE, {"version": 1}, 412, {"If-Match": '"0"'}, **RACE),
    put("If-Match: * where there is none", BLUE, {"version": 1}, 412, {"If-Match": "*"}, **RACE),
    put("it is made", BLUE, {"version": 1}, keep={"first": "header etag"}),
    get("it is there", BLUE, key=PREDICT),
    get("it has not changed", BLUE, 304, {"If-None-Match": '"{first}"'}),
    call("HEAD", "HEAD", BLUE, 200),
    put(
        "it is moved under its ETag",
        BLUE,
        {"version": 2},
        200,
        {"If-Match": '"{first}"'},
        keep={"second": "header etag"},
    ),
    put("a race that was lost", BLUE, {"version": 1}, 412, {"If-Match": '"{first}"'}, **RACE),
    get("the loser changed nothing", BLUE),
    put("a version that is written with .0", f"{MODEL}/whole", b'{"version": 1.0}'),
    put("weights that are", f"{MODEL}/whole", b'{"weights": {"1": 90.0, "2": 1e1, "3": 0.0}}'),
    post("a prediction by it", f"{MODEL}/whole:predict", ROW, headers=KEYED),
    post("a promotion to one that is", f"{MODEL}/whole:promote", b'{"version": 2.0}'),
    post("a prediction that wants no older answer", f"{MODEL}/whole:predict", ROW, headers=NO_OLDER),
    post("a roll-back to one that is", f"{MODEL}/whole:rollback", b'{"to": 1.0}'),
    delete("it is gone", f"{MODEL}/whole", 204),
    put("the same version once more", BLUE, {"version": 2}, 200, keep={"third": "header etag"}),
    get("its ETag is another all the same", BLUE, 200, {"If-None-Match": '"{second}"'}),
    put(
        "one of several ETags",
        BLUE,
        {"version": 1},
        200,
        {"If-Match": '"x", "{third}"'},
        keep={"fourth": "header etag"},
    ),
    put("none of several ETags", BLUE, {"version": 2}, 412, {"If-Match": '"{first}", "{second}"'}, **RACE),
    put(
        "two headers If-Match are one list",
        BLUE,
        {"version": 2},
        200,
        [("If-Match", '"{fourth}"'), ("If-Match", '"x"')],
        keep={"fifth": "header etag"},
    ),
    put(
        "If-Match: * where there is one",
        BLUE,
        {"version": 1},
        200,
        {"If-Match": "*"},
        keep={"sixth": "header etag"},
    ),
    put(
        "If-Match without quotes",
        BLUE,
        {"version": 2},
        200,
        {"If-Match": "{sixth}"},
        keep={"seventh": "header etag"},
    ),
    put("a header in capitals", BLUE, {"version": 1}, 412, {"IF-MATCH": '"{sixth}"'}, **RACE),
    post("predict by alias", f"{BLUE}:predict", {"instances": [[5, 3, 1, 0.2]], "outputs": ["probability"]}),
    get("the model shows its aliases", "/v1/models/iris"),
    put("a version that is not there", BLUE, {"version": 9}, 404, code="version_not_found"),
    put("a version that was deleted", BLUE, {"version": 3}, 404, code="version_not_found"),
    put(
        "an alias of no model", "/v1/models/nobody/aliases/blue", {"version": 1}, 404, code="model_not_found"
    ),
    _refused("no version", {}, "$"),
    _refused("version 0", {"version": 0}, "$.version"),
    _refused("a version that is text", {"version": "1"}, "$.version"),
    _refused("a version that is true", {"version": True}, "$.version"),
    _refused("a version with a fraction", {"version": 1.5}, "$.version"),
    _refused("a version that is 0.0", b'{"version": 0.0}', "$.version"),
    _refused("an unknown member", {"version": 1, "weight": 50}, "$"),
    _refused("a list", [1], "$"),
    _refused("no body", b"", status=400),
    _refused("a body that is no JSON", b"version=1", status=400),
    put(
        "a name that ends in a dot",
        "/v1/models/iris/aliases/blue.",
        {"version": 1},
        422,
        code="invalid_input",
        at="path.alias",
    ),
    put(
        "a name outside ASCII", "/v1/models/iris/aliases/bl%C3%A4u", {"version": 1}, 422, code="invalid_input"
    ),
    put("one that differs in case alone", f"{MODEL}/Blue", {"version": 1}, 409, code="name_taken"),
    put(
        "one that is spelled as production is not",
        f"{MODEL}/Production",
        {"version": 1},
        409,
        code="name_taken",
    ),
    post("the same by a promotion", f"{MODEL}/BLUE:promote", {"version": 1}, 409, code="name_taken"),
    get("another spelling", f"{MODEL}/Blue", 404, code="alias_not_found"),
    get("a name that can be none", f"{MODEL}/blue.", 404, code="alias_not_found"),
    put("a key that may only train", BLUE, {"version": 1}, 403, key=TRAIN, code="forbidden"),
    call("POST", "POST", BLUE, 405, {"version": 1}, code="method_not_allowed"),
    call("OPTIONS", "OPTIONS", BLUE, 204),
    get("the list of aliases is the model's", "/v1/models/iris/aliases", 404, code="route_not_found"),
    delete("removed under an old ETag", BLUE, 412, {"If-Match": '"{first}"'}, **RACE),
    delete("a key that may only predict", BLUE, 403, key=PREDICT, code="forbidden"),
    delete("removed under its ETag", BLUE, 204, {"If-Match": '"{seventh}"'}),
    delete("removed again", BLUE, 404, code="alias_not_found"),
    post(
        "predict by the alias that is gone",
        f"{BLUE}:predict",
        {"instances": [[1, 2, 3, 4]]},
        404,
        code="alias_not_found",
    ),
]
