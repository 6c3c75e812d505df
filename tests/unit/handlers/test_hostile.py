"""Whatever a caller sends, the answer is theirs to mend: never a 5xx."""

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.rest.answers import ANSWERS
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.rest.routes import ROUTES, Route
from ml_core.datasets.looking import check_look
from ml_core.errors import ServerlessMLError
from ml_core.inputs.rules import DECIMALS, THOUSANDS
from ml_core.tables.description import describe
from ml_core.tables.options import TYPES
from ml_core.tables.reading import read
from tests.unit.handlers.conftest import REQUESTS, ROWS, copy_of, services_over

Send = Any

OPTIONS: dict[str, Any] = {
    "types": {"a": "number", "b": "category"},
    "missing": ["NA", "-999"],
    "decimal": ",",
    "thousands": ".",
    "dayfirst": True,
    "delimiter": ";",
    "encoding": "utf-8",
    "header": True,
    "exclude": ["c"],
}
UPLOADED = f"artifact://iris/{'0' * 28}"
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "PREDICT_BODY": [
        {"instances": ROWS[:2], "outputs": ["label", "probability"], "unknown_columns": "ignore"},
        {"inputs": {f"x{place}": [1, 2] for place in range(4)}, "outputs": ["label"]},
        {"dataframe_split": {"columns": ["x0", "x3", "x1", "x2"], "index": [0], "data": ROWS[:1]}},
        {"dataframe_records": [{"x0": 1, "x1": 2, "x2": 3, "x3": 4}]},
        {"instances": ROWS[:2], "receipt": True},
    ],
    "EXPLAIN_BODY": [
        {"instances": ROWS[:2], "background": {"instances": ROWS[2:4]}},
        {"instances": ROWS[:1], "top": 1, "background": {"instances": ROWS[2:4]}},
    ],
    "BUDGET_BODY": [{"budget": {"epsilon": 4, "delta": 1e-6}}, {"budget": None}],
    "FEEDBACK_BODY": [{"receipts": [{"receipt": "A" * 40, "label": "low"}]}],
    "SCHEDULE_BODY": [
        {
            "train": {"algorithm": "svm", "data": {"uri": "dataset://iris", "target": "b"}},
            "every": "P1D",
            "on": ["upload", "drift"],
            "at_most_every": "PT6H",
            "most_a_day": 2,
            "alias": "live",
            "promote": {
                "when": {"metric": "log_loss", "not_worse_by": 0.1},
                "steps": [10, 100],
                "step": "PT1H",
            },
            "rollback": {"errors": 0.1, "p95_ms": 500, "for": "P1D"},
            "paused": False,
        },
        {"train": REQUESTS["groups"], "every": "P1M"},
    ],
    "ALIAS_BODY": [{"version": 1}, {"weights": {"1": 90, "2": 10}}],
    "ABOUT_BODY": [{"description": "Of flowers.", "tags": {"team": "a", "old": None}}, {"tags": None}],
    "PROMOTE_BODY": [{"version": 1}, {"alias": "live"}],
    "ROLLBACK_BODY": [{"to": 1}],
    "INFER_BODY": [
        {
            "id": "1",
            "inputs": [
                {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [1, 2, 3, 4], "parameters": {}}
            ],
            "outputs": [{"name": "predict", "parameters": {"binary_data": True}}],
            "parameters": {"binary_data_output": True, "unknown_columns": "ignore"},
        },
        {
            "inputs": [
                {"name": "x", "shape": [1, 4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}
            ]
        },
    ],
    "TRAIN_BODY": [
        REQUESTS["groups"],
        REQUESTS["iris"],
        {
            "algorithm": "svm",
            "data": {"uri": "dataset://iris", "target": "b", "features": ["a"], **OPTIONS, "format": "csv"},
        },
    ],
    "DESCRIBE_BODY": [OPTIONS, {"format": "csv"}],
    "SCORE_BODY": [
        {
            "data": {
                "uri": "dataset://iris",
                "format": "csv",
                "delimiter": ";",
                "encoding": "utf-8",
                "header": True,
            },
            "outputs": ["label", "probability"],
            "keep": ["a", "b"],
            "format": "csv",
            "rejects": "stop",
            "engine": "function",
        },
        {"data": {"uri": "dataset://iris"}, "to": {"uri": "s3://lake/scores/"}},
    ],
    "IMPORT_BODY": [
        {
            "uri": UPLOADED,
            "sha256": "0" * 64,
            "features": ["a", "b"],
            "classes": ["no", "yes"],
            "outputs": {"label": "output_label", "probability": "output_probability"},
            "example": [[1, 2]],
            "origin": {"description": "from a notebook"},
        },
    ],
    "REGISTER_BODY": [
        {
            "uri": UPLOADED,
            "sha256": "0" * 64,
            "origin": {
                "description": "from dev",
                "library_versions": {"scikit-learn": "1.7"},
                "version": {"metrics": {"test": {"accuracy": 0.5}}, "classes": ["a", 1, True, None]},
            },
        },
        {"uri": UPLOADED},
    ],
}
names = st.sampled_from(
    ["iris", "groups", "truth", "nobody", "..", "", "A", "1", "%00", "\x00", "é", "\udc80", "a" * 64]
)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        [10**400, -(2**63) - 1, 2**64, 1e308, "\ud800", "__class__", "x" * 5000, [], {}, [[]], [{}]]
    ),
)
anything = st.recursive(
    odd, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
header_text = st.text(st.characters(codec="latin-1"), max_size=12)
headers = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/json", "text/plain", "application/json; charset=x", ";", ""]
        )
        | header_text,
        "content-encoding": st.sampled_from(["gzip", "deflate", "br", "identity"]) | header_text,
        "inference-header-content-length": st.sampled_from(["0", "5", "-1", "1e3", "999999999999"])
        | header_text,
        "if-match": header_text,
        "x-routing-key": header_text,
        "if-none-match": header_text,
        "idempotency-key": header_text,
        "prefer": st.sampled_from(["wait=0", "wait=", "wait=x", "wait=-1", "respond-async"]),
        "accept": header_text,
        "authorization": header_text,
    },
)
queries = st.dictionaries(
    st.sampled_from(["limit", "after", "before", "state", "model", "x"]),
    st.text(max_size=6) | st.just("1"),
    max_size=2,
)


