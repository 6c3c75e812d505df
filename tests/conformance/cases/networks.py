"""Pictures, sequences and texts: networks are trained, described and asked alike everywhere.

The networks and their trainings are as small as can be; their models are deleted at the end.
"""

import base64
import struct
from itertools import chain
from typing import Any

from examples.demo.files import png
from tests.conformance.case import PREDICT, TRAIN, Case, delete, get, post, put
from tests.conformance.cases.inference import binary

QUICK = {"epochs": 3, "batch_size": 4, "validation_fraction": 0}
PICTURES = [[[(row * 7 + y * row + x * 3) % 16 for x in range(6)] for y in range(6)] for row in range(8)]
SEQUENCES = [[[step * row % 5 / 2, step - row] for step in range(1 + row % 3)] for row in range(8)]
TEXTS = ["a good film", "bad", "größe 重さ", "Good, good!", "no film", "", "नमस्ते दुनिया", "a bad, bad film"]
MODELS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "pictures": (
        {
            "algorithm": "cnn",
            "hyperparameters": {"channels": [3], "dense": [4], **QUICK},
            "instances": PICTURES,
            "targets": [row % 2 for row in range(8)],
            "test_fraction": 0.25,
        },
        PICTURES,
    ),
    "sequences": (
        {
            "algorithm": "rnn",
            "hyperparameters": {"cell": "gru", "hidden_size": 4, "max_length": 2, **QUICK},
            "feature_names": ["volt", "amp"],
            "instances": SEQUENCES,
            "targets": [("up", "down")[row % 2] for row in range(8)],
            "test_fraction": 0,
        },
        SEQUENCES,
    ),
    "reviews": (
        {
            "algorithm": "rnn",
            "hyperparameters": {"hidden_size": 4, "embedding_size": 3, "bidirectional": True, **QUICK},
            "feature_names": ["review"],
            "instances": TEXTS,
            "targets": [row % 3 == 0 for row in range(8)],
            "test_fraction": 0,
        },
        TEXTS,
    ),
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "pictures of two shapes": ({"algorithm": "cnn", "instances": [[[1, 2]], [[1]]]}, "$.instances[1][0]"),
    "rows for a network of pictures": ({"algorithm": "cnn", "instances": [[1, 2], [3, 4]]}, "$.instances[0]"),
    "more poolings than the pictures have room for": (
        {
            "algorithm": "cnn",
            "hyperparameters": {"channels": [2, 2, 2]},
            "instances": [[[1] * 4] * 4] * 2,
        },
        "$.hyperparameters.channels",
    ),
    "a sequence without steps": ({"algorithm": "rnn", "instances": [[[1]], []]}, "$.instances[1]"),
    "texts among sequences": ({"algorithm": "rnn", "instances": [[[1]], "a"]}, "$.instances[1]"),
    "a text that is a number": ({"algorithm": "rnn", "instances": ["a", 1]}, "$.instances[1]"),
}


