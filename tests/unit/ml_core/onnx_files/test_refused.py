"""What is refused before any runtime sees it, and where the fault is said to be."""

from __future__ import annotations

import struct
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from ml_core.errors import InvalidInput
from ml_core.onnx import protobuf as pb
from ml_core.onnx.scan import MOST_BYTES, MOST_NODES, MOST_PORTS, MOST_TENSORS, scan
from tests.unit.ml_core.onnx_files.files import (
    STRING,
    joined,
    model,
    operation,
    opset,
    port,
    relu,
    sample,
    samples,
    small_graph,
    tensor,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml_core.onnx.protobuf import Parts

DOUBLE, INT4, UINT8, INT64, COMPLEX64, BFLOAT16 = 11, 22, 2, 7, 14, 16
TWO_FLOATS = pb.content(9, struct.pack("<2f", 1.0, 2.0))


def faults(data: bytes) -> dict[str, str]:
    """What is said against a file."""
    with pytest.raises(InvalidInput) as error:
        scan(data)
    assert all(fault.path.split(".")[0].split("[")[0] == "model" for fault in error.value.faults)
    assert all(fault.message.startswith("expected ") for fault in error.value.faults)
    return {fault.path: fault.message for fault in error.value.faults}


def test_the_plain_file_is_taken() -> None:
    found = scan(model())
    assert (found.nodes, found.operators, found.numbers, found.classes) == (1, {"Relu": 1}, 0, None)


# Where a tensor can stand: what is put around one, and the path at which it is.
PLACES: dict[str, Callable[[Parts], bytes]] = {
    "model.graph.initializer[0]": lambda held: model(graph=small_graph(pb.message(5, held))),
    "model.graph.sparse_initializer[0].values": lambda held: model(
        graph=small_graph(sparse(15, values=held))
    ),
    "model.graph.sparse_initializer[0].indices": lambda held: model(
        graph=small_graph(sparse(15, indices=held))
    ),
    "model.graph.node[0].attribute[0].t": lambda held: with_attribute(pb.message(5, held)),
    "model.graph.node[0].attribute[0].tensors[0]": lambda held: with_attribute(pb.message(10, held)),
    "model.graph.node[0].attribute[0].sparse_tensor.values": lambda held: with_attribute(
        sparse(22, values=held)
    ),
    "model.graph.node[0].attribute[0].sparse_tensors[0].indices": lambda held: with_attribute(
        sparse(23, indices=held)
    ),
}


def with_attribute(*held: Parts) -> bytes:
    attribute = [*pb.text(1, "value"), *joined(*held)]
    return model(graph=small_graph(node=operation("Constant", attribute, inputs=())))


def sparse(field: int, *, values: Parts | None = None, indices: Parts | None = None) -> Parts:
    numbers = tensor(pb.content(9, struct.pack("<2q", 0, 1)), datatype=INT64)
    held = [*pb.message(1, values or tensor(TWO_FLOATS)), *pb.message(2, indices or numbers)]
    return pb.message(field, [*held, *pb.integers(3, [4])])


@pytest.mark.parametrize("path", PLACES)
def test_a_sound_tensor_is_taken_everywhere(path: str) -> None:
    scan(PLACES[path](tensor(TWO_FLOATS)))


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    "location", ["weights.bin", "/etc/passwd", "../../../etc/passwd", "*/_ORT_MEM_ADDR_/*", "", "a\0b"]
)
def test_external_data_is_refused_wherever_a_tensor_can_stand(path: str, location: str) -> None:
    named = pb.message(13, [*pb.text(1, "location"), *pb.text(2, location)])
    outside = pb.integer(14, 1)
    for held in (
        tensor(named, outside),
        tensor(named),  # a location, and the data here: which of them counts is up to the reader
        tensor(named, TWO_FLOATS),
        tensor(outside, TWO_FLOATS),
        [*named, *tensor(TWO_FLOATS)],
        [*tensor(TWO_FLOATS), *outside],
    ):
        (told,) = faults(PLACES[path](held)).items()
        assert told[0] in (f"{path}.external_data", f"{path}.data_location")
        assert "export the model into one file" in told[1]
    (where,) = faults(PLACES[path](tensor(TWO_FLOATS, pb.integer(14, 2**32 + 1))))
    assert where == f"{path}.data_location"


