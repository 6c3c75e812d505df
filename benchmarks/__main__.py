"""`make bench`: first predictions in instructions; warm ones, servers, scoring and training in CPU time.

Each beside what people use today, in turn: what else the machine does then meets both sides alike. What jobs
and the registry ask of a store of many is counted. `report.py` makes docs/benchmarks.md of it.
`python -m benchmarks.tables all` trains on files of up to 200 MB. Networks are compared with PyTorch where
`TORCH_PYTHON` names an interpreter that has it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks import (
    bulk,
    cells,
    counting,
    explanations,
    growth_of_jobs,
    growth_of_registry,
    instructions,
    money,
    networks,
    preparation,
    report,
    served,
    streamed_training,
    tables,
    whole_tables,
)
from benchmarks.recording import Recording
from tests.ministack import Ministack


def program(python: str, module: str) -> tuple[str, ...]:
    """A command that runs a benchmark as `python -c pass` runs bare Python: `-m` imports more beside it."""
    return (python, "-c", f"import sys; from {module} import main; main(*sys.argv[1:])")


OURS = program(sys.executable, "benchmarks.product")
_BENCH = os.path.join(".tools", "bench", "bin", "python")
TODAY = program(_BENCH, "benchmarks.comparison_fastapi")
MINIMAL = program(_BENCH, "benchmarks.comparison_minimal")
NETWORKS = program(_BENCH, "benchmarks.comparison_networks")
# An interpreter that has PyTorch, FastAPI and Mangum: `make .tools/torch.ready` installs one.
TORCH = os.environ.get("TORCH_PYTHON", os.path.join(".tools", "torch", "bin", "python"))
# Whose Python a surface's packages are installed for.
SURFACES = {
    "aws": sys.executable,
    "google": os.path.join(".tools", "google-api", "bin", "python"),
    "azure": os.path.join(".tools", "azure-runtime", "bin", "python"),
    "local": sys.executable,
}
KEYS_PARAMETER = "/benchmark/keys"
GROWN = (10, 1_000, 10_000)
console = Recording()


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
    one = f"{folder}/logistic-regression-1.json"
    rows = {"bare Python": bare}
    for what, event in (
        ("logistic regression, folder", "logistic-regression-1"),
        ("k-means, folder", "kmeans-1"),
        ("SVM (RBF), folder", "svm-1"),
        ("logistic regression, 1,000 rows, folder", "logistic-regression-1000"),
    ):
        command = (*OURS, "predict", folder, f"{folder}/{event}.json")
        rows[f"serverless-ml, {what}"] = counted(what, command, env)
    what = "serverless-ml, logistic regression, nothing counted, folder"
    rows[what] = counted(what, (*OURS, "predict", folder, one), {**env, "ML_MONITORING_DAYS": "0"})
    rows["serverless-ml, logistic regression, key in SSM, model in S3"] = on_aws(folder)
    bare_today = counted("bare Python there", (TODAY[0], "-c", "pass"), env)
    for what, command in (
        ("numpy + orjson, one file", (*MINIMAL, "numpy", "predict", folder, one)),
        ("onnxruntime + orjson, one file", (*MINIMAL, "onnx", "predict", folder, one)),
        ("FastAPI + Mangum + joblib + scikit-learn, file", (*TODAY, "predict", folder, one)),
    ):
        rows[what] = round(counted(what, command, env) * bare / bare_today)
    table = Table(
        title=f"First prediction, fresh process ({instructions.counter()}, user space)", title_justify="left"
    )
    table.add_column("what")
    table.add_column("million instructions", justify="right")
    table.add_column("× bare Python", justify="right")
    for what, count in rows.items():
        table.add_row(what, f"{count / 1e6:,.0f}", f"{count / bare:.2f}")
    console.figures["instructions"] = rows
    console.print(table)
    on_surfaces(one, env, folder)


def on_surfaces(event: str, env: Mapping[str, str], folder: str) -> None:
    """A first prediction on each surface, beside what its platform imports before it has a function."""
    table = Table(
        title="First prediction for one row by surface, logistic regression, folder: million instructions",
        title_justify="left",
    )
    table.add_column("surface")
    for column in ("bare Python", "and its runtime", "and a prediction", "× bare Python", "× its runtime"):
        table.add_column(column, justify="right")
    found: dict[str, dict[str, int]] = {}
    for surface, python in SURFACES.items():
        if not os.path.exists(python):
            console.print(f"{surface} is not measured: {python} is not there.")
            continue
        command = (*program(python, "benchmarks.surfaces"), surface)
        found[surface] = {
            "bare Python": (bare := counted("bare Python", (python, "-c", "pass"), env)),
            "and its runtime": (runtime := counted(f"{surface}'s runtime", command, env)),
            "and a prediction": (whole := counted(surface, (*command, folder, event), env)),
        }
        millions = (f"{count / 1e6:,.0f}" for count in (bare, runtime, whole))
        table.add_row(surface, *millions, f"{whole / bare:.2f}", f"{whole / runtime:.2f}")
    console.figures["surfaces"] = found
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
    """The CPU time of warm requests, from event to answer, side by side."""
    commands = {
        cells.PRODUCT: OURS,
        cells.FASTAPI: TODAY,
        cells.NUMPY: (*MINIMAL, "numpy"),
        cells.ONNX: (*MINIMAL, "onnx"),
        cells.SERVED_ONNX: (*NETWORKS, "onnx"),
    }
    if os.path.exists(TORCH):
        commands[cells.SERVED_TORCH] = (*program(TORCH, "benchmarks.comparison_networks"), "torch")
    cells.compare(console, commands, environment(), folder)


def cost() -> None:
    """What the warm requests that were measured last would cost."""
    if measured := report.figures("warm").get("microseconds"):
        money.show(console, measured)


def packages() -> None:
    """How many bytes the zips have that were packaged last."""
    found = sorted(Path(".serverless").glob("*.zip"))
    if not found:
        console.print("Packages are not measured: `make package` makes them.")
        return
    table = Table(title="Zips in .serverless/", title_justify="left")
    table.add_column("zip")
    table.add_column("bytes", justify="right")
    for each in found:
        table.add_row(each.name, f"{each.stat().st_size:,}")
    console.print(table)


def scored(*, large: bool) -> None:
    """Jobs on files."""
    whole_tables.compare(console, *(() if large else whole_tables.QUICK))
    streamed_training.compare(console, *(() if large else (streamed_training.QUICK,)))


def grown_of_all(*, large: bool) -> None:
    """What jobs and the registry ask of a store of many."""
    growth_of_jobs.compare(console, *(() if large else (growth_of_jobs.QUICK,)))
    grown(GROWN if large else GROWN[:2])


def grown(sizes: Sequence[int]) -> None:
    """What the registry asks of its store, at some sizes."""
    with console.status("counting: the registry's requests"):
        counted = [growth_of_registry.costs(size, size) for size in sizes]
    table = Table(
        title="Requests to the store, and kB read and written, by versions and models", title_justify="left"
    )
    table.add_column("what")
    for size in sizes:
        table.add_column(f"{size:,} of each", justify="right")
    for what in counted[0]:
        shown = [each[what] for each in counted]
        table.add_row(what, *(f"{c.requests} · {c.read / 1e3:.1f} · {c.written / 1e3:.1f}" for c in shown))
    console.print(table)


# What is measured by each section of the report: in a folder with the models, and whether at full size. In a
# run of all sections the longest are made short.
MEASURED: dict[str, Callable[[str, bool], None]] = {
    "warm": lambda folder, _: warm(folder),
    "cold": lambda folder, _: cold(folder),
    "bulk": lambda folder, _: bulk.compare(console, folder),
    "http": lambda folder, _: served.compare(console, folder),
    "money": lambda *_: cost(),
    "explanations": lambda folder, _: explanations.compare(console, OURS, environment(), folder),
    "counting": lambda *_: counting.compare(console),
    "training": lambda *_: tables.compare(console, tables.QUICK),
    "scoring": lambda _, large: scored(large=large),
    "networks": lambda *_: networks.compare(console, TORCH if os.path.exists(TORCH) else None),
    "growth": lambda _, large: grown_of_all(large=large),
    "packages": lambda *_: packages(),
}


def main() -> None:
    """Prepare once, then measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure predictions, servers, scoring and trainings, beside what people use today, and "
        "write docs/benchmarks.md.",
    )
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help=f"of {', '.join(MEASURED)}, at full size; all of them, in minutes",
    )
    named = parser.parse_args().sections
    asked = named or [*MEASURED]
    if unknown := set(asked) - MEASURED.keys():
        parser.error(f"expected sections of {', '.join(MEASURED)}, got {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        with console.status("training the models"):
            cells.prepare(folder)
            preparation.write_events(folder)
            subprocess.run((*TODAY, "train", folder), check=True)
        for name in asked:
            began = time.monotonic()
            try:
                MEASURED[name](folder, bool(named))
            except instructions.CannotCount as reason:
                console.print(str(reason))
            report.keep(name, console.taken(), time.monotonic() - began)
            report.write()


if __name__ == "__main__":
    main()
