"""`POST …:predict`, as TensorFlow Serving and KServe V1 know it."""

import json
from typing import Any

from tests.conformance.case import NOBODY, PREDICT, Case, call, get, post
from tests.conformance.cases.state import FEATURES, ROWS, TEXT_FEATURES

PATH = "/v1/models/iris:predict"
ROW = [6.3, 2.5, 4.9, 1.5]
NAMED = dict(zip(FEATURES, ROW, strict=True))
OUTPUTS: dict[str, tuple[str, ...]] = {
    "iris/versions/1": ("label", "probability", "decision"),
    "iris/versions/2": ("label", "probability", "decision"),
    "flags": ("label", "probability", "decision"),
    "numbers": ("label", "decision"),
    "texts": ("label", "probability", "decision"),
    "line": ("label", "distance"),
}
FEW = {
    "iris/versions/1": ROWS[::40],
    "iris/versions/2": ROWS[::40],
    "flags": [row[:2] for row in ROWS[::40]],
    "numbers": ROWS[::40],
    "texts": [row[:2] for row in ROWS[::40]],
    "line": [[-1e6], [0], [0.5], [1234.5]],
}
MANY = {
    model: [[value + 0.001 * turn for value in row] for turn in range(120) for row in rows]
    for model, rows in FEW.items()
}
# Instances of `iris`, and where the fault is said to be.
FAULTS: dict[str, tuple[Any, str]] = {
    "null": (None, "$.instances"),
    "a number": (3, "$.instances"),
    "an object": ({"0": ROW}, "$.instances"),
    "a text": ("[[1,2,3,4]]", "$.instances"),
    "none at all": ([], "$.instances"),
    "one row without a list around it": (ROW, "$.instances[0]"),
    "a row that is null": ([ROW, None], "$.instances[1]"),
    "a row that is text": ([ROW, "1,2,3,4"], "$.instances[1]"),
    "a row that is empty": ([[]], "$.instances[0]"),
    "a row that is too short": ([ROW, ROW[:3]], "$.instances[1]"),
    "a row that is too long": ([[*ROW, 1.0]], "$.instances[0]"),
    "rows of rows": ([[ROW]], "$.instances[0]"),
    "a value that is text": ([[1, "2", 3, 4]], "$.instances[0][1]"),
    "a value that is null": ([ROW, [1, 2, None, 4]], "$.instances[1][2]"),
    "a value that is true": ([[1, 2, 3, True]], "$.instances[0][3]"),
    "a value that is a list": ([[1, [2], 3, 4]], "$.instances[0][1]"),
    "an integer past float64": ([[1, 2, 3, 10**309]], "$.instances[0][3]"),
    "a feature that is missing": ([dict.fromkeys(FEATURES[1:], 1)], "$.instances[0]"),
    "a feature that is unknown": ([{**NAMED, "colour": 1}], "$.instances[0].colour"),
    "a feature that is unknown outside ASCII": ([{**NAMED, "größe": 1}], '$.instances[0]["größe"]'),
    "a named value that is text": ([{**NAMED, FEATURES[0]: "6.3"}], '$.instances[0]["sepal length"]'),
    "faults in several rows": ([[1, 2, 3], ROW, [1, 2, 3, 4, 5]], "$.instances[0]"),
    "more faults than are told": ([["a", "b", "c", "d"]] * 30, "$.instances[0][0]"),
    "a row past what can be computed": ([[1e308, -1e308, 1e308, -1e308]], "$.instances[0]"),
    "the second row past it": ([ROW, [1e308, -1e308, 1e308, -1e308]], "$.instances[1]"),
}
# Rows of `iris` in the forms of other servers.
COLUMNS = {name: [row[place] for row in FEW["iris/versions/1"]] for place, name in enumerate(FEATURES)}
BACKWARDS = {"columns": FEATURES[::-1], "index": [3], "data": [ROW[::-1]]}
FORMS: dict[str, Any] = {
    "TensorFlow Serving's columns": {"inputs": COLUMNS},
    "TensorFlow Serving's columns, everything": {"inputs": COLUMNS, "outputs": ["label", "probability"]},
    "TensorFlow Serving's columns, one output": {"inputs": COLUMNS, "outputs": ["decision"]},
    "TensorFlow Serving's columns, others ignored": {
        "inputs": {"id": None, **COLUMNS},
        "unknown_columns": "ignore",
    },
    "TensorFlow Serving's only tensor": {"inputs": [ROW, ROW]},
    "a data frame": {"dataframe_split": BACKWARDS},
    "a data frame, everything": {"dataframe_split": BACKWARDS, "outputs": ["label", "probability"]},
    "a data frame, others ignored": {
        "dataframe_split": {"columns": ["id", *FEATURES], "data": [["c-1", *ROW]]},
        "unknown_columns": "ignore",
    },
    "a data frame without names": {"dataframe_split": {"data": [ROW]}},
    "records": {"dataframe_records": [NAMED, dict(reversed(NAMED.items()))]},
    "records, others ignored": {"dataframe_records": [{"id": 1, **NAMED}], "unknown_columns": "ignore"},
}
# Rows with more columns than `iris` has, what is said of those, and what comes of it.
UNKNOWN: dict[str, tuple[Any, Any, int, str]] = {
    "ignored": ([{"id": 7, **NAMED, "species": None}, ROW], "ignore", 200, ""),
    "ignored, though there are none": ([NAMED], "ignore", 200, ""),
    "refused by word": ([{**NAMED, "id": 7}], "refuse", 422, "$.instances[0].id"),
    "ignored, but one is missing": (
        [{**dict.fromkeys(FEATURES[1:], 1), "id": 7}],
        "ignore",
        422,
        "$.instances[0]",
    ),
    "neither word": ([NAMED], "drop", 422, "$.unknown_columns"),
    "no word": ([NAMED], None, 422, "$.unknown_columns"),
}
BODIES: dict[str, tuple[Any, int, str, str]] = {
    "a list": ([ROW], 422, "invalid_input", "$"),
    "a number": (b"1", 422, "invalid_input", "$"),
    "null": (b"null", 422, "invalid_input", "$"),
    "an empty object": ({}, 422, "invalid_input", "$"),
    "of two forms": ({"instances": [ROW], "inputs": [ROW]}, 422, "invalid_input", "$"),
    "of columns, of which one is missing": (
        {"inputs": {name: [1] for name in FEATURES[1:]}},
        422,
        "invalid_input",
        "$.inputs",
    ),
    "of columns, of which one is unknown": (
        {"inputs": {**COLUMNS, "id": [1] * len(FEW["iris/versions/1"])}},
        422,
        "invalid_input",
        "$.inputs.id",
    ),
    "of columns of two lengths": (
        {"inputs": {**COLUMNS, "petal width": [1]}},
        422,
        "invalid_input",
        '$.inputs["petal width"]',
    ),
    "of columns with a text": (
        {"inputs": {name: [1, 2, "3"] for name in FEATURES}},
        422,
        "invalid_input",
        '$.inputs["sepal length"][2]',
    ),
    "of a data frame with a text": (
        {"dataframe_split": {"columns": FEATURES, "data": [ROW, [1, "2", 3, 4]]}},
        422,
        "invalid_input",
        "$.dataframe_split.data[1][1]",
    ),
    "of a data frame with a column twice": (
        {"dataframe_split": {"columns": [*FEATURES, FEATURES[0]], "data": [[*ROW, 1]]}},
        422,
        "invalid_input",
        "$.dataframe_split.columns[4]",
    ),
    "of a data frame with a short row": (
        {"dataframe_split": {"columns": FEATURES, "data": [ROW, ROW[1:]]}},
        422,
        "invalid_input",
        "$.dataframe_split.data[1]",
    ),
    "of a data frame without rows": (
        {"dataframe_split": {"columns": FEATURES}},
        422,
        "invalid_input",
        "$.dataframe_split",
    ),
    "of records of which one is a list": (
        {"dataframe_records": [NAMED, ROW]},
        422,
        "invalid_input",
        "$.dataframe_records[1]",
    ),
    "with an unknown member": ({"instances": [ROW], "output": ["label"]}, 422, "invalid_input", "$"),
    "with outputs that are text": (
        {"instances": [ROW], "outputs": "label"},
        422,
        "invalid_input",
        "$.outputs",
    ),
    "with no output": ({"instances": [ROW], "outputs": []}, 422, "invalid_input", "$.outputs"),
    "with an unknown output": (
        {"instances": [ROW], "outputs": ["labels"]},
        422,
        "invalid_input",
        "$.outputs[0]",
    ),
    "with an output that is not its": (
        {"instances": [ROW], "outputs": ["distance"]},
        422,
        "invalid_input",
        "$.outputs[0]",
    ),
    "with an output that is not its, by scikit-learn's name": (
        {"instances": [ROW], "outputs": ["predict", "transform"]},
        422,
        "invalid_input",
        "$.outputs[1]",
    ),
    "with an output that is null": (
        {"instances": [ROW], "outputs": [None]},
        422,
        "invalid_input",
        "$.outputs[0]",
    ),
    "with too many outputs": (
        {"instances": [ROW], "outputs": ["label"] * 17},
        422,
        "invalid_input",
        "$.outputs",
    ),
    "with a signature that is a number": (
        {"instances": [ROW], "signature_name": 1},
        422,
        "invalid_input",
        "$.signature_name",
    ),
    "that is empty": (b"", 400, "malformed_input", ""),
    "that ends too early": (b'{"instances": [[1, 2', 400, "malformed_input", ""),
    "that goes on": (b'{"instances": [[1, 2, 3, 4]]} {}', 400, "malformed_input", ""),
    "in single quotes": (b"{'instances': [[1, 2, 3, 4]]}", 400, "malformed_input", ""),
    "with a comma too many": (b'{"instances": [[1, 2, 3, 4],]}', 400, "malformed_input", ""),
    "with NaN": (b'{"instances": [[1, 2, 3, NaN]]}', 400, "malformed_input", ""),
    "with Infinity": (b'{"instances": [[1, 2, 3, Infinity]]}', 400, "malformed_input", ""),
    "with a leading zero": (b'{"instances": [[01, 2, 3, 4]]}', 400, "malformed_input", ""),
    "with a key twice": (b'{"instances": [[1, 2, 3, 4]], "instances": []}', 400, "malformed_input", ""),
    "with a control character": (b'{"instances": [[1, 2, 3, 4]], "a\nb": 1}', 400, "malformed_input", ""),
    "that is no UTF-8": (b'{"instances": [[1, 2, 3, 4]], "\xe4": 1}', 400, "malformed_input", ""),
    "in UTF-16": ('{"instances": [[1, 2, 3, 4]]}'.encode("utf-16"), 400, "malformed_input", ""),
    "nested ever deeper": (
        b'{"instances": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        400,
        "malformed_input",
        "",
    ),
    "with a number past float64": (
        b'{"instances": [[1, 2, 3, 1e400]]}',
        422,
        "invalid_input",
        "$.instances[0][3]",
    ),
    "with a NUL": (b'\x00{"instances": [[1, 2, 3, 4]]}', 400, "malformed_input", ""),
}


