"""A model, its aliases and their history; and which models there are."""

from typing import Any

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Bar, Block, Cell, Column, Facts, Notes, Picture, Table, Text, Title
from serverless_ml.display.pictures.versions import algorithm, deleted, more, notes, pointers
from serverless_ml.display.reading import Document

MOST = 50
_DONE = {"set": "set", "promote": "promoted", "rollback": "rolled back", "delete": "removed"}


def model(raw: Document) -> Picture:
    """Return the picture of a model."""
    listed = reading.documents(raw, "versions")
    listed = sorted(listed, key=lambda each: reading.number(each, "version") or 0, reverse=True)
    told = reading.members(raw, "aliases")
    badges = () if raw.get("ready") is not False else (Text("not ready", "warn"),)
    blocks: list[Block] = [
        Title(
            text.shown(reading.text(raw, "name") or "model", 64),
            "",
            badges,
            (text.count_of(len(listed), "version"),),
        )
    ]
    if told:
        blocks.append(_aliases([each for each in told.values() if isinstance(each, dict)]))
    pointing = pointers(told)
    rows = tuple(_version(each, pointing) for each in listed[:MOST])
    columns = (
        Column("version", whole=True),
        Column("trained", whole=True, spare=True),
        Column("algorithm"),
        Column("artifact", right=True, spare=True),
    )
    if rows:
        blocks.append(Table(columns, rows, "Versions", more(len(listed), MOST, "version")))
    if reading.number(raw, "next_before") is not None:
        blocks.append(Notes(("There are older versions, which this page has not.",), "quiet"))
    return (*blocks, *deleted(raw))


def _version(raw: Document, pointing: dict[str, list[str]]) -> tuple[Cell, ...]:
    number = text.plain(raw.get("version"))
    names = pointing.get(number, [])
    size = reading.number(raw, "size")
    return (
        Text(f"{number}  ← {', '.join(names)}" if names else number, strong=bool(names)),
        text.time(reading.text(raw, "created")) or "–",
        algorithm(reading.text(raw, "algorithm"))
        + (", registered" if reading.members(raw, "registered") else ""),
        "–" if size is None else text.size(size),
    )


