"""Who asked for which change, and how it was answered."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Cell, Column, Picture, Table, Text, Title
from serverless_ml.display.pictures.models import MOST
from serverless_ml.display.pictures.versions import more
from serverless_ml.display.reading import Document

_GOOD = 400


def entries(raw: Document | list[Any]) -> Picture:
    """Return changes that were asked for, the newest first."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "entries"))
    columns = (
        Column("when", whole=True),
        Column("by the key"),
        Column("what"),
        Column("about"),
        Column("status", right=True),
    )
    rows = tuple(_row(each) for each in listed[:MOST])
    return (
        Title("Changes", "", line=(text.count_of(len(listed), "change"),)),
        *([Table(columns, rows, more=more(len(listed), MOST, "change"))] if rows else []),
    )


def line(raw: Document) -> str:
    """Return a change that was asked for in a line."""
    return " · ".join(part for part in (_what(raw), _about(raw), f"status {_status(raw)}") if part)


def _row(raw: Document) -> tuple[Cell, ...]:
    status = reading.number(raw, "status")
    is_good = status is not None and status < _GOOD
    by = reading.text(raw, "by")
    return (
        text.time(reading.text(raw, "time")),
        text.shown(by, 64) if by else "no key",
        _what(raw),
        _about(raw),
        Text(_status(raw), "plain" if is_good else "warn"),
    )


def _what(raw: Document) -> str:
    return text.shown(f"{reading.text(raw, 'method')} {reading.text(raw, 'route')}".strip() or "unknown", 100)


def _about(raw: Document) -> str:
    """What it was about, as people write it: a version after its model, an alias after that."""
    parts = [reading.text(raw, name) for name in ("model", "dataset", "alias", "job")]
    version = reading.number(raw, "version")
    parts[0] += f"@{text.number(version)}" if version is not None and parts[0] else ""
    return text.shown(" ".join(part for part in parts if part), 100)


def _status(raw: Document) -> str:
    status = reading.number(raw, "status")
    return "unknown" if status is None else text.plain(status)