def _predicted(name: str, model: str, rows: Any, *outputs: str) -> Case:
    body = {"instances": rows, **({"outputs": list(outputs)} if outputs else {})}
    return post(name, f"/v1/models/{model}:predict", body)


CASES = [
    *[_predicted(f"few rows, the labels of {model}", model, rows) for model, rows in FEW.items()],
    *[
        _predicted(f"few rows, everything of {model}", model, rows, *OUTPUTS[model])
        for model, rows in FEW.items()
    ],
    *[_predicted(f"many rows, the labels of {model}", model, rows) for model, rows in MANY.items()],
    *[
        _predicted(f"many rows, everything of {model}", model, rows, *OUTPUTS[model])
        for model, rows in MANY.items()
    ],
    *[
        _predicted(f"one row, only the {output} of {model}", model, FEW[model][:1], output)
        for model, outputs in OUTPUTS.items()
        for output in outputs
    ],
    _predicted("an output twice", "iris", [ROW], "label", "decision", "label"),
    _predicted("outputs by scikit-learn's names", "iris", [ROW], "predict", "predict_proba"),
    _predicted("a decision by scikit-learn's name", "numbers", [ROW], "decision_function", "label"),
    _predicted("distances by scikit-learn's name", "line", [[3]], "transform"),
    _predicted("an output by both names", "iris", [ROW], "label", "predict"),
    _predicted("outputs in another order", "iris", [ROW], "decision", "label"),
    _predicted("a row by name", "iris", [NAMED]),
    _predicted("a row by name in another order", "iris", [dict(reversed(NAMED.items()))]),
    _predicted("rows by position and by name", "iris", [ROW, NAMED]),
    _predicted(
        "names outside ASCII", "texts", [dict(zip(TEXT_FEATURES, ROW, strict=False))], "label", "probability"
    ),
    post(
        "names outside ASCII, as they are",
        "/v1/models/texts:predict",
        json.dumps({"instances": [dict(zip(TEXT_FEATURES, ROW, strict=False))]}, ensure_ascii=False).encode(),
    ),
    _predicted(
        "integers, zeros and exponents", "iris", [[0, -0.0, 1e-300, 5e-324]], "probability", "decision"
    ),
    _predicted("an integer past 64 bits", "line", [[2**70]], "label", "distance"),
    _predicted("values far outside", "iris", [[1e6, -1e6, 1e6, -1e6]], "label", "probability"),
    post("a signature's name", PATH, {"instances": [ROW], "signature_name": "serving_default"}),
    *[
        post(
            f"unknown columns: {name}",
            PATH,
            {"instances": rows, "unknown_columns": said},
            status,
            code="invalid_input" if at else "",
            at=at,
        )
        for name, (rows, said, status, at) in UNKNOWN.items()
    ],
    *[post(f"a form: {name}", PATH, body) for name, body in FORMS.items()],
    post("a byte order mark", PATH, b'\xef\xbb\xbf{"instances": [[6.3, 2.5, 4.9, 1.5]]}'),
    post("spaces around", PATH, b' \r\n\t{"instances":\n[[6.3, 2.5, 4.9, 1.5]]}\n '),
    post("a key that may predict", PATH, {"instances": [ROW]}, key=PREDICT),
    post("version 2", "/v1/models/iris/versions/2:predict", {"instances": [ROW]}),
    post("alias production", "/v1/models/iris/aliases/production:predict", {"instances": [ROW]}),
    post("alias canary", "/v1/models/iris/aliases/canary:predict", {"instances": [ROW]}),
    post(
        "label canary, as TensorFlow Serving calls it",
        "/v1/models/iris/labels/canary:predict",
        {"instances": [ROW]},
    ),
    post("an encoded colon", "/v1/models/iris%3Apredict", {"instances": [ROW]}),
    post("a query", f"{PATH}?verbose=true", {"instances": [ROW]}),
    *[
        post(f"instances: {name}", PATH, {"instances": instances}, 422, code="invalid_input", at=at)
        for name, (instances, at) in FAULTS.items()
    ],
    *[
        post(f"a body {name}", PATH, body, status, code=code, at=at)
        for name, (body, status, code, at) in BODIES.items()
    ],
    post("an unknown model", "/v1/models/nobody:predict", {"instances": [ROW]}, 404, code="model_not_found"),
    post("a deleted model", "/v1/models/gone:predict", {"instances": [[1]]}, 404, code="model_not_found"),
    post(
        "a deleted version",
        "/v1/models/iris/versions/3:predict",
        {"instances": [ROW]},
        404,
        code="version_not_found",
    ),
    post(
        "an unknown alias",
        "/v1/models/iris/aliases/green:predict",
        {"instances": [ROW]},
        404,
        code="alias_not_found",
    ),
    post(
        "an unknown label",
        "/v1/models/iris/labels/green:predict",
        {"instances": [ROW]},
        404,
        code="alias_not_found",
    ),
    post("a bad body for an unknown model", "/v1/models/nobody:predict", b"{", 400, code="malformed_input"),
    post("no key", PATH, {"instances": [ROW]}, 401, key=NOBODY, code="unauthenticated"),
    get("GET", PATH, 405, code="method_not_allowed"),
    call("HEAD", "HEAD", PATH, 405),
    call("OPTIONS", "OPTIONS", PATH, 204),
    call("PUT", "PUT", PATH, 405, {"instances": [ROW]}, code="method_not_allowed"),
    post("an unknown verb", "/v1/models/iris:guess", {"instances": [ROW]}, 404, code="route_not_found"),
    post(
        "the verb in capitals", "/v1/models/iris:PREDICT", {"instances": [ROW]}, 404, code="route_not_found"
    ),
    post(
        "the verb after a slash", "/v1/models/iris/predict", {"instances": [ROW]}, 404, code="route_not_found"
    ),
    post("a slash at the end", f"{PATH}/", {"instances": [ROW]}, 404, code="route_not_found"),
    post("no model's name", "/v1/models/:predict", {"instances": [ROW]}, 404, code="route_not_found"),
]
