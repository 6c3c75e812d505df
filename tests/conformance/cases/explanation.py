"""`POST …:explain`: why this label rather than that one, split over the columns; KServe V1 knows the verb.

`cellar` is a small table with words and gaps: version 1 of regression, 2 an SVM (RBF), 3 k-means, 4 of too
few rows to keep anything of them.
"""

from typing import Any

from tests.conformance.case import NOBODY, PREDICT, TRAIN, Case, call, delete, get, post, put
from tests.conformance.cases.state import FEATURES, ROWS

PATH = "/v1/models/iris:explain"
ROW = [6.3, 2.5, 4.9, 1.5]
NAMED = dict(zip(FEATURES, ROW, strict=True))
FEW = ROWS[::40]
CORKS = ["oak", "wax", None]
CELLAR: list[dict[str, Any]] = [
    {
        "age": 3 + row * 7 % 23,
        "cork": CORKS[row % 3],
        "price": None if row % 10 == 0 else row * 13 % 17 / 4,
        "open": row % 5 == 0,
    }
    for row in range(60)
]
NAMES = [*CELLAR[0]]
KEPT = ["keep" if row["age"] + 5 * (row["cork"] == "oak") > 15 else "drink" for row in CELLAR]
MANY = {"keep": CELLAR[2], "drink": CELLAR[8]}
BODIES: list[dict[str, Any]] = [
    {"algorithm": "logistic_regression", "instances": CELLAR, "targets": KEPT},
    {"algorithm": "svm", "instances": CELLAR, "targets": KEPT},
    {"algorithm": "kmeans", "instances": CELLAR, "hyperparameters": {"n_clusters": 3, "scale": True}},
    {"algorithm": "logistic_regression", "instances": CELLAR[:12], "targets": KEPT[:12]},
]
SOME = CELLAR[1:60:11]
BEHIND = CELLAR[3:60:9]
# Where the versions of `iris` and of `cellar` are, the others, and what each is asked with.
ASKED: dict[str, list[Any]] = {
    "iris/versions/1": FEW,
    "iris/versions/2": FEW,
    "iris/aliases/canary": FEW,
    "iris/labels/production": FEW,
    "flags": [row[:2] for row in FEW],
    "numbers": FEW,
    "texts": [row[:2] for row in FEW],
    "line": [[-10], [0], [0.5], [1234.5]],
    "cellar/versions/1": SOME,
    "cellar/versions/2": SOME,
    "cellar/versions/3": SOME,
}
# What their margins are made of, as `:predict` answers it; not that of an SVM's three classes.
PREDICTED = {
    "iris/versions/1": "decision",
    "flags": "decision",
    "numbers": "decision",
    "texts": "decision",
    "line": "distance",
    "cellar/versions/1": "decision",
    "cellar/versions/2": "decision",
    "cellar/versions/3": "distance",
}
FORMS: dict[str, Any] = {
    "lists": {"instances": [[row[name] for name in NAMES] for row in SOME]},
    "TensorFlow Serving's columns": {"inputs": {name: [row[name] for row in SOME] for name in NAMES}},
    "TensorFlow Serving's only tensor": {"inputs": [[row[name] for name in NAMES] for row in SOME]},
    "a data frame": {
        "dataframe_split": {
            "columns": NAMES[::-1],
            "data": [[row[name] for name in NAMES[::-1]] for row in SOME],
        }
    },
    "records": {"dataframe_records": SOME},
    "other columns ignored": {"instances": [{"id": 7, **SOME[0]}], "unknown_columns": "ignore"},
    "notes": {"instances": [{**SOME[0], "cork": "glass"}, SOME[1]], "notes": True},
    "an alias of TensorFlow Serving": {"instances": SOME, "signature_name": "serving_default"},
    "the largest part": {"instances": SOME, "top": 1},
    "all parts, the largest first": {"instances": SOME, "top": 40},
    "rows behind it": {"instances": SOME, "background": {"instances": BEHIND}},
    "one row behind it": {"instances": SOME, "background": {"instances": BEHIND[:1]}, "top": 2},
    "rows behind it with notes": {
        "instances": SOME[:1],
        "background": {"instances": [{**BEHIND[0], "cork": "glass"}]},
        "notes": True,
    },
    "rows behind it as lists": {
        "instances": SOME,
        "background": {"instances": [[row[name] for name in NAMES] for row in BEHIND]},
    },
}
# Bodies for `cellar` version 1, and where their fault is said to be.
FAULTS: dict[str, tuple[Any, str]] = {
    "no rows": ({}, "$"),
    "rows in two forms": ({"instances": SOME, "inputs": []}, "$"),
    "a value of another kind": ({"instances": [SOME[0], {**SOME[1], "age": "old"}]}, "$.instances[1].age"),
    "a column that is missing": ({"instances": [{"age": 3}]}, "$.instances[0]"),
    "a column that is unknown": ({"instances": [{**SOME[0], "id": 7}]}, "$.instances[0].id"),
    "a column of a frame that is unknown": (
        {"dataframe_split": {"columns": [*NAMES, "id"], "data": [[1, "oak", 2, True, 7]]}},
        "$.dataframe_split.columns[4]",
    ),
    "a value of another kind behind it": (
        {"instances": SOME, "background": {"instances": [BEHIND[0], {**BEHIND[1], "price": "dear"}]}},
        "$.background.instances[1].price",
    ),
    "a column that is unknown behind it": (
        {"instances": SOME, "background": {"instances": [{**BEHIND[0], "id": 7}]}},
        "$.background.instances[0].id",
    ),
    "nothing behind it": ({"instances": SOME, "background": {"instances": []}}, "$.background.instances"),
    "too much behind it": (
        {"instances": SOME, "background": {"instances": BEHIND[:1] * 101}},
        "$.background.instances",
    ),
    "rows behind it without their member": ({"instances": SOME, "background": BEHIND}, "$.background"),
    "another form behind it": ({"instances": SOME, "background": {"inputs": BEHIND}}, "$.background"),
    "a label that is none": ({"instances": SOME, "against": "sell"}, "$.against"),
    "a label of another kind": ({"instances": SOME, "against": 1}, "$.against"),
    "its own label": ({"instances": [MANY["keep"]], "against": "keep"}, "$.against"),
    "no column": ({"instances": SOME, "top": 0}, "$.top"),
    "half a column": ({"instances": SOME, "top": 1.5}, "$.top"),
    "outputs": ({"instances": SOME, "outputs": ["label"]}, "$"),
}
CSV = "age,cork,price,open\n10,oak,2.5,true\n24,,,false\n"


