"""The thread that starts children.

A child asks the system to be ended with its parent, and by that Linux means the thread that started it: one
that answers a request may be gone a moment later, and the child with it.
"""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue


class _Task:
    """Something to be done, and what became of it."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act
        self.error: BaseException | None = None
        self.is_done = threading.Event()


class Starter:
    """Does what it is asked in a thread that lives as long as the process, made when it is first asked."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        self._process = 0  # in which the thread is: a server may fork after it was asked

    def do(self, act: Callable[[], object]) -> None:
        """Have it done, and wait for it. Raises what it raises."""
        with self._making:
            if self._process != os.getpid():
                self._process, self._tasks = os.getpid(), SimpleQueue()
                threading.Thread(target=_work, args=(self._tasks,), daemon=True, name="starter").start()
        task = _Task(act)
        self._tasks.put(task)
        task.is_done.wait()
        if task.error is not None:
            raise task.error


def _work(tasks: "SimpleQueue[_Task]") -> None:
    while True:
        task = tasks.get()
        try:
            task.act()
        except BaseException as error:  # noqa: BLE001  # it is raised where it was asked for
            task.error = error
        task.is_done.set()
