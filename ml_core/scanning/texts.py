"""The text of a part, range by range, as UTF-8."""

import codecs
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from ml_core.datasets.sources import DataFile
from ml_core.errors import MalformedInput
from ml_core.scanning.files import DataFiles
from ml_core.tables.text import FALLBACK_ENCODING, fallback

RANGE_BYTES = 1 << 23
"""How much of an object is asked for at once."""
LOOKED_AT = 1 << 16
"""How much of each file tells how it is written."""
_ASCII = bytes(range(128))


class Charset(NamedTuple):
    """How a file's characters are written; `strict` where somebody said so."""

    name: str
    strict: bool

    @property
    def is_utf_8(self) -> bool:
        """Whether its bytes are UTF-8 as they stand."""
        return self.name in ("utf-8", "utf-8-sig")


def ranges(data: DataFiles, file: DataFile, begin: int, end: int, *, size: int) -> Iterator[bytes]:
    """The bytes of a file from `begin` to `end`, so many at a time."""
    for at in range(begin, end, size):
        yield data.part(file, at, min(end, at + size))


@cache
def is_cut_anywhere(encoding: str) -> bool:
    """Whether a byte of ASCII is always that character: UTF-8, and encodings of one byte a character."""
    if encoding in ("utf-8", "utf-8-sig"):
        return True
    try:
        single = all(len(bytes([byte]).decode(encoding, "replace")) == 1 for byte in range(256))
        return (
            single
            and len((_ASCII * 2).decode(encoding)) == 256
            and _ASCII.decode(encoding).encode() == _ASCII
        )
    except (UnicodeError, LookupError):
        return False


def in_utf_8(chunks: Iterator[bytes], charset: Charset) -> Iterator[bytes]:
    """Chunks of a file as UTF-8. Raises `MalformedInput` for bytes that are none of its encoding."""
    if charset.is_utf_8:
        yield from _checked(chunks)
        return
    decoder = codecs.getincrementaldecoder(charset.name)("strict" if charset.strict else "replace")
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise not_of(charset) from None


def checked_first(chunks: Iterator[bytes]) -> tuple[Charset, Iterator[bytes]]:
    """What bytes are written in that begin as UTF-8, and the bytes: all of them are read for it."""
    held = list(chunks)
    try:
        for _ in _checked(iter(held)):
            pass
    except MalformedInput:
        return Charset(not_utf_8(held), strict=False), _given_up(held)
    return Charset("utf-8", strict=False), _given_up(held)


def not_utf_8(chunks: Iterable[bytes]) -> str:
    """What bytes are taken for that are no UTF-8."""
    return "latin-1" if any(fallback(chunk) == "latin-1" for chunk in chunks) else FALLBACK_ENCODING


def _given_up(held: list[bytes]) -> Iterator[bytes]:
    """The chunks, each given up when the next is taken."""
    held.reverse()
    while held:
        yield held.pop()


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, if they are UTF-8; the last characters of a chunk may go on in the next."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            if not chunk.isascii() or decoder.getstate()[0]:
                decoder.decode(chunk)
            yield chunk
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise not_of(Charset("utf-8", strict=True)) from None


def not_of(charset: Charset) -> MalformedInput:
    """The refusal of bytes that are none of an encoding."""
    return MalformedInput(f'the file is not {charset.name}: say another "encoding", or leave it out')
