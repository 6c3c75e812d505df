"""What keys used in some time."""

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Cell, Column, Notes, Picture, Table, Title
from serverless_ml.display.pictures.models import MOST
from serverless_ml.display.pictures.versions import more
from serverless_ml.display.reading import Document

_NUMBERS = ("requests", "rows", "jobs")


def usage(raw: Document) -> Picture:
    """Return what each key used."""
    keys = sorted(reading.documents(raw, "keys"), key=lambda each: -(reading.number(each, "requests") or 0))
    columns = (Column("key"), *(Column(name, right=True) for name in (*_NUMBERS, "bytes")))
    warnings = tuple(text.shown(each, 300) for each in reading.texts(raw, "warnings"))
    rows = tuple(_row(each) for each in keys[:MOST])
    return (
        Title("Usage", "", line=(_span(raw),)),
        *([Table(columns, rows, more=more(len(keys), MOST, "key"))] if rows else []),
        *([Notes(warnings, "warn")] if warnings else []),
    )


def line(raw: Document) -> str:
    """Return what all keys used in a line."""
    requests = reading.number(raw, "total", "requests") or 0
    return f"{text.count_of(requests, 'request')} of {text.count_of(len(reading.items(raw, 'keys')), 'key')}"


def _row(raw: Document) -> tuple[Cell, ...]:
    name = reading.text(raw, "key")
    counts = (text.number(reading.number(raw, each) or 0) for each in _NUMBERS)
    return (text.shown(name, 64) if name else "no key", *counts, text.size(reading.number(raw, "bytes") or 0))


def _span(raw: Document) -> str:
    """The first and the last day."""
    begin, end = (reading.text(raw, "window", name)[:10] for name in ("from", "to"))
    return text.shown(begin if begin == end else f"{begin} to {end}", 30)
