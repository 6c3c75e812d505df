"""The laptop's trainer: its queue, its loop, and the watcher that starts it again."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ml_core.errors import Unavailable
from providers.local.runtime.queue import FolderQueue, WorkerProcess, work

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))))

# A worker that writes down each job it gets, and its own process id at the start.
WORKER = """
import os, sys, threading
from providers.local.runtime.queue import FolderQueue, stop_on_request, work

root, log = sys.argv[1:]
queue, stopping = FolderQueue(root), threading.Event()

def note(text):
    with open(log, "a") as file:
        file.write(text + "\\n")

stop_on_request(stopping, queue)
work(queue, lambda job, _: note(job), lambda: note(f"started {os.getpid()}"), stopping)
note("stopped")
"""

SUBMITTER = """
import sys
from providers.local.runtime.queue import FolderQueue

FolderQueue(sys.argv[1]).submit("fromanother")
"""


@pytest.fixture
def root(tmp_path: object) -> str:
    """Where the queue's folder is made."""
    return os.path.join(str(tmp_path), "root")


class TestQueue:
    def test_a_message_is_due_until_it_is_forgotten(self, root: str) -> None:
        queue = FolderQueue(root)
        assert queue.due() == ([], None)
        for job in ("second", "first"):
            queue.submit(job)
        assert queue.due() == (["second", "first"], None), "the oldest comes first"
        queue.forget("second")
        queue.forget("never")
        assert queue.due() == (["first"], None)

    def test_a_deferred_message_is_due_later(self, root: str) -> None:
        queue = FolderQueue(root)
        queue.submit("job")
        queue.defer("job", 60)
        due, pause = queue.due()
        assert due == []
        assert pause == pytest.approx(60, abs=1)

    def test_a_job_has_one_message(self, root: str) -> None:
        queue = FolderQueue(root)
        queue.submit("job")
        queue.submit("job")
        assert queue.due()[0] == ["job"]

    def test_what_killed_writers_left_is_removed_after_an_hour(self, root: str) -> None:
        queue = FolderQueue(root)
        queue.submit("job")
        folder = os.path.join(root, "~queue")
        for name, age in (("job~1~1", 3700), ("job~2~2", 10), ("~wake", 3700)):
            path = os.path.join(folder, name)
            with open(path, "ab"):
                os.utime(path, (time.time() - age,) * 2)
        assert queue.due()[0] == ["job"]
        assert sorted(os.listdir(folder)) == ["job", "job~2~2", "~wake"]

    def test_another_process_wakes_the_worker(self, root: str) -> None:
        queue = FolderQueue(root)
        queue.wait(0)  # the worker listens
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", SUBMITTER, root], cwd=ROOT, check=True)
        queue.wait(60)
        assert time.monotonic() - started < 30
        assert queue.due()[0] == ["fromanother"]

    def test_what_is_no_id_is_refused(self, root: str) -> None:
        with pytest.raises(ValueError, match="expected a job's id, got"):
            FolderQueue(root).submit("../x")

    def test_a_folder_that_cannot_be_written_is_unavailable(self, tmp_path: object) -> None:
        file = os.path.join(str(tmp_path), "file")
        with open(file, "w"):
            pass
        with pytest.raises(Unavailable):
            FolderQueue(os.path.join(file, "root")).submit("job")

    def test_a_folder_that_cannot_be_read_is_unavailable(self, tmp_path: object) -> None:
        file = os.path.join(str(tmp_path), "file")
        with open(file, "w"):
            pass
        with pytest.raises(Unavailable, match="the queue's folder failed: Not a directory"):
            FolderQueue(file).due()
        with pytest.raises(Unavailable):
            FolderQueue(file).forget("job")

    def test_a_message_that_the_disk_has_no_room_for_leaves_nothing_behind(self, root: str) -> None:
        queue = FolderQueue(root)
        queue.submit("first")
        script = (
            "import resource, signal, sys; from providers.local.runtime.queue import FolderQueue\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
            "FolderQueue(sys.argv[1]).submit('second')"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, root], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert "Unavailable: the queue's folder failed: File too large" in done.stderr
        assert os.listdir(os.path.join(root, "~queue")) == ["first"]

    def test_a_file_system_without_named_pipes_is_told_once(
        self, tmp_path: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = os.path.join(str(tmp_path), "file")
        with open(file, "w"):
            pass
        queue = FolderQueue(file)
        for _ in range(3):
            queue.wait(0.001)
        assert caplog.text.count("named pipes are not available") == 1


class TestWorking:
    def test_jobs_are_handled_in_turn_and_again_as_they_ask(self, root: str) -> None:
        queue, stopping, handled = FolderQueue(root), threading.Event(), []
        for job in ("one", "two", "three"):
            queue.submit(job)

        def handle(job: str, _: int) -> float | None:
            handled.append(job)
            if handled.count("three") == 2:
                stopping.set()
            return 0.01 if job == "three" else None

        work(queue, handle, lambda: None, stopping)
        assert handled[:3] == ["one", "two", "three"]
        assert queue.due()[0] in ([], ["three"]), "what is over is forgotten"

    def test_a_job_that_cannot_be_handled_does_not_stop_the_others(
        self, root: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        queue, stopping = FolderQueue(root), threading.Event()
        queue.submit("bad")
        queue.submit("good")

        def handle(job: str, _: int) -> None:
            if job == "bad":
                raise ZeroDivisionError
            stopping.set()

        work(queue, handle, lambda: None, stopping)
        assert "job bad could not be handled" in caplog.text
        assert queue.due()[1] == pytest.approx(30, abs=5), "it is tried again later"

    def test_who_handles_a_job_is_told_how_often_it_failed(self, root: str) -> None:
        stopping, seen = threading.Event(), []

        class Impatient(FolderQueue):
            def defer(self, delivery: str, seconds: float) -> None:
                super().defer(delivery, min(seconds, 0.001))

        queue = Impatient(root)
        queue.submit("bad")

        def handle(_: str, failures: int) -> None:
            seen.append(failures)
            if failures == 3:
                stopping.set()
                return
            raise ZeroDivisionError

        work(queue, handle, lambda: None, stopping)
        assert seen == [0, 1, 2, 3]
        assert queue.due() == ([], None)

    def test_a_message_is_buried_as_it_came(self, root: str) -> None:
        queue = FolderQueue(root)
        queue.bury("not json")
        (name,) = os.listdir(queue.dead_letters)
        with open(os.path.join(queue.dead_letters, name), encoding="utf-8") as file:
            assert file.read() == "not json"
        assert queue.due() == ([], None)

    def test_a_folder_that_fails_for_a_while_does_not_end_the_worker(
        self, root: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Failing(FolderQueue):
            failures = 2

            def forget(self, delivery: str) -> None:
                if self.failures:
                    self.failures -= 1
                    raise Unavailable("the disk is full")
                super().forget(delivery)

        queue, stopping, handled = Failing(root), threading.Event(), []
        queue.submit("job")

        def handle(job: str, _: int) -> None:
            handled.append(job)
            if len(handled) == 3:
                stopping.set()

        work(queue, handle, lambda: None, stopping, folder_pause=0.01)
        assert handled == ["job"] * 3
        assert queue.due() == ([], None)
        assert caplog.text.count("the disk is full; trying again") == 2

    def test_sweeps_come_at_the_start_and_then_regularly(
        self, root: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        stopping, sweeps = threading.Event(), []

        def sweep() -> None:
            sweeps.append(time.monotonic())
            if len(sweeps) == 3:
                stopping.set()
            raise Unavailable("the store is away")

        work(FolderQueue(root), lambda *_: None, sweep, stopping, sweep_every=0.05)
        assert len(sweeps) == 3
        assert "the sweep failed" in caplog.text


class Watched:
    """A worker under watch, and what it wrote down."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.queue = FolderQueue(root)
        os.makedirs(root)
        self.log = os.path.join(root, "log")
        self.command = [sys.executable, "-c", WORKER, root, self.log]

    def wait_for(self, line: str) -> list[str]:
        """The log, as soon as a line begins so; fails after a while."""
        for _ in range(3000):
            if os.path.exists(self.log):
                with open(self.log) as file:
                    lines = file.read().splitlines()
                if any(found.startswith(line) for found in lines):
                    return lines
            time.sleep(0.01)
        raise AssertionError(f"never saw {line}")


@pytest.fixture
def watched(root: str, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.chdir(ROOT)
    return Watched(root)


class TestWatching:
    def test_a_worker_works_and_stops_when_asked(self, watched: Watched) -> None:
        with WorkerProcess(watched.command):
            watched.wait_for("started")
            watched.queue.submit("job1")
            watched.wait_for("job1")
        assert watched.wait_for("stopped")[1:] == ["job1", "stopped"]

    def test_a_worker_that_is_killed_is_started_again(self, watched: Watched) -> None:
        with WorkerProcess(watched.command, first_restart=0.01) as worker:
            watched.wait_for("started")
            first = worker.pid
            os.kill(first, signal.SIGKILL)
            watched.queue.submit("job1")
            started = [line for line in watched.wait_for("job1") if line.startswith("started")]
            assert len(started) == 2
            assert worker.pid != first

    def test_a_worker_ends_with_the_process_that_started_it(self, watched: Watched) -> None:
        code = (
            "import sys; from providers.local.runtime.queue import WorkerProcess\n"
            "with WorkerProcess(sys.argv[1:]): sys.stdin.read()"
        )
        parent = subprocess.Popen([sys.executable, "-c", code, *watched.command], stdin=subprocess.PIPE)
        watched.wait_for("started")
        parent.kill()
        parent.communicate()
        watched.wait_for("stopped")
