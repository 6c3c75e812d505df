"""A network that was trained on a table of pixels is asked with its rows, as they stand in the file."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from handlers.jobs import train_now
from handlers.local.services import folder_services
from handlers.rest.answers import ANSWERS
from handlers.rest.forms import rows_of
from handlers.rest.http import CSV, Response
from handlers.services import Services
from handlers.settings import read_settings
from ml_core import predict
from ml_core.algorithms.tasks.values import values_of
from ml_core.errors import ArtifactInvalid
from ml_core.inputs.columns import BOOLEAN, NUMBER, Feature
from ml_core.inputs.instances import IGNORED
from ml_core.inputs.rules import TYPED
from ml_core.model.model import Model
from ml_core.preprocessing.picture_input import PictureInput
from ml_core.preprocessing.pixel_columns import PixelColumns
from ml_core.training.request import TrainingRequest
from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import b64, network, png, register
from tests.unit.ml_core.files_of_instances import LIMITS, instances, parquet, read
from tests.unit.ml_core.networks_at_random import cnn

QUICK = {"epochs": 1, "channels": [2], "dense": [], "validation_fraction": 0}
DATA = {"target": "label", "image": [8, 8, 1], "exclude": ["id"]}
OUTPUTS = ["label", "probability"]
# So many that a request is computed as training measures: in numpy.
ROWS = 200
WORDS = ["a 1", "b,2", "ü"]  # of columns of the picture of 1 × 3
NUMBERS = [[1, 2.5, 0], [0.1, 0.25, 1]]


def digits() -> pd.DataFrame:
    """Pixels with a fraction, of which some columns are the same in every row; an id and the label."""
    found = load_digits()
    names = [f"pixel{place}" for place in range(64)]
    table = pd.DataFrame(found.data[:ROWS].astype(int), columns=names).astype({"pixel20": float})
    table["pixel20"] += np.arange(ROWS) / 7
    table.insert(3, "label", found.target[:ROWS])
    table.insert(0, "id", [f"d{row}" for row in range(ROWS)])
    return table


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows


def predictions(response: Response, form: str = "predictions") -> Any:
    assert response.status == 200, response.body
    found = json.loads(response.body)[form]
    if isinstance(found, dict):  # as TensorFlow Serving answers columns
        return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]
    return found


def faults(response: Response) -> list[tuple[str, str]]:
    assert response.status == 422, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Problem"])
    return [(fault["path"], fault["message"]) for fault in value["faults"]]


def trained(root: Path, content: bytes) -> tuple[Services, TrainingRequest]:
    """A server whose model `digits` was trained on a file, and the request with what is in it."""
    (root / "data").mkdir()
    (root / "data" / "digits").write_bytes(content)
    services = folder_services(read_settings({"ML_ROOT": str(root)}), key_records=None)
    body = {"algorithm": "cnn", "hyperparameters": QUICK, "data": {"uri": "file:digits", **DATA}}
    job = train_now(services, {"model": "digits", **body, "test_fraction": 0})
    assert job.state == "succeeded", job.error
    (root / "again").mkdir()
    return services, read(root / "again", content, "cnn", DATA, hyperparameters=QUICK)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_row_of_the_file_is_answered_as_training_measured_it(tmp_path: Path, form: str) -> None:
    table = digits()
    text = table.to_csv(index=False)
    columns = {str(name): table[name].tolist() for name in table}
    services, request = trained(tmp_path, text.encode() if form == "csv" else parquet(columns))
    ask = asking(services)
    model = services.models.resolve("digits", None).model
    measured = values_of(model, instances(request).samples(), ["probability"])["probability"].tolist()
    path, more = "/v1/models/digits:predict", {"unknown_columns": "ignore", "outputs": OUTPUTS}
    query = "?unknown_columns=ignore&outputs=label,probability"
    found = predictions(ask("POST", path + query, text.encode(), content_type="text/csv"))
    assert [each["probability"] for each in found] == measured
    accuracy = np.mean([each["label"] for each in found] == table["label"])
    manifest = services.versions.get("digits", 1)
    assert manifest["metrics"]["training"]["accuracy"] == pytest.approx(accuracy, abs=1e-12)
    rows = records(table)
    split = {"columns": list(rows[0])[::-1], "data": [list(row.values())[::-1] for row in rows]}
    sent: dict[str, Any] = {"instances": rows, "dataframe_records": rows, "dataframe_split": split}
    for member, said in sent.items():
        assert predictions(ask("POST", path, json.dumps({member: said, **more}).encode())) == found
    pixels = table.drop(columns=["id", "label"])
    by_column = {"inputs": {name: pixels[name].tolist() for name in pixels}, "outputs": OUTPUTS}
    assert predictions(ask("POST", path, json.dumps(by_column).encode()), "outputs") == found
    assert predict(model, table, "probability") == measured
    assert predict(model, records(pixels), "probability") == measured
    assert manifest["input"]["pixels"] == {"columns": 64, "first": [f"pixel{place}" for place in range(5)]}
    jsonschema.validate(manifest["input"], ANSWERS["Version"]["properties"]["input"])
    schema = json.loads(ask("GET", "/v1/models/digits/schema").body)
    jsonschema.validate(records(pixels)[0], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(rows[0], schema)
    assert len(json.dumps(schema)) < 4_000


def of_words(**rules: Any) -> PictureInput:
    """Pictures of three pixels, whose columns have names that JSON and CSV write with quotes."""
    rule = TYPED._replace(text=True, missing=("NA",))
    written = {"number": (NUMBER, rule), "true": (BOOLEAN, rule._replace(true=("on",), false=("off",)))}
    features = [
        Feature(name, *_kind(written[rules.get(f"p{place}", "number")])) for place, name in enumerate(WORDS)
    ]
    return PictureInput((1, 3, 1), pixels=PixelColumns(features, (1, 3, 1)))


def _kind(of: tuple[str, Any]) -> tuple[str, tuple[str, ...], Any]:
    return of[0], (), of[1]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Asks for pictures of three pixels, `words`; in `truth` the last one is a truth value."""
    services = services_over(tmp_path_factory.mktemp("pixels"))
    small = partial(cnn, shape=(1, 3, 1), channels=(), dense=(3,), classes=2)
    for name, reader in {"words": of_words(), "truth": of_words(p2="true")}.items():
        register(services, name, network(small(np.random.default_rng(5)), reader, ("a", "b")))
    return asking(services)


