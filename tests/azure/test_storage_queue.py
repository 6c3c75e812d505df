"""The queue port on a storage queue: with a key against Azurite, with an identity against a stand-in."""

import json
import os
import time
from collections.abc import Iterator

import pytest

from ml_core.errors import NotConfigured, Unavailable
from providers.azure.runtime import identity, wiring
from providers.azure.runtime.connection import connection
from providers.azure.runtime.queue import StorageQueue
from providers.azure.runtime.store import blob_store
from tests.azure.identity_endpoint import IdentityEndpoint
from tests.azurite import Azurite


@pytest.fixture
def name(azurite: Azurite) -> str:
    found = f"q{os.urandom(4).hex()}"
    azurite.make_queue(found)
    return found


def test_a_job_arrives_as_a_message_that_names_it(azurite: Azurite, name: str) -> None:
    StorageQueue(connection(azurite.env), name).submit("abc123")
    message = azurite.take(name)
    assert message is not None
    assert json.loads(message.body) == {"job": "abc123"}


def test_a_deferred_job_is_out_of_sight_for_the_time_and_counts_no_attempt(
    azurite: Azurite, name: str
) -> None:
    queue = StorageQueue(connection(azurite.env), name)
    queue.defer("abc123", 1.0)
    assert azurite.take(name) is None
    assert azurite.waiting(name) == 1
    deadline = time.monotonic() + 10
    while (message := azurite.take(name)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert message is not None
    assert message.deliveries == 1


def test_a_deferral_is_never_longer_than_the_service_takes(azurite: Azurite, name: str) -> None:
    StorageQueue(connection(azurite.env), name).defer("abc123", 1e9)
    assert azurite.waiting(name) == 1


def test_a_queue_that_is_missing_is_unavailable(azurite: Azurite) -> None:
    with pytest.raises(Unavailable, match="QueueNotFound"):
        StorageQueue(connection(azurite.env), "nowhere").submit("abc")


def test_a_wrong_key_is_unavailable(azurite: Azurite, name: str) -> None:
    wrong = connection(azurite.env)._replace(key="AAAA")
    with pytest.raises(Unavailable, match="403"):
        StorageQueue(wrong, name).submit("abc")


def test_a_queue_that_does_not_answer_is_unavailable(azurite: Azurite) -> None:
    nobody = connection(azurite.env)._replace(queue_endpoint="http://127.0.0.1:1/x")
    with pytest.raises(Unavailable):
        StorageQueue(nobody, "training").submit("abc")


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    """A function app's identity endpoint, and storage that wants its token."""
    identity.forget()
    with IdentityEndpoint() as endpoint:
        for key, value in endpoint.env.items():
            monkeypatch.setenv(key, value)
        yield endpoint


def test_the_apps_identity_opens_queue_and_blobs(platform: IdentityEndpoint) -> None:
    """Both ask for the identity that the template gave the app, and send its token."""
    env = {**platform.env, **platform.settings}
    wiring.queue(env).submit("abc")
    wiring.store(env).get("models/x.json")
    tokens = [each for each in platform.seen if each.path.startswith("/identity")]
    assert {each.query["client_id"] for each in tokens} == {"the-client"}
    assert {each.query["resource"] for each in tokens} <= {
        "https://storage.azure.com",
        "https://storage.azure.com/",
    }
    assert {each.headers["x-identity-header"] for each in tokens} == {platform.env["IDENTITY_HEADER"]}
    used = [each for each in platform.seen if not each.path.startswith("/identity")]
    assert {each.headers["authorization"] for each in used} == {"Bearer the-token"}


def test_a_token_is_fetched_once_while_it_lasts(platform: IdentityEndpoint) -> None:
    queue = wiring.queue({**platform.env, **platform.settings})
    queue.submit("a")
    queue.submit("b")
    assert len([each for each in platform.seen if each.path.startswith("/identity")]) == 1


def test_an_identity_endpoint_that_refuses_makes_the_queue_unavailable(platform: IdentityEndpoint) -> None:
    platform.refuses = True
    with pytest.raises(Unavailable, match="identity"):
        wiring.queue({**platform.env, **platform.settings}).submit("a")


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(NotConfigured, match="ML_STORAGE__blobServiceUri"):
        wiring.store({})


@pytest.mark.parametrize("text", ["{", "{}", '"x"'])
def test_key_records_that_cannot_be_read_close_the_service(text: str) -> None:
    with pytest.raises(NotConfigured):
        wiring.key_records({"ML_KEYS": text})


def test_no_key_records_are_none() -> None:
    assert wiring.key_records({}) is None


def test_key_records_of_the_blob_count_alone_once_it_is_there(azurite: Azurite) -> None:
    """Until then those count that an earlier version kept in the app's setting."""
    container = f"k{os.urandom(4).hex()}"
    env = {**azurite.env, "ML_KEYS_CONTAINER": container, "ML_KEYS": '[{"id": "earlier"}]'}
    with pytest.raises(Unavailable, match="no such bucket"):
        wiring.key_records(env)
    azurite.make_container(container)
    assert wiring.key_records(env) == [{"id": "earlier"}]
    blobs = blob_store(connection(azurite.env), container, env)
    revision = blobs.put_if_absent("records.json", b'[{"id": "new"}]')
    assert wiring.key_records(env) == [{"id": "new"}]
    revision = blobs.put_if_unchanged("records.json", b"[]", revision)
    assert wiring.key_records(env) == []
    blobs.put_if_unchanged("records.json", b"{}", revision)
    with pytest.raises(NotConfigured, match="expected a list of key records"):
        wiring.key_records(env)
