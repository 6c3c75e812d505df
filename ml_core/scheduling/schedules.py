"""Schedules in an object store: one document for each model, changed by compare-and-swap.

    schedules/{model in lower case}.json
        model      the name as it is spelled
        schedule   what people wrote (`schedule.py`); null once it was removed
        etag       of what people wrote: no run changes it
        writer     the id of the key by which it was written, null where none was asked for
        updated    when it was written
        state      what the sweep knows (`triggers.py`), kept when the schedule is written anew or
                   removed; in it the `split_key`, once a hash was to hold rows out: while the model is there
                   a row stays on its side

A removed schedule is a tombstone, so that a slot that was run once is not run again by the next one. It goes
with the model's purge.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.conflicts import ScheduleNotFound
from ml_core.documents import Body, read, read_many, timestamp, update
from ml_core.errors import (
    DocumentDamaged,
    ObjectNotFound,
    RevisionMismatch,
)
from ml_core.names import check_name, is_name, taken
from ml_core.ports import every_object
from ml_core.scheduling.schedule import Schedule
from ml_core.scheduling.triggers import Present, new_state, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ml_core.ports import ObjectStore
    from ml_core.scheduling.triggers import State

log = logging.getLogger(__name__)

PREFIX = "schedules/"
ANY = "*"  # in a condition: whatever ETag it has


class StoredSchedule(NamedTuple):
    """A model's schedule as it is kept."""

    model: str
    schedule: Schedule
    etag: str
    writer: str | None
    updated: str
    state: State


class Conditions(NamedTuple):
    """On what condition a schedule is written or removed.

    Its ETag has to be one of `one_of` (None: no matter) and none of `none_of`.
    """

    one_of: frozenset[str] | None = None
    none_of: frozenset[str] = frozenset()

    def check(self, model: str, etag: str | None) -> None:
        """Raise `RevisionMismatch` unless the ETag fits; it is None while there is no schedule."""
        if self.one_of is not None:
            if etag is None:
                raise RevisionMismatch(f"model '{model}' has no schedule")
            if not self.one_of & {ANY, etag}:
                raise RevisionMismatch(
                    f"the schedule of model '{model}' changed meanwhile: its ETag is now {etag}"
                )
        if etag is not None and self.none_of & {ANY, etag}:
            raise RevisionMismatch(f"model '{model}' has a schedule: its ETag is {etag}")


ALWAYS = Conditions()
NOTHING = Present()


class Schedules:
    """The schedules in an object store."""

    def __init__(self, store: ObjectStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self.clock = clock

    def get(self, model: str) -> StoredSchedule:
        """A model's schedule. Raises `ScheduleNotFound`, `Unavailable`."""
        try:
            body = read(self._store, schedule_key(model)).body if is_name(model) else None
        except ObjectNotFound:
            body = None
        return _stored(model, body)

    def put(
        self,
        model: str,
        schedule: Schedule,
        *,
        by: str | None = None,
        conditions: Conditions = ALWAYS,
        present: Present = NOTHING,
    ) -> StoredSchedule:
        """Write a model's schedule; what the sweep knows stays. `present` is what there is at this moment.

        Raises `InvalidInput` (the name), `NameTaken`, `RevisionMismatch`, `Unavailable`.
        """
        check_name(model, "model")
        etag, split_key, now = os.urandom(8).hex(), os.urandom(32).hex(), self.clock()

        def change(body: Body | None) -> Body:
            before = _living(body)
            if before is not None and before.model != model:
                raise taken("a schedule of model", before.model)
            conditions.check(model, before and before.etag)
            state = new_state() if body is None else {**new_state(), **body["state"]}
            if schedule.is_hashed:
                state.setdefault("split_key", split_key)
            return {
                **({} if body is None else body),
                "model": model,
                "schedule": schedule.described(),
                "etag": etag,
                "writer": by,
                "updated": timestamp(now),
                "state": rewritten(before and before.schedule, schedule, state, present, now),
            }

        return _stored(model, update(self._store, schedule_key(model), change).body)

    def delete(self, model: str, conditions: Conditions = ALWAYS) -> None:
        """Remove a model's schedule. Raises `ScheduleNotFound`, `RevisionMismatch`, `Unavailable`."""

        def change(body: Body | None) -> Body:
            present = _stored(model, body)
            conditions.check(model, present.etag)
            assert body is not None  # noqa: S101  # `_stored` has raised
            return _buried(body)

        update(self._store, schedule_key(model), change)

    def forget(self, model: str, *, purge: bool = False) -> None:
        """Remove the schedule of a model that was deleted, if any; with `purge` all that is kept of it.

        Raises `Unavailable`.
        """
        key = schedule_key(model)
        if purge:
            self._store.delete(key)
            return

        def change(body: Body | None) -> Body | None:
            return None if _living(body) is None or body is None else _buried(body)

        try:
            update(self._store, key, change)
        except ObjectNotFound:
            return

    def keys(self, after: str | None = None) -> Iterator[str]:
        """The keys of all schedules' documents, those of removed ones too. Raises `Unavailable`."""
        return (found.key for found in every_object(self._store, PREFIX, after))

    def read(self, keys: Sequence[str]) -> Iterator[StoredSchedule]:
        """The schedules in documents; what was removed, or somebody damaged, is passed over.

        Raises `Unavailable`.
        """
        for key, document in zip(keys, read_many(self._store, keys, skip_damaged=True), strict=True):
            try:
                found = None if document is None else _living(document.body)
            except DocumentDamaged as error:
                log.error("the schedule %s cannot be read: %s", key, error)  # noqa: TRY400 - foreseen
                continue
            if found is not None:
                yield found

    def change_state(
        self, model: str, change: Callable[[State], State | None], *, etag: str | None = None
    ) -> bool:
        """Change what the sweep knows, whatever people wrote or removed meanwhile; whether it was changed.

        `change` gets the state of that moment, and returns None to leave it as it is. With `etag`, nothing
        is changed where that is not the schedule's any more. Raises `Unavailable`.
        """
        is_changed = False

        def changed(body: Body | None) -> Body | None:
            nonlocal is_changed
            is_the_one = body is not None and etag in (None, body["etag"])
            state = change({**new_state(), **body["state"]}) if body is not None and is_the_one else None
            is_changed = state is not None
            return None if body is None or state is None else {**body, "state": state}

        try:
            update(self._store, schedule_key(model), changed)
        except ObjectNotFound:
            return False  # purged with the model
        return is_changed


def schedule_key(model: str) -> str:
    """Where a model's schedule is kept, in whatever spelling."""
    return f"{PREFIX}{model.lower()}.json"


def _stored(model: str, body: Body | None) -> StoredSchedule:
    """The schedule in a document, which has to be that of the model in this spelling."""
    found = _living(body)
    if found is None:
        raise ScheduleNotFound(f"model '{model}' has no schedule")
    if found.model != model:
        raise ScheduleNotFound(
            f"model '{model}' has no schedule; upper and lower case matter, and '{found.model}' has one"
        )
    return found


def _living(body: Body | None) -> StoredSchedule | None:
    """The schedule in a document; None where it was removed. Raises `DocumentDamaged`."""
    if body is None:
        return None
    try:
        if body["schedule"] is None:
            return None
        state = {**new_state(), **body["state"]}
        schedule = Schedule.of(body["schedule"])
        return StoredSchedule(body["model"], schedule, body["etag"], body["writer"], body["updated"], state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentDamaged("this is no schedule's document") from error


def _buried(body: Body) -> dict[str, Any]:
    """A tombstone: what the sweep knows, and no schedule."""
    return {**body, "schedule": None, "etag": None, "writer": None}
