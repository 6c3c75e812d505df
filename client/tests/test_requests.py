"""Requests that go wrong on the way, with a real server that has them go wrong."""

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from serverless_ml import (
    Client,
    Conflict,
    InvalidArgument,
    InvalidInput,
    NotConnected,
    RemoteModel,
    ServerlessMLError,
    ServiceError,
    TooLarge,
    Unavailable,
    UnexpectedAnswer,
    retrying,
)

from client.tests.misbehaving import DROPS, HANDS_ON, LOSES, Came, Misbehaving, Says
from client.tests.service import Service

ALIAS = "moved"
SECRET = "sml_0123_do-not-tell"
NOT_NOW = Says(503, b'{"detail": "not now", "code": "unavailable"}', {"retry-after": "0"})


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST", 0.001)


@pytest.fixture
def between(service: Service) -> Iterator[Misbehaving]:
    with Misbehaving(service.url) as server:
        yield server


@pytest.fixture
def far(between: Misbehaving) -> Iterator[Client]:
    """A client that reaches the service through the server that misbehaves."""
    with Client(between.url, progress=False) as client:
        yield client


@pytest.mark.parametrize("act", [DROPS, LOSES, NOT_NOW, Says(502), Says(504), Says(429)])
def test_what_changes_nothing_is_tried_again(
    between: Misbehaving, far: Client, fruit: str, act: Says | str
) -> None:
    between.acts.extend([act, act])
    assert far.predict(fruit, [[150, 0.4]]) == ["quince"]
    assert len(between.asked("POST", ":predict")) == 3


def test_it_ends_after_so_many_tries(between: Misbehaving, far: Client) -> None:
    between.always = NOT_NOW
    with pytest.raises(Unavailable, match="not now") as caught:
        far.models()
    assert len(between.came) == 5
    assert caught.value.tried == 5
    between.always = DROPS
    with pytest.raises(NotConnected):
        far.models()
    assert len(between.came) == 10


def test_a_date_is_waited_for(between: Misbehaving, far: Client) -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)
    between.acts.append(Says(503, b"", {"retry-after": past}))
    far.models()
    assert len(between.came) == 2


def test_who_asks_for_more_time_than_is_waited_is_not_asked_again(between: Misbehaving, far: Client) -> None:
    between.acts.append(
        Says(429, b'{"detail": "too many", "code": "too_many_jobs"}', {"retry-after": "3600"})
    )
    with pytest.raises(ServiceError) as caught:
        far.models()
    assert (len(between.came), caught.value.retry_after) == (1, 3600.0)


def test_what_stays_is_not_tried_again(between: Misbehaving, far: Client) -> None:
    for status, code in ((503, "not_configured"), (500, "internal"), (404, "model_not_found"), (401, "")):
        before = len(between.came)
        between.acts.append(Says(status, json.dumps({"detail": "no", "code": code}).encode()))
        with pytest.raises(ServiceError) as caught:
            far.models()
        assert (len(between.came), caught.value.code) == (before + 1, code)


def test_an_unknown_post_is_not_sent_twice(between: Misbehaving, far: Client) -> None:
    between.acts.append(DROPS)
    with pytest.raises(NotConnected):
        far.request("POST", "/v1/models/x:do", json={})
    assert len(between.came) == 1
    between.acts.append(DROPS)
    with pytest.raises(ServiceError):
        far.request("POST", "/v1/models/x:do", json={}, headers={"Idempotency-Key": "k"})
    assert len(between.came) == 3


def test_a_lost_answer_makes_no_second_job(between: Misbehaving, far: Client) -> None:
    rows = {"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y", "x", "y"]}
    between.acts.extend([HANDS_ON, LOSES, LOSES])
    job = far.train("once", rows, target="b", test_fraction=0.0, wait=False)
    between.acts.extend([DROPS, NOT_NOW] * 6)  # a gap while waiting is no end
    assert job.wait().version == 1
    keys = {came.headers["idempotency-key"] for came in between.asked("POST", ":train")}
    assert (len(between.asked("POST", ":train")), len(keys)) == (3, 1)
    assert len(far.jobs(model="once")) == 1


@pytest.fixture
def moved(ml: Client, fruit: str) -> RemoteModel:
    """A model whose alias `moved` has pointed at version 1, at 2, and now at 3."""
    for version in (1, 2, 3):
        ml.model(fruit).promote(version, ALIAS)
    return ml.model(fruit)


def test_a_lost_answer_rolls_back_once(between: Misbehaving, far: Client, moved: RemoteModel) -> None:
    model = far.model(moved.name)
    before = model.history(ALIAS)[0].number
    between.acts.extend([HANDS_ON, LOSES, LOSES])
    assert model.rollback(ALIAS).version == 2
    assert len(between.asked("POST", ":rollback")) == 3
    assert [change.kind for change in model.history(ALIAS) if change.number > before] == ["rollback"]


