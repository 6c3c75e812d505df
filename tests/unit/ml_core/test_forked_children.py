"""Children that are forked are as clean, as bounded and as easily killed as new programs."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_core.sandbox.child_process import ChildProcess, Death, Spawned
from ml_core.sandbox.forking import Forked, Zygotes
from ml_core.sandbox.memory import FunctionMemory
from ml_core.sandbox.zygote import Order
from tests.watched_processes import is_dead, wait_until_dead

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = "tests.unit.ml_core.spoiling"
_SPAWNED = f"import sys; from {PROGRAM} import main; main(sys.argv[1], sys.argv[2:])"
_ENV = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "ONE": "two"}


@pytest.fixture
def zygotes() -> Iterator[Zygotes]:
    made = Zygotes(PROGRAM)
    yield made
    made.end()


def _order(folder: Path, memory: int | None = None) -> Order:
    folder.mkdir(exist_ok=True)
    return Order(str(folder), _ENV, memory)


def _found(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "found").read_text())
    return found


def _run(zygotes: Zygotes, folder: Path, memory: int | None = None) -> Death:
    with zygotes.lend("any") as zygote:
        assert zygote is not None
        with ChildProcess(Forked(zygote, _order(folder, memory)), lambda _: None) as child:
            assert child.ended.wait(60)
            return child.death


def test_a_child_finds_what_a_new_program_finds_whatever_the_last_one_did(
    zygotes: Zygotes, tmp_path: Path
) -> None:
    spawned, first, second = (tmp_path / name for name in ("spawned", "first", "second"))
    spawned.mkdir()
    command = [sys.executable, "-c", _SPAWNED, str(spawned), *filter(None, sys.path)]
    with ChildProcess(Spawned(command, _ENV), lambda _: None) as child:
        assert child.ended.wait(60)
        assert child.death.status == 0
    assert _run(zygotes, first).status == 0
    assert _run(zygotes, second).status == 0
    found = [_found(folder) for folder in (spawned, first, second)]
    drawn = [number for each in found for number in each.pop("random")]
    assert len(set(drawn)) == len(drawn), "each has random numbers of its own"
    assert found[1] == found[2], "nothing of one is seen by the next"
    assert found[1] == found[0], "nor anything that a new program does not have"


def test_one_process_makes_child_after_child_and_has_one_thread(zygotes: Zygotes, tmp_path: Path) -> None:
    ids = set()
    for number in range(3):
        with zygotes.lend("any") as zygote:
            assert zygote is not None
            ids.add(zygote.pid)
            with ChildProcess(Forked(zygote, _order(tmp_path / str(number))), lambda _: None) as child:
                assert child.ended.wait(60)
                assert os.listdir(f"/proc/{zygote.pid}/task") == [str(zygote.pid)]
                ids.add(child.pid)
    assert len(ids) == 4


def test_only_one_child_at_a_time_is_made_of_one(zygotes: Zygotes) -> None:
    with zygotes.lend("any") as first, zygotes.lend("any") as second, zygotes.lend("other") as other:
        assert second is None
        assert first is not None
        assert other is not None
        assert first.pid != other.pid
    with zygotes.lend("any") as again:
        assert again is first


def test_one_that_died_meanwhile_is_started_again(zygotes: Zygotes, tmp_path: Path) -> None:
    with zygotes.lend("any") as first:
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
    assert _run(zygotes, tmp_path / "next").status == 0


@pytest.mark.parametrize("change", ["environment", "path"])
def test_one_that_was_started_otherwise_is_not_used(
    zygotes: Zygotes, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Libraries look into the environment when they are imported."""
    with zygotes.lend("any") as first:
        pass
    monkeypatch.setenv("_TRACE", "a request's")
    with zygotes.lend("any") as same:
        assert same is first
    if change == "environment":
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
    else:
        monkeypatch.setattr(sys, "path", [*sys.path, "/other"])
    with zygotes.lend("any") as second:
        assert second is not first
    assert first is not None
    assert first.status == -signal.SIGKILL


def _hanging(folder: Path) -> Order:
    order = _order(folder)
    (folder / "hang").touch()
    return order


def test_leaving_ends_a_child_and_the_next_is_made_of_the_same(zygotes: Zygotes, tmp_path: Path) -> None:
    with zygotes.lend("any") as zygote:
        assert zygote is not None
        heard = threading.Event()
        with ChildProcess(Forked(zygote, _hanging(tmp_path / "first")), lambda _: heard.set()) as child:
            assert heard.wait(60)
        assert child.death.status == -signal.SIGKILL
        assert is_dead(child.pid)
    with zygotes.lend("any") as again:
        assert again is zygote
    assert _run(zygotes, tmp_path / "second").status == 0


