"""Children that are forked from a process which is kept for that: the other side of `zygote.py`."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

from ml_core.sandbox.child_process import PACKAGES, RSS_UNIT, Ending
from ml_core.sandbox.memory import count_in, leave_out
from ml_core.sandbox.zygote import Order


class Zygote:
    """A process that has imported what a kind of children needs.

    Args:
        program: the module that children run, and
        kind: what it prepares for.
        env: the environment in which it does.
    """

    def __init__(self, program: str, kind: str, env: Mapping[str, str]) -> None:
        self._connection, theirs = socket.socketpair()
        with theirs:
            words = [str(theirs.fileno()), program, kind, *filter(None, sys.path)]
            self._process = subprocess.Popen(  # noqa: S603  # our own command, no shell
                [sys.executable, "-m", "ml_core.sandbox.zygote", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=PACKAGES,
                env=env,
                start_new_session=True,  # a terminal's Ctrl-C is for this process, which then ends it
            )
        self._answers = self._connection.makefile("rb")

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended; None while it lives."""
        return self._process.poll()

    def order(self, order: Order, files: tuple[int, int, int]) -> None:
        """Ask for a child with these files as its standard ones. Raises `OSError`."""
        socket.send_fds(self._connection, [b"."], files)
        self._connection.sendall(json.dumps(order._asdict()).encode() + b"\n")

    def ask(self) -> None:
        """Ask for the next answer."""
        with suppress(OSError):  # then there is none
            self._connection.sendall(b"?")

    def answer(self) -> list[bytes]:
        """The words of the next answer; none where the process has ended."""
        with suppress(OSError):
            return self._answers.readline().split()
        return []

    def kill(self) -> None:
        """Have it end at once, and its child with it."""
        self._process.kill()

    def end(self) -> None:
        """End it."""
        self.kill()
        self.wait()

    def wait(self) -> int:
        """How it ended, when it has."""
        status = self._process.wait()
        self._answers.close()
        self._connection.close()
        return status


class Forked:
    """A child that is forked; `zygote` makes no other meanwhile.

    Args:
        zygote: what it is forked from.
        order: what it is to be.
    """

    def __init__(self, zygote: Zygote, order: Order) -> None:
        self.pid = 0
        self.shared = 0  # bytes of the order's memory that the zygote holds
        self._zygote = zygote
        self._order = order

    def begin(self, files: tuple[int, int, int]) -> None:
        """See `Birth`."""
        self._zygote.order(self._order, files)

    def wait_for_begin(self) -> None:
        """See `Birth`."""
        answer = self._zygote.answer()
        if answer:
            self.pid, self.shared = map(int, answer)

    def wait(self) -> None:
        """See `Birth`."""
        if self.pid:
            self._zygote.ask()
            self._zygote.answer()

    def reap(self) -> Ending:
        """See `Birth`. A child whose zygote has ended was killed with it."""
        self._zygote.ask()
        answer = self._zygote.answer() if self.pid else []
        if answer:
            status, peak = map(int, answer)
            return Ending(status, peak * RSS_UNIT)
        status = self._zygote.wait()
        return Ending(-signal.SIGKILL if self.pid else status, 0)

    def kill(self) -> None:
        """See `Birth`."""
        if not self.pid:
            self._zygote.kill()
        elif self._zygote.status is None:  # else the child was killed with it
            os.kill(self.pid, signal.SIGKILL)


class _Conditions(NamedTuple):
    """What a process takes from the one that starts it; in another case children need another zygote."""

    starter: int
    paths: tuple[str, ...]
    env: tuple[tuple[str, str], ...]


def _conditions() -> _Conditions:
    # What begins with an underscore is a platform's own, and may be about one request.
    env = sorted((name, value) for name, value in os.environ.items() if not name.startswith("_"))
    return _Conditions(os.getpid(), tuple(sys.path), tuple(env))


class Zygotes:
    """The processes that this one keeps to have children forked from: one of each kind."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[_Conditions, Zygote]] = {}
        self._lent: set[str] = set()
        atexit.register(self.end)

    @contextmanager
    def lend(self, kind: str) -> Iterator[Zygote | None]:
        """One for one child, started where there is none; None while another child has it."""
        with self._lock:
            is_free = kind not in self._lent
            self._lent.add(kind)
        if not is_free:
            yield None
            return
        now = _conditions()
        zygote = self._take(kind, now) or Zygote(self._program, kind, os.environ)
        try:
            yield zygote
        finally:
            self._give_back(kind, now, zygote)

    def end(self) -> None:
        """End those that no child has."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
        for conditions, zygote in kept:
            self._part_with(conditions, zygote)

    def _take(self, kind: str, now: _Conditions) -> Zygote | None:
        with self._lock:
            conditions, zygote = self._kept.pop(kind, (now, None))
        if zygote is None:
            return None
        if conditions == now and zygote.status is None:
            leave_out(zygote.pid)
            return zygote
        self._part_with(conditions, zygote)
        return None

    def _give_back(self, kind: str, conditions: _Conditions, zygote: Zygote) -> None:
        with self._lock:
            self._lent.discard(kind)
            if zygote.status is None:
                self._kept[kind] = conditions, zygote
                count_in(zygote.pid)

    @staticmethod
    def _part_with(conditions: _Conditions, zygote: Zygote) -> None:
        leave_out(zygote.pid)
        if conditions.starter == os.getpid():  # else it is the process's that this one was forked from
            zygote.end()
