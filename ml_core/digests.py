"""SHA-256 without OpenSSL: to load that takes a cold start longer than a key's or a small model's digest."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash

_LARGE = 256 << 10  # bytes; OpenSSL is six times as quick, and gains what its loading took at about this size


def sha256(*parts: bytes | memoryview) -> str:
    """The SHA-256 of the parts, one after another, as 64 hexadecimal digits."""
    digest = _algorithm(sum(map(len, parts)))()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _algorithm(length: int) -> Callable[[], _Hash]:
    """The implementation that is done soonest with so many bytes, its import included."""
    if length < _LARGE:
        try:
            from _sha2 import sha256 as own  # type: ignore[import-not-found]  # CPython's, without OpenSSL
        except ImportError:  # an interpreter that was built to have OpenSSL's alone
            pass
        else:
            algorithm: Callable[[], _Hash] = own
            return algorithm
    from hashlib import sha256 as openssl

    return openssl
