"""Requests over HTTP: what a server's processes take of the processor for each, with 16 clients.

The laptop's server beside MLServer and BentoML, which have environments of their own below `.tools/`. Only
what a server and the processes that it started take is counted; Linux alone tells that of others. The clients
are wrk's where it is installed, else threads of this process: these keep a server waiting more often.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table

from benchmarks.preparation import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.recording import Recording

CLIENTS, ROUNDS, SECONDS = 16, 3, 2.0
ROWS = (1, 100)
MODEL = "logistic-regression"
_HEADERS = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
_BENTO = f'''
import bentoml, joblib

@bentoml.service(workers=1)
class Service:
    def __init__(self) -> None:
        self.model = joblib.load("{MODEL}.joblib")

    @bentoml.api
    def predict(self, instances: list[list[float]]) -> list[int]:
        return self.model.predict(instances).tolist()
'''


class Side(NamedTuple):
    """A server that runs: where it is asked, and what is sent for so many rows."""

    pid: int
    port: int
    path: str
    bodies: dict[int, bytes]


def compare(console: Recording, folder: str) -> None:
    """Print what each server takes for a request."""
    if not os.path.exists("/proc/self/stat"):
        console.print(
            "Servers are not measured: this machine does not tell what other processes take (/proc)."
        )
        return
    wrk = shutil.which("wrk")
    load = partial(_load_by_wrk, wrk, folder) if wrk else _load
    console.print(f"The clients were {'wrk' if wrk else 'threads of Python'}.")
    with ExitStack() as stack:
        with console.status("starting the servers"):
            sides = {
                name: stack.enter_context(start(folder))
                for name, start in _SERVERS.items()
                if _is_there(name)
            }
        for name in _SERVERS.keys() - sides.keys():
            console.print(f"{name} is not measured: it is not installed below .tools/.")
        taken: dict[str, dict[int, list[float]]] = {name: {rows: [] for rows in ROWS} for name in sides}
        for turn in range(ROUNDS):
            for rows in ROWS:
                for name, side in sides.items():
                    with console.status(f"{name}, {rows} rows, {turn + 1} of {ROUNDS}"):
                        load(side, rows, SECONDS / 4)
                        before = _processor_seconds(side.pid)
                        answered = load(side, rows, SECONDS)
                        taken[name][rows].append((_processor_seconds(side.pid) - before) / answered * 1e6)
    console.figures["microseconds"] = taken
    ours = {rows: median(taken["serverless-ml"][rows]) for rows in ROWS}
    table = Table(
        title=f"Over HTTP, {CLIENTS} clients, logistic regression of 30 features: the server's CPU µs",
        title_justify="left",
    )
    table.add_column("server")
    for rows in ROWS:
        for column in (f"{rows} rows" if rows > 1 else "1 row", "÷ ours", "spread"):
            table.add_column(column, justify="right")
    for name, by_rows in taken.items():
        cells = []
        for rows in ROWS:
            middle = median(by_rows[rows])
            spread = (max(by_rows[rows]) - min(by_rows[rows])) / middle
            cells += [f"{middle:,.0f}", f"{middle / ours[rows]:.1f} ×", f"{spread:.0%}"]
        table.add_row(name, *cells)
    console.print(table)


def _load(side: Side, rows: int, seconds: float) -> int:
    """How many requests were answered in so many seconds. Raises `RuntimeError` unless each is a 200."""
    counts = [0] * CLIENTS
    wrong: list[bytes] = []
    end = time.monotonic() + seconds

    def ask(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", side.port)
        try:
            while time.monotonic() < end:
                connection.request("POST", side.path, side.bodies[rows], _HEADERS)
                response = connection.getresponse()
                body = response.read()
                if response.status != 200:
                    wrong.append(body)
                    break
                counts[place] += 1
        except (OSError, http.client.HTTPException) as error:
            wrong.append(repr(error).encode())
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(f"{side.path} answered {wrong[0][:500]!r}")
    return sum(counts)


def _load_by_wrk(wrk: str, folder: str, side: Side, rows: int, seconds: float) -> int:
    """As `_load`, by another program. Raises `RuntimeError` unless each answer is a 200."""
    body, script = Path(folder, "wrk.json"), Path(folder, "wrk.lua")
    body.write_bytes(side.bodies[rows])
    lines = ['wrk.method = "POST"', f'wrk.body = io.open("{body.resolve()}", "rb"):read("*a")']
    script.write_text(
        "\n".join([*lines, *(f'wrk.headers["{name}"] = "{_HEADERS[name]}"' for name in _HEADERS)])
    )
    # wrk counts in whole seconds
    options = ["-t1", f"-c{CLIENTS}", f"-d{max(round(seconds), 1)}s", "-s", str(script)]
    address = f"http://127.0.0.1:{side.port}{side.path}"
    told = subprocess.run([wrk, *options, address], capture_output=True, text=True, check=True).stdout
    answered = re.search(r"(\d+) requests in", told)
    if "Non-2xx" in told or "Socket errors" in told or not answered or not int(answered[1]):
        raise RuntimeError(f"{side.path} was not answered as it should be:\n{told}")
    return int(answered[1])


def _processor_seconds(pid: int) -> float:
    """What a process and those that it started have taken."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    taken = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return taken + sum(_processor_seconds(int(child)) for child in file.read().split())