def numbers(field: int, code: str, count: int) -> Parts:
    return pb.content(field, struct.pack(f"<{count}{code}", *range(count)))


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("held", "message"),
    [
        (tensor(numbers(9, "f", 1)), "expected 8 bytes for the shape [2], got 4"),
        (tensor(numbers(9, "f", 3)), "expected 8 bytes for the shape [2], got 12"),
        (tensor(), "expected 2 numbers for the shape [2], got 0"),
        (tensor(numbers(4, "f", 3)), "expected 2 numbers for the shape [2], got 3"),
        (
            tensor(TWO_FLOATS, dims=[2, 10**9]),
            "expected 8000000000 bytes for the shape [2, 1000000000], got 8",
        ),
        (
            tensor(TWO_FLOATS, dims=[2**62] * 30),
            "expected an integer of 1863 bits bytes for the shape of 30 axes, ",
        ),
        (tensor(TWO_FLOATS, datatype=DOUBLE), "expected 16 bytes for the shape [2], got 8"),
        (tensor(TWO_FLOATS, datatype=UINT8), "expected 2 bytes for the shape [2], got 8"),
        (tensor(TWO_FLOATS, datatype=INT4), "expected 1 bytes for the shape [2], got 8"),
        (tensor(numbers(4, "f", 2), datatype=COMPLEX64), "expected 4 numbers for the shape [2], got 2"),
        (tensor(pb.content(6, b"a"), datatype=STRING), "expected 2 words for the shape [2], got 1"),
        (
            tensor(TWO_FLOATS, numbers(4, "f", 2)),
            "expected its elements in one field, float_data or raw_data, ",
        ),
        (
            tensor(numbers(10, "d", 2)),
            "expected its elements in one field, float_data or raw_data, got double",
        ),
        (
            tensor(TWO_FLOATS, datatype=STRING),
            "expected its elements in one field, string_data, got raw_data",
        ),
        (
            tensor(pb.content(6, b"a") * 2),
            "expected its elements in one field, float_data or raw_data, got string",
        ),
    ],
)
def test_numbers_that_do_not_fit_their_shape(path: str, held: Parts, message: str) -> None:
    told = faults(PLACES[path](held))
    assert told.keys() == {path}
    assert told[path].startswith(message)


@pytest.mark.parametrize(
    ("held", "path"),
    [
        (tensor(TWO_FLOATS, dims=[-2]), "dims[0]"),
        (tensor(TWO_FLOATS, dims=[2, 1, -1]), "dims[2]"),
        (tensor(TWO_FLOATS, dims=[1] * 33), "dims"),
        (tensor(TWO_FLOATS, datatype=0), "data_type"),
        (tensor(TWO_FLOATS, datatype=99), "data_type"),
        (tensor(TWO_FLOATS, pb.message(3, pb.integer(1, 0))), "segment"),
        (tensor(TWO_FLOATS, name="n" * 1025), "name"),
    ],
)
def test_other_faults_of_a_tensor(held: Parts, path: str) -> None:
    assert faults(model(graph=small_graph(pb.message(5, held)))).keys() == {
        f"model.graph.initializer[0].{path}"
    }


@pytest.mark.parametrize(
    "held",
    [
        tensor(dims=[0]),
        tensor(dims=[3, 0, 5]),
        tensor(pb.content(9, bytes(4)), dims=[]),
        tensor(numbers(4, "f", 2)),
        tensor(pb.float32(4, 1.0), pb.float32(4, 2.0)),  # not packed
        tensor(pb.float32(4, 1.0), numbers(4, "f", 1)),  # both
        tensor(numbers(9, "H", 2), datatype=BFLOAT16),
        tensor(numbers(4, "f", 4), datatype=COMPLEX64),
        tensor(pb.content(9, bytes(3)), dims=[5], datatype=INT4),
        tensor(pb.content(6, b"a"), pb.content(6, b"\xff"), datatype=STRING),
    ],
)
def test_other_ways_to_write_a_tensor(held: Parts) -> None:
    scan(model(graph=small_graph(pb.message(5, held))))


