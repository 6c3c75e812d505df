"""What PyTorch says: weights, inputs, scores and gradients of small networks, and accuracies over five seeds.

    .tools/torch/bin/python tests/oracles/make_reference.py DATA.npz REFERENCE.safetensors

It imports nothing of this project, which could lend it its own faults, and runs on the Python that PyTorch
has. Names and shapes of weights are those of artifacts, so that tests put them into networks as they are.
Scores and gradients are computed in float64 over float32 weights, and written as float32. `data.py` makes
DATA.npz.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections.abc import Callable  # noqa: TC003 - as everywhere in tests
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SEEDS = range(5)
CLASSES = 3
KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
PARTS = {"weight_ih": "input", "weight_hh": "recurrent", "bias_ih": "input_bias", "bias_hh": "recurrent_bias"}
CNN_CASES: dict[str, dict[str, Any]] = {
    name: {"shape": shape, "channels": channels, "kernel_size": kernel, "pooling": pooling, "dense": dense}
    for name, shape, channels, kernel, pooling, dense in (
        ("max", [8, 8, 1], [4, 6], 3, "max", [10]),
        ("average", [8, 8, 1], [4, 6], 3, "average", [10]),
        ("odd", [7, 9, 3], [5], 5, "max", []),
        ("odd-average", [9, 7, 2], [3, 4], 7, "average", [6]),
        ("deep", [16, 16, 3], [3, 4, 5, 6], 3, "max", [7, 5]),
        ("points", [4, 4, 3], [4], 1, "max", [5]),
    )
}
RNN_CASES: dict[str, dict[str, Any]] = {
    f"{cell}-{reads}-{layers}{'-both' if both else ''}{'-text' if text else ''}": {
        "cell": cell, "reads": reads, "layers": layers, "bidirectional": both, "text": text, "hidden_size": 5,
        "embedding_size": 4,
    }
    for cell in ("lstm", "gru", "rnn")
    for reads, layers, both, text in (
        ("last", 1, False, False), ("last", 2, True, False), ("last", 3, True, False),
        ("max", 1, True, False),
        ("mean", 3, False, False), ("mean", 2, True, True), ("max", 1, True, True),
    )
}  # fmt: skip
LENGTHS = [4, 1, 7, 7, 2, 3]
CHANNELS, TOKENS = 3, 9
# What both sides train with. PyTorch's first weights are its own.
CNN: dict[str, Any] = {
    "channels": [32, 64],
    "kernel_size": 3,
    "pooling": "max",
    "dense": [128],
    "dropout": 0.25,
}
RNN: dict[str, Any] = {
    "cell": "lstm", "hidden_size": 64, "layers": 1, "bidirectional": True, "reads": "max", "dropout": 0.0,
    "embedding_size": 64,
}  # fmt: skip
CNN_TRAINING: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "patience": 5,
    "clip_norm": None,
}
RNN_TRAINING: dict[str, Any] = {
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 3e-3,
    "patience": 5,
    "clip_norm": 1.0,
}
VALIDATION_FRACTION = 0.1


class Cnn(nn.Module):  # type: ignore[misc]  # PyTorch is not installed where types are checked
    """Blocks of a convolution and a pooling, then dense layers."""

    def __init__(self, chosen: dict[str, Any], n_classes: int) -> None:
        super().__init__()
        height, width, channels = chosen["shape"]
        kernel = chosen["kernel_size"]
        self.pool = functional.max_pool2d if chosen["pooling"] == "max" else functional.avg_pool2d
        self.conv = nn.ModuleList()
        for outputs in chosen["channels"]:
            self.conv.append(nn.Conv2d(channels, outputs, kernel, padding=kernel // 2))
            height, width, channels = height // 2, width // 2, outputs
        sizes = [height * width * channels, *chosen["dense"], n_classes]
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.dropout = nn.Dropout(chosen.get("dropout", 0.0))

    def forward(self, x: Any) -> Any:
        """Batch × height × width × channels → batch × classes."""
        x = x.permute(0, 3, 1, 2)
        for convolution in self.conv:
            x = self.pool(functional.relu(convolution(x)), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)
        for number, dense in enumerate(self.dense):
            x = dense(self.dropout(functional.relu(x) if number else x))
        return x

    def named(self, of: Callable[[Any], Any]) -> dict[str, Any]:
        """What `of` gives for each parameter, under the names and in the shapes of artifacts."""
        found = {}
        for name, parameter in self.named_parameters():
            array = of(parameter)
            found[name] = array.permute(0, 2, 3, 1).flatten(1) if array.ndim == 4 else array
        return found


class Rnn(nn.Module):  # type: ignore[misc]  # as above
    """An embedding where steps are tokens, recurrent layers, what is read of them, and a head."""

    def __init__(self, chosen: dict[str, Any], inputs: int, n_classes: int, *, text: bool) -> None:
        super().__init__()
        width = chosen["embedding_size"] if text else inputs
        self.embedding = nn.Embedding(inputs, width) if text else None
        self.reads, both = chosen["reads"], chosen["bidirectional"]
        self.rnn = KINDS[chosen["cell"]](
            width, chosen["hidden_size"], chosen["layers"], batch_first=True, bidirectional=both
        )
        self.head = nn.Linear(chosen["hidden_size"] * (1 + both), n_classes)

    def forward(self, x: Any) -> Any:
        """A padded batch, and the length of each sequence → batch × classes."""
        padded, lengths = x
        if self.embedding is not None:
            padded = self.embedding(padded[:, :, 0])
        packed = nn.utils.rnn.pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
        states, last = self.rnn(packed)
        if self.reads == "last":
            last = last[0] if isinstance(last, tuple) else last
            return self.head(last[-2:].transpose(0, 1).flatten(1) if self.rnn.bidirectional else last[-1])
        states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        own = (torch.arange(states.shape[1])[None] < lengths[:, None])[:, :, None]
        if self.reads == "mean":
            return self.head((states * own).sum(1) / lengths[:, None])
        return self.head(states.masked_fill(~own, -torch.inf).amax(1))

    def named(self, of: Callable[[Any], Any]) -> dict[str, Any]:
        """What `of` gives for each parameter, under the names of artifacts."""
        found = {}
        for name, parameter in self.named_parameters():
            told = name
            if name.startswith("rnn."):
                part, _, rest = name[len("rnn.") :].partition("_l")
                layer, _, reverse = rest.partition("_")
                told = f"rnn.{layer}.{'backward' if reverse else 'forward'}.{PARTS[part]}"
            found["embedding" if name == "embedding.weight" else told] = of(parameter)
        return found


def padded(steps: Any, offsets: Any, places: Any) -> tuple[Any, Any]:
    """The sequences at the places as a padded batch, and their lengths."""
    rows = [torch.as_tensor(steps[offsets[place] : offsets[place + 1]]) for place in places]
    lengths = torch.tensor([len(row) for row in rows])
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths


def vectors() -> dict[str, Any]:
    """Every small network's weights, inputs, classes, scores and gradients."""
    found: dict[str, Any] = {}
    for case, chosen in CNN_CASES.items():
        torch.manual_seed(len(found))
        x = torch.randn(5, *chosen["shape"])
        found.update(_answers(f"cnn/{case}", Cnn(chosen, CLASSES), x.double(), {"x": x}))
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    for case, chosen in RNN_CASES.items():
        torch.manual_seed(len(found))
        text = chosen["text"]
        steps = torch.randint(0, TOKENS, (offsets[-1], 1)) if text else torch.randn(offsets[-1], CHANNELS)
        network = Rnn(chosen, TOKENS if text else CHANNELS, CLASSES, text=text)
        x = padded(steps if text else steps.double(), offsets, range(len(LENGTHS)))
        inputs = {"steps": steps, "offsets": torch.as_tensor(offsets)}
        found.update(_answers(f"rnn/{case}", network, x, inputs))
    return found


