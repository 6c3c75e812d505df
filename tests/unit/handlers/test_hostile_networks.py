"""What strangers send to models of pictures, sequences and texts is answered or refused, and never a 5xx."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.handlers.conftest import Ask, asking, services_over
from tests.unit.handlers.networks import (
    PICTURES,
    SEQUENCES,
    TEXTS,
    b64,
    folder_of_networks,
    png,
)
from tests.unit.handlers.test_hostile import fit_for_a_caller, modest, odd, replace_somewhere
from tests.unit.handlers.test_network_tensors import FILES, LENGTHS, PADDED, SHAPED, packed, tensor

anything = st.recursive(
    odd, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
MANY = settings(parent=modest, max_examples=max(150, modest.max_examples))
CHANNELS = {"volt": [1, 2], "amp": [3, 4]}
BODIES: list[tuple[str, dict[str, Any]]] = [
    ("digits", {"instances": PICTURES[:2], "outputs": ["label", "probability"]}),
    ("digits", {"instances": [{"b64": b64(bytes(64)), "dtype": "uint8"}, {"image": {"b64": b64(FILES[0])}}]}),
    ("digits", {"dataframe_split": {"columns": ["image", "id"], "data": [[PICTURES[0], 7]]}}),
    ("waves", {"instances": [SEQUENCES[2], CHANNELS, [{"volt": 1, "amp": 2}]], "notes": True}),
    ("waves", {"inputs": {"volt": [[1, 2], [3]], "amp": [[4, 5], [6]]}, "unknown_columns": "ignore"}),
    ("waves", {"dataframe_records": [CHANNELS, CHANNELS]}),
    ("beats", {"instances": [[1, 2, 3, 4], [[5], [6]], {"x0": [7]}], "notes": True}),
    ("reviews", {"instances": [TEXTS[0], {"review": TEXTS[1]}], "notes": True}),
    ("reviews", {"inputs": {"review": TEXTS, "id": [1] * 5}, "unknown_columns": "ignore"}),
]
TENSORS: list[tuple[str, list[Any]]] = [
    ("digits", [tensor(SHAPED[:1], "FP32")]),
    ("digits", [tensor(SHAPED[:1, :, :, 0].ravel().tolist(), "UINT8", [1, 8, 8])]),
    ("digits", [tensor([b64(FILES[0])], "BYTES")]),
    ("waves", [tensor(PADDED, "FP32"), tensor(LENGTHS, "INT32", name="lengths")]),
    ("reviews", [tensor(TEXTS, "BYTES", [5, 1])]),
]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    return asking(services_over(folder_of_networks(tmp_path_factory.mktemp("networks"))))


@MANY
@given(data=st.data(), member=anything)
def test_a_good_body_with_something_odd_in_one_place(ask: Ask, data: st.DataObject, member: Any) -> None:
    model, sample = data.draw(st.sampled_from(BODIES))
    body = json.loads(json.dumps(sample))
    replace_somewhere(body, member, data)
    fit_for_a_caller(ask("POST", f"/v1/models/{model}:predict", json.dumps(body).encode()))


@MANY
@given(data=st.data(), member=anything, at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_good_tensor_with_something_odd_in_one_place(
    ask: Ask, data: st.DataObject, member: Any, at: int, byte: int
) -> None:
    model, sample = data.draw(st.sampled_from(TENSORS))
    inputs = json.loads(json.dumps(sample))
    path = f"/v2/models/{model}/infer"
    headers, parts = zip(*(packed(dict(each)) for each in inputs), strict=True)
    tail = bytearray(b"".join(parts))
    tail[at % len(tail)] = byte
    text = json.dumps({"inputs": headers}).encode()
    sent = {"inference-header-content-length": str(len(text))}
    fit_for_a_caller(ask("POST", path, text + bytes(tail), **sent))
    whole = {"inputs": inputs}
    replace_somewhere(whole, member, data)
    fit_for_a_caller(ask("POST", path, json.dumps(whole).encode()))


@MANY
@given(at=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_png_file_with_odd_bytes(ask: Ask, at: list[tuple[int, int]]) -> None:
    file = bytearray(png(PICTURES[0]))
    for place, byte in at:
        file[place % len(file)] = byte
    body = {"instances": [{"b64": b64(bytes(file))}]}
    fit_for_a_caller(ask("POST", "/v1/models/digits:predict", json.dumps(body).encode()))
