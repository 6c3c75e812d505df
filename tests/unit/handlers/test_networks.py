"""Pictures, sequences and texts over REST, in every form in which rows of a table come."""

import json
import struct
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from handlers.direct import predict_directly
from handlers.rest import openapi
from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.http import Response
from handlers.single.model import OneModel, api_of
from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import (
    COLOURED,
    PICTURES,
    SEQUENCES,
    TEXTS,
    b64,
    folder_of_networks,
    networks,
    png,
)

CHANNELS = ("volt", "amp")
NUMBERS = [[step[0] for step in sequence] for sequence in SEQUENCES]
OUTPUTS = ["label", "probability"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_networks(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def ask(root: Path) -> Ask:
    return asking(services_over(root))


def answered(response: Response, schema: str) -> Any:
    assert response.status == 200, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS[schema])
    return value


def refused(response: Response, status: int = 422) -> list[str]:
    """The faults, each with its place."""
    assert response.status == status, response.body
    value = json.loads(response.body)
    jsonschema.validate(value, ANSWERS["Problem"])
    return [f"{fault['path']}: {fault['message']}" for fault in value.get("faults", [])] or [value["detail"]]


def predict(ask: Ask, model: str, body: Any) -> Any:
    body = {"outputs": OUTPUTS, **body}
    jsonschema.validate(body, _schema_of_bodies())
    return answered(ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode()), "Predictions")


def wrong(ask: Ask, model: str, body: Any) -> list[str]:
    return refused(ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode()))


@cache
def _schema_of_bodies() -> Any:
    components = openapi.document()["components"]
    return {**components["schemas"]["PredictRequest"], "components": components}


def raw(numbers: Any, dtype: str) -> dict[str, str]:
    return {"b64": b64(np.asarray(numbers, np.dtype(dtype).newbyteorder("<")).tobytes()), "dtype": dtype}


def by_channel(sequence: list[list[float]]) -> dict[str, list[float]]:
    return dict(zip(CHANNELS, map(list, zip(*sequence, strict=True)), strict=True))


# The instances of each model in forms that are to be answered alike, and with what the forms need beside.
FORMS: list[tuple[str, list[Any], list[dict[str, Any]]]] = [
    (
        "digits",
        PICTURES,
        [
            {"instances": [[[[pixel] for pixel in row] for row in picture] for picture in PICTURES]},
            {"instances": [[*chain.from_iterable(picture)] for picture in PICTURES]},
            {"instances": [raw(picture, "uint8") for picture in PICTURES]},
            {"instances": [raw(PICTURES[0], "float32"), {"b64": b64(png(PICTURES[1]))}, *PICTURES[2:]]},
            {"instances": [{"b64": b64(png(picture))} for picture in PICTURES]},
            {"instances": [{"image": picture} for picture in PICTURES]},
            {"instances": [{"image": raw(picture, "uint8")} for picture in PICTURES]},
            {"inputs": PICTURES},
            {"inputs": {"image": PICTURES}},
            {"inputs": {"image": [{"b64": b64(png(picture))} for picture in PICTURES]}},
            {"dataframe_records": [{"image": picture} for picture in PICTURES]},
            {"dataframe_split": {"columns": ["image"], "data": [[picture] for picture in PICTURES]}},
            {"dataframe_split": {"data": [[picture] for picture in PICTURES]}},
            {
                "instances": [{"id": 1, "image": picture, "label": None} for picture in PICTURES],
                "unknown_columns": "ignore",
            },
            {
                "instances": [{**raw(picture, "uint8"), "label": 3} for picture in PICTURES],
                "unknown_columns": "ignore",
            },
        ],
    ),
    (
        "colours",
        COLOURED,
        [
            {"instances": [raw(picture, "uint8") for picture in COLOURED]},
            {"instances": [{"b64": b64(png(picture))} for picture in COLOURED]},
        ],
    ),
    (
        "waves",
        SEQUENCES,
        [
            {
                "instances": [
                    [dict(zip(CHANNELS, step, strict=True)) for step in sequence] for sequence in SEQUENCES
                ]
            },
            {"instances": [raw(sequence, "float32") for sequence in SEQUENCES]},
            {"instances": [by_channel(sequence) for sequence in SEQUENCES]},
            {"instances": [SEQUENCES[0], by_channel(SEQUENCES[1]), *SEQUENCES[2:]]},
            {"inputs": SEQUENCES},
            {"inputs": {name: [by_channel(each)[name] for each in SEQUENCES] for name in reversed(CHANNELS)}},
            {"dataframe_records": [by_channel(sequence) for sequence in SEQUENCES]},
            {
                "dataframe_split": {
                    "columns": ["amp", "volt"],
                    "data": [[*by_channel(each).values()][::-1] for each in SEQUENCES],
                }
            },
            {"dataframe_split": {"data": [[*by_channel(each).values()] for each in SEQUENCES]}},
            {
                "dataframe_split": {
                    "columns": ["id", "amp", "volt", "target"],
                    "data": [[7, *[*by_channel(each).values()][::-1], "a"] for each in SEQUENCES],
                },
                "unknown_columns": "ignore",
            },
            {
                "instances": [
                    [{"time": 0, **dict(zip(CHANNELS, step, strict=True))} for step in sequence]
                    for sequence in SEQUENCES
                ],
                "unknown_columns": "ignore",
            },
        ],
    ),
    (
        "beats",
        NUMBERS,
        [
            {"instances": [[[number] for number in sequence] for sequence in NUMBERS]},
            {"instances": [{"x0": sequence} for sequence in NUMBERS]},
            {"inputs": {"x0": NUMBERS}},
            {
                "instances": [
                    [0, 0, *sequence[-3:]] if len(sequence) > 3 else sequence for sequence in NUMBERS
                ]
            },
        ],
    ),
    (
        "reviews",
        TEXTS,
        [
            {"instances": [{"review": text} for text in TEXTS]},
            {"instances": [TEXTS[0], *({"review": text} for text in TEXTS[1:])]},
            {"inputs": TEXTS},
            {"inputs": {"review": TEXTS}},
            {"dataframe_records": [{"review": text} for text in TEXTS]},
            {"dataframe_split": {"columns": ["review"], "data": [[text] for text in TEXTS]}},
            {"dataframe_split": {"data": [[text] for text in TEXTS]}},
            {
                "instances": [{"id": 1, "review": text, "stars": None} for text in TEXTS],
                "unknown_columns": "ignore",
            },
            {"inputs": {"review": TEXTS, "stars": [1] * len(TEXTS)}, "unknown_columns": "ignore"},
        ],
    ),
]


