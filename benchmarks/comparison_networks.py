"""The product's networks, weight for weight, as people serve them: numpy, onnxruntime, or PyTorch.

`python -m benchmarks.comparison_networks onnx|torch time FOLDER EVENT…` answers by FastAPI and Mangum, in
`.tools/bench` or in `.tools/torch`; `comparison_minimal` has the handlers of one file. PyTorch for CPUs takes
some 750 MB unpacked, and a function's zip on AWS may hold 250: so what goes into a zip is an ONNX file, and
PyTorch goes into an image.
"""

import os
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Predict = Callable[[Any], Any]
# Instances as a batch of arrays, and how long each sequence is; None for pictures.
Batch = Callable[[Any], tuple[Any, Any]]

_WORD = re.compile(r"\w+")


def batches(kept: Any) -> Batch:
    """How a network's instances become arrays; texts by its vocabulary."""
    if "vocabulary" in kept:
        numbers = {word: number for number, word in enumerate(kept["vocabulary"].tolist(), 1)}

        def of_texts(instances: Any) -> tuple[Any, Any]:
            texts = [[numbers.get(word, 0) for word in _WORD.findall(text.lower())] for text in instances]
            lengths = np.array([len(text) for text in texts])
            padded = np.zeros((len(texts), lengths.max()), np.int64)
            for row, text in zip(padded, texts, strict=True):
                row[: len(text)] = text
            return padded, lengths

        return of_texts
    if "conv.0.weight" in kept:
        return lambda instances: (np.array(instances, np.float32)[..., None], None)
    return lambda instances: (
        np.array(instances, np.float32),
        np.full(len(instances), len(instances[0])),
    )


def numpy_network(kept: Any) -> Predict:
    """Convolutions as products of patches, a step of an LSTM for all sequences at once; in float32."""
    arrays, batch = dict(kept), batches(kept)
    scores = _convolutional(arrays) if "conv.0.weight" in arrays else _recurrent(arrays)
    return lambda instances: arrays["classes"][scores(*batch(instances)).argmax(axis=1)]


