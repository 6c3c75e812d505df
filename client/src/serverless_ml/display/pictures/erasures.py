"""The versions that were made from a dataset, and what an erasure tells."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Block, Cell, Column, Notes, Picture, Table, Text, Title
from serverless_ml.display.pictures.versions import more
from serverless_ml.display.reading import Document

MOST = 60
_PARTS = {
    "gone": "Gone",
    "going": "Removed by the next sweeps",
    "expires": "Expires by itself",
    "stays": "Stays: deletion cannot remove it",
}


def made_versions(raw: Document | list[Any]) -> Picture:
    """Return the picture of versions that were made from a dataset."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "versions"))
    heads = tuple(map(Column, ("model", "version", "algorithm", "created", "upload", "state")))
    rows = tuple(map(_row, listed[:MOST]))
    return (
        Title(text.count_of(len(listed), "version"), ""),
        *([Table(heads, rows, more=more(len(listed), MOST, "version"))] if rows else []),
    )


def _row(raw: Document) -> tuple[Cell, ...]:
    number = reading.number(raw, "version")
    upload = reading.text(reading.members(raw, "data"), "uri").rpartition("/")[2]
    return (
        Text(text.shown(reading.text(raw, "model"), 64), strong=True),
        "–" if number is None else text.number(number),
        text.shown(reading.text(raw, "algorithm") or "–", 40),
        text.time(reading.text(raw, "created")) or "–",
        text.shown(upload, 40),
        _state(raw),
    )


def _state(raw: Document) -> Cell:
    said = [f"alias {text.shown(each, 64)}" for each in reading.texts(raw, "aliases")]
    said += ["copy"] if raw.get("copy") else []
    said += ["holds rows"] if raw.get("contains_training_rows") else []
    if reading.text(raw, "deleted"):
        return Text(", ".join(["deleted" if raw.get("restorable_until") else "purged", *said]), "quiet")
    return ", ".join(said)


def erasure(raw: Document) -> Picture:
    """Return the picture of an erasure's report."""
    versions = reading.documents(raw, "versions")
    badge = () if raw.get("complete") is not False else (Text("not complete: ask again", "warn"),)
    name = text.shown(reading.text(raw, "dataset") or "dataset", 64)
    blocks: list[Block] = [
        Title(name, "", badge, (f"erased with {text.count_of(len(versions), 'version')}",))
    ]
    waiting = reading.texts(raw, "waiting_for")
    if waiting:
        blocks.append(Notes((f"waits for {text.count_of(len(waiting), 'job')} to end",), "warn"))
    for part, said in _PARTS.items():
        lines = reading.documents(raw, part)
        if lines:
            heads = (Column(said), Column("how many", right=True), Column("days", right=True))
            blocks.append(Table(heads, tuple(map(_line, lines[:MOST])), more=more(len(lines), MOST, "line")))
    return tuple(blocks)


def _line(raw: Document) -> tuple[Cell, ...]:
    number, days = reading.number(raw, "number"), reading.number(raw, "days")
    return (
        text.shown(reading.text(raw, "detail"), 300),
        "" if number is None else text.number(number),
        "" if days is None else text.number(days),
    )


def erasure_line(raw: Document) -> str:
    """Return an erasure in one line."""
    versions = reading.documents(raw, "versions")
    state = "erased" if raw.get("complete") is not False else "not erased yet"
    name = text.shown(reading.text(raw, "dataset") or "dataset", 64)
    return f"{name}, {state} with {text.count_of(len(versions), 'version')}"


def made_version_line(raw: Document) -> str:
    """Return a version that was made from a dataset in one line."""
    number = reading.number(raw, "version")
    said = f"{text.shown(reading.text(raw, 'model'), 64)}@{'?' if number is None else text.number(number)}"
    state = _state(raw)
    told = state.text if isinstance(state, Text) else str(state)
    return f"{said}, {told}" if told else said
