"""One JSON object a line on standard output: ids, names, counts, times; never feature values, never keys."""

from __future__ import annotations

import sys
import time

from ml_core import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_write = json_text.writer(default=str)
_SECOND: dict[int, str] = {}  # the last one that a line was written in


def log(level: str, event: str, **fields: Any) -> None:
    """Write one line.

    Args:
        level: `info`, `warning` or `error`.
        event: what happened, in a word or two.
        fields: what is known about it; None is left out.
    """
    # Cloud Logging goes by `severity` alone.
    line = {"time": _stamp(time.time()), "level": level, "severity": level.upper(), "event": event}
    line |= {name: value for name, value in fields.items() if value is not None}
    try:
        # One write with its newline: threads and processes must not cut into each other's lines.
        sys.stdout.write(_write(line) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):  # nobody reads our output any more; requests are answered all the same
        return


def _stamp(now: float) -> str:
    """A time in milliseconds as RFC 3339 has it; what the lines of a second share is written once."""
    milliseconds = int(now * 1000)
    second = milliseconds // 1000
    written = _SECOND.get(second)
    if written is None:
        _SECOND.clear()
        written = _SECOND[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return f"{written}.{milliseconds % 1000:03d}Z"


def log_unforeseen(error: BaseException, **fields: Any) -> None:
    """Log where an unforeseen error came from.

    Its message stays out: a library's message may quote the value that it choked on.
    """
    import traceback

    frames = [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    log(
        "error",
        "unforeseen",
        error=type(error).__qualname__,
        causes=causes or None,
        traceback=frames[-20:],
        **fields,
    )


def forward_logging() -> None:
    """Write the records of the standard library's `logging` as lines like ours."""
    import logging

    class Lines(logging.Handler):
        """Writes each record as one line, a traceback without its message."""

        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                log_unforeseen(record.exc_info[1], logger=record.name, message=record.getMessage())
            else:
                log(record.levelname.lower(), "message", logger=record.name, message=record.getMessage())

    root = logging.getLogger()
    root.handlers[:] = [Lines()]
    root.setLevel(logging.INFO)
