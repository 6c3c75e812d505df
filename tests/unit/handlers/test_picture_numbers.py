"""Bytes for a model that was trained on other numbers, and the reverse: refused, or told, in every form."""

import json
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from handlers.rest.answers import ANSWERS
from ml_core import predict, train_model
from ml_core.errors import ArtifactInvalid, InvalidInput
from ml_core.inputs.columns import NUMBER, Feature
from ml_core.inputs.rows import Limits
from ml_core.model.model import Model
from ml_core.preprocessing.picture_input import PictureInput, training_pictures
from ml_core.preprocessing.pixel_columns import PixelColumns
from ml_core.preprocessing.pixel_numbers import PixelNumbers
from ml_core.training.request import check_request
from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import b64, network, png, register
from tests.unit.handlers.test_network_tensors import (
    answered,
    infer,
    infer_bytes,
    predicted,
    refused,
    tensor,
)
from tests.unit.ml_core.networks_at_random import cnn

BYTES = np.random.default_rng(5).integers(0, 256, (24, 6, 6), np.uint8)
BYTES[0, 0, :2] = (0, 255)
FLOATS = (BYTES / 255).astype(np.float32)
WIDE = BYTES.astype(np.uint16) * 257
TAUGHT = {"bytes": BYTES, "whole": BYTES.astype(np.float64), "floats": FLOATS, "wide": WIDE}
ON_BYTES, ON_OTHERS = ["bytes", "whole", "unknown"], ["floats", "wide"]
RANGES = {"floats": "from 0 to 1", "wide": "from 0 to 65535", "bytes": "from 0 to 255"}
ASKED = BYTES[:3]
FILES = [png(picture) for picture in ASKED]
LIMITS = Limits()


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    bright = (BYTES.mean(axis=(1, 2)) > BYTES.mean()).tolist()
    options: dict[str, Any] = {"channels": [2], "dense": [4], "epochs": 2, "validation_fraction": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = {name: train_model(taught, bright, "cnn", **options) for name, taught in TAUGHT.items()}
        made["unknown"] = train_model(BYTES, bright, "cnn", **options)
    assert isinstance(made["unknown"].reader, PictureInput)
    made["unknown"].reader.numbers = None  # as an earlier release made them
    return made


@pytest.fixture(scope="module")
def ask(models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory) -> Ask:
    services = services_over(tmp_path_factory.mktemp("numbers"))
    for name, model in models.items():
        register(services, name, model)
    return asking(services)


def predicting(ask: Ask, model: str, **body: Any) -> Any:
    return ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode())


def notes_of(ask: Ask, model: str, **body: Any) -> list[str]:
    answer = predicting(ask, model, notes=True, **body)
    assert answer.status == 200, answer.body
    return [f"{note['path']}: {note['message']}" for note in json.loads(answer.body)["notes"]]


def notes_on(ask: Ask, model: str, given: Any) -> list[list[str]]:
    """The notes on a tensor in JSON, and as bytes."""
    return [
        [
            f"{note['path']}: {note['message']}"
            for note in json.loads(send(ask, model, given, notes=True).body)["parameters"]["notes"]
        ]
        for send in (infer, infer_bytes)
    ]


FILE_FORMS: list[tuple[dict[str, Any], str]] = [
    ({"instances": [{"b64": b64(file)} for file in FILES]}, "$.instances[0].b64"),
    ({"instances": [{"image": {"b64": b64(file)}} for file in FILES]}, "$.instances[0].image.b64"),
    ({"inputs": {"image": [{"b64": b64(file)} for file in FILES]}}, "$.inputs.image[0].b64"),
    ({"dataframe_split": {"columns": ["image"], "data": [[{"b64": b64(file)}] for file in FILES]}}, ""),
]