def _trained(body: dict[str, Any], version: int) -> list[Case]:
    note = f"cellar_{version}"
    return [
        post(f"cellar {version} is submitted", "/v1/models/cellar:train", body, 202, keep={note: "body id"}),
        get(f"cellar {version} is queued", f"/v1/jobs/{{{note}}}", deliver="after"),
        get(f"cellar {version} is over", f"/v1/jobs/{{{note}}}"),
    ]


def _faulty(name: str, body: Any, at: str) -> Case:
    target = "/v1/models/cellar/versions/1:explain"
    return post(f"a fault: {name}", target, body, 422, code="invalid_input", at=at)


CASES = [
    *(case for version, body in enumerate(BODIES, 1) for case in _trained(body, version)),
    *(post(f"of {path}", f"/v1/models/{path}:explain", {"instances": rows}) for path, rows in ASKED.items()),
    *(
        post(
            f"of {path} with what is predicted",
            f"/v1/models/{path}:predict",
            {"instances": ASKED[path], "outputs": ["label", output]},
        )
        for path, output in PREDICTED.items()
    ),
    *(
        post(f"of {path} against rows", f"/v1/models/{path}:explain", {"instances": SOME, "background": rows})
        for path, rows in (
            (f"cellar/versions/{version}", {"instances": BEHIND}) for version in range(1, len(BODIES) + 1)
        )
    ),
    *(post(f"with {name}", "/v1/models/cellar/versions/1:explain", body) for name, body in FORMS.items()),
    *(
        post(
            f"with {name}, of an SVM",
            "/v1/models/cellar/versions/2:explain",
            body,
        )
        for name, body in FORMS.items()
        if "behind" in name or "largest" in name
    ),
    post("of several rows for a key", PATH, {"instances": FEW}, 200, {"X-Routing-Key": "customer-7"}),
    *(
        post(
            f"of a row of {kind} against the other label",
            "/v1/models/cellar/versions/1:explain",
            {"instances": [row], "against": "drink" if kind == "keep" else "keep"},
        )
        for kind, row in MANY.items()
    ),
    post("against the third label", PATH, {"instances": [ROW], "against": "setosa"}),
    post("against a cluster", "/v1/models/line:explain", {"instances": [[0]], "against": 7}),
    post(
        "as CSV",
        "/v1/models/cellar/versions/1:explain?top=2&notes=true&unknown_columns=ignore",
        CSV.encode(),
        200,
        {"Content-Type": "text/csv"},
    ),
    post(
        "as CSV against a label",
        "/v1/models/iris/versions/1:explain?against=setosa",
        (",".join(FEATURES) + "\n6.3,2.5,4.9,1.5\n").encode(),
        200,
        {"Content-Type": "text/csv"},
    ),
    post(
        "as CSV against no label",
        "/v1/models/iris/versions/1:explain?against=rose",
        (",".join(FEATURES) + "\n6.3,2.5,4.9,1.5\n").encode(),
        422,
        {"Content-Type": "text/csv"},
        code="invalid_input",
        at="query.against",
    ),
    post(
        "as JSON with a query",
        f"{PATH}?top=2",
        {"instances": [ROW]},
        422,
        code="invalid_input",
        at="query.top",
    ),
    post("indented", f"{PATH}?pretty", {"instances": [NAMED]}),
    *(_faulty(name, body, at) for name, (body, at) in FAULTS.items()),
    post(
        "of a version that keeps nothing of its rows",
        "/v1/models/cellar/versions/4:explain",
        {"instances": SOME},
        409,
        code="not_explained",
    ),
    post(
        "past what can be computed",
        "/v1/models/line:explain",
        {"instances": [[0], [1e308]]},
        422,
        code="invalid_input",
        at="$.instances[1]",
    ),
    *(
        post(f"for who may predict: {part}", f"/v1/models/iris{part}:explain", {"instances": [ROW]}, 403,
             key=PREDICT, code="forbidden")
        for part in ("", "/versions/1", "/aliases/production", "/labels/production")
    ),
    post("for who may train", PATH, {"instances": [ROW]}, key=TRAIN),
    post("for nobody", PATH, {"instances": [ROW]}, 401, key=NOBODY, code="unauthenticated"),
    post("of no model", "/v1/models/nobody:explain", {"instances": [ROW]}, 404, code="model_not_found"),
    post("of no version", "/v1/models/iris/versions/99:explain", {"instances": [ROW]}, 404,
         code="version_not_found"),
    post("of no alias", "/v1/models/iris/aliases/nobody:explain", {"instances": [ROW]}, 404,
         code="alias_not_found"),
    post("of no label of TensorFlow Serving", "/v1/models/iris/labels/nobody:explain", {"instances": [ROW]},
         404, code="alias_not_found"),
    call("GET", "GET", PATH, 405, code="method_not_allowed"),
    put("half of cellar is the SVM", "/v1/models/cellar/aliases/half", {"weights": {"1": 50, "2": 50}}),
    *(
        post(f"key {key} is {verb}", f"/v1/models/cellar/aliases/half:{verb}", {"instances": SOME[:1]}, 200,
             {"X-Routing-Key": str(key)})
        for key in range(6)
        for verb in ("predict", "explain")
    ),
    delete("cellar is deleted", "/v1/models/cellar?purge=true", 409, code="version_in_use"),
    delete("its alias is deleted", "/v1/models/cellar/aliases/half"),
    delete("cellar is deleted for good", "/v1/models/cellar?purge=true"),
]  # fmt: skip
