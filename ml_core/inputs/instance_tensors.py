"""Pictures, sequences and texts from the Open Inference Protocol's tensors.

Pictures are one tensor `[pictures, height, width, channels]` of numbers, or `[pictures]` of BYTES, which are
PNG files (in JSON in base64). Sequences are one tensor `[sequences, steps, channels]`; where they are of
different lengths, a second one, `lengths`, says how many steps each has, and what comes after them is not
looked at. Texts are BYTES `[texts]` or `[texts, 1]`. Numbers come in any numeric datatype and become float32.
"""

import binascii
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

from ml_core.errors import Fault, InvalidInput, TooLarge, raise_faults, shown
from ml_core.inputs.arrays import Pictures, Sequences, check_numbers, check_steps
from ml_core.inputs.encoded import Encoded
from ml_core.inputs.float32 import is_finite32, pack32, wrong_number32
from ml_core.inputs.instances import IGNORED, LEAVE_OUT, TENSOR_CODES, TENSOR_DATATYPES, fits
from ml_core.inputs.kinds import IMAGE, SEQUENCE, TENSORS, TEXT
from ml_core.inputs.rows import Limits
from ml_core.inputs.tensors import InputTensor, bytes_elements, text_elements

if TYPE_CHECKING:
    from ml_core.inputs.notes import Notes
    from ml_core.preprocessing.instance_input import InstanceInput
    from ml_core.preprocessing.picture_input import PictureInput
    from ml_core.preprocessing.sequence_input import SequenceInput
    from ml_core.preprocessing.text_input import TextInput

LENGTHS = "lengths"
_WHOLE = tuple(datatype for datatype in TENSOR_DATATYPES if "INT" in datatype)
_BYTES = "BYTES"
_FLOATS = frozenset("dfe")


def described_tensors(reader: "InstanceInput") -> list[dict[str, Any]]:
    """The input tensors of a model, as its metadata has them."""
    if reader.kind == TENSORS:
        graph: Any = reader
        told: list[dict[str, Any]] = graph.described_tensors()
        return told
    spec = reader.spec
    tensor: dict[str, Any] = {"name": spec.name, "datatype": spec.datatype, "shape": [-1, *spec.shape]}
    if reader.kind == TEXT:
        return [{**tensor, "parameters": {"content_type": "str"}}]
    taken = {"content_type": "np", "datatypes": ",".join(TENSOR_DATATYPES)}
    if reader.kind == IMAGE:
        files = {"files": "PNG, as BYTES [-1]"} if reader.takes_files else {}  # type: ignore[union-attr]
        return [{**tensor, "parameters": {**taken, **files}}]
    lengths = {"name": LENGTHS, "datatype": "INT64", "shape": [-1]}
    more = {"content_type": "np", "datatypes": ",".join(_WHOLE), "optional": True}
    return [{**tensor, "parameters": taken}, {**lengths, "parameters": more}]


def instances_from_tensors(
    reader: "InstanceInput",
    tensors: Sequence[InputTensor],
    limits: Limits,
    *,
    expecting: str,
    unknown: str = LEAVE_OUT,
    notes: "Notes | None" = None,
) -> Pictures | Sequences:
    """What a model is asked with. A tensor that comes alone may have any name.

    `unknown` is what a refusal advises about another tensor, or `IGNORED`. Raises `InvalidInput`, `TooLarge`.
    """
    if reader.kind == TENSORS:
        graph: Any = reader
        found: Sequences = graph.of_tensors(tensors, limits, expecting=expecting, unknown=unknown)
        return found
    place = _place(reader, tensors, expecting, unknown)
    named = [index for index, each in enumerate(tensors) if each.name == LENGTHS and index != place]
    return instances_from_tensor(
        reader,
        tensors[place],
        limits,
        where=f"$.inputs[{place}]",
        expecting=expecting,
        notes=notes,
        lengths=(tensors[named[0]], f"$.inputs[{named[0]}]") if named else None,
    )


