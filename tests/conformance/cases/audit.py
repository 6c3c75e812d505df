"""Who asked for which change and how it was answered; and what keys used."""

from tests.conformance.case import LIMITED, LOOKING, PREDICT, TRAIN, call, delete, get, post, put

OWN = "/v1/audit?model=audited"
ALIAS = "/v1/models/audited/aliases/a"
ROWS = {"algorithm": "kmeans", "instances": [[0, 1], [2, 3], [9, 9]], "hyperparameters": {"n_clusters": 2}}
UNKNOWN = "f" * 28

CASES = [
    get("of a model that nobody changed", OWN),
    post("a version", "/v1/models/audited:train", ROWS, 202, key=TRAIN, keep={"audited_job": "body id"}),
    get("it is made", "/v1/jobs/{audited_job}", deliver="after"),
    put("an alias", ALIAS, {"version": 1}),
    put("an alias that cannot be", ALIAS, {"version": 0}, 422, code="invalid_input", at="$.version"),
    put("an alias of another's right", ALIAS, {"version": 1}, 403, key=TRAIN, code="forbidden"),
    post("nothing to roll back", f"{ALIAS}:rollback", {}, 409, code="nothing_to_roll_back"),
    call("what it is for", "PATCH", "/v1/models/audited", 200, {"description": "Told."}, key=TRAIN),
    post("a dataset: an address", "/v1/datasets/audited:upload", b"", 201, key=TRAIN),
    delete("the alias", ALIAS),
    delete("the model", "/v1/models/audited"),
    get("what was changed", OWN),
    get("in another spelling", "/v1/audit?model=AUDITED"),
    get("the first page", f"{OWN}&limit=2", keep={"audit_page": "body next_after"}),
    get("the second page", f"{OWN}&limit=2&after={{audit_page}}"),
    get("what is older than the oldest", f"{OWN}&after={UNKNOWN}"),
    get("of all, the newest", "/v1/audit?limit=3"),
    get("a day on which nothing was", "/v1/audit?from=2020-02-28&to=2020-02-28"),
    get("from one day on", f"{OWN}&from=2020-02-28"),
    get("for a key for other models", "/v1/audit?limit=1", key=LIMITED),
    get("of a model that the key is not for", OWN, 403, key=LIMITED, code="forbidden"),
    get("for a key that may only train", "/v1/audit", 403, key=TRAIN, code="forbidden"),
    get("for a key that may only predict", "/v1/audit", 403, key=PREDICT, code="forbidden"),
    get("for a key that may only look", "/v1/audit", 403, key=LOOKING, code="forbidden"),
    get("a day that is none", "/v1/audit?from=monday", 422, code="invalid_input", at="query.from"),
    get("an after that is no id", "/v1/audit?after=iris", 422, code="invalid_input", at="query.after"),
    get("a limit of 0", "/v1/audit?limit=0", 422, code="invalid_input", at="query.limit"),
    get("a query that is unknown", "/v1/audit?state=queued", 422, code="invalid_input", at="query"),
    get("what a key used that nobody has", "/v1/usage?key=nobody"),
    get("what was used on a day before", "/v1/usage?from=2020-02-28&to=2020-02-28"),
    get("a use that cannot be", "/v1/usage?key=a.b", 422, code="invalid_input", at="query.key"),
    get("a use of no day", "/v1/usage?to=monday", 422, code="invalid_input", at="query.to"),
    get("usage for a key that may only look", "/v1/usage", 403, key=LOOKING, code="forbidden"),
    call("DELETE of the trail", "DELETE", "/v1/audit", 405, code="method_not_allowed"),
]