PNGS = [png(picture) for picture in PICTURES]
ENCODED = [base64.b64encode(file).decode() for file in PNGS]
STEPS = max(map(len, SEQUENCES))
PADDED = [number for each in SEQUENCES for step in each + [[0, 0]] * (STEPS - len(each)) for number in step]
LENGTHS = {"name": "lengths", "shape": [8], "datatype": "INT32", "data": [len(each) for each in SEQUENCES]}
BOTH = [{"name": "predict"}, {"name": "predict_proba"}]
OUTPUTS = ["label", "probability"]
# What is asked of each model beside its instances as they were trained on: bodies of `:predict`.
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG files": ("pictures", {"instances": [{"b64": text} for text in ENCODED]}),
    "raw numbers": (
        "pictures",
        {
            "instances": [
                {
                    "b64": base64.b64encode(bytes(chain.from_iterable(picture))).decode(),
                    "dtype": "uint8",
                }
                for picture in PICTURES
            ]
        },
    ),
    "pictures as a column": ("pictures", {"inputs": {"image": PICTURES}}),
    "a list for each channel": (
        "sequences",
        {"instances": [{"volt": [1, 2, 3], "amp": [4, 5, 6]}, [{"volt": 1, "amp": 2}]], "notes": True},
    ),
    "sequences as a frame": (
        "sequences",
        {
            "dataframe_split": {"columns": ["id", "amp", "volt"], "data": [[1, [1, 2], [3, 4]]]},
            "unknown_columns": "ignore",
        },
    ),
    "texts as records": (
        "reviews",
        {"dataframe_records": [{"review": text, "stars": 1} for text in TEXTS], "unknown_columns": "ignore"},
    ),
    "texts as a list of inputs": ("reviews", {"inputs": TEXTS}),
    "texts with notes": ("reviews", {"instances": ["an unknown word"], "notes": True}),
}
# Bodies that a model does not take.
FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a pixel that is text": (
        "pictures", {"instances": [PICTURES[0], [*PICTURES[0][:5], [1, 2, 3, 4, 5, "6"]]]},
        "$.instances[1][5][5]",
    ),
    "a row of pixels too few": ("pictures", {"instances": [PICTURES[0][:5]]}, "$.instances[0]"),
    "base64 that is none": ("pictures", {"instances": [{"b64": "?"}]}, "$.instances[0].b64"),
    "a file that is no PNG": ("pictures", {"instances": [{"b64": "R0lGODlh"}]}, "$.instances[0].b64"),
    "a PNG that ends early": ("pictures", {"instances": [{"b64": ENCODED[0][:48]}]}, "$.instances[0].b64"),
    "a step too wide": ("sequences", {"instances": [[[1, 2, 3]]]}, "$.instances[0][0]"),
    "a step with a gap": ("sequences", {"instances": [[[1, 2], [1, None]]]}, "$.instances[0][1][1]"),
    "a channel that is unknown": (
        "sequences", {"instances": [[{"volt": 1, "amp": 1, "ohm": 1}]]}, "$.instances[0][0].ohm",
    ),
    "lists of two lengths": (
        "sequences", {"inputs": {"volt": [[1, 2]], "amp": [[1]]}}, "$.inputs.amp[0]",
    ),
    "a text that is a number": ("reviews", {"inputs": {"review": ["a", 7]}}, "$.inputs.review[1]"),
    "a column beside the text": (
        "reviews", {"instances": [{"review": "a", "stars": 1}]}, "$.instances[0].stars",
    ),
}  # fmt: skip
# What is asked of explanations, and where the fault of it is.
EXPLAINED: dict[str, tuple[str, dict[str, Any], str]] = {
    "pictures against others": (
        "pictures", {"instances": PICTURES[:2], "background": {"instances": PICTURES[4:]}}, "",
    ),
    "sequences of one length against others": (
        "sequences",
        {"instances": SEQUENCES[1:5:3], "background": {"instances": SEQUENCES[4:5]}},
        "",
    ),
    "the words that say most": ("reviews", {"instances": [TEXTS[0], TEXTS[7]], "top": 2}, ""),
    "the largest parts of a picture": ("pictures", {"instances": PICTURES[:1], "top": 2}, "$.top"),
    "what would turn a text": (
        "reviews", {"instances": TEXTS[:1], "counterfactual": {"actionable": ["review"]}}, "$.counterfactual",
    ),
    "a picture behind it of another shape": (
        "pictures",
        {"instances": PICTURES[:1], "background": {"instances": [PICTURES[0][:5]]}},
        "$.background.instances[0]",
    ),
    "a label that is none": ("sequences", {"instances": SEQUENCES[:1], "against": "left"}, "$.against"),
}  # fmt: skip
TENSORS: dict[str, tuple[str, list[Any]]] = {
    "pictures": (
        "pictures",
        [{"name": "input-0", "shape": [8, 6, 6, 1], "datatype": "FP32", "data": [
            pixel for picture in PICTURES for line in picture for pixel in line
        ]}],
    ),
    "PNG files in base64": (
        "pictures", [{"name": "input-0", "shape": [8], "datatype": "BYTES", "data": ENCODED}],
    ),
    "sequences and lengths": (
        "sequences",
        [{"name": "input-0", "shape": [8, STEPS, 2], "datatype": "FP64", "data": PADDED}, LENGTHS],
    ),
    "texts": ("reviews", [{"name": "input-0", "shape": [8, 1], "datatype": "BYTES", "data": TEXTS}]),
}  # fmt: skip


def _trained(model: str, body: dict[str, Any]) -> list[Case]:
    note = f"network_{model}"
    return [
        post(f"{model} are submitted", f"/v1/models/{model}:train", body, 202, keep={note: "body id"}),
        get(f"{model} are queued", f"/v1/jobs/{{{note}}}", deliver="after"),
        get(f"{model} are trained", f"/v1/jobs/{{{note}}}"),
    ]


def _described(model: str) -> list[Case]:
    return [
        get(
            f"the profile of few {model}",
            f"/v1/models/{model}/versions/1/profile",
            409,
            key=TRAIN,
            code="not_described",
        ),
        get(f"the version of {model}", f"/v1/models/{model}/versions/1"),
        get(f"the versions of {model}", f"/v1/models/{model}/versions"),
        get(f"the schema of {model}", f"/v1/models/{model}/schema", key=PREDICT),
        get(f"the tensors of {model}", f"/v2/models/{model}", key=PREDICT),
        get(
            f"what {model} learnt",
            f"/v1/models/{model}/versions/1/parameters",
            409,
            key=TRAIN,
            code="not_described",
        ),
    ]


def _predicted(name: str, model: str, body: dict[str, Any], status: int = 200, **more: Any) -> Case:
    return post(name, f"/v1/models/{model}:predict", body, status, key=PREDICT, **more)


