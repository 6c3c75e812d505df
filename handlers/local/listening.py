"""The laptop's connections: how many there are, how long they may be idle, and how the last ones end.

waitress reads and writes them in one thread, and calls the application in others. Here is what it leaves
open: when its connections are used up by clients that say nothing, new ones find no place; when it ends, it
ends requests with it; and what takes less than to hand it to a thread is handed over too.
"""

import select
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from handlers.local.quick import Quick
from handlers.logs import log
from handlers.wsgi import Environ, StartResponse

LONGEST_STOP = 20.0  # seconds that requests under way are given when the server is asked to end

_MOST_CONNECTIONS = 200  # each takes one to three of the process's file descriptors; macOS gives it 256
_SPARE = 16  # connections below that number from which on the longest idle ones make place
_LONGEST_IDLE = 60  # seconds
_LOOK_FOR_IDLE_EVERY = 5  # seconds
_LONGEST_HEADER = 64 * 1024  # bytes
# Past this many bytes waitress hangs up by itself; up to them the answer to a long body is ours.
_LONGEST_READ = 64 * 1024 * 1024
# While the server ends: seconds without a byte after which nothing more is expected of a connection.
_QUIET, _STALLED = 0.5, 5.0
_BACKLOG = 1024
_ACCEPTED = (
    32  # connections at once; fewer than there is place for, so that each is read before it makes place
)

Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Server:
    """A server that listens already.

    Args:
        application: answers the requests, in threads.
        host: the address to listen on, or a name of it.
        port: the port; 0 takes a free one.
        threads: how many requests are answered at once.
        channel: makes what a connection is read and written by, a class of waitress.
        quick: says what the thread that reads answers itself.
        on_stop: called once, when the server begins to end.

    Raises:
        OSError, ValueError: nobody can listen there.
    """

    def __init__(
        self,
        application: Application,
        host: str,
        port: int,
        *,
        threads: int,
        channel: Any,
        quick: Quick,
        on_stop: Callable[[], object],
    ) -> None:
        settings: Any = Adjustments(
            host=host,
            port=port,
            ipv6=":" in host,
            ident="serverless-ml",
            max_request_body_size=_LONGEST_READ,
            max_request_header_size=_LONGEST_HEADER,
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=_LONGEST_IDLE,
            cleanup_interval=_LOOK_FOR_IDLE_EVERY,
            backlog=_BACKLOG,
        )
        self._map: dict[int, Any] = {}
        self._tasks: Any = ThreadedTaskDispatcher()
        self._listeners: list[Any] = []
        self._stopping = False
        self._on_stop = on_stop
        try:
            for address in settings.listen:
                listener: Any = _Listener(
                    application, self._map, dispatcher=self._tasks, adj=settings, sockinfo=address
                )
                listener.channel_class = channel
                listener.quick = quick
                self._listeners.append(listener)
        except BaseException:
            self._close()
            raise
        self.port = int(self._listeners[0].effective_port)
        self._tasks.set_thread_count(threads)

    def run(self) -> None:
        """Answer until `stop`, then what is under way, for at most `LONGEST_STOP` seconds."""
        for listener in self._listeners:
            listener.reading = threading.get_ident()
        try:
            while not self._stopping:
                self._turn(1.0)
            self._drain()
        finally:
            self._tasks.set_thread_count(0)
            self._close()

    def stop(self) -> None:
        """Have `run` come to its end. A signal's handler and any thread may call this."""
        self._stopping = True
        with suppress(OSError):  # the loop has seen it, and is closed already
            self._listeners[0].trigger.pull_trigger()

    def _turn(self, seconds: float) -> None:
        """Read and write whatever is ready, or wait for it."""
        wasyncore.loop(seconds, use_poll=True, map=self._map, count=1)

    def _drain(self) -> None:
        """Accept nobody any more, and answer everyone who is here."""
        until = time.monotonic() + LONGEST_STOP
        for listener in self._listeners:
            listener.end()
        self._on_stop()
        while self._channels() and time.monotonic() < until:
            self._turn(0.1)
            for channel in self._channels():
                if _expects_nothing(channel, time.time()):
                    channel.will_close = True
        left = sum(bool(channel.requests) for channel in self._channels())
        if left:
            log(
                "warning", "stop", detail=f"{left} requests were not answered within {LONGEST_STOP:g} seconds"
            )

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(len(listener.active_channels) for listener in self._listeners)

    def _channels(self) -> list[Any]:
        return [channel for listener in self._listeners for channel in listener.active_channels.values()]

    def _close(self) -> None:
        for listener in self._listeners:
            listener.trigger.close()
        wasyncore.close_all(self._map, ignore_all=True)


class _Listener(TcpWSGIServer):
    """Accepts connections; where there are too many, the longest idle ones end."""

    draining = False
    quick: Quick
    reading = 0  # the thread that reads and writes the connections
    active_channels: Any  # this and the next are otherwise in waitress' stubs, or not at all
    adj: Any
    socket: Any
    _map: dict[int, Any]

    def add_task(self, task: Any) -> None:
        """Have the next request of a connection answered: here where that is quick, else by a thread.

        Here nothing may wait until an answer is read: while one is left to be sent, threads make others.
        """
        here = threading.get_ident() == self.reading and not task.total_outbufs_len
        if here and self.quick.expects(task.requests[0]):
            task.answers_here = True
        else:
            super().add_task(task)

    def pull_trigger(self) -> None:
        """Tell the thread that reads of an answer to be sent, unless it is this one."""
        if threading.get_ident() != self.reading:
            super().pull_trigger()

    def readable(self) -> bool:
        """Whether another connection is accepted, asked before every turn."""
        surplus = len(self._map) - (_MOST_CONNECTIONS - _SPARE)
        if surplus > 0:
            idle = [channel for channel in self.active_channels.values() if not channel.requests]
            for channel in sorted(idle, key=_last_activity)[:surplus]:
                channel.will_close = True
        return bool(super().readable())

    def handle_accept(self) -> None:
        """Take those who wait, and not one in each turn: behind many that send much a turn is long."""
        for _ in range(_ACCEPTED):
            super().handle_accept()
            if self.draining or not select.select([self.socket], [], [], 0)[0]:
                break

    def maintenance(self, now: int) -> None:
        """End idle connections, and those to whom an answer is written that nobody reads."""
        super().maintenance(now)
        for channel in self.active_channels.values():
            if channel.total_outbufs_len and channel.last_activity < now - self.adj.channel_timeout:
                channel.will_close = True

    def end(self) -> None:
        """Take those who have connected already, and no one after them."""
        self.draining = True
        for _ in range(_BACKLOG):
            if not select.select([self.socket], [], [], 0)[0]:
                break
            self.handle_accept()
        wasyncore.dispatcher.close(self)


def _last_activity(channel: Any) -> float:
    moment: float = channel.last_activity
    return moment


def _expects_nothing(channel: Any, now: float) -> bool:
    """Whether a connection has nothing under way. A request may be on its way through the network still."""
    if channel.requests or channel.total_outbufs_len:
        return False
    return bool(now - channel.last_activity > (_QUIET if channel.request is None else _STALLED))
