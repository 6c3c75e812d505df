"""Training on a table part by part in one process, beside pandas and scikit-learn that hold it in memory.

`python -m benchmarks.streamed_training` prints the table: logistic regression of 30 columns on the same files
of Parquet, each side twice and in turn, in CPU time. The gap is how far a model ends above the least of the
objective, as a part of it.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.large_tables import LABEL, LargeTable, write
from benchmarks.tables import Run, alternately, is_side, run

if TYPE_CHECKING:
    from rich.console import Console

OURS = (sys.executable, "-m", "benchmarks.streamed_training")
TODAY = (os.path.join(".tools", "bench", "bin", "python"), "-m", "benchmarks.comparison_streaming")
ROWS, QUICK = 1_000_000, 100_000
_JOB = "a" * 28


def generate(folder: str, rows: str) -> dict[str, float]:
    """Write the table as eight files below `folder/data/numbers`."""
    write(LargeTable(rows=int(rows)), f"{folder}/data/numbers", file_format="parquet", files=8)
    return {}


def fit(folder: str, model: str) -> dict[str, float]:
    """Train part by part as the trainer does, in a child process, and store the weights of the columns."""
    from ml_core.datasets.reopening import Reopening
    from ml_core.inputs.rows import Limits
    from ml_core.jobs.fit_child import FitChild, FittedArtifact
    from ml_core.jobs.surroundings import Surroundings
    from ml_core.model.model import Model
    from ml_core.training.request import check_request

    body = {
        "algorithm": "logistic_regression",
        "data": {"uri": "file:numbers/", "target": LABEL},
        "engine": "streamed",
        "test_fraction": 0,
    }
    request = check_request(body, Limits(), lambda _: None)
    environment = {"ML_ROOT": f"{folder}/root", "ML_DATA_ROOT": f"{folder}/data"}
    stores = Reopening("handlers.local.services:open_stores", {"environment": environment})
    with tempfile.TemporaryDirectory(dir=folder) as work:
        Surroundings(_JOB, stores).write(work)
        with FitChild(request.to_bytes(), work) as child:
            child.ended.wait()
            result = child.result()
    if not isinstance(result, FittedArtifact):
        raise SystemExit(str(result))
    fitted: Any = Model.from_bytes(result.artifact).estimator
    (weights,), (intercept,) = fitted.weights.rows, fitted.intercepts
    Path(model).write_text(json.dumps([*weights, intercept]), encoding="utf-8")
    engine = result.manifest["engine"]
    return {"rows": result.manifest["rows"], "passes": engine["passes"], "parts": engine["parts"]}


def compare(console: "Console", rows: int = ROWS) -> None:
    """Print the table, for so many rows."""
    from rich.table import Table

    table = Table(title="Logistic regression of 30 columns, from files to the model", title_justify="left")
    table.add_column("trained")
    for column in ("rows", "CPU s", "elapsed s", "MiB", "passes", "gap of the objective"):
        table.add_column(column, justify="right")
    with (
        tempfile.TemporaryDirectory() as folder,
        console.status(f"training part by part, {rows:,} rows"),
    ):
        run((*OURS, "generate", folder, str(rows)))
        numbers, streamed, today = (f"{folder}/{name}" for name in ("data/numbers", "streamed", "today"))
        ours, theirs = alternately((*OURS, "fit", folder, streamed), (*TODAY, "fit", numbers, today))
        gaps = run((*TODAY, "gaps", numbers, streamed, today)).metrics
    _add(table.add_row, "part by part, one process", ours, gaps[streamed])
    _add(table.add_row, "in memory, pandas + scikit-learn", theirs, gaps[today])
    console.print(table)


def _add(add_row: Callable[..., None], what: str, measured: Run, gap: float) -> None:
    add_row(
        what,
        f"{measured.metrics['rows']:,}",
        f"{measured.processor_seconds:.1f}",
        f"{measured.seconds:.1f}",
        f"{measured.peak_bytes / 2**20:,.0f}",
        str(measured.metrics.get("passes", "")),
        f"{gap:.0e}",
    )


_VERBS: dict[str, Callable[..., dict[str, float]]] = {"generate": generate, "fit": fit}


def main(*arguments: str) -> None:
    """Compare, or be one side."""
    if is_side(_VERBS, arguments):
        return
    import argparse

    argparse.ArgumentParser(
        prog="python -m benchmarks.streamed_training",
        description="Measure a training part by part, beside pandas and scikit-learn in memory.",
    ).parse_args(arguments)
    from rich.console import Console

    compare(Console(highlight=False, width=120))


if __name__ == "__main__":
    main(*sys.argv[1:])