@pytest.mark.parametrize(("model", "instances", "forms"), FORMS, ids=[model for model, *_ in FORMS])
def test_every_form_is_answered_alike(
    ask: Ask, model: str, instances: list[Any], forms: list[dict[str, Any]]
) -> None:
    expected = predict(ask, model, {"instances": instances})
    assert len(expected["predictions"]) == len(instances)
    assert expected["classes"] == list(networks()[model].classes or ())
    schema = answered(ask("GET", f"/v1/models/{model}/schema"), "Schema")
    for instance in instances:
        jsonschema.validate(instance, schema)
    for body in forms:
        got = predict(ask, model, body)
        found = got.get("predictions") or [
            dict(zip(OUTPUTS, row, strict=True)) for row in zip(*got["outputs"].values(), strict=True)
        ]
        assert found == expected["predictions"], [*body]
        if "instances" in body and "unknown_columns" not in body:
            for instance in body["instances"]:
                jsonschema.validate(instance, schema)


def test_labels_alone_are_a_list(ask: Ask) -> None:
    for model, instances, _ in FORMS:
        both = predict(ask, model, {"instances": instances})["predictions"]
        alone = answered(
            ask("POST", f"/v1/models/{model}:predict", json.dumps({"instances": instances}).encode()),
            "Predictions",
        )
        assert alone["predictions"] == [row["label"] for row in both]
        columns = predict(ask, model, {"inputs": instances})["outputs"]
        assert columns == {output: [row[output] for row in both] for output in OUTPUTS}


