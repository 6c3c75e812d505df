"""Scoring whole tables: beside reading the same columns alone, and beside scikit-learn and pandas.

`python -m benchmarks.whole_tables` prints the table, in CPU time. Each side runs twice, in turn, in processes
of their own with one thread for matrices; what they import is not counted. With another word it is one side.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.large_tables import LABELS, NUMBERS, LargeTable, arrays, write
from benchmarks.tables import alternately, is_side, run

if TYPE_CHECKING:
    from rich.console import Console

    from ml_core.model.model import Model

OURS = (sys.executable, "-m", "benchmarks.whole_tables")
TODAY = (os.path.join(".tools", "bench", "bin", "python"), "-m", "benchmarks.comparison_scoring")
ROWS, WIDE_ROWS = 2_000_000, 16_000
QUICK = 200_000, 2_000
_FIRST, _JOB, _TRAINED_BY = "9" * 28, "a" * 28, "f" * 28


def read(folder: str) -> dict[str, float]:
    """Read the columns of numbers of each Parquet file as arrays, by the engine itself, and nothing else."""
    from arro3.io import read_parquet

    began, rows = time.process_time(), 0
    for path in sorted(Path(folder).iterdir()):
        for batch in read_parquet(path, batch_size=1 << 14):
            for place in range(NUMBERS):
                batch.column(place).to_numpy()
            rows += batch.num_rows
    return {"rows": rows, "seconds": time.process_time() - began}


def score(root: str, artifact: str, folder: str) -> dict[str, float]:
    """Score a folder of `root/data` as a job's process does, into a store beside it: the labels."""
    from arro3.io import read_parquet

    from handlers.local.services import folder_services
    from handlers.settings import read_settings
    from ml_core.digests import sha256
    from ml_core.mapping import InTurn
    from ml_core.registry.registry import artifact_key
    from ml_core.scanning.planning import plan_of
    from ml_core.scoring.part import score_part
    from ml_core.scoring.request import ScoringRequest

    written = tempfile.mkdtemp(dir=root)
    settings = read_settings({"ML_ROOT": written, "ML_DATA_ROOT": f"{root}/data"})
    services = folder_services(settings, key_records=None)
    stores, reopening = services.stores, services.reopening
    if reopening is None:
        raise SystemExit("these stores cannot be opened by a task")
    packed = Path(artifact).read_bytes()
    stores.store.put_if_absent(artifact_key(_TRAINED_BY), packed)
    request = ScoringRequest(f"file:{folder}/", job=_TRAINED_BY, sha256=sha256(packed), version=1)
    taken, rows = 0.0, 0
    for job in (_FIRST, _JOB):  # the first part once before: what imports take is not counted
        began, rows = time.process_time(), 0
        plan = plan_of(
            stores.data,
            request.uri,
            options=request.options,
            declared=None,
            mapper=InTurn(),
            stores=reopening,
        )
        for each in plan.parts[: 1 if job == _FIRST else None]:
            done = score_part(reopening, request, job, plan._replace(parts=()), each)
            if done.counts is None or done.counts.rejected:
                raise SystemExit(f"{each}: {done}")
            rows += done.counts.rows
        taken = time.process_time() - began
    ones = 0
    for found in stores.store.list(f"scores/{_JOB}/part-").objects:
        labels = read_parquet(BytesIO(stores.store.get(found.key).data)).read_all().column("label")
        ones += list(labels.to_pylist()).count(1)
    shutil.rmtree(written)
    return {"rows": rows, "seconds": taken, "ones": ones}


def scan(root: str, folder: str) -> dict[str, float]:
    """Read the same of a folder of `root/data` as a job does: part by part, in blocks of bounded memory."""
    from handlers.local.services import folder_services
    from handlers.settings import read_settings
    from ml_core.mapping import InTurn
    from ml_core.scanning.blocks import blocks
    from ml_core.scanning.planning import plan_of
    from ml_core.tables.options import read_options

    settings = read_settings({"ML_ROOT": root, "ML_DATA_ROOT": f"{root}/data"})
    data = folder_services(settings, key_records=None).stores.data
    names = [f"x{place}" for place in range(NUMBERS)]
    plan = plan_of(
        data, f"file:{folder}/", options=read_options({}), declared=None, mapper=InTurn(), stores=None
    )
    next(blocks(data, plan, plan.parts[0], names))  # what it imports is not counted
    began = time.process_time()
    rows = sum(block.rows for part in plan.parts for block in blocks(data, plan, part, names))
    return {"rows": rows, "seconds": time.process_time() - began}