@pytest.fixture(scope="module")
def send(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    """Sends to a copy of the trained models, and to a new copy once a request has deleted some."""
    root = tmp_path_factory.mktemp("hostile") / "copy"

    def copied() -> Api:
        copy_of(trained, root)
        services = services_over(root, ML_ONNX="here")
        services.store.put_if_absent(f"datasets/iris/{'0' * 28}", b"a;b;c\n1;2;3\n")
        services.store.put_if_absent(f"uploads/iris/{'0' * 28}.safetensors", b"no artifact")
        return Api(services)

    apis = [copied()]

    def request(method: str, path: str, query: Any, sent: Any, body: bytes) -> Response:
        response = apis[0].handle(Request(method, path, query, sent, body, "r1"))
        if method == "DELETE" and response.status < 300:
            shutil.rmtree(root)
            apis[0] = copied()
        return response

    yield request
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def send_as_it_is(trained: Path) -> Callable[[Request], Response]:
    return Api(services_over(trained)).handle


def _is_hashable(value: object) -> bool:
    return not isinstance(value, list)


def fit_for_a_caller(response: Response) -> None:
    """The answer is no 5xx, and says what it says in the declared form."""
    assert response.status < 500, response.body
    for name, value in response.headers.items():
        assert "\n" not in name + value
        value.encode("latin-1")
    if response.status >= 400:
        jsonschema.validate(json.loads(response.body), ANSWERS["Problem"])


def _path(route: Route, draw: st.DataObject) -> str:
    path = route.path
    for name in ("model", "alias", "version", "job", "dataset"):
        if "{" + name + "}" in path:
            value = draw.draw(st.sampled_from(["1"]) | names if name == "version" else names)
            path = path.replace("{" + name + "}", value)
    return path


every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
modest = settings(
    max_examples=int(os.environ.get("HOSTILE_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@every_route
@modest
@given(data=st.data(), body=st.binary(max_size=60), sent=headers)
def test_any_bytes(send: Send, route: Route, data: st.DataObject, body: bytes, sent: Any) -> None:
    fit_for_a_caller(send(route.method, _path(route, data), data.draw(queries), sent, body))


@every_route
@modest
@given(data=st.data(), body=anything)
def test_any_json(send: Send, route: Route, data: st.DataObject, body: Any) -> None:
    fit_for_a_caller(send(route.method, _path(route, data), {}, {}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.body], ids=lambda route: f"{route.method} {route.path}"
)
@settings(parent=modest, max_examples=max(60, modest.max_examples))
@given(data=st.data(), member=anything)
def test_a_good_body_with_something_odd_in_one_place(
    send: Send, route: Route, data: st.DataObject, member: Any
) -> None:
    body = json.loads(json.dumps(data.draw(st.sampled_from(EXAMPLES[route.body]))))
    replace_somewhere(body, member, data)
    path = route.path.replace("{model}", data.draw(st.sampled_from(["iris", "groups"])))
    path = path.replace("{version}", "1").replace("{alias}", "live").replace("{dataset}", "iris")
    encoded = json.dumps(body).encode()
    fit_for_a_caller(send(route.method, path, {}, {}, encoded))
    binary = struct.pack("<4f", 1, 2, 3, 4)
    sent = {"inference-header-content-length": str(len(encoded))}
    fit_for_a_caller(send(route.method, path, {}, sent, encoded + binary))


def replace_somewhere(container: Any, member: Any, data: st.DataObject) -> None:
    """Put `member` in the place of something at any depth."""
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    if not keys:
        return
    key = data.draw(st.sampled_from(keys))
    if isinstance(container[key], dict | list) and container[key] and data.draw(st.booleans()):
        replace_somewhere(container[key], member, data)
    else:
        container[key] = member


cells = st.sampled_from(
    [
        *(
            "",
            " ",
            "1",
            "2.5",
            "1,5",
            "1.234,5",
            "$5",
            "(5)",
            "5%",
            "NA",
            "?",
            "true",
            "no",
            "x0",
            "a",
            " b ",
        ),
        *("2024-01-01", "31.12.2023", "9999-12-31T23:59-23:59", "0001-01-01T00:00+23:59", "inf", "1e400"),
        *("9" * 400, "9" * 5000, "9007199254740993", "\0", "\ufeff", '"', "'", "\r", "\n", "1_000", "\u0663"),
    ]
)
lines = st.lists(st.lists(cells, max_size=5), max_size=12)
csv_text = st.builds(
    lambda lines, delimiter, end: end.join(map(delimiter.join, lines)),
    lines,
    st.sampled_from(",;\t|^ "),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


@settings(parent=modest, max_examples=max(100, modest.max_examples))
@given(text=csv_text, media=st.sampled_from(["text/csv", "TEXT/CSV;", "text/csv; header=absent"]), q=queries)
def test_any_text_as_csv(send: Send, text: str, media: str, q: Any) -> None:
    sent = {"content-type": media, "accept": "text/csv"}
    for query in ({"unknown_columns": "ignore", "notes": "true"}, q):
        fit_for_a_caller(send("POST", "/v1/models/iris:predict", query, sent, text.encode()))


options = st.fixed_dictionaries(
    {},
    optional={
        "types": st.dictionaries(cells.filter(bool), st.sampled_from(TYPES), max_size=3),
        "missing": st.lists(cells, max_size=3),
        "decimal": st.sampled_from(DECIMALS),
        "thousands": st.sampled_from(THOUSANDS[1:]),
        "dayfirst": st.booleans(),
        "delimiter": st.characters(codec="ascii"),
        "encoding": st.sampled_from(
            ["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "cp037", "utf-7", "hz", "idna", "undefined"]
        ),
        "header": st.booleans(),
        "exclude": st.lists(cells.filter(bool), max_size=2),
    },
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32", "cp037"])


@settings(parent=modest, max_examples=max(200, modest.max_examples))
@given(text=csv_text, encoding=encodings, said=options)
def test_any_table_under_any_options(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str, said: Any
) -> None:
    """What a file or its options have wrong is said; no reader fails in another way."""
    path = tmp_path_factory.getbasetemp() / "any-table"
    path.write_bytes(text.encode(encoding, "replace"))
    with suppress(ServerlessMLError):
        look = check_look(said)
        table = read(str(path), declared=look.format, options=look.options)
        json.dumps(describe(table), allow_nan=False)


@modest
@given(method=st.text(max_size=8), path=st.text(max_size=30), sent=headers)
def test_any_method_and_path(send: Send, method: str, path: str, sent: Any) -> None:
    fit_for_a_caller(send(method, path, {}, sent, b""))


anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.just([]) | st.just(10**4000)
)
texts = st.just("GET") | st.just("/v1/models") | st.just("accept") | anything


named = st.dictionaries(texts.filter(_is_hashable), texts)
unlikely = st.builds(Request, texts, texts, named, named, st.just(b"") | anything, st.text() | anything)


@given(sent=unlikely)
def test_a_request_that_no_gateway_sends_is_answered_too(
    send_as_it_is: Callable[[Request], Response], sent: Any
) -> None:
    """Whoever may invoke a function writes the event, and so what an adapter takes from it."""
    response = send_as_it_is(sent)
    assert response.status < 500
    assert all(isinstance(each, str) for item in response.headers.items() for each in item)
    if not (isinstance(sent.method, str) and isinstance(sent.path, str)):
        assert response.status == 400
