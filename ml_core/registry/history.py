"""The history of aliases: the newest line of each in its model's document, and all before it elsewhere.

    registry/history/{model in lower case}/{alias in lower case}.json
        model, since    whose history it is; what was there of another is forgotten
        lines           the alias as it is spelled → its changes, oldest first
        reasons         the alias → {number of a change: [its time, why it was made]}

A change is one write of the model's document. Before that, the line that it replaces there is copied. In the
document `history` is alias → its newest lines, which is one where this release wrote last, also of aliases
that were removed since, and `reasons` is beside it. A line is

    [number, time, who, kind, from, to, restored]

`from` and `to` are what the alias was and became: a version's number, the weights of several, or null while
it is not there. `restored` is the number of the earlier change that a roll-back went back to, 0 for what was
before the first. Earlier releases read lines of just so many members, and know of no reasons, which a
schedule's guard gives: so one is told of the line with its number and its time alone.
"""

from typing import Any, NamedTuple

from ml_core.documents import Body, read, update
from ml_core.errors import ObjectNotFound
from ml_core.ports import ObjectStore
from ml_core.registry.registry import ModelDocument
from ml_core.registry.weights import State

MOST_CHANGES = 100  # of one alias that are remembered
MOST_REMOVED = 20  # aliases that are gone and of which the document has a line

_MEMBERS = 7  # of a line; where a guard wrote it, some have the reason as the next one

type Line = list[Any]
type Reasons = dict[str, list[str]]  # number of a change → its time, and why it was made


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
    try:
        kept = _kept(read(store, history_key(model.name, alias)).body, model, alias)
    except ObjectNotFound:
        kept = _NOTHING
    return kept.with_newer(_held(model, alias)).changes()


def remember(store: ObjectStore, model: ModelDocument, body: Body, alias: str, done: Change) -> None:
    """Put a change into the model's document, in place of those before it, which `keep` has copied.

    Raises `Unavailable`.
    """
    history = body.setdefault("history", {})
    history.pop(alias, None)
    history[alias] = [list(done[:_MEMBERS])]  # now the last to go
    reason = {} if done.reason is None else {str(done.number): [done.time, done.reason]}
    _put_reasons(body, alias, reason)
    gone = [each for each in history if each not in body["aliases"]]
    for forgotten in gone[: max(0, len(gone) - MOST_REMOVED)]:
        keep(store, model, forgotten)
        del history[forgotten]
        _put_reasons(body, forgotten, {})


def shorten(store: ObjectStore, model: ModelDocument, body: Body) -> bool:
    """Leave one line of each alias in the model's document; whether there were more. Raises `Unavailable`."""
    longer = [alias for alias, lines in body.get("history", {}).items() if len(lines) > 1]
    for alias in longer:
        keep(store, model, alias)
        last = _held(model, alias).last(1)
        body["history"][alias] = last.lines
        _put_reasons(body, alias, last.reasons)
    return bool(longer)


def keep(store: ObjectStore, model: ModelDocument, alias: str) -> list[Change]:
    """Copy what the model's document has of an alias to where the earlier lines are. All, oldest first.

    Raises `Unavailable`.
    """
    newest = _held(model, alias)

    def change(body: Body | None) -> Body | None:
        kept = _NOTHING if body is None else _kept(body, model, alias)
        joined = kept.with_newer(newest)
        if joined == kept:
            return None
        others = body if body is not None and _is_of(body, model) else {}
        written = {**(body or {}), "model": model.name, "since": _since(model)}
        written["lines"] = {**others.get("lines", {}), alias: joined.lines}
        written["reasons"] = {**others.get("reasons", {})}
        _put_reasons(written, alias, joined.reasons)
        return written

    try:
        document = update(store, history_key(model.name, alias), change)
    except ObjectNotFound:
        return []
    return _kept(document.body, model, alias).changes()


class _Lines(NamedTuple):
    """Lines of an alias, oldest first, and the reasons of some."""

    lines: list[Line]
    reasons: Reasons

    @classmethod
    def of(cls, lines: list[Line], reasons: Reasons) -> "_Lines":
        """The lines as they are written now, and those of the reasons that are theirs."""
        own = {str(line[0]): [line[1], line[_MEMBERS]] for line in lines if len(line) > _MEMBERS}
        found = {**reasons, **own}
        times = {str(line[0]): line[1] for line in lines}
        return cls(
            [line[:_MEMBERS] for line in lines],
            {number: reason for number, reason in found.items() if times.get(number) == reason[0]},
        )

    def with_newer(self, newer: "_Lines") -> "_Lines":
        """All in order, none twice, as many as are remembered."""
        last = self.lines[-1][0] if self.lines else 0
        lines = [*self.lines, *(line for line in newer.lines if line[0] > last)][-MOST_CHANGES:]
        return _Lines.of(lines, {**self.reasons, **newer.reasons})

    def last(self, count: int) -> "_Lines":
        """The newest of them."""
        return _Lines.of(self.lines[-count:], self.reasons)

    def changes(self) -> list[Change]:
        """As changes."""
        made = (Change(*line) for line in self.lines)
        return [each._replace(reason=self._reason(each.number)) for each in made]

    def _reason(self, number: int) -> str | None:
        told = self.reasons.get(str(number))
        return None if told is None else told[1]


_NOTHING = _Lines([], {})


def _held(model: ModelDocument, alias: str) -> _Lines:
    """What the model's document has.

    The reasons also of lines that an earlier release moved away, which left them where they were.
    """
    held = _Lines.of(model.history.get(alias, []), {})
    return held._replace(reasons={**model.reasons.get(alias, {}), **held.reasons})


def _put_reasons(body: Body, alias: str, reasons: Reasons) -> None:
    """Have a document tell these reasons of an alias, and nothing where there are none."""
    others = {name: told for name, told in body.get("reasons", {}).items() if name != alias}
    body["reasons"] = {**others, alias: reasons} if reasons else others
    if not body["reasons"]:
        del body["reasons"]


def _kept(body: Body, model: ModelDocument, alias: str) -> _Lines:
    """What the object has of the alias, if it is of this model."""
    if not _is_of(body, model):
        return _NOTHING
    return _Lines.of(body["lines"].get(alias, []), body.get("reasons", {}).get(alias, {}))


def _is_of(body: Body, model: ModelDocument) -> bool:
    return bool(body["model"] == model.name and body["since"] == _since(model))


def _since(model: ModelDocument) -> int:
    """The number with which a model began that took over a deleted one's name; 0 of others."""
    since: int = model.elsewhere.get("since", 0)
    return since
