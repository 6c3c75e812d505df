"""Receipts of predictions, and `POST …:feedback`, which takes the truth by them."""

from typing import Any

from tests.conformance.case import (
    ASKING,
    ASKING_AND_TELLING,
    LIMITED,
    LOOKING,
    NOBODY,
    PREDICT,
    TELLING,
    TRAIN,
    Case,
    call,
    post,
)
from tests.conformance.cases.state import FEATURES, ROWS, SPECIES

PATH = "/v1/models/iris:feedback"
FEW, TRUE = ROWS[::40], SPECIES[::40]
MANY = ROWS[::3]
COLUMNS = {name: [row[place] for row in FEW] for place, name in enumerate(FEATURES)}
LINES = b"\n".join(b",".join(b"%r" % value for value in row) for row in FEW)
TENSOR = {
    "name": "x",
    "shape": [len(FEW), 4],
    "datatype": "FP64",
    "data": [value for row in FEW for value in row],
}
# A receipt that any deployment could have made, but none has.
FORGED = "AAAAAQABDwHKj4BRb2Zm9FJGKHlCFqXk0C7b1F3K"


def _kept(note: str, number: int, path: str = "receipts") -> dict[str, str]:
    return {f"{note}{place}": f"body {path}.{place}" for place in range(number)}


def told(name: str, entries: list[tuple[str, Any]], status: int = 200, **more: Any) -> Case:
    """What receipts, or notes of them, turned out to be."""
    body = {"receipts": [{"receipt": receipt, "label": label} for receipt, label in entries]}
    return post(name, more.pop("path", PATH), body, status, **more)


def _given(note: str, labels: list[Any], shift: int = 0) -> list[tuple[str, Any]]:
    return [(f"{{{note}{place + shift}}}", label) for place, label in enumerate(labels)]


def _refused(name: str, entries: list[tuple[str, Any]], at: str, **more: Any) -> Case:
    return told(name, entries, 422, code="invalid_input", at=at, **more)


def _wrong(name: str, body: Any, at: str) -> Case:
    return post(name, PATH, body, 422, code="invalid_input", at=at)


