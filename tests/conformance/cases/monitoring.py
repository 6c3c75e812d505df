"""What was counted of a version's predictions, and of the versions that share an alias's traffic.

`watched` is a model of irises that nothing else asks: version 1 of regression, 2 an SVM, 3 k-means, 4 of too
few rows to keep anything of them. What was predicted a moment ago is told at once: one instance answers.
"""

from typing import Any

from tests.conformance.case import LOOKING, NOBODY, PREDICT, TRAIN, Case, call, delete, get, post, put
from tests.conformance.cases.state import FEATURES, ROWS, SPECIES

MODEL = "/v1/models/watched"
GROWN = [[*row[:2], row[2] + 4, row[3]] for row in ROWS]
TABLE: dict[str, Any] = {"instances": ROWS, "targets": SPECIES, "feature_names": FEATURES}
BODIES: list[dict[str, Any]] = [
    {"algorithm": "logistic_regression", **TABLE},
    {"algorithm": "svm", **TABLE},
    {"algorithm": "kmeans", "instances": ROWS, "hyperparameters": {"n_clusters": 3}},
    {"algorithm": "logistic_regression", "instances": ROWS[40:60], "targets": SPECIES[40:60]},
]


def _trained(body: dict[str, Any], version: int) -> list[Case]:
    note = f"watched_{version}"
    return [
        post(f"version {version} is submitted", f"{MODEL}:train", body, 202, keep={note: "body id"}),
        get(f"version {version} is queued", f"/v1/jobs/{{{note}}}", deliver="after"),
        get(f"version {version} is over", f"/v1/jobs/{{{note}}}"),
    ]


def _report(version: int) -> str:
    return f"{MODEL}/versions/{version}/monitoring"


def _predicted(name: str, version: int, rows: list[list[float]], status: int = 200, **more: Any) -> Case:
    return post(name, f"{MODEL}/versions/{version}:predict", {"instances": rows}, status, **more)


def _refused(name: str, query: str, at: str) -> Case:
    return get(name, f"{_report(1)}?{query}", 422, code="invalid_input", at=at)


CASES = [
    *(case for version, body in enumerate(BODIES, 1) for case in _trained(body, version)),
    get("of a version that nobody asked", _report(1)),
    _predicted("all rows once", 1, ROWS),
    get("of too few rows", _report(1)),
    _predicted("all rows again", 1, ROWS),
    _predicted(
        "a row without a column", 1, [ROWS[0], ROWS[1][:3]], 422, code="invalid_input", at="$.instances[1]"
    ),
    get("of as many rows as are judged, and a refusal", _report(1)),
    _predicted("rows of which one column grew", 2, [*GROWN, *GROWN]),
    get("of a column that drifted beside others that did not", _report(2)),
    _predicted("rows of clusters", 3, [*ROWS, *ROWS]),
    get("of clusters", _report(3)),
    _predicted("rows of a version without a profile", 4, [*ROWS, *ROWS]),
    get("of a version without a profile", _report(4)),
    post(
        "rows with receipts",
        f"{MODEL}/versions/1:predict",
        {"instances": ROWS[::50], "receipt": True},
        keep={f"watched{place}": f"body receipts.{place}" for place in range(3)},
    ),
    post(
        "what they were",
        f"{MODEL}:feedback",
        {
            "receipts": [
                {"receipt": "{watched0}", "label": "setosa"},
                {"receipt": "{watched1}", "label": "virginica"},
                {"receipt": "{watched2}", "label": None},
            ]
        },
    ),
    get("with what they were", _report(1)),
    get("a time before anything was counted", f"{_report(1)}?from=2020-02-28&to=2020-03-01T00:00:00Z"),
    get("from one time on", f"{_report(1)}?from=2020-02-28"),
    get("a time of another zone", f"{_report(1)}?from=2020-02-28T00:30:00%2B01:00&to=2020-02-28"),
    get("the same with a bare plus", f"{_report(1)}?from=2020-02-28T00:30:00+01:00&to=2020-02-28"),
    _refused("a time that is none", "from=yesterday", "query.from"),
    _refused("a date that is none", "to=2020-02-30", "query.to"),
    _refused("no time", "to=", "query.to"),
    _refused("a time that is still to come", "from=9999-01-01", "query.from"),
    _refused("an end before the beginning", "from=2020-03-01&to=2020-02-01", "query.from"),
    _refused("a query that is not known", "since=2020-03-01", "query"),
    get("a version that is not there", _report(9), 404, code="version_not_found"),
    get("a version of no model", "/v1/models/nobody/versions/1/monitoring", 404, code="model_not_found"),
    put("two versions share an alias", f"{MODEL}/aliases/live", {"weights": {"1": 70, "2": 30}}),
    get("arms side by side", f"{MODEL}/aliases/live/monitoring"),
    get("arms that have not changed", f"{MODEL}/aliases/live/monitoring", 304, {"If-None-Match": "*"}),
    get("what has not changed", _report(1), 304, {"If-None-Match": "*"}),
    get("arms before anything was counted", f"{MODEL}/aliases/live/monitoring?to=2020-03-01"),
    put("an alias of one version", f"{MODEL}/aliases/alone", {"version": 3}),
    get("one arm", f"{MODEL}/aliases/alone/monitoring"),
    get("of an alias that is not there", f"{MODEL}/aliases/nobody/monitoring", 404, code="alias_not_found"),
    get("of an alias of no model", "/v1/models/nobody/aliases/live/monitoring", 404, code="model_not_found"),
    get(
        "arms at a time that is none",
        f"{MODEL}/aliases/live/monitoring?from=x",
        422,
        code="invalid_input",
        at="query.from",
    ),
    *(
        get(f"{what} by a key that {may}", path, status, key=key, code=code)
        for what, path in (("a version", _report(1)), ("arms", f"{MODEL}/aliases/live/monitoring"))
        for may, key, status, code in (
            ("may inspect", LOOKING, 200, ""),
            ("may train", TRAIN, 200, ""),
            ("may only predict", PREDICT, 403, "forbidden"),
            ("nobody has", NOBODY, 401, "unauthenticated"),
        )
    ),
    call("POST of a report", "POST", _report(1), 405, {}, code="method_not_allowed"),
    delete("the alias is removed", f"{MODEL}/aliases/live"),
    delete("the other alias is removed", f"{MODEL}/aliases/alone"),
    delete("the model is removed", f"{MODEL}?purge=true"),
    get("of a version that was removed", _report(1), 404, code="model_not_found"),
]
