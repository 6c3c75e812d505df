"""Predictions that take less than handing them over to a thread.

To wake a thread for a request, and the one that reads for its answer, costs what a small prediction does.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handlers.local.admission import SHORT

_MOST_PATHS = 1_000
_PREDICTIONS = (":predict", "/infer")


class Quick:
    """Expects of a path that its next answer takes what its last one took.

    Only predictions are quick. Everything else may wait: for a job, for the store, for whoever reads. A first
    prediction loads its model, and nothing is known of its path: a thread makes it.

    Where imported models are run, no prediction is: one of them may be what answers at a path next, and it
    waits for another process, which may hang.
    """

    def __init__(self, *, imported: bool = False) -> None:
        self._imported = imported
        # So long a thread may go on before the interpreter lets another: whoever waits here waits no longer.
        self._longest = sys.getswitchinterval()
        self._taken: dict[str, float] = {}  # seconds of the processor by path

    def expects(self, request: Any) -> bool:
        """Whether a request that waitress has read will be answered quickly."""
        if self._imported or request.error or request.chunked or request.content_length > SHORT:
            return False
        return self._taken.get(request.path, self._longest) < self._longest

    @contextmanager
    def noting(self, path: str) -> Iterator[None]:
        """Note how long a path's answer takes; what a busy machine does in between does not count."""
        if not path.endswith(_PREDICTIONS):
            yield
            return
        started = time.thread_time()
        yield
        while len(self._taken) >= _MOST_PATHS:
            self._taken.pop(next(iter(self._taken)), None)
        self._taken[path] = time.thread_time() - started
