"""The trainer of the laptop: messages in a folder, a process that works them off, a watcher that restarts it.

A message is a file named as the job, which holds the time at which it is due; it stays until the job is over,
so a worker that dies finds it again. Whoever submits, from whatever process, also writes a byte into a pipe
in that folder, on which the worker sleeps.
"""

import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from ml_core.errors import Unavailable

log = logging.getLogger(__name__)

SWEEP_EVERY = 300.0  # seconds
_FAILED = 30.0  # seconds until a job is brought again whose handling failed in an unforeseen way
_FOLDER_FAILED = 5.0  # seconds until the queue's folder is tried again
_FORGOTTEN = 3600.0  # seconds after which nobody still writes a message
_WITHOUT_PIPE = 1.0  # seconds between looks where the file system knows no named pipes
_FIRST_RESTART = 0.5  # seconds; doubles while the worker keeps dying
_LONGEST_RESTART = 15.0
_HEALTHY = 60.0  # seconds after which a worker's death is thought of as its first


class FolderQueue:
    """The `JobQueue` port in the folder `root`, beside the objects of the folder store."""

    def __init__(self, root: str) -> None:
        self._folder = os.path.join(os.path.abspath(root), "~queue")
        self._pipe = os.path.join(self._folder, "~wake")
        self.dead_letters = os.path.join(self._folder, "~dead-letters")
        self._ends: tuple[int, int] | None = None
        self._pipe_missed = False

    def submit(self, job_id: str) -> None:
        """Send a message that names the job. Raises `Unavailable`."""
        self._write(job_id, time.time())
        self.wake()

    def defer(self, job_id: str, seconds: float) -> None:
        """Have the message come again after about `seconds`. Raises `Unavailable`."""
        self._write(job_id, time.time() + seconds)

    def forget(self, delivery: str) -> None:
        """Remove the message of a job that is over. Raises `Unavailable`."""
        try:
            os.unlink(os.path.join(self._folder, delivery))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unavailable(error) from error

    def bury(self, message: str) -> None:
        """Keep a message in the folder of dead letters. Raises `Unavailable`."""
        try:
            os.makedirs(self.dead_letters, exist_ok=True)
            name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}"
            with open(os.path.join(self.dead_letters, name), "w", encoding="utf-8") as file:
                file.write(message)
        except OSError as error:
            raise _unavailable(error) from error

    def due(self) -> tuple[list[str], float | None]:
        """The jobs whose messages are due, the oldest first, and the seconds until the next one is.

        Raises `Unavailable`.
        """
        now = time.time()
        messages = sorted(self._messages())
        later = [due - now for due, _ in messages if due > now]
        return [job_id for due, job_id in messages if due <= now], min(later, default=None)

    def wait(self, seconds: float) -> None:
        """Sleep until somebody wakes this queue, at most `seconds`."""
        if self._ends is None:
            self._ends = self._open_pipe()
        if self._ends is None:
            time.sleep(min(seconds, _WITHOUT_PIPE))
            return
        reading, _ = self._ends
        if select.select([reading], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(reading, 1 << 16)

    def wake(self) -> None:
        """Have the worker look for messages now. Where no worker is, nothing happens."""
        with suppress(OSError):
            pipe = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b".")
            finally:
                os.close(pipe)

    def _write(self, job_id: str, due: float) -> None:
        if not job_id.isalnum():
            raise ValueError(f"expected a job's id, got {job_id!r}")
        path = os.path.join(self._folder, job_id)
        unfinished = f"{path}~{os.getpid()}~{threading.get_ident()}"
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(unfinished, "w", encoding="ascii") as file:
                file.write(repr(due))
            os.replace(unfinished, path)
        except OSError as error:
            with suppress(OSError):
                os.unlink(unfinished)
            raise _unavailable(error) from error

    def _messages(self) -> list[tuple[float, str]]:
        found = []
        try:
            for name in os.listdir(self._folder):
                with suppress(FileNotFoundError):
                    if name.isalnum():
                        found.append((self._due(name), name))
                    elif "~" in name[1:]:
                        self._remove_forgotten(name)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unavailable(error) from error
        return found

    def _remove_forgotten(self, name: str) -> None:
        """Remove what a writer that was killed left behind."""
        path = os.path.join(self._folder, name)
        if os.stat(path).st_mtime < time.time() - _FORGOTTEN:
            os.unlink(path)

    def _due(self, name: str) -> float:
        """When a message is due; at once where its file does not say."""
        with open(os.path.join(self._folder, name), encoding="ascii", errors="replace") as file:
            try:
                return float(file.read())
            except ValueError:
                return 0.0

    def _open_pipe(self) -> tuple[int, int] | None:
        try:
            os.makedirs(self._folder, exist_ok=True)
            with suppress(FileExistsError):
                os.mkfifo(self._pipe)
            reading = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
            # held open, never written to: a pipe without writers would be readable all the time
            return reading, os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if not self._pipe_missed:
                log.warning(
                    "named pipes are not available (%s); checking for jobs every second", error.strerror
                )
                self._pipe_missed = True
            return None


