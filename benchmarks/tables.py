"""Training on a file, end to end, beside pandas and scikit-learn in a fresh process of their own.

`python -m benchmarks.tables [all]`: `all` goes up to files of 200 MB, which takes some minutes.
`python -m benchmarks.tables fit ALGORITHM FILE` trains once as the trainer does, and prints the metrics.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console

TODAY = (os.path.join(".tools", "bench", "bin", "python"), "-m", "benchmarks.comparison_pandas")
OURS = (sys.executable, "-m", "benchmarks.tables")
# algorithm, shape, megabytes
QUICK = (
    ("logistic_regression", "numeric", 20),
    ("logistic_regression", "mixed", 20),
    ("kmeans", "numeric", 20),
    ("svm", "mixed", 1),
)
ALL = (
    *QUICK,
    ("logistic_regression", "wide", 20),
    ("svm", "numeric", 3),
    ("kmeans", "mixed", 20),
    ("logistic_regression", "numeric", 200),
    ("logistic_regression", "mixed", 200),
    ("logistic_regression", "wide", 200),
    ("logistic_regression", "digits", 100),
    ("kmeans", "numeric", 200),
)


class Run(NamedTuple):
    """What a process took, its children included, and what it found."""

    seconds: float
    processor_seconds: float
    peak_bytes: int
    metrics: dict[str, float]


def run(command: Sequence[str]) -> Run:
    """Run a command to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - began
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return Run(taken, used.ru_utime + used.ru_stime, used.ru_maxrss << 10, json.loads(told))


def alternately(ours: Sequence[str], theirs: Sequence[str]) -> tuple[Run, Run]:
    """Of each command the run that took less CPU time, of two; neither is always the first."""
    first, second, third, fourth = run(ours), run(theirs), run(theirs), run(ours)
    return least(first, fourth), least(second, third)


def is_side(verbs: Mapping[str, Callable[..., dict[str, float]]], arguments: Sequence[str]) -> bool:
    """Whether the arguments are of one side of a comparison: it is then done, and told as `run` reads it."""
    verb, *more = arguments or ("",)
    if verb in verbs:
        sys.stdout.write(json.dumps(verbs[verb](*more)))
    return verb in verbs


def least(*runs: Run) -> Run:
    """The run that took the least CPU time."""
    return min(runs, key=lambda run: run.processor_seconds)


def fit(algorithm: str, path: str) -> dict[str, float]:
    """Train on a file as the trainer does: in a child process, from the file to the artifact's bytes."""
    from ml_core import algorithms
    from ml_core.jobs.fit_child import FitChild, FittedArtifact
    from ml_core.training.reference import TableReference
    from ml_core.training.request import TrainingRequest

    info = algorithms.algorithm(algorithm)
    reference = TableReference("file:x", None, "target", None)
    if algorithm == "kmeans":
        with open(path, encoding="utf-8") as file:
            columns = tuple(file.readline().strip().split(",")[:-1])
        reference = TableReference("file:x", None, None, columns)
    request = TrainingRequest(info.name, info.check({}), reference, 0.2, 0)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        data = os.path.join(folder, "data")
        os.link(path, data)
        with FitChild(request.to_bytes(), folder) as child:
            child.ended.wait()
            result = child.result()
    if not isinstance(result, FittedArtifact):
        raise SystemExit(str(result))
    found: dict[str, Any] = result.manifest["metrics"]["test"]
    return {name: value for name, value in found.items() if isinstance(value, float)}


def compare(console: "Console", what: Sequence[tuple[str, str, int]]) -> None:
    """Train on each table twice, ours and theirs in turn, and show the runs that took less CPU time."""
    from rich.table import Table

    table = Table(
        title="Training on a CSV file, from the file to the stored model, CPU time", title_justify="left"
    )
    for column in ("algorithm", "table", "MB"):
        table.add_column(column)
    for column in ("serverless-ml s", "pandas + scikit-learn s", "ratio", "elapsed s", "MiB", "their MiB"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for algorithm, shape, megabytes in what:
            path = os.path.join(folder, f"{shape}-{megabytes}.csv")
            with console.status(f"training: {algorithm}, {shape}, {megabytes} MB"):
                if not os.path.exists(path):
                    subprocess.run((*TODAY, "generate", shape, str(megabytes), path), check=True)
                ours, theirs = alternately((*OURS, "fit", algorithm, path), (*TODAY, "fit", algorithm, path))
            table.add_row(
                algorithm,
                shape,
                str(megabytes),
                f"{ours.processor_seconds:.1f}",
                f"{theirs.processor_seconds:.1f}",
                f"{ours.processor_seconds / theirs.processor_seconds:.2f} ×",
                f"{ours.seconds:.1f} / {theirs.seconds:.1f}",
                f"{ours.peak_bytes / 2**20:,.0f}",
                f"{theirs.peak_bytes / 2**20:,.0f}",
            )
            for name in ours.metrics.keys() & theirs.metrics.keys() - {"silhouette"}:  # sampled otherwise
                if abs(ours.metrics[name] / theirs.metrics[name] - 1) > 1e-3:
                    console.print(
                        f"{algorithm}, {shape}: {name} {ours.metrics[name]} / {theirs.metrics[name]}"
                    )
    console.print(table)


def main(*arguments: str) -> None:
    """Compare, or train once."""
    if is_side({"fit": fit}, arguments):
        return
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tables", description="Measure trainings on files, beside pandas."
    )
    parser.add_argument("which", nargs="?", choices=("all",), help="also files of up to 200 MB")
    which = parser.parse_args(arguments).which
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    compare(console, ALL if which == "all" else QUICK)


if __name__ == "__main__":
    main(*sys.argv[1:])
