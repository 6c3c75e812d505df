"""Work in a thread of its own: who waits for it can keep a lease, look at the clock, and leave."""

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.training.history import Entry


class Work(Protocol):
    """What a trainer watches: how far it is, what it reached on the way, and whether it has ended."""

    phase: str | None
    percentage: float | None
    ended: threading.Event

    @property
    def history(self) -> "list[Entry]":
        """As in `training/history.py`; empty where nothing is told."""
        ...


class Background[Result]:
    """A task under way. One that hangs is left behind: its thread ends with the process at the latest."""

    def __init__(self, phase: str, task: "Callable[[Background[Result]], Result]") -> None:
        self.phase: str | None = phase
        self.percentage: float | None = None
        self.history: list[Entry] = []
        self.ended = threading.Event()
        self.left = threading.Event()
        self._task = task
        self._result: Result | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> "Background[Result]":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.left.set()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True).start()

    def result(self) -> Result:
        """What became of it, when `ended` is set; what it raised is raised here."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set, for there was no error

    def _run(self) -> None:
        try:
            self._result = self._task(self)
        except BaseException as error:  # noqa: BLE001  # it is raised where the result is asked for
            self._error = error
        self.ended.set()
