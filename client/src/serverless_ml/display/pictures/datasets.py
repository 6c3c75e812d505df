"""A dataset and its columns, datasets, and which algorithms there are."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import (
    Bar,
    Block,
    Cell,
    Column,
    Facts,
    Folded,
    Picture,
    Spark,
    Table,
    Text,
    Title,
)
from serverless_ml.display.pictures.versions import more, notes
from serverless_ml.display.reading import Document

MOST = 60
_HEADS = ("column", "read as", "missing", "distinct", "values", "from – to, or the most frequent", "note")
_SPARE = ("distinct", "values", "note")
_STATES = {
    "described": "",
    "describing": "is being described",
    "options_refused": "the options do not fit",
    "unreadable": "cannot be read",
}


def dataset(raw: Document) -> Picture:
    """Return the picture of a dataset."""
    told = reading.members(raw, "description")
    state = reading.text(raw, "state")
    said = _STATES.get(state, text.shown(state))
    badges = (Text(said, "plain" if state == "describing" else "warn"),) if said else ()
    columns = reading.documents(told, "columns")
    blocks: list[Block] = [
        Title(
            text.shown(reading.text(raw, "name") or "dataset", 64),
            "",
            badges,
            tuple(_line(raw, told, columns)),
        )
    ]
    blocks += _faults(raw)
    blocks += notes(
        [*([raw["error"]] if reading.text(raw, "error") else []), *reading.texts(told, "warnings")]
    )
    rows = reading.number(told, "rows")
    if columns:
        table = tuple(_column(each, rows) for each in columns[:MOST])
        heads = tuple(Column(name, right=name == "distinct", spare=name in _SPARE) for name in _HEADS)
        blocks.append(Table(heads, table, more=more(len(columns), MOST, "column")))
    return (*blocks, *_how(raw, told))


def _line(raw: Document, told: Document, columns: list[Document]) -> list[str]:
    rows, size = reading.number(told, "rows"), reading.number(raw, "size")
    said = (
        [f"{text.count_of(rows, 'row')}{'' if told.get('complete') is not False else ' or more'}"]
        if rows is not None
        else []
    )
    said += [text.count_of(len(columns), "column")] if columns else []
    said += [text.size(size)] if size is not None else []
    said += [text.shown(reading.text(told, "format")).upper()] if "format" in told else []
    uploaded = reading.text(raw, "uploaded")
    return [*said, *([f"uploaded {text.time(uploaded)}"] if uploaded else [])]


def _faults(raw: Document) -> list[Block]:
    faults = reading.documents(raw, "faults")
    if not faults:
        return []
    rows = tuple(
        (text.shown(reading.text(each, "path"), 80), text.shown(reading.text(each, "message"), 400))
        for each in faults[:20]
    )
    return [Table((Column("where"), Column("what is wrong")), rows, more=more(len(faults), 20, "fault"))]


def _how(raw: Document, told: Document) -> list[Block]:
    facts: list[tuple[str, Cell]] = [
        (text.shown(name), text.shown(text.plain(value), 100))
        for name, value in list(reading.members(told, "read").items())[:30]
    ]
    facts += [
        (said, text.shown(raw[name], 90))
        for name, said in (("uri", "URI"), ("sha256", "SHA-256"))
        if reading.text(raw, name)
    ]
    return [Folded("How it was read", (Facts(tuple(facts)),))] if facts else []


def _column(raw: Document, rows: float | None) -> tuple[Cell, ...]:
    name = reading.text(raw, "name")
    left_out = reading.text(raw, "left_out")
    distinct = reading.number(raw, "distinct")
    spark, words = values_of(raw)
    return (
        Text(
            text.shown(name, 40),
            "quiet" if left_out else "plain",
            strong=not left_out,
            hint=text.shown(name, 200),
        ),
        text.shown(reading.text(raw, "type") or reading.text(raw, "kind") or "–", 40),
        _missing(raw, rows),
        "–" if distinct is None else text.number(distinct),
        spark,
        words,
        Text(text.shown(f"left out: {left_out}", 120), "quiet", hint=text.shown(left_out, 300))
        if left_out
        else _notes(raw),
    )


def _notes(raw: Document) -> Cell:
    """How values were read, where that is no matter of course."""
    said = [
        f"{text.shown(name)}: {text.plain(value)}" for name, value in reading.members(raw, "read").items()
    ]
    words = reading.members(raw, "missing_words")
    if words:
        told = [
            f"{text.shown(repr(word), 20)} {text.plain(count)}" for word, count in list(words.items())[:5]
        ]
        said.append(f"missing as {', '.join(told)}")
    infinite = reading.number(raw, "infinite")
    return text.shown("; ".join([*said, *([f"{text.number(infinite)} infinite"] if infinite else [])]), 120)


def _missing(raw: Document, rows: float | None) -> Cell:
    missing = reading.number(raw, "missing")
    if missing is None:
        return "–"
    if not missing or not rows:
        return Text(text.number(missing), "quiet")
    return Bar(missing / rows, f"{text.number(missing)} ({text.percent(missing / rows)})")


def values_of(raw: Document) -> tuple[Cell, Cell]:
    """Return a column's values as small columns, and in words."""
    counts = reading.numbers(raw, "histogram", "counts")
    words = reading.documents(raw, "values")
    span = reading.items(raw, "range")
    said = " – ".join(text.shown(text.plain(end), 30) for end in span[:2])
    mean = raw.get("mean")
    if said and isinstance(mean, (int, float, str)) and not isinstance(mean, bool):
        said += f", mean {text.shown(text.plain(mean), 30)}"
    if counts:
        return Spark(tuple(counts), f"histogram: {', '.join(map(text.number, counts))}"), said
    if words:
        told = tuple(reading.number(each, "rows") or 0 for each in words)
        names = [
            f"{text.shown(text.plain(each.get('value')), 20)} {text.number(count)}"
            for each, count in zip(words, told, strict=True)
        ]
        rest = ", …" if len(words) > 4 else ""
        return Spark(told[:20], "rows of each value: " + ", ".join(names[:20])), ", ".join(names[:4]) + rest
    return "", said


def datasets(raw: Document | list[Any]) -> Picture:
    """Return the picture of datasets."""
    listed = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "datasets"))
    rows = tuple(
        (
            Text(text.shown(reading.text(each, "name"), 64), strong=True),
            "–" if (size := reading.number(each, "size")) is None else text.size(size),
            text.time(reading.text(each, "uploaded")) or "–",
        )
        for each in listed[:MOST]
    )
    columns = (Column("dataset"), Column("size", right=True), Column("uploaded"))
    return (
        Title(text.count_of(len(listed), "dataset"), ""),
        *([Table(columns, rows, more=more(len(listed), MOST, "dataset"))] if rows else []),
    )


def dataset_line(raw: Document) -> str:
    """Return a dataset in one line."""
    told = reading.members(raw, "description")
    name = text.shown(reading.text(raw, "name") or "dataset", 64)
    return ", ".join([name, *_line(raw, told, reading.documents(told, "columns"))])
