"""`?pretty` indents every answer of JSON, changes nothing else, and is asked for by nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.local.services import folder_services
from handlers.rest import openapi
from handlers.rest.http import Response, indented, json_response
from handlers.settings import read_settings
from tests.unit.handlers.conftest import ROWS, Ask, asking, services_over

ASKED = json.dumps({"instances": ROWS[:2], "outputs": ["label", "probability"]}).encode()
TENSOR = {
    "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": ROWS[0]}],
    "parameters": {"binary_data_output": True},
}
REQUESTED: list[tuple[str, str, bytes]] = [
    ("GET", "/", b""),
    ("GET", "/openapi.json", b""),
    ("GET", "/v1/algorithms", b""),
    ("GET", "/v1/models", b""),
    ("GET", "/v1/models?limit=2", b""),
    ("GET", "/v1/models/iris", b""),
    ("GET", "/v1/models/iris/versions", b""),
    ("GET", "/v1/models/iris/versions/1", b""),
    ("GET", "/v1/models/iris/versions/1/parameters", b""),
    ("GET", "/v1/models/iris/schema", b""),
    ("GET", "/v1/jobs", b""),
    ("POST", "/v1/models/iris:predict", ASKED),
    ("GET", "/v2", b""),
    ("GET", "/v2/models/iris", b""),
    ("POST", "/v2/models/iris/infer", json.dumps({**TENSOR, "parameters": {}}).encode()),
    ("GET", "/v1/models/nobody", b""),
    ("GET", "/nowhere", b""),
    ("PATCH", "/v1/models", b""),
    ("POST", "/v1/models/iris:predict", b"{"),
]


def _with(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


@pytest.mark.parametrize("request_", REQUESTED, ids=lambda each: f"{each[0]} {each[1]} {each[2][:1]!r}")
def test_the_same_answer_comes_indented(ask: Ask, request_: tuple[str, str, bytes]) -> None:
    method, path, body = request_
    plain = ask(method, path, body)
    assert b"\n" not in plain.body
    for query in ("pretty=", "pretty=true"):
        pretty = ask(method, _with(path, query), body)
        assert (pretty.status, pretty.headers) == (plain.status, plain.headers)
        assert pretty.body == json.dumps(json.loads(plain.body), indent=2).encode() + b"\n"
    assert ask(method, _with(path, "pretty=false"), body) == plain


def test_a_problem_as_the_standard_has_it_is_indented(ask: Ask) -> None:
    problem = ask("GET", "/v1/models/nobody?pretty=", accept="application/problem+json")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.body.startswith(b'{\n  "type"')


def test_what_is_no_json_stays_as_it_is(ask: Ask) -> None:
    csv = b"x0,x1,x2,x3\n1,2,3,4\n"
    asked: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("GET", "/docs", b"", {}),
        ("POST", "/v1/models/iris:predict", csv, {"content_type": "text/csv", "accept": "text/csv"}),
        ("POST", "/v2/models/iris/infer", json.dumps(TENSOR).encode(), {}),
        ("OPTIONS", "/v1/models", b"", {}),
    ]
    for method, path, body, headers in asked:
        plain = ask(method, path, body, **headers)
        assert plain.status < 300
        assert ask(method, f"{path}?pretty=", body, **headers) == plain


def test_an_unchanged_version_is_still_told_without_a_body(ask: Ask) -> None:
    etag = ask("GET", "/v1/models/iris/versions/1").headers["etag"]
    told = ask("GET", "/v1/models/iris/versions/1?pretty=", if_none_match=etag)
    assert (told.status, told.body) == (304, b"")


def test_head_tells_the_length_of_what_get_would_answer(ask: Ask) -> None:
    got = ask("GET", "/v1/models/iris?pretty=")
    assert ask("HEAD", "/v1/models/iris?pretty=").headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize("value", ["1", "yes", "True", "no", "x" * 5000])
def test_another_value_is_refused_by_every_route(ask: Ask, value: str) -> None:
    for method, path, body in REQUESTED[:-4]:
        refused = ask(method, _with(path, f"pretty={value}"), body)
        assert refused.status == (400 if path.endswith("/infer") else 422)
        (fault,) = json.loads(refused.body)["faults"]
        assert fault["path"] == "query.pretty"
        assert b"\n" not in refused.body


def test_an_indented_answer_keeps_to_the_limit_of_answers(trained: Path) -> None:
    plain = asking(services_over(trained))("GET", "/v1/algorithms").body
    settings = read_settings({"ML_ROOT": str(trained), "ML_MAX_ANSWER_BYTES": str(len(plain) + 10)})
    ask = asking(folder_services(settings, key_records=None))
    assert ask("GET", "/v1/algorithms").body == plain
    refused = ask("GET", "/v1/algorithms?pretty=")
    assert refused.status == 413
    assert "the indented answer has" in json.loads(refused.body)["detail"]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_indenting_changes_no_value(value: Any) -> None:
    plain = json_response(value)
    pretty = indented(plain)
    assert json.dumps(json.loads(pretty.body)) == json.dumps(json.loads(plain.body))
    assert indented(pretty) == pretty
    assert indented(Response(200, {"content-type": "text/plain"}, plain.body)).body == plain.body


def test_every_operation_that_answers_json_declares_it() -> None:
    for methods in openapi.document()["paths"].values():
        for operation in methods.values():
            kinds = {kind for answer in operation["responses"].values() for kind in answer.get("content", ())}
            declared = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
            assert ("pretty" in declared) == ("application/json" in kinds), operation["operationId"]
