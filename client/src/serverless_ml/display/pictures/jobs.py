"""A job, and jobs."""

from collections.abc import Callable
from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import (
    Bar,
    Block,
    Cell,
    Column,
    Facts,
    Folded,
    Notes,
    Picture,
    Table,
    Text,
    Title,
    Tone,
)
from serverless_ml.display.pictures.classes import confusion
from serverless_ml.display.pictures.versions import (
    algorithm,
    beside,
    clusters,
    engine,
    history,
    hyperparameters,
    metrics_table,
    more,
    notes,
    source,
)
from serverless_ml.display.reading import Document

MOST = 50
MOST_FAULTS = 20
_HEADS = ("job", "model", "state", "note", "sent", "took", "algorithm")
_WHOLE = ("job", "model", "state", "sent")
_SPARE = ("sent", "took", "algorithm")
_KINDS = {"register": "registering", "import": "importing", "score": "scoring"}
_TONES: dict[str, Tone] = {"succeeded": "good", "failed": "warn", "cancelled": "warn"}


def job(raw: Document) -> Picture:
    """Return the picture of a job."""
    state = reading.text(raw, "state")
    metrics = reading.members(raw, "metrics")
    request = reading.members(raw, "request")
    said = [algorithm(reading.text(request, "algorithm"))] if "algorithm" in request else []
    badges = [Text(state_of(raw), _TONES.get(state, "plain"))]
    line = (
        *said,
        *source(request),
        *engine(raw),
        *_times(raw),
        f"job {text.shown(reading.text(raw, 'id') or '–')}",
    )
    blocks: list[Block] = [Title(_of(raw), _what(request), tuple(badges), line)]
    if state in {"queued", "running"}:
        blocks.append(_progress(raw))
    blocks += _error(raw)
    blocks += notes(reading.texts(raw, "warnings"))
    blocks += _result(reading.members(raw, "result"))
    blocks += beside([*metrics_table(metrics), *confusion(metrics, None), *clusters(metrics)])
    blocks += beside(history(metrics))
    blocks += _folded(raw)
    return tuple(blocks)


def state_of(raw: Document) -> str:
    """Return a job's state, and that it is to be cancelled."""
    state = text.shown(reading.text(raw, "state") or "of an unknown state")
    under_way = state in {"queued", "running"}
    return f"{state}, to be cancelled" if under_way and raw.get("cancelling") is True else state


def _of(raw: Document) -> str:
    version = reading.number(raw, "version")
    if version is None:
        version = reading.number(raw, "request", "version")
    name = text.shown(reading.text(raw, "model") or "job", 64)
    return name if version is None else f"{name}@{text.plain(version)}"


def _what(request: Document) -> str:
    return _KINDS.get(str(request.get("kind")), "training")


def _times(raw: Document) -> list[str]:
    created, started, finished = (reading.text(raw, name) for name in ("created", "started", "finished"))
    said = [f"sent {text.time(created)}"] if created else []
    begin, end = text.moment(started), text.moment(finished)
    if begin and end:
        said.append(f"took {text.duration((end - begin).total_seconds())}")
    return said


def _progress(raw: Document) -> Block:
    percentage = reading.number(raw, "percentage")
    phase = text.shown(reading.text(raw, "phase") or reading.text(raw, "state"))
    if percentage is None:
        return Bar(0.0, phase)
    return Bar(percentage / 100, f"{phase}, {text.percent(percentage / 100)}")


def _error(raw: Document) -> list[Block]:
    error = reading.members(raw, "error")
    if not error:
        return []
    faults = reading.documents(error, "faults")
    message = text.shown(reading.text(error, "message"), 600)
    blocks: list[Block] = []
    # Of faults with their places the message is only the sum.
    if message and not faults:
        blocks.append(Notes((message,)))
    if faults:
        rows = tuple(
            (text.shown(reading.text(each, "path"), 80), text.shown(reading.text(each, "message"), 400))
            for each in faults[:MOST_FAULTS]
        )
        columns = (Column("where"), Column("what is wrong"))
        blocks.append(Table(columns, rows, more=more(len(faults), MOST_FAULTS, "fault")))
    if reading.text(error, "code"):
        blocks.append(Facts((("code", text.shown(error["code"])),)))
    return blocks


