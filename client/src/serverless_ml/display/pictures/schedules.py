"""When a model is trained again by itself, what became of it, and what its guard does."""

from serverless_ml.display import reading, text
from serverless_ml.display.blocks import Cell, Column, Facts, Picture, Table, Text, Title
from serverless_ml.display.reading import Document

_TRIGGERS = {"every": "time", "upload": "an upload", "drift": "drift"}
_REASONS = {"upload": "on each upload", "drift": "when its rows drift"}
_AT = {
    "waiting": "has no traffic yet",
    "climbing": "has a part of the traffic",
    "watching": "has all of the traffic, and is watched",
    "ended": "is not moved any more",
}
_WELL = frozenset({"started", "unchanged"})


def schedule(raw: Document) -> Picture:
    """Return the picture of a schedule."""
    name = text.shown(reading.text(raw, "model") or "model", 64)
    badges = (Text("paused", "warn"),) if raw.get("paused") is True else ()
    rows = tuple(_run(each) for each in reading.documents(raw, "runs"))
    columns = (
        Column("when", whole=True),
        Column("because of"),
        Column("what became of it"),
        Column("version", right=True),
        Column("why", spare=True),
    )
    return (
        Title(name, "trained again by itself", badges, (_when(raw),)),
        Facts(tuple(_facts(raw))),
        *([Table(columns, rows, "Runs")] if rows else []),
    )


def line(raw: Document) -> str:
    """Return a schedule in a line."""
    name = text.shown(reading.text(raw, "model") or "model", 64)
    paused = ["paused"] if raw.get("paused") is True else []
    runs = reading.documents(raw, "runs")
    last = [f"the last run: {_outcome(runs[0])}"] if runs else []
    return ", ".join([name, _when(raw), *paused, *last])


def _when(raw: Document) -> str:
    every = reading.text(raw, "every")
    reasons = [f"every {text.shown(every, 30)}"] if every else []
    reasons += [_REASONS.get(each, text.shown(each, 30)) for each in reading.texts(raw, "on")]
    return ", ".join(reasons) or "never"


def _facts(raw: Document) -> list[tuple[str, Cell]]:
    often, pause = reading.number(raw, "most_a_day"), reading.text(raw, "at_most_every")
    bounds = [f"{text.number(often)} a day"] if often else []
    bounds += [f"once in {text.shown(pause, 30)}"] if pause else []
    known: list[tuple[str, Cell]] = [
        ("trained on", text.shown(reading.text(raw, "train", "data", "uri"), 200)),
        ("at most", ", ".join(bounds)),
        ("next", text.time(reading.text(raw, "next"))),
        ("written", text.time(reading.text(raw, "updated"))),
        ("by the key", text.shown(reading.text(raw, "writer"), 64)),
        ("guard", _guard(reading.members(raw, "guard"))),
    ]
    return [(name, told) for name, told in known if told]


def _guard(raw: Document) -> str:
    new, at = reading.number(raw, "new"), reading.text(raw, "at")
    if new is None:
        return ""
    said = f"version {text.number(new)} {_AT.get(at, text.shown(at, 30))}"
    reason = reading.text(raw, "reason")
    return f"{said}: {text.shown(reason, 300)}" if reason else said


def _run(raw: Document) -> tuple[Cell, ...]:
    trigger, version = reading.text(raw, "trigger"), reading.number(raw, "version")
    is_well = reading.text(raw, "outcome") in _WELL and reading.text(raw, "ended") != "failed"
    return (
        text.time(reading.text(raw, "at")),
        _TRIGGERS.get(trigger, text.shown(trigger, 30)),
        Text(_outcome(raw), "plain" if is_well else "warn"),
        "" if version is None else text.number(version),
        text.shown(reading.text(raw, "reason"), 300),
    )


def _outcome(raw: Document) -> str:
    """How a run's job ended, or that it was started, or why not."""
    told = reading.text(raw, "ended") or reading.text(raw, "outcome").replace("_", " ")
    return text.shown(told or "unknown", 30)
