"""`make bench`: a first prediction in instructions, a warm one, scoring and training on files in CPU time.

Each beside what people use today, in turn: what else the machine does then meets both sides alike. What jobs
and the registry ask of a store of many is counted.
`python -m benchmarks.tables all` trains on files of up to 200 MB. Networks are compared with PyTorch where
`TORCH_PYTHON` names an interpreter that has it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks import (
    counting,
    explanations,
    growth_of_jobs,
    growth_of_registry,
    instructions,
    networks,
    preparation,
    streamed_training,
    tables,
    whole_tables,
)
from providers.local.runtime.store import FolderStore
from tests.ministack import Ministack


def program(python: str, module: str) -> tuple[str, ...]:
    """A command that runs a benchmark as `python -c pass` runs bare Python: `-m` imports more beside it."""
    return (python, "-c", f"import sys; from {module} import main; main(*sys.argv[1:])")


OURS = program(sys.executable, "benchmarks.product")
TODAY = program(os.path.join(".tools", "bench", "bin", "python"), "benchmarks.comparison_fastapi")
KEYS_PARAMETER = "/benchmark/keys"
ROUNDS = 3
GROWN = (10, 1_000, 10_000)
console = Console(highlight=False)
if not console.is_terminal:
    console.width = 110


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would keep compiled files from being used, and `more`.

    One seed for hashing: with another, dictionaries take other numbers of instructions.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONHASHSEED": "0", **more}


def counted(what: str, command: Sequence[str], env: Mapping[str, str]) -> int:
    """The instructions of `command`, with a line that says what is being counted."""
    with console.status(f"counting: {what}"):
        return instructions.count(command, env)


def cold(folder: str) -> None:
    """Instructions of a fresh process that answers one prediction for one row."""
    env = environment()
    bare = counted("bare Python", (sys.executable, "-c", "pass"), env)
    rows = [
        ("bare Python", bare),
        *(
            (what, counted(what, (*OURS, "predict", folder, f"{folder}/{event}.json"), env))
            for what, event in (
                ("serverless-ml, logistic regression, folder", "logistic-regression-1"),
                ("serverless-ml, k-means, folder", "kmeans-1"),
                ("serverless-ml, SVM (RBF), folder", "svm-1"),
                ("serverless-ml, logistic regression, 1,000 rows, folder", "logistic-regression-1000"),
            )
        ),
        (
            "serverless-ml, logistic regression, nothing counted, folder",
            counted(
                "a prediction that is not counted",
                (*OURS, "predict", folder, f"{folder}/logistic-regression-1.json"),
                {**env, "ML_MONITORING_DAYS": "0"},
            ),
        ),
        ("serverless-ml, logistic regression, key in SSM, model in S3", on_aws(folder)),
    ]
    what = "FastAPI + Mangum + joblib + scikit-learn, file"
    bare_today = counted("bare Python there", (TODAY[0], "-c", "pass"), env)
    today = counted(what, (*TODAY, "predict", folder, f"{folder}/logistic-regression-1.json"), env)
    rows.append((what, round(today * bare / bare_today)))
    table = Table(
        title=f"First prediction, fresh process ({instructions.counter()}, user space)", title_justify="left"
    )
    table.add_column("what")
    table.add_column("million instructions", justify="right")
    table.add_column("× bare Python", justify="right")
    for what, count in rows:
        table.add_row(what, f"{count / 1e6:,.0f}", f"{count / bare:.2f}")
    console.print(table)


def on_aws(folder: str) -> int:
    """The same as deployed: the key in the Parameter Store, the model in S3 (an emulator on this machine)."""
    import boto3

    with Ministack() as aws:
        os.environ.update(aws.env)
        boto3.client("s3").create_bucket(
            Bucket="benchmark", CreateBucketConfiguration={"LocationConstraint": aws.env["AWS_REGION"]}
        )
        with open(f"{folder}/keys.json", encoding="utf-8") as keys:
            (record,) = json.load(keys)
        name = f"{KEYS_PARAMETER}/{record['id']}"
        boto3.client("ssm").put_parameter(Name=name, Value=json.dumps(record), Type="SecureString")
        from providers.aws.runtime.store import s3_store

        preparation.store_models(s3_store("benchmark", env=os.environ))
        command = (*OURS, "predict", folder, f"{folder}/logistic-regression-1.json")
        deployed = environment(ML_BUCKET="benchmark", ML_KEYS_PARAMETER=KEYS_PARAMETER)
        return counted("on AWS", command, deployed)


def warm(folder: str) -> None:
    """The median CPU time of a warm request, from event to answer, side by side."""
    events = [f"{folder}/logistic-regression-{batch}.json" for batch in preparation.BATCHES]
    rounds = [(timed(OURS, folder, events), timed(TODAY, folder, events)) for _ in range(ROUNDS)]
    ours, today = (list(map(median, zip(*side, strict=True))) for side in zip(*rounds, strict=True))
    table = Table(
        title="Warm request, logistic regression with 30 features, CPU time, p50", title_justify="left"
    )
    for column in ("rows", "serverless-ml µs", "FastAPI + Mangum + joblib µs", "ratio"):
        table.add_column(column, justify="right")
    for batch, mine, theirs in zip(preparation.BATCHES, ours, today, strict=True):
        table.add_row(f"{batch:,}", f"{mine:,.0f}", f"{theirs:,.0f}", f"{theirs / mine:.1f} ×")
    console.print(table)


def timed(command: Sequence[str], folder: str, events: Sequence[str]) -> list[float]:
    """The median of each event in one process, in microseconds."""
    with console.status("timing warm requests"):
        done = subprocess.run(
            (*command, "time", folder, *events), check=True, capture_output=True, env=environment()
        )
    medians: list[float] = json.loads(done.stdout)
    return medians


def grown() -> None:
    """What the registry asks of its store, at three sizes."""
    with console.status("counting: the registry's requests"):
        counted = [growth_of_registry.costs(size, size) for size in GROWN]
    table = Table(
        title="Requests to the store, and kB read and written, by versions and models", title_justify="left"
    )
    table.add_column("what")
    for size in GROWN:
        table.add_column(f"{size:,} of each", justify="right")
    for what in counted[0]:
        shown = [each[what] for each in counted]
        table.add_row(what, *(f"{c.requests} · {c.read / 1e3:.1f} · {c.written / 1e3:.1f}" for c in shown))
    console.print(table)


def main() -> None:
    """Prepare once, then measure."""
    argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure predictions, scoring and trainings, beside what people use today.",
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with console.status("training the models"):
            preparation.store_models(FolderStore(folder))
            preparation.write_events(folder)
            subprocess.run((*TODAY, "train", folder), check=True)
        warm(folder)
        try:
            cold(folder)
            explanations.compare(console, OURS, environment(), folder)
        except instructions.CannotCount as reason:
            console.print(str(reason))
    counting.compare(console)
    growth_of_jobs.compare(console)
    tables.compare(console, tables.QUICK)
    whole_tables.compare(console)
    streamed_training.compare(console)
    networks.compare(console, os.environ.get("TORCH_PYTHON"))
    grown()


if __name__ == "__main__":
    main()