def _unavailable(error: OSError) -> Unavailable:
    return Unavailable(f"the queue's folder failed: {error.strerror}")


def work(
    queue: FolderQueue,
    handle: Callable[[str, int], float | None],
    sweep: Callable[[], object],
    stopping: threading.Event,
    *,
    sweep_every: float = SWEEP_EVERY,
    folder_pause: float = _FOLDER_FAILED,
) -> None:
    """Work off the messages one by one until `stopping` is set.

    `handle` gets a job's id and how often it has failed at it; it returns None when the job is over, or the
    seconds after which to bring it again. `sweep` is called at the start and every `sweep_every` seconds.
    What they raise is logged. When the queue's own folder fails, it is tried again after `folder_pause`
    seconds.
    """
    queue.wait(0)  # opens the pipe: a message between the first look and the first wait would wake nobody
    next_sweep = time.monotonic()
    failures: Counter[str] = Counter()
    while not stopping.is_set():
        if time.monotonic() >= next_sweep:
            next_sweep = time.monotonic() + sweep_every
            try:
                sweep()
            except Exception:
                log.exception("the sweep failed")
        try:
            due, pause = queue.due()
            for job_id in due[
                :1
            ]:  # one, then a fresh look: others may have come meanwhile, or been cancelled
                _deliver(queue, job_id, handle, failures)
        except Unavailable as error:  # a full disk, most likely: the messages are still there when it is not
            log.error("%s; trying again in %g seconds", error, folder_pause)  # noqa: TRY400 (foreseen)
            stopping.wait(folder_pause)
            continue
        if not due:
            until_sweep = next_sweep - time.monotonic()
            queue.wait(max(0.0, until_sweep if pause is None else min(pause, until_sweep)))


def _deliver(
    queue: FolderQueue,
    job_id: str,
    handle: Callable[[str, int], float | None],
    failures: "Counter[str]",
) -> None:
    try:
        pause = handle(job_id, failures[job_id])
    except Exception:
        log.exception("job %s could not be handled", job_id)
        failures[job_id] += 1
        pause = _FAILED
    else:
        del failures[job_id]
    if pause is None:
        queue.forget(job_id)
    else:
        queue.defer(job_id, pause)


def stop_on_request(stopping: threading.Event, queue: FolderQueue) -> None:
    """Set `stopping` on SIGTERM and SIGINT, and when the process that started this worker is gone.

    The worker's standard input is a pipe from that process, which nobody writes to. Call it in the main
    thread.
    """

    def stop(*_: object) -> None:
        stopping.set()
        queue.wake()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    def watch() -> None:
        # not through sys.stdin: a thread that holds its lock when the interpreter ends is a fatal error
        while os.read(sys.stdin.fileno(), 1):
            pass
        stop()

    threading.Thread(target=watch, daemon=True).start()


class WorkerProcess:
    """A worker in a process of its own, started again whenever it dies; leaving the `with` stops it."""

    def __init__(self, command: Sequence[str], *, first_restart: float = _FIRST_RESTART) -> None:
        self._command = command
        self._first_restart = first_restart
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> "WorkerProcess":
        self._process = self._start()
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self._keeper.join()

    @property
    def pid(self) -> int:
        """The process id of the present worker."""
        assert self._process is not None, "the worker is started by entering the `with`"  # noqa: S101
        return self._process.pid

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603  # our own command, no shell

    def _keep(self) -> None:
        pause = self._first_restart
        while True:
            process, started = self._process, time.monotonic()
            assert process is not None  # noqa: S101  # set before the thread was started
            status = process.wait()
            if process.stdin is not None:
                process.stdin.close()
            pause = self._first_restart if time.monotonic() - started > _HEALTHY else pause
            if self._stopping.is_set() or self._stopping.wait(pause):
                return
            log.warning("the trainer ended with status %d; restarting it", status)
            pause = min(2 * pause, _LONGEST_RESTART)
            self._process = self._start()
            if self._stopping.is_set():  # asked meanwhile, when there was only the dead one to end
                self._process.terminate()