def test_the_zeros_of_a_sparse_tensor_are_counted() -> None:
    held = [*pb.message(1, tensor(TWO_FLOATS)), *pb.message(2, tensor(TWO_FLOATS)), *pb.integers(3, [10**9])]
    told = faults(model(graph=small_graph(pb.message(15, held))))
    assert told == {"model.graph.sparse_initializer[0]": "expected at most 33554432 elements with the zeros, "
                    "got 1000000000"}  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "domain", "field", "said"),
    [
        ("Loop", "", "op_type", "without control flow"),
        ("If", "", "op_type", "without control flow"),
        ("Scan", "ai.onnx", "op_type", "without control flow"),
        ("SequenceMap", "", "op_type", "without control flow"),
        ("RandomNormal", "", "op_type", "can be repeated"),
        ("Bernoulli", "", "op_type", "can be repeated"),
        ("Optional", "", "op_type", "take and give tensors"),
        ("ImageDecoder", "", "op_type", "take and give tensors"),
        ("Frobnicate", "", "op_type", "an operator of ai.onnx, got 'Frobnicate'"),
        ("Relu", "ai.onnx.ml", "op_type", "an operator of ai.onnx.ml, got 'Relu'"),
        ("ZipMap", "", "op_type", "an operator of ai.onnx, got 'ZipMap'"),
        ("relu", "", "op_type", "got 'relu'"),
        ("", "", "op_type", "got ''"),
        ("A" * 300, "", "op_type", "got 'AAAA"),
        ("FusedConv", "com.microsoft", "domain", "got 'com.microsoft'"),
        ("Relu", "my.own", "domain", "got 'my.own'"),
        ("FlexAttention", "ai.onnx.preview", "domain", "got 'ai.onnx.preview'"),
        ("Relu", "AI.ONNX", "domain", "got 'AI.ONNX'"),
    ],
)
def test_operators(operator: str, domain: str, field: str, said: str) -> None:
    opsets = [*opset(), *opset("ai.onnx.ml", 3), *opset("com.microsoft", 1), *opset("my.own", 1)]
    node = [*relu(), *operation(operator, domain=domain)]
    told = faults(model(graph=small_graph(node=node), opsets=opsets))
    assert told.keys() == {f"model.graph.node[1].{field}"}
    assert said in told[f"model.graph.node[1].{field}"]


@pytest.mark.parametrize(("third", "taken"), [((), True), (("",), True), (("training",), False)])
def test_dropout_draws_only_in_training(third: tuple[str, ...], taken: bool) -> None:
    data = model(graph=small_graph(node=operation("Dropout", inputs=["x", "ratio", *third])))
    if taken:
        scan(data)
    else:
        assert "training_mode" in faults(data)["model.graph.node[0].op_type"]


@pytest.mark.parametrize("field", [6, 11, 21])
def test_graphs_within_any_operator(field: int) -> None:
    told = faults(with_attribute(pb.message(field, [])))
    assert [path.rsplit(".", 1)[0] for path in told] == ["model.graph.node[0].attribute[0]"]


def test_graphs_as_deep_as_a_file_has_room_for() -> None:
    """Nothing goes down into them."""
    held: Parts = []
    for _ in range(2_000):
        held = [b"".join(pb.message(6, pb.message(1, pb.message(5, held))))]
    assert faults(with_attribute(held)).keys() == {"model.graph.node[0].attribute[0].g"}


def test_types_as_deep_as_a_file_has_room_for() -> None:
    held: Parts = []
    for _ in range(2_000):
        held = [b"".join(pb.message(4, pb.message(1, held)))]
    output = pb.message(12, [*pb.text(1, "y"), *pb.message(2, held)])
    told = faults(model(graph=joined(relu(), port(11, "x"), output)))
    assert told == {
        "model.graph.output[0].type": "expected a tensor or the maps of ZipMap, got sequence_type"
    }


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (pb.message(25, pb.text(1, "mine")), "model.functions"),
        (pb.message(20, []), "model.training_info"),
        (pb.message(7, small_graph()), "model"),  # a second graph, which protobuf would join to the first
        (pb.integer(1, 8), "model"),
        (pb.integer(99, 1), "model"),
        (pb.text(2, "p" * 300), "model.producer_name"),
        (pb.content(2, b"\xff"), "model.producer_name"),
    ],
)
def test_other_parts_of_a_model(parts: Parts, path: str) -> None:
    assert faults(model(parts)).keys() == {path}


@pytest.mark.parametrize("version", [-1, 0, 1, 2, 15, 99, 2**62])
def test_versions_of_the_file_format(version: int) -> None:
    assert faults(model(ir_version=version)) == {
        "model.ir_version": f"expected a version from 3 to 14, got {version}"
    }


@pytest.mark.parametrize(
    ("opsets", "path"),
    [
        (opset(version=99), "model.opset_import[0].version"),
        (opset(version=0), "model.opset_import[0].version"),
        (opset(version=-1), "model.opset_import[0].version"),
        ([*opset(), *opset("ai.onnx.ml", 6)], "model.opset_import[1].version"),
        ([*opset(), *opset(version=17)], "model.opset_import[1]"),
        ([*opset(), *opset("ai.onnx", 17)], "model.opset_import[1]"),
        ([*opset("ai.onnx.ml", 3)], "model.graph.node[0]"),
        ([], "model.graph.node[0]"),
        (joined(opset(), *(opset(f"d{place}", 1) for place in range(64))), "model.opset_import[64]"),
    ],
)
def test_operator_sets(opsets: Parts, path: str) -> None:
    assert faults(model(opsets=opsets)).keys() == {path}


