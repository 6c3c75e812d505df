"""The Open Inference Protocol on models of mixed columns: a tensor for each, as MLServer's codec `pd` has."""

import json
import struct
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.jobs import train_now
from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from tests.unit.handlers.conftest import Ask, asking, services_over

PLANS = ["basic", "plus", None]
ROWS: list[dict[str, Any]] = [
    {
        "age": 20 + row % 40,
        "plan": PLANS[row % 3],
        "active": row % 4 == 0,
        "spent": None if row % 7 == 0 else row,
    }
    for row in range(60)
]
NUMBERS = [[None if row % 9 == 0 else row, row % 7] for row in range(60)]
TARGETS = ["yes" if row % 5 < 2 else "no" for row in range(60)]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    services = services_over(tmp_path_factory.mktemp("columns"))
    for name, instances in (("mixed", ROWS), ("gaps", NUMBERS)):
        body = {"algorithm": "logistic_regression", "instances": instances, "targets": TARGETS}
        assert train_now(services, {"model": name, **body}).state == "succeeded"
    return asking(services)


def column(name: str, datatype: str, data: list[Any], **members: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data, **members}


def columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    types = {"plan": "BYTES", "active": "BOOL", "spent": "FP64", "age": "INT64"}
    return [column(name, datatype, [row[name] for row in rows]) for name, datatype in types.items()]