@pytest.mark.parametrize(
    ("model", "body", "told"),
    [
        (
            "digits",
            {"inputs": {"image": [PICTURES[0], [*PICTURES[0][:7], [*PICTURES[0][7][:7], "x"]]]}},
            "$.inputs.image[1][7][7]: expected a number, got 'x'",
        ),
        (
            "digits",
            {"dataframe_split": {"columns": ["image"], "data": [[PICTURES[0]], [[[1, 2]]]]}},
            "$.dataframe_split.data[1][0]: model 'digits' version 1 expects pictures of 8 × 8 × 1; this ",
        ),
        (
            "digits",
            {"dataframe_records": [{"image": PICTURES[0], "label": 1}]},
            (
                "$.dataframe_records[0].label: model 'digits' version 1 has no feature 'label'; leave it "
                'out, or send "unknown_columns": "ignore"'
            ),
        ),
        ("digits", {"dataframe_records": [PICTURES[0]]}, "$.dataframe_records[0]: expected an object, got a"),
        ("digits", {"instances": [{"picture": []}]}, "$.instances[0]: feature 'image' is missing"),
        ("digits", {"inputs": {"picture": []}}, "$.inputs.picture: model 'digits' version 1 has no feature"),
        ("digits", {"inputs": [{"b64": "iVBORw0KGgo="}]}, "$.inputs[0].b64: the PNG is broken"),
        (
            "waves",
            {"inputs": {"volt": [[1, 2]], "amp": [[1]]}},
            "$.inputs.amp[0]: has 1 numbers, and $.inputs",
        ),
        (
            "waves",
            {"inputs": {"volt": [[1]], "amp": [[None]]}},
            "$.inputs.amp[0][0]: expected a number, got nu",
        ),
        (
            "waves",
            {"dataframe_split": {"columns": ["amp", "volt"], "data": [[[1], [2]], [[1], 2]]}},
            "$.dataframe_split.data[1][1]: model 'waves' version 1 expects a list of numbers",
        ),
        (
            "waves",
            {"instances": [[{"volt": 1, "amp": 2, "time": 3}]]},
            "$.instances[0][0].time: model 'waves' version 1 has no channel 'time'; leave it out, or send",
        ),
        (
            "reviews",
            {"inputs": {"review": ["a", 7]}},
            "$.inputs.review[1]: model 'reviews' version 1 expects a",
        ),
        ("reviews", {"instances": ["a", {"text": "b"}]}, "$.instances[1]: feature 'review' is missing"),
        (
            "reviews",
            {"instances": [["a"]]},
            "$.instances[0]: model 'reviews' version 1 expects a text, or an",
        ),
        (
            "reviews",
            {"instances": [{"review": "a", "stars": 1}]},
            "$.instances[0].stars: model 'reviews' version 1 has no feature 'stars'; leave it out, or send",
        ),
        (
            "reviews",
            {"instances": ["a"], "outputs": ["decision"]},
            "$.outputs[0]: this model gives label, prob",
        ),
    ],
)
def test_a_fault_is_told_with_its_place_in_that_form(ask: Ask, model: str, body: Any, told: str) -> None:
    assert wrong(ask, model, body)[0].startswith(told)


def test_an_answer_is_bounded_by_its_cells(root: Path) -> None:
    few = asking(services_over(root, ML_MAX_CELLS="8"))
    answer = few("POST", "/v1/models/digits:predict", json.dumps({"instances": PICTURES}).encode())
    assert answer.status == 200
    body = {"instances": PICTURES, "outputs": OUTPUTS}
    answer = few("POST", "/v1/models/digits:predict", json.dumps(body).encode())
    assert refused(answer, 413) == ["5 rows give an answer of 20 values; at most 8 are given"]


def test_texts_come_as_csv(ask: Ask) -> None:
    expected = predict(ask, "reviews", {"instances": ["a good film, really", "not; bad"]})["predictions"]

    def post(text: str, query: str = "", kind: str = "text/csv") -> Response:
        path = f"/v1/models/reviews:predict?outputs=label,probability{query}"
        return ask("POST", path, text.encode(), **{"content-type": kind})

    texts = [
        'review\n"a good film, really"\nnot; bad\n',
        'id;review\n1;a good film, really\n2;"not; bad"\n',
        '"a good film, really"\nnot; bad\n',
    ]
    assert answered(post(texts[0]), "Predictions")["predictions"] == expected
    assert answered(post(texts[1], "&unknown_columns=ignore"), "Predictions")["predictions"] == expected
    assert answered(post(texts[2]), "Predictions")["predictions"] == expected
    assert answered(post(texts[2], kind="text/csv; header=absent"), "Predictions")["predictions"] == expected
    assert refused(post(texts[1])) == [
        (
            "line 1: model 'reviews' version 1 has no feature 'id'; leave it out, or send "
            '"unknown_columns": "ignore"'
        )
    ]
    path = "/v1/models/reviews:predict"
    answer = ask("POST", path, texts[0].encode(), **{"content-type": "text/csv", "accept": "text/csv"})
    assert answer.body.decode().split() == ["label", *(row["label"] for row in expected)]


@pytest.mark.parametrize(("model", "kind"), [("digits", "pictures"), ("waves", "sequences")])
def test_what_no_cell_holds_is_refused_as_csv(ask: Ask, model: str, kind: str) -> None:
    answer = ask("POST", f"/v1/models/{model}:predict", b"1,2\n", **{"content-type": "text/csv"})
    told = f"model '{model}' version 1 takes {kind}, which no cell of CSV holds; send application/json"
    assert refused(answer, 415) == [told]


