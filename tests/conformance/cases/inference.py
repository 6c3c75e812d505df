"""The Open Inference Protocol (`/v2`): metadata, JSON and binary tensors, and what is wrong with them."""

import json
import struct
from typing import Any

from tests.conformance.case import NOBODY, PREDICT, Case, call, get, post, zipped
from tests.conformance.cases.state import FEATURES, ROWS

PATH = "/v2/models/iris/infer"
FEW = ROWS[::40]
FLAT = [value for row in FEW for value in row]
OUTPUTS = ("predict", "predict_proba", "decision_function")
WHOLE = {
    "FP64": "d",
    "FP32": "f",
    "FP16": "e",
    "INT64": "q",
    "INT32": "i",
    "INT16": "h",
    "INT8": "b",
    "UINT64": "Q",
    "UINT32": "I",
    "UINT16": "H",
    "UINT8": "B",
}


def tensor(**changes: Any) -> dict[str, Any]:
    """The input tensor, changed; … takes a member away."""
    whole = {"name": "input-0", "shape": [len(FEW), 4], "datatype": "FP64", "data": FLAT, **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def binary(name: str, header: Any, tail: bytes, status: int = 200, length: Any = None, **more: Any) -> Case:
    """A header of JSON, and raw bytes behind it."""
    text = json.dumps(header).encode()
    sent = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(text) if length is None else length),
    }
    return post(name, more.pop("path", PATH), text + tail, status, sent, **more)


def raw(datatype: str, size: int | None = None, **changes: Any) -> tuple[dict[str, Any], bytes]:
    """A header whose tensor is binary, and its bytes: the rows as numbers of that datatype."""
    code = WHOLE[datatype]
    numbers = FLAT if code in "dfe" else [int(value) for value in FLAT]
    data = struct.pack(f"<{len(FLAT)}{code}", *numbers)
    size = len(data) if size is None else size
    one = tensor(datatype=datatype, data=..., parameters={"binary_data_size": size})
    return {"inputs": [{**one, **changes}]}, data


DOUBLES, DATA = raw("FP64")
EVERYTHING = [{"name": name} for name in OUTPUTS]
OF_V1 = [{"name": name} for name in ("label", "probability", "decision")]
AS_BYTES = [{"name": name, "parameters": {"binary_data": True}} for name in OUTPUTS]
COLUMNS = [
    {"name": name, "shape": [len(FEW)], "datatype": "FP64", "data": [row[place] for row in FEW]}
    for place, name in enumerate(FEATURES)
]
UNKNOWN = {"name": "id", "shape": [1], "datatype": "BYTES", "data": ["c-1"]}
# Bodies of a JSON request: status is 400 where the protocol says so.
FAULTS: dict[str, tuple[Any, str]] = {
    "a list": ([], "$"),
    "no inputs": ({"id": "1"}, "$"),
    "inputs that are empty": ({"inputs": []}, "$.inputs"),
    "two inputs": ({"inputs": [tensor(), tensor()]}, "$.inputs[0].name"),
    "an input that is a list": ({"inputs": [FLAT]}, "$.inputs[0]"),
    "an input without a name": ({"inputs": [tensor(name=...)]}, "$.inputs[0]"),
    "an input without a shape": ({"inputs": [tensor(shape=...)]}, "$.inputs[0]"),
    "an input without a datatype": ({"inputs": [tensor(datatype=...)]}, "$.inputs[0]"),
    "an input without data": ({"inputs": [tensor(data=...)]}, "$.inputs[0]"),
    "a name that is a number": ({"inputs": [tensor(name=0)]}, "$.inputs[0].name"),
    "a datatype that is unknown": ({"inputs": [tensor(datatype="FP128")]}, "$.inputs[0].datatype"),
    "a datatype of texts": ({"inputs": [tensor(datatype="BYTES")]}, "$.inputs[0].datatype"),
    "a datatype in small letters": ({"inputs": [tensor(datatype="fp64")]}, "$.inputs[0].datatype"),
    "a shape of one axis": ({"inputs": [tensor(shape=[16])]}, "$.inputs[0].shape"),
    "a shape of three axes": ({"inputs": [tensor(shape=[1, 4, 4])]}, "$.inputs[0].shape"),
    "a shape of other features": ({"inputs": [tensor(shape=[8, 2])]}, "$.inputs[0].shape"),
    "a shape below 0": ({"inputs": [tensor(shape=[-1, 4])]}, "$.inputs[0].shape[0]"),
    "a shape of no row": ({"inputs": [tensor(shape=[0, 4], data=[])]}, "$.inputs[0].shape"),
    "a shape that is text": ({"inputs": [tensor(shape="4,4")]}, "$.inputs[0].shape"),
    "data that is too short": ({"inputs": [tensor(data=FLAT[:-1])]}, "$.inputs[0].data"),
    "data with a text": ({"inputs": [tensor(data=["1", *FLAT[1:]])]}, "$.inputs[0].data[0]"),
    "data with null": ({"inputs": [tensor(data=[*FLAT[:-1], None])]}, "$.inputs[0].data[15]"),
    "a fraction for an integer": ({"inputs": [tensor(datatype="INT32")]}, "$.inputs[0].data[0]"),
    "an integer past its datatype": (
        {"inputs": [tensor(datatype="INT8", shape=[1, 4], data=[1, 128, 1, 1])]},
        "$.inputs[0].data[1]",
    ),
    "below zero without a sign": (
        {"inputs": [tensor(datatype="UINT8", shape=[1, 4], data=[1, 2, 3, -4])]},
        "$.inputs[0].data[3]",
    ),
    "an output that is unknown": (
        {"inputs": [tensor()], "outputs": [{"name": "labels"}]},
        "$.outputs[0].name",
    ),
    "an output that is not its": (
        {"inputs": [tensor()], "outputs": [{"name": "transform"}]},
        "$.outputs[0].name",
    ),
    "an output that is not its, by v1's name": (
        {"inputs": [tensor()], "outputs": [{"name": "label"}, {"name": "distance"}]},
        "$.outputs[1].name",
    ),
    "an output twice": ({"inputs": [tensor()], "outputs": [{"name": "predict"}] * 2}, "$.outputs[1].name"),
    "an output without a name": ({"inputs": [tensor()], "outputs": [{}]}, "$.outputs[0]"),
    "outputs that are text": ({"inputs": [tensor()], "outputs": "predict"}, "$.outputs"),
    "a tensor that is no feature": ({"inputs": [*COLUMNS, UNKNOWN]}, "$.inputs[4].name"),
    "unknown columns that are neither ignored nor refused": (
        {"inputs": COLUMNS, "parameters": {"unknown_columns": "drop"}},
        "$.parameters.unknown_columns",
    ),
    "an id that is a number": ({"id": 5, "inputs": [tensor()]}, "$.id"),
    "parameters that are a list": ({"inputs": [tensor()], "parameters": []}, "$.parameters"),
    "a row past what can be computed": (
        {"inputs": [tensor(shape=[1, 4], data=[1e308, -1e308, 1e308, -1e308])]},
        "$.inputs[0][0]",
    ),
}