def instances_from_tensor(
    reader: "InstanceInput",
    tensor: InputTensor,
    limits: Limits,
    *,
    where: str,
    expecting: str,
    notes: "Notes | None" = None,
    lengths: tuple[InputTensor, str] | None = None,
) -> Pictures | Sequences:
    """What the tensor at `where` holds; `lengths` of sequences are another one, and where it is.

    Raises `InvalidInput`, `TooLarge`.
    """
    if reader.kind == TENSORS:
        graph: Any = reader
        alone: Sequences = graph.of_tensors([tensor], limits, where=where, expecting=expecting)
        return alone
    _check_count(tensor, where, limits)
    if reader.kind == TEXT:
        return _texts(reader, tensor, where, expecting, notes)  # type: ignore[arg-type]  # as its kind says
    if reader.kind == IMAGE:
        check_numbers(tensor.shape[0], reader.shape, limits.max_picture_numbers, where)  # type: ignore[union-attr]
        pictures = _pictures(reader, tensor, where, expecting)  # type: ignore[arg-type]
        reader.note(pictures, notes, lambda row: f"{where}.data[{row}]")  # type: ignore[union-attr]
        return pictures
    steps = None if lengths is None else _lengths(lengths[0], tensor, lengths[1])
    return _sequences(reader, tensor, steps, where, expecting=expecting, notes=notes)  # type: ignore[arg-type]


def _place(reader: "InstanceInput", tensors: Sequence[InputTensor], expecting: str, unknown: str) -> int:
    """Where the instances are: what is called so, or what is there alone."""
    more = {LENGTHS} if reader.kind == SEQUENCE else set()
    places = [place for place, tensor in enumerate(tensors) if tensor.name not in more]
    names = {reader.spec.name, *(reader.features if reader.kind != SEQUENCE else ())}
    called = [place for place in places if tensors[place].name in names]
    found = places if len(places) == 1 else called
    expected = f"{expecting} expects one tensor, {shown(reader.spec.name)}"
    if not found:
        raise InvalidInput.at("$.inputs", f"{expected}; got none of that name")
    counted = [tensor.name for tensor in tensors]

    def others() -> Iterator[Fault]:
        for place, name in enumerate(counted):
            if name in more or place == found[0]:
                if counted.index(name) != place:
                    yield Fault(f"$.inputs[{place}].name", f"{shown(name)} is there twice")
            elif place in called:
                yield Fault(f"$.inputs[{place}].name", f"{expected}; {shown(name)} is a second one")
            elif unknown is not IGNORED:
                yield Fault(f"$.inputs[{place}].name", f"{expected}; it has no {shown(name)}: {unknown}")

    raise_faults(others())
    return found[0]


def _check_count(tensor: InputTensor, where: str, limits: Limits) -> None:
    count = tensor.shape[0] if tensor.shape else 0
    if not count:
        raise InvalidInput.at(
            f"{where}.shape", f"expected at least one instance, got {_listed(tensor.shape)}"
        )
    if count > limits.max_rows:
        raise TooLarge(f"{where}.shape has {shown(count)} instances; at most {limits.max_rows} are taken")


def _texts(
    reader: "TextInput", tensor: InputTensor, where: str, expecting: str, notes: "Notes | None"
) -> Sequences:
    if tensor.datatype != _BYTES:
        raise InvalidInput.at(f"{where}.datatype", f"{expecting} takes BYTES, got {shown(tensor.datatype)}")
    _check_shape(tensor, [(), (1,)], where, f"{expecting} expects texts")
    if isinstance(tensor.data, bytes):
        cells: list[Any] = text_elements(tensor.data, where)
        _check_elements(cells, tensor, where)
    else:
        cells = _flat(tensor.data, tensor.shape, where)
    path = _path_in(tensor, where)
    return reader.of_columns([cells], lambda _, row: path(row), where, expecting=expecting, notes=notes)


def _pictures(reader: "PictureInput", tensor: InputTensor, where: str, expecting: str) -> Pictures:
    height, width, channels = reader.shape
    if tensor.datatype == _BYTES:
        reader.check_files(f"{where}.datatype", expecting)
        _check_shape(tensor, [(), (1,)], where, f"{expecting} expects BYTES as PNG files")
        return reader.of_files(_files(tensor, where), f"{where}.data", expecting)
    shapes = [(height, width, channels)] + ([(height, width)] if channels == 1 else [])
    hint = "the channels come last" if tuple(tensor.shape[1:]) == (channels, height, width) else ""
    _check_shape(tensor, shapes, where, f"{expecting} expects pictures", hint)
    count = prod(tensor.shape)
    if tensor.datatype == "UINT8":
        packed = _raw(tensor, where)
        return Pictures(packed, reader.shape, "U8", f"{where}.data")
    return Pictures(_float32(tensor, where, [(0, count)]), reader.shape, "F32", f"{where}.data")