def convert(fitted: str, artifact: str) -> dict[str, float]:
    """Store a pipeline of scikit-learn's as a model."""
    import joblib

    from ml_core import from_scikit_learn

    Path(artifact).write_bytes(from_scikit_learn(joblib.load(fitted)).to_bytes())
    return {}


def logistic_regression() -> "Model":
    """A model of the first block of a large table of numbers, whose columns are called as arrays' are."""
    from ml_core import train_model

    X, y = next(arrays(LargeTable()))
    return train_model(X, [LABELS[label] for label in y])


class Side(NamedTuple):
    """A command that is measured beside another, and what it does."""

    command: tuple[str, ...]
    what: str


def _sides(folder: str, rows: int, wide_rows: int) -> Iterator[tuple[str, Side, list[Side]]]:
    """What is scored, by us and beside what."""
    run((*OURS, "generate", folder, str(rows)))
    numbers = f"{folder}/data/numbers"
    yield (
        "logistic regression, 30 numbers, Parquet",
        Side((*OURS, "score", folder, f"{folder}/linear", "numbers"), "scoring"),
        [
            Side((*OURS, "read", numbers), "reading alone, by Arrow"),
            Side((*OURS, "scan", folder, "numbers"), "reading alone, part by part"),
            Side((*TODAY, "read", numbers), "reading alone, by pandas"),
        ],
    )
    os.makedirs(f"{folder}/data/wide")
    wide = f"{folder}/data/wide/rows.parquet"
    for command in (
        (*TODAY, "fit", f"{folder}/fitted"),
        (*TODAY, "generate", str(wide_rows), wide),
        (*OURS, "convert", f"{folder}/fitted", f"{folder}/kernel"),
    ):
        run(command)
    yield (
        "SVM (RBF), 1,898 vectors of 1,000 numbers, Parquet",
        Side((*OURS, "score", folder, f"{folder}/kernel", "wide"), "scoring"),
        [
            Side(
                (*TODAY, "score", f"{folder}/fitted", wide, f"{folder}/scores.parquet"),
                "pandas + scikit-learn",
            )
        ],
    )


def compare(console: "Console", rows: int = ROWS, wide_rows: int = WIDE_ROWS) -> None:
    """Print the table, for so many rows of 30 numbers and of 1,000."""
    from rich.table import Table

    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # of the processes that are measured
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    table = Table(title="Scoring a table, from files to files, CPU time", title_justify="left")
    for column in ("scored", "beside"):
        table.add_column(column)
    for column in ("rows", "rows a second", "rows a second there", "ratio", "MiB", "MiB there"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for name, ours, others in _sides(folder, rows, wide_rows):
            for other in others:
                with console.status(f"{name}: {other.what}"):
                    mine, theirs = alternately(ours.command, other.command)
                if mine.metrics["ones"] != theirs.metrics.get("ones", mine.metrics["ones"]):
                    console.print(
                        f"{name}: {mine.metrics['ones']} rows of class 1, there {theirs.metrics['ones']}"
                    )
                rates = [each.metrics["rows"] / each.metrics["seconds"] for each in (mine, theirs)]
                table.add_row(
                    name,
                    other.what,
                    f"{mine.metrics['rows']:,}",
                    f"{rates[0]:,.0f}",
                    f"{rates[1]:,.0f}",
                    f"{rates[0] / rates[1]:.2f} ×",
                    f"{mine.peak_bytes / 2**20:,.0f}",
                    f"{theirs.peak_bytes / 2**20:,.0f}",
                )
    console.print(table)


def generate(folder: str, rows: str) -> dict[str, float]:
    """Write a table of numbers, and a model of such."""
    write(LargeTable(rows=int(rows)), f"{folder}/data/numbers", file_format="parquet", files=4)
    Path(folder, "linear").write_bytes(logistic_regression().to_bytes())
    return {}


_VERBS: dict[str, Callable[..., dict[str, float]]] = {
    "read": read,
    "scan": scan,
    "score": score,
    "convert": convert,
    "generate": generate,
}


def main(*arguments: str) -> None:
    """Compare, or be one side."""
    if is_side(_VERBS, arguments):
        return
    import argparse

    argparse.ArgumentParser(
        prog="python -m benchmarks.whole_tables",
        description="Measure the scoring of tables, beside reading them and beside pandas.",
    ).parse_args(arguments)
    from rich.console import Console

    compare(Console(highlight=False, width=140))


if __name__ == "__main__":
    main(*sys.argv[1:])