@pytest.mark.parametrize("model", ON_BYTES)
def test_a_model_of_bytes_takes_files_in_every_form(ask: Ask, model: str) -> None:
    expected = predicted(ask, model, ASKED.tolist())
    assert predicted(ask, model, FILE_FORMS[0][0]["instances"]) == expected
    assert answered(infer(ask, model, tensor([b64(file) for file in FILES], "BYTES"))) == expected
    assert answered(infer_bytes(ask, model, tensor(FILES, "BYTES", [3]))) == expected
    for body, _ in FILE_FORMS:
        assert notes_of(ask, model, **body) == []


@pytest.mark.parametrize("model", ON_OTHERS)
def test_a_model_of_other_numbers_refuses_files_in_every_form(ask: Ask, model: str) -> None:
    told = (
        f"model '{model}' version 1 takes no PNG files: it was trained on numbers {RANGES[model]}, and a "
        "file holds bytes from 0 to 255; send the numbers as training had them, in lists or as float32"
    )
    for body, where in FILE_FORMS:
        first = refused(predicting(ask, model, **body), 422)[0]
        assert first.endswith(told)
        assert first.startswith(where)
    for answer in (
        infer(ask, model, tensor([b64(file) for file in FILES], "BYTES")),
        infer_bytes(ask, model, tensor(FILES, "BYTES", [3])),
    ):
        assert refused(answer) == [f"$.inputs[0].datatype: {told}"]


@pytest.mark.parametrize("model", ["floats", "wide"])
def test_its_own_numbers_are_answered_alike_in_every_form(ask: Ask, model: str) -> None:
    asked = TAUGHT[model][:3].astype(np.float32)
    expected = predicted(ask, model, asked.tolist())
    raw = [{"b64": b64(each.tobytes()), "dtype": "float32"} for each in asked]
    assert predicted(ask, model, raw) == expected
    assert notes_of(ask, model, instances=raw) == []
    given = tensor(asked, "FP32")
    assert answered(infer(ask, model, given)) == expected == answered(infer_bytes(ask, model, given))
    assert notes_on(ask, model, given) == [[], []]


def test_bytes_as_numbers_are_told_where_training_has_not_seen_them(ask: Ask) -> None:
    expected = predicted(ask, "floats", ASKED.tolist())
    raw = [{"b64": b64(each.tobytes()), "dtype": "uint8"} for each in ASKED]
    assert predicted(ask, "floats", raw) == expected
    message = "it has numbers from {} to {}; training has seen numbers from 0 to 1"
    told = [message.format(each.min(), each.max()) for each in ASKED]
    for sent in (raw, ASKED.tolist(), [{"image": each} for each in raw]):
        notes = notes_of(ask, "floats", instances=sent)
        assert notes == [f"$.instances[{row}]: {each}" for row, each in enumerate(told)]
    assert notes_of(ask, "floats", inputs={"image": raw})[0] == f"$.inputs.image[0]: {told[0]}"
    of_tensor = [f"$.inputs[0].data[{row}]: {each}" for row, each in enumerate(told)]
    for datatype in ("UINT8", "FP32", "INT64"):
        assert notes_on(ask, "floats", tensor(ASKED, datatype)) == [of_tensor] * 2
    for model in ON_BYTES:
        assert notes_of(ask, model, instances=raw) == []
        assert notes_on(ask, model, tensor(ASKED, "UINT8")) == [[], []]


def test_numbers_from_0_to_1_are_told_where_training_has_seen_bytes(ask: Ask) -> None:
    asked = FLOATS[:1]
    told = "it has numbers from 0 to 1; training has seen numbers from 0 to 255"
    raw = [{"b64": b64(asked.tobytes()), "dtype": "float32"}]
    for model in ("bytes", "whole"):
        for sent in (raw, asked.tolist()):
            assert notes_of(ask, model, instances=sent) == [f"$.instances[0]: {told}"]
        assert notes_on(ask, model, tensor(asked, "FP32")) == [[f"$.inputs[0].data[0]: {told}"]] * 2
        dark = np.eye(6, dtype=np.uint8)[None]  # 0 and 1 as bytes are a dark picture
        assert notes_of(ask, model, instances=dark.tolist()) == []
    assert notes_of(ask, "unknown", instances=raw) == []