def posted(ask: Ask, body: Any, model: str = "words", query: str = "") -> Response:
    text = isinstance(body, str)
    sent = body.encode() if text else json.dumps(body).encode()
    kind = "text/csv" if text else "application/json"
    return ask("POST", f"/v1/models/{model}:predict{query}", sent, content_type=kind)


def test_every_form_gives_the_same_picture(ask: Ask) -> None:
    expected = predictions(posted(ask, {"instances": NUMBERS, "outputs": ["probability"]}))
    rows = [dict(zip(WORDS, row, strict=True)) for row in NUMBERS]
    nested = [[[[number] for number in row]] for row in NUMBERS]
    raw = {"b64": b64(np.array(NUMBERS[1], "<f4").tobytes()), "dtype": "float32"}
    forms: list[dict[str, Any]] = [
        {"instances": rows},
        {"instances": [rows[0], NUMBERS[1]]},
        {"instances": [nested[0], raw]},
        {"instances": [{"image": nested[0]}, rows[1]]},
        {"instances": [{**rows[0], "image": "7.png", "b64": 1}, rows[1]], "unknown_columns": "ignore"},
        {"instances": [{**rows[0], "a 1": "+001"}, rows[1]]},
        {"dataframe_records": [{"image": NUMBERS[0]}, rows[1]]},
        {"dataframe_split": {"columns": WORDS, "data": NUMBERS}},
        {"dataframe_split": {"data": NUMBERS}},
        {"dataframe_split": {"data": [[each] for each in nested]}},
        {"dataframe_split": {"columns": ["image"], "data": [[nested[0]], [raw]]}},
        {"dataframe_split": {"columns": ["id", *WORDS], "data": [[1, *row] for row in NUMBERS]},
         "unknown_columns": "ignore"},
        {"inputs": {name: [row[name] for row in rows] for name in WORDS[::-1]}},
        {"inputs": {"image": nested}},
        {"inputs": rows},
    ]  # fmt: skip
    for form in forms:
        answer = posted(ask, {**form, "outputs": ["probability"]})
        assert predictions(answer, "outputs" if "inputs" in form else "predictions") == expected, form
    for text in (
        'a 1,"b,2",ü\n1,2.5,0\n0.1,0.25,1\n',
        '"b,2";x;ü;a 1\n 2.5;u;0;1\n0.25;NA;1;1e-1\n',
        "1,2.5,0\n.1,.25,1\n",
    ):
        answer = posted(ask, text, query="?outputs=probability&unknown_columns=ignore")
        assert predictions(answer) == expected, text


