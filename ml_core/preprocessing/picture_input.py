"""Pictures as callers send them: nested lists, raw bytes, or the bytes of a PNG file.

Plain Python whose loops run in C; only when something is wrong is it looked at value by value, to say where.
Numpy is imported for PNG files alone.
"""

from __future__ import annotations

from itertools import chain
from math import prod

from ml_core.errors import Fault, InvalidInput, MalformedInput, shown
from ml_core.inputs.arrays import Pictures
from ml_core.inputs.encoded import B64, ENCODED_SCHEMA, Encoded, read_encoded
from ml_core.inputs.float32 import pack32, wrong_number32
from ml_core.inputs.instances import listed_instances
from ml_core.inputs.kinds import IMAGE
from ml_core.inputs.specs import FLOAT32, InputSpec

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ml_core.inputs.rows import Limits

    type Shape = tuple[int, int, int]


class PictureInput:
    """Pictures of one shape: height, width, channels."""

    kind = IMAGE

    def __init__(self, shape: Shape, name: str = "image") -> None:
        self.shape = shape
        self.name = name
        self.spec = InputSpec("input-0", FLOAT32, shape)

    @property
    def features(self) -> tuple[str, ...]:
        """What an instance is called."""
        return (self.name,)

    def description(self) -> dict[str, object]:
        """What `restored_input` makes it of again."""
        return {"kind": IMAGE, "shape": list(self.shape)}

    def summary(self) -> dict[str, object]:
        """What a version tells of it."""
        return self.description()

    def instance_schema(self) -> dict[str, object]:
        """An instance as JSON Schema."""
        height, width, channels = self.shape
        pixel: dict[str, object] = {
            "type": "array", "items": {"type": "number"}, "minItems": channels, "maxItems": channels,
        }  # fmt: skip
        if channels == 1:
            pixel = {"anyOf": [{"type": "number"}, pixel]}
        row = {"type": "array", "items": pixel, "minItems": width, "maxItems": width}
        nested = {
            "type": "array",
            "items": row,
            "minItems": height,
            "maxItems": height,
            "description": "Rows of pixels, each of them its channels' numbers.",
        }
        return {"anyOf": [nested, {**ENCODED_SCHEMA, "description": "Raw numbers, or a PNG file."}]}

    def read(
        self, instances: object, *, limits: Limits, where: str = "$.instances", expecting: str = "the model"
    ) -> Pictures:
        """Checked pictures. Raises `InvalidInput`, `TooLarge`."""
        listed = listed_instances(instances, limits, where)
        numbers = _numbers(listed, self.shape)
        packed = None if numbers is None else pack32(numbers)
        if packed is not None:
            return Pictures(packed, self.shape, "F32", where)
        parts = [self._read_one(each, f"{where}[{index}]", expecting) for index, each in enumerate(listed)]
        return joined(parts, where)

    def _read_one(self, instance: object, where: str, expecting: str) -> Pictures:
        if isinstance(instance, dict):
            return self.of_encoded(read_encoded(instance, where), expecting)
        numbers = _numbers([instance], self.shape)
        packed = None if numbers is None else pack32(numbers)
        if packed is None:
            raise InvalidInput(_faults(instance, self.shape, where, expecting))
        return Pictures(packed, self.shape, "F32", where)

    def of_encoded(self, encoded: Encoded, expecting: str = "the model") -> Pictures:
        """The picture in an instance's bytes. Raises `InvalidInput`."""
        if encoded.dtype is None:
            return Pictures(_png(encoded, self.shape), self.shape, "U8", encoded.where)
        if encoded.numbers() != prod(self.shape):
            message = f"{expecting} expects {_words(self.shape)}, {prod(self.shape)} numbers"
            raise InvalidInput.at(f"{encoded.where}.{B64}", f"{message}; got {encoded.numbers()}")
        return Pictures(encoded.data, self.shape, encoded.dtype, encoded.where)


def training_pictures(instances: object, shape: Shape | None, limits: Limits) -> Pictures:
    """Pictures to train on; their shape is the first one's where none is given.

    Whole numbers from 0 to 255 stay bytes. Raises `InvalidInput`, `TooLarge`.
    """
    listed = listed_instances(instances, limits, "$.instances")
    reader = PictureInput(shape or _shape_of(listed[0]))
    numbers = _numbers(listed, reader.shape)
    if numbers is not None and set(map(type, numbers)) == {int} and min(numbers) >= 0 and max(numbers) < 256:
        return Pictures(bytes(numbers), reader.shape, "U8")
    return reader.read(instances, limits=limits, expecting="this training")


