"""`:predict` and `infer` with NPY: what numpy saves is answered as the same rows in JSON, and answered so."""

import gzip
import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.jobs import train_now
from handlers.rest.http import Response
from ml_core.errors import InvalidInput, MalformedInput
from ml_core.inputs import npy
from ml_core.inputs.instances import TENSOR_CODES
from tests.unit.handlers.conftest import IRIS, Ask, asking, services_over
from tests.unit.handlers.networks import PICTURES, SEQUENCES, folder_of_networks

KIND = "application/x-npy"
PREDICT, INFER = "/v1/models/iris:predict", "/v2/models/iris/infer"
ROWS = np.array(IRIS)
DTYPES = [
    f"{order}{code}" for order in "<>" for code in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8")
]


def saved(array: Any, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version=version)
    return file.getvalue()


def headed(header: str | bytes, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode() if isinstance(header, str) else header
    return npy.MAGIC + version + len(text).to_bytes(2 if version[0] == 1 else 4, "little") + text + data


def answer(response: Response) -> Any:
    assert response.status == 200, response.body
    return json.loads(response.body)


def as_json(ask: Ask, rows: Any, path: str = PREDICT, **members: Any) -> Any:
    return answer(ask("POST", path, json.dumps({"instances": np.asarray(rows).tolist(), **members}).encode()))


@pytest.mark.parametrize("dtype", [*DTYPES, "i1", "u1"])
@pytest.mark.parametrize("by_columns", [False, True])
def test_an_array_is_answered_as_its_rows_are_in_json(ask: Ask, dtype: str, by_columns: bool) -> None:
    array = np.array(ROWS, dtype, order="F" if by_columns else "C")
    got = answer(ask("POST", f"{PREDICT}?outputs=label,probability", saved(array), content_type=KIND))
    assert got == as_json(ask, array, outputs=["label", "probability"])


@pytest.mark.parametrize("code", TENSOR_CODES.values())
def test_many_numbers_are_read_as_few_are(ask: Ask, code: str) -> None:
    """More than the plain arithmetic takes are converted by numpy."""
    some = (np.arange(80) % 7).astype(f"<{code}").reshape(20, 4)
    many = np.tile(some, (1000, 1))
    few = answer(ask("POST", PREDICT, saved(some), content_type=KIND))["predictions"]
    assert answer(ask("POST", PREDICT, saved(many), content_type=KIND))["predictions"] == few * 1000


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(ask: Ask, version: tuple[int, int]) -> None:
    assert answer(ask("POST", PREDICT, saved(ROWS, version), content_type=KIND)) == as_json(ask, ROWS)


def test_a_body_may_be_compressed(ask: Ask) -> None:
    body = gzip.compress(saved(ROWS))
    got = answer(ask("POST", PREDICT, body, content_type=KIND, content_encoding="gzip"))
    assert got == as_json(ask, ROWS)


@pytest.mark.parametrize("header", [
    "{'descr':'<f8','fortran_order':False,'shape':(1,4)}",
    '{"shape": (1, 4,), "fortran_order": True, "descr": "<f8"}',
    "  { 'fortran_order' : False , 'descr' : '<f8' , 'shape' : ( 1 , 4 ) , }  \n",
])  # fmt: skip
def test_a_header_may_be_written_in_other_ways(ask: Ask, header: str) -> None:
    body = headed(header, np.array(IRIS[:1]).tobytes())
    assert answer(ask("POST", PREDICT, body, content_type=KIND)) == as_json(ask, IRIS[:1])


@pytest.mark.parametrize(("model", "output", "expected"), [
    ("iris", "label", "<U6"), ("truth", "label", "|b1"), ("digits", "label", "<i8"),
    ("groups", "label", "<i8"), ("groups", "distance", "<f8"),
    ("iris", "predict_proba", "<f8"), ("truth", "decision", "<f8"),
])  # fmt: skip
def test_an_answer_is_an_array_that_numpy_loads(ask: Ask, model: str, output: str, expected: str) -> None:
    path = f"/v1/models/{model}:predict"
    sent = json.dumps({"instances": IRIS, "outputs": [output]}).encode()
    response = ask("POST", path, sent, accept=KIND)
    assert (response.status, response.headers["content-type"]) == (200, KIND)
    array = np.load(io.BytesIO(response.body), allow_pickle=False)
    told = np.array([each[output] for each in as_json(ask, IRIS, path, outputs=[output])["predictions"]])
    assert array.dtype.str == expected
    assert len(array) == len(IRIS)
    assert array.reshape(told.shape).tolist() == told.tolist()


def test_an_array_holds_one_output(ask: Ask) -> None:
    response = ask("POST", f"{PREDICT}?outputs=label,decision", saved(ROWS), content_type=KIND, accept=KIND)
    assert response.status == 422
    assert "one output" in json.loads(response.body)["detail"]


def test_the_open_inference_protocol_takes_an_only_tensor_so(ask: Ask) -> None:
    path = f"{INFER}?outputs=predict,predict_proba"
    got = answer(ask("POST", path, saved(ROWS), content_type=KIND))
    tensor = {"name": "x", "datatype": "FP64", "shape": [3, 4], "data": ROWS.reshape(-1).tolist()}
    asked = {"inputs": [tensor], "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
    assert got == answer(ask("POST", INFER, json.dumps(asked).encode()))
    response = ask("POST", path, saved(ROWS), content_type=KIND, accept="application/octet-stream")
    header = json.loads(response.body[: int(response.headers["inference-header-content-length"])])
    assert all("binary_data_size" in output["parameters"] for output in header["outputs"])
    assert response.body.endswith(struct.pack("<9d", *got["outputs"][1]["data"]))


def test_pictures_and_sequences_come_as_arrays(tmp_path: Path) -> None:
    ask = asking(services_over(folder_of_networks(tmp_path)))
    pictures = np.array(PICTURES)[..., None]
    for dtype in ("u1", "<f4", ">i2"):
        got = answer(
            ask("POST", "/v1/models/digits:predict", saved(pictures.astype(dtype)), content_type=KIND)
        )
        assert got == as_json(ask, pictures, "/v1/models/digits:predict")
    steps = np.array([SEQUENCES[3], SEQUENCES[3]])
    got = answer(ask("POST", "/v1/models/waves:predict", saved(steps), content_type=KIND))
    assert got == as_json(ask, steps, "/v1/models/waves:predict")
    shaped = ask("POST", "/v1/models/digits:predict", saved(pictures[..., 0, :]), content_type=KIND)
    (fault,) = json.loads(shaped.body)["faults"]
    assert fault["path"] == "body.shape"
    texts = ask("POST", "/v1/models/reviews:predict", saved(ROWS), content_type=KIND)
    assert (texts.status, "takes texts" in json.loads(texts.body)["detail"]) == (415, True)


def test_of_numbers_with_gaps_nan_is_missing_and_words_are_refused(tmp_path: Path) -> None:
    services = services_over(tmp_path)
    columns: dict[str, list[Any]] = {
        "gaps": [[1.0, 2], [None, 1], [3, 4], [0, None]] * 5, "words": [["a", 1], ["b", 2]] * 10,
    }  # fmt: skip
    for name, rows in columns.items():
        body = {"algorithm": "logistic_regression", "instances": rows, "targets": [0, 1] * 10}
        assert train_now(services, {"model": name, **body, "test_fraction": 0}).state == "succeeded"
    ask = asking(services)
    sent = saved([[1.5, 2], [float("nan"), 1]])
    got = answer(ask("POST", "/v1/models/gaps:predict?outputs=decision", sent, content_type=KIND))
    path = "/v1/models/gaps:predict"
    body = {"instances": [[1.5, 2], [None, 1]], "outputs": ["decision"]}
    assert got == answer(ask("POST", path, json.dumps(body).encode()))
    refused = ask("POST", "/v1/models/words:predict", saved(ROWS), content_type=KIND)
    assert (refused.status, "no numbers" in json.loads(refused.body)["detail"]) == (415, True)


SHAPE = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
DESCR = "{'descr': '%s', 'fortran_order': False, 'shape': (1, 4), }"
WANTED = "expected the header"
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "begins with"),
    "JSON": (b'{"instances": [[1, 2, 3, 4]]}', 400, "begins with"),
    "the magic alone": (npy.MAGIC, 400, "version"),
    "another version": (headed(SHAPE % "(1, 4)", bytes(32), b"\x04\x00"), 400, "version"),
    "a header cut short": (saved(ROWS)[:40], 400, "within the header"),
    "a header of gigabytes": (npy.MAGIC + b"\x02\x00\xff\xff\xff\xff{", 400, "at most 10000 bytes"),
    "numbers cut short": (saved(ROWS)[:-1], 400, "got 95"),
    "more than its numbers": (saved(ROWS) + b"x", 400, "got 97"),
    "no rows": (saved(ROWS[:0]), 422, "at least one row"),
    "other features": (saved(ROWS[:, :3]), 422, "expects 4 features"),
    "one axis": (saved(ROWS[0]), 422, "[rows, 4]"),
    "no axis": (saved(np.array(1.0)), 422, "[rows, 4]"),
    "nine axes": (saved(np.zeros((1,) * 9)), 400, "at most 8 axes"),
    "more numbers than there are": (headed(SHAPE % f"({'9' * 18}, {'9' * 18})"), 400, "after its header"),
    "a length below zero": (headed(SHAPE % "(-1, 4)"), 400, WANTED),
    "a length of many digits": (headed(SHAPE % f"({'9' * 9000}, 4)"), 400, WANTED),
    "too many rows": (saved(np.zeros((100_001, 4), "u1")), 413, "at most 100000"),
    "truth values": (saved(ROWS > 2), 422, "BOOL"),
    "words": (saved([["a", "b", "c", "d"]]), 422, "<U1"),
    "bytes": (saved([[b"a", b"b", b"c", b"d"]]), 422, "|S1"),
    "complex numbers": (saved(ROWS.astype(complex)), 422, "<c16"),
    "dates": (saved(ROWS.astype("M8[D]")), 422, "M8"),
    "records": (saved(np.zeros(2, [("a", "<f8"), ("b", "<f8")])), 422, "records"),
    "NaN": (saved([[1, 2, 3, float("nan")]]), 422, "row 0 holds a number that is not finite"),
    "infinity by columns": (saved(np.array([[1, 2, 3, 4], [1, 2, np.inf, 4]], order="F")), 422, "row 1"),
    "pickled objects": (headed(DESCR % "|O"), 422, "pickled"),
    "an order of the machine's": (headed(DESCR % "=f8"), 422, "=f8"),
    "a float of a byte": (headed(DESCR % "<f1"), 422, "<f1"),
    "a key twice": (headed("{'shape': (1,), 'shape': (4,), 'fortran_order': False}"), 400, WANTED),
    "a key that is missing": (headed("{'descr': '<f8', 'shape': (1, 4)}", bytes(32)), 400, WANTED),
    "a key more": (headed("{'descr': '<f8', 'fortran_order': False, 'shape': (4,), 'x': (1,)}"), 400, WANTED),
    "a value of a kind": (headed("{'descr': (1,), 'fortran_order': False, 'shape': (4,)}"), 400, WANTED),
    "code": (headed("__import__('os').abort()"), 400, WANTED),
    "deep brackets": (headed("{'descr': " + "(" * 9000), 400, WANTED),
    "blanks": (headed("{" + " " * 9000 + "'shape'" + "}"), 400, WANTED),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_of_rows_is_refused_with_the_reason(ask: Ask, name: str) -> None:
    body, status, why = REFUSED[name]
    response = ask("POST", PREDICT, body, content_type=KIND)
    assert (response.status, why in json.loads(response.body)["detail"]) == (status, True), response.body
    inferred = ask("POST", INFER, body, content_type=KIND)
    assert inferred.status == (400 if status == 422 else status), inferred.body


def test_what_the_query_says_is_checked(ask: Ask) -> None:
    for path in (
        f"{PREDICT}?nonsense=1",
        f"{PREDICT}?outputs=votes",
        f"{INFER}?nonsense=1",
        f"{INFER}?outputs=no",
    ):
        assert ask("POST", path, saved(ROWS), content_type=KIND).status in (400, 422)
    assert ask("POST", PREDICT, saved(ROWS), content_type=f"{KIND}z").status == 415
    # Before there were any, the protocol's queries meant nothing beside JSON.
    tensor = {"name": "x", "datatype": "FP64", "shape": [3, 4], "data": ROWS.reshape(-1).tolist()}
    body = json.dumps({"inputs": [tensor]}).encode()
    assert ask("POST", f"{INFER}?nonsense=1", body).status == 200
    for said in ("predict", "~"):
        refused = ask("POST", f"{INFER}?outputs={said}", body)
        assert refused.status == 400, "in JSON it is a member of the body"
        assert json.loads(refused.body)["faults"][0]["path"] == "query.outputs"


def test_rows_are_explained_and_get_receipts(ask: Ask) -> None:
    """As of CSV, the query says what a body of JSON would."""
    got = answer(ask("POST", f"{PREDICT}?receipt=true", saved(ROWS), content_type=KIND))
    assert len(got["receipts"]) == len(ROWS)
    path = "/v1/models/truth:explain"
    explained = answer(ask("POST", f"{path}?top=1", saved(ROWS), content_type=KIND))
    assert explained == as_json(ask, ROWS, path, top=1)


@given(st.binary(max_size=200))
def test_bytes_at_random_are_refused_as_they_should_be(data: bytes) -> None:
    for body in (data, npy.MAGIC + data, headed(data)):
        with pytest.raises((MalformedInput, InvalidInput)):
            npy.read(body)


@given(st.integers(0, 300), st.integers(0, 255))
def test_a_file_with_a_byte_changed_is_read_or_refused(place: int, value: int) -> None:
    body = bytearray(saved(ROWS))
    body[place % len(body)] = value
    try:
        array = npy.read(bytes(body))
    except (MalformedInput, InvalidInput):
        return
    assert len(array.data) == 96


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (1, 10**6), (10**7, 12)])
def test_what_is_written_begins_at_a_whole_line_of_the_cache(shape: tuple[int, ...]) -> None:
    """As the format asks: the numbers begin at a multiple of 64 bytes."""
    head = npy.write("FP64", shape, b"")
    assert len(head) % 64 == 0
    assert head.endswith(b"\n")
    assert np.lib.format.read_array_header_1_0(io.BytesIO(head[8:])) == (shape, False, np.dtype("<f8"))


def test_few_rows_need_no_numpy(trained: Path) -> None:
    """A first prediction of few rows does not wait for it."""
    program = (
        "import sys\n"
        "from tests.unit.handlers.conftest import asking, services_over\n"
        f"ask = asking(services_over({str(trained)!r}))\n"
        f"body = bytes.fromhex({saved(ROWS).hex()!r})\n"
        f"response = ask('POST', {PREDICT!r}, body, content_type={KIND!r})\n"
        "assert response.status == 200, response.body\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
