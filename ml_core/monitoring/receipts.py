"""Receipts: what a caller keeps of a prediction, to tell later what it was really of.

A receipt says which version predicted which class, how sure it was, and when, so that nothing of the
prediction has to be stored. It is 30 bytes, as 40 characters of base64url:

    version (4) · class (2) · bin of the top probability (1) · minute since 1970 (4) · random (7) · code (12)

The code is HMAC-SHA-256 over the format, the version's training job, the model's name and all before it,
under a key of the deployment that is made with its first receipt. So no receipt can be
made or changed by others, and a model that is trained anew under the same name takes none of the old one.
"""

from __future__ import annotations

import os
import time
from binascii import a2b_base64, b2a_base64

from ml_core.digests import coder
from ml_core.errors import DocumentDamaged, ObjectExists, ObjectNotFound
from ml_core.profiles.profile import PROBABILITY_BINS
from ml_core.records import Record

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ml_core.ports import ObjectStore

VALID_DAYS = 30
LENGTH = 40  # characters

_KEY = "monitoring/receipt-key"
_KEY_LENGTH = 32
_FORMAT = b"receipt 1"
_SIGNED, _RANDOM, _CODE = 18, 7, 12  # bytes
_NO_BIN = 255
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class Receipt(Record):
    """A receipt as it can be read by anyone; whether it is one, `VersionReceipts.made` tells.

    Args:
        version: of the model, by its number.
        predicted: the number of the predicted class.
        bin: of the top probability; None where the model gave none.
        minute: when it was predicted, in minutes since 1970 (UTC).
        signed: the bytes that are signed.
        code: the signature.
    """

    version: int
    predicted: int
    bin: int | None
    minute: int
    signed: bytes
    code: bytes


class Receipts:
    """Makes and checks a deployment's receipts; its key is read when it is first needed, and then kept."""

    def __init__(self, store: ObjectStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._key: bytes | None = None

    @property
    def minute(self) -> int:
        """The present one, since 1970 (UTC)."""
        return int(self._clock() // 60)

    def of(self, name: str, job: str) -> VersionReceipts:
        """Those of the model's version that the job trained. Raises `Unavailable`."""
        if self._key is None:
            self._key = _key_in(self._store)
        # Neither a job's id nor a name has a zero byte.
        return VersionReceipts(coder(self._key, b"\0".join((_FORMAT, job.encode(), name.encode(), b""))))


class VersionReceipts:
    """Makes and checks one version's receipts."""

    def __init__(self, code_of: Callable[[bytes], bytes]) -> None:
        self._code_of = code_of

    def make(self, version: int, minute: int, predicted: Iterable[tuple[int, int | None]]) -> list[str]:
        """A receipt for each prediction: the number of its class, and the bin of its top probability."""
        rows = [*predicted]
        first, last = version.to_bytes(4), minute.to_bytes(4)
        random = os.urandom(_RANDOM * len(rows))
        code_of, made = self._code_of, []
        for at, (number, place) in enumerate(rows):
            signed = b"%b%b%c%b%b" % (
                first,
                number.to_bytes(2),
                _NO_BIN if place is None else place,
                last,
                random[_RANDOM * at : _RANDOM * (at + 1)],
            )
            packed = b2a_base64(signed + code_of(signed)[:_CODE], newline=False)
            made.append(packed.translate(_TO_URL).decode())
        return made

    def made(self, receipt: Receipt) -> bool:
        """Whether it is one of them."""
        from _operator import _compare_digest as equal  # as in `handlers/auth.py`

        return equal(self._code_of(receipt.signed)[:_CODE], receipt.code)


def read_receipt(text: str) -> Receipt | None:
    """What a text says as a receipt; None for one that cannot be any."""
    if len(text) != LENGTH or not text.isascii() or "+" in text or "/" in text:
        return None
    try:
        data = a2b_base64(text.encode().translate(_FROM_URL), strict_mode=True)
    except ValueError:
        return None
    if len(data) != _SIGNED + _CODE:
        return None
    place = data[6]
    if place >= PROBABILITY_BINS and place != _NO_BIN:
        return None
    return Receipt(
        int.from_bytes(data[:4]),
        int.from_bytes(data[4:6]),
        None if place == _NO_BIN else place,
        int.from_bytes(data[7:11]),
        data[:_SIGNED],
        data[_SIGNED:],
    )


def _key_in(store: ObjectStore) -> bytes:
    """The key of a deployment's receipts, which is made where there is none. Raises `Unavailable`."""
    try:
        key = store.get(_KEY).data
    except ObjectNotFound:
        try:
            key = os.urandom(_KEY_LENGTH)
            store.put_if_absent(_KEY, key)
        except ObjectExists:  # another one was first
            key = store.get(_KEY).data
    if len(key) != _KEY_LENGTH:
        raise DocumentDamaged(
            f"the object '{_KEY}' is damaged: expected {_KEY_LENGTH} bytes, got {len(key)}; without it a new "
            "one is made, and receipts of before are refused"
        )
    return key