def test_notes_say_which_words_are_unknown_and_which_steps_do_not_count(ask: Ask) -> None:
    found = predict(ask, "reviews", {"instances": TEXTS[:4], "notes": True})
    assert found["notes"] == [
        {"path": "$.instances[3]", "message": "2 of the text's 3 words are not in the vocabulary"}
    ]
    found = predict(ask, "beats", {"inputs": {"x0": NUMBERS}, "notes": True})
    assert found["notes"] == [{"path": "$.inputs.x0[3]", "message": "of 4 steps the last 3 count"}]


def test_a_version_tells_what_it_takes(ask: Ask) -> None:
    inputs = {
        "digits": {"kind": "image", "shape": [8, 8, 1]},
        "waves": {"kind": "sequence", "max_length": None},
        "reviews": {
            "kind": "text", "tokens": "words", "lowercase": True, "max_length": None, "vocabulary": 5
        },
    }  # fmt: skip
    for model, told in inputs.items():
        assert answered(ask("GET", f"/v1/models/{model}/versions/1"), "Version")["input"] == told
        (compared,) = answered(ask("GET", f"/v1/models/{model}/versions"), "Versions")["versions"]
        assert compared["algorithm"] in ("cnn", "rnn")
        assert refused(ask("GET", f"/v1/models/{model}/versions/1/parameters"), 409)[0].startswith(
            f"the algorithm '{compared['algorithm']}' does not say what it learnt"
        )


def test_the_schema_says_how_to_send_one(ask: Ask) -> None:
    titles = {"digits": "a picture", "waves": "a sequence", "reviews": "a text"}
    for model, title in titles.items():
        schema = answered(ask("GET", f"/v1/models/{model}/schema"), "Schema")
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["title"] == f"{title} for model '{model}' version 1"
        assert "unknown_columns" in schema["description"]
        for bad in ({}, [], 7, [[["x"]]], {"b64": 7}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(bad, schema)


@pytest.mark.parametrize(
    ("encoded", "path"),
    [
        (raw([1, 2], "float32"), ""),
        (raw([1, 2], "uint8"), "$.instances[0].dtype"),
        ({"b64": raw([1, 2], "float32")["b64"]}, "$.instances[0].dtype"),
    ],
)
def test_raw_numbers_of_a_sequence_are_refused_where_its_schema_says(
    ask: Ask, encoded: dict[str, str], path: str
) -> None:
    schema = answered(ask("GET", "/v1/models/waves/schema"), "Schema")
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors([[1, 2]]))
    is_sound = not list(jsonschema.Draft202012Validator(schema).iter_errors(encoded))
    assert is_sound == (not path)
    answer = ask("POST", "/v1/models/waves:predict", json.dumps({"instances": [encoded]}).encode())
    if path:
        (told,) = refused(answer)
        assert told.startswith(f'{path}: expected "float32", got ')
    else:
        assert answer.status == 200


def test_algorithms_say_what_they_take(ask: Ask) -> None:
    told = answered(ask("GET", "/v1/algorithms"), "Algorithms")["algorithms"]
    takes = {each["name"]: each["takes"] for each in told}
    assert takes["cnn"] == ["image"]
    assert takes["rnn"] == ["sequence", "text"]
    assert takes["logistic_regression"] == ["table"]


@pytest.mark.parametrize(("model", "instances", "_"), FORMS, ids=[model for model, *_ in FORMS])
def test_a_bare_event_and_a_function_of_one_model_answer_alike(
    root: Path, ask: Ask, tmp_path: Path, model: str, instances: list[Any], _: object
) -> None:
    body = {"instances": instances, "outputs": OUTPUTS}
    expected = predict(ask, model, body)
    bare = predict_directly(Api(services_over(root)), {"model": model, **body}, "r1")
    assert bare == expected
    artifact = tmp_path / "model.safetensors"
    artifact.write_bytes(networks()[model].to_bytes())
    alone = predict_directly(api_of(OneModel(model, str(artifact))), {"model": "model", **body}, "r1")
    assert alone == expected


def test_numbers_are_the_same_as_raw_and_as_json(ask: Ask) -> None:
    picture = np.random.default_rng(3).normal(size=(8, 8)) / 3
    packed = {"b64": b64(struct.pack("<64f", *picture.ravel())), "dtype": "float32"}
    json_, bytes_ = predict(ask, "digits", {"instances": [picture.tolist(), packed]})["predictions"]
    assert json_ == bytes_
