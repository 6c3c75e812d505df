"""Record batches, one at a time, as a stream of Arrow's.

arro3 makes a stream of batches that are all there already. What is written here is made while it is written,
so that memory holds one batch. The structs are those of the Arrow C stream interface
(https://arrow.apache.org/docs/format/CStreamInterface.html).
"""

import ctypes
import errno
from collections.abc import Iterator
from itertools import chain
from typing import Any

from arro3.core import RecordBatch

_NAME = b"arrow_array_stream"
# Bytes of the structs `ArrowSchema` and `ArrowArray`, and where in each stands what releases it.
_SCHEMA, _ARRAY = (72, 56), (80, 64)

_GET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_TELL = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _ArrowArrayStream(ctypes.Structure):
    _fields_ = (
        ("get_schema", _GET),
        ("get_next", _GET),
        ("get_last_error", _TELL),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


_MADE_NOT = ctypes.create_string_buffer(b"a batch could not be made")

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype = ctypes.py_object
_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class BatchStream:
    """A stream of batches of one schema; at least one. It can be read once.

    `error` is what making them raised, after the reader has failed at it.
    """

    def __init__(self, batches: Iterator[RecordBatch]) -> None:
        first = next(batches)
        self._schema = first.schema
        self._batches = chain([first], batches)
        self.error: BaseException | None = None
        self._keep: list[Any] = [
            _GET(self._get_schema),
            _GET(self._get_next),
            _TELL(lambda _: ctypes.addressof(_MADE_NOT)),
            _RELEASE(self._release),
        ]
        schema, following, error, release = self._keep
        self._stream = _ArrowArrayStream(
            schema, following, error, ctypes.cast(release, ctypes.c_void_p), None
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return _capsule(ctypes.addressof(self._stream), _NAME, None)

    def _get_schema(self, _: int, out: int) -> int:
        capsule = self._schema.__arrow_c_schema__()
        _move(_pointer(capsule, b"arrow_schema"), out, *_SCHEMA)
        return 0

    def _get_next(self, _: int, out: int) -> int:
        try:
            batch = next(self._batches, None)
            if batch is None:
                ctypes.memset(out, 0, _ARRAY[0])
                return 0
            _schema, capsule = batch.__arrow_c_array__()
            _move(_pointer(capsule, b"arrow_array"), out, *_ARRAY)
        except BaseException as error:  # noqa: BLE001 - told to who reads: no exception passes through C
            self.error = error
            return errno.EIO
        return 0

    def _release(self, stream: int) -> None:
        _ArrowArrayStream.from_address(stream).release = None


def _move(source: int, out: int, size: int, release: int) -> None:
    """Hand a struct over: whoever has it then releases it."""
    ctypes.memmove(out, source, size)
    ctypes.c_void_p.from_address(source + release).value = None
