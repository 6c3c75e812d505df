"""The Open Inference Protocol on really trained models."""

import gzip
import json
import struct
import zlib
from typing import Any

import jsonschema
import pytest

from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from tests.unit.handlers.conftest import ROWS, Ask

FLAT = [float(number) for row in ROWS for number in row]


def tensor(rows: int = 30, **members: Any) -> dict[str, Any]:
    """The request's input as JSON."""
    data = FLAT[: rows * 4]
    return {"name": "input-0", "shape": [rows, 4], "datatype": "FP64", "data": data, **members}


def asked(*names: str, **members: Any) -> bytes:
    """A request for the named outputs."""
    outputs = {"outputs": [{"name": name} for name in names]} if names else {}
    return json.dumps({"inputs": [tensor()], **outputs, **members}).encode()


def read(response: Response, schema: str = "Inference") -> Any:
    assert response.status == 200, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS[schema])
    return value


def problem(response: Response, status: int) -> Any:
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Problem"])
    return value


def test_the_server_describes_itself(ask: Ask) -> None:
    described = read(ask("GET", "/v2"), "Server")
    assert described["name"] == "serverless-ml"
    assert described["extensions"] == ["binary_tensor_data"]


@pytest.mark.parametrize("path", ["/v2/models/iris", "/v2/models/iris/versions/1"])
def test_a_model_describes_its_tensors_and_the_order_of_its_classes(ask: Ask, path: str) -> None:
    assert read(ask("GET", path), "Metadata") == {
        "name": "iris",
        "versions": ["1"],
        "platform": "serverless-ml_logistic_regression",
        "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}],
        "outputs": [
            {"name": "predict", "datatype": "BYTES", "shape": [-1], "parameters": {"content_type": "str"}},
            {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
            {"name": "decision_function", "datatype": "FP64", "shape": [-1, 3]},
        ],
        "parameters": {"features": ["x0", "x1", "x2", "x3"], "classes": ["high", "low", "middle"]},
    }


def test_ready_is_for_models_that_are_there(ask: Ask) -> None:
    assert ask("GET", "/v2/models/iris/ready").body == b'{"name":"iris","ready":true}'
    assert ask("GET", "/v2/models/iris/versions/1/ready").status == 200
    assert problem(ask("GET", "/v2/models/nobody/ready"), 404)["code"] == "model_not_found"
    assert problem(ask("GET", "/v2/models/iris/versions/2/ready"), 404)["code"] == "version_not_found"


def test_labels_are_the_default_output_and_the_id_is_repeated(ask: Ask) -> None:
    answer = read(ask("POST", "/v2/models/iris/infer", asked(id="42", unknown={"ignored": True})))
    assert answer["id"] == "42"
    assert answer["model_name"] == "iris"
    assert answer["model_version"] == "1"
    assert answer["parameters"] == {"classes": ["high", "low", "middle"]}
    (output,) = answer["outputs"]
    assert {key: output[key] for key in ("name", "datatype", "shape", "parameters")} == {
        "name": "predict", "datatype": "BYTES", "shape": [30], "parameters": {"content_type": "str"},
    }  # fmt: skip


def test_without_an_id_there_is_none(ask: Ask) -> None:
    assert "id" not in read(ask("POST", "/v2/models/iris/infer", asked()))


@pytest.mark.parametrize(
    ("model", "datatype", "kind"),
    [("digits", "INT64", int), ("truth", "BOOL", bool), ("groups", "INT64", int)],
)
def test_labels_have_the_type_that_they_were_trained_with(
    ask: Ask, model: str, datatype: str, kind: type
) -> None:
    (output,) = read(ask("POST", f"/v2/models/{model}/infer", asked()))["outputs"]
    assert output["datatype"] == datatype
    assert {type(value) for value in output["data"]} == {kind}


@pytest.mark.parametrize(
    ("model", "name", "ours", "width"),
    [
        ("iris", "predict_proba", "probability", 3),
        ("iris", "decision_function", "decision", 3),
        ("truth", "decision_function", "decision", 1),
        ("digits", "decision_function", "decision", 3),
        ("groups", "transform", "distance", 3),
    ],
)
def test_other_outputs_are_matrices_with_the_numbers_of_v1(
    ask: Ask, model: str, name: str, ours: str, width: int
) -> None:
    (output,) = read(ask("POST", f"/v2/models/{model}/infer", asked(name)))["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == (name, "FP64", [30, width])
    body = json.dumps({"instances": ROWS, "outputs": [ours]}).encode()
    rows = json.loads(ask("POST", f"/v1/models/{model}:predict", body).body)["predictions"]
    v1 = [row[ours] if isinstance(row[ours], list) else [row[ours]] for row in rows]
    assert output["data"] == [value for row in v1 for value in row]


def test_binary_in_and_out_are_the_numbers_of_json(ask: Ask) -> None:
    names = ("predict", "predict_proba", "decision_function")
    plain = read(ask("POST", "/v2/models/iris/infer", asked(*names)))
    binary = tensor(parameters={"binary_data_size": len(FLAT) * 8})
    del binary["data"]
    outputs = [
        {"name": "predict", "parameters": {"binary_data": True}},
        {"name": "predict_proba", "parameters": {"binary_data": False}},
        {"name": "decision_function"},
    ]
    header = json.dumps(
        {"inputs": [binary], "outputs": outputs, "parameters": {"binary_data_output": True}}
    ).encode()
    response = ask(
        "POST",
        "/v2/models/iris/infer",
        header + struct.pack(f"<{len(FLAT)}d", *FLAT),
        inference_header_content_length=str(len(header)),
        content_type="application/octet-stream",
    )
    assert response.status == 200, response.body
    assert response.headers["content-type"] == "application/octet-stream"
    length = int(response.headers["inference-header-content-length"])
    answered = json.loads(response.body[:length])
    jsonschema.validate(answered, ANSWERS["Inference"])
    labels, probabilities, decisions = answered["outputs"]
    assert probabilities["data"] == plain["outputs"][1]["data"]
    rest = response.body[length:]
    size = labels["parameters"]["binary_data_size"]
    assert rest[:size] == b"".join(
        struct.pack("<I", len(label)) + label.encode() for label in plain["outputs"][0]["data"]
    )
    assert decisions["parameters"]["binary_data_size"] == len(rest) - size
    assert list(struct.unpack("<90d", rest[size:])) == plain["outputs"][2]["data"]


@pytest.mark.parametrize(
    ("datatype", "code"),
    [
        ("FP64", "d"),
        ("FP32", "f"),
        ("INT64", "q"),
        ("INT32", "i"),
        ("INT16", "h"),
        ("INT8", "b"),
        ("UINT8", "B"),
    ],
)
def test_numbers_of_every_type_are_rows(ask: Ask, datatype: str, code: str) -> None:
    values = [1, 2, 3, 4]
    as_json: dict[str, Any] = {"name": "x", "shape": [1, 4], "datatype": datatype, "data": values}
    plain = read(ask("POST", "/v2/models/iris/infer", json.dumps({"inputs": [as_json]}).encode()))
    packed = struct.pack(f"<4{code}", *values)
    del as_json["data"]
    as_json["parameters"] = {"binary_data_size": len(packed)}
    header = json.dumps({"inputs": [as_json]}).encode()
    response = ask(
        "POST", "/v2/models/iris/infer", header + packed, inference_header_content_length=str(len(header))
    )
    assert read(response) == plain


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_requests_are_read(ask: Ask, encoding: str, encode: Any) -> None:
    body = asked()
    compressed = ask("POST", "/v2/models/iris/infer", encode(body), content_encoding=encoding)
    assert read(compressed) == read(ask("POST", "/v2/models/iris/infer", body))


def test_nested_data_and_null_members_are_taken(ask: Ask) -> None:
    body = {"inputs": [tensor(2, data=ROWS[:2], parameters=None)], "outputs": None, "parameters": None}
    read(ask("POST", "/v2/models/iris/infer", json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "lacks 'inputs'"),
        ({"inputs": []}, "at least 1"),
        ({"inputs": [tensor(1), tensor(1)]}, "has no feature 'input-0'"),
        ({"inputs": [{}]}, "lacks 'name'"),
        ({"inputs": [tensor(1)], "id": 7}, "$.id"),
        (
            {"inputs": [tensor(1)], "outputs": [{"name": "magic"}]},
            "predict, predict_proba, decision_function",
        ),
        ({"inputs": [tensor(1)], "outputs": [{"name": "transform"}]}, "cannot give 'transform'"),
        ({"inputs": [tensor(1)], "outputs": [{"name": "predict"}] * 2}, "each once"),
        ({"inputs": [tensor(1, data=[1, 2, 3])]}, "expected 4 numbers"),
        ({"inputs": [tensor(1, data=[1, 2, 3, "4"])]}, "data[3]"),
        ({"inputs": [tensor(1, data={})]}, "$.inputs[0].data"),
        ({"inputs": [tensor(1, data="x" * 32)]}, "$.inputs[0].data"),
        ({"inputs": [tensor(1, data=None)]}, "$.inputs[0].data"),
        ({"inputs": [tensor(1, datatype="INT8", data=[1, 2, 3, 400])]}, "data[3]"),
        ({"inputs": [tensor(1, datatype="BYTES")]}, "datatype"),
        ({"inputs": [tensor(1, datatype=7)]}, "datatype"),
        ({"inputs": [tensor(1, shape=[4])]}, "shape"),
        ({"inputs": [tensor(1, shape=[2, 2])]}, "expects 4 features"),
        ({"inputs": [tensor(1, shape=[0, 4], data=[])]}, "at least one row"),
        ({"inputs": [tensor(1, shape=[-1, 4])]}, "shape"),
        ({"inputs": [tensor(1, shape=[1.5, 4])]}, "shape"),
        ({"inputs": [tensor(1, shape=[10**30, 4])]}, "shape"),
        ({"inputs": [tensor(1, parameters={"binary_data_size": 32})]}, "binary_data_size"),
        ({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64"}]}, "it has neither"),
        ({"inputs": [tensor(1, parameters=[])]}, "parameters"),
    ],
    ids=range(25),
)
def test_what_is_wrong_is_400_and_says_what(ask: Ask, body: dict[str, Any], message: str) -> None:
    response = ask("POST", "/v2/models/iris/infer", json.dumps(body).encode())
    if response.status == 413:
        assert 10**30 in body["inputs"][0]["shape"]
        return
    assert message in problem(response, 400)["error"]


@pytest.mark.parametrize("length", ["0", "x", "10000000", "-5"])
def test_a_header_length_that_cannot_be_is_400(ask: Ask, length: str) -> None:
    response = ask("POST", "/v2/models/iris/infer", asked(), inference_header_content_length=length)
    assert "Inference-Header-Content-Length" in problem(response, 400)["error"]


def test_numbers_that_are_not_finite_are_400_in_either_form(ask: Ask) -> None:
    header = json.dumps(
        {
            "inputs": [
                {"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}
            ]
        }
    ).encode()
    body = header + struct.pack("<4f", 1, float("nan"), 3, 4)
    response = ask("POST", "/v2/models/iris/infer", body, inference_header_content_length=str(len(header)))
    assert "not finite" in problem(response, 400)["error"]
    spelled = asked().replace(b"0.0", b"NaN", 1)
    assert "NaN" in problem(ask("POST", "/v2/models/iris/infer", spelled), 400)["error"]
