"""A call's bytes become an answer's, whatever the call, the storage and the graph are."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from onnx import TensorProto

from ml_core import safetensors
from ml_core.digests import sha256 as digest_of
from ml_core.graphs.call import (
    ADDRESS,
    DAMAGED,
    FAILED,
    MEMORY,
    REFUSED,
    TIMEOUT,
    UNREACHABLE,
    GraphCall,
    GraphFailure,
    GraphTensor,
    read_answer,
    write_call,
)
from ml_core.model import artifact
from ml_core.running import answering
from ml_core.running.addresses import ArtifactAddresses
from ml_core.running.answering import GraphFunction, graph_of
from ml_core.running.children import GraphChildren
from ml_core.running.graph_process import Allowance
from tests.unit.ml_core.running.graphs import (
    NAMES,
    artifact_of,
    doubling,
    endless,
    huge,
    numbers,
    passes_on,
    plus,
    sample,
    tensor,
    values,
)
from tests.unit.ml_core.running.storage import Storage, running_storage


@pytest.fixture
def storage() -> Iterator[Storage]:
    with running_storage() as storage:
        yield storage


@pytest.fixture
def children() -> Iterator[GraphChildren]:
    children = GraphChildren(Allowance(256 << 20), 1 << 30)
    yield children
    children.close()


@pytest.fixture
def function(storage: Storage, children: GraphChildren) -> GraphFunction:
    return GraphFunction(ArtifactAddresses(storage.place), children)


def call_of(
    storage: Storage, file: bytes, inputs: dict[str, GraphTensor], key: str = "01", seconds: float = 30.0
) -> GraphCall:
    """A call of a graph that the storage has."""
    data, sha256 = artifact_of(file)
    return storage.call(data, sha256, inputs, key=f"{key}.safetensors", seconds=seconds)


def reason_of(function: GraphFunction, call: GraphCall | bytes) -> str:
    """Why there is no answer, as the other side reads it."""
    reply = function.answer(call if isinstance(call, bytes) else write_call(call))
    with pytest.raises(GraphFailure) as caught:
        read_answer(reply.payload)
    assert caught.value.reason == reply.reason
    assert "secret" not in reply.payload.decode()
    assert not reply.cold
    return caught.value.reason


@pytest.mark.parametrize("name", [name for name in NAMES if "cnn" not in name])
def test_a_sample_is_answered_cold_and_warm(storage: Storage, function: GraphFunction, name: str) -> None:
    file, inputs, expected = sample(name)
    call = call_of(storage, file, inputs)
    for cold in (True, False):
        reply = function.answer(write_call(call))
        outputs, told = read_answer(reply.payload)
        assert (reply.reason, reply.sha256, reply.cold, told) == (None, call.sha256, cold, cold)
        assert {output: got.shape for output, got in outputs.items()} == {
            output: got.shape for output, got in expected.items()
        }
    assert len(storage.asked) == 1


def test_a_new_address_of_a_warm_model_costs_one_byte(storage: Storage, function: GraphFunction) -> None:
    call = call_of(storage, plus(1), numbers(1))
    for turn in range(3):
        asked = call._replace(url=f"{call.url}{turn}")
        assert function.answer(write_call(asked)).reason is None
    assert [span for _, span in storage.asked] == [None, "bytes=0-0", "bytes=0-0"]


def test_a_warm_model_is_not_for_who_cannot_sign(storage: Storage, function: GraphFunction) -> None:
    call = call_of(storage, plus(1), numbers(1))
    assert function.answer(write_call(call)).reason is None
    other = storage.call(b"x", call.sha256, numbers(1), key="02.safetensors", name="iris-1.safetensors")
    assert reason_of(function, other) == ADDRESS
    assert reason_of(function, call._replace(url="https://evil.example/01?x=1")) == ADDRESS


def test_who_cannot_sign_ends_no_other_models_child(
    storage: Storage, function: GraphFunction, children: GraphChildren
) -> None:
    warm = [call_of(storage, plus(number), numbers(1), key=str(number)) for number in range(3)]
    for call in warm:
        assert function.answer(write_call(call)).reason is None
    for number in range(5):
        assert reason_of(function, warm[0]._replace(sha256=f"{number}" * 64)) == ADDRESS
    assert all(children.has(call.sha256) for call in warm)


def test_an_evicted_model_is_fetched_again_by_a_verified_address(
    storage: Storage, function: GraphFunction
) -> None:
    calls = [call_of(storage, plus(number), numbers(1), key=str(number)) for number in range(4)]
    for call in (*calls, calls[0]):
        assert function.answer(write_call(call)).cold
    assert [span for _, span in storage.asked] == [None] * 5


def test_a_model_whose_child_died_is_fetched_again(
    storage: Storage, function: GraphFunction, children: GraphChildren
) -> None:
    call = call_of(storage, plus(1), numbers(1))
    assert function.answer(write_call(call)).cold
    (place,) = children._places.values()
    assert place.process is not None
    place.process.end()
    assert function.answer(write_call(call)).cold
    assert [span for _, span in storage.asked] == [None, None]


OTHER = {"other": safetensors.Tensor((1,), b"x", "U8")}
DAMAGES = {
    "no safetensors": b"x" * 100,
    "nothing of ours": b"\x02\0\0\0\0\0\0\0{}",
    "no graph": artifact.write({"algorithm": "onnx"}, OTHER),
    "a graph of numbers": artifact.write({"algorithm": "onnx"}, {"onnx": safetensors.Tensor.of([1.0])}),
    "a graph with rows": artifact.write({}, {"onnx": safetensors.Tensor((2, 2), b"abcd", "U8")}),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_an_artifact_without_a_graph_is_told(storage: Storage, function: GraphFunction, kind: str) -> None:
    data = DAMAGES[kind]
    assert reason_of(function, storage.call(data, digest_of(data), numbers(1))) == DAMAGED


@pytest.mark.parametrize("place", [0, 8, 200, -1])
def test_an_artifact_with_another_digest_is_told(
    storage: Storage, function: GraphFunction, place: int
) -> None:
    data, sha256 = artifact_of(plus(1))
    changed = bytearray(data)
    changed[place] ^= 1
    assert reason_of(function, storage.call(bytes(changed), sha256, numbers(1))) == DAMAGED


def test_a_graph_is_the_tensor_of_its_artifact() -> None:
    data, sha256 = artifact_of(plus(1))
    assert bytes(graph_of(data, sha256)) == plus(1)


def test_other_models_answer_while_hostile_ones_are_tried(storage: Storage, function: GraphFunction) -> None:
    """A loop of 2^62 turns, 10^11 numbers, 45 doublings, and a file that is none."""
    good = call_of(storage, plus(1), numbers(1), key="good")
    assert function.answer(write_call(good)).reason is None
    hostile = {
        "loop": (endless(), TIMEOUT, 2.0),
        "huge": (huge(), MEMORY, 60.0),
        "doubling": (doubling(), MEMORY, 60.0),
        "none": (b"none", REFUSED, 60.0),
    }
    with ThreadPoolExecutor(2) as threads:
        for key, (file, reason, seconds) in hostile.items():
            call = call_of(storage, file, numbers(1), key=key, seconds=seconds)
            tried = threads.submit(reason_of, function, call)
            while not tried.done():
                assert function.answer(write_call(good)).reason is None
            assert tried.result() == reason
    outputs, cold = read_answer(function.answer(write_call(good)).payload)
    assert (values(outputs["y"]).tolist(), cold) == ([2], False)


CALL = GraphCall("https://x/?y", {}, "ab" * 32, 5, numbers(1), (), 1.0)
SAID = json.loads(write_call(CALL))
MALFORMED = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[1]",
    "no UTF-8": b"\xff",
    "deep": b"[" * 100_000,
    **{f"no {name}": json.dumps({k: v for k, v in SAID.items() if k != name}).encode() for name in SAID},
    **{
        f"{name} is {value!r}": json.dumps({**SAID, name: value}).encode()
        for name, value in (
            ("sha256", "ab"),
            ("sha256", "AB" * 32),
            ("sha256", "../" * 20),
            ("sha256", None),
            ("url", 5),
            ("size", "x"),
            ("size", None),
            ("seconds", 0),
            ("seconds", -1),
            ("seconds", float("nan")),
            ("seconds", float("inf")),
            ("seconds", "x"),
            ("headers", []),
            ("headers", {"a": 1}),
            ("outputs", 5),
            ("outputs", [1]),
            ("inputs", []),
            ("inputs", {"x": 1}),
            ("inputs", {"x": {"datatype": "FP32", "shape": [2], "base64": "AAAA"}}),
            ("inputs", {"x": {"datatype": "FP31", "shape": [], "base64": ""}}),
            ("inputs", {"x": {"datatype": "FP32", "shape": [1] * 9, "base64": "AAAAAA=="}}),
            ("inputs", {"x": {"datatype": "FP32", "shape": [1 << 50], "base64": ""}}),
            ("inputs", {"x": {"datatype": "FP32", "shape": [1], "base64": "!!!!"}}),
            ("inputs", {"x": {"datatype": "BYTES", "shape": [1], "texts": [1]}}),
        )
    },
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_call_is_told(function: GraphFunction, storage: Storage, kind: str) -> None:
    assert reason_of(function, MALFORMED[kind]) == FAILED
    assert storage.asked == []


def test_outputs_that_are_too_long_as_json_are_told(
    storage: Storage, function: GraphFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts of 4 MiB may be six times that as JSON."""
    texts = tensor("BYTES", [3], ["\0" * 400_000] * 3)
    call = call_of(storage, passes_on(TensorProto.STRING), {"x": tensor("BYTES", [1], ["a"])})
    assert function.answer(write_call(call)).cold
    call = call._replace(inputs={"x": texts})
    assert reason_of(function, call) == FAILED
    monkeypatch.setattr(answering, "LONGEST_REPLY", 8_000_000)
    reply = function.answer(write_call(call))
    assert read_answer(reply.payload)[0]["y"] == texts


def test_what_goes_wrong_with_the_storage_is_told(storage: Storage, function: GraphFunction) -> None:
    data, sha256 = artifact_of(plus(1))
    busy = storage.call(data, sha256, numbers(1), status=503)
    assert reason_of(function, busy) == UNREACHABLE
    gone = storage.call(data, sha256, numbers(1), status=403)
    assert reason_of(function, gone) == ADDRESS
    cut = storage.call(data, sha256, numbers(1), length=len(data) + 5)
    assert reason_of(function, cut) == UNREACHABLE
    assert function.answer(write_call(storage.call(data, sha256, numbers(1)))).reason is None


def test_nothing_of_an_address_is_logged(
    storage: Storage, function: GraphFunction, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        call = call_of(storage, plus(1), numbers(1))
        function.answer(write_call(call))
        function.answer(write_call(call._replace(url=f"{call.url}#")))
        function.answer(write_call(call_of(storage, b"none", numbers(1), key="02")))
    assert "secret" not in caplog.text
    assert storage.at not in caplog.text
