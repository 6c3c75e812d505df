"""Bodies of more than a kilobyte, which another parser reads: answers and refusals are those of short ones.

An instance loads that parser for its second long body, so the first case is there for the others. Short cases
of other files are asked again with spaces behind their bodies, and `TWINS` says which.
"""

import json
import struct
from collections.abc import Iterable
from itertools import chain
from typing import Any

from tests.conformance.case import PREDICT, Case, post, zipped
from tests.conformance.cases import inference, npy, prediction
from tests.conformance.cases.state import FEATURES, ROWS

LONG = 1_100  # bytes at least
PATH, EXPLAIN, INFER = "/v1/models/iris:predict", "/v1/models/iris:explain", "/v2/models/iris/infer"
MANY = ROWS[::3]  # 50 rows
NAMED = [dict(zip(FEATURES, row, strict=True)) for row in MANY]
ODD_ROW, ODD_COLUMN = 41, 2
FLAT = [*chain.from_iterable(MANY)]
NUMBER, INFINITE, OF_ROW, NO_JSON = "a number", "no finite one", "a row", "no JSON"
# What may stand for one number among 50 rows of them, and whose fault it is, if it is one.
ODD: dict[str, tuple[str, str]] = {
    "a whole number": ("5", ""),
    "minus zero": ("-0", ""),
    "an exponent": ("49E-1", ""),
    "an integer past 64 bits": ("18446744073709551616", ""),
    "an integer between two float64": ("9007199254740993", ""),
    "an integer of 30 digits": ("4" * 30, ""),
    "a fraction of 40 digits": ("4." + "9" * 40, ""),
    "the least number above zero": ("5e-324", ""),
    "a number below the least": ("1e-400", ""),
    "a number past float64": ("1e400", INFINITE),
    "an integer past float64": ("9" * 310, NUMBER),
    "an integer of too many digits": ("9" * 4_400, NO_JSON),
    "true": ("true", NUMBER),
    "null": ("null", NUMBER),
    "a text": ('"4.9"', NUMBER),
    "a list": ("[4.9]", NUMBER),
    "an object": ("{}", NUMBER),
    "an object with a key twice": ('{"a": 1, "a": 2}', NO_JSON),
    "NaN": ("NaN", NO_JSON),
    "Infinity": ("Infinity", NO_JSON),
    "minus Infinity": ("-Infinity", NO_JSON),
    "a leading zero": ("04.9", NO_JSON),
    "a plus": ("+4.9", NO_JSON),
    "a point and no digit": ("4.", NO_JSON),
    "nothing": ("", NO_JSON),
    "two numbers": ("4.9, 1.5", OF_ROW),
    "the end of a row": ("4.9], [1.5", OF_ROW),
}
# Members beside 50 rows of numbers, the status, and where the fault is said to be.
MEMBERS: dict[str, tuple[str, int, str]] = {
    "outputs": ('"outputs": ["probability", "decision"]', 200, ""),
    "outputs with an escape": ('"outp\\u0075ts": ["decision"]', 200, ""),
    "outputs that are text": ('"outputs": "label"', 422, "$.outputs"),
    "an unknown output": ('"outputs": ["labels"]', 422, "$.outputs[0]"),
    "a signature's name": ('"signature_name": "serving_default"', 200, ""),
    "the rows again": ('"instances": [[1, 2, 3, 4]]', 400, ""),
    "the rows again, escaped": ('"inst\\u0061nces": [[1, 2, 3, 4]]', 400, ""),
    "outputs twice": ('"outputs": ["label"], "outputs": ["label"]', 400, ""),
    "a member's member twice": ('"notes": {"a": 1, "a": 2}', 400, ""),
    "an unknown member": ('"unknown": "x"', 422, "$"),
    "another form": ('"inputs": [[1, 2, 3, 4]]', 422, "$"),
    "a control character": ('"signature_name": "a\tb"', 400, ""),
}
# Rows of which one is another, and where that is said to be.
RAGGED: dict[str, tuple[Any, str]] = {
    "one of three numbers": (MANY[0][:3], "$.instances[41]"),
    "one of five": ([*MANY[0], 1.0], "$.instances[41]"),
    "an empty one": ([], "$.instances[41]"),
    "a number": (1.0, "$.instances[41]"),
    "null": (None, "$.instances[41]"),
    "one by name without a column": (dict.fromkeys(FEATURES[1:], 1), "$.instances[41]"),
    "one by name with another column": ({**NAMED[0], "id": 7}, "$.instances[41].id"),
    "one by name with a text": ({**NAMED[0], FEATURES[2]: "4.9"}, '$.instances[41]["petal length"]'),
    "one by name with null": ({**NAMED[0], FEATURES[2]: None}, '$.instances[41]["petal length"]'),
    "one past what can be computed": ([1e308, -1e308, 1e308, -1e308], "$.instances[41]"),
}