def test_whole_floats_are_answered_as_bytes(ask: Ask) -> None:
    expected = predicted(ask, "bytes", ASKED.tolist())
    given = tensor(ASKED.astype(np.float32), "FP32")
    assert answered(infer(ask, "bytes", given)) == expected == answered(infer_bytes(ask, "bytes", given))
    assert notes_on(ask, "bytes", given) == [[], []]


@pytest.mark.parametrize(
    ("array", "are_bytes", "least", "most"),
    [
        (BYTES, True, 0, 255),
        (np.full((2, 2, 2), 7, np.uint8), True, 7, 7),
        (np.eye(2, dtype=np.uint8)[None], True, 0, 1),
        (BYTES.astype(np.float32), True, 0, 255),
        (np.eye(2, dtype=np.float32)[None], False, 0, 1),
        (FLOATS, False, 0, 1),
        (BYTES.astype(np.float32) + 1, False, 1, 256),
        (BYTES.astype(np.float32) - 1, False, -1, 254),
        (np.array([[[0.0, 254.5]]], np.float32), False, 0, 254.5),
    ],
)
def test_what_are_bytes(array: Any, are_bytes: bool, least: float, most: float) -> None:
    found = PixelNumbers.of(array[..., None])
    assert found == PixelNumbers(are_bytes, least, most)
    assert PixelNumbers.restored(json.loads(json.dumps(found.description()))) == found


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"bytes": 1, "range": [0, 1]},
        {"bytes": True, "range": [1, 0]},
        {"bytes": True, "range": ["0", "1"]},
        {"bytes": True, "range": [0]},
        {"bytes": True, "range": None},
    ],
)
def test_a_damaged_description_is_told(described: Any) -> None:
    with pytest.raises((ArtifactInvalid, LookupError, TypeError, ValueError)):
        PixelNumbers.restored(described)


def test_an_artifact_keeps_it_and_an_old_one_has_none(models: dict[str, Model]) -> None:
    for name, model in models.items():
        restored = Model.from_bytes(model.to_bytes())
        assert isinstance(restored.reader, PictureInput)
        assert restored.description == model.description
        assert restored.reader.takes_files == (name in ON_BYTES)
        assert ("numbers" in restored.reader.description()) == (name != "unknown")
    kept = Path("tests/unit/ml_core/artifacts/2-cnn.json")
    old = Model.from_bytes(bytes.fromhex(json.loads(kept.read_text())["artifact"]))
    assert isinstance(old.reader, PictureInput)
    assert old.reader.takes_files


def test_rows_of_pixels_are_told_too(tmp_path: Path) -> None:
    names = ["p0", "p1", "p2", "p3"]
    columns = PixelColumns([Feature(name, NUMBER) for name in names], (2, 2, 1))
    reader = PictureInput((2, 2, 1), pixels=columns, numbers=PixelNumbers(False, 0.0, 1.0))
    services = services_over(tmp_path)
    state = cnn(np.random.default_rng(5), shape=(2, 2, 1), channels=(2,), classes=2)
    register(services, "rows", network(state, reader, ("a", "b")))
    ask = asking(services)
    told = "it has numbers from 0 to 9; training has seen numbers from 0 to 1"
    rows: list[list[float]] = [[0, 0.5, 1, 1], [0, 0, 9, 1]]
    by_column = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    assert notes_of(ask, "rows", inputs=by_column) == [f"$.inputs.p0[1]: {told}"]
    assert notes_of(ask, "rows", instances=[dict(zip(names, row, strict=True)) for row in rows]) == [
        f"$.instances[1]: {told}"
    ]
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    answer = ask(
        "POST", "/v1/models/rows:predict?notes=true", "\n".join(lines).encode(), content_type="text/csv"
    )
    assert [note["message"] for note in json.loads(answer.body)["notes"]] == [told]


