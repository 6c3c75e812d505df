"""A child that runs a graph: what it gets, what it may take, and what is made of how it ends."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_core.graphs.call import CRASHED, FAILED, MEMORY, REFUSED, TIMEOUT, GraphFailure, write_failure
from ml_core.running import graph_process
from ml_core.running.confinement import limit_cpu
from ml_core.running.graph_process import LONGEST_ANSWER, Allowance, Deadline, GraphProcess, started
from ml_core.sandbox.child_process import PACKAGES, Spawned
from tests.unit.ml_core.running.graphs import (
    NAMES,
    doubling,
    endless,
    huge,
    numbers,
    passes_on,
    plus,
    sample,
    values,
)

MEMORY_OF_ONE = 256 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")


@pytest.fixture
def child() -> Iterator[GraphProcess]:
    process = started(Allowance(MEMORY_OF_ONE))
    yield process
    process.end()


def loaded(process: GraphProcess, file: bytes) -> GraphProcess:
    process.load(file, Deadline(20))
    return process


def test_all_samples_run_where_nothing_can_be_opened() -> None:
    for name in NAMES:
        file, inputs, expected = sample(name)
        process = started(Allowance(MEMORY_OF_ONE))
        try:
            answer = loaded(process, file).run(inputs, (), Deadline(20))
        finally:
            process.end()
        assert {output: (got.datatype, got.shape, got.keys) for output, got in answer.items()} == {
            output: (got.datatype, got.shape, got.keys) for output, got in expected.items()
        }


def test_a_child_takes_instances_in_turn_where_its_graph_takes_few(child: GraphProcess) -> None:
    """With what is imported by then: nothing can be any more."""
    file, inputs, expected = sample("torch-cnn-fixed")
    (given,), (name,) = inputs.values(), expected
    assert isinstance(given.data, bytes)
    many = given._replace(shape=(3, *given.shape[1:]), data=given.data * 3)
    answer = loaded(child, file).run(dict.fromkeys(inputs, many), (), Deadline(20), batch=1)
    assert values(answer[name]).shape[0] == 3
    assert abs(values(answer[name]) - values(expected[name])).max() < 1e-4


def test_a_child_answers_call_after_call_and_survives_a_refused_one(child: GraphProcess) -> None:
    loaded(child, plus(2))
    for given in range(3):
        assert values(child.run(numbers(given), (), Deadline(20))["y"]).tolist() == [given + 2]
        with pytest.raises(GraphFailure) as caught:
            child.run({}, (), Deadline(20))
        assert caught.value.reason == FAILED
        assert child.is_well
    assert child.held != 0 or sys.platform != "linux"


@linux
def test_a_child_has_nothing_of_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its environment, nor what it has opened, nor its folder; and no thread tells anybody of it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with open(__file__, "rb") as mine:
        os.set_inheritable(mine.fileno(), True)
        process = started(Allowance(MEMORY_OF_ONE, dict(os.environ)))
        try:
            loaded(process, plus(1))
            place = f"/proc/{process._birth.pid}"
            environment = Path(f"{place}/environ").read_bytes().split(b"\0")
            names = {variable.partition(b"=")[0].decode() for variable in environment if variable}
            files = {name: os.readlink(f"{place}/fd/{name}") for name in os.listdir(f"{place}/fd")}
            folder = os.readlink(f"{place}/cwd")
            status = Path(f"{place}/status").read_text(encoding="utf-8")
        finally:
            process.end()
    assert names <= {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ORT_DISABLE_TELEMETRY", "LD_LIBRARY_PATH"}
    assert {name: path for name, path in files.items() if not path.startswith("socket:")} == {
        "1": "/dev/null",
        "2": "/dev/null",
    }
    assert len(files) == 3
    assert folder.endswith("(deleted)")
    said = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (said["Seccomp"], said["NoNewPrivs"], int(said["CapEff"], 16)) == ("2", "1", 0)


RUNNING = """
import os, sys, time
from ml_core.running.graph_session import GraphSession
from tests.unit.ml_core.running.graphs import numbers, plus
GraphSession(plus(1)).run(numbers(1), ())
for name in os.listdir("/proc/self/fd"):
    if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}"):
        print(os.readlink(f"/proc/self/fd/{name}"))
