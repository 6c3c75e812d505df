"""A digest is SHA-256, whoever computes it."""

import hashlib
import sys

import pytest

from ml_core.digests import sha256


@pytest.mark.parametrize("length", [0, 1000, 300_000])
def test_a_digest_is_the_standard_librarys(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"x" * length
    expected = hashlib.sha256(data + b"y").hexdigest()
    assert sha256(data, memoryview(b"y")) == expected
    monkeypatch.setitem(sys.modules, "_sha2", None)  # as in an interpreter that has OpenSSL's alone
    assert sha256(data, b"y") == expected
