"""One JSON object a line on standard output: ids, names, counts, times; never feature values, never keys."""

from __future__ import annotations

import sys
import time

from ml_core import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_write = json_text.writer(default=str)
_MOST_FORMS = 500
_FORMS: dict[tuple[Any, ...], str] = {}  # lines of requests, by all that is alike in many of them
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
    _put(_write(line))


def log_request(fields: dict[str, Any], seconds: float) -> None:
    """Write a request's line, as `log` would write it: what many of them say alike is written once.

    Args:
        fields: what is known about the request: its `request_id`, and perhaps `rows` and `trace_id`, which
            are taken out of them; the rest are names and a `status`. None is left out.
        seconds: how long it took.
    """
    request_id, rows, trace = fields.pop("request_id"), fields.pop("rows", None), fields.pop("trace_id", None)
    alike = (rows is None, trace is None, *fields, *fields.values())
    form = _FORMS.get(alike) or _form(alike, fields)
    named = {
        "time": _stamp(time.time()),
        "id": json_text.quoted(request_id),
        "rows": rows,
        "trace": trace,
        "ms": seconds * 1000,
    }
    _put(form % named)


def _form(alike: tuple[Any, ...], fields: dict[str, Any]) -> str:
    """A request's line with places for what is its own."""
    level = "error" if fields["status"] >= 500 else "info"
    first = {"level": level, "severity": level.upper(), "event": "request"}
    rest = {name: value for name, value in fields.items() if value is not None}
    told = [_write(members)[1:-1].replace("%", "%%") for members in (first, rest)]
    rows = "" if alike[0] else '"rows": %(rows)d, '
    trace = "" if alike[1] else '"trace_id": "%(trace)s", '
    if len(_FORMS) >= _MOST_FORMS:
        _FORMS.clear()
    first_own = f'"time": "%(time)s", {told[0]}, {trace}"request_id": %(id)s'
    form = _FORMS[alike] = f'{{{first_own}, {told[1]}, {rows}"latency_ms": %(ms).3f}}'
    return form


def _put(line: str) -> None:
    try:
        # One write with its newline: threads and processes must not cut into each other's lines.
        sys.stdout.write(line + "\n")
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
    return f"{written}.{str(milliseconds)[-3:]}Z"


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