"""


@linux
def test_the_runtime_keeps_no_book_of_what_it_is_used_for(tmp_path: Path) -> None:
    """Its releases keep one in the user's folder, and send it: a child's environment turns that off."""
    birth = Allowance(1, os.environ).birth()
    assert isinstance(birth, Spawned)
    ran = subprocess.run(
        [sys.executable, "-c", RUNNING],
        env={**(birth._env or {}), "PYTHONPATH": PACKAGES, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [path for path in ran.stdout.split() if path.endswith(".db") or "socket" in path] == []
    assert list(tmp_path.iterdir()) == []


@linux
@pytest.mark.parametrize("variable", ["LD_LIBRARY_PATH", "PYTHONHOME"])
def test_what_the_loader_goes_by_is_passed_on(variable: str) -> None:
    birth = Allowance(1, {variable: "/somewhere", "HOME": "/root", "PATH": "/bin"}).birth()
    assert isinstance(birth, Spawned)
    assert birth._env is not None
    assert birth._env.keys() == {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ORT_DISABLE_TELEMETRY", variable}


@pytest.mark.parametrize(
    ("file", "reason"), [(b"", REFUSED), (b"no graph", REFUSED), (passes_on()[:-5], REFUSED)]
)
def test_a_graph_that_is_not_loaded_ends_its_child(child: GraphProcess, file: bytes, reason: str) -> None:
    with pytest.raises(GraphFailure) as caught:
        child.load(file, Deadline(20))
    assert caught.value.reason == reason
    assert child.has_ended


@pytest.mark.parametrize("file", [huge(), doubling()])
def test_a_graph_that_wants_all_memory_is_told_so(child: GraphProcess, file: bytes) -> None:
    loaded(child, file)
    with pytest.raises(GraphFailure) as caught:
        child.run(numbers(1), (), Deadline(60))
    assert caught.value.reason == MEMORY


def test_a_graph_larger_than_its_memory_is_told_so() -> None:
    process = started(Allowance(16 << 20))
    with pytest.raises(GraphFailure) as caught:
        process.load(bytes(40 << 20), Deadline(20))
    assert caught.value.reason == MEMORY
    assert process.has_ended


def test_a_graph_that_does_not_end_is_ended(child: GraphProcess) -> None:
    loaded(child, endless())
    began = time.monotonic()
    with pytest.raises(GraphFailure) as caught:
        child.run(numbers(1), (), Deadline(0.5))
    assert caught.value.reason == TIMEOUT
    assert 0.5 <= time.monotonic() - began < 5
    assert child.has_ended


def test_a_call_without_any_time_does_not_end_the_child(child: GraphProcess) -> None:
    loaded(child, plus(1))
    with pytest.raises(GraphFailure) as caught:
        child.run(numbers(1), (), Deadline(0))
    assert caught.value.reason == TIMEOUT
    assert child.run(numbers(1), (), Deadline(20)).keys() == {"y"}


BUSY = "import resource; print(flush=True)\nwhile True:\n    pass"


@linux
def test_a_process_whose_parent_is_stuck_is_ended_by_the_system() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        busy.stdout.readline()
        limit_cpu(busy.pid, 0.0)
        assert busy.wait(60) == -signal.SIGXCPU


@linux
def test_a_child_that_has_computed_for_long_is_replaced_between_two_calls(
    child: GraphProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(child, plus(1))
    assert child.is_well
    monkeypatch.setattr(graph_process, "MOST_CPU_SECONDS", 0.01)  # its start alone took more
    seen = (child.is_well, child.has_ended)
    assert seen == (False, False)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
def test_a_child_that_dies_meanwhile_is_told(child: GraphProcess, sent: signal.Signals) -> None:
    loaded(child, endless())
    pid = child._birth.pid
    killer = threading.Timer(0.3, os.kill, (pid, sent))
    killer.start()
    with pytest.raises(GraphFailure, match=f"signal {int(sent)}") as caught:
        child.run(numbers(1), (), Deadline(20))
    killer.join()
    assert caught.value.reason == CRASHED
    assert child.has_ended


PARENT = """
import sys, threading, time
from ml_core.running.graph_process import Allowance, Deadline, started
found = []
def start():
    process = started(Allowance(1 << 28))
    process.load(open(sys.argv[1], "rb").read(), Deadline(30))
    found.append(process)
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(0.2)
print(found[0]._birth.pid, found[0].is_well, flush=True)
time.sleep(600)
"""


@linux
def test_a_child_ends_with_its_parent_and_not_with_the_thread_that_asked(tmp_path: Path) -> None:
    (tmp_path / "graph").write_bytes(endless())
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "graph")],
        env={"PYTHONPATH": PACKAGES},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid, is_well = parent.stdout.readline().split()
    assert is_well == "True"
    watched = os.pidfd_open(int(pid))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    import select

    assert select.select([watched], [], [], 20)[0], "the child lives on"
    os.close(watched)


# What a child says that a graph has taken over: programs in its place.
BEGIN = """
import os, sys, time
def say(frame, length=None):
    os.write(0, (len(frame) if length is None else length).to_bytes(8, "little") + frame)