def _rows(count: int) -> list[list[float]]:
    from sklearn.datasets import load_breast_cancer

    rows: list[list[float]] = load_breast_cancer().data[:count].tolist()
    return rows


def _instances() -> dict[int, bytes]:
    return {rows: json.dumps({"instances": _rows(rows)}).encode() for rows in ROWS}


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def _ours(folder: str) -> Iterator[Side]:
    from tests.e2e.local_server import LocalServer

    with LocalServer(folder, ML_MONITORING_DAYS="0", ML_KEY_TTL="300", ML_ALIAS_TTL="300") as server:
        port = int(server.url.rpartition(":")[2])
        yield Side(server.process.pid, port, f"/v1/models/{MODEL}:predict", _instances())


@contextmanager
def _mlserver(folder: str) -> Iterator[Side]:
    served = Path(folder, "mlserver")
    (served / MODEL).mkdir(parents=True, exist_ok=True)
    port = _free_port()
    settings = {
        "http_port": port,
        "grpc_port": _free_port(),
        "metrics_port": _free_port(),
        "parallel_workers": 0,
    }
    (served / "settings.json").write_text(json.dumps({**settings, "debug": False}))
    model = {"name": MODEL, "implementation": "mlserver_sklearn.SKLearnModel"}
    uri = {"parameters": {"uri": os.path.abspath(f"{folder}/{MODEL}.joblib")}}
    (served / MODEL / "model-settings.json").write_text(json.dumps({**model, **uri}))
    bodies = {}
    for count in ROWS:
        data = [value for row in _rows(count) for value in row]
        tensor = {"name": "x", "datatype": "FP64", "shape": [count, len(data) // count], "data": data}
        bodies[count] = json.dumps({"inputs": [tensor]}).encode()
    with _started(["mlserver", "start", str(served)], "bench-mlserver", folder) as pid:
        side = Side(pid, port, f"/v2/models/{MODEL}/infer", bodies)
        _wait(side, pid)
        yield side


@contextmanager
def _bentoml(folder: str) -> Iterator[Side]:
    Path(folder, "bench_bento.py").write_text(_BENTO)
    port = _free_port()
    command = ["bentoml", "serve", "bench_bento:Service", "--port", str(port), "--working-dir", folder]
    with _started(command, "bench-bentoml", folder) as pid:
        side = Side(pid, port, "/predict", _instances())
        _wait(side, pid)
        yield side


@contextmanager
def _started(command: list[str], environment: str, folder: str) -> Iterator[int]:
    program = os.path.abspath(os.path.join(".tools", environment, "bin", command[0]))
    with open(f"{folder}/{environment}.log", "wb") as log:
        process = subprocess.Popen([program, *command[1:]], cwd=folder, stdout=log, stderr=log)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait(side: Side, pid: int) -> None:
    """Until the server answers. Raises `RuntimeError` when it has ended."""
    while True:
        with suppress(RuntimeError):
            if _load(side, 1, 0.01):
                return
        if not os.path.exists(f"/proc/{pid}"):
            raise RuntimeError(f"the server at {side.path} ended before it answered")
        time.sleep(0.5)


def _is_there(name: str) -> bool:
    return name not in _ENVIRONMENTS or os.path.exists(f".tools/{_ENVIRONMENTS[name]}.ready")


_SERVERS = {
    "serverless-ml": _ours,
    "MLServer (parallel_workers 0)": _mlserver,
    "BentoML (one worker)": _bentoml,
}
_ENVIRONMENTS = {"MLServer (parallel_workers 0)": "bench-mlserver", "BentoML (one worker)": "bench-bentoml"}
