"""How the parent and a child that runs a graph talk: a length of 8 bytes, little-endian, and as many bytes.

A child may be hostile: whoever reads from one bounds what it sends, in length and in time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import BinaryIO

_LENGTH = 8  # bytes


class FrameTooLong(Exception):
    """The other side announces more than is read."""


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame of a blocking stream; None where the other side has ended."""
    length = stream.read(_LENGTH)
    if len(length) < _LENGTH:
        return None
    size = int.from_bytes(length, "little")
    frame = stream.read(size)
    return frame if len(frame) == size else None


def write_frame(stream: BinaryIO, frame: bytes) -> None:
    """Send a frame. Raises OSError."""
    for part in (len(frame).to_bytes(_LENGTH, "little"), frame):
        rest = memoryview(part)
        while rest:
            rest = rest[stream.write(rest) :]


def send_frame(connection: socket, frame: bytes | memoryview, left: Callable[[], float]) -> None:
    """Send a frame within the seconds that `left` tells. Raises TimeoutError and OSError."""
    connection.settimeout(left())
    connection.sendall(len(frame).to_bytes(_LENGTH, "little"))
    connection.settimeout(left())
    connection.sendall(frame)


def receive_frame(connection: socket, left: Callable[[], float], longest: int) -> bytes:
    """The next frame, within the seconds that `left` tells.

    Raises TimeoutError, EOFError where the other side has ended, FrameTooLong and OSError.
    """
    size = int.from_bytes(_receive(connection, _LENGTH, left), "little")
    if size > longest:
        raise FrameTooLong(f"expected at most {longest} bytes, got {size}")
    return bytes(_receive(connection, size, left))


def _receive(connection: socket, size: int, left: Callable[[], float]) -> bytearray:
    received = bytearray(size)
    rest = memoryview(received)
    while rest:
        connection.settimeout(left())
        count = connection.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return received
