"""A signed address takes one object, past the service, and data is read back: on every cloud's storage."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from ml_core.errors import ObjectNotFound
from ml_core.ports import ObjectStore, SignedUpload
from providers.object_storage import ObstoreStore
from tests.contract.backend import Address, backend, clouds_with_a_store

# The laptop's signatures are tested with its server. Google's are made by its IAM service from the function's
# identity; the stand-in for Cloud Storage has neither.
ELSEWHERE = {"local", "google"}


@pytest.fixture(scope="session", params=[cloud for cloud in clouds_with_a_store() if cloud not in ELSEWHERE])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Address]]:
    """A cloud, and the address of its storage, which runs meanwhile."""
    with backend(request.param).started() as address:
        yield request.param, address


@pytest.fixture
def bucket(store: ObjectStore) -> ObstoreStore:
    """The store, as one that signs."""
    assert isinstance(store, ObstoreStore)
    return store


def put(signed: SignedUpload, data: bytes, *, url: str | None = None) -> int:
    request = urllib.request.Request(url or signed.url, data, signed.headers, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


def test_what_is_put_to_a_signed_address_is_the_object(bucket: ObstoreStore) -> None:
    data = b"a,b\n" + b"1,2\n" * 300_000
    assert put(bucket.sign_upload("datasets/churn/01", 60), data) in (200, 201)
    opened = bucket.opened("datasets/churn/01")
    assert opened.size == len(data)
    assert opened.revision
    assert b"".join(opened.chunks) == data
    assert bucket.list("datasets/churn/").objects[0].size == len(data)


def test_a_missing_object_is_not_opened(bucket: ObstoreStore) -> None:
    with pytest.raises(ObjectNotFound):
        bucket.opened("datasets/none/01")


def test_the_address_names_one_object_and_a_time(bucket: ObstoreStore) -> None:
    signed = bucket.sign_upload("datasets/churn/02", 60)
    assert "datasets/churn/02" in signed.url
    assert any(word in signed.url.lower() for word in ("expires", "se="))
