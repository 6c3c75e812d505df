"""What is done to aliases: set, promote, roll back, remove, each one atomic write with its line of history.

The newest line of an alias's history lies in the model's document beside the alias, so that neither is ever
there without the other; `history.py` keeps what came before.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ml_core.conflicts import NothingToPromote, NothingToRollBack, VersionGone
from ml_core.documents import Body
from ml_core.errors import (
    Conflict,
    Fault,
    InvalidInput,
    NameTaken,
    RevisionMismatch,
    VersionNotFound,
    raise_faults,
)
from ml_core.names import IMPORTED, check_name, taken
from ml_core.registry.alike import check_alike, differences
from ml_core.registry.changes import bring_in
from ml_core.registry.history import Change, history_of, keep, remember
from ml_core.registry.registry import PRODUCTION, Alias, ModelDocument, Registry
from ml_core.registry.weights import State, described, heaviest, versions_in

ANY = "*"  # in a condition: whatever ETag it has
MOST_ALIASES = 100  # of one model

SET, PROMOTE, ROLLBACK, DELETE = "set", "promote", "rollback", "delete"


class Terms(NamedTuple):
    """By whom a change is made, and on what condition.

    `by` is the id of the caller's key, None where none is asked for. The alias's ETag has to be `one_of` some
    (None: no matter) and none of `none_of`. `reason` is what the history tells of why.
    """

    by: str | None = None
    one_of: frozenset[str] | None = None
    none_of: frozenset[str] = frozenset()
    reason: str | None = None

    def check(self, alias: str, etag: str | None) -> None:
        """Raise `RevisionMismatch` unless the ETag fits; it is None while the alias does not exist."""
        if self.one_of is not None:
            if etag is None:
                raise RevisionMismatch(f"the alias '{alias}' does not exist")
            if not self.one_of & {ANY, etag}:
                raise RevisionMismatch(f"the alias '{alias}' changed meanwhile: its ETag is now {etag}")
        if etag is not None and self.none_of & {ANY, etag}:
            raise RevisionMismatch(f"the alias '{alias}' exists: its ETag is {etag}")


NO_TERMS = Terms()


class Changes(NamedTuple):
    """Part of an alias's history, newest first; `next_before` continues it, None ends it."""

    changes: list[Change]
    next_before: int | None


class _Step(NamedTuple):
    """What an alias is to become, and the number of the change that is restored by it, if one is."""

    state: State | None
    restored: int | None = None


type _Decision = Callable[[ModelDocument, State | None, list[Change]], _Step]