def _files(tensor: InputTensor, where: str) -> list[Encoded]:
    """The bytes of files, raw or in base64."""
    path = _path_in(tensor, where)
    if isinstance(tensor.data, bytes):
        elements: list[Any] = bytes_elements(tensor.data, where)
        _check_elements(elements, tensor, where)
        return [Encoded(data, None, path(index)) for index, data in enumerate(elements)]
    texts = _flat(tensor.data, tensor.shape, where)
    files: list[Encoded] = []

    def read() -> Iterator[Fault]:
        for index, text in enumerate(texts):
            try:
                data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
                files.append(Encoded(data, None, path(index)))
            except (AttributeError, UnicodeEncodeError, binascii.Error):
                yield Fault(path(index), f"expected a PNG file in base64, got {shown(text)}")

    raise_faults(read())
    return files


def _lengths(lengths: InputTensor, tensor: InputTensor, where: str) -> list[int]:
    """How many steps each sequence has."""
    if lengths.datatype not in _WHOLE:
        raise InvalidInput.at(
            f"{where}.datatype", f"expected whole numbers, such as INT64, got {shown(lengths.datatype)}"
        )
    count = tensor.shape[0]
    if list(lengths.shape) not in ([count], [count, 1]):
        raise InvalidInput.at(
            f"{where}.shape",
            f"expected [{count}], a length for each sequence of {shown(tensor.name)}, got "
            f"{_listed(lengths.shape)}",
        )
    steps = tensor.shape[1] if len(tensor.shape) > 1 else 0
    found: list[int] = [*struct.unpack(f"<{count}{TENSOR_CODES[lengths.datatype]}", _raw(lengths, where))]
    path = _path_in(lengths, where)
    raise_faults(
        Fault(
            path(row), f"expected a length from 1 to {steps}, the steps of {shown(tensor.name)}; got {length}"
        )
        for row, length in enumerate(found)
        if not 1 <= length <= steps
    )
    return found


def _sequences(
    reader: "SequenceInput",
    tensor: InputTensor,
    lengths: list[int] | None,
    where: str,
    *,
    expecting: str,
    notes: "Notes | None",
) -> Sequences:
    width = len(reader.features)
    rest = tuple(tensor.shape[1:])
    steps = rest[0] if rest else 0
    if not steps or rest not in ((steps, width), *([(steps,)] if width == 1 else [])):
        hint = "; the channels come last" if len(rest) == 2 and rest[0] == width else ""
        raise InvalidInput.at(
            f"{where}.shape",
            f"{expecting} expects sequences [-1, -1, {width}] with at least one step, got "
            f"{_listed(tensor.shape)}{hint}",
        )
    counted = lengths or [steps] * tensor.shape[0]
    check_steps(sum(counted), where)
    step = steps * width
    kept = [(row * step, row * step + length * width) for row, length in enumerate(counted)]
    found = Sequences(_float32(tensor, where, kept), width, counted, "F32", where)
    return reader.cut(found, notes, lambda row: f"{where}.data[{row}]")


def _check_shape(
    tensor: InputTensor, shapes: Iterable[tuple[int, ...]], where: str, expected: str, hint: str = ""
) -> None:
    """Raise `InvalidInput` unless a tensor of instances is of one of the shapes."""
    shapes = [*shapes]
    if tuple(tensor.shape[1:]) not in shapes:
        named = " or ".join(_listed([-1, *shape]) for shape in shapes)
        got = f"got {_listed(tensor.shape)}" + (f"; {hint}" if hint else "")
        raise InvalidInput.at(f"{where}.shape", f"{expected}, {named}; {got}")


def _listed(shape: Iterable[int]) -> str:
    return f"[{', '.join(map(shown, shape))}]"


def _check_elements(elements: list[Any], tensor: InputTensor, where: str) -> None:
    if len(elements) != prod(tensor.shape):
        raise InvalidInput.at(
            where, f"its shape tells of {prod(tensor.shape)} values, its data holds {len(elements)}"
        )