def _explained(name: str, model: str, body: dict[str, Any], at: str) -> Case:
    problem: dict[str, Any] = {"code": "invalid_input", "at": at} if at else {}
    return post(f"explained: {name}", f"/v1/models/{model}:explain", body, 422 if at else 200, **problem)


def _raw(name: str, model: str, tensors: list[tuple[dict[str, Any], bytes]]) -> Case:
    header = {
        "inputs": [{**given, "parameters": {"binary_data_size": len(part)}} for given, part in tensors],
        "outputs": [{**each, "parameters": {"binary_data": True}} for each in BOTH],
    }
    tail = b"".join(part for _, part in tensors)
    return binary(name, header, tail, path=f"/v2/models/{model}/infer", key=PREDICT)


def _elements(values: list[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


CASES = [
    *(case for model, (body, _) in MODELS.items() for case in _trained(model, body)),
    *(case for model in MODELS for case in _described(model)),
    *(
        post(
            f"training on {name}",
            "/v1/models/refused:train",
            {"targets": ["a", "b"], "test_fraction": 0, **body},
            422,
            code="invalid_input",
            at=at,
        )
        for name, (body, at) in REFUSED.items()
    ),
    *(
        _predicted(f"{model} in {what}", model, {"instances": instances * times, "outputs": OUTPUTS})
        for model, (_, instances) in MODELS.items()
        for what, times in (("few", 1), ("many", 60))
    ),
    *(
        post(f"{model} are explained", f"/v1/models/{model}:explain", {"instances": instances[:3]})
        for model, (_, instances) in MODELS.items()
    ),
    *(_explained(name, model, body, at) for name, (model, body, at) in EXPLAINED.items()),
    *(_predicted(f"{name}", model, {**body, "outputs": OUTPUTS}) for name, (model, body) in FORMS.items()),
    *(
        _predicted(name, model, body, 422, code="invalid_input", at=at)
        for name, (model, body, at) in FAULTS.items()
    ),
    post(
        "texts as CSV",
        "/v1/models/reviews:predict?outputs=probability",
        'review\n"good, bad"\nफिल्म\n'.encode(),
        200,
        {"Content-Type": "text/csv", "Accept": "text/csv"},
        key=PREDICT,
    ),
    post(
        "pictures as CSV",
        "/v1/models/pictures:predict",
        b"1,2\n",
        415,
        {"Content-Type": "text/csv"},
        key=PREDICT,
        code="unsupported_media_type",
    ),
    *(
        post(
            f"tensors of {name}",
            f"/v2/models/{model}/infer",
            {"inputs": inputs, "outputs": BOTH},
            key=PREDICT,
        )
        for name, (model, inputs) in TENSORS.items()
    ),
    _raw(
        "raw pixels",
        "pictures",
        [
            (
                {"name": "input-0", "shape": [8, 6, 6, 1], "datatype": "UINT8"},
                bytes(pixel for picture in PICTURES for line in picture for pixel in line),
            )
        ],
    ),
    _raw("raw PNG files", "pictures", [({"name": "x", "shape": [8], "datatype": "BYTES"}, _elements(PNGS))]),
    _raw(
        "raw steps",
        "sequences",
        [
            (
                {"name": "input-0", "shape": [8, STEPS, 2], "datatype": "FP32"},
                struct.pack(f"<{len(PADDED)}f", *PADDED),
            ),
            (
                {name: LENGTHS[name] for name in ("name", "shape", "datatype")},
                struct.pack("<8i", *(len(each) for each in SEQUENCES)),
            ),
        ],
    ),
    _raw(
        "raw texts",
        "reviews",
        [({"name": "x", "shape": [8], "datatype": "BYTES"}, _elements([text.encode() for text in TEXTS]))],
    ),
    post(
        "a length past the steps",
        "/v2/models/sequences/infer",
        {"inputs": [TENSORS["sequences and lengths"][1][0], {**LENGTHS, "data": [STEPS + 1] * 8}]},
        400,
        key=PREDICT,
        code="invalid_input",
        at="$.inputs[1].data[0]",
    ),
    post(
        "channels first",
        "/v2/models/pictures/infer",
        {"inputs": [{**TENSORS["pictures"][1][0], "shape": [8, 1, 6, 6]}]},
        400,
        key=PREDICT,
        code="invalid_input",
        at="$.inputs[0].shape",
    ),
    post(
        "texts for the model of sequences",
        "/v1/models/sequences:train",
        MODELS["reviews"][0],
        202,
        keep={"network_unlike": "body id"},
    ),
    get("the texts for it are queued", "/v1/jobs/{network_unlike}", deliver="after"),
    put(
        "versions that take other instances",
        "/v1/models/sequences/aliases/production",
        {"weights": {"1": 90, "2": 10}},
        422,
        code="invalid_input",
        at='$.weights["2"]',
    ),
    *(delete(f"{model} are deleted", f"/v1/models/{model}") for model in MODELS),
]
