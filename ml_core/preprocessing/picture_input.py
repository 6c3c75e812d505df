"""Pictures as callers send them: nested or flat lists, raw bytes, the bytes of a PNG file, or rows of pixels.

Plain Python whose loops run in C; only when something is wrong is it looked at value by value, to say where.
Numpy is imported for PNG files alone.
"""

from __future__ import annotations

from itertools import chain
from math import prod

from ml_core.errors import Fault, InvalidInput, member, shown
from ml_core.inputs.arrays import Pictures, check_numbers
from ml_core.inputs.encoded import B64, DTYPE, ENCODED_SCHEMA, Encoded, read_encoded
from ml_core.inputs.float32 import pack32, wrong_number32
from ml_core.inputs.instance_cells import cells_of, each_read, encoded_of
from ml_core.inputs.instances import LEAVE_OUT, listed_instances
from ml_core.inputs.kinds import IMAGE
from ml_core.inputs.rows import MOST_PICTURE_NUMBERS
from ml_core.inputs.specs import FLOAT32, InputSpec

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ml_core.inputs.notes import Notes
    from ml_core.inputs.rows import Limits
    from ml_core.pictures.png import ResizingAllowance
    from ml_core.preprocessing.pixel_columns import PixelColumns
    from ml_core.preprocessing.pixel_numbers import PixelNumbers

    type Shape = tuple[int, int, int]

# What every PNG file begins with.
_PNG = b"\x89PNG\r\n\x1a\n"
# So many bytes become float32 together.
_WIDENED = 1 << 14


class PictureInput:
    """Pictures of one shape: height, width, channels.

    `pixels` are the columns of the table that they were read from, where it was one. `numbers` are what
    training has seen; None where that is not known: of artifacts that do not say it, and in training.
    """

    kind = IMAGE

    def __init__(
        self,
        shape: Shape,
        name: str = "image",
        pixels: PixelColumns | None = None,
        numbers: PixelNumbers | None = None,
    ) -> None:
        self.shape = shape
        self.name = name
        self.pixels = pixels
        self.numbers = numbers
        self.spec = InputSpec("input-0", FLOAT32, shape)

    @property
    def features(self) -> tuple[str, ...]:
        """What an instance is called."""
        return (self.name,)

    def description(self) -> dict[str, object]:
        """What `restored_input` makes it of again."""
        described = self._described()
        return {**described, "pixels": self.pixels.description()} if self.pixels else described

    def summary(self) -> dict[str, object]:
        """What a version tells of it: of the pixels' columns their number, and the first."""
        told = self._described()
        return {**told, "pixels": self.pixels.summary()} if self.pixels else told

    def _described(self) -> dict[str, object]:
        described: dict[str, object] = {"kind": IMAGE, "shape": list(self.shape)}
        return {**described, "numbers": self.numbers.description()} if self.numbers else described

    @property
    def takes_files(self) -> bool:
        """Whether PNG files are taken, which hold bytes: not where training has seen other numbers."""
        return self.numbers is None or self.numbers.are_bytes

    def check_files(self, where: str, expecting: str) -> None:
        """Raise `InvalidInput` where PNG files are not taken."""
        if self.numbers is not None:
            self.numbers.check_file(where, expecting)

    def note(self, found: Pictures, notes: Notes | None, path: Callable[[int], str]) -> None:
        """Note pictures of other numbers than training has seen; `path` says where each stands."""
        if notes is not None and self.numbers is not None:
            self.numbers.note(found, notes, path)

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
        size = prod(self.shape)
        flat = {
            "type": "array",
            "items": {"type": "number"},
            "minItems": size,
            "maxItems": size,
            "description": "The same numbers one after another, as a row of a table has pixels.",
        }
        encoded: dict[str, object] = {**ENCODED_SCHEMA, "description": "Raw numbers, or a PNG file."}
        if not self.takes_files:
            encoded = {**ENCODED_SCHEMA, "required": [B64, DTYPE], "description": "Raw numbers."}
        named = {
            "type": "object",
            "required": [self.name],
            "additionalProperties": False,
            "properties": {self.name: {"anyOf": [nested, flat, encoded]}},
            "description": "A row of a data frame.",
        }
        rows = [self.pixels.row_schema()] if self.pixels else []
        return {"anyOf": [nested, flat, encoded, named, *rows]}

    def read(
        self,
        instances: object,
        *,
        limits: Limits,
        where: str = "$.instances",
        expecting: str = "the model",
        unknown: str = LEAVE_OUT,
        notes: Notes | None = None,
    ) -> Pictures:
        """Checked pictures. `unknown` as in `Model.rows`; `notes` as `note` takes them.

        Raises `InvalidInput`, `TooLarge`.
        """
        listed = listed_instances(instances, limits, where)
        check_numbers(len(listed), self.shape, limits.max_picture_numbers, where)

        def path(index: int) -> str:
            return f"{where}[{index}]"

        found = self._read_listed(listed, path, where, expecting=expecting, unknown=unknown)
        self.note(found, notes, path)
        return found

    def of_columns(
        self,
        columns: Sequence[Sequence[object]],
        path: Callable[[int, int], str],
        where: str,
        *,
        expecting: str = "the model",
        notes: Notes | None = None,
    ) -> Pictures:
        """The pictures in the one column's cells; `path` as in `packed_columns`.

        Raises `InvalidInput`, `TooLarge`.
        """
        (cells,) = columns
        check_numbers(len(cells), self.shape, MOST_PICTURE_NUMBERS, where)
        found = self._read_listed(cells, lambda row: path(0, row), where, expecting=expecting)
        self.note(found, notes, lambda row: path(0, row))
        return found

    def of_files(self, files: Sequence[Encoded], where: str, expecting: str = "the model") -> Pictures:
        """The pictures in the bytes of PNG files. Raises `InvalidInput`, `TooLarge`."""
        check_numbers(len(files), self.shape, MOST_PICTURE_NUMBERS, where)
        reading = _PictureReading(self, expecting, LEAVE_OUT)
        return reading.together(len(files), lambda index: reading.of_encoded(files[index]), where)

    def _read_listed(
        self,
        listed: Sequence[object],
        path: Callable[[int], str],
        where: str,
        *,
        expecting: str,
        unknown: str = LEAVE_OUT,
    ) -> Pictures:
        numbers = _numbers(listed, self.shape)
        packed = None if numbers is None else pack32(numbers)
        if packed is not None:
            return Pictures(packed, self.shape, "F32", where)
        reading = _PictureReading(self, expecting, unknown)
        return reading.together(
            len(listed), lambda index: reading.of_instance(listed[index], path(index)), where
        )