def body(inputs: list[dict[str, Any]]) -> bytes:
    return json.dumps(
        {"inputs": inputs, "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
    ).encode()


def read(response: Response) -> Any:
    assert response.status == 200, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Inference"])
    return [output["data"] for output in value["outputs"]]


def v1(ask: Ask, model: str, instances: list[Any]) -> list[Any]:
    sent = {"instances": instances, "outputs": ["label", "probability"]}
    answer = json.loads(ask("POST", f"/v1/models/{model}:predict", json.dumps(sent).encode()).body)
    found = answer["predictions"]
    return [[each["label"] for each in found], [p for each in found for p in each["probability"]]]


def test_the_metadata_has_a_tensor_for_each_column(ask: Ask) -> None:
    described = json.loads(ask("GET", "/v2/models/mixed").body)
    jsonschema.validate(described, ANSWERS["Metadata"])
    assert [(each["name"], each["datatype"], each["shape"]) for each in described["inputs"]] == [
        ("age", "FP64", [-1, 1]),
        ("plan", "BYTES", [-1, 1]),
        ("active", "BOOL", [-1, 1]),
        ("spent", "FP64", [-1, 1]),
    ]
    assert described["parameters"]["content_type"] == "pd"
    assert described["inputs"][1]["parameters"] == {"content_type": "str"}


def test_columns_in_any_order_are_the_rows_of_v1(ask: Ask) -> None:
    rows = [*ROWS[:10], {"age": 30, "plan": "never met", "active": None, "spent": 2.5}]
    sent = columns(rows)
    sent[3] = column("age", "FP64", [[row["age"]] for row in rows], shape=[11, 1])
    assert read(ask("POST", "/v2/models/mixed/infer", body(sent))) == v1(ask, "mixed", rows)


def test_binary_columns_are_the_numbers_of_json(ask: Ask) -> None:
    """NaN and an empty text are missing."""
    rows = ROWS[1:9]
    texts = [(row["plan"] or "").encode() for row in rows]
    spent = [float("nan") if row["spent"] is None else row["spent"] for row in rows]
    parts = {
        "plan": ("BYTES", b"".join(len(text).to_bytes(4, "little") + text for text in texts)),
        "active": ("BOOL", bytes(row["active"] for row in rows)),
        "spent": ("FP64", struct.pack("<8d", *spent)),
        "age": ("INT32", struct.pack("<8i", *(row["age"] for row in rows))),
    }
    inputs = [
        {"name": name, "datatype": kind, "shape": [8], "parameters": {"binary_data_size": len(data)}}
        for name, (kind, data) in parts.items()
    ]
    header = body(inputs)
    sent = header + b"".join(data for _, data in parts.values())
    answer = ask("POST", "/v2/models/mixed/infer", sent, inference_header_content_length=str(len(header)))
    assert read(answer) == v1(ask, "mixed", rows)


def test_numbers_with_gaps_may_come_as_one_tensor_in_which_nan_is_missing(ask: Ask) -> None:
    flat = struct.pack("<4d", float("nan"), 3.0, 5.0, 1.0)
    only = {"name": "x", "datatype": "FP64", "shape": [2, 2], "parameters": {"binary_data_size": 32}}
    header = body([only])
    answer = ask(
        "POST", "/v2/models/gaps/infer", header + flat, inference_header_content_length=str(len(header))
    )
    assert read(answer) == v1(ask, "gaps", [[None, 3], [5, 1]])


GOOD = columns(ROWS[:2])


@pytest.mark.parametrize(
    ("inputs", "path", "message"),
    [
        (GOOD[:3], "$.inputs", "expects a tensor for feature 'age'"),
        ([*GOOD, column("agee", "FP64", [1, 2])], "$.inputs[4].name", "has no feature 'agee'"),
        ([*GOOD, GOOD[0]], "$.inputs[4].name", "'plan' is there twice"),
        ([*GOOD[:3], column("age", "BYTES", ["1", "2"])], "$.inputs[3].datatype", "takes FP64, got 'BYTES'"),
        ([column("plan", "FP64", [1, 2]), *GOOD[1:]], "$.inputs[0].datatype", "takes BYTES, got 'FP64'"),
        ([column("plan", "BYTES", ["plus", 5]), *GOOD[1:]], "$.inputs[0].data[1]", "expected a string"),
        ([*GOOD[:3], column("age", "FP64", [1, "2"])], "$.inputs[3].data[1]", "expected a number"),
        ([*GOOD[:3], column("age", "INT8", [1, 200])], "$.inputs[3].data[1]", "not a number of INT8: 200"),
        ([*GOOD[:3], column("age", "FP64", [1])], "$.inputs[3].shape", "1 rows, and 2 in 'plan'"),
        ([*GOOD[:3], column("age", "FP64", [1], shape=[2])], "$.inputs[3]", "2 values, its data holds 1"),
        ([*GOOD[:3], column("age", "FP64", [1, 2], shape=[1, 2])], "$.inputs[3].shape", "[rows, 1]"),
        ([column(each["name"], each["datatype"], []) for each in GOOD], "$.inputs[0].shape", "at least one"),
    ],
)  # fmt: skip
def test_a_wrong_column_is_named(ask: Ask, inputs: list[dict[str, Any]], path: str, message: str) -> None:
    response = ask("POST", "/v2/models/mixed/infer", body(inputs))
    value = json.loads(response.body)
    assert response.status == 400, value
    assert [fault["path"] for fault in value["faults"]] == [path]
    assert message in value["error"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x09\x00\x00\x00basic" + b"\x04\x00\x00\x00plus", "past the end"),
        (b"\x01\x00\x00\x00\xff" + b"\x04\x00\x00\x00plus", "not UTF-8"),
        (b"\x04\x00\x00\x00plus", "2 values, its data holds 1"),
    ],
)
def test_broken_texts_are_told(ask: Ask, data: bytes, message: str) -> None:
    plan = {"name": "plan", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(data)}}
    header = body([plan, *GOOD[1:]])
    answer = ask(
        "POST", "/v2/models/mixed/infer", header + data, inference_header_content_length=str(len(header))
    )
    assert answer.status == 400
    assert message in json.loads(answer.body)["error"]


def test_a_model_of_plain_numbers_takes_columns_too(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    request = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}}
    rows = [{"a": row, "b": -row} for row in range(20)]
    assert train_now(services, {"model": "plain", **request, "instances": rows}).state == "succeeded"
    ask = asking(services)
    sent = json.dumps({"inputs": [column("b", "FP64", [-1, -19]), column("a", "FP64", [1, 19])]}).encode()
    labels = json.loads(ask("POST", "/v2/models/plain/infer", sent).body)["outputs"][0]["data"]
    asked = json.dumps({"instances": [rows[1], rows[19]]}).encode()
    assert labels == json.loads(ask("POST", "/v1/models/plain:predict", asked).body)["predictions"]
    gap = json.dumps({"inputs": [column("b", "FP64", [None]), column("a", "FP64", [1])]}).encode()
    assert (
        "$.inputs[0].data[0]: expected a number, got null"
        in json.loads(ask("POST", "/v2/models/plain/infer", gap).body)["error"]
    )
