"""A line on stderr that says how far something is: on a terminal alone, and gone when it is over."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serverless_ml.command_line.session import Session

_SECONDS = 0.2
"""Between two drawings."""


class Line:
    """A line that is drawn over itself; it draws nothing where stderr is no terminal."""

    def __init__(self, session: Session) -> None:
        self._on = not session.quiet and sys.stderr is not None and sys.stderr.isatty()
        self._drawn = 0.0
        self._text = ""

    def show(self, text: str, *, now: bool = False) -> None:
        """Draw a text in the place of the one before, unless that is too soon."""
        if self._on and text != self._text and (now or time.monotonic() - self._drawn >= _SECONDS):
            import shutil

            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r" + text[:width] + "\x1b[K")
            sys.stderr.flush()
            self._drawn, self._text = time.monotonic(), text

    def clear(self) -> None:
        """Leave an empty line."""
        if self._on and self._text:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._text = ""


@contextmanager
def counted(session: Session, what: str) -> Iterator[Callable[[int], None]]:
    """A line that counts rows."""
    line = Line(session)
    try:
        yield lambda rows: line.show(f"{what}: {rows:,} rows")
    finally:
        line.clear()