def test_operator_sets_that_are_said_twice_or_not_used() -> None:
    opsets = [*opset(), *opset("ai.onnx"), *opset("com.microsoft", 1), *opset("ai.onnx.ml", 1)]
    assert scan(model(opsets=opsets)).opsets == {"": 18, "com.microsoft": 1, "ai.onnx.ml": 1}


X, Y = port(11, "x"), port(12, "y")
AXIS_OF_NO_TEXT = pb.message(1, [*pb.integer(1, 1), *pb.message(2, pb.message(1, pb.content(2, b"\xff")))])


@pytest.mark.parametrize(
    ("ports", "path"),
    [
        ([*X], "output"),
        ([*Y], "input"),
        ([*X, *X, *Y], "input[1].name"),
        ([*X, *Y, *Y], "output[1].name"),
        ([*port(11, ""), *Y], "input[0].name"),
        ([*port(11, "a\nb"), *Y], "input[0].name"),
        ([*port(11, "a\0"), *Y], "input[0].name"),
        ([*port(11, "a\u202eb"), *Y], "input[0].name"),
        ([*port(11, "n" * 257), *Y], "input[0].name"),
        ([*pb.message(11, pb.content(1, b"\xff")), *Y], "input[0].name"),
        ([*pb.message(11, pb.text(1, "x")), *Y], "input[0].type"),
        ([*pb.message(11, [*pb.text(1, "x"), *pb.message(2, [])]), *Y], "input[0].type"),
        ([*port(11, "x", COMPLEX64), *Y], "input[0].type.tensor_type.elem_type"),
        ([*port(11, "x", BFLOAT16), *Y], "input[0].type.tensor_type.elem_type"),
        ([*port(11, "x", 0), *Y], "input[0].type.tensor_type.elem_type"),
        ([*port(11, "x", axes=[1] * 33), *Y], "input[0].type.tensor_type.shape"),
        (
            [*pb.message(11, [*pb.text(1, "x"), *pb.message(2, AXIS_OF_NO_TEXT)]), *Y],
            "input[0].type.tensor_type.shape.dim[0].dim_param",
        ),
        ([*X, *Y, *pb.content(2, b"\xff")], "name"),
        ([*X, *Y, *pb.message(13, pb.content(1, b"\xff"))], "value_info[0].name"),
        ([*X, *port(12, "y", 99)], "output[0].type.tensor_type.elem_type"),
    ],
)
def test_inputs_and_outputs(ports: Parts, path: str) -> None:
    assert faults(model(graph=joined(relu(), ports))).keys() == {f"model.graph.{path}"}


MAP = pb.message(5, [*pb.integer(1, 7), *pb.message(2, pb.message(1, pb.integer(1, 1)))])
MAPS = pb.message(4, pb.message(1, MAP))
TENSOR = pb.message(1, pb.integer(1, 1))


@pytest.mark.parametrize(
    "kind",
    [
        MAP,  # alone
        pb.message(4, pb.message(1, TENSOR)),  # a sequence of tensors
        pb.message(4, pb.message(1, MAPS)),
        pb.message(
            4, pb.message(1, pb.message(5, [*pb.integer(1, 1), *pb.message(2, TENSOR)]))
        ),  # from float
        pb.message(4, pb.message(1, pb.message(5, [*pb.integer(1, 7), *pb.message(2, MAPS)]))),
        pb.message(4, []),
        pb.message(9, pb.message(1, TENSOR)),  # optional
        pb.message(8, pb.integer(1, 1)),  # sparse
        pb.message(7, pb.text(1, "opaque")),
        [*TENSOR, *MAPS],  # of several, readers take the last
    ],
)
def test_types_that_are_no_tensor(kind: Parts) -> None:
    def graph(place: int) -> Parts:
        ports = [X, Y]
        ports[place] = pb.message(11 + place, [*pb.text(1, "xy"[place]), *pb.message(2, kind)])
        return joined(relu(), *ports)

    assert faults(model(graph=graph(0))).keys() == {"model.graph.input[0].type"}
    assert faults(model(graph=graph(1))).keys() == {"model.graph.output[0].type"}


def test_maps_are_an_output_and_no_input() -> None:
    as_output = joined(relu(), X, pb.message(12, [*pb.text(1, "y"), *pb.message(2, MAPS)]))
    assert scan(model(graph=as_output)).outputs[0].datatype == "MAPS"
    as_input = joined(relu(), pb.message(11, [*pb.text(1, "x"), *pb.message(2, MAPS)]), Y)
    assert faults(model(graph=as_input)).keys() == {"model.graph.input[0].type"}