CASES = [
    post("a shape of numbers with .0", PATH, {"inputs": [tensor(shape=[float(len(FEW)), 4.0])]}),
    get("the server", "/v2"),
    get("the server for a key that may predict", "/v2", key=PREDICT),
    get("the server without a key", "/v2", 401, key=NOBODY, code="unauthenticated"),
    *[
        get(f"the metadata of {model}", f"/v2/models/{model}")
        for model in ("iris", "flags", "numbers", "texts", "line")
    ],
    get("the metadata of a version", "/v2/models/iris/versions/2"),
    get("the metadata of an unknown model", "/v2/models/nobody", 404, code="model_not_found"),
    get("the metadata of an unknown version", "/v2/models/iris/versions/9", 404, code="version_not_found"),
    get("a model is ready", "/v2/models/iris/ready"),
    get("a version is ready", "/v2/models/iris/versions/2/ready"),
    get("an unknown model is not ready", "/v2/models/nobody/ready", 404, code="model_not_found"),
    get("a deleted version is not ready", "/v2/models/iris/versions/3/ready", 404, code="version_not_found"),
    call("HEAD of the metadata", "HEAD", "/v2/models/iris", 200),
    post("flat data", PATH, {"inputs": [tensor()]}),
    post("nested data", PATH, {"inputs": [tensor(data=FEW)]}),
    post("a tensor for each column", PATH, {"inputs": COLUMNS}),
    post(
        "a tensor that is no feature, ignored",
        PATH,
        {"inputs": [*COLUMNS, UNKNOWN], "parameters": {"unknown_columns": "ignore"}},
    ),
    post("an id", PATH, {"id": "ünique 1", "inputs": [tensor()]}),
    post("unknown members", PATH, {"inputs": [tensor(note=1)], "priority": 3, "raw": None}),
    post("outputs of null", PATH, {"inputs": [tensor()], "outputs": None, "parameters": None}),
    post("no Content-Type, as Triton's client", PATH, json.dumps({"inputs": [tensor()]}).encode()),
    post("version 2", "/v2/models/iris/versions/2/infer", {"inputs": [tensor()], "outputs": EVERYTHING}),
    post("everything", PATH, {"inputs": [tensor()], "outputs": EVERYTHING}),
    post("everything by v1's names", PATH, {"inputs": [tensor()], "outputs": OF_V1}),
    post("one output by both names", PATH, {"inputs": [tensor()], "outputs": [OF_V1[0], EVERYTHING[0]]}),
    post("booleans", "/v2/models/flags/infer", {"inputs": [tensor(shape=[8, 2])], "outputs": EVERYTHING}),
    post(
        "integers",
        "/v2/models/numbers/infer",
        {"inputs": [tensor()], "outputs": [EVERYTHING[0], EVERYTHING[2]]},
    ),
    post("texts", "/v2/models/texts/infer", {"inputs": [tensor(shape=[8, 2])], "outputs": EVERYTHING}),
    post(
        "clusters",
        "/v2/models/line/infer",
        {"inputs": [tensor(shape=[16, 1])], "outputs": [{"name": "predict"}, {"name": "transform"}]},
    ),
    *[
        post(f"{datatype} as JSON", PATH, {"inputs": [tensor(datatype=datatype, data=list(range(16)))]})
        for datatype in WHOLE
    ],
    *[binary(f"{datatype} as bytes", *raw(datatype)) for datatype in WHOLE],
    binary("bytes in, everything out", {**DOUBLES, "outputs": EVERYTHING}, DATA),
    binary("bytes in, bytes out", {**DOUBLES, "outputs": AS_BYTES, "id": "b"}, DATA),
    binary("bytes out by default", {**DOUBLES, "parameters": {"binary_data_output": True}}, DATA),
    binary(
        "bytes by default, but one output as JSON",
        {
            **DOUBLES,
            "parameters": {"binary_data_output": True},
            "outputs": [{"name": "predict", "parameters": {"binary_data": False}}, {"name": "predict_proba"}],
        },
        DATA,
    ),
    post("JSON in, bytes out", PATH, {"inputs": [tensor()], "outputs": AS_BYTES}),
    post(
        "booleans as bytes", "/v2/models/flags/infer", {"inputs": [tensor(shape=[8, 2])], "outputs": AS_BYTES}
    ),
    post(
        "integers as bytes",
        "/v2/models/numbers/infer",
        {"inputs": [tensor()], "outputs": [AS_BYTES[0], AS_BYTES[2]]},
    ),
    post("texts as bytes", "/v2/models/texts/infer", {"inputs": [tensor(shape=[8, 2])], "outputs": AS_BYTES}),
    post(
        "bytes asked for with a number", PATH, {"inputs": [tensor()], "parameters": {"binary_data_output": 1}}
    ),
    post(
        "JSON whose length is said",
        PATH,
        (whole := json.dumps({"inputs": [tensor()]}).encode()),
        200,
        {"Inference-Header-Content-Length": str(len(whole)), "Content-Type": "application/json"},
    ),
    post(
        "bytes in gzip",
        PATH,
        zipped({"inputs": [tensor()]}),
        200,
        {"Content-Encoding": "gzip", "Content-Type": "application/octet-stream"},
    ),
    *[
        post(f"wrong: {name}", PATH, body, 400, code="invalid_input", at=at)
        for name, (body, at) in FAULTS.items()
    ],
    binary(
        "wrong: bytes that are NaN",
        DOUBLES,
        struct.pack("<16d", *FLAT[:-1], float("nan")),
        400,
        code="invalid_input",
        at="$.inputs[0]",
    ),
    binary("wrong: fewer bytes than are named", DOUBLES, DATA[:-8], 400, code="malformed_input"),
    binary("wrong: more bytes than are named", DOUBLES, DATA + b"\0", 400, code="malformed_input"),
    binary("wrong: bytes that nobody names", {"inputs": [tensor()]}, DATA, 400, code="malformed_input"),
    binary(
        "wrong: bytes that do not fit the shape",
        raw("FP64", 120)[0],
        DATA[:120],
        400,
        code="invalid_input",
        at="$.inputs[0]",
    ),
    binary(
        "wrong: data in both places",
        raw("FP64", data=FLAT)[0],
        DATA,
        400,
        code="invalid_input",
        at="$.inputs[0]",
    ),
    binary("wrong: a size below 0", raw("FP64", -1)[0], DATA, 400, code="malformed_input"),
    binary("wrong: a length of 0", DOUBLES, DATA, 400, 0, code="malformed_input"),
    binary("wrong: a length past the body", DOUBLES, DATA, 400, 100_000, code="malformed_input"),
    binary("wrong: a length below 0", DOUBLES, DATA, 400, -5, code="malformed_input"),
    binary("wrong: a length that is text", DOUBLES, DATA, 400, "all", code="malformed_input"),
    binary("wrong: a length within the JSON", DOUBLES, DATA, 400, 20, code="malformed_input"),
    post("wrong: nothing", PATH, b"", 400, code="malformed_input"),
    post(
        "wrong: bytes without a length",
        PATH,
        DATA,
        400,
        {"Content-Type": "application/octet-stream"},
        code="malformed_input",
    ),
    post("an unknown model", "/v2/models/nobody/infer", {"inputs": [tensor()]}, 404, code="model_not_found"),
    post(
        "an unknown version",
        "/v2/models/iris/versions/9/infer",
        {"inputs": [tensor()]},
        404,
        code="version_not_found",
    ),
    get("GET", PATH, 405, code="method_not_allowed"),
    post("POST to the metadata", "/v2/models/iris", {}, 405, code="method_not_allowed"),
    get("the models' index of other servers", "/v2/models", 404, code="route_not_found"),
    post("a verb of V1", "/v2/models/iris:predict", {"instances": FEW}, 404, code="route_not_found"),
]