# What the first column's cells are in the file, and what it says of them.
WRITTEN: dict[str, tuple[list[str], dict[str, Any]]] = {
    "leading zeros": (["012", "007"], {}),
    "a decimal comma": (["1,5", "7,25"], {}),
    "a decimal comma that is said": (["1,500", "2,250"], {"decimal": ","}),
    "thousands": (["1,234", "2,500,000"], {}),
    "percent": (["5 %", "7%"], {}),
    "accountants' signs": (["(3)", "1-"], {}),
    "truth values": (["true", "False"], {}),
    "space around": ([" 3 ", " 1"], {}),
    "exponents": (["3e2", "1e-3"], {}),
    "fractions that float32 does not hold": (["0.1", "16777217"], {}),
    "subnormal": (["1e-40", "3.4028234e38"], {}),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_cell_is_the_same_number_in_training_and_in_prediction(tmp_path: Path, how: str) -> None:
    cells, said = WRITTEN[how]
    names = ["p q", "q", "", "r"]
    lines = [
        [cell, str(place), str(place + 5), "9", label]
        for place, (cell, label) in enumerate(zip(cells, "ab", strict=True))
    ]
    text = "".join("\t".join(line) + "\n" for line in [[*names, "y"], *lines])
    small = {**QUICK, "kernel_size": 1}
    shape = {"target": "y", "image": [2, 2, 1]}
    request = read(tmp_path, text, "cnn", {**shape, **said}, hyperparameters=small)
    kept: Any = instances(request)
    restored = PixelColumns.restored(json.loads(json.dumps(kept.pixels.description())), (2, 2, 1))
    assert restored.features == kept.pixels.features
    state = cnn(np.random.default_rng(5), shape=(2, 2, 1), channels=(2,), classes=2)
    model = network(state, PictureInput((2, 2, 1), pixels=restored), ("a", "b"))
    named: dict[str, Any] = {"limits": LIMITS, "expecting": "the model", "unknown": IGNORED}
    trained_on = kept.samples().array.astype("<f4").tobytes()
    asked: Any = rows_of(CSV, (text, None), model, **named)
    assert asked.packed == trained_on
    asked = rows_of(
        "instances", [dict(zip(restored.names, line, strict=False)) for line in lines], model, **named
    )
    assert asked.packed == trained_on


def test_truth_values_are_pixels_as_in_training(ask: Ask) -> None:
    expected = predictions(posted(ask, {"instances": NUMBERS, "outputs": ["probability"]}, "truth"))
    rows = [dict(zip(WORDS, row, strict=True)) for row in ([1, 2.5, False], [0.1, 0.25, "ON"])]
    assert predictions(posted(ask, {"instances": rows, "outputs": ["probability"]}, "truth")) == expected
    text = 'a 1,"b,2",ü\n1,2.5,off\n0.1,0.25,on\n'
    assert predictions(posted(ask, text, "truth", "?outputs=probability")) == expected
    png_file = {"instances": [{"b64": b64(png([[1, 2, 0]]))}]}
    assert posted(ask, png_file, "truth").status == 200


def row(*numbers: Any) -> dict[str, Any]:
    return dict(zip(WORDS, numbers, strict=True))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"instances": [row(1, None, 2)]}, [('$.instances[0]["b,2"]', "got null: a picture has no gaps")]),
        ({"instances": [row(1, "NA", 2)]},
         [('$.instances[0]["b,2"]', "stands for a missing value: a picture")]),
        ({"instances": [row(1, "x", 1e39)]},
         [('$.instances[0]["b,2"]', "expected a number, got 'x'"),
          ('$.instances[0]["ü"]', "of single precision")]),
        ({"instances": [row(1, 2, 3), {**row(1, True, 3), "id": 7}]},
         [("$.instances[1].id", "has no feature 'id'")]),
        ({"instances": [NUMBERS[0], row(1, True, 3)]},
         [('$.instances[1]["b,2"]', "expected a number, got true")]),
        ({"instances": [{"a 1": 1}]},
         [("$.instances[0]", "feature 'b,2' is missing"), ("$.instances[0]", "feature 'ü' is missing")]),
        ({"inputs": {**row([1], [[2]], [None])}},
         [('$.inputs["b,2"][0]', "expected a number, got a list"), ('$.inputs["ü"][0]', "no gaps")]),
        ({"inputs": {**row([1], [2], [3]), "y": [1]}}, [("$.inputs.y", "has no feature 'y'")]),
        ({"dataframe_split": {"columns": WORDS[:2], "data": [[1, 2]]}},
         [("$.dataframe_split.columns", "feature 'ü' is missing")]),
        ({"dataframe_split": {"data": [[1, 2, 3], [1, "?", 3]]}},
         [("$.dataframe_split.data[1][1]", "expected a number, got '?'")]),
        ({"dataframe_split": {"data": [[1, 2]]}},
         [("$.dataframe_split.data[0]", "has 2 values for 3 columns")]),
        ('a 1,"b,2",ü\n1,,0\n0.1,NA,3.5e38\n',
         [("line 2, column 'b,2'", "expected a number, got ''"), ("line 3, column 'b,2'", "no gaps"),
          ("line 3, column 'ü'", "of single precision")]),
        ('a 1,"b,2",ü,id\n1,2,3,4\n', [("line 1", "has no feature 'id'")]),
        ("1,2\n", [("line 1", "expects 3 features")]),
    ],
)  # fmt: skip
def test_a_fault_has_its_place(ask: Ask, body: Any, told: list[tuple[str, str]]) -> None:
    found = faults(posted(ask, body))
    assert [path for path, _ in found] == [path for path, _ in told]
    assert all(part in message for (_, message), (_, part) in zip(found, told, strict=True)), found


