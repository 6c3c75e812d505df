"""A model of another library: its ONNX file is uploaded, a job makes a version of it, and others run it."""

import hashlib
from typing import Any

from tests.conformance.case import (
    LIMITED,
    NOBODY,
    PREDICT,
    TRAIN,
    Case,
    Request,
    call,
    delete,
    get,
    post,
    put,
)
from tests.unit.graph_samples import sample, squares

MODEL = "/v1/models/foreign"
NOWHERE = f"artifact://foreign/{'0' * 28}"
VERSION = f"{MODEL}/versions/1"
TREES, MIXED, RIDGE, PICTURES = (sample(name) for name in ("lightgbm", "columns", "ridge", "torch-cnn-fixed"))
FLOWER = [5.1, 3.5, 1.4, 0.2]
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
WINE = {"alcohol": 13.5, "proline": 900, "colour": "ruby", "origin": "north"}
# What is refused before there is a job, and where.
BODIES: dict[str, tuple[Any, str]] = {
    "nothing in it": ({}, "$"),
    "an unknown member": ({"uri": NOWHERE, "alias": "production"}, "$"),
    "a uri of another model": ({"uri": f"artifact://iris/{'0' * 28}"}, "$.uri"),
    "a uri that nothing was put to": ({"uri": NOWHERE}, "$.uri"),
    "a feature twice": ({"uri": NOWHERE, "features": ["a", "a"]}, "$.features[1]"),
    "labels of two kinds": ({"uri": NOWHERE, "classes": ["a", 1]}, "$.classes"),
    "an output twice": ({"uri": NOWHERE, "outputs": {"a": "x", "b": "x"}}, "$.outputs.b"),
    "an output with a bad name": ({"uri": NOWHERE, "outputs": {"a b": "x"}}, '$.outputs["a b"]'),
    "no example": ({"uri": NOWHERE, "example": []}, "$.example"),
}


def _loop() -> bytes:
    """A graph with a loop in it, which would run for longer than anybody waits."""
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["s"], ["t"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, [None, 1]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("t", TensorProto.FLOAT, [None, 1]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["most", "yes", "x"], ["y"], body=body)],
        "endless",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor("most", TensorProto.INT64, [], [2**62]),
            helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
        ],
    )
    opsets = [helper.make_opsetid("", 19)]
    file: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return file


