"""`POST …:train`: what is accepted, and every fault that is found before a job is made."""

from typing import Any

from tests.conformance.case import PREDICT, TRAIN, Case, call, delete, get, post, zipped

PATH = "/v1/models/candidate:train"
TABLE: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "instances": [[0.0, 1.0], [1.0, 0.5], [4.0, 4.5], [5.0, 4.0]],
    "targets": ["low", "low", "high", "high"],
    "test_fraction": 0,
}
CLUSTERS: dict[str, Any] = {
    "algorithm": "kmeans",
    "hyperparameters": {"n_clusters": 2},
    "instances": [[0], [1], [10], [11]],
}
DAYS: dict[str, Any] = {
    "algorithm": "logistic_regression",
    "feature_names": ["day", "height", "width"],
    "instances": [[f"2024-03-{day:02}", day % 4, -day] for day in range(1, 31)] + [[None, 0, 0]],
    "targets": [day % 4 > 1 for day in range(1, 31)] + [True],
    "split": {"by": "time", "column": "day"},
}
# Members to change in TABLE (… takes one away), and where the fault is said to be.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown member": ({"epochs": 3}, "$.epochs"),
    "an unknown member that is no identifier": ({"größe €": 3}, '$["größe €"]'),
    "no algorithm": ({"algorithm": ...}, "$.algorithm"),
    "an unknown algorithm": ({"algorithm": "random_forest"}, "$.algorithm"),
    "an algorithm that names a module": ({"algorithm": "__init__"}, "$.algorithm"),
    "an algorithm that is a number": ({"algorithm": 1}, "$.algorithm"),
    "an algorithm that is null": ({"algorithm": None}, "$.algorithm"),
    "data and rows": ({"data": {"uri": "dataset://d", "target": "t"}}, "$.instances"),
    "hyperparameters that are a list": ({"hyperparameters": [1]}, "$.hyperparameters"),
    "an unknown hyperparameter": ({"hyperparameters": {"n_clusters": 2}}, "$.hyperparameters.n_clusters"),
    "C of zero": ({"hyperparameters": {"C": 0}}, "$.hyperparameters.C"),
    "C below zero": ({"hyperparameters": {"C": -1.5}}, "$.hyperparameters.C"),
    "C that is text": ({"hyperparameters": {"C": "1"}}, "$.hyperparameters.C"),
    "C that is true": ({"hyperparameters": {"C": True}}, "$.hyperparameters.C"),
    "C past its bound": ({"hyperparameters": {"C": 1e300}}, "$.hyperparameters.C"),
    "max_iter with a fraction": ({"hyperparameters": {"max_iter": 2.5}}, "$.hyperparameters.max_iter"),
    "max_iter of zero": ({"hyperparameters": {"max_iter": 0}}, "$.hyperparameters.max_iter"),
    "scale that is a number": ({"hyperparameters": {"scale": 1}}, "$.hyperparameters.scale"),
    "class_weight that is unknown": (
        {"hyperparameters": {"class_weight": "heavy"}},
        "$.hyperparameters.class_weight",
    ),
    "class_weight of a label that no row has": (
        {"hyperparameters": {"class_weight": {"middle": 2}}},
        "$.hyperparameters.class_weight.middle",
    ),
    "class_weight of zero": (
        {"hyperparameters": {"class_weight": {"low": 0}}},
        "$.hyperparameters.class_weight",
    ),
    "several hyperparameters out of bounds": (
        {"hyperparameters": {"C": 0, "tol": 2, "scale": None}},
        "$.hyperparameters.C",
    ),
    "a kernel that is unknown": (
        {"algorithm": "svm", "hyperparameters": {"kernel": "cosine"}},
        "$.hyperparameters.kernel",
    ),
    "gamma below zero": (
        {"algorithm": "svm", "hyperparameters": {"gamma": -1}},
        "$.hyperparameters.gamma",
    ),
    "a degree of 21": ({"algorithm": "svm", "hyperparameters": {"degree": 21}}, "$.hyperparameters.degree"),
    "more clusters than rows": (
        {"algorithm": "kmeans", "targets": ..., "hyperparameters": {"n_clusters": 5}},
        "$.hyperparameters.n_clusters",
    ),
    "targets for clusters": ({"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}}, "$.targets"),
    "no instances": ({"instances": ...}, "$.instances"),
    "instances that are null": ({"instances": None}, "$.instances"),
    "instances that are an object": ({"instances": {"0": [1, 2]}}, "$.instances"),
    "instances that are empty": ({"instances": []}, "$.instances"),
    "a first row without features": ({"instances": [[], [], [], []]}, "$.instances[0]"),
    "a row that is a number": ({"instances": [[0, 1], 1, [4, 4], [5, 4]]}, "$.instances[1]"),
    "a row that is too short": ({"instances": [[0, 1], [1], [4, 4], [5, 4]]}, "$.instances[1]"),
    "a value that is text": ({"instances": [[0, 1], [1, "2"], [4, 4], [5, 4]]}, "$.instances[1][1]"),
    "a value that is a list": ({"instances": [[0, 1], [1, 2], [[3], 4], [5, 4]]}, "$.instances[2][0]"),
    "a value that is false": ({"instances": [[0, 1], [1, 2], [4, 4], [5, False]]}, "$.instances[3][1]"),
    "a value past float64": ({"instances": [[0, 10**400], [1, 2], [4, 4], [5, 4]]}, "$.instances[0][1]"),
    "rows of different members": (
        {"instances": [{"a": 1, "b": 2}, {"a": 1, "c": 2}, {"a": 3, "b": 4}, {"a": 5, "b": 4}]},
        "$.instances[1]",
    ),
    "more faults than are told": ({"instances": [[[], {}]] * 30}, "$.instances[0][0]"),
    "feature_names that are text": ({"feature_names": "a,b"}, "$.feature_names"),
    "too few feature_names": ({"feature_names": ["a"]}, "$.feature_names"),
    "feature_names that repeat": ({"feature_names": ["a", "a"]}, "$.feature_names"),
    "an empty feature name": ({"feature_names": ["a", ""]}, "$.feature_names[1]"),
    "a feature name that is a number": ({"feature_names": ["a", 1]}, "$.feature_names[1]"),
    "a feature name that is too long": ({"feature_names": ["a", "b" * 201]}, "$.feature_names[1]"),
    "no targets": ({"targets": ...}, "$.targets"),
    "targets that are text": ({"targets": "low"}, "$.targets"),
    "too few targets": ({"targets": ["low", "high", "low"]}, "$.targets"),
    "targets of one class": ({"targets": ["low"] * 4}, "$.targets"),
    "a target that is null": ({"targets": ["low", "high", None, "low"]}, "$.targets[2]"),
    "a target that is a fraction": ({"targets": [1, 2, 1.5, 1]}, "$.targets[2]"),
    "targets of two kinds": ({"targets": ["low", 1, "low", 1]}, "$.targets[1]"),
    "a target past 64 bits": ({"targets": [1, 2, 2**63, 1]}, "$.targets[2]"),
    "a target that is too long": ({"targets": ["low", "high", "h" * 201, "low"]}, "$.targets[2]"),
    "half a surrogate pair": ({"targets": ["low", "\ud83c", "low", "\ud83c"]}, "$.targets[1]"),
    "test_fraction of 1": ({"test_fraction": 1}, "$.test_fraction"),
    "test_fraction below 0": ({"test_fraction": -0.1}, "$.test_fraction"),
    "test_fraction that is null": ({"test_fraction": None}, "$.test_fraction"),
    "too few rows for a held-out part": ({"test_fraction": 0.2}, "$.test_fraction"),
    "a class with a single row": (
        {"targets": ["low", "low", "low", "high"], "test_fraction": 0.5},
        "$.test_fraction",
    ),
    "a split that is text": ({"split": "time"}, "$.split"),
    "a split that is null": ({"split": None}, "$.split"),
    "a split by nothing": ({"split": {}}, "$.split.by"),
    "a split by something else": ({"split": {"by": "fold", "column": "x0"}}, "$.split.by"),
    "a split by time without a column": ({"split": {"by": "time"}}, "$.split.column"),
    "a random split with a column": ({"split": {"by": "random", "column": "x0"}}, "$.split.column"),
    "a split with another member": ({"split": {"by": "random", "folds": 5}}, "$.split.folds"),
    "a split by a column that no row has": (
        {"split": {"by": "group", "column": "x2"}, "test_fraction": 0.5},
        "$.split.column",
    ),
    "a split by groups with fractions": (
        {"split": {"by": "group", "column": "x1"}, "test_fraction": 0.5},
        "$.instances[1][1]",
    ),
    "a split by times of which one is text": (
        {
            "instances": [[0, 1], [1, "2024-05-31"], [4, 3], [5, 4]],
            "split": {"by": "time", "column": "x1"},
            "test_fraction": 0.5,
        },
        "$.instances[1][1]",
    ),
    "a split by the same time": (
        {
            "instances": [[0, 1], [1, 1], [4, 1], [5, 1]],
            "split": {"by": "time", "column": "x1"},
            "test_fraction": 0.5,
        },
        "$.split",
    ),
    "a split that holds out a class": (
        {"split": {"by": "time", "column": "x0"}, "test_fraction": 0.5},
        "$.split",
    ),
    "a split by the target": (
        {
            "instances": ...,
            "targets": ...,
            "data": {"uri": "dataset://d", "target": "t"},
            "split": {"by": "group", "column": "t"},
        },
        "$.split.column",
    ),
    "seed below 0": ({"seed": -1}, "$.seed"),
    "seed past 32 bits": ({"seed": 2**32}, "$.seed"),
    "seed that is text": ({"seed": "0"}, "$.seed"),
    "no seconds": ({"max_seconds": 0}, "$.max_seconds"),
    "too many seconds": ({"max_seconds": 1_000_001}, "$.max_seconds"),
    "half a second": ({"max_seconds": 0.5}, "$.max_seconds"),
    "seconds that are text": ({"max_seconds": "60"}, "$.max_seconds"),
}
BODIES: dict[str, tuple[Any, int, str]] = {
    "a list": ([], 422, "invalid_input"),
    "a text": ("train", 422, "invalid_input"),
    "null": (b"null", 422, "invalid_input"),
    "an empty object": ({}, 422, "invalid_input"),
    "nothing": (b"", 400, "malformed_input"),
    "spaces": (b"  \n", 400, "malformed_input"),
    "half an object": (b'{"algorithm": "svm"', 400, "malformed_input"),
    "not UTF-8": (b'{"algorithm": "\xff"}', 400, "malformed_input"),
    "NaN": (b'{"instances": [[NaN]]}', 400, "malformed_input"),
    "Infinity": (b'{"instances": [[-Infinity]]}', 400, "malformed_input"),
    "a key twice": (b'{"seed": 1, "seed": 2}', 400, "malformed_input"),
    "nested ever deeper": (b'{"instances": ' + b"[" * 100_000, 400, "malformed_input"),
    "a number of 5,000 digits": (b'{"seed": ' + b"1" * 5000 + b"}", 400, "malformed_input"),
}
NAMES = {
    "that begins with a hyphen": "-iris",
    "that begins with an underscore": "_iris",
    "that begins with a dot": ".iris",
    "that ends in a dot": "iris.",
    "of 64 characters": "a" * 64,
    "with a space": "my%20iris",
    "outside ASCII": "%C3%BCber",
}


def _changed(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**TABLE, **changes}.items() if value is not ...}


