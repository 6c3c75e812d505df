"""A custom domain's base path and a gateway's stage before the API's own paths."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from handlers.clouds import aws
from handlers.local.services import folder_services
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.rest.router import below, find
from handlers.rest.routes import ROUTES
from handlers.settings import read_settings

BASES = ["/ml", "/team/ml", "/v1", "/v2", "/docs", "/v1/models"]
PATHS = sorted({route.path for route in ROUTES})


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_to_its_endpoint_with_the_base_and_without(base: str, path: str) -> None:
    assert below(base, path) == path
    # Where base and path together are an endpoint of their own, they mean that one.
    whole = f"{base}{path}"
    assert below(base, whole) == (whole if find(whole) else path)


def test_a_base_beside_the_apis_own_first_words_takes_nothing_away() -> None:
    for base in ("/ml", "/team/ml", "/v1", "/prod"):
        assert not any(find(f"{base}{path}") for path in PATHS)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/ml", "/"),
        ("/ml/", "/"),
        ("/mlx/v1/models", "/mlx/v1/models"),
        ("/ml/ml/v1/models", "/ml/v1/models"),
        ("/ml/nowhere", "/nowhere"),
        ("/ML/v1/models", "/ML/v1/models"),
        ("/nowhere/ml/v1/models", "/nowhere/ml/v1/models"),
        ("", ""),
    ],
)
def test_only_a_whole_base_at_the_beginning_is_taken_away_and_once(path: str, expected: str) -> None:
    assert below("/ml", path) == expected


def asked(root: Path, base: str, method: str, path: str, body: Any = None) -> Response:
    services = folder_services(read_settings({"ML_ROOT": str(root), "ML_BASE_PATH": base}), key_records=None)
    data = b"" if body is None else json.dumps(body).encode()
    return Api(services).handle(Request(method, path, {}, {"content-type": "application/json"}, data, "r1"))


TRAINING = {"algorithm": "kmeans", "hyperparameters": {"n_clusters": 2}, "instances": [[0], [1], [9]]}


@pytest.mark.parametrize("base", ["", "/ml", "/v1"])
@pytest.mark.parametrize("before", [True, False])
def test_where_a_job_is_has_the_base_and_leads_there(tmp_path: Path, base: str, before: bool) -> None:
    path = f"{base if before else ''}/v1/models/m:train"
    answer = asked(tmp_path, base, "POST", path, TRAINING)
    job = json.loads(answer.body)["id"]
    assert answer.headers["location"] == f"{base}/v1/jobs/{job}"
    assert asked(tmp_path, base, "GET", answer.headers["location"]).status == 200


def test_openapi_names_the_base_as_its_server(tmp_path: Path) -> None:
    for base, server in (("", "/"), ("/ml", "/ml"), ("/other", "/other"), ("", "/")):
        document = json.loads(asked(tmp_path, base, "GET", f"{base}/openapi.json").body)
        assert document["servers"] == [{"url": server}]
        assert set(document["paths"]) == set(PATHS), "the paths are below it"


@pytest.mark.parametrize(
    ("base", "documentation", "url"),
    [
        ("", "", None),
        ("/ml", "", None),
        ("", "https://docs.example.com", "https://docs.example.com/"),
        ("/ml", "https://docs.example.com/x/", "https://docs.example.com/x/"),
        ("", "/documentation", "/documentation/"),
        ("/ml", "/documentation", "/ml/documentation/"),
    ],
)
def test_openapi_says_where_the_documentation_is(
    tmp_path: Path, base: str, documentation: str, url: str | None
) -> None:
    settings = read_settings({"ML_ROOT": str(tmp_path), "ML_BASE_PATH": base})
    services = folder_services(settings._replace(documentation=documentation), key_records=None)
    answer = Api(services).handle(Request("GET", "/openapi.json", {}, {}, b"", "r1"))
    document = json.loads(answer.body)
    assert document.get("externalDocs", {}).get("url") == url
    assert document["servers"] == [{"url": base or "/"}]
    validate(document, cls=OpenAPIV31SpecValidator)


def test_the_page_asks_below_the_base(tmp_path: Path) -> None:
    html = asked(tmp_path, "/ml", "GET", "/ml/docs").body.decode()
    assert 'fetch("/' not in html


@pytest.mark.parametrize(
    ("version", "stage", "path", "expected"),
    [
        # An HTTP API: a stage with a name is a part of its path, and of no custom domain's.
        ("2.0", "$default", "/v1/models", "/v1/models"),
        ("2.0", "prod", "/prod/v1/models", "/v1/models"),
        ("2.0", "prod", "/prod", "/"),
        ("2.0", "prod", "/prod/", "/"),
        ("2.0", "prod", "/ml/v1/models", "/ml/v1/models"),
        ("2.0", "v1", "/v1/v1/models", "/v1/models"),
        ("2.0", "v1", "/v1/models", "/v1/models"),
        ("2.0", "v2", "/v2/v2/models/iris/infer", "/v2/models/iris/infer"),
        # A REST API: the path never has the stage.
        ("1.0", "prod", "/v1/models", "/v1/models"),
        ("1.0", "v1", "/v1/models", "/v1/models"),
        ("1.0", "v1", "/v1/models/iris:predict", "/v1/models/iris:predict"),
        ("1.0", "v2", "/v2/models/iris/infer", "/v2/models/iris/infer"),
        ("1.0", "v2", "/v2", "/v2"),
        ("1.0", "v1", "/ml/v1/models", "/ml/v1/models"),
    ],
)
def test_a_stage_is_taken_away_and_the_apis_own_words_never(
    version: str, stage: str, path: str, expected: str
) -> None:
    about = {"stage": stage, "requestId": "r1", "http": {"method": "GET"}}
    place = {"rawPath": path} if version == "2.0" else {"path": path, "httpMethod": "GET"}
    event = {"version": version, "headers": {}, "requestContext": about, **place}
    assert aws.from_event(event).path == expected