def _answers(case: str, network: Any, x: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    weights = network.named(lambda parameter: parameter.detach().clone())
    scores = network.double()(x)
    y = torch.arange(len(scores)) % CLASSES
    functional.cross_entropy(scores, y).backward()
    gradients = network.named(lambda parameter: parameter.grad)
    return {
        **{f"{case}/{name}": array for name, array in inputs.items()},
        f"{case}/y": y,
        f"{case}/scores": scores.detach(),
        **{f"{case}/weights/{name}": array for name, array in weights.items()},
        **{f"{case}/gradients/{name}": array for name, array in gradients.items()},
    }


def train(
    network: Any, batch: Callable[[Any], Any], y: Any, places: Any, *, training: dict[str, Any], seed: int
) -> None:
    """Train with AdamW to the best validation loss, as the project does, by random numbers of its own."""
    random = np.random.default_rng(seed)
    order = random.permutation(places)
    held = round(len(order) * VALIDATION_FRACTION)
    validation, rest = order[:held], order[held:]
    optimiser = torch.optim.AdamW(network.parameters(), lr=training["learning_rate"], weight_decay=0.0)
    best, kept, without_gain, size = np.inf, None, 0, training["batch_size"]
    for _ in range(training["epochs"]):
        network.train()
        order = random.permutation(rest)
        for begin in range(0, len(order), size):
            some = order[begin : begin + size]
            optimiser.zero_grad()
            functional.cross_entropy(network(batch(some)), y[some]).backward()
            if training["clip_norm"]:
                nn.utils.clip_grad_norm_(network.parameters(), training["clip_norm"])
            optimiser.step()
        network.eval()
        with torch.no_grad():
            loss = float(functional.cross_entropy(network(batch(validation)), y[validation]))
        without_gain = 0 if loss < best else without_gain + 1
        if loss < best:
            best, kept = loss, {name: array.clone() for name, array in network.state_dict().items()}
        if without_gain >= training["patience"]:
            break
    network.load_state_dict(kept)


def accuracies(data: Any) -> dict[str, Any]:
    """The held-out accuracy of each data set, seed by seed."""
    found = {}
    for name in sorted({key.partition("/")[0] for key in data.files}):
        rates = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            y, places, test = (data[f"{name}/{seed}/{key}"] for key in ("y", "train", "test"))
            y = torch.as_tensor(y)
            network, batch, training = _prepared(name, data, seed, int(y.max()) + 1)
            train(network, batch, y, places, training=training, seed=seed)
            with torch.no_grad():
                right = network(batch(test)).argmax(1) == y[test]
            rates.append(float(right.double().mean()))
        print(name, rates, flush=True)
        found[f"accuracy/{name}"] = torch.tensor(rates)
    return found


def _prepared(
    name: str, data: Any, seed: int, n_classes: int
) -> tuple[Any, Callable[[Any], Any], dict[str, Any]]:
    """A new network for a data set, what makes batches of it, and how it is trained."""
    x, train = data[f"{name}/{seed}/x"], data[f"{name}/{seed}/train"]
    if name == "digits":
        learnt = x[train].astype(np.float32)
        pictures = torch.as_tensor((x - learnt.mean()) / learnt.std())
        chosen = {**CNN, "shape": list(pictures.shape[1:])}
        return Cnn(chosen, n_classes), lambda places: pictures[places], CNN_TRAINING
    offsets = data[f"{name}/{seed}/offsets"]
    text = x.dtype == np.int64
    if not text:
        rows = np.concatenate([np.arange(offsets[place], offsets[place + 1]) for place in train])
        x = (x - x[rows].mean(0)) / x[rows].std(0)
    network = Rnn(RNN, int(x.max()) + 1 if text else x.shape[1], n_classes, text=text)
    return network, lambda places: padded(x, offsets, places), RNN_TRAINING


def write(path: str, tensors: dict[str, Any]) -> None:
    """A safetensors file: floating numbers as F32, others as I64."""
    header, parts, end = {"__metadata__": {"torch": torch.__version__, "cases": json.dumps(
        {"cnn": CNN_CASES, "rnn": RNN_CASES}, sort_keys=True)}}, [], 0  # fmt: skip
    for name in sorted(tensors):
        floating = tensors[name].is_floating_point()
        array = tensors[name].numpy().astype("<f4" if floating else "<i8")
        packed = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": "F32" if floating else "I64",
            "shape": list(array.shape),
            "data_offsets": [end, end + len(packed)],
        }
        parts.append(packed)
        end += len(packed)
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as opened:
        opened.write(b"".join([struct.pack("<Q", len(encoded)), encoded, *parts]))


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("reference")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    write(chosen.reference, {**vectors(), **accuracies(np.load(chosen.data))})


if __name__ == "__main__":
    main()
