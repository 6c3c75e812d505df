"""How values are read: a row of the training file means to `:predict` what it meant to training."""

from typing import Any

from tests.conformance.case import NOBODY, PREDICT, TRAIN, Case, get, post, upload
from tests.conformance.cases.npy import npy

_PLANS = ("basic", " pro", "NA", "None", "unknown", "")
_SPEND = ("$1,074.50", "$999", "($5.25)", "n/a", "-")
HEADER = "id,age,plan,active,since,spend,churned\n"
LINES = [
    f"c-{row},{20 + row % 30},{_PLANS[row % 6]},{('true', 'False', '')[row % 3]},"
    f'{row % 28 + 1:02}.{row % 12 + 1:02}.2024,"{_SPEND[row % 5]}",{"yes" if row % 7 < 3 else "no"}\n'
    for row in range(90)
]
TABLE = (HEADER + "".join(LINES)).encode()
BARE = "".join(line.replace('"', "") for line in ("5.1,a\n", "4.9,b\n", "4.7,a\n", "5.0,b\n") * 8).encode()
DATA = {"uri": "dataset://written", "target": "churned"}
PATH = "/v1/models/written:predict"
ROW = {"age": " 31", "plan": "pro ", "active": "TRUE", "since": "05.06.2024", "spend": "$1,074.50"}
CSV = {"Content-Type": "text/csv"}


def train(name: str, data: dict[str, Any], note: str, **more: Any) -> list[Case]:
    """A table that a model is trained on, and what became of the job."""
    body = {"algorithm": "logistic_regression", "data": data, **more}
    return [
        post(name, "/v1/models/written:train", body, 202, keep={note: "body id"}, deliver="after", key=TRAIN),
        get(f"{name}: the job is over", f"/v1/jobs/{{{note}}}"),
    ]


def refused(name: str, options: dict[str, Any], at: str) -> Case:
    """Options that are refused before there is a job."""
    body = {"algorithm": "svm", "data": {**DATA, **options}}
    return post(name, "/v1/models/written:train", body, 422, code="invalid_input", at=at, key=TRAIN)


def rows_refused(name: str, body: Any, at: str) -> Case:
    """Rows that are refused where they are wrong."""
    return post(name, PATH, body, 422, code="invalid_input", at=at, key=PREDICT)