def test_a_lost_answer_changes_an_alias_once(between: Misbehaving, far: Client, moved: RemoteModel) -> None:
    model = far.model(moved.name)
    before = model.history(ALIAS)[0].number
    between.acts.extend([HANDS_ON, LOSES])
    assert model.canary({1: 90, 2: 10, 3: 0}, ALIAS).weights == {1: 90, 2: 10}
    between.acts.extend([HANDS_ON, LOSES])
    assert model.promote(alias=ALIAS).version == 2
    between.acts.extend([HANDS_ON, LOSES])
    assert model.promote(1, ALIAS).version == 1
    between.acts.extend([HANDS_ON, LOSES])
    model.delete_alias(ALIAS)
    kinds = [change.kind for change in model.history(ALIAS) if change.number > before]
    assert kinds == ["delete", "promote", "promote", "set"]
    between.acts.extend([HANDS_ON, LOSES])
    assert model.canary({3: 1}, ALIAS).version == 3


def test_somebody_elses_change_is_not_taken_for_ones_own(
    between: Misbehaving, far: Client, moved: RemoteModel
) -> None:
    def meanwhile(_: Came) -> str:
        moved.promote(1, ALIAS)
        return DROPS

    between.acts.extend([HANDS_ON, meanwhile])
    with pytest.raises(Conflict, match="changed meanwhile"):
        far.model(moved.name).rollback(ALIAS)
    assert moved.alias(ALIAS).version == 1


def test_what_an_alias_has_to_be_may_be_said(moved: RemoteModel) -> None:
    seen = moved.alias(ALIAS).etag
    moved.promote(1, ALIAS)
    with pytest.raises(Conflict):
        moved.promote(2, ALIAS, etag=seen)
    assert moved.promote(2, ALIAS, etag=moved.alias(ALIAS).etag).version == 2


def test_a_redirect_is_not_followed_and_takes_no_key_along() -> None:
    with Misbehaving() as here, Misbehaving() as there:
        here.always = Says(302, b"", {"location": f"{there.url}/v1/models?signature=secret"})
        with (
            Client(here.url, key=SECRET) as client,
            pytest.raises(UnexpectedAnswer, match="redirect") as caught,
        ):
            client.models()
        assert there.came == []
    assert "secret" not in str(caught.value)


def test_an_upload_goes_whole_with_its_headers_and_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Misbehaving() as here, Misbehaving() as storage:
        signed = {"uri": "dataset://d/1", "url": f"{storage.url}/bucket/d?signature=s3cr3t"}
        here.always = Says(201, json.dumps({**signed, "headers": {"x-said": "by the service"}}).encode())
        storage.acts.extend([DROPS, Says(503), Says(200)])
        content = bytes(range(256)) * 12_000
        with Client(here.url, key=SECRET) as client:
            client.upload("d", content)
        assert here.came[0].headers["authorization"] == f"Bearer {SECRET}"
        assert len(storage.came) == 3
        for came in storage.came:
            assert came.body == content
            assert came.headers["content-length"] == str(len(content))
            assert came.headers["x-said"] == "by the service"
            assert came.headers["x-ms-blob-type"] == "BlockBlob"
            assert not {"authorization", "x-api-key", "transfer-encoding", "cookie"} & set(came.headers)
    assert SECRET not in caplog.text


def test_a_key_is_in_no_traceback_that_shows_variables() -> None:
    with Misbehaving() as here:
        with Client(here.url, key=SECRET, retries=0) as client:
            for act in (DROPS, Says(500), Says(302), Says(200, b"no"), Says(422, b"{}")):
                here.acts.append(act)
                with pytest.raises(ServerlessMLError) as caught:
                    client.predict("m", [[1]])
                told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
                assert SECRET not in "".join(told.format())
        assert all(came.headers["authorization"] == f"Bearer {SECRET}" for came in here.came)


def test_a_path_that_names_another_host_is_not_asked() -> None:
    with Misbehaving() as here, Client("http://127.0.0.1:1", key=SECRET, retries=0) as client:
        for path in (f"@{here.url.removeprefix('http://')}/v1/models", "v1/models", ""):
            with pytest.raises(InvalidArgument):
                client.request("GET", path)
        assert here.came == []


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with Misbehaving() as here, Misbehaving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        here.always = proxy.always = Says(200, b'{"models": [], "next_after": null}')
        with Client(here.url) as client:
            client.models()
        with Client("http://elsewhere.invalid", retries=0) as client:
            client.models()
        assert (len(here.came), len(proxy.came)) == (1, 1)