def _submitted(name: str, body: Any = CLUSTERS, headers: Any = (), **more: Any) -> list[Case]:
    """An accepted job, which is cancelled while it waits for the trainer."""
    note = f"submitted_{sum(map(ord, name))}"
    return [
        post(name, PATH, body, 202, headers, keep={note: "body id"}, **more),
        delete(f"{name}: it is cancelled", f"/v1/jobs/{{{note}}}", 200),
    ]


CASES = [
    *[
        post(name, PATH, _changed(changes), 422, code="invalid_input", at=at)
        for name, (changes, at) in FAULTS.items()
    ],
    *[
        post(f"a body that is {name}", PATH, *outcome[:2], code=outcome[2])
        for name, outcome in BODIES.items()
    ],
    *[
        post(f"a name {what}", f"/v1/models/{name}:train", TABLE, 422, code="invalid_input", at="path.model")
        for what, name in NAMES.items()
    ],
    post("too many features", PATH, {**TABLE, "instances": [[0] * 10_001]}, 413, code="too_large"),
    post("too many rows", PATH, {**CLUSTERS, "instances": [[0]] * 100_001}, 413, code="too_large"),
    post(
        "too many classes",
        PATH,
        {**TABLE, "instances": [[0]] * 1002, "targets": list(range(1002))},
        413,
        code="too_large",
    ),
    get("GET", PATH, 405, code="method_not_allowed"),
    call("OPTIONS", "OPTIONS", PATH, 204),
    post("a key that may only predict", PATH, TABLE, 403, key=PREDICT, code="forbidden"),
    *_submitted("a key that may train", TABLE, key=TRAIN),
    *_submitted(
        "rows as objects, names aside", {**CLUSTERS, "instances": [{"w": 1, "h": 2}] * 3 + [{"h": 1, "w": 5}]}
    ),
    *_submitted("a value that is null", {**TABLE, "instances": [[0, 1], [1, 2], [None, 4], [5, 4]]}),
    *_submitted("a column of words", {**TABLE, "instances": [[0, "a"], [1, None], [4, "b"], [5, "a"]]}),
    *_submitted("labels that are written with .0", {**TABLE, "targets": [0.0, 0, 1.0, 1]}),
    *_submitted("so many seconds", {**TABLE, "max_seconds": 1_000_000}),
    *_submitted("null for seconds", {**TABLE, "max_seconds": None}),
    *_submitted("null for hyperparameters", {**TABLE, "hyperparameters": None}),
    *_submitted("an integer written as 2.0", {**CLUSTERS, "hyperparameters": {"n_clusters": 2.0}}),
    *_submitted("gzip", zipped(CLUSTERS), {"Content-Encoding": "gzip", "Content-Type": "application/json"}),
    post("an Idempotency-Key", PATH, CLUSTERS, 202, {"Idempotency-Key": "once"}, keep={"once": "body id"}),
    post("the same Idempotency-Key again", PATH, CLUSTERS, 202, {"Idempotency-Key": "once"}),
    delete("its job is cancelled", "/v1/jobs/{once}", 200),
    post("the same Idempotency-Key for a job that is over", PATH, CLUSTERS, 202, {"Idempotency-Key": "once"}),
    post(
        "the same Idempotency-Key for another body",
        PATH,
        TABLE,
        422,
        {"Idempotency-Key": "once"},
        code="idempotency_mismatch",
    ),
    post(
        "the same Idempotency-Key for another model",
        "/v1/models/candidate-2:train",
        CLUSTERS,
        422,
        {"Idempotency-Key": "once"},
        code="idempotency_mismatch",
    ),
    post(
        "an Idempotency-Key with a space",
        PATH,
        CLUSTERS,
        422,
        {"Idempotency-Key": "two words"},
        code="invalid_input",
        at="Idempotency-Key",
    ),
    post(
        "an Idempotency-Key that is too long",
        PATH,
        CLUSTERS,
        422,
        {"Idempotency-Key": "k" * 256},
        code="invalid_input",
        at="Idempotency-Key",
    ),
    *_submitted("Prefer: wait=0", headers={"Prefer": "wait=0"}),
    *_submitted("a Prefer that is something else", headers={"Prefer": "return=minimal, wait=soon"}),
    *_submitted("Prefer: wait=1, and nobody trains", headers={"Prefer": "respond-async, wait=1"}),
    get("nothing is queued any more", "/v1/jobs?state=queued", deliver="after"),
    post("held out by time", "/v1/models/days:train", DAYS, 202, keep={"days": "body id"}, deliver="after"),
    get("held out by time: its job", "/v1/jobs/{days}"),
    get("held out by time: its version", "/v1/models/days/versions/1"),
    get("held out by time: its versions", "/v1/models/days/versions"),
    delete("held out by time: it is deleted", "/v1/models/days"),
    get("all were cancelled", "/v1/models/candidate", 404, code="model_not_found"),
]