def _aliases(listed: list[Document]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in listed[:MOST]:
        name = text.shown(reading.text(each, "alias"))
        changed = text.time(reading.text(each, "updated"))
        shares = shares_of(each)
        for place, (version, share) in enumerate(shares):
            bar = Bar(share, text.percent(share))
            first = Text(name, strong=True) if not place else Text(name, "quiet", hint="shares the traffic")
            rows.append((first, version, bar, changed if not place else ""))
    columns = (
        Column("alias"),
        Column("version", right=True),
        Column("of the traffic"),
        Column("since", whole=True, spare=True),
    )
    return Table(columns, tuple(rows), "Aliases", more(len(listed), MOST, "alias"))


def shares_of(alias: Document) -> list[tuple[str, float]]:
    """Return the versions that an alias leads to, each with its share, the largest first."""
    weights = reading.members(alias, "weights")
    known = {number: reading.number(weights, number) or 0 for number in weights}
    if not known:
        return [(text.plain(alias.get("version")), 1.0)]
    total = sum(known.values()) or 1
    shares = [(text.shown(number, 20), weight / total) for number, weight in known.items()]
    return sorted(shares, key=lambda each: -each[1])


def alias(raw: Document) -> Picture:
    """Return the picture of an alias."""
    return (_aliases([raw]), *notes(reading.texts(raw, "warnings")))


def alias_line(raw: Document) -> str:
    """Return an alias in one line."""
    return f"{text.shown(reading.text(raw, 'alias') or 'alias')} → {_shares(raw)}"


def _shares(raw: Document) -> str:
    shares = shares_of(raw)
    if len(shares) == 1:
        return f"version {shares[0][0]}"
    return ", ".join(f"version {number} {text.percent(share)}" for number, share in shares)


def aliases(raw: Document | list[Any]) -> Picture:
    """Return the picture of a model's aliases: a list of them, or by their names."""
    listed = raw if isinstance(raw, list) else list((reading.members(raw, "aliases") or raw).values())
    known = reading.documents(listed)
    if not known:
        return (Title("No aliases", "", line=("without one, the newest version answers",)),)
    return (_aliases(known),)


def history(raw: Document | list[Any]) -> Picture:
    """Return what was done to an alias, the newest first."""
    changes = reading.documents(raw if isinstance(raw, list) else reading.items(raw, "changes"))
    rows = tuple(_change(each) for each in changes[:MOST])
    columns = (
        Column("change", right=True),
        Column("when", whole=True),
        Column("what"),
        Column("before"),
        Column("after"),
        Column("by the key", spare=True),
        Column("why", spare=True),
    )
    return (
        Title("History", "", line=(text.count_of(len(changes), "change"),)),
        *([Table(columns, rows, more=more(len(changes), MOST, "change"))] if rows else []),
    )


def _change(raw: Document) -> tuple[Cell, ...]:
    kind = reading.text(raw, "kind")
    restored = reading.number(raw, "restored")
    what = _DONE.get(kind, text.shown(kind))
    if restored is not None:
        what += f" to change {text.number(restored)}" if restored else " to before the first change"
    by = reading.text(raw, "by")
    return (
        text.plain(raw.get("number")),
        text.time(reading.text(raw, "time")),
        Text(what, "warn" if kind in {"rollback", "delete"} else "plain"),
        _state(raw.get("from")),
        _state(raw.get("to")),
        text.shown(by) if by else Text("–", "quiet"),
        text.shown(reading.text(raw, "reason"), 300),
    )


def _state(state: object) -> Cell:
    return _shares(state) if isinstance(state, dict) and state else Text("–", "quiet", hint="no such alias")


def about(raw: Document) -> Picture:
    """Return the picture of what people wrote about a model or a version."""
    tags = tuple(
        (text.shown(name, 64), text.shown(value)) for name, value in reading.members(raw, "tags").items()
    )
    blocks: list[Block] = [Title(text.shown(reading.text(raw, "description"), 2000) or "No description", "")]
    if tags:
        blocks.append(Facts(tags))
    return tuple(blocks)


def models(raw: Document | list[Any]) -> Picture:
    """Return the picture of all models: their names, or what a list tells of each."""
    listed = raw if isinstance(raw, list) else reading.items(raw, "entries") or reading.items(raw, "models")
    blocks: list[Block] = [Title(text.count_of(len(listed), "model"), "")]
    if not listed:
        return tuple(blocks)
    more_of = more(len(listed), 200, "model")
    if any(isinstance(each, dict) and "newest" in each for each in listed):
        columns = (
            Column("model"),
            Column("version", whole=True),
            Column("algorithm"),
            Column("reached"),
            Column("aliases", spare=True),
        )
        entries = [each for each in listed if isinstance(each, dict)]
        blocks.append(Table(columns, tuple(map(_entry, entries[:200])), more=more_of))
    else:
        names = [each if isinstance(each, str) else reading.text(each, "name") for each in listed[:200]]
        blocks.append(Table((Column("model"),), tuple((_name(name),) for name in names), more=more_of))
    return tuple(blocks)


def _name(name: str) -> Text:
    return Text(text.shown(name, 64), hint=text.shown(name, 200))


def _entry(raw: Document) -> tuple[Cell, ...]:
    newest = reading.members(raw, "newest")
    return (
        _name(reading.text(raw, "name")),
        text.plain(newest.get("version")),
        algorithm(reading.text(newest, "algorithm")) if newest else "–",
        _reached(newest) or "–",
        text.shown(", ".join(reading.texts(raw, "aliases"))),
    )


def _reached(newest: Document) -> str:
    metric = reading.members(newest, "metric")
    name = text.shown(reading.text(metric, "name"), 24)
    return f"{name} {text.plain(metric.get('value'))}" if name else ""


def entry_line(raw: Document) -> str:
    """Return a model of a list in one line."""
    newest = reading.members(raw, "newest")
    version = f"version {text.plain(newest.get('version'))}" if newest else "no version"
    told = [text.shown(reading.text(raw, "name"), 64), version, _reached(newest)]
    return ", ".join(filter(None, told))


def model_line(raw: Document) -> str:
    """Return a model in one line."""
    aliases = [
        alias_line(each) for each in reading.members(raw, "aliases").values() if isinstance(each, dict)
    ]
    count = text.count_of(len(reading.documents(raw, "versions")), "version")
    return ", ".join([text.shown(reading.text(raw, "name") or "model", 64), count, *aliases])


def change_line(raw: Document) -> str:
    """Return a change of an alias in one line."""
    both = (raw.get("from"), raw.get("to"))
    states = [_shares(state) if isinstance(state, dict) and state else "nothing" for state in both]
    kind = reading.text(raw, "kind")
    return f"{text.plain(raw.get('number'))}, {_DONE.get(kind, text.shown(kind))}: {' → '.join(states)}"