class _PictureReading:
    """The reading of one request's pictures, one by one."""

    def __init__(self, reader: PictureInput, expecting: str, unknown: str) -> None:
        self.reader = reader
        self.shape = reader.shape
        self.expecting = expecting
        self.unknown = unknown
        self._allowance: ResizingAllowance | None = None

    def together(self, count: int, read: Callable[[int], Pictures], where: str) -> Pictures:
        """So many pictures in one buffer, each as it is read. Raises `InvalidInput`, `TooLarge`."""
        gathered = _PictureBuffer()
        each_read(count, lambda index: gathered.add(read(index)))
        return Pictures(memoryview(gathered.packed), self.shape, gathered.dtype, where)

    def of_instance(self, instance: object, where: str) -> Pictures:
        """A picture in any of its forms. Raises `InvalidInput`."""
        if not isinstance(instance, dict):
            return self._of_lists(instance, where)
        pixels = self.reader.pixels
        columns = (self.reader.name, *(pixels.names if pixels else ()))
        encoded = encoded_of(instance, columns, self.unknown)
        if encoded is not None:
            return self.of_encoded(read_encoded(encoded, where))
        if pixels and pixels.are_meant(instance, self.reader.name):
            names = pixels.names
            cells = cells_of(instance, names, where, self.expecting, self.unknown)
            return pixels.picture(cells, lambda place: member(where, names[place]), where)
        (cell,) = cells_of(instance, self.reader.features, where, self.expecting, self.unknown)
        where = member(where, self.reader.name)
        if isinstance(cell, dict):
            return self.of_encoded(read_encoded(cell, where))
        return self._of_lists(cell, where)

    def _of_lists(self, instance: object, where: str) -> Pictures:
        numbers = _numbers([instance], self.shape)
        packed = None if numbers is None else pack32(numbers)
        if packed is None:
            raise InvalidInput(_faults(instance, self.shape, where, self.expecting))
        return Pictures(packed, self.shape, "F32", where)

    def of_encoded(self, encoded: Encoded) -> Pictures:
        """The picture in an instance's bytes. Raises `InvalidInput`, `TooLarge`."""
        if encoded.dtype is None:
            return Pictures(self._of_png(encoded), self.shape, "U8", encoded.where)
        if encoded.numbers() != prod(self.shape):
            message = f"{self.expecting} expects {_words(self.shape)}, {prod(self.shape)} numbers"
            raise InvalidInput.at(encoded.where, f"{message}; got {encoded.numbers()}")
        return Pictures(encoded.data, self.shape, encoded.dtype, encoded.where)

    def _of_png(self, encoded: Encoded) -> bytes:
        self.reader.check_files(encoded.where, self.expecting)
        _check_png(encoded)
        from ml_core.pictures.png import ResizingAllowance, read_png

        self._allowance = self._allowance or ResizingAllowance()
        return read_png(encoded.data, self.shape, encoded.where, self.expecting, self._allowance)


