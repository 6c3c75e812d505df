"""A signed address gives one object, for a time, by GET alone, past the service: on every cloud's storage."""

import hashlib
import os
import time
import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import pytest

from ml_core.ports import ObjectStore, SignedDownload, SignedUpload, Signer

KEY, OTHER = "artifacts/01.safetensors", "artifacts/02.safetensors"
NAME = "iris-1.safetensors"


class Got(NamedTuple):
    """An answer of the storage."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    signed: SignedDownload | SignedUpload,
    method: str = "GET",
    data: bytes | None = None,
    *,
    url: str = "",
) -> Got:
    """The answer to a request that has nothing but what was signed."""
    request = urllib.request.Request(url or signed.url, data, signed.headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Got(answer.status, headers, answer.read())
    except urllib.error.HTTPError as refused:
        return Got(refused.code, {}, refused.read())


@pytest.mark.parametrize("size", [1, 3_000_001])
def test_what_is_got_from_a_signed_address_is_the_object(
    store: ObjectStore, signer: Signer, size: int
) -> None:
    data = os.urandom(size)
    store.put_if_absent(KEY, data)
    got = ask(signer.sign_download(KEY, NAME, 60))
    assert (got.status, len(got.body), got.headers["content-length"]) == (200, size, str(size))
    assert hashlib.sha256(got.body).digest() == hashlib.sha256(data).digest()


def test_every_address_begins_as_the_signer_says(signer: Signer) -> None:
    """A page may ask below that, and nowhere else."""
    assert signer.below.startswith("http")
    assert signer.below.endswith("/")
    assert signer.sign_download(KEY, NAME, 60).url.startswith(signer.below)
    assert signer.sign_upload(KEY, 60).url.startswith(signer.below)


def test_it_is_saved_as_a_file_of_the_name(store: ObjectStore, signer: Signer) -> None:
    store.put_if_absent(KEY, b"x")
    got = ask(signer.sign_download(KEY, NAME, 60))
    assert got.headers["content-disposition"] == 'attachment; filename="iris-1.safetensors"'


def test_the_name_is_signed_too(store: ObjectStore, signer: Signer) -> None:
    store.put_if_absent(KEY, b"kept")
    signed = signer.sign_download(KEY, NAME, 60)
    for other in ("other.html", "iris-1%0D%0AX-Injected%3A%201"):
        url = signed.url.replace(NAME, other)
        assert url != signed.url
        assert ask(signed, url=url).status == 403


@pytest.mark.parametrize("name", ["", 'a"b', "a/b", "a b", "ü", "a\r\nb", "a" * 256])
def test_a_name_that_would_have_to_be_quoted_is_refused(signer: Signer, name: str) -> None:
    with pytest.raises(ValueError, match="a file's name is"):
        signer.sign_download(KEY, name, 60)


def test_an_address_reads_no_other_object(store: ObjectStore, signer: Signer) -> None:
    for key in (KEY, OTHER, "artifacts/0", "models/01.safetensors"):
        store.put_if_absent(key, b"secret")
    signed = signer.sign_download(KEY, NAME, 60)
    for part, other in (("/01.", "/02."), ("/01.safetensors", "/0"), ("artifacts/", "models/")):
        url = signed.url.replace(part, other, 1)
        assert url != signed.url
        got = ask(signed, url=url)
        assert got.status == 403
        assert b"secret" not in got.body


def test_an_address_is_for_a_get(store: ObjectStore, signer: Signer) -> None:
    store.put_if_absent(KEY, b"kept")
    signed = signer.sign_download(KEY, NAME, 60)
    for method, data in (("PUT", b"new"), ("POST", b"new"), ("DELETE", None)):
        assert 400 <= ask(signed, method, data).status < 500
    # Azure's own header of an upload makes none of it.
    upload = SignedUpload(signed.url, signer.sign_upload(KEY, 60).headers)
    assert 400 <= ask(upload, "PUT", b"new").status < 500
    assert store.get(KEY).data == b"kept"


def test_neither_kind_of_address_becomes_the_other(store: ObjectStore, signer: Signer) -> None:
    """The laptop tells them apart by the path as well: the right path does not help."""
    store.put_if_absent(KEY, b"secret")
    download, upload = signer.sign_download(KEY, NAME, 60), signer.sign_upload(KEY, 60)
    to_write, to_read = urlsplit(upload.url), urlsplit(download.url)
    crossed: list[tuple[SignedDownload | SignedUpload, str, bytes | None, SplitResult]] = [
        (upload, "GET", None, to_write),
        (upload, "GET", None, to_read._replace(query=to_write.query)),
        (SignedUpload(download.url, upload.headers), "PUT", b"new", to_write._replace(query=to_read.query)),
    ]
    for signed, method, data, at in crossed:
        got = ask(signed, method, data, url=at.geturl())
        assert 400 <= got.status < 500
        assert b"secret" not in got.body
    assert store.get(KEY).data == b"secret"


def test_an_address_lists_nothing(store: ObjectStore, signer: Signer) -> None:
    store.put_if_absent(KEY, b"x")
    signed = signer.sign_download(KEY, NAME, 60)
    at = urlsplit(signed.url)
    folder = at.path.removesuffix(f"/{KEY}")
    for path in (f"{folder}/artifacts", f"{folder}/artifacts/", folder, f"{folder}/"):
        got = ask(signed, url=at._replace(path=path).geturl())
        assert 400 <= got.status < 500
        assert b"safetensors" not in got.body


def test_an_address_without_its_signature_is_none(store: ObjectStore, signer: Signer) -> None:
    store.put_if_absent(KEY, b"secret")
    signed = signer.sign_download(KEY, NAME, 60)
    changed = f"{signed.url[:-1]}{'1' if signed.url[-1] == '0' else '0'}"
    for url in (changed, signed.url.partition("?")[0]):
        got = ask(signed, url=url)
        assert got.status in (400, 401, 403, 404)
        assert b"secret" not in got.body


def test_an_address_ends_with_its_time(store: ObjectStore, signer: Signer) -> None:
    store.put_if_absent(KEY, b"secret")
    signed = signer.sign_download(KEY, NAME, 2)
    assert ask(signed).status == 200
    deadline = time.monotonic() + 10
    while (got := ask(signed)).status == 200:
        assert time.monotonic() < deadline, "it works for longer than it was signed for"
        time.sleep(0.1)
    assert got.status in (400, 403)
    assert b"secret" not in got.body


def test_an_object_that_is_missing_is_found_by_nobody(store: ObjectStore, signer: Signer) -> None:
    assert store.list("").objects == []
    assert ask(signer.sign_download(KEY, NAME, 60)).status == 404
