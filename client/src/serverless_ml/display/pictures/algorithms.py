"""Which algorithms there are, and what each can be told."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Block, Cell, Column, Folded, Picture, Table, Text, Title
from serverless_ml.display.reading import Document

MOST = 40


def algorithms(raw: Document | list[Any]) -> Picture:
    """Return the picture of all algorithms, with their hyperparameters folded."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "algorithms"))
    rows = tuple(_row(each) for each in listed[:MOST])
    columns = (Column("algorithm"), Column(""), Column("for"), Column("learns from"), Column(""))
    blocks: list[Block] = [Title(text.count_of(len(listed), "algorithm"), "")]
    if rows:
        blocks.append(Table(columns, rows))
    for each in listed[:MOST]:
        table = _hyperparameters(each)
        if table:
            blocks.append(Folded(f"Hyperparameters of {text.shown(reading.text(each, 'name'))}", (table,)))
    return tuple(blocks)


def _row(raw: Document) -> tuple[Cell, ...]:
    available = raw.get("available")
    return (
        Text(text.shown(reading.text(raw, "name")), strong=True),
        text.shown(reading.text(raw, "title")),
        text.shown(reading.text(raw, "task")),
        text.shown(", ".join(reading.texts(raw, "takes"))),
        Text("not installed", "warn") if available is False else "",
    )


def algorithm(raw: Document) -> Picture:
    """Return the picture of one algorithm."""
    table = _hyperparameters(raw)
    title = Title(text.shown(reading.text(raw, "name")), text.shown(reading.text(raw, "title")))
    return (title, table) if table else (title,)


def _hyperparameters(raw: Document) -> Table | None:
    known = reading.members(raw, "hyperparameters", "properties")
    rows = tuple(
        (
            Text(text.shown(name, 40), strong=True),
            text.shown(allowed(schema), 90),
            "null"
            if schema.get("default", "") is None
            else text.shown(text.plain(schema.get("default", "–")), 40),
            text.shown(reading.text(schema, "description"), 200),
        )
        for name, schema in list(known.items())[:MOST]
        if isinstance(schema, dict)
    )
    columns = (Column("hyperparameter"), Column("values"), Column("default"), Column("what it is"))
    return Table(columns, rows) if rows else None


def allowed(schema: Document) -> str:
    """Return what a JSON Schema takes, in words."""
    several = reading.documents(schema, "anyOf") or reading.documents(schema, "oneOf")
    if several:
        return " or ".join(filter(None, map(allowed, several)))
    if reading.items(schema, "enum"):
        return ", ".join(
            "null" if each is None else text.plain(each) for each in reading.items(schema, "enum")
        )
    kind = reading.text(schema, "type")
    if kind == "array":
        return f"a list of {allowed(reading.members(schema, 'items'))}"
    low, high = _low(schema), _high(schema)
    return f"{kind or 'any'}{low}{high}"


def _low(schema: Document) -> str:
    for name, mark in (("minimum", "≥"), ("exclusiveMinimum", ">")):
        bound = reading.number(schema, name)
        if bound is not None:
            return f" {mark} {text.number(bound)}"
    return ""


def _high(schema: Document) -> str:
    for name, mark in (("maximum", "≤"), ("exclusiveMaximum", "<")):
        bound = reading.number(schema, name)
        if bound is not None:
            return f" {mark} {text.number(bound)}"
    return ""