def training_pictures(instances: object, shape: Shape | None, limits: Limits) -> Pictures:
    """Pictures to train on; their shape is the first one's where none is given.

    Whole numbers from 0 to 255 stay bytes. Raises `InvalidInput`, `TooLarge`.
    """
    listed = listed_instances(instances, limits, "$.instances")
    reader = PictureInput(shape or shape_of(listed[0]))
    numbers = _numbers(listed, reader.shape)
    if numbers is not None and set(map(type, numbers)) == {int} and min(numbers) >= 0 and max(numbers) < 256:
        return Pictures(bytes(numbers), reader.shape, "U8")
    found = reader.read(instances, limits=limits, expecting="this training")
    _check_mixed(listed, found)
    return found


def _check_mixed(listed: Sequence[object], found: Pictures) -> None:
    """Raise `InvalidInput` for PNG files among pictures of numbers that are no bytes."""
    place = next((place for place, each in enumerate(listed) if _is_file(each)), None)
    if place is None or found.dtype == "U8":
        return
    import numpy as np

    from ml_core.preprocessing.pixel_numbers import PixelNumbers

    array = np.frombuffer(found.packed, "<f4").reshape(-1, *found.shape)
    numbers = PixelNumbers.of(array)
    if not numbers.are_bytes:
        raise InvalidInput.at(
            f"$.instances[{place}]",
            f"a PNG file holds bytes from 0 to 255, and other instances {numbers.words()} that are not all "
            "whole and within them: send all in one form",
        )


def _is_file(instance: object) -> bool:
    encoded = instance.get("image", instance) if isinstance(instance, dict) else None
    return isinstance(encoded, dict) and encoded.get(DTYPE) is None


class _PictureBuffer:
    """Pictures of one shape in one buffer: bytes as long as all are."""

    def __init__(self) -> None:
        self.packed = bytearray()
        self.dtype = "U8"

    def add(self, picture: Pictures) -> None:
        """Put a picture behind the others."""
        if picture.dtype == "F32" and self.dtype == "U8":
            whole, self.packed, self.dtype = self.packed, bytearray(), "F32"
            self._add_widened(whole)
        if picture.dtype == self.dtype:
            self.packed += picture.packed
        else:
            self._add_widened(picture.packed)

    def _add_widened(self, whole: bytes | bytearray | memoryview) -> None:
        for begin in range(0, len(whole), _WIDENED):
            self.packed += pack32(list(whole[begin : begin + _WIDENED])) or b""


def shape_of(first: object, where: str = "$.instances[0]") -> Shape:
    """The shape of a first picture: nested lists, or a PNG file. Raises `InvalidInput`."""
    if isinstance(first, dict):
        encoded = read_encoded(first, where)
        if encoded.dtype is None:
            _check_png(encoded)
            from ml_core.pictures.png import png_shape

            return png_shape(encoded.data, encoded.where)
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


def _check_png(encoded: Encoded) -> None:
    """Raise `InvalidInput` for what is no PNG file, before numpy is imported."""
    if encoded.data[: len(_PNG)] != _PNG:
        message = "expected a PNG file; say the dtype of raw numbers, and send JPEG files as PNG"
        raise InvalidInput.at(encoded.where, message)


def _numbers(listed: Sequence[object], shape: Shape) -> list[Any] | None:
    """All numbers of nested or flat lists in a row; None where one is not of the shape."""
    level: list[Any] = list(listed)
    if set(map(type, level)) == {list} and set(map(len, level)) == {prod(shape)}:
        flat = list(chain.from_iterable(level))
        if list not in set(map(type, flat)):
            return flat
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
    if list not in set(map(type, instance)):
        yield from _faults_of_flat(instance, prod(shape), where, expected)
        return
    if len(instance) != height:
        yield Fault(where, f"{expected}; this has {len(instance)} rows of pixels")
        return
    for y, row in enumerate(instance):
        if isinstance(row, list) and len(row) == width:
            for x, pixel in enumerate(row):
                yield from _faults_of_pixel(pixel, channels, f"{where}[{y}][{x}]")
        else:
            got = f"{len(row)} pixels" if isinstance(row, list) else shown(row)
            yield Fault(f"{where}[{y}]", f"{expected}; this row has {got}")


def _faults_of_flat(numbers: list[object], count: int, where: str, expected: str) -> Iterator[Fault]:
    if len(numbers) != count:
        yield Fault(where, f"{expected}, {count} numbers where they are flat; got {len(numbers)}")
        return
    for index, number in enumerate(numbers):
        if told := wrong_number32(number):
            yield Fault(f"{where}[{index}]", told)


def _faults_of_pixel(pixel: object, channels: int, where: str) -> Iterator[Fault]:
    if channels == 1 and not isinstance(pixel, list):
        if told := wrong_number32(pixel):
            yield Fault(where, told)
    elif not isinstance(pixel, list) or len(pixel) != channels:
        got = f"{len(pixel)} numbers" if isinstance(pixel, list) else shown(pixel)
        yield Fault(where, f"expected a list of {channels} numbers, got {got}")
    else:
        for channel, number in enumerate(pixel):
            if told := wrong_number32(number):
                yield Fault(f"{where}[{channel}]", told)


def _words(shape: Shape) -> str:
    height, width, channels = shape
    return f"pictures of {height} × {width} × {channels}"