def test_the_columns_stand_in_the_artifact_each_rule_once() -> None:
    reader = of_words(p2="true")
    model = network(
        cnn(np.random.default_rng(5), shape=(1, 3, 1), channels=(), dense=(3,), classes=2), reader, ("a", "b")
    )
    again = Model.from_bytes(model.to_bytes())
    assert again.pixels is not None
    assert again.pixels.features == reader.pixels.features  # type: ignore[union-attr]
    described: Any = model.description["input"]
    assert described["pixels"]["names"] == WORDS
    assert len(described["pixels"]["rules"]) == 2
    sound = described["pixels"]
    wrong: list[Any] = [
        None, {}, {"names": WORDS}, {**sound, "names": WORDS[:2]}, {**sound, "names": [*WORDS[:2], "a 1"]},
        {**sound, "names": [*WORDS[:2], 3]}, {**sound, "rules": []},
        {**sound, "rules": [{"kind": "category"}] * 2},
        {**sound, "rules": [{"kind": "number", "read": {"decimal": "x"}}] * 2},
        {**sound, "read_by": [0, 0, 2]},
        {**sound, "rules": [{"kind": "number", "missing": "NA"}] * 2}, {**sound, "read_by": [0, 0, -1]},
        {**sound, "read_by": [0, 0]}, {**sound, "read_by": [True, 0, 0]},
    ]  # fmt: skip
    for each in wrong:
        reader.description = lambda each=each: {**described, "pixels": each}  # type: ignore[method-assign,misc]
        with pytest.raises(ArtifactInvalid):
            Model.from_bytes(model.to_bytes())