def _convolutional(arrays: dict[str, Any]) -> Callable[[Any, Any], Any]:
    convolutions, dense = _layers(arrays, "conv"), _layers(arrays, "dense")
    kernel = round((convolutions[0][0].shape[1] / arrays["input.mean"].size) ** 0.5)

    def scores(pictures: Any, _: Any) -> Any:
        x = (pictures - arrays["input.mean"]) / arrays["input.scale"]
        around = kernel // 2
        for weight, bias in convolutions:
            padded = np.pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
            patches = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))
            count, height, width = patches.shape[:3]
            x = patches.transpose(0, 1, 2, 4, 5, 3).reshape(count * height * width, -1) @ weight.T + bias
            x = x.reshape(count, height, width, -1)[:, : height // 2 * 2, : width // 2 * 2]
            x = x.reshape(count, height // 2, 2, width // 2, 2, -1).max(axis=(2, 4))
            x = np.maximum(x, 0)
        x = x.reshape(len(x), -1)
        for weight, bias in dense[:-1]:
            x = np.maximum(x @ weight.T + bias, 0)
        return x @ dense[-1][0].T + dense[-1][1]

    return scores


def _layers(arrays: dict[str, Any], kind: str) -> list[tuple[Any, Any]]:
    count = sum(name.startswith(f"{kind}.") and name.endswith(".weight") for name in arrays)
    return [(arrays[f"{kind}.{place}.weight"], arrays[f"{kind}.{place}.bias"]) for place in range(count)]


def _recurrent(arrays: dict[str, Any]) -> Callable[[Any, Any], Any]:
    def scores(sequences: Any, lengths: Any) -> Any:
        if "embedding" in arrays:
            x = arrays["embedding"][sequences]
        else:
            x = (sequences - arrays["input.mean"]) / arrays["input.scale"]
        backwards = np.maximum(lengths[:, None] - 1 - np.arange(x.shape[1]), 0)
        turned = np.take_along_axis(x, backwards[:, :, None], axis=1)
        told = [_lstm(x, lengths, arrays, "forward"), _lstm(turned, lengths, arrays, "backward")]
        return np.hstack(told) @ arrays["head.weight"].T + arrays["head.bias"]

    return scores


def _lstm(x: Any, lengths: Any, arrays: dict[str, Any], direction: str) -> Any:
    """The greatest of each number of the states."""
    weight, recurrent, bias, recurrent_bias = (
        arrays[f"rnn.0.{direction}.{name}"] for name in ("input", "recurrent", "input_bias", "recurrent_bias")
    )
    gates = x @ weight.T + (bias + recurrent_bias)
    hidden = recurrent.shape[1]
    state, cell = np.zeros((2, len(x), hidden), np.float32)
    greatest = np.full((len(x), hidden), -np.inf, np.float32)
    for step in range(x.shape[1]):
        z = gates[:, step] + state @ recurrent.T
        let_in, keep, _, let_out = np.split(1 / (1 + np.exp(-z)), 4, axis=1)
        cell = keep * cell + let_in * np.tanh(z[:, 2 * hidden : 3 * hidden])
        state = let_out * np.tanh(cell)
        greatest = np.where((step < lengths)[:, None], np.maximum(greatest, state), greatest)
    return greatest


def torch_network(kept: Any) -> Predict:
    """The same by PyTorch's modules on one thread."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    arrays, batch = dict(kept), batches(kept)
    weights = {name: torch.from_numpy(each) for name, each in arrays.items() if each.dtype == np.float32}
    mean, scale = weights.get("input.mean"), weights.get("input.scale")

    def linear(name: str) -> Any:
        weight = weights[f"{name}.weight"]
        module = nn.Linear(weight.shape[1], weight.shape[0])
        module.load_state_dict({"weight": weight, "bias": weights[f"{name}.bias"]})
        return module

    def convolutional() -> Any:
        layers: list[Any] = []
        channels = arrays["input.mean"].size
        for place in range(len(_layers(arrays, "conv"))):
            weight = weights[f"conv.{place}.weight"]
            kernel = round((weight.shape[1] / channels) ** 0.5)
            module = nn.Conv2d(channels, len(weight), kernel, padding=kernel // 2)
            filters = weight.reshape(len(weight), kernel, kernel, channels).permute(0, 3, 1, 2)
            module.load_state_dict({"weight": filters, "bias": weights[f"conv.{place}.bias"]})
            layers += [module, nn.ReLU(), nn.MaxPool2d(2)]
            channels = len(weight)
        dense = [linear(f"dense.{place}") for place in range(len(_layers(arrays, "dense")))]
        between: list[Any] = []
        for module in dense[:-1]:
            between += [module, nn.ReLU()]
        features, head = nn.Sequential(*layers).eval(), nn.Sequential(*between, dense[-1]).eval()

        def scores(pictures: Any, _: Any) -> Any:
            x = (torch.from_numpy(pictures) - mean) / scale
            found = features(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            return head(found.flatten(1))

        return scores

    def recurrent() -> Any:
        inputs, hidden = (weights[f"rnn.0.forward.{name}"].shape[1] for name in ("input", "recurrent"))
        module = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)
        named = {"weight_ih_l0": "input", "weight_hh_l0": "recurrent"}
        named |= {"bias_ih_l0": "input_bias", "bias_hh_l0": "recurrent_bias"}
        module.load_state_dict(
            {
                theirs + suffix: weights[f"rnn.0.{direction}.{ours}"]
                for theirs, ours in named.items()
                for suffix, direction in (("", "forward"), ("_reverse", "backward"))
            }
        )
        module, head = module.eval(), linear("head").eval()
        embedding = nn.Embedding.from_pretrained(weights["embedding"]) if "embedding" in weights else None

        def scores(sequences: Any, lengths: Any) -> Any:
            given = torch.from_numpy(sequences)
            x = embedding(given) if embedding else (given - mean) / scale
            packed = nn.utils.rnn.pack_padded_sequence(
                x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
            )
            states, _ = nn.utils.rnn.pad_packed_sequence(
                module(packed)[0], batch_first=True, padding_value=float("-inf")
            )
            return head(states.amax(dim=1))

        return scores

    scores = convolutional() if "conv.0.weight" in arrays else recurrent()

    def predict(instances: Any) -> Any:
        with torch.inference_mode():
            found = scores(*batch(instances)).argmax(dim=1)
        return arrays["classes"][found.numpy()]

    return predict


def load(folder: str, name: str) -> Any:
    """A network's weights, its classes, and its vocabulary, if it has one."""
    with np.load(f"{folder}/{name}.npz") as kept:
        return dict(kept)


def handler(folder: str, engine: str) -> Any:
    """The Lambda handler as tutorials write it: a path and a type of body for each model."""
    from fastapi import FastAPI  # type: ignore[import-not-found, unused-ignore]
    from mangum import Mangum  # type: ignore[import-not-found, unused-ignore]
    from pydantic import BaseModel

    class Texts(BaseModel):
        instances: list[str]

    class Arrays(BaseModel):
        instances: list[list[list[float]]]

    app = FastAPI()

    def serve(name: str, predict: Predict, *, texts: bool) -> None:
        if texts:

            @app.post(f"/v1/models/{name}:predict")  # type: ignore[untyped-decorator, unused-ignore]
            def of_texts(body: Texts) -> dict[str, Any]:
                return {"predictions": predict(body.instances).tolist()}

        else:

            @app.post(f"/v1/models/{name}:predict")  # type: ignore[untyped-decorator, unused-ignore]
            def of_arrays(body: Arrays) -> dict[str, Any]:
                return {"predictions": predict(body.instances).tolist()}

    for name in os.environ["BENCHMARK_MODELS"].split():
        kept = load(folder, name)
        if engine == "torch":
            predict = torch_network(kept)
        else:
            from benchmarks.comparison_minimal import onnx_model

            predict = onnx_model(folder, name)
        serve(name, predict, texts="vocabulary" in kept)
    return Mangum(app, lifespan="off")


def main(engine: str, verb: str, folder: str, *events: str) -> None:
    """Answer several events again and again."""
    from benchmarks.timing import report

    if verb != "time":
        raise SystemExit(f"expected time, got {verb}")
    report(handler(folder, engine), events)


if __name__ == "__main__":
    main(*sys.argv[1:])
