"""What a model takes on this machine: its package's bytes, and a process's time, memory and answers."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from providers.advising.impossible import AdviceImpossible, reason_of
from providers.advising.packaged import CLOUDS, CloudPackage, scratch, unpack
from providers.deploying.keys import new_key
from providers.deploying.packages import ROOT

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "measuring.py")
COUNTS = (1, 10, 100, 1000)  # rows of a request
_LONGEST = 300  # seconds of one process

Told = Callable[[str], None]


class MeasuredRequest(NamedTuple):
    """A warm request with so many rows: seconds of processor time, and bytes."""

    seconds: float
    request_bytes: int
    answer_bytes: int
    memory: int  # at most, until then


class PackageProfile(NamedTuple):
    """What was measured of one cloud's package. Times are seconds of this machine's processor.

    Args:
        load: from the start of Python until the handler is imported.
        first: of the first request beside that.
        first_reads: requests of the store that it takes.
        log_bytes: what a request logs.
        refused: which request got no prediction, and none with more rows was made.
    """

    package: CloudPackage
    load: float
    load_memory: int
    first: float
    first_reads: int
    first_writes: int
    rows: dict[int, MeasuredRequest]
    log_bytes: float
    refused: str = ""

    @property
    def memory(self) -> int:
        """The most memory that the process had."""
        return max(each.memory for each in self.rows.values())


class ModelRequest(NamedTuple):
    """A request to predict: what the model is asked about, and what else the body says."""

    model: str
    version: int
    algorithm: str
    instances: list[Any]
    rest: dict[str, Any]


def machine() -> str:
    """This machine, for people: where it was measured."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return f"{name}, {platform.system()}, Python {platform.python_version()}, {when}"


def request_of(root: str, model: str, body: str | None) -> ModelRequest:
    """A request for the model, made from what its version says that it takes, or read from the file `body`.

    Raises `AdviceImpossible` where there is no such model, or nobody can say what to send it.
    """
    given = _read_body(body) if body else None
    told = _run("describe", sys.executable, ["-P"], {"PYTHONPATH": ROOT}, _job(root, model, "admin"))
    if told["status"] != 200:
        there = f"in {root!r}, where `make serve` keeps models; --root names another folder"
        raise AdviceImpossible(
            f"--model: expected a model {there}; got {model!r}: {told['model'].get('detail', told['status'])}"
        )
    version = told["model"]
    number = int(version.get("version", 0))
    if given is not None:
        rest = {name: value for name, value in given.items() if name != "instances"}
        return ModelRequest(model, number, version["algorithm"], given["instances"], rest)
    if version.get("input"):
        raise AdviceImpossible(
            f"--model: {model!r} takes no plain rows; --body FILE names a request to :predict for it"
        )
    return ModelRequest(model, number, version["algorithm"], [_row(version)], {})


def measure(
    root: str, request: ModelRequest, clouds: tuple[str, ...] = CLOUDS, told: Told = lambda _: None
) -> dict[str, PackageProfile]:
    """Build and measure each cloud's package. Raises `AdviceImpossible`; `told` gets a line for each step."""
    return {cloud: _measure(root, request, cloud, told) for cloud in clouds}


def _measure(root: str, request: ModelRequest, cloud: str, told: Told) -> PackageProfile:
    with scratch() as folder:
        told(f"{cloud}: building the package, as a deployment does")
        package = unpack(cloud, folder)
        told(f"{cloud}: measuring {request.model} in a process of its own")
        job = {
            **_job(root, request.model, "predict"),
            "instances": request.instances,
            "rest": request.rest,
            "counts": COUNTS,
        }
        options = ["-P", *(["-S"] if package.own_libraries else [])]
        env = {"PYTHONPATH": os.pathsep.join(package.paths)}
        # The second run has what the first brought into the disk's cache.
        found = [_run(cloud, sys.executable, options, env, job) for _ in range(2)][-1]
    refused = found.get("refused")
    if refused and not found["rows"]:
        raise AdviceImpossible(
            f"{cloud}: the request that was made up for {request.model!r} got {refused['status']}: "
            f"{refused['answer'][:300]}; --body FILE names another"
        )
    rows = {int(count): MeasuredRequest(**each) for count, each in found["rows"].items()}
    return PackageProfile(
        package,
        found["load"],
        found["load_memory"],
        found["first"],
        found["first_reads"],
        found["first_writes"],
        rows,
        found["log_bytes"],
        f"{refused['rows']:,} rows got {refused['status']}" if refused else "",
    )


def _job(root: str, model: str, role: str) -> dict[str, Any]:
    """What the program needs to be asked about a model, with a key of that role, which it alone knows."""
    made = new_key(role)
    return {
        "root": os.path.abspath(root),
        "model": model,
        "project": ROOT,
        "key": made.key,
        "record": made.record,
    }


def _run(
    what: str, python: str, options: list[str], env: dict[str, str], job: dict[str, Any]
) -> dict[str, Any]:
    """Run the program, and read its result; `log_bytes` is what it logged of a request."""
    with tempfile.TemporaryDirectory(prefix="advise-") as folder:
        result = os.path.join(folder, "result.json")
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "OPENBLAS_NUM_THREADS": "1",  # as the functions have it
            "PYTHONDONTWRITEBYTECODE": "1",
            **env,
        }
        try:
            done = subprocess.run(  # noqa: S603 - this Python and a program of ours
                [python, *options, PROGRAM, what],
                input=json.dumps({**job, "result": result}),
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise AdviceImpossible(f"{what}: measuring took more than {_LONGEST} seconds") from error
        if done.returncode != 0 or not os.path.exists(result):
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise AdviceImpossible(f"{what}: the process that measures failed: {last[:300]}")
        with open(result, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    logged = [line for line in (done.stdout + done.stderr).splitlines() if '"event": "request"' in line]
    found["log_bytes"] = sum(map(len, logged)) / len(logged) if logged else 0.0
    return found


def _read_body(path: str) -> dict[str, Any]:
    expected = "expected a file with a request of :predict as JSON, with instances"
    try:
        with open(path, encoding="utf-8") as file:
            body = json.load(file)
    except (OSError, ValueError) as error:
        raise AdviceImpossible(f"--body {path}: {expected}, got {reason_of(error)}") from error
    if not isinstance(body, dict) or not isinstance(body.get("instances"), list) or not body["instances"]:
        raise AdviceImpossible(f"--body {path}: {expected}, got none")
    return body


def _row(version: dict[str, Any]) -> list[object]:
    """A row of the kinds that the version's columns have, near the rows that it was trained on."""
    if version.get("encoding"):
        return [_cell(column) for column in version["encoding"]]
    return [0.5] * len(version["features"])


def _cell(column: dict[str, Any]) -> object:
    if column["kind"] == "category":
        return (column.get("words") or [""])[0]
    if column["kind"] == "boolean":
        return True
    if column["kind"] == "date":
        return "2026-06-15"
    return column.get("replacement", 1.5)
