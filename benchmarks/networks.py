"""The training of convolutional networks beside PyTorch's, both on one thread, in CPU time.

PyTorch is measured in both of its memory formats, and shown in the faster one.

`python -m benchmarks.networks [PYTHON]`: the interpreter that has torch; without it `TORCH_PYTHON` of the
environment. Where neither is given only ours is measured, and the table says so.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

ROUNDS = 2
OURS = (sys.executable, "-m", "benchmarks.networks", "epochs")
THEIRS = ("-m", "benchmarks.comparison_torch")


class Case(NamedTuple):
    """A network, its pictures and epochs, and how many times PyTorch's time ours may take."""

    name: str
    shape: tuple[int, int, int]
    channels: tuple[int, ...]
    dense: tuple[int, ...]
    samples: int
    epochs: int
    most: float

    def arguments(self) -> tuple[str, ...]:
        """As `comparison_torch` takes them."""
        numbers = (*self.shape, self.samples, self.epochs, *self.channels)
        return (*map(str, numbers), "--", *map(str, self.dense))


CASES = (
    Case("digits, 8 × 8", (8, 8, 1), (16, 32), (64,), 1437, 40, 1.5),
    Case("28 × 28", (28, 28, 1), (32, 64), (128,), 2048, 4, 2.3),
    Case("32 × 32 × 3", (32, 32, 3), (32, 64, 128), (128,), 1024, 4, 1.5),
)


def epochs(arguments: Sequence[str]) -> list[float]:
    """Train as a job does, on random pictures kept as bytes; the CPU seconds of each epoch."""
    from ml_core.networks.numerics import environment

    os.environ.update(environment())
    import numpy as np

    from ml_core.algorithms.base import FitContext, TrainingData
    from ml_core.inputs.samples import PictureSamples
    from ml_core.networks import convolutional
    from ml_core.networks.training import TrainingOptions, train

    end = arguments.index("--")
    height, width, depth, samples, count, *channels = map(int, arguments[:end])
    shape, dense = (height, width, depth), list(map(int, arguments[end + 1 :]))
    random = np.random.default_rng(0)
    pictures = PictureSamples(random.integers(0, 256, (samples, *shape), dtype=np.uint8))
    chosen = {"channels": channels, "kernel_size": 3, "pooling": "max", "dense": dense, "dropout": 0.25}
    inputs = convolutional.PictureInputs(pictures, *convolutional.scaling(pictures, "standardise"))
    ended = [time.process_time()]
    train(
        convolutional.build(shape, 10, chosen, 0),
        inputs,
        TrainingData(pictures, random.integers(0, 10, samples), 0),
        TrainingOptions(epochs=count, validation_fraction=0.0),
        FitContext(lambda done, of, metrics: ended.append(time.process_time())),  # noqa: ARG005 - the shape
    )
    return [after - before for before, after in pairwise(ended)]


def least(commands: Sequence[Sequence[str]]) -> list[float]:
    """The epoch of each command that took the least, of some runs; neither is always the first."""
    found = [float("inf")] * len(commands)
    for number in range(ROUNDS):
        order = list(range(len(commands)))
        for place in order if number % 2 == 0 else reversed(order):
            done = subprocess.run(commands[place], check=True, stdout=subprocess.PIPE)
            found[place] = min(found[place], *json.loads(done.stdout))
    return found


def compare(console: "Console", python: str | None) -> None:
    """Show an epoch of each network, ours and PyTorch's in turn."""
    from rich.table import Table

    table = Table(
        title="An epoch of training, batches of 64, one thread, CPU time: the least of several",
        title_justify="left",
    )
    for column in ("pictures", "channels", "dense", "samples"):
        table.add_column(column)
    for column in ("serverless-ml s", "PyTorch s", "ratio", "at most"):
        table.add_column(column, justify="right")
    for case in CASES:
        commands: list[tuple[Any, ...]] = [(*OURS, *case.arguments())]
        if python is not None:
            commands.append((python, *THEIRS, *case.arguments()))
        with console.status(f"training: {case.name}"):
            ours, *theirs = least(commands)
        table.add_row(
            case.name,
            ", ".join(map(str, case.channels)),
            ", ".join(map(str, case.dense)),
            f"{case.samples:,}",
            f"{ours:.3f}",
            *([f"{theirs[0]:.3f}", f"{ours / theirs[0]:.2f} ×"] if theirs else ["not measured", ""]),
            f"{case.most} ×",
        )
    console.print(table)
    if python is None:
        console.print("PyTorch is not measured: TORCH_PYTHON names no interpreter that has it.")


def main(*arguments: str) -> None:
    """Compare, or train once."""
    if arguments[:1] == ("epochs",):
        sys.stdout.write(json.dumps(epochs(arguments[1:])))
        return
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.networks", description="Measure trainings of networks, beside PyTorch."
    )
    parser.add_argument(
        "python", nargs="?", default=os.environ.get("TORCH_PYTHON"), help="an interpreter that has torch"
    )
    python = parser.parse_args(arguments).python
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    compare(console, python)


if __name__ == "__main__":
    main(*sys.argv[1:])
