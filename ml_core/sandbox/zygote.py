"""A process that has imported what others need, and is forked for each of them.

    python -m ml_core.sandbox.zygote SOCKET PROGRAM KIND [MODULE PATH...]

PROGRAM is a module with `prepare(kind)`, which imports, and `main(folder, module_paths)`, which is what a
child does. Over the socket, which is open already, comes an order: a byte with the three files that are to be
the child's standard input, output and error, and a line of JSON. The answer is the child's id, and how many
bytes this process holds itself. A byte then asks for the child's end, and another for its status: until that
is told, the child's id is no other process's. `forking.py` is the other side.

No child sees anything of another: all that this process does between two of them is to read an order. It has
one thread. When the socket is closed it ends, and its child with it.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from ml_core.sandbox.memory import is_nearly_spent, own_bytes, prefer_oom_kill
from ml_core.sandbox.orphans import be_killed_with_parent


class Order(NamedTuple):
    """What a child is to be.

    Args:
        folder: what it is to work on.
        env: its environment.
        memory: how many bytes it and the process that it is forked from may take; None for any number.
    """

    folder: str
    env: dict[str, str]
    memory: int | None


def main(connection: socket.socket, program: str, kind: str, module_paths: list[str]) -> None:
    """Fork children until nobody asks for any more."""
    if module_paths:
        sys.path[:] = module_paths
    prefer_oom_kill()
    module = import_module(program)
    with suppress(Exception):  # a child meets it again, and tells it
        module.prepare(kind)
    gc.freeze()  # what is imported stays: a child that looked through it would copy its pages
    while order := _next_order(connection):
        held, here = own_bytes(), os.getpid()
        child = _fork()
        if not child:
            _be_child(module, order, connection, held=held, zygote=here)
        for file in order.files:
            os.close(file)
        connection.sendall(b"%d %d\n" % (child, held))
        if not _see_to_the_end(child, connection):
            return


class _Received(NamedTuple):
    """An order, and the files that came with it."""

    said: Order
    files: list[int]


def _next_order(connection: socket.socket) -> _Received | None:
    """The next order; None when there will be none."""
    begun, files, _, _ = socket.recv_fds(connection, 1, 3)
    if not begun:
        return None
    with connection.makefile("rb") as lines:
        return _Received(Order(**json.loads(lines.readline())), files)


def _fork() -> int:
    with warnings.catch_warnings():
        # OpenBLAS ends its threads before a fork, and starts them again when they are needed. Python counts
        # those that the system is still clearing away, and warns.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _see_to_the_end(child: int, connection: socket.socket) -> bool:
    """Tell that the child has ended, and how, when that is asked; False where nobody is left to ask."""
    if not connection.recv(1):
        os.kill(child, signal.SIGKILL)
        return False
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    connection.sendall(b"ended\n")
    asked = connection.recv(1)
    _, status, usage = os.wait4(child, 0)
    if asked:
        connection.sendall(b"%d %d\n" % (os.waitstatus_to_exitcode(status), usage.ru_maxrss))
    return bool(asked)


def _be_child(
    program: Any,  # noqa: ANN401 - a module
    received: _Received,
    connection: socket.socket,
    *,
    held: int,
    zygote: int,
) -> NoReturn:
    """Do what a new process would do, with nothing of the one that this was forked from but its imports."""
    status, (order, files) = 1, received
    try:
        be_killed_with_parent()
        if os.getppid() != zygote:  # it was gone before
            os._exit(status)
        for number, file in enumerate(files):
            os.dup2(file, number)
        for file in (*files, connection.detach()):
            os.close(file)
        os.setsid()
        os.environ.clear()
        os.environ.update(order.env)
        if order.memory is not None:
            _limit_memory(max(1, order.memory - held))
        if "numpy.random" in sys.modules:  # the standard library's `random` is seeded anew by itself
            sys.modules["numpy.random"].seed()
        program.main(order.folder, [])
        status = 0
    except BaseException:  # noqa: BLE001 - it is told as a new process would tell it
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(status)


def _limit_memory(limit: int) -> None:
    """Raises `MemoryError` where so little is left that not even a thread would start."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    if is_nearly_spent():
        raise MemoryError


if __name__ == "__main__":
    _, number, program, kind, *module_paths = sys.argv
    with socket.socket(fileno=int(number)) as connection:
        main(connection, program, kind, module_paths)
