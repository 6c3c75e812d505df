"""Thrift's compact protocol, as far as a Parquet file's footer takes it: values read, and written again.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

A struct is a dict from a field's number to its kind and value; a list is the kind of its elements and these;
integers are Python's, and a double is its eight bytes.
"""

from collections.abc import Container, Iterator
from typing import Any

type Struct = dict[int, tuple[int, Any]]

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
# A list of this many elements or more says its length apart; a byte of a varint that is less is the last.
_LONG_LIST, _LAST_BYTE, _MOST_SHIFT = 0x0F, 0x80, 70


class ThriftReader:
    """Reads values one after another. Raises `IndexError` where the bytes end early or are none."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def struct(self, wanted: Container[int] | None = None) -> Struct:
        """A struct, of its fields all or those that are wanted."""
        found: Struct = {}
        for number, kind in self.fields():
            if wanted is None or number in wanted:
                found[number] = kind, self.value(kind)
            else:
                self.skip(kind)
        return found

    def fields(self) -> Iterator[tuple[int, int]]:
        """Number and kind of each field of a struct, whose value is to be read before the next."""
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._integer()
            yield number, header & 0x0F

    def value(self, kind: int) -> Any:  # noqa: ANN401 - any value
        """The value of a field of this kind."""
        if kind in (I32, I64, I16):
            return self._integer()
        if kind == BINARY:
            return self._bytes(self.varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            inner, length = self.list_header()
            # In a list, unlike in a struct, a truth value is a byte.
            inner_kind = BYTE if inner in (TRUE, FALSE) else inner
            return inner, [self.value(inner_kind) for _ in range(length)]
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind not in (BYTE, DOUBLE):
            raise IndexError(f"a value of the kind {kind}")
        return self._byte() if kind == BYTE else self._bytes(8)

    def skip(self, kind: int) -> None:
        """Pass a value of this kind."""
        self.at = _past(self.data, self.at, kind)

    def list_header(self) -> tuple[int, int]:
        """The kind and the number of a list's elements, which are to be read next."""
        header = self._byte()
        length = header >> 4 if header >> 4 != _LONG_LIST else self.varint()
        if length > len(self.data):
            raise IndexError(length)
        return header & 0x0F, length

    def _integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def varint(self) -> int:
        """A number without a sign."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            if byte < _LAST_BYTE and not shift:
                return byte
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < _LAST_BYTE or shift > _MOST_SHIFT:
                return value

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, length: int) -> bytes:
        self.at += length
        if self.at > len(self.data):
            raise IndexError(self.at)
        return self.data[self.at - length : self.at]


def _past(data: bytes, at: int, kind: int) -> int:
    """Where a value of this kind that begins at a byte ends: most of a wide footer is only passed."""
    if kind in (I64, I32, I16):
        return _past_varint(data, at)
    if kind == BINARY:
        end = _past_varint(data, at)
        return end + (data[at] if end == at + 1 else ThriftReader(data, at).varint())
    if kind == STRUCT:
        while header := data[at]:
            at = _past(data, at + 1 if header >> 4 else _past_varint(data, at + 1), header & 0x0F)
        return at + 1
    if kind in (LIST, SET):
        reader = ThriftReader(data, at)
        inner, length = reader.list_header()
        at = reader.at
        for _ in range(length):
            at = _past(data, at, BYTE if inner in (TRUE, FALSE) else inner)
        return at
    if kind in (TRUE, FALSE):
        return at
    if kind not in (BYTE, DOUBLE):
        raise IndexError(f"a value of the kind {kind}")
    return at + (1 if kind == BYTE else 8)


def _past_varint(data: bytes, at: int) -> int:
    while data[at] >= _LAST_BYTE:
        at += 1
    return at + 1


def struct_bytes(struct: Struct) -> bytes:
    """A struct as its bytes."""
    written = bytearray()
    before = 0
    for number, (kind, value) in sorted(struct.items()):
        is_truth = kind in (TRUE, FALSE)
        header = (TRUE if value else FALSE) if is_truth else kind
        if 0 < number - before < _LONG_LIST:
            written.append((number - before) << 4 | header)
        else:
            written.append(header)
            written += _integer_bytes(number)
        before = number
        if not is_truth:
            written += _value_bytes(kind, value)
    written.append(0)
    return bytes(written)


def _value_bytes(kind: int, value: Any) -> bytes:  # noqa: ANN401
    if kind in (I16, I32, I64):
        return _integer_bytes(value)
    if kind == BINARY:
        return _varint_bytes(len(value)) + bytes(value)
    if kind == STRUCT:
        return struct_bytes(value)
    if kind in (LIST, SET):
        inner, values = value
        length = len(values)
        header = (
            bytes([length << 4 | inner])
            if length < _LONG_LIST
            else (bytes([_LONG_LIST << 4 | inner]) + _varint_bytes(length))
        )
        inner_kind = BYTE if inner in (TRUE, FALSE) else inner
        return header + b"".join(_value_bytes(inner_kind, each) for each in values)
    if kind == DOUBLE:
        return bytes(value)
    return bytes([value])


def _integer_bytes(value: int) -> bytes:
    return _varint_bytes(value << 1 if value >= 0 else (-value << 1) - 1)


def _varint_bytes(value: int) -> bytes:
    written = bytearray()
    while value >= _LAST_BYTE:
        written.append(value & 0x7F | _LAST_BYTE)
        value >>= 7
    written.append(value)
    return bytes(written)
