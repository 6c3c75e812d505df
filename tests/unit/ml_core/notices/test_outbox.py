"""Notices are delivered at least once, with back-off, whoever dies and however many send."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest

from ml_core.errors import Unavailable
from ml_core.notices.hooks import Hook
from ml_core.notices.outbox import CLAIMED, FOLDER, MOST_TRIES, Sent, put, send_due
from ml_core.notices.signing import headers, secret_of
from ml_core.notices.webhooks import WebhookSender
from ml_core.ports import ObjectStore, every_object
from tests.contract.faults import FaultyStore, do_twice
from tests.counting_store import CountingStore

NOW = 1_790_000_000.0
SECRET = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Told:
    """Somebody who is told, and who may not answer."""

    def __init__(self, name: str = "one", *, answers: bool = True) -> None:
        self.name = name
        self.answers = answers
        self.got: list[str] = []
        self.tried = 0

    def send(self, notice_id: str, body: bytes) -> None:
        self.tried += 1
        if not self.answers:
            raise Unavailable(f"{self.name} is away")
        assert set(json.loads(body)) == {"type", "timestamp", "data"}
        self.got.append(notice_id)


def sent(store: ObjectStore, *told: Told, at: float = NOW) -> Sent:
    return send_due(store, told, lambda: True, clock=lambda: at)


def noted(store: ObjectStore, once: str = "", at: float = NOW) -> str:
    return put(store, "job.succeeded", {"job": "a" * 28}, once=once, clock=lambda: at)


def left(store: ObjectStore) -> int:
    return len([*every_object(store, FOLDER)])


def test_all_are_told_and_nothing_is_left() -> None:
    store, one, two = CountingStore(), Told("one"), Told("two")
    ids = [noted(store), noted(store)]
    assert len(set(ids)) == 2
    assert sent(store, one, two) == Sent(2, 0)
    assert sorted(one.got) == sorted(two.got) == sorted(ids)
    assert left(store) == 0
    assert sent(store, one, two) == Sent(0, 0)


def test_what_happens_once_is_noted_once() -> None:
    store, one = CountingStore(), Told()
    assert noted(store, "job 1") == noted(store, "job 1") != noted(store, "job 2")
    assert sent(store, one) == Sent(2, 0)
    assert len(one.got) == 2


def test_who_does_not_answer_is_tried_again_later_and_others_are_not_told_twice() -> None:
    store, one, away = CountingStore(), Told("one"), Told("away", answers=False)
    noted(store)
    tries, at = [], NOW
    for _ in range(40):
        before = away.tried
        sent(store, one, away, at=at)
        if away.tried > before:
            tries.append((at - NOW) / 600)
        at += 600
    assert tries == [0, 1, 3, 7, 15, 31]
    assert len(one.got) == 1
    away.answers = True
    assert sent(store, one, away, at=at + 86_400) == Sent(1, 0)
    assert len(away.got) == 1
    assert left(store) == 0


def test_what_was_tried_too_often_is_given_up_and_said(caplog: pytest.LogCaptureFixture) -> None:
    store, away = CountingStore(), Told("away", answers=False)
    noted(store)
    at, done = NOW, Sent()
    while left(store):
        at += 86_400
        done = sent(store, away, at=at)
    assert (away.tried, done) == (MOST_TRIES, Sent(0, 1))
    assert "a notice was tried 14 times and is given up: away" in caplog.text


def test_who_is_away_is_asked_once_in_a_run() -> None:
    store, one, away = CountingStore(), Told("one"), Told("away", answers=False)
    for _ in range(5):
        noted(store)
    sent(store, one, away)
    assert (away.tried, len(one.got)) == (1, 5)


def test_who_sends_at_the_same_time_sends_something_else() -> None:
    store, one = CountingStore(), Told()
    noted(store)

    class Slow(Told):
        """While it is told, another sweep comes by."""

        def send(self, notice_id: str, body: bytes) -> None:
            assert sent(store, one) == Sent(0, 0)
            super().send(notice_id, body)

    assert sent(store, Slow("one")) == Sent(1, 0)
    assert one.got == []


class Killed(BaseException):
    """The process ended here."""


def kill_before(_: Callable[[], object]) -> object:
    raise Killed


def kill_after(operation: Callable[[], object]) -> object:
    operation()
    raise Killed


@pytest.mark.parametrize("how", [kill_before, kill_after, do_twice])
def test_whoever_dies_all_are_told(how: Callable[[Callable[[], object]], object]) -> None:
    for place in range(1, 12):
        store, one = CountingStore(), Told()
        notice = noted(store)
        with suppress(Killed):
            sent(FaultyStore(store, place, how), one)
        sent(store, one, at=NOW + CLAIMED + 1)
        assert set(one.got) == {notice}, place
        assert left(store) == 0, place


def test_a_damaged_notice_is_removed() -> None:
    store, one = CountingStore(), Told()
    store.put_if_absent(f"{FOLDER}x.json", b"x")
    notice = noted(store)
    assert sent(store, one) == Sent(1, 0)
    assert one.got == [notice]
    assert left(store) == 0


def test_there_is_time_or_not() -> None:
    store, one = CountingStore(), Told()
    noted(store)
    assert send_due(store, [one], lambda: False) == Sent()
    assert left(store) == 1


def test_whoever_is_left_when_the_time_is_over_is_told_later() -> None:
    store, one, two = CountingStore(), Told("one"), Told("two")
    noted(store)
    send_due(store, [one, two], lambda: not one.got, clock=lambda: NOW)
    assert (len(one.got), two.tried) == (1, 0)
    assert sent(store, one, two, at=NOW + 601) == Sent(1, 0)
    assert (len(one.got), len(two.got)) == (1, 1)


def test_a_webhook_gets_what_is_signed() -> None:
    came: list[tuple[Hook, dict[str, str], bytes]] = []
    hook = Hook("hooks.example.com", 443, "/ml?token=secret")

    def post(hook: Hook, headers: dict[str, str], body: bytes) -> int:
        came.append((hook, headers, body))
        return 204

    sender = WebhookSender(hook, SECRET, by=post, clock=lambda: NOW)
    store = CountingStore()
    notice = noted(store)
    assert send_due(store, [sender], lambda: True, clock=lambda: NOW) == Sent(1, 0)
    ((to, named, body),) = came
    assert to == hook
    assert json.loads(body) == {
        "type": "job.succeeded", "timestamp": "2026-09-21T14:13:20Z", "data": {"job": "a" * 28},
    }  # fmt: skip
    assert headers(SECRET, notice, int(NOW), body).items() <= named.items()
    assert "secret" not in sender.name


@pytest.mark.parametrize("status", [301, 400, 404, 410, 429, 500])
def test_every_other_answer_is_tried_again_and_only_its_class_is_told(status: int) -> None:
    sender = WebhookSender(Hook("hooks.example.com", 443, "/"), SECRET, by=lambda *_: status)
    with pytest.raises(Unavailable, match=rf"the webhook at hooks.example.com answered {status // 100}xx"):
        sender.send("n1", b"{}")
