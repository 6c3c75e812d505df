"""Examples of pictures, sequences and texts for `/openapi.json`: what trains a model, and then asks it.

Each is of a model of its own, beside the story that the other examples tell. They are as small as shows the
form: networks that are worth having learn from more.
"""

from typing import Any, NamedTuple


class NetworkExample(NamedTuple):
    """Bodies that train a model, predict and explain by it, and send it tensors."""

    name: str
    summary: str
    model: str
    train: dict[str, Any]
    predict: dict[str, Any]
    explain: dict[str, Any]
    infer: dict[str, Any]


_QUICK = {"epochs": 8, "batch_size": 4, "validation_fraction": 0}
_ACROSS = [[9, 9, 9, 9], [0, 0, 0, 0], [9, 9, 9, 9], [0, 0, 0, 0]]
_DOWN = [[9, 0, 9, 0], [9, 0, 9, 0], [9, 0, 9, 0], [9, 0, 9, 0]]
_WAVES = [[[0], [1], [0], [-1], [0]], [[1], [0], [-1], [0]], [[0], [-1], [0], [1], [0], [-1]]]
_RISES = [[[0], [1], [2], [3]], [[1], [2], [4]], [[-1], [0], [1], [2], [3]]]
_PADDED = [*[number for (number,) in _WAVES[0]], *[number for (number,) in _RISES[0]], 0]
_OUTPUTS = [{"name": "predict"}, {"name": "predict_proba"}]

EXAMPLES = (
    NetworkExample(
        "pictures",
        "Pictures: a convolutional network (cnn)",
        "stripes",
        {
            "algorithm": "cnn",
            "hyperparameters": {"channels": [4], "dense": [8], **_QUICK},
            "instances": [*[_ACROSS] * 4, *[_DOWN] * 4],
            "targets": [*["across"] * 4, *["down"] * 4],
            "test_fraction": 0,
        },
        {"instances": [_ACROSS, {"b64": "CQAJAAkACQAJAAkACQAJAA==", "dtype": "uint8"}], "outputs": ["label"]},
        {"instances": [_ACROSS]},
        {
            "inputs": [
                {
                    "name": "input-0",
                    "shape": [1, 4, 4, 1],
                    "datatype": "UINT8",
                    "data": [pixel for row in _DOWN for pixel in row],
                }
            ],
            "outputs": _OUTPUTS,
        },
    ),
    NetworkExample(
        "sequences",
        "Sequences: a recurrent network (rnn)",
        "waves",
        {
            "algorithm": "rnn",
            "hyperparameters": {"hidden_size": 8, **_QUICK},
            "feature_names": ["volt"],
            "instances": [*_WAVES, *_RISES],
            "targets": [*["wave"] * 3, *["rise"] * 3],
            "test_fraction": 0,
        },
        {"instances": [_WAVES[0], [{"volt": 2}, {"volt": 3}], {"volt": [1, 2, 3, 4]}]},
        {"instances": [_WAVES[0]], "background": {"instances": [_RISES[2]]}},
        {
            "inputs": [
                {"name": "input-0", "shape": [2, 5, 1], "datatype": "FP32", "data": _PADDED},
                {"name": "lengths", "shape": [2], "datatype": "INT64", "data": [5, 4]},
            ],
            "outputs": _OUTPUTS,
        },
    ),
    NetworkExample(
        "texts",
        "Texts: a recurrent network (rnn)",
        "reviews",
        {
            "algorithm": "rnn",
            "hyperparameters": {"hidden_size": 8, "embedding_size": 4, **_QUICK},
            "feature_names": ["review"],
            "instances": ["A good film", "very good", "good fun", "A bad film", "very bad", "no fun"],
            "targets": [*["good"] * 3, *["bad"] * 3],
            "test_fraction": 0,
        },
        {"instances": ["good, really good", {"review": "A film"}], "outputs": ["label", "probability"]},
        {"instances": ["good, really good"], "top": 2},
        {
            "inputs": [
                {"name": "input-0", "shape": [2], "datatype": "BYTES", "data": ["very good", "no fun"]}
            ],
            "outputs": _OUTPUTS,
        },
    ),
)
"""In the order in which they are told."""

_BODIES = {
    "TRAIN_BODY": "train",
    "PREDICT_BODY": "predict",
    "EXPLAIN_BODY": "explain",
    "INFER_BODY": "infer",
}


def examples_of(body: str) -> dict[str, Any]:
    """The examples of a body as OpenAPI names them; `x-path` is what stands in the path for them."""
    kind = _BODIES.get(body)
    if kind is None:
        return {}
    return {
        each.name: {
            "summary": each.summary,
            "value": getattr(each, kind),
            "x-path": {"model": each.model},
        }
        for each in EXAMPLES
    }