def _result(result: Document) -> list[Block]:
    """Return what came of a table that was scored."""
    if not result:
        return []
    counted = (("rows", "rows"), ("rejected", "rows that could not be predicted"), ("files", "files"))
    facts: list[tuple[str, Cell]] = [
        (called, text.number(value))
        for name, called in counted
        if (value := reading.number(result, name)) is not None
    ]
    size = reading.number(result, "bytes")
    if size is not None:
        facts.append(("in all", text.size(size)))
    uri = reading.text(result, "uri")
    if uri:
        facts.append(("written to", text.shown(uri, 200)))
    return [Facts(tuple(facts), "Scores")]


def files(raw: Document | list[Any]) -> Picture:
    """Return the picture of files that a job wrote."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "files"))
    rows = tuple(
        (
            text.shown(reading.text(each, "name"), 40),
            text.shown(reading.text(each, "kind"), 20),
            _counted(each, "rows", text.number),
            _counted(each, "size", text.size),
            text.shown(reading.text(each, "uri"), 200),
        )
        for each in listed[:MOST]
    )
    columns = (
        Column("file", whole=True),
        Column("kind"),
        Column("rows", right=True),
        Column("size", right=True),
        Column("place", spare=True),
    )
    return (
        Title(text.count_of(len(listed), "file"), ""),
        *([Table(columns, rows, more=more(len(listed), MOST, "file"))] if rows else []),
    )


def _counted(raw: Document, name: str, said: Callable[[float], str]) -> str:
    value = reading.number(raw, name)
    return "–" if value is None else said(value)


def _folded(raw: Document) -> list[Block]:
    blocks: list[Block] = [*hyperparameters(reading.members(raw, "request"))]
    attempts = reading.documents(raw, "attempts")
    if attempts:
        rows = tuple(_attempt(each) for each in attempts[-MOST_FAULTS:])
        columns = (Column("started"), Column("ended"), Column("outcome"), Column("reason"))
        blocks.append(Table(columns, rows, "Attempts"))
    return [Folded("Hyperparameters and attempts", tuple(blocks))] if blocks else []


def _attempt(raw: Document) -> tuple[Cell, ...]:
    times = reading.number(raw, "times")
    outcome = text.shown(reading.text(raw, "outcome") or "under way")
    return (
        text.time(reading.text(raw, "started")),
        text.time(reading.text(raw, "ended")) or "–",
        outcome + (f", {text.number(times)} times" if times else ""),
        text.shown(reading.text(raw, "reason"), 200) or "–",
    )


def jobs(raw: Document | list[Any]) -> Picture:
    """Return the picture of jobs, in the order in which they come."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "jobs"))
    rows = tuple(_row(each) for each in listed[:MOST])
    columns = tuple(
        Column(name, right=name == "took", whole=name in _WHOLE, spare=name in _SPARE) for name in _HEADS
    )
    return (
        Title(text.count_of(len(listed), "job"), ""),
        *([Table(columns, rows, more=more(len(listed), MOST, "job"))] if rows else []),
    )


def _row(raw: Document) -> tuple[Cell, ...]:
    state = reading.text(raw, "state")
    begin, end = text.moment(reading.text(raw, "started")), text.moment(reading.text(raw, "finished"))
    request = reading.members(raw, "request")
    return (
        text.shown(reading.text(raw, "id"), 32),
        _of(raw),
        Text(state_of(raw), _TONES.get(state, "plain")),
        _note(raw),
        text.time(reading.text(raw, "created")),
        text.duration((end - begin).total_seconds()) if begin and end else "–",
        algorithm(request["algorithm"]) if reading.text(request, "algorithm") else _what(request),
    )


def _note(raw: Document) -> Cell:
    message = reading.text(raw, "error", "message")
    if message:
        return Text(text.shown(message, 90), hint=text.shown(message, 600))
    if reading.text(raw, "state") == "running":
        percentage = reading.number(raw, "percentage")
        phase = text.shown(reading.text(raw, "phase"))
        if percentage is None:
            return phase
        return Bar(percentage / 100, f"{phase} {text.percent(percentage / 100)}")
    count = len(reading.texts(raw, "warnings"))
    return text.count_of(count, "warning") if count else ""


def line(raw: Document) -> str:
    """Return a job in one line."""
    said = [f"job {text.shown(reading.text(raw, 'id') or '–')} of {_of(raw)}: {state_of(raw)}"]
    if reading.text(raw, "phase"):
        said.append(text.shown(raw["phase"]))
    percentage = reading.number(raw, "percentage")
    if percentage is not None:
        said.append(text.percent(percentage / 100))
    message = reading.text(raw, "error", "message")
    return ", ".join(said) + (f": {text.shown(message, 200)}" if message else "")