def test_shapes() -> None:
    shapes: dict[str, tuple[list[int | str | None] | None, tuple[int | None, ...] | None]] = {
        "a": (None, None), "b": ([], ()), "c": (["N", None, 3, -1, 0], (None, None, 3, None, 0)),
    }  # fmt: skip
    ports = joined(*(port(11, name, axes=axes) for name, (axes, _) in shapes.items()))
    found = scan(model(graph=joined(relu(), ports, Y)))
    assert {each.name: each.shape for each in found.inputs} == {
        name: told for name, (_, told) in shapes.items()
    }


def test_names_are_texts_and_nothing_else() -> None:
    name = '../../etc/passwd "%s" <b> {0} $(id) ü'
    assert scan(model(graph=joined(relu(), port(11, name), Y))).inputs[0].name == name


def test_numbers_of_parts() -> None:
    for most, many, field in (
        (MOST_NODES, relu(), "node"),
        (MOST_TENSORS, pb.message(5, tensor(dims=[0])), "initializer"),
    ):
        held: Parts = [b"".join(many) * (most - (field == "node"))]
        scan(model(graph=small_graph(held)))
        told = faults(model(graph=small_graph([*held, *many])))
        assert told == {f"model.graph.{field}": f"expected at most {most:,}, got more"}
    inputs = joined(*(port(11, f"x{place}") for place in range(MOST_PORTS)))
    scan(model(graph=joined(relu(), inputs, Y)))
    assert faults(model(graph=joined(relu(), inputs, X, Y))).keys() == {"model.graph.input"}


def test_a_million_nodes() -> None:
    told = faults(model(graph=small_graph([b"".join(relu()) * 1_000_000])))
    assert told == {"model.graph.node": "expected at most 20,000, got more"}


@pytest.mark.parametrize(
    ("field", "path"),
    [(1, "input[1]"), (2, "output[1]"), (3, "name"), (4, "op_type"), (7, "domain")],
)
def test_names_of_a_node_are_texts(field: int, path: str) -> None:
    """Else a runtime's messages are none, and what reads them fails at them."""
    held = [*pb.text(1, "x"), *pb.text(2, "y")]
    for name in (b"a\xff", b"\xed\xa0\x80", b"n" * 1025):
        node = pb.message(1, [*held, *pb.content(field, name)])
        assert faults(model(graph=small_graph(node=node))).keys() >= {f"model.graph.node[0].{path}"}


def test_attributes_and_edges_of_a_node() -> None:
    many = operation("Concat", *(pb.text(1, f"a{place}") for place in range(101)))
    assert faults(model(graph=small_graph(node=many))).keys() == {"model.graph.node[0]"}
    twice = operation("Concat", pb.text(1, "axis"), pb.text(1, "axis"))
    assert faults(model(graph=small_graph(node=twice))).keys() == {"model.graph.node[0].attribute[1]"}
    wide = operation("Concat", inputs=["x"] * 20_001)
    assert faults(model(graph=small_graph(node=wide))).keys() == {"model.graph.node[0]"}


@pytest.mark.parametrize(
    "data", [b"", b"\x08\x08", b"PK\x03\x04", b"{}", b"\x93NUMPY", bytes(1000), b"\x0b" * 99]
)
def test_what_is_no_model(data: bytes) -> None:
    assert faults(data).keys() == {"model"}


def test_what_is_too_large() -> None:
    assert faults(bytes(MOST_BYTES + 1)) == {"model": "expected at most 134,217,728 bytes, got 134,217,729"}


def test_all_faults_are_told_up_to_a_number() -> None:
    nodes = joined(*(operation("Loop") for _ in range(3)), *(operation("Relu", domain="x") for _ in range(2)))
    told = faults(model(graph=joined(nodes, port(11, "x", 0), Y), ir_version=99, opsets=opset(version=99)))
    assert len(told) == 8
    with pytest.raises(InvalidInput) as error:
        scan(model(graph=small_graph([b"".join(operation("Loop")) * 1_000])))
    assert (len(error.value.faults), error.value.omitted) == (20, 1)


@pytest.mark.parametrize("name", samples())
def test_what_is_cut_or_changed_ends_in_faults_or_a_graph(name: str) -> None:
    """And in nothing else; fuzzing goes on from here."""
    whole = sample(name)
    chance = Random(name)  # noqa: S311
    for _ in range(200):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        for case in (bytes(data), whole[: chance.randrange(len(whole))]):
            with suppress(InvalidInput):
                scan(case)