def _float32(tensor: InputTensor, where: str, kept: Sequence[tuple[int, int]]) -> bytes:
    """The numbers of the ranges as float32, rounded to the tensor's datatype first; others are left out."""
    code = _code(tensor, where)
    is_whole = list(kept) == [(0, prod(tensor.shape))]  # then nothing is copied
    if isinstance(tensor.data, bytes):
        raw = _raw(tensor, where)
        size = struct.calcsize(f"<{code}")
        if not is_whole:
            raw = b"".join(raw[begin * size : end * size] for begin, end in kept)
    else:
        flat = _flat(tensor.data, tensor.shape, where)
        numbers = flat if is_whole else [*chain.from_iterable(flat[begin:end] for begin, end in kept)]
        raw = _packed(numbers, code, lambda index: _path_in(tensor, where)(_within(kept, index)))
    if code == "f" and is_finite32(raw):
        return raw
    count = sum(end - begin for begin, end in kept)
    found = struct.unpack(f"<{count}{code}", raw)
    packed = pack32(found)
    if packed is None:
        path = _path_in(tensor, where)
        raise InvalidInput(
            Fault(path(_within(kept, index)), told)
            for index, number in enumerate(found)
            if (told := wrong_number32(number))
        )
    return packed


def _within(kept: Sequence[tuple[int, int]], index: int) -> int:
    """Where in the tensor the number of the ranges stands."""
    for begin, end in kept:
        if index < end - begin:
            return begin + index
        index -= end - begin
    raise IndexError(index)


def _raw(tensor: InputTensor, where: str) -> bytes:
    """The bytes of a tensor of numbers, as a binary request has them. Raises `InvalidInput`."""
    code = _code(tensor, where)
    count = prod(tensor.shape)
    if not isinstance(tensor.data, bytes):
        return _packed(_flat(tensor.data, tensor.shape, where), code, _path_in(tensor, where))
    needed = count * struct.calcsize(f"<{code}")
    if len(tensor.data) != needed:
        raise InvalidInput.at(
            where, f"{count} values of {tensor.datatype} need {needed} bytes, got {len(tensor.data)}"
        )
    return tensor.data


def _code(tensor: InputTensor, where: str) -> str:
    code = TENSOR_CODES.get(tensor.datatype)
    if code is None:
        expected = ", ".join(TENSOR_CODES)
        raise InvalidInput.at(
            f"{where}.datatype", f"expected one of {expected}, got {shown(tensor.datatype)}"
        )
    return code


def _packed(numbers: list[Any], code: str, path: Callable[[int], str]) -> bytes:
    """JSON's numbers as the raw bytes of a datatype. Raises `InvalidInput`."""
    takes: frozenset[type] = frozenset({int, float} if code in _FLOATS else {int})
    if set(map(type, numbers)) <= takes:
        try:
            return struct.pack(f"<{len(numbers)}{code}", *numbers)
        except (struct.error, OverflowError):  # past the range of the datatype: found below, one by one
            pass
    raise InvalidInput(
        Fault(path(index), f"not a number of the tensor's datatype: {shown(number)}")
        for index, number in enumerate(numbers)
        if not fits(number, code, takes)
    )


def _flat(data: list[Any], shape: Sequence[int], where: str) -> list[Any]:
    """The values of a tensor in JSON, which are flat or nested as its shape says. Raises `InvalidInput`."""
    if list not in set(map(type, data)):
        if len(data) != prod(shape):
            raise InvalidInput.at(f"{where}.data", f"expected {prod(shape)} values, got {len(data)}")
        return data
    level, done = [data], 0
    for length in shape:
        raise_faults(_wrong_lists(level, length, shape[:done], f"{where}.data"))
        level, done = [*chain.from_iterable(level)], done + 1
    return level


def _wrong_lists(level: list[Any], length: int, axes: Sequence[int], where: str) -> Iterator[Fault]:
    """What of a level of nested lists is no list of that length."""
    for index, each in enumerate(level):
        if not isinstance(each, list) or len(each) != length:
            got = f"{len(each)}" if isinstance(each, list) else shown(each)
            yield Fault(f"{where}{_place_in(index, axes)}", f"expected a list of {length}, got {got}")


def _place_in(index: int, axes: Sequence[int]) -> str:
    """Where an element of nested lists stands, of which the outermost has `axes[0]` and so on."""
    places: list[int] = []
    for length in reversed(axes):
        index, place = divmod(index, length)
        places.append(place)
    return "".join(f"[{place}]" for place in reversed(places))


def _path_in(tensor: InputTensor, where: str) -> Callable[[int], str]:
    """The path of a value by its number: in JSON as it was nested, among raw ones by the tensor's axes."""
    flat = not isinstance(tensor.data, bytes) and list not in set(map(type, tensor.data))
    axes = [prod(tensor.shape)] if flat else tensor.shape
    return lambda index: f"{where}.data{_place_in(index, axes)}"