class Aliases:
    """The aliases of a registry's models.

    Every change raises `ModelNotFound`, `Unavailable`, and `RevisionMismatch` where its terms do not hold;
    without `runs_imported`, `Conflict` for an imported version;
    those that can make an alias raise `NameTaken` where another's name differs from its name in case alone.
    """

    def __init__(self, registry: Registry, *, runs_imported: bool = True) -> None:
        self._registry = registry
        self._runs_imported = runs_imported

    def set(self, name: str, alias: str, state: State, terms: Terms = NO_TERMS) -> Alias:
        """Point the alias at a version, or at several by weight, which have to take the same instances.

        Raises `VersionNotFound`, `InvalidInput`.
        """
        if isinstance(state, dict):
            check_alike(self._registry.store, self._registry.model(name), versions_in(state), "$.weights")

        def decide(model: ModelDocument, _present: State | None, _history: list[Change]) -> _Step:
            for version in versions_in(state):
                model.pick(version)
            return _Step(state)

        return self._written(name, alias, SET, decide, terms)

    def promote(
        self,
        name: str,
        alias: str,
        version: int | None = None,
        *,
        source: str | None = None,
        terms: Terms = NO_TERMS,
    ) -> Alias:
        """Give all traffic to a version: of that number, that of the alias `source`, or the newest it has.

        Raises `VersionNotFound`, `AliasNotFound` (`source`), `InvalidInput` (the alias's name), and
        `NothingToPromote`.
        """

        def decide(model: ModelDocument, present: State | None, _: list[Change]) -> _Step:
            if version is not None:
                return _Step(model.pick(version).version)
            if source is not None:
                return _Step(_only_version(model.alias(source)))
            if not isinstance(present, dict):
                raise NothingToPromote(
                    f"the alias '{alias}' does not share its traffic among versions: name the one to promote"
                )
            return _Step(max(versions_in(present)))

        return self._written(name, alias, PROMOTE, decide, terms)

    def roll_back(self, name: str, alias: str, to: int | None = None, terms: Terms = NO_TERMS) -> Alias:
        """Give all traffic back to the version that had it before, or bring back what change `to` made.

        The steps of a canary are passed over, and what was rolled back already is not come back to. An alias
        that was removed comes back as it was. Raises `AliasNotFound`, `InvalidInput` (`to`, and versions that
        an earlier release let share it, though they take different instances), `NothingToRollBack`, and
        `VersionGone`.
        """

        def decide(model: ModelDocument, present: State | None, history: list[Change]) -> _Step:
            if present is None and not history:
                model.alias(alias)
            step = _step_back(alias, present, history) if to is None else _step_to(alias, to, history)
            _refuse_gone(model, step)
            if isinstance(step.state, dict):
                self._refuse_unlike(model, step.state, "$" if to is None else "$.to")
            return step

        return self._written(name, alias, ROLLBACK, decide, terms)

    def _refuse_unlike(self, model: ModelDocument, state: dict[str, int], path: str) -> None:
        """Raise `InvalidInput` for a split to go back to whose versions take different instances."""
        told = differences(self._registry.store, model, versions_in(state))
        raise_faults(
            Fault(path, f"cannot roll back to {described(state)}: version {version} {difference}")
            for version, difference in told
        )

    def _refuse_imported(self, entry: Body) -> None:
        """Raise `Conflict` for an imported version where nobody runs those: it would answer nothing."""
        if entry["algorithm"] == IMPORTED and not self._runs_imported:
            raise Conflict(
                f"version {entry['version']} is an imported ONNX model, and nothing here runs those: deploy "
                "with the parameter `onnx: yes` first"
            )

    def delete(self, name: str, alias: str, terms: Terms = NO_TERMS) -> None:
        """Remove the alias; its history stays. Raises `AliasNotFound`."""

        def decide(model: ModelDocument, _present: State | None, _history: list[Change]) -> _Step:
            model.alias(alias)
            return _Step(None)

        self._write(name, alias, DELETE, decide, terms)

    def history(self, name: str, alias: str, limit: int = 100, before: int | None = None) -> Changes:
        """At most `limit` changes before the one numbered `before`, newest first.

        Raises `ModelNotFound`, `AliasNotFound`, `Unavailable`.
        """
        model = self._registry.model(name)
        known = history_of(self._registry.store, model, alias)
        if not known:
            model.alias(alias)  # there since before histories were written, or not at all
        older = [change for change in reversed(known) if before is None or change.number < before]
        return Changes(older[:limit], older[limit - 1].number if len(older) > limit else None)

    def _written(self, name: str, alias: str, kind: str, decide: _Decision, terms: Terms) -> Alias:
        written = self._write(name, alias, kind, decide, terms)
        assert written is not None  # noqa: S101  # only a removal leaves no alias
        return written

    def _write(self, name: str, alias: str, kind: str, decide: _Decision, terms: Terms) -> Alias | None:
        """Do what `decide` says in one write, with its line of history."""
        if kind in (SET, PROMOTE):
            check_name(alias, "alias")
        store = self._registry.store
        etag, now = os.urandom(8).hex(), self._registry.now()
        written: Alias | None = None

        def change(model: ModelDocument, body: Body) -> None:
            nonlocal written
            entry = body["aliases"].get(alias)
            present = None if entry is None else entry.get("weights") or entry["version"]
            known = keep(store, model, alias)
            step = decide(model, present, known)
            terms.check(alias, entry and entry["etag"])
            written = _place(body, alias, step.state, etag, now)
            for version in () if step.state is None else versions_in(step.state):
                entry = model.live_entry(version)
                self._refuse_imported(entry)
                bring_in(body, entry)
            number = known[-1].number + 1 if known else 1
            done = Change(number, now, terms.by, kind, present, step.state, step.restored, terms.reason)
            remember(store, model, body, alias, done)

        self._registry.change(name, change)
        return written