def test_leaving_before_anything_was_forked_ends_all(zygotes: Zygotes, tmp_path: Path) -> None:
    with zygotes.lend("slow") as zygote:
        assert zygote is not None
        with ChildProcess(Forked(zygote, _order(tmp_path / "first")), lambda _: None) as child:
            pass
        assert child.death == Death(-signal.SIGKILL, 0)
        assert zygote.status == -signal.SIGKILL
    with zygotes.lend("slow") as again:
        assert again is not zygote


def test_a_child_does_not_outlive_what_it_was_forked_from(zygotes: Zygotes, tmp_path: Path) -> None:
    with zygotes.lend("any") as zygote:
        assert zygote is not None
        heard = threading.Event()
        with ChildProcess(Forked(zygote, _hanging(tmp_path / "first")), lambda _: heard.set()) as child:
            assert heard.wait(60)
            os.kill(zygote.pid, signal.SIGKILL)
            assert child.ended.wait(60)
        assert child.death.status == -signal.SIGKILL
        wait_until_dead(child.pid)
    assert _run(zygotes, tmp_path / "second").status == 0


@pytest.mark.parametrize("status", [-signal.SIGKILL, -signal.SIGSEGV])
def test_a_child_that_is_killed_from_outside_says_so(zygotes: Zygotes, tmp_path: Path, status: int) -> None:
    with zygotes.lend("any") as zygote:
        assert zygote is not None
        heard = threading.Event()
        with ChildProcess(Forked(zygote, _hanging(tmp_path / "first")), lambda _: heard.set()) as child:
            assert heard.wait(60)
            os.kill(child.pid, -status)
            assert child.ended.wait(60)
        assert child.death.status == status
        assert child.death.peak > 1 << 20


def test_a_program_that_cannot_be_prepared_ends_with_a_status(tmp_path: Path) -> None:
    zygotes = Zygotes("tests.no_such_module")
    assert _run(zygotes, tmp_path / "first").status == 1


def test_an_error_of_a_child_is_its_own(zygotes: Zygotes, tmp_path: Path) -> None:
    with zygotes.lend("any") as zygote:
        assert zygote is not None
        gone = Order(str(tmp_path / "no folder"), _ENV, None)
        with ChildProcess(Forked(zygote, gone), lambda _: None) as child:
            assert child.ended.wait(60)
            assert child.death.status == 1
            assert any("spoiling.py" in line for line in child.death.said)
    assert _run(zygotes, tmp_path / "second").status == 0


def test_what_is_kept_counts_against_a_childs_memory(zygotes: Zygotes, tmp_path: Path) -> None:
    """A child shares it until it writes to it, and then has a copy."""
    with zygotes.lend("any") as zygote:
        assert zygote is not None
        forked = Forked(zygote, _order(tmp_path / "first", 1 << 30))
        with ChildProcess(forked, lambda _: None) as child:
            assert child.ended.wait(60)
    assert forked.shared > 4 << 20
    assert _found(tmp_path / "first")["limits"][0] == [(1 << 30) - forked.shared] * 2
    known = FunctionMemory(8 << 30)
    kept = known.left(0)
    zygotes.end()
    assert kept is not None
    assert (known.left(0) or 0) - kept > 2 << 20, "it counts while it waits"


_TRAINER = f"""
import sys
from pathlib import Path
from ml_core.sandbox.child_process import ChildProcess
from ml_core.sandbox.forking import Forked, Zygotes
from ml_core.sandbox.zygote import Order

with Zygotes("{PROGRAM}").lend("any") as zygote:
    def tell(line):
        print(zygote.pid, child.pid, flush=True)

    with ChildProcess(Forked(zygote, Order(sys.argv[1], {{}}, None)), tell) as child:
        child.ended.wait()
"""


def test_the_end_of_the_parent_ends_all(tmp_path: Path) -> None:
    (tmp_path / "hang").touch()
    parent = subprocess.Popen(
        [sys.executable, "-c", _TRAINER, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    zygote, child = map(int, parent.stdout.readline().split())
    assert not is_dead(zygote)
    assert not is_dead(child)
    parent.kill()
    parent.communicate(timeout=60)
    wait_until_dead(zygote)
    wait_until_dead(child)


def test_one_that_waits_ends_with_its_parent(tmp_path: Path) -> None:
    code = _TRAINER.replace("child.ended.wait()", "pass").replace(", tell)", ", print)")
    code += "\nprint(zygote.pid, flush=True)\nsys.stdin.read()\n"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    zygote = int(parent.stdout.readline())
    parent.kill()
    parent.communicate(timeout=60)
    wait_until_dead(zygote)
