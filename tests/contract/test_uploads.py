"""A signed address takes one object, for a time, by PUT alone, past the service: on every cloud's storage."""

import time
import urllib.error
import urllib.request

import pytest

from ml_core.errors import ObjectNotFound
from ml_core.ports import ObjectStore, SignedUpload, UploadSigner

KEY = "datasets/churn/01"


def send(signed: SignedUpload, data: bytes = b"x", *, url: str = "", method: str = "PUT") -> int:
    """The status of the answer to a request that has nothing but what was signed."""
    request = urllib.request.Request(url or signed.url, data, signed.headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_what_is_put_to_a_signed_address_is_the_object(store: ObjectStore, signer: UploadSigner) -> None:
    data = b"a,b\n" + b"1,2\n" * 300_000
    assert send(signer.sign_upload(KEY, 60), data) in (200, 201)
    opened = store.opened(KEY)
    assert opened.size == len(data)
    assert opened.revision
    assert b"".join(opened.chunks) == data
    assert [(found.key, found.size) for found in store.list("datasets/churn/").objects] == [(KEY, len(data))]


def test_what_is_put_again_has_another_revision(store: ObjectStore, signer: UploadSigner) -> None:
    signed = signer.sign_upload(KEY, 60)
    send(signed, b"first")
    first = store.opened(KEY).revision
    send(signed, b"second")
    assert store.opened(KEY).revision != first


@pytest.mark.parametrize(
    ("signed", "asked"),
    [("churn/01", "churn/02"), ("churn/01", "other/01"), ("datasets/churn", "models/churn")],
)
def test_an_address_is_of_one_object(
    store: ObjectStore, signer: UploadSigner, signed: str, asked: str
) -> None:
    address = signer.sign_upload(KEY, 60)
    url = address.url.replace(signed, asked, 1)
    assert url != address.url
    assert send(address, url=url) == 403
    assert store.list("").objects == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_address_is_for_a_put(store: ObjectStore, signer: UploadSigner, method: str) -> None:
    store.put_if_absent(KEY, b"kept")
    assert 400 <= send(signer.sign_upload(KEY, 60), b"", method=method) < 500
    assert store.get(KEY).data == b"kept"


def test_an_address_without_its_signature_is_none(store: ObjectStore, signer: UploadSigner) -> None:
    address = signer.sign_upload(KEY, 60)
    assert send(address, url=f"{address.url[:-1]}{'1' if address.url[-1] == '0' else '0'}") in (400, 403)
    assert send(address, url=address.url.partition("?")[0]) in (400, 401, 403, 404)
    assert store.list("").objects == []


def test_an_address_ends_with_its_time(store: ObjectStore, signer: UploadSigner) -> None:
    address = signer.sign_upload(KEY, 2)
    deadline = time.monotonic() + 10
    while (status := send(address)) in (200, 201):
        assert time.monotonic() < deadline, "it works for longer than it was signed for"
        time.sleep(0.1)
    assert status in (400, 403)
    assert store.get(KEY).data == b"x"


def test_a_missing_object_is_not_opened(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound):
        store.opened("datasets/none/01")