CASES = [
    post(
        "rows with receipts",
        "/v1/models/iris/versions/1:predict",
        {"instances": MANY, "receipt": True, "outputs": ["label", "probability"]},
        key=PREDICT,
        keep=_kept("given", len(MANY)),
    ),
    post(
        "rows with receipts of labels alone",
        "/v1/models/iris/versions/2:predict",
        {"instances": FEW, "receipt": True},
        keep=_kept("second", len(FEW)),
    ),
    post(
        "columns with receipts",
        "/v1/models/iris:predict",
        {"inputs": COLUMNS, "receipt": True},
        keep=_kept("column", len(FEW)),
    ),
    post(
        "a data frame with receipts",
        "/v1/models/iris/aliases/production:predict",
        {"dataframe_split": {"columns": FEATURES, "data": FEW}, "receipt": True},
        keep=_kept("frame", len(FEW)),
    ),
    post(
        "CSV with receipts",
        "/v1/models/iris:predict?receipt=true",
        LINES,
        200,
        {"Content-Type": "text/csv"},
        keep=_kept("line", len(FEW)),
    ),
    post(
        "tensors with receipts",
        "/v2/models/iris/infer",
        {"inputs": [TENSOR], "parameters": {"receipt": True}},
        keep=_kept("tensor", len(FEW), "parameters.receipts"),
    ),
    post(
        "a model without probabilities has receipts",
        "/v1/models/numbers:predict",
        {"instances": FEW, "receipt": True},
        keep=_kept("number", len(FEW)),
    ),
    post(
        "truth values have receipts",
        "/v1/models/flags:predict",
        {"instances": [row[:2] for row in FEW], "receipt": True},
        keep=_kept("flag", len(FEW)),
    ),
    post(
        "texts have receipts",
        "/v1/models/texts:predict",
        {"instances": [row[:2] for row in FEW], "receipt": True},
        keep=_kept("text", len(FEW)),
    ),
    post("no receipts", "/v1/models/iris:predict", {"instances": FEW, "receipt": False}),
    post(
        "clusters have no receipts",
        "/v1/models/line:predict",
        {"instances": [[1]], "receipt": True},
        422,
        code="invalid_input",
        at="$.receipt",
    ),
    post(
        "clusters as tensors have no receipts",
        "/v2/models/line/infer",
        {"inputs": [{**TENSOR, "shape": [16, 1]}], "parameters": {"receipt": True}},
        400,
        code="invalid_input",
        at="$.parameters.receipt",
    ),
    post(
        "an answer of CSV has no receipts",
        "/v1/models/iris:predict",
        {"instances": FEW, "receipt": True},
        422,
        {"Accept": "text/csv"},
        code="invalid_input",
        at="$.receipt",
    ),
    post(
        "rows of CSV, answered in CSV, have no receipts",
        "/v1/models/iris:predict?receipt=true",
        LINES,
        422,
        {"Content-Type": "text/csv", "Accept": "text/csv"},
        code="invalid_input",
        at="query.receipt",
    ),
    post(
        "a query of JSON has no receipts",
        "/v1/models/iris:predict?receipt=true",
        {"instances": FEW},
        422,
        code="invalid_input",
        at="query.receipt",
    ),
    post(
        "receipts that are text",
        "/v1/models/iris:predict",
        {"instances": FEW, "receipt": "yes"},
        422,
        code="invalid_input",
        at="$.receipt",
    ),
    told("the truth about most rows", _given("given", SPECIES[::3][:40]), key=TELLING),
    told("the same again", _given("given", SPECIES[::3][:40]), key=ASKING_AND_TELLING),
    told("the rest, and some again", _given("given", SPECIES[::3][30:], 30)),
    told("another label for what was counted", [("{given0}", "virginica")]),
    told("none of the classes", [("{second0}", None), ("{second1}", "setosa")]),
    told("one twice in a request", [("{second2}", TRUE[2]), ("{second2}", TRUE[2])]),
    _refused(
        "one twice in a request, with two labels",
        [("{second3}", "setosa"), ("{second3}", None)],
        "$.receipts[1].label",
    ),
    *(told(f"the truth of a {note}", _given(note, TRUE)) for note in ("column", "frame", "line", "tensor")),
    told("whole numbers", _given("number", [40, -7, 40.0, None]), path="/v1/models/numbers:feedback"),
    told("truth values", _given("flag", [True, False, True, None]), path="/v1/models/flags:feedback"),
    told(
        "texts",
        [("{text0}", "großblütig 🌸"), ("{text1}", 'mit "Anführung" \\')],
        path="/v1/models/texts:feedback",
    ),
    _refused("a class that the version does not have", [("{given0}", "rosa")], "$.receipts[0].label"),
    _refused("a number where classes are texts", [("{given0}", 1)], "$.receipts[0].label"),
    _refused(
        "1 where classes are truth values",
        [("{flag0}", 1)],
        "$.receipts[0].label",
        path="/v1/models/flags:feedback",
    ),
    _refused(
        "true where classes are numbers",
        [("{number0}", True)],
        "$.receipts[0].label",
        path="/v1/models/numbers:feedback",
    ),
    _refused("a forged receipt", [("{given0}", "setosa"), (FORGED, "setosa")], "$.receipts[1].receipt"),
    _refused("a receipt of no version", [("_" * 40, "setosa")], "$.receipts[0].receipt"),
    _refused("another model's receipt", [("{flag0}", "setosa")], "$.receipts[0].receipt"),
    _refused("a receipt that was cut", [(FORGED[:39], "setosa")], "$.receipts[0].receipt"),
    _refused("a receipt of other letters", [("+" * 40, "setosa")], "$.receipts[0].receipt"),
    _wrong("no receipts at all", {"receipts": []}, "$.receipts"),
    _wrong("a body without receipts", {}, "$"),
    _wrong("a receipt without a label", {"receipts": [{"receipt": FORGED}]}, "$.receipts[0]"),
    _wrong(
        "a label with a fraction", {"receipts": [{"receipt": FORGED, "label": 0.5}]}, "$.receipts[0].label"
    ),
    _wrong("more than is taken", {"receipts": [{"receipt": FORGED, "label": "setosa"}] * 1001}, "$.receipts"),
    told("of no model", [(FORGED, "setosa")], 404, code="model_not_found", path="/v1/models/nobody:feedback"),
    told("of a deleted model", [(FORGED, 1)], 404, code="model_not_found", path="/v1/models/gone:feedback"),
    *(
        told(f"by a key that may not: {key}", [("{given0}", "setosa")], 403, key=key, code="forbidden")
        for key in (PREDICT, TRAIN, ASKING, LOOKING)
    ),
    told("by a key for this model", [("{given0}", "setosa")], key=LIMITED),
    told(
        "by a key for other models",
        [("{number0}", 40)],
        403,
        key=LIMITED,
        code="forbidden",
        path="/v1/models/numbers:feedback",
    ),
    post(
        "a key for feedback predicts nothing",
        "/v1/models/iris:predict",
        {"instances": FEW, "receipt": True},
        403,
        key=TELLING,
        code="forbidden",
    ),
    told("by nobody", [("{given0}", "setosa")], 401, key=NOBODY, code="unauthenticated"),
    post("as CSV", PATH, b"receipt,label", 415, {"Content-Type": "text/csv"}, code="unsupported_media_type"),
    call("GET of feedback", "GET", PATH, 405, code="method_not_allowed"),
]
