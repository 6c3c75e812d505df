"""The description of the service: valid, complete, and true."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from handlers.local.services import folder_services
from handlers.rest import openapi
from handlers.rest.components import resolved
from handlers.rest.endpoints import documentation
from handlers.rest.problems import problem_response, status_of
from handlers.rest.remedies import REMEDIES
from handlers.rest.routes import ROUTES
from handlers.settings import read_settings
from ml_core.errors import InvalidInput, ServerlessMLError, TooLarge
from ml_core.inputs.rows import Limits
from ml_core.training.notebook import MEMBERS, check_request
from tests.unit.handlers.conftest import REQUESTS, Ask, asking

DOCUMENT = openapi.document()


def test_it_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT, cls=OpenAPIV31SpecValidator)


def test_its_version_is_the_projects() -> None:
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "..", "pyproject.toml"), "rb") as file:
        assert DOCUMENT["info"]["version"] == tomllib.load(file)["project"]["version"]


def test_every_route_is_in_it_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]


def test_every_example_meets_its_own_schema() -> None:
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = resolved(DOCUMENT, content.get("schema", {}))
            assert schema.get("examples") or "requestBody" not in operation, operation["operationId"]
            named = [example["value"] for example in content.get("examples", {}).values()]
            for example in (*schema.get("examples", []), *named):
                jsonschema.validate(example, {**schema, "components": DOCUMENT["components"]})


def test_there_is_an_example_of_each_kind_of_instances() -> None:
    paths = (
        *(f"/v1/models/{{model}}:{verb}" for verb in ("train", "predict", "explain")),
        "/v2/models/{model}/infer",
    )
    for path in paths:
        content = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert [*content["examples"]] == ["pictures", "sequences", "texts"]


def test_it_is_served_as_it_is_built(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "_BUILT", {})  # others ask while there are other algorithms
    served = ask("GET", "/openapi.json")
    assert json.loads(served.body) == json.loads(json.dumps(DOCUMENT))


def test_it_can_be_printed_for_a_package() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "handlers.rest.openapi"], capture_output=True, check=True, timeout=60
    ).stdout
    assert json.loads(printed) == json.loads(json.dumps(DOCUMENT))


def test_the_errors_are_listed_with_their_status() -> None:
    listed = {error["code"]: error["status"] for error in DOCUMENT["x-errors"]}
    assert listed["invalid_input"] == 422
    assert listed["too_large"] == status_of(TooLarge)
    assert listed["internal"] == listed["artifact_invalid"] == 500


def test_every_error_has_a_remedy_and_every_remedy_an_error() -> None:
    """In one or two sentences; what they name as a path or a method of one is there."""
    assert {error["code"] for error in DOCUMENT["x-errors"]} == set(REMEDIES)
    for error in DOCUMENT["x-errors"]:
        assert error["remedy"] == REMEDIES[error["code"]]
        assert re.fullmatch(r"[A-Z].*\.", error["remedy"]), error["code"]
        assert len(re.findall(r"\.(?= |$)", error["remedy"])) <= 2, error["code"]
        for method, path in re.findall(r"`(GET|POST|PUT|DELETE|PATCH) (\S+?)`", error["remedy"]):
            ends = [each for each in DOCUMENT["paths"] if each.endswith(path.lstrip("…"))]
            assert any(method.lower() in DOCUMENT["paths"][each] for each in ends), (error["code"], path)


def _kinds(kind: type[ServerlessMLError]) -> list[type[ServerlessMLError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]


def test_every_code_that_a_problem_can_have_is_listed() -> None:
    """Whatever class of the tree is raised, the page that its `type` names has a row for it."""
    listed = {error["code"]: error["status"] for error in DOCUMENT["x-errors"]}
    for kind in _kinds(ServerlessMLError):
        error = kind.__new__(kind)
        Exception.__init__(error, "")
        vars(error).update(faults=[], omitted=0, allow="", length=0)
        problem = json.loads(problem_response(error, request_id="").body)
        assert listed[problem["code"]] == problem["status"], kind
        assert problem["type"] == f"/docs#{problem['code']}"


def _is_described(body: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(openapi.training_body()).is_valid(body))


def _is_accepted(body: Any) -> bool:
    try:
        check_request(body, Limits())
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize("name", REQUESTS)
def test_a_training_that_is_accepted_is_described(name: str) -> None:
    assert _is_accepted(REQUESTS[name])
    assert _is_described(REQUESTS[name])


def test_the_training_is_described_with_every_member() -> None:
    described = {name for choice in openapi.training_body()["oneOf"] for name in choice["properties"]}
    assert described == set(MEMBERS)


odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 40),
    st.floats(-2, 2),
    st.sampled_from(["", "a", "kmeans", "svm", "balanced", "auto", "rbf"]),
    st.lists(st.integers(0, 3), max_size=2),
)


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(REQUESTS)),
    members=st.dictionaries(
        st.sampled_from(["test_fraction", "seed", "split", "hyperparameters", "other"]), odd_values
    ),
    split=st.dictionaries(
        st.sampled_from(["by", "column", "x"]),
        st.one_of(odd_values, st.sampled_from(["time", "group", "random", "x0"])),
    ),
    hyperparameters=st.dictionaries(
        st.sampled_from(["C", "tol", "max_iter", "n_clusters", "kernel", "gamma", "degree", "scale", "x"]),
        odd_values,
        max_size=2,
    ),
)
def test_what_is_not_described_is_not_accepted(
    name: str, members: dict[str, Any], split: dict[str, Any], hyperparameters: dict[str, Any]
) -> None:
    body = {**REQUESTS[name], "split": split, "hyperparameters": hyperparameters, **members}
    if "hyperparameters" in members and members["hyperparameters"] is None:
        return  # null is taken as absent
    if not _is_described(body):
        assert not _is_accepted(body)


def test_too_many_jobs_are_described_and_refused_for_a_while(tmp_path: Path) -> None:
    services = folder_services(
        read_settings({"ML_ROOT": str(tmp_path), "ML_MAX_JOBS": "1"}), key_records=None
    )
    ask, body = asking(services), json.dumps(REQUESTS["groups"]).encode()
    assert ask("POST", "/v1/models/m:train", body).status == 202
    refused = ask("POST", "/v1/models/m:train", body)
    assert (refused.status, refused.headers["retry-after"]) == (429, "30")
    problem = json.loads(refused.body)
    assert problem["code"] == "too_many_jobs"
    assert problem["detail"].startswith("1 job is queued or running, as many as may be in all: wait until")
    jsonschema.validate(problem, {**DOCUMENT, **DOCUMENT["components"]["schemas"]["Problem"]})
    described = DOCUMENT["paths"]["/v1/models/{model}:train"]["post"]["responses"]["429"]
    assert described == {"$ref": "#/components/responses/Bounded"}
    assert "Retry-After" in DOCUMENT["components"]["responses"]["Bounded"]["headers"]