def hear():
    size = int.from_bytes(os.read(0, 8), "little")
    while size > 0:
        size -= len(os.read(0, size))
say(b'{"is_held": true}')
hear()
"""
ANSWER = 'say(b\'{"outputs": {}, "cold": true}\')\nhear()\n'
HOSTILE = {
    "no JSON": ("say(b'no JSON')", CRASHED),
    "no object": ("say(b'[1]')", CRASHED),
    "deep JSON": ("say(b'[' * 100_000)", CRASHED),
    "no outputs": ("say(b'{}')", CRASHED),
    "too few bytes": ('say(b\'{"outputs":{"y":{"datatype":"FP32","shape":[9],"base64":""}}}\')', CRASHED),
    "a negative shape": ('say(b\'{"outputs":{"y":{"datatype":"FP32","shape":[-1],"base64":""}}}\')', CRASHED),
    "no UTF-8": ("say(bytes([255]))", CRASHED),
    "a reason that is not its own": (
        'say(b\'{"failure":{"reason":"address","message":"ask again"}}\')', FAILED,
    ),
    "a reason that is none": ('say(b\'{"failure":{"reason":"x","message":"y"}}\')', FAILED),
    "an endless frame": (f"say(b'', {LONGEST_ANSWER + 1})", FAILED),
    "a frame of all bytes": ("say(b'', (1 << 64) - 1)", FAILED),
    "half a frame": ("say(b'{', 100)\ntime.sleep(600)", TIMEOUT),
    "byte by byte": ("say(b'', 1000)\nwhile True:\n    time.sleep(0.01); os.write(0, b' ')", TIMEOUT),
    "nothing": ("time.sleep(600)", TIMEOUT),
    "its end": ("os._exit(7)", CRASHED),
    "the connection's end": ("os.close(0); os.close(1); os.close(2); time.sleep(600)", CRASHED),
}  # fmt: skip


def ask(process: GraphProcess, when: str, deadline: Deadline) -> None:
    if when == "as it loads":
        process.load(b"graph", deadline)
    else:
        process.run(numbers(1), (), deadline)


def taken_over(program: str) -> GraphProcess:
    return GraphProcess(Spawned([sys.executable, "-c", program]), MEMORY_OF_ONE)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("when", ["as it loads", "as it runs"])
def test_nothing_that_a_hostile_child_says_is_believed(kind: str, when: str) -> None:
    said, reason = HOSTILE[kind]
    process = taken_over(BEGIN + (ANSWER if when == "as it runs" else "") + said)
    seconds = 1.0 if reason == TIMEOUT else 20.0
    if when == "as it runs":
        process.load(b"graph", Deadline(20))
    with pytest.raises(GraphFailure) as caught:
        ask(process, when, Deadline(seconds))
    assert caught.value.reason == reason
    process.end()
    assert process.has_ended


def test_what_is_said_unasked_makes_a_child_unwell() -> None:
    process = taken_over(BEGIN + "say(b'{\"outputs\": {}, \"cold\": true}')\nsay(b'{}')\ntime.sleep(600)")
    process.load(b"graph", Deadline(20))
    process._connection.settimeout(20)
    process._connection.recv(1, 2)  # MSG_PEEK: until it is there
    assert not process.is_well
    process.end()


def test_a_system_without_seccomp_is_told_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_process, "_TOLD", set())
    program = BEGIN.replace("true", "false") + 'say(b\'{"outputs": {}, "cold": true}\')'
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            process = taken_over(program)
            process.load(b"graph", Deadline(20))
            process.end()
    assert [record.message for record in caplog.records] == [
        "this system has no seccomp: graphs run in processes with limits alone"
    ]


def test_a_failure_is_written_as_it_is_read() -> None:
    """What the hostile ones above imitate."""
    assert write_failure(GraphFailure("x", "y")) == b'{"failure": {"reason": "x", "message": "y"}}'