def _many(third: str) -> str:
    """50 rows as JSON; of one of them, `third` stands where its third number does."""
    lines = [*map(json.dumps, MANY)]
    lines[ODD_ROW] = f"[6.3, 2.5, {third}, 1.5]"
    return f"[{', '.join(lines)}]"


def _flat(third: str) -> str:
    """The same in one list."""
    values = [*map(str, FLAT)]
    values[len(FEATURES) * ODD_ROW + ODD_COLUMN] = third
    return f"[{', '.join(values)}]"


def _by_name(third: str) -> str:
    """The same by name."""
    lines = [*map(json.dumps, NAMED)]
    lines[ODD_ROW] = (
        f'{{"sepal length": 6.3, "sepal width": 2.5, "petal length": {third}, "petal width": 1.5}}'
    )
    return f"[{', '.join(lines)}]"


def _odd(
    form: str, target: str, body: str, places: dict[str, str], refused: int, *, skip: Iterable[str] = ()
) -> list[Case]:
    """A case for each of `ODD` in a body's place of rows; `places` says whose fault is told where."""
    cases = []
    for name, (third, fault) in ODD.items():
        if name in skip:
            continue
        at = places.get(fault, "")
        code = "malformed_input" if fault == NO_JSON else "invalid_input" if fault else ""
        status = 400 if fault == NO_JSON else refused if fault else 200
        rows = {"flat": _flat, "by name": _by_name}.get(form, _many)(third)
        cases.append(
            post(f"{form}: {name}", target, body.replace("ROWS", rows).encode(), status, code=code, at=at)
        )
    return cases


def _inferred(name: str, at: str = "", **changes: Any) -> Case:
    tensor = {"shape": [len(MANY), 4], "datatype": "FP64", "data": FLAT, **changes}
    body = {"inputs": [{"name": "input-0", **tensor}]}
    return post(
        f"a tensor: {name}", INFER, body, 400 if at else 200, code="invalid_input" if at else "", at=at
    )


def _changed(place: int, value: Any) -> list[Any]:
    return [*FLAT[:place], value, *FLAT[place + 1 :]]


def _lengthened(group: str, cases: Iterable[Case]) -> dict[str, Case]:
    """The short cases of JSON with spaces behind their bodies, by the short ones' names."""
    found = {}
    for case in cases:
        body = case.request.body
        headers = {name.lower(): value for name, value in case.request.headers}
        json_type = headers.keys() <= {"content-type"} and headers.get("content-type", "json").endswith(
            "json"
        )
        if body is not None and len(body) < LONG and json_type:
            request = case.request._replace(body=body.ljust(LONG))
            name = f"{group}: {case.name}"
            found[name] = case._replace(name=f"lengthened, {name}", request=request)
    return found


_LENGTHENED = _lengthened("prediction", prediction.CASES) | _lengthened("inference", inference.CASES)
# The fault of these is where they end, which is behind the spaces.
ENDING_TOO_EARLY = {"prediction: a body that ends too early", "prediction: a bad body for an unknown model"}
# The names of long cases and of the short ones that are to be answered alike.
TWINS = {
    f"long_bodies: {case.name}": name for name, case in _LENGTHENED.items() if name not in ENDING_TOO_EARLY
}