@pytest.mark.parametrize("numbers", [PixelNumbers(False, -1.5, 0.25), PixelNumbers(True, 0, 255)])
def test_a_version_tells_any_range(numbers: PixelNumbers) -> None:
    schema = ANSWERS["Version"]["properties"]["input"]
    jsonschema.validate(PictureInput((2, 2, 1), numbers=numbers).summary(), schema)


def test_a_version_its_schema_and_its_metadata_say_what_is_taken(ask: Ask) -> None:
    for model in ("bytes", "floats", "unknown"):
        files = model != "floats"
        told = json.loads(ask("GET", f"/v1/models/{model}/versions/1").body)["input"].get("numbers")
        expected = {"bytes": files, "range": [0, 255] if files else [0, 1]}
        assert told == (None if model == "unknown" else expected)
        schema = json.loads(ask("GET", f"/v1/models/{model}/schema").body)
        assert jsonschema.Draft202012Validator(schema).is_valid({"b64": b64(FILES[0])}) == files
        assert jsonschema.Draft202012Validator(schema).is_valid({"b64": "AAAA", "dtype": "uint8"})
        (given,) = json.loads(ask("GET", f"/v2/models/{model}").body)["inputs"]
        assert ("files" in given["parameters"]) == files


def test_files_among_other_numbers_are_refused_in_training() -> None:
    file = {"b64": b64(FILES[0])}
    raw = {"b64": b64(ASKED[0].tobytes()), "dtype": "uint8"}
    for sent, place in (
        ([FLOATS[0].tolist(), file], 1),
        ([file, FLOATS[0].tolist()], 0),
        ([raw, {"image": file}, FLOATS[0].tolist()], 1),
    ):
        with pytest.raises(InvalidInput, match=f"instances.{place}.: a PNG file holds bytes") as told:
            training_pictures(sent, (6, 6, 1), LIMITS)
        assert len(told.value.faults) == 1
    for other in (BYTES[1].tolist(), BYTES[1].astype(float).tolist(), raw):
        assert len(training_pictures([file, other], None, LIMITS)) == 2


@pytest.mark.parametrize(
    ("instances", "are_bytes"),
    [
        (BYTES.tolist(), True),
        (BYTES.astype(float).tolist(), True),
        (FLOATS.tolist(), False),
        (WIDE.tolist(), False),
        ([{"b64": b64(png(each))} for each in BYTES], True),
        ([*BYTES[:-1].tolist(), {"b64": b64(png(BYTES[-1]))}], True),
    ],
)
def test_inline_training_keeps_what_it_saw(instances: list[Any], are_bytes: bool) -> None:
    options = {"channels": [1], "dense": [], "epochs": 1, "validation_fraction": 0}
    body = {
        "algorithm": "cnn", "test_fraction": 0, "hyperparameters": options,
        "instances": instances, "targets": ["a", "b"] * 12,
    }  # fmt: skip
    samples = check_request(body, LIMITS).data.samples()  # type: ignore[union-attr]
    from ml_core.preprocessing.network_fitting import fitted_input

    reader = fitted_input(("image",), {}, samples)
    assert isinstance(reader, PictureInput)
    assert reader.takes_files == are_bytes


def test_arrays_of_bytes_are_told_in_python(models: dict[str, Model]) -> None:
    with pytest.warns(
        UserWarning, match="X has whole numbers from 0 to 255; the model was trained on numbers"
    ):
        predict(models["floats"], ASKED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predict(models["floats"], FLOATS[:3])
        predict(models["bytes"], ASKED)
        predict(models["unknown"], ASKED)
    with pytest.raises(InvalidInput, match="takes no PNG files"):
        predict(models["floats"], [{"b64": b64(FILES[0])}])
