"""A digest is the standard library's, whoever computes it."""

import hashlib
import hmac
import importlib
import sys

import pytest

from ml_core import digests
from ml_core.digests import coder, hmac_sha256, sha256


@pytest.mark.parametrize("length", [0, 1000, 300_000])
def test_a_digest_is_the_standard_librarys(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"x" * length
    expected = hashlib.sha256(data + b"y").hexdigest()
    assert sha256(data, memoryview(b"y")) == expected
    monkeypatch.setitem(sys.modules, "_sha2", None)  # as in an interpreter that has OpenSSL's alone
    assert importlib.reload(digests).sha256(data, b"y") == expected
    monkeypatch.undo()
    importlib.reload(digests)


@pytest.mark.parametrize("length", [0, 20, 63, 64, 65, 1000])
def test_a_code_is_the_standard_librarys(length: int) -> None:
    for message in (b"", b"what do ya want for nothing?", b"x" * 1000):
        expected = hmac.digest(b"k" * length, message, "sha256")
        assert hmac_sha256(b"k" * length, message) == expected
        code_of = coder(b"k" * length, message[:5])
        assert [code_of(message[5:]) for _ in range(2)] == [expected] * 2
