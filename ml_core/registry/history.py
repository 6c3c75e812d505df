"""The history of aliases: the newest line of each in its model's document, and all before it elsewhere.

    registry/history/{model in lower case}/{alias in lower case}.json
        model, since    whose history it is; what was there of another is forgotten
        lines           the alias as it is spelled → its changes, oldest first

A change is one write of the model's document. Before that, the line that it replaces there is copied. In the
document `history` is alias → its newest lines, which is one where this release wrote last, also of aliases
that were removed since. A line is

    [number, time, who, kind, from, to, restored, reason]

`from` and `to` are what the alias was and became: a version's number, the weights of several, or null while
it is not there. `restored` is the number of the earlier change that a roll-back went back to, 0 for what was
before the first. `reason` is there where a schedule's guard made the change, and else left out.
"""

from typing import Any, NamedTuple

from ml_core.documents import Body, read, update
from ml_core.errors import ObjectNotFound
from ml_core.ports import ObjectStore
from ml_core.registry.registry import ModelDocument
from ml_core.registry.weights import State

MOST_CHANGES = 100  # of one alias that are remembered
MOST_REMOVED = 20  # aliases that are gone and of which the document has a line

type Line = list[Any]


class Change(NamedTuple):
    """One change of an alias: `by` is the id of the caller's key, None where none is asked for.

    `reason` is there where a schedule's guard made it.
    """

    number: int
    time: str
    by: str | None
    kind: str
    before: State | None
    after: State | None
    restored: int | None
    reason: str | None = None


def history_key(model: str, alias: str) -> str:
    """Where the earlier changes of a model's alias are kept."""
    return f"registry/history/{model.lower()}/{alias.lower()}.json"


def history_of(store: ObjectStore, model: ModelDocument, alias: str) -> list[Change]:
    """The changes of an alias that are remembered, oldest first. Raises `Unavailable`."""
    newest = model.history.get(alias, [])
    try:
        kept = _lines(read(store, history_key(model.name, alias)).body, model, alias)
    except ObjectNotFound:
        kept = []
    return [Change(*line) for line in _joined(kept, newest)]


def remember(store: ObjectStore, model: ModelDocument, body: Body, alias: str, done: Change) -> None:
    """Put a change into the model's document, in place of those before it, which `keep` has copied.

    Raises `Unavailable`.
    """
    history = body.setdefault("history", {})
    history.pop(alias, None)
    line = list(done)
    history[alias] = [line if done.reason is not None else line[:-1]]  # now the last to go
    gone = [each for each in history if each not in body["aliases"]]
    for forgotten in gone[: max(0, len(gone) - MOST_REMOVED)]:
        keep(store, model, forgotten)
        del history[forgotten]


def shorten(store: ObjectStore, model: ModelDocument, body: Body) -> bool:
    """Leave one line of each alias in the model's document; whether there were more. Raises `Unavailable`."""
    longer = {alias: lines for alias, lines in body.get("history", {}).items() if len(lines) > 1}
    for alias, lines in longer.items():
        keep(store, model, alias)
        body["history"][alias] = lines[-1:]
    return bool(longer)


def keep(store: ObjectStore, model: ModelDocument, alias: str) -> list[Change]:
    """Copy what the model's document has of an alias to where the earlier lines are. All, oldest first.

    Raises `Unavailable`.
    """
    newest = model.history.get(alias, [])

    def change(body: Body | None) -> Body | None:
        kept = [] if body is None else _lines(body, model, alias)
        joined = _joined(kept, newest)
        if joined == kept:
            return None
        others = body["lines"] if body is not None and _is_of(body, model) else {}
        written = {**others, alias: joined}
        return {**(body or {}), "model": model.name, "since": _since(model), "lines": written}

    try:
        document = update(store, history_key(model.name, alias), change)
    except ObjectNotFound:
        return []
    return [Change(*line) for line in _lines(document.body, model, alias)]


def _joined(kept: list[Line], newer: list[Line]) -> list[Line]:
    """The lines in order, none twice, as many as are remembered."""
    last = kept[-1][0] if kept else 0
    return [*kept, *(line for line in newer if line[0] > last)][-MOST_CHANGES:]


def _lines(body: Body, model: ModelDocument, alias: str) -> list[Line]:
    """What the object has of the alias, if it is of this model."""
    if not _is_of(body, model):
        return []
    found: list[Line] = body["lines"].get(alias, [])
    return found


def _is_of(body: Body, model: ModelDocument) -> bool:
    return bool(body["model"] == model.name and body["since"] == _since(model))


def _since(model: ModelDocument) -> int:
    """The number with which a model began that took over a deleted one's name; 0 of others."""
    since: int = model.elsewhere.get("since", 0)
    return since