def joined(parts: Sequence[Pictures], where: str) -> Pictures:
    """Pictures of one shape together: bytes only if all are."""
    if all(part.dtype == "U8" for part in parts):
        return Pictures(b"".join(part.packed for part in parts), parts[0].shape, "U8", where)
    floats = [part.packed if part.dtype == "F32" else _widened(part.packed) for part in parts]
    return Pictures(b"".join(floats), parts[0].shape, "F32", where)


def _widened(packed: bytes | memoryview) -> bytes:
    return pack32(list(packed)) or b""


def _shape_of(first: object) -> Shape:
    """The shape of nested lists. Raises `InvalidInput`."""
    where = "$.instances[0]"
    if isinstance(first, dict):
        encoded = read_encoded(first, where)
        if encoded.dtype is None:
            height, width, channels = _decoded(encoded).shape
            return height, width, 1 if channels < 3 else 3
        raise InvalidInput.at(
            "$.input.shape", "raw numbers do not tell their shape: send [height, width, channels]"
        )
    row = first[0] if isinstance(first, list) and first else None
    pixel = row[0] if isinstance(row, list) and row else None
    if not isinstance(first, list) or not isinstance(row, list) or pixel is None:
        raise InvalidInput.at(
            where, f"expected a picture as rows of pixels, [height][width] or [height][width][channels], "
            f"got {shown(first)}",
        )  # fmt: skip
    return len(first), len(row), len(pixel) if isinstance(pixel, list) else 1


def _png(encoded: Encoded, shape: Shape) -> bytes:
    """The picture in a PNG file, brought to the shape as training brings those of files."""
    from ml_core.pictures.shaping import shaped

    return shaped(_decoded(encoded), shape).tobytes()


def _decoded(encoded: Encoded) -> NDArray[np.uint8]:
    from ml_core.pictures.png import decode, is_png

    where = f"{encoded.where}.{B64}"
    if not is_png(encoded.data):
        message = "expected a PNG file; say the dtype of raw numbers, and send JPEG files as PNG"
        raise InvalidInput.at(where, message)
    try:
        return decode(encoded.data)
    except MalformedInput as error:
        raise InvalidInput.at(where, str(error)) from None


def _numbers(listed: Sequence[object], shape: Shape) -> list[Any] | None:
    """All numbers of nested lists in a row; None where one is not of the shape."""
    level: list[Any] = list(listed)
    for axis, length in enumerate(shape):
        if axis == 2 and length == 1 and list not in set(map(type, level)):
            return level
        if set(map(type, level)) != {list} or set(map(len, level)) != {length}:
            return None
        level = list(chain.from_iterable(level))
    return level


def _faults(instance: object, shape: Shape, where: str, expecting: str) -> Iterator[Fault]:
    """What is wrong with one picture."""
    height, width, channels = shape
    expected = f"{expecting} expects {_words(shape)}"
    if not isinstance(instance, list):
        yield Fault(where, f'{expected} as nested lists or {{"b64": …}}, got {shown(instance)}')
        return
    if len(instance) != height:
        yield Fault(where, f"{expected}; this has {len(instance)} rows of pixels")
        return
    for y, row in enumerate(instance):
        if not isinstance(row, list) or len(row) != width:
            got = f"{len(row)} pixels" if isinstance(row, list) else shown(row)
            yield Fault(f"{where}[{y}]", f"{expected}; this row has {got}")
            continue
        for x, pixel in enumerate(row):
            path = f"{where}[{y}][{x}]"
            if channels == 1 and not isinstance(pixel, list):
                numbers, paths = [pixel], [path]
            elif not isinstance(pixel, list) or len(pixel) != channels:
                got = f"{len(pixel)} numbers" if isinstance(pixel, list) else shown(pixel)
                yield Fault(path, f"expected a list of {channels} numbers, got {got}")
                continue
            else:
                numbers, paths = pixel, [f"{path}[{channel}]" for channel in range(channels)]
            for number, place in zip(numbers, paths, strict=True):
                if told := wrong_number32(number):
                    yield Fault(place, told)


def _words(shape: Shape) -> str:
    height, width, channels = shape
    return f"pictures of {height} × {width} × {channels}"
