"""Pictures, sequences and texts as tensors of the Open Inference Protocol, in JSON and in bytes."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from handlers.rest.answers import ANSWERS
from handlers.rest.http import Response
from ml_core.inputs.instances import TENSOR_DATATYPES
from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import (
    COLOURED,
    PICTURES,
    SEQUENCES,
    TEXTS,
    b64,
    folder_of_networks,
    png,
)

DTYPES = {
    "FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "INT64": "<i8", "INT32": "<i4", "INT16": "<i2",
    "UINT64": "<u8", "UINT32": "<u4", "UINT16": "<u2", "UINT8": "u1",
}  # fmt: skip
LENGTHS = [len(sequence) for sequence in SEQUENCES]
STEPS = max(LENGTHS)
PADDED = np.zeros((len(SEQUENCES), STEPS, 2), np.float32)
for row, sequence in enumerate(SEQUENCES):
    PADDED[row, : len(sequence)] = sequence
FILES = [png(picture) for picture in PICTURES]
SHAPED = np.asarray(PICTURES)[..., None]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_networks(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def ask(root: Path) -> Ask:
    return asking(services_over(root))


def tensor(data: Any, datatype: str, shape: Sequence[int] | None = None, name: str = "input-0") -> Any:
    """A tensor with its data in the JSON."""
    values = data.tolist() if isinstance(data, np.ndarray) else data
    return {"name": name, "datatype": datatype, "shape": [*(shape or np.shape(data))], "data": values}


def packed(given: Any) -> tuple[Any, bytes]:
    """A tensor without its data, and that as bytes."""
    data = given.pop("data")
    if given["datatype"] == "BYTES":
        elements = [text if isinstance(text, bytes) else text.encode() for text in data]
        part = b"".join(struct.pack("<I", len(element)) + element for element in elements)
    else:
        part = np.asarray(data, DTYPES[given["datatype"]]).tobytes()
    return {**given, "parameters": {"binary_data_size": len(part)}}, part


def answered(response: Response) -> list[list[Any]]:
    """The labels and the probabilities."""
    assert response.status == 200, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Inference"])
    return [output["data"] for output in value["outputs"]]


def body(inputs: list[Any], **parameters: Any) -> dict[str, Any]:
    outputs = [{"name": "predict"}, {"name": "predict_proba"}]
    return {"inputs": inputs, "outputs": outputs, **({"parameters": parameters} if parameters else {})}


def infer(ask: Ask, model: str, *inputs: Any, **parameters: Any) -> Response:
    """The answer to tensors in JSON."""
    return ask("POST", f"/v2/models/{model}/infer", json.dumps(body([*inputs], **parameters)).encode())


def infer_bytes(ask: Ask, model: str, *inputs: Any, **parameters: Any) -> Response:
    """The answer to the same tensors as bytes."""
    headers, parts = zip(*(packed(dict(given)) for given in inputs), strict=True)
    text = json.dumps(body([*headers], **parameters)).encode()
    return ask(
        "POST",
        f"/v2/models/{model}/infer",
        text + b"".join(parts),
        **{"inference-header-content-length": str(len(text))},
    )


def predicted(ask: Ask, model: str, instances: list[Any]) -> list[list[Any]]:
    """What `:predict` answers."""
    asked = {"instances": instances, "outputs": ["label", "probability"]}
    found = json.loads(ask("POST", f"/v1/models/{model}:predict", json.dumps(asked).encode()).body)
    rows = found["predictions"]
    return [[row["label"] for row in rows], [number for row in rows for number in row["probability"]]]


def refused(response: Response, status: int = 400) -> list[str]:
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Problem"])
    return [f"{fault['path']}: {fault['message']}" for fault in value.get("faults", [])] or [value["detail"]]


@pytest.mark.parametrize("datatype", sorted(DTYPES))
def test_a_picture_comes_in_every_datatype_of_numbers(ask: Ask, datatype: str) -> None:
    expected = predicted(ask, "digits", PICTURES)
    for shaped in (SHAPED, SHAPED[..., 0]):
        given = tensor(shaped, datatype)
        flat = {**given, "data": shaped.ravel().tolist()}
        for each in (given, flat):
            assert answered(infer(ask, "digits", each)) == expected
        assert answered(infer_bytes(ask, "digits", flat)) == expected


def test_int8_is_signed(ask: Ask) -> None:
    small = np.asarray(PICTURES) // 2 - 64
    expected = predicted(ask, "digits", small.tolist())
    assert answered(infer(ask, "digits", tensor(small, "INT8"))) == expected
    assert set(TENSOR_DATATYPES) == {*DTYPES, "INT8"}


def test_coloured_pictures_have_their_channels_last(ask: Ask) -> None:
    expected = predicted(ask, "colours", COLOURED)
    assert answered(infer(ask, "colours", tensor(np.asarray(COLOURED), "UINT8"))) == expected
    turned = np.moveaxis(np.asarray(COLOURED), 3, 1)
    assert refused(infer(ask, "colours", tensor(turned, "UINT8"))) == [
        (
            "$.inputs[0].shape: model 'colours' version 1 expects pictures, [-1, 4, 5, 3]; got [3, 3, 4, 5]; "
            "the channels come last"
        )
    ]
    turned = np.moveaxis(PADDED, 2, 1)
    assert refused(infer(ask, "waves", tensor(turned, "FP32")))[0].endswith("the channels come last")


@pytest.mark.parametrize("shape", [[len(FILES)], [len(FILES), 1]])
def test_pictures_come_as_png_files(ask: Ask, shape: list[int]) -> None:
    expected = predicted(ask, "digits", PICTURES)
    in_json = tensor([b64(file) for file in FILES], "BYTES", shape)
    assert answered(infer(ask, "digits", in_json)) == expected
    assert answered(infer_bytes(ask, "digits", tensor(FILES, "BYTES", shape))) == expected


def test_sequences_of_one_length_are_one_tensor(ask: Ask) -> None:
    expected = predicted(ask, "waves", PADDED.tolist())
    given = tensor(PADDED, "FP32")
    assert answered(infer(ask, "waves", given)) == expected
    assert answered(infer(ask, "waves", {**given, "data": PADDED.ravel().tolist()})) == expected
    assert answered(infer_bytes(ask, "waves", given)) == expected
    assert answered(infer_bytes(ask, "waves", tensor(PADDED, "FP64"))) == expected
    one = tensor(PADDED[..., 0], "FP32")
    assert answered(infer(ask, "beats", one)) == predicted(ask, "beats", PADDED[..., 0].tolist())


@pytest.mark.parametrize("datatype", ["INT32", "INT64", "UINT8"])
def test_what_comes_after_a_sequences_length_is_not_looked_at(ask: Ask, datatype: str) -> None:
    expected = predicted(ask, "waves", SEQUENCES)
    lengths = tensor(LENGTHS, datatype, name="lengths")
    padded = PADDED.copy()
    for row, length in enumerate(LENGTHS):
        padded[row, length:] = np.nan
    nulls = [
        [[None] * 2 if step >= length else values for step, values in enumerate(each)]
        for each, length in zip(PADDED.tolist(), LENGTHS, strict=True)
    ]
    as_column = {**lengths, "shape": [len(LENGTHS), 1]}
    for inputs in ([tensor(PADDED, "FP32"), lengths], [as_column, tensor(PADDED, "FP32", name="x")]):
        assert answered(infer(ask, "waves", *inputs)) == expected
        assert answered(infer_bytes(ask, "waves", *inputs)) == expected
    assert answered(infer(ask, "waves", tensor(nulls, "FP32", PADDED.shape), lengths)) == expected
    assert answered(infer_bytes(ask, "waves", tensor(padded, "FP32"), lengths)) == expected
    assert answered(infer_bytes(ask, "waves", tensor(padded, "FP64"), lengths)) == expected


@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("rows", [*([row] for row in range(len(LENGTHS))), [3, 0], [3, 3], [0, 1, 2, 3, 4]])
def test_padded_sequences_of_any_batch_are_the_sequences_themselves(
    ask: Ask, rows: list[int], padding: int
) -> None:
    """One, two or all; padded by nothing, by a step, by more: each as JSON nested and flat, and as bytes."""
    for model, width in (("waves", 2), ("beats", 1)):
        sequences = [[step[:width] for step in SEQUENCES[row]] for row in rows]
        expected = predicted(ask, model, sequences)
        lengths = tensor([LENGTHS[row] for row in rows], "INT64", name="lengths")
        steps = max(LENGTHS[row] for row in rows) + padding
        nested = [each + [[None] * width] * (steps - len(each)) for each in sequences]
        shape = [len(rows), steps, width]
        flat = [number for each in nested for step in each for number in step]
        for shaped in (shape, [len(rows), steps]) if width == 1 else (shape,):
            assert answered(infer(ask, model, tensor(flat, "FP32", shaped), lengths)) == expected
            for datatype in ("FP32", "FP64", "FP16"):
                numbers = tensor([np.nan if each is None else each for each in flat], datatype, shaped)
                assert answered(infer_bytes(ask, model, numbers, lengths)) == expected
        assert answered(infer(ask, model, tensor(nested, "FP64", shape), lengths)) == expected


def test_a_number_of_one_padded_sequence_is_told_with_its_place(ask: Ask) -> None:
    length = tensor([2], "INT64", name="lengths")
    flat = [1.0, 1.0, 1.0, np.inf, np.nan, np.nan]
    for given in (tensor(flat, "FP32", [1, 3, 2]), tensor(flat, "FP64", [1, 3, 2])):
        told = refused(infer_bytes(ask, "waves", given, length))
        assert told == ["$.inputs[0].data[0][1][1]: expected a finite number of double precision, got inf"]
    words = tensor([[[1, 1], [1, "x"], [None, None]]], "FP32", [1, 3, 2])
    assert refused(infer(ask, "waves", words, length)) == [
        "$.inputs[0].data[0][1][1]: not a number of the tensor's datatype: 'x'"
    ]


@pytest.mark.parametrize("shape", [[len(TEXTS)], [len(TEXTS), 1]])
def test_texts_are_bytes(ask: Ask, shape: list[int]) -> None:
    expected = predicted(ask, "reviews", TEXTS)
    given = tensor(TEXTS, "BYTES", shape)
    assert answered(infer(ask, "reviews", given)) == expected
    assert answered(infer_bytes(ask, "reviews", given)) == expected
    nested = {**given, "data": [[text] for text in TEXTS], "shape": [len(TEXTS), 1]}
    assert answered(infer(ask, "reviews", nested)) == expected
    named = {**given, "name": "review"}
    more = tensor([1] * len(TEXTS), "INT64", name="stars")
    assert answered(infer(ask, "reviews", more, named, unknown_columns="ignore")) == expected
    assert refused(infer(ask, "reviews", more, named)) == [
        (
            "$.inputs[0].name: model 'reviews' version 1 expects one tensor, 'input-0'; it has no 'stars': "
            'leave it out, or send "parameters": {"unknown_columns": "ignore"}'
        )
    ]


def test_metadata_says_what_is_taken(ask: Ask) -> None:
    numbers = ",".join(TENSOR_DATATYPES)
    inputs = {
        "colours": [
            {
                "name": "input-0",
                "datatype": "FP32",
                "shape": [-1, 4, 5, 3],
                "parameters": {"content_type": "np", "datatypes": numbers, "files": "PNG, as BYTES [-1]"},
            }
        ],
        "waves": [
            {
                "name": "input-0",
                "datatype": "FP32",
                "shape": [-1, -1, 2],
                "parameters": {"content_type": "np", "datatypes": numbers},
            },
            {
                "name": "lengths",
                "datatype": "INT64",
                "shape": [-1],
                "parameters": {
                    "content_type": "np",
                    "datatypes": "INT64,INT32,INT16,INT8,UINT64,UINT32,UINT16,UINT8",
                    "optional": True,
                },
            },
        ],
        "reviews": [
            {"name": "input-0", "datatype": "BYTES", "shape": [-1, 1], "parameters": {"content_type": "str"}}
        ],
    }
    for model, expected in inputs.items():
        metadata = json.loads(ask("GET", f"/v2/models/{model}").body)
        jsonschema.validate(metadata, ANSWERS["Metadata"])
        assert metadata["inputs"] == expected
        assert metadata["parameters"]["input"]["kind"] in ("image", "sequence", "text")
        outputs = {output["name"]: output["shape"] for output in metadata["outputs"]}
        assert outputs == {"predict": [-1], "predict_proba": [-1, len(metadata["parameters"]["classes"])]}


NESTED = SHAPED.tolist()
NESTED[2][3][4] = ["x"]
SHORT = SHAPED.tolist()
SHORT[1][2] = SHORT[1][2][:5]
HUGE = np.zeros((1, 8, 8))
HUGE[0, 1, 2] = 1e39
GAP = PADDED.copy()
GAP[3, 1, 1] = np.inf


@pytest.mark.parametrize(
    ("model", "inputs", "told"),
    [
        ("digits", [tensor(SHAPED[..., 0], "BOOL")], "$.inputs[0].datatype: expected one of FP64, FP32"),
        (
            "digits",
            [tensor(SHAPED.reshape(5, 64), "FP32")],
            "$.inputs[0].shape: model 'digits' version 1 expe",
        ),
        ("digits", [tensor([], "FP32", [0, 8, 8, 1])], "$.inputs[0].shape: expected at least one instance"),
        (
            "digits",
            [tensor(NESTED, "FP32", SHAPED.shape)],
            "$.inputs[0].data[2][3][4][0]: not a number of th",
        ),
        (
            "digits",
            [tensor(SHORT, "FP32", SHAPED.shape)],
            "$.inputs[0].data[1][2]: expected a list of 8, got 5",
        ),
        ("digits", [tensor([1, 2], "FP32", [1, 8, 8, 1])], "$.inputs[0].data: expected 64 values, got 2"),
        (
            "digits",
            [tensor(SHAPED / 3, "INT32")],
            "$.inputs[0].data[0][0][0][0]: not a number of the tensor's",
        ),
        ("digits", [tensor(SHAPED + 200, "UINT8")], "$.inputs[0].data[0][2][7][0]: not a number of the tens"),
        (
            "digits",
            [tensor(HUGE, "FP64")],
            "$.inputs[0].data[0][1][2]: expected a number of single precision",
        ),
        ("digits", [tensor(["?"], "BYTES")], "$.inputs[0].data[0]: expected a PNG file in base64, got '?'"),
        ("digits", [tensor([b64(b"GIF89a")], "BYTES")], "$.inputs[0].data[0]: expected a PNG file; say the"),
        ("digits", [tensor([b64(FILES[0][:50])], "BYTES")], "$.inputs[0].data[0]: the PNG "),
        (
            "digits",
            [tensor(SHAPED, "FP32"), tensor(SHAPED, "FP32")],
            "$.inputs[1].name: model 'digits' version 1 expects one tensor, 'input-0'; 'inp",
        ),
        (
            "digits",
            [tensor(SHAPED, "FP32", name="a"), tensor(SHAPED, "FP32", name="b")],
            "$.inputs: model 'digits' version 1 expects one tensor, 'input-0'; got none of that name",
        ),
        (
            "digits",
            [tensor(SHAPED, "FP32"), tensor(SHAPED, "FP32", name="image")],
            "$.inputs[1].name: model 'digits' version 1 expects one tensor, 'input-0'; 'ima",
        ),
        (
            "waves",
            [tensor(PADDED[..., :1], "FP32")],
            "$.inputs[0].shape: model 'waves' version 1 expects sequ",
        ),
        (
            "waves",
            [tensor(np.moveaxis(PADDED, 2, 1), "FP32")],
            "$.inputs[0].shape: model 'waves' version 1 expects sequences [-1, -1, 2] with at least one st",
        ),
        (
            "waves",
            [tensor([], "FP32", [2, 0, 2])],
            "$.inputs[0].shape: model 'waves' version 1 expects sequenc",
        ),
        (
            "waves",
            [tensor(PADDED, "FP32"), tensor([1, 2, 3, 0, 9], "INT64", name="lengths")],
            "$.inputs[1].data[3]: expected a length from 1 to 4, the steps of 'input-0'; got 0",
        ),
        (
            "waves",
            [tensor(PADDED, "FP32"), tensor([1, 2], "INT64", name="lengths")],
            "$.inputs[1].shape: expected [5], a length for each sequence of 'input-0', got [2]",
        ),
        (
            "waves",
            [tensor(PADDED, "FP32"), tensor([1.0] * 5, "FP32", name="lengths")],
            "$.inputs[1].datatype: expected whole numbers, such as INT64, got 'FP32'",
        ),
        (
            "waves",
            [tensor(LENGTHS, "INT64", name="lengths")],
            "$.inputs: model 'waves' version 1 expects one t",
        ),
        (
            "reviews",
            [tensor(["a", 7], "BYTES")],
            "$.inputs[0].data[1]: model 'reviews' version 1 expects a tex",
        ),
        (
            "reviews",
            [tensor([1], "INT64")],
            "$.inputs[0].datatype: model 'reviews' version 1 takes BYTES, got",
        ),
        (
            "reviews",
            [tensor(["a"], "BYTES", [1, 2])],
            "$.inputs[0].shape: model 'reviews' version 1 expects te",
        ),
        ("reviews", [tensor(["a"], "BYTES", [2])], "$.inputs[0].data: expected 2 values, got 1"),
    ],
)
def test_a_fault_is_told_with_its_place(ask: Ask, model: str, inputs: list[Any], told: str) -> None:
    assert refused(infer(ask, model, *inputs))[0].startswith(told)


def test_a_fault_among_bytes_is_told_by_the_tensors_axes(ask: Ask) -> None:
    lengths = tensor(LENGTHS, "INT64", name="lengths")
    told = refused(infer_bytes(ask, "waves", tensor(GAP, "FP32"), lengths))
    assert told == ["$.inputs[0].data[3][1][1]: expected a finite number of double precision, got inf"]
    cut = tensor(SHAPED[..., 0], "FP32", [6, 8, 8])
    assert refused(infer_bytes(ask, "digits", cut)) == [
        "$.inputs[0]: 384 values of FP32 need 1536 bytes, got 1280"
    ]
    broken = [FILES[0], FILES[1][:40]]
    assert refused(infer_bytes(ask, "digits", tensor(broken, "BYTES", [2])))[0].startswith(
        "$.inputs[0].data[1]: "
    )
    assert refused(infer_bytes(ask, "reviews", tensor([b"\xff"], "BYTES", [1]))) == [
        "$.inputs[0]: the text at byte 0 is not UTF-8"
    ]


def test_more_instances_and_steps_than_are_taken_are_refused(root: Path) -> None:
    few = asking(services_over(root, ML_MAX_ROWS="3"))
    for model, given in (("digits", tensor(SHAPED, "UINT8")), ("reviews", tensor(TEXTS, "BYTES", [5]))):
        told = refused(infer(few, model, given), 413)
        assert told == ["$.inputs[0].shape has 5 instances; at most 3 are taken"]
    long = tensor([], "FP32", [3, 500_000, 2])
    assert refused(infer(few, "waves", long), 413)[0].startswith("$.inputs[0] has 1,500,000 steps and more")


def test_notes_tell_of_tensors(ask: Ask) -> None:
    given = json.loads(infer(ask, "beats", tensor(PADDED[..., 0], "FP32"), notes=True).body)
    assert given["parameters"]["notes"][0] == {
        "path": "$.inputs[0].data[0]", "message": "of 4 steps the last 3 count"
    }  # fmt: skip
    given = json.loads(infer(ask, "reviews", tensor(["good", "schlecht"], "BYTES"), notes=True).body)
    assert [note["path"] for note in given["parameters"]["notes"]] == ["$.inputs[0].data[1]"]