def test_who_waits_long_is_told(
    between: Misbehaving, far: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serverless_ml._sync.requests.sleep", lambda _: None)
    refused = {"detail": "as many jobs as may be are open", "code": "too_many_jobs"}
    between.acts.append(Says(429, json.dumps(refused).encode(), {"retry-after": "30"}))
    far.models()
    (line,) = [record.message for record in caplog.records if record.name == "serverless_ml"]
    assert line.startswith("as many jobs as may be are open; trying again in 3")


def test_a_storage_that_refuses_is_told_without_the_signature() -> None:
    with Misbehaving() as here, Misbehaving() as storage:
        signed = {"uri": "dataset://d/1", "url": f"{storage.url}/bucket/d?signature=s3cr3t", "headers": {}}
        here.always = Says(201, json.dumps(signed).encode())
        storage.always = Says(403, b"<Error>expired</Error>")
        with Client(here.url, key=SECRET, retries=1) as client:
            with pytest.raises(ServiceError, match="expired") as caught:
                client.upload("d", b"1")
            storage.always = DROPS
            with pytest.raises(NotConnected) as gone:
                client.upload("d", b"1")
    for error in (caught.value, gone.value):
        told = "".join(traceback.format_exception(error))
        assert "s3cr3t" not in told
        assert SECRET not in told


def test_what_is_too_large_is_halved_until_it_fits(between: Misbehaving, far: Client, fruit: str) -> None:
    def at_most_200(came: Came) -> Says | str:
        if came.method == "POST" and len(came.body) > 200:
            return Says(413, b'{"detail": "too large", "code": "too_large"}')
        return HANDS_ON

    between.always = at_most_200
    rows = [[120 + 60 * (row % 2), 0.9 - 0.8 * (row % 2)] for row in range(101)]
    assert far.predict(fruit, rows) == [["apple", "quince"][row % 2] for row in range(101)]
    between.always = Says(413, b'{"detail": "too large", "code": "too_large"}')
    with pytest.raises(TooLarge):
        far.predict(fruit, rows[:4])


def test_all_chunks_are_answered_by_one_version(
    between: Misbehaving, far: Client, ml: Client, fruit: str
) -> None:
    ml.model(fruit).canary({1: 50, 2: 50}, "half")
    for key in (None, "a", "b", "c", "d"):
        between.came.clear()
        far.predict(fruit, [[150, 0.4]] * 7, alias="half", routing_key=key, chunk_rows=2)
        paths = [came.path for came in between.asked("POST", ":predict")]
        assert paths[0].endswith("/aliases/half:predict")
        assert len(paths) == 4
        assert len(set(paths[1:])) == 1
        assert "/versions/" in paths[1]


def test_a_fault_of_a_later_chunk_has_the_row_of_all(ml: Client, fruit: str) -> None:
    rows: list[list[object]] = [[150, 0.4] for _ in range(10)]
    rows[7][1] = "much"
    with pytest.raises(InvalidInput) as caught:
        ml.predict(fruit, rows, chunk_rows=3)
    assert "7" in caught.value.faults[0].path
    assert "much" in str(caught.value)


def test_what_is_not_the_service_is_told(between: Misbehaving, far: Client) -> None:
    for says in (Says(200, b"<html>hello</html>"), Says(200, b"[1]"), Says(200, b"")):
        between.acts.append(says)
        with pytest.raises(UnexpectedAnswer, match="expected"):
            far.models()
    between.acts.append(Says(403, b"<html>a proxy   says\n no</html>"))
    with pytest.raises(ServiceError, match="a proxy says no"):
        far.models()


def test_a_file_that_is_another_one_is_not_taken(between: Misbehaving, far: Client, fruit: str) -> None:
    def other(_: Came) -> Says:
        answer = between._asked(_)
        return Says(200, json.dumps({**json.loads(answer.body), "sha256": "0" * 64}).encode())

    between.acts.append(other)
    with pytest.raises(UnexpectedAnswer, match="SHA-256"):
        far.model(fruit).artifact(1)


@pytest.mark.parametrize("data", ["https://host/a.csv", "http://host/a.csv", "ftp://a", "file:///a.csv"])
def test_an_address_that_nobody_reads_is_refused(ml: Client, data: str) -> None:
    with pytest.raises(InvalidArgument, match="dataset://"):
        ml.train("never", data, target="a")


def test_a_long_list_of_faults_is_told_in_lines() -> None:
    faults = [{"path": f"$.a[{number}]", "message": "is wrong"} for number in range(30)]
    with Misbehaving() as here:
        body = {"detail": "; ".join(str(each) for each in faults), "faults": faults, "faults_omitted": 5}
        here.always = Says(422, json.dumps(body).encode(), {"x-request-id": "r1"})
        with Client(here.url) as client, pytest.raises(InvalidInput) as caught:
            client.models()
    lines = str(caught.value).splitlines()
    assert lines[0] == "$.a[0]: is wrong"
    assert lines[-1] == "… and at least 15 more"
    assert (len(lines), len(caught.value.faults), caught.value.request_id) == (21, 30, "r1")
