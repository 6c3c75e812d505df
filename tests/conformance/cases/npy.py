"""Bodies of NPY: rows as an array of numbers, and what is no such array."""

import gzip
import struct
from typing import Any

from tests.conformance.case import NOBODY, PREDICT, Case, post
from tests.conformance.cases.state import ROWS

PATH, INFER = "/v1/models/iris:predict", "/v2/models/iris/infer"
FEW = ROWS[::40]
SENT = {"Content-Type": "application/x-npy"}


def npy(descr: str, shape: Any, data: bytes, *, by_columns: bool = False) -> bytes:
    """A file as numpy writes it."""
    header = f"{{'descr': '{descr}', 'fortran_order': {by_columns}, 'shape': {shape}, }}".encode()
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def array(rows: Any = FEW, code: str = "<d", descr: str = "<f8", *, by_columns: bool = False) -> bytes:
    """Rows as an array of their own shape."""
    lines = zip(*rows, strict=True) if by_columns else rows
    flat = [int(value) if code[-1] in "bBq" else value for line in lines for value in line]
    data = struct.pack(f"{code[:-1]}{len(flat)}{code[-1]}", *flat)
    return npy(descr, (len(rows), len(rows[0])), data, by_columns=by_columns)


def refused(
    name: str, body: bytes, status: int = 422, code: str = "invalid_input", at: str = ""
) -> list[Case]:
    """A body that both protocols refuse."""
    return [
        post(name, PATH, body, status, SENT, code=code, at=at, key=PREDICT),
        post(
            f"{name}: inferred", INFER, body, 400 if status == 422 else status, SENT, code=code, key=PREDICT
        ),
    ]


CASES = [
    post("doubles", PATH, array(), 200, SENT, key=PREDICT),
    post("floats", PATH, array(code="<f", descr="<f4"), 200, SENT),
    post("whole numbers", PATH, array(code="<q", descr="<i8"), 200, SENT),
    post("bytes", PATH, array(code="<B", descr="|u1"), 200, SENT),
    post("big-endian", PATH, array(code=">d", descr=">f8"), 200, SENT),
    post("column by column", PATH, array(by_columns=True), 200, SENT),
    post("many rows", PATH, array([*ROWS] * 40), 200, SENT),
    post("outputs by the query", f"{PATH}?outputs=label,probability", array(), 200, SENT),
    post("receipts", f"{PATH}?receipt=true", array(), 200, SENT),
    post("compressed", PATH, gzip.compress(array(), mtime=0), 200, {**SENT, "Content-Encoding": "gzip"}),
    post("an answer of NPY", PATH, array(), 200, {**SENT, "Accept": "application/x-npy"}),
    post("JSON that is answered with NPY", PATH, {"instances": FEW}, 200, {"Accept": "application/x-npy"}),
    post("one that is answered with CSV", PATH, array(), 200, {**SENT, "Accept": "text/csv"}),
    post(
        "two outputs in one array",
        f"{PATH}?outputs=label,decision",
        array(),
        422,
        {**SENT, "Accept": "application/x-npy"},
        code="invalid_input",
        at="Accept",
    ),
    post("inferred", INFER, array(), 200, SENT, key=PREDICT),
    post("inferred: outputs by the query", f"{INFER}?outputs=predict,predict_proba", array(), 200, SENT),
    post("inferred: answered in bytes", INFER, array(), 200, {**SENT, "Accept": "application/octet-stream"}),
    post(
        "another output", f"{PATH}?outputs=votes", array(), 422, SENT, code="invalid_input", at="$.outputs[0]"
    ),
    post("another query", f"{INFER}?votes=1", array(), 400, SENT, code="invalid_input", at="query"),
    post(
        "inferred from JSON: outputs by the query",
        f"{INFER}?outputs=predict",
        {"inputs": [{"name": "rows", "datatype": "FP64", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}]},
        400,
        code="invalid_input",
        at="query.outputs",
    ),
    post("from nobody", PATH, array(), 401, SENT, key=NOBODY, code="unauthenticated"),
    *refused("nothing", b"", 400, "malformed_input"),
    *refused("a header cut short", array()[:50], 400, "malformed_input"),
    *refused("numbers cut short", array()[:-1], 400, "malformed_input"),
    *refused("a header of gigabytes", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", 400, "malformed_input"),
    *refused("pickled objects", npy("|O", (1, 4), b"cos\nsystem\n"), at="body"),
    *refused("complex numbers", npy("<c16", (1, 4), bytes(64)), at="body"),
    *refused("one axis", npy("<f8", "(4,)", bytes(32)), at="body.shape"),
    *refused("no rows", npy("<f8", (0, 4), b""), at="body.shape"),
    *refused("too many rows", npy("|u1", (100_001, 4), bytes(400_004)), 413, "too_large"),
    *refused("NaN", array([[1, 2, 3, float("nan")]]), at="body"),
]