CASES = [
    post("the first one", PATH, {"instances": MANY}, key=PREDICT),
    post("the second one", PATH, {"instances": MANY}, key=PREDICT),
    *_odd(
        "rows",
        PATH,
        '{"outputs": ["label", "decision"], "instances": ROWS}',
        {NUMBER: "$.instances[41][2]", INFINITE: "$.instances[41][2]", OF_ROW: "$.instances[41]"},
        422,
    ),
    *_odd(
        "by name",
        PATH,
        '{"instances": ROWS, "outputs": ["label", "decision"]}',
        dict.fromkeys((NUMBER, INFINITE), '$.instances[41]["petal length"]'),
        422,
        skip=("two numbers", "the end of a row"),
    ),
    *_odd(
        "flat",
        INFER,
        '{"inputs": [{"name": "input-0", "shape": [50, 4], "datatype": "FP64", "data": ROWS}]}',
        {NUMBER: "$.inputs[0].data[166]", INFINITE: "$.inputs[0]", OF_ROW: "$.inputs[0].data"},
        400,
        skip=("the end of a row",),
    ),
    *(
        post(
            f"beside rows, {side}: {name}",
            PATH,
            f"{{{', '.join(parts)}}}".encode(),
            status,
            code={200: "", 400: "malformed_input"}.get(status, "invalid_input"),
            at=at,
        )
        for name, (member, status, at) in MEMBERS.items()
        for side, parts in (
            ("before", (member, f'"instances": {MANY}')),
            ("behind", (f'"instances": {MANY}', member)),
        )
    ),
    *(
        post(
            f"of rows, {name}",
            PATH,
            {"instances": [*MANY[:ODD_ROW], row, *MANY[ODD_ROW + 1 :]]},
            422,
            code="invalid_input",
            at=at,
        )
        for name, (row, at) in RAGGED.items()
    ),
    post("rows by position and by name", PATH, {"instances": [*MANY, *NAMED]}),
    post(
        "rows by name, of which others are ignored",
        PATH,
        {
            "instances": [{"id": number, **row} for number, row in enumerate(NAMED)],
            "unknown_columns": "ignore",
        },
    ),
    post("compressed", PATH, zipped({"instances": MANY}), 200, {"Content-Encoding": "gzip"}),
    post("receipts", PATH, {"instances": MANY, "receipt": True}),
    post("explained", EXPLAIN, {"instances": MANY[:40], "notes": False}),
    post(
        "explained, a text in it",
        EXPLAIN,
        _many('"4.9"').join(('{"instances": ', "}")).encode(),
        422,
        code="invalid_input",
        at="$.instances[41][2]",
    ),
    _inferred("nested", data=MANY),
    _inferred("one whose rows are nested otherwise", "$.inputs[0].data", data=[MANY]),
    _inferred("too short", "$.inputs[0].data", data=FLAT[:-1]),
    _inferred("of another shape", "$.inputs[0].shape", shape=[len(MANY) // 2, 8]),
    _inferred("whole numbers", datatype="INT64", data=[*map(int, FLAT)]),
    _inferred("whole numbers, and a fraction", "$.inputs[0].data[0]", datatype="INT64"),
    _inferred(
        "whole numbers, and one past its datatype",
        "$.inputs[0].data[166]",
        datatype="INT8",
        data=[*map(int, _changed(166, 128))],
    ),
    _inferred(
        "with a row past what can be computed",
        "$.inputs[0][41]",
        data=[*FLAT[:164], 1e308, -1e308, 1e308, -1e308, *FLAT[168:]],
    ),
    post(
        "a tensor for each column",
        INFER,
        {
            "inputs": [
                {"name": name, "shape": [len(MANY)], "datatype": "FP64", "data": [row[name] for row in NAMED]}
                for name in FEATURES
            ]
        },
    ),
    inference.binary(
        "a tensor of bytes",
        {
            "inputs": [
                {
                    "name": "input-0",
                    "shape": [len(MANY), 4],
                    "datatype": "FP64",
                    "parameters": {"binary_data_size": 8 * len(FLAT)},
                }
            ]
        },
        struct.pack(f"<{len(FLAT)}d", *FLAT),
    ),
    post("an array", PATH, npy.array(MANY), 200, npy.SENT),
    *npy.refused("an array with NaN", npy.array([*MANY[:-1], [1, 2, 3, float("nan")]]), at="body"),
    *npy.refused("an array with another column", npy.array([[*row, 1.0] for row in MANY]), at="body.shape"),
    *npy.refused("an array cut short", npy.array(MANY)[:-1], 400, "malformed_input"),
    *_LENGTHENED.values(),
]
