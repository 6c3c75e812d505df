"""The networks of `benchmarks/networks.py` as people write them in PyTorch, trained on one thread.

`PYTHON -m benchmarks.comparison_torch HEIGHT WIDTH CHANNELS SAMPLES EPOCHS OUTPUTS… -- DENSE…` prints the CPU
seconds of each epoch as JSON: so many in each of PyTorch's two memory formats. It runs in an interpreter that
has torch, from Python 3.11 on, and imports nothing of ours.
"""

import json
import sys
import time
from typing import Any

BATCH, CLASSES, DROPOUT = 64, 10, 0.25


def network(shape: tuple[int, int, int], outputs: list[int], dense: list[int]) -> Any:
    """Convolutions of 3 × 3, each with ReLU and max pooling, then dense layers with dropout before each."""
    from torch import nn

    height, width, channels = shape
    layers: list[Any] = []
    for count in outputs:
        layers += [nn.Conv2d(channels, count, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        height, width, channels = height // 2, width // 2, count
    layers.append(nn.Flatten())
    inputs = height * width * channels
    for count in dense:
        layers += [nn.Dropout(DROPOUT), nn.Linear(inputs, count), nn.ReLU()]
        inputs = count
    return nn.Sequential(*layers, nn.Dropout(DROPOUT), nn.Linear(inputs, CLASSES))


def epochs(
    shape: tuple[int, int, int], samples: int, count: int, model: Any, memory_format: Any
) -> list[float]:
    """Train on random pictures; the CPU seconds of each epoch."""
    import torch

    height, width, channels = shape
    model = model.to(memory_format=memory_format)
    x = torch.randn(samples, channels, height, width).contiguous(memory_format=memory_format)
    y = torch.randint(0, CLASSES, (samples,))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    loss_of = torch.nn.CrossEntropyLoss()
    taken = []
    for _ in range(count):
        began = time.process_time()
        order = torch.randperm(samples)
        for begin in range(0, samples, BATCH):
            places = order[begin : begin + BATCH]
            optimiser.zero_grad()
            loss = loss_of(model(x[places]), y[places])
            loss.backward()
            optimiser.step()
            loss.item()
        taken.append(time.process_time() - began)
    return taken


def main(*arguments: str) -> None:
    """Print what each epoch took."""
    import torch

    torch.set_num_threads(1)
    height, width, channels, samples, count, *outputs = map(int, arguments[: arguments.index("--")])
    dense = list(map(int, arguments[arguments.index("--") + 1 :]))
    shape = (height, width, channels)
    taken = [
        seconds
        for memory_format in (torch.contiguous_format, torch.channels_last)
        for seconds in epochs(shape, samples, count, network(shape, outputs, dense), memory_format)
    ]
    sys.stdout.write(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