def _place(body: Body, alias: str, state: State | None, etag: str, now: str) -> Alias | None:
    """Make the alias what it is to be."""
    if state is None:
        body["aliases"].pop(alias, None)
        return None
    if alias not in body["aliases"]:
        _refuse_other_case(alias, body["aliases"])
    if alias not in body["aliases"] and len(body["aliases"]) >= MOST_ALIASES:
        raise Conflict(f"the model has {MOST_ALIASES} aliases, which is the most: remove one first")
    # A release from before there were weights reads the version, and sends it all traffic.
    entry: dict[str, Any] = {"version": heaviest(state), "etag": etag, "updated": now}
    weights = state if isinstance(state, dict) else None
    body["aliases"][alias] = entry if weights is None else {**entry, "weights": weights}
    return Alias(alias, entry["version"], weights, etag, now)


def _refuse_other_case(alias: str, present: Body) -> None:
    """Raise `NameTaken` for another spelling of an alias; `production` has a meaning also where it is not."""
    for other in (PRODUCTION, *present):
        if other != alias and other.lower() == alias.lower():
            if other not in present:
                raise NameTaken(
                    f"the alias '{other}' answers where none is named; names that differ only in case are "
                    f"refused: use '{other}'"
                )
            raise taken("an alias", other)


def _only_version(source: Alias) -> int:
    if source.weights is not None:
        raise NothingToPromote(
            f"the alias '{source.alias}' shares its traffic among versions "
            f"{', '.join(map(str, source.versions))}: name the one to promote"
        )
    return source.version


def _step_back(alias: str, present: State | None, history: list[Change]) -> _Step:
    """The way back to the version that had all traffic before."""
    for number, state in _earlier(history):
        if state is None or state == present:
            continue
        if isinstance(state, int) or present is None:
            return _Step(state, number)
    if isinstance(present, dict):
        return _Step(min(versions_in(present)))  # it began as a split: back to the version that was before
    raise NothingToRollBack(_nothing_before(alias, present, history))


def _nothing_before(alias: str, present: State | None, history: list[Change]) -> str:
    """Why there is no way back to one version, and the way to a split that was before."""
    told = f"no version had all the traffic of the alias '{alias}' before"
    numbers = {change.number for change in history}
    for number, state in _earlier(history):
        if number in numbers and state not in (None, present):
            return f'{told}; {{"to": {number}}} brings back the shares of change {number}'
    return told


def _earlier(history: list[Change]) -> Iterator[tuple[int, State | None]]:
    """What the alias was before, newest first, without what was rolled back; with the change that made it."""
    changes = {change.number: change for change in history}

    def origin(number: int) -> int:
        change = changes.get(number)
        return number if change is None or change.restored is None else change.restored

    number = origin(history[-1].number) if history else 0
    while number in changes:
        state = changes[number].before
        number = origin(number - 1)
        yield number, state


def _step_to(alias: str, number: int, history: list[Change]) -> _Step:
    """Back to what the numbered change made of the alias."""
    found = next((change for change in history if change.number == number), None)
    if found is None:
        known = f"{history[0].number} to {history[-1].number}" if history else "none"
        raise InvalidInput.at("$.to", f"is {number}; the changes known of the alias '{alias}': {known}")
    if found.after is None:
        raise InvalidInput.at("$.to", f"is {number}: that change removed the alias '{alias}'")
    return _Step(found.after, number if found.restored is None else found.restored)


def _refuse_gone(model: ModelDocument, step: _Step) -> None:
    """Raise `VersionGone` where a version to go back to was deleted."""
    if step.state is None:
        return
    for version in versions_in(step.state):
        try:
            model.pick(version)
        except VersionNotFound as error:
            back = described(step.state)
            raise VersionGone(f"cannot roll back to {back}: {error}; restore it, or name another") from error
