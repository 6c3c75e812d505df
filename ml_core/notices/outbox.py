"""Notices that are still to be sent, each a document of its own: written by who makes a change.

    notices/{id}.json
        notice   {"type", "timestamp", "data"}: what is sent
        due      seconds since the epoch before which nobody tries to send it
        tries    how often that was tried
        sent     to whom it was sent already

A notice is removed when it was sent to all, or was tried too often. It is delivered at least once: who gets
it twice knows it by its id.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_core.digests import sha256
from ml_core.documents import Body, Document, timestamp, update
from ml_core.errors import DocumentDamaged, ObjectExists, ObjectNotFound, Unavailable

if TYPE_CHECKING:
    from ml_core.ports import ObjectStore
    from ml_core.records import Protocol

    class Sender(Protocol):
        """Somebody who is told of everything: a webhook, or a topic of the cloud's."""

        @property
        def name(self) -> str:
            """By which an outbox knows whom it has told."""

        def send(self, notice_id: str, body: bytes) -> None:
            """Tell. Raises `Unavailable`; then it is tried again later."""


log = logging.getLogger(__name__)

FOLDER = "notices/"
CLAIMED = 120.0  # seconds for which nobody else tries what somebody is sending
FIRST_PAUSE, LONGEST_PAUSE = 600.0, 6 * 3600.0  # seconds between two tries; doubles with each
MOST_TRIES = 14  # some two days
_MOST_AT_ONCE = 200  # notices in one run
_ID_DIGITS = 32


class Sent(NamedTuple):
    """What a run did: how many notices were told to all, and how many were given up."""

    told: int = 0
    given_up: int = 0


def put(
    store: "ObjectStore",
    kind: str,
    data: dict[str, Any],
    *,
    once: str = "",
    clock: Callable[[], float] = time.time,
) -> str:
    """Write a notice down, to be sent; its id.

    Args:
        store: where.
        kind: such as `job.succeeded`.
        data: ids, names and numbers; no value of a row, and no text of an error.
        once: what happens once, such as a job's id: of it there is one notice of a kind.
        clock: seconds since the epoch.

    Raises:
        Unavailable: it may have been written or not.
    """
    notice_id = sha256(f"{kind} {once}".encode())[:_ID_DIGITS] if once else os.urandom(_ID_DIGITS // 2).hex()
    now = clock()
    notice = {"type": kind, "timestamp": timestamp(now), "data": data}
    body = {"revision": 1, "writers": [], "notice": notice, "due": now, "tries": 0, "sent": []}
    try:
        store.put_if_absent(f"{FOLDER}{notice_id}.json", json.dumps(body, separators=(",", ":")).encode())
    except ObjectExists:
        return notice_id  # somebody, or we ourselves, wrote it down before
    return notice_id


def send_due(
    store: "ObjectStore",
    senders: Iterable["Sender"],
    is_time: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.time,
) -> Sent:
    """Send what is due, as far as the time goes. Raises `Unavailable` where the store cannot be read.

    Of two at once, each sends what the other does not. Whoever does not answer is asked once in a run.
    """
    run = _OutboxRun(store, list(senders), is_time, clock)
    told = given_up = 0
    for found in store.list(FOLDER, limit=_MOST_AT_ONCE).objects:
        if not is_time():
            break
        done = run.bring_on(found.key)
        told += done is True
        given_up += done is False
    return Sent(told, given_up)


class _OutboxRun:
    """One run through the outbox."""

    def __init__(
        self,
        store: "ObjectStore",
        senders: "list[Sender]",
        is_time: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._senders = senders
        self._is_time = is_time
        self._clock = clock
        self._down: set[str] = set()  # who did not answer in this run

    def bring_on(self, key: str) -> bool | None:
        """Try to send a notice; True where all are told, False where it was given up, None for neither."""
        try:
            claimed = self._claim(key)
        except ObjectNotFound:
            return None  # another has sent it
        except DocumentDamaged:
            self._remove_damaged(key)
            return None
        if claimed is None:
            return None
        sent = self._send(key, claimed.body)
        if len(sent) == len(self._senders):
            self._store.delete(key)
            return True
        if claimed.body["tries"] >= MOST_TRIES:
            missing = [sender.name for sender in self._senders if sender.name not in sent]
            log.error("a notice was tried %d times and is given up: %s", MOST_TRIES, ", ".join(missing))
            self._store.delete(key)
            return False
        self._put_off(key, sent)
        return None

    def _claim(self, key: str) -> Document | None:
        """Take a notice, so that nobody else sends it meanwhile; None where it is not due."""
        now, taken = self._clock(), False

        def change(body: Body | None) -> Body | None:
            nonlocal taken
            if body is None:
                raise ObjectNotFound(f"the notice '{key}' is gone")
            taken = body["due"] <= now
            return {**body, "due": now + CLAIMED, "tries": body["tries"] + 1} if taken else None

        document = update(self._store, key, change)
        return document if taken else None

    def _send(self, key: str, body: Body) -> list[str]:
        """Send a notice to those who were not told yet; the names of all who were."""
        notice_id = key.removeprefix(FOLDER).removesuffix(".json")
        data = json.dumps(body["notice"], separators=(",", ":")).encode()
        return [
            sender.name
            for sender in self._senders
            if sender.name in body["sent"] or self._is_told(sender, notice_id, data)
        ]

    def _is_told(self, sender: "Sender", notice_id: str, data: bytes) -> bool:
        if sender.name in self._down or not self._is_time():
            return False
        try:
            sender.send(notice_id, data)
        except Unavailable as error:
            log.warning("a notice was not sent: %s", error)
            self._down.add(sender.name)
            return False
        return True

    def _put_off(self, key: str, sent: list[str]) -> None:
        def change(body: Body | None) -> Body | None:
            if body is None:
                raise ObjectNotFound(f"the notice '{key}' is gone")
            pause = min(FIRST_PAUSE * 2 ** (body["tries"] - 1), LONGEST_PAUSE)
            return {**body, "due": self._clock() + pause, "sent": sorted({*body["sent"], *sent})}

        update(self._store, key, change)

    def _remove_damaged(self, key: str) -> None:
        log.error("the notice %s is damaged, and is removed", key)
        self._store.delete(key)