# Files that are refused by their job, which says why.
FILES = {
    "a pickle": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
    "nothing": b"",
    "half a file": TREES.file[: len(TREES.file) // 2],
    "a loop without an end": _loop(),
}


def put_file(name: str, data: bytes, note: str, model: str = MODEL) -> list[Case]:
    """The cases of a file's way to where it can be imported from."""
    kept = {f"{note}_{member}": f"body {member}" for member in ("url", "headers", "uri")}
    return [
        post(f"{name}: an address", f"{model}:upload", None, 201, key=TRAIN, keep=kept),
        Case(f"{name}: the file", Request("PUT", "", body=data), 200, signed=note),
    ]


def asked(name: str, note: str, status: int = 202, model: str = MODEL, **more: Any) -> Case:
    """A request to import what was uploaded under a note."""
    told = {
        each: more.pop(each)
        for each in ("sha256", "features", "classes", "outputs", "example")
        if each in more
    }
    headers = more.pop("headers", ())
    return post(name, f"{model}:import", {"uri": f"{{{note}_uri}}", **told}, status, headers, **more)


def imported(name: str, data: bytes, note: str, model: str = MODEL, **told: Any) -> list[Case]:
    """A file that becomes a version, or a job that says why not."""
    return [
        *put_file(name, data, note, model),
        asked(name, note, model=model, key=TRAIN, keep={f"{note}_job": "body id"}, deliver="after", **told),
        get(f"{name}: its job", f"/v1/jobs/{{{note}_job}}"),
    ]


def refused(name: str, body: Any, at: str) -> Case:
    return post(name, f"{MODEL}:import", body, 422, code="invalid_input", at=at)


CASES = [
    call("OPTIONS of an import", "OPTIONS", f"{MODEL}:import", 204),
    get("GET of an import", f"{MODEL}:import", 405, code="method_not_allowed"),
    *[refused(f"a body with {what}", body, at) for what, (body, at) in BODIES.items()],
    post("a body that is no JSON", f"{MODEL}:import", b"{", 400, code="malformed_input"),
    *imported(
        "trees of LightGBM",
        TREES.file,
        "trees",
        sha256=hashlib.sha256(TREES.file).hexdigest(),
        features=NAMES,
        classes=["setosa", "versicolor", "virginica"],
    ),
    asked("for a key that may only predict", "trees", 403, key=PREDICT, code="forbidden"),
    asked("for a key of other models", "trees", 403, key=LIMITED, code="forbidden"),
    asked("for nobody", "trees", 401, key=NOBODY, code="unauthenticated"),
    get("what is told of it", VERSION),
    get("the schema of a row", f"{MODEL}/schema"),
    get("what it learnt", f"{VERSION}/parameters", 409, code="not_described"),
    get("its file", f"{VERSION}/onnx"),
    post("a row", f"{MODEL}:predict", {"instances": [FLOWER], "outputs": ["label", "probability"]}),
    post("rows by name", f"{MODEL}:predict", {"instances": [dict(zip(NAMES, FLOWER, strict=True))] * 3}),
    post(
        "a row as CSV",
        f"{MODEL}:predict",
        b"5.1,3.5,1.4,0.2\n",
        headers={"Content-Type": "text/csv", "Accept": "text/csv"},
    ),
    post(
        "a row that is too short",
        f"{MODEL}:predict",
        {"instances": [[1, 2]]},
        422,
        code="invalid_input",
        at="$.instances[0]",
    ),
    post(
        "a number that the graph does not hold",
        f"{MODEL}:predict",
        {"instances": [[1e300, 1, 1, 1]]},
        422,
        code="invalid_input",
        at="$.instances[0]",
    ),
    post(
        "an output that it has not",
        f"{MODEL}:predict",
        {"instances": [FLOWER], "outputs": ["decision"]},
        422,
        code="invalid_input",
        at="$.outputs[0]",
    ),
    post(
        "a tensor",
        "/v2/models/foreign/infer",
        {
            "inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "data": [FLOWER, FLOWER]}],
            "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
        },
    ),
    get("its tensors", "/v2/models/foreign"),
    get("it is ready", "/v2/models/foreign/ready"),
    post("why", f"{MODEL}:explain", {"instances": [FLOWER]}, 409, code="not_explained"),
    get("what became of it", f"{VERSION}/monitoring"),
    *imported("columns of words and numbers", MIXED.file, "mixed", "/v1/models/wines"),
    post(
        "a row of words and numbers", "/v1/models/wines:predict", {"instances": [WINE, list(WINE.values())]}
    ),
    post(
        "a word that is none",
        "/v1/models/wines:predict",
        {"instances": [{**WINE, "colour": None}]},
        422,
        code="invalid_input",
        at="$.instances[0].colour",
    ),
    post("columns", "/v1/models/wines:predict", {"inputs": {name: [value] for name, value in WINE.items()}}),
    *imported("a regression", RIDGE.file, "ridge"),
    post("a row of a regression", f"{MODEL}/versions/2:predict", {"instances": [[0.1] * 10]}),
    *imported("pictures, one at a time", PICTURES.file, "pictures", "/v1/models/shapes"),
    post(
        "three pictures",
        "/v1/models/shapes:predict",
        {"instances": [{"image": [[[shade] * 28] * 28]} for shade in (0.0, 0.5, 1.0)]},
    ),
    *imported("a graph that grows", squares(), "squares", "/v1/models/squares", example=[[3]]),
    post("a graph that grows: a little", "/v1/models/squares:predict", {"instances": [[3]]}),
    post(
        "a graph that grows: past the memory",
        "/v1/models/squares:predict",
        {"instances": [[100_000]]},
        413,
        code="too_large",
    ),
    post("a graph that grows: it goes on", "/v1/models/squares:predict", {"instances": [[4], [5]]}),
    *[
        case
        for number, (what, data) in enumerate(FILES.items())
        for case in imported(what, data, f"graph_{number}")
    ],
    asked("an Idempotency-Key", "trees", headers={"Idempotency-Key": "foreign"}, deliver="after"),
    asked("the same Idempotency-Key again", "trees", headers={"Idempotency-Key": "foreign"}),
    asked(
        "the same Idempotency-Key, and other names",
        "trees",
        422,
        headers={"Idempotency-Key": "foreign"},
        features=NAMES,
        code="idempotency_mismatch",
    ),
    asked("Prefer: wait", "trees", 200, headers={"Prefer": "wait=50"}, deliver="meanwhile"),
    put("an alias", f"{MODEL}/aliases/production", {"version": 1}),
    put(
        "versions that take other rows",
        f"{MODEL}/aliases/production",
        {"weights": {"1": 1, "2": 1}},
        422,
        code="invalid_input",
        at='$.weights["2"]',
    ),
    # Where nobody runs graphs.
    post("nobody runs graphs", f"{MODEL}:import", {"uri": NOWHERE}, 501, web=True, code="not_deployed"),
    delete("all are deleted", f"{MODEL}/aliases/production"),
]

# What is uploaded.
UPLOADS = [case.name.removesuffix(": an address") for case in CASES if case.name.endswith(": an address")]
