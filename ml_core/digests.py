"""SHA-256, and codes made with it, without OpenSSL: to load that takes longer than a small digest."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash
    from hashlib import sha256 as _own
else:
    try:
        from _sha2 import sha256 as _own  # CPython's own
    except ImportError:  # an interpreter that was built to have OpenSSL's alone
        from hashlib import sha256 as _own

_LARGE = 256 << 10  # bytes; OpenSSL is six times as quick, and gains what its loading took at about this size

_BLOCK = 64  # bytes that SHA-256 reads at a time


def sha256(*parts: bytes | memoryview) -> str:
    """The SHA-256 of the parts, one after another, as 64 hexadecimal digits."""
    if len(parts) == 1 and len(parts[0]) < _LARGE:
        return _own(parts[0]).hexdigest()
    digest = _algorithm(sum(map(len, parts)))()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The message's code under the key (RFC 2104). The module `hmac` would load OpenSSL."""
    inner, outer = _padded(key)
    return bytes.fromhex(sha256(outer, bytes.fromhex(sha256(inner, message))))


def coder(key: bytes, beginning: bytes) -> Callable[[bytes], bytes]:
    """Makes codes of many short messages that all begin alike, given what follows: the rest is read once."""
    first, last = _padded(key)
    inner_of_all, outer_of_all = _own(first + beginning), _own(last)

    def code_of(rest: bytes) -> bytes:
        inner, outer = inner_of_all.copy(), outer_of_all.copy()
        inner.update(rest)
        outer.update(inner.digest())
        return outer.digest()

    return code_of


def _padded(key: bytes) -> tuple[bytes, bytes]:
    """What goes before the message, and what before its digest."""
    padded = (key if len(key) <= _BLOCK else bytes.fromhex(sha256(key))).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def _algorithm(length: int) -> Callable[[], _Hash]:
    """The implementation that is done soonest with so many bytes, its import included."""
    if length < _LARGE:
        return _own
    from hashlib import sha256 as openssl

    return openssl