CASES = [
    *upload("a table as people write it", "written", TABLE),
    get(
        "what its columns were taken for",
        "/v1/datasets/written",
        headers={"Prefer": "wait=50"},
        deliver="meanwhile",
    ),
    *train("by what was guessed", DATA, "guessed"),
    get("how a version reads values", "/v1/models/written/versions/1"),
    get("the profile of columns of every kind", "/v1/models/written/versions/1/profile", key=TRAIN),
    get("how a row is written", "/v1/models/written/schema", key=PREDICT),
    post("a row as the file has it", PATH, {"instances": [ROW]}, key=PREDICT),
    post(
        "the same row with types of its own",
        PATH,
        {"instances": [{**ROW, "age": 31, "plan": "pro", "active": True, "spend": 1074.5}]},
    ),
    post(
        "words for a missing value, and notes of them",
        PATH,
        {"instances": [{**ROW, "plan": "NA", "spend": "-", "active": ""}], "notes": True},
    ),
    post("a category that is new, and a note", PATH, {"instances": [{**ROW, "plan": "gold"}], "notes": True}),
    post("a row column by column", PATH, {"inputs": {name: [value] for name, value in ROW.items()}}),
    post(
        "a data frame's rows",
        PATH,
        {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}, "notes": True},
    ),
    post(
        "tensors of text",
        "/v2/models/written/infer",
        {
            "inputs": [
                {"name": name, "shape": [1, 1], "datatype": "BYTES", "data": [value]}
                for name, value in ROW.items()
            ],
            "parameters": {"notes": True},
        },
        key=PREDICT,
    ),
    post("the file itself", f"{PATH}?unknown_columns=ignore", TABLE, 200, CSV, key=PREDICT),
    post("its rows without a header", f"{PATH}?outputs=label", b"31,pro,true,05.06.2024,$5\n", 200, CSV),
    post(
        "an answer of CSV",
        f"{PATH}?unknown_columns=ignore",
        TABLE,
        200,
        {**CSV, "Accept": "text/csv"},
    ),
    post("JSON that is answered with CSV", PATH, {"instances": [ROW]}, 200, {"Accept": "text/csv"}),
    post("CSV of another charset", PATH, TABLE, 415, {"Content-Type": "text/csv; charset=latin-1"})._replace(
        code="unsupported_media_type"
    ),
    post("CSV with a column too many", PATH, TABLE, 422, CSV, code="invalid_input", at="line 1"),
    post("CSV with a cell too few", PATH, b"31,pro,true,05.06.2024\n", 422, CSV, code="invalid_input"),
    post("no CSV at all", PATH, b"", 422, CSV, code="invalid_input", at="body"),
    post(
        "an array of numbers, of which words are none",
        PATH,
        npy("<f8", (1, 5), bytes(40)),
        415,
        {"Content-Type": "application/x-npy"},
        code="unsupported_media_type",
    ),
    post("CSV for nobody", PATH, TABLE, 401, CSV, key=NOBODY, code="unauthenticated"),
    rows_refused("a number that is none", {"instances": [{**ROW, "age": "old"}]}, "$.instances[0].age"),
    rows_refused("another currency", {"instances": [{**ROW, "spend": "€5"}]}, "$.instances[0].spend"),
    rows_refused(
        "a date of another order", {"instances": [{**ROW, "since": "06/30/2024"}]}, "$.instances[0].since"
    ),
    rows_refused(
        "a truth value that is none", {"instances": [{**ROW, "active": "on"}]}, "$.instances[0].active"
    ),
    rows_refused("a column that is new", {"instances": [{**ROW, "id": "c-1"}]}, "$.instances[0].id"),
    post(
        "a column that is new and ignored",
        PATH,
        {"instances": [{**ROW, "id": "c-1"}], "unknown_columns": "ignore"},
    ),
    *train(
        "by what was said",
        {
            **DATA,
            "types": {"age": "category", "active": "category", "since": "ignore"},
            "missing": ["", "unknown", "n/a"],
            "exclude": ["id"],
        },
        "said",
    ),
    get("a version says what was said", "/v1/models/written/versions/2"),
    post(
        "a word that was said to be none for missing",
        PATH,
        {"instances": [{"age": 31, "plan": "None", "active": "true", "spend": "$5"}], "notes": True},
    ),
    post(
        "a word that was said to stand for missing",
        PATH,
        {"instances": [{"age": "31", "plan": "unknown", "active": "false", "spend": "5"}], "notes": True},
    ),
    *train("a type that does not fit", {**DATA, "types": {"plan": "number"}}, "unfit"),
    *train("a column that is not there", {**DATA, "types": {"plans": "number"}}, "absent"),
    *upload("a table without a header", "bare", BARE),
    *train("names that were made up", {"uri": "dataset://bare", "target": "x1"}, "bare"),
    *train(
        "a header that was said to be one", {"uri": "dataset://bare", "target": "a", "header": True}, "header"
    ),
    refused("a type that is none", {"types": {"age": "float"}}, "$.data.types.age"),
    refused("types that are a list", {"types": ["age"]}, "$.data.types"),
    refused("missing that is a word", {"missing": "NA"}, "$.data.missing"),
    refused("a missing word that is a number", {"missing": [-999]}, "$.data.missing[0]"),
    refused("a decimal sign that is none", {"decimal": ";"}, "$.data.decimal"),
    refused("thousands by the decimal sign", {"thousands": "."}, "$.data.thousands"),
    refused("a delimiter of two characters", {"delimiter": "::"}, "$.data.delimiter"),
    refused("an encoding that is none", {"encoding": "klingon"}, "$.data.encoding"),
    refused("a header that is a number", {"header": 1}, "$.data.header"),
    refused("dayfirst that is a word", {"dayfirst": "yes"}, "$.data.dayfirst"),
    refused("a target that is excluded", {"exclude": ["churned"]}, "$.data.exclude"),
    refused("a target that is ignored", {"types": {"churned": "ignore"}}, "$.data.types.churned"),
    post(
        "rows with types and missing words",
        "/v1/models/said:train",
        {
            "algorithm": "logistic_regression",
            "instances": [[value, code] for value in ("1", "2", "?", "4") for code in (10, 20, -999)] * 2,
            "targets": ["a", "b", "b"] * 8,
            "types": {"x0": "number", "x1": "category"},
            "missing": ["?", "-999"],
            "test_fraction": 0,
        },
        202,
        deliver="after",
    ),
    post("a row of them", "/v1/models/said:predict", {"instances": [["3", 20], ["?", -999]], "notes": True}),
    post(
        "rows with a type of no feature",
        "/v1/models/said:train",
        {"algorithm": "svm", "instances": [[1], [2]], "targets": [0, 1], "types": {"x9": "number"}},
        422,
        code="invalid_input",
        at="$.types.x9",
    ),
    post(
        "rows of dates",
        "/v1/models/dates:train",
        {
            "algorithm": "logistic_regression",
            "instances": [[f"2024-01-{day:02}"] for day in range(1, 21)],
            "targets": ["a", "b"] * 10,
        },
        202,
        deliver="after",
    ),
    post("a row with a date", "/v1/models/dates:predict", {"instances": [["2024-01-05 10:00:00+01"]]}),
    post(
        "whole numbers that float64 would merge",
        "/v1/models/large:train",
        {
            "algorithm": "logistic_regression",
            "instances": [[2**60 + row % 4] for row in range(24)],
            "targets": [("a", "b")[row % 2] for row in range(24)],
        },
        202,
        deliver="after",
    ),
    post(
        "rows of such numbers",
        "/v1/models/large:predict",
        {"instances": [[2**60], [2**60 + 1], [2**60 + 2], [2**60 + 3]]},
    ),
]
