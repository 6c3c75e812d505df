"""The tables of messages are those of onnx.proto, and what two readers could take in two ways is refused."""

from typing import Any

import onnx
import pytest
from onnx import defs

from ml_core.errors import InvalidInput
from ml_core.onnx import messages
from ml_core.onnx import protobuf as pb
from ml_core.onnx.messages import Message, read
from ml_core.onnx.operators import ALLOWED, DECODERS, ONNX, ONNX_ML, OPSETS, OPTIONAL, RANDOM, WITH_GRAPHS
from ml_core.onnx.ports import DATATYPES
from ml_core.onnx.scan import IR_VERSIONS
from ml_core.onnx.wire_format import FIXED32, FIXED64, LENGTH, VARINT, WireReader

MESSAGES = [each for each in vars(messages).values() if isinstance(each, Message)]
# What descriptor.proto calls them, as wire types and bits.
WIRES = {
    1: (FIXED64, 64),
    2: (FIXED32, 64),
    3: (VARINT, 64),
    4: (VARINT, 64),
    5: (VARINT, 32),
    14: (VARINT, 32),
}


def descriptor(message: Message) -> Any:
    found: Any = onnx
    for name in message.name.split("."):
        found = getattr(found, name)
    return found.DESCRIPTOR


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_fields_are_those_of_onnx_proto(message: Message) -> None:
    expected = {each.number: each for each in descriptor(message).fields}
    assert {number: field.name for number, field in message.fields.items()} == {
        number: field.name for number, field in expected.items()
    }
    for number, field in message.fields.items():
        assert field.kind.repeated == expected[number].is_repeated
        wire, bits = WIRES.get(expected[number].type, (LENGTH, 64))
        assert field.kind.wire == wire
        if wire == VARINT and not field.kind.repeated:
            assert field.kind.bits == bits


def test_nothing_that_holds_a_tensor_or_a_graph_is_passed_over() -> None:
    """Of the messages without a table none leads to a tensor, a node or a graph, unless it is refused."""
    known = {descriptor(message).full_name for message in MESSAGES}
    left_out: list[Any] = [
        field.message_type
        for message in MESSAGES
        for field in descriptor(message).fields
        if field.message_type and field.message_type.full_name not in known
    ]
    seen: set[str] = set()
    while left_out:
        each = left_out.pop()
        if each.name in ("FunctionProto", "TrainingInfoProto") or each.full_name in seen:
            continue  # they are refused as such
        seen.add(each.full_name)
        inner = [field.message_type for field in each.fields if field.message_type]
        assert not {found.name for found in inner} & {
            "TensorProto",
            "NodeProto",
            "GraphProto",
            "AttributeProto",
        }
        left_out += inner


def test_the_latest_versions_are_those_that_onnx_has() -> None:
    assert IR_VERSIONS[1] == onnx.IR_VERSION
    assert OPSETS[ONNX][1] == defs.onnx_opset_version()
    assert OPSETS[ONNX_ML][1] == defs.onnx_ml_opset_version()


@pytest.mark.parametrize("domain", [ONNX, ONNX_ML])
def test_every_operator_is_decided_on(domain: str) -> None:
    """Those with graphs, with optional values and at random are not allowed, nor are any that onnx lacks."""
    schemas = [schema for schema in defs.get_all_schemas_with_history() if schema.domain == domain]
    kinds = (defs.OpSchema.AttrType.GRAPH, defs.OpSchema.AttrType.GRAPHS)
    with_graphs = {s.name for s in schemas for a in s.attributes.values() if a.type in kinds}
    seeded = {s.name for s in schemas if "seed" in s.attributes} - {"Dropout"}
    optional = {s.name for s in schemas if s.name.startswith("Optional")}
    refused = WITH_GRAPHS | RANDOM | OPTIONAL | DECODERS if domain == ONNX else frozenset()
    assert {s.name for s in schemas} == ALLOWED[domain] | refused
    assert not ALLOWED[domain] & (with_graphs | seeded | optional | refused)
    assert with_graphs <= refused
    assert seeded <= refused


def test_datatypes_are_named_as_onnx_numbers_them() -> None:
    names = {"FP32": "FLOAT", "FP16": "FLOAT16", "FP64": "DOUBLE", "BYTES": "STRING"}
    for number, name in DATATYPES.items():
        assert onnx.TensorProto.DataType.Name(number) == names.get(name, name)


def fields(message: Message, data: bytes) -> list[str]:
    return [name for name, _ in read(WireReader(), memoryview(data), message, "model")]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_field_that_stands_once_may_not_stand_twice(message: Message) -> None:
    """One reader takes the last of them, and another joins them."""
    for number, (name, kind) in message.fields.items():
        once = written(number, kind.wire)
        assert fields(message, once) == [name]
        if kind.repeated:
            assert set(fields(message, once + once)) == {name}
            continue
        for between in (b"", other(message, number)):
            with pytest.raises(InvalidInput, match=f"^model: expected {name} once, got it several times$"):
                fields(message, once + between + once)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_a_field_of_another_wire_type_is_refused(message: Message) -> None:
    """Most readers pass it over, as one that they do not know."""
    for number, (name, kind) in message.fields.items():
        for wire in {VARINT, FIXED32, FIXED64, LENGTH} - {kind.wire}:
            if wire == LENGTH and kind.repeated:
                continue  # numbers that are packed
            with pytest.raises(InvalidInput, match=rf"^model\.{name}: expected another wire type"):
                fields(message, written(number, wire))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_unknown_fields_are_refused(message: Message) -> None:
    for number in {*range(1, 40), 1000} - message.fields.keys():
        with pytest.raises(
            InvalidInput, match=f"^model: expected the fields of {message.name}, got one with "
        ):
            fields(message, written(number, VARINT))


@pytest.mark.parametrize("number", [2**31, 2**32 + 1, 2**63 - 1, -(2**31) - 1])
def test_integers_of_32_bits_are_not_cut(number: int) -> None:
    """As a data_location of 2³² + 1 would be, which is external data to those that cut it."""
    for message in MESSAGES:
        for place, (name, kind) in message.fields.items():
            if kind.wire == VARINT and not kind.repeated and kind.bits == 32:
                with pytest.raises(InvalidInput, match=rf"^model\.{name}: expected an integer of 32 bits"):
                    fields(message, pb.joined(pb.integer(place, number)))


def written(number: int, wire: int) -> bytes:
    tag = pb.joined(pb.integer(number, 0))[:-1]
    tag = bytes([tag[0] | wire]) + tag[1:]
    return tag + {VARINT: b"\x01", FIXED32: bytes(4), FIXED64: bytes(8), LENGTH: b"\0"}[wire]


def other(message: Message, number: int) -> bytes:
    """Another field of the message, if it has one."""
    for each, (_, kind) in message.fields.items():
        if each != number:
            return written(each, kind.wire)
    return b""
