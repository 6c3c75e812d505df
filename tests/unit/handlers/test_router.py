"""Paths lead to endpoints."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rest.router import allowed, find
from handlers.rest.routes import NAME, PATH_PARAMETERS, QUERY, ROUTES, Route
from handlers.rest.schemas import faults_of
from ml_core.names import PATTERN, VERSION_PATTERN, is_name, is_version

EXAMPLES = {"dataset": "churn", "model": "iris-2", "version": "12", "alias": "production", "job": "j1"}


def _filled(path: str) -> str:
    for name, value in EXAMPLES.items():
        path = path.replace("{" + name + "}", value)
    return path


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_declared_path_finds_its_own_route_and_values(route: Route) -> None:
    found, values = find(_filled(route.path))[route.method]
    assert found is route
    assert values == {name: EXAMPLES[name] for name in EXAMPLES if "{" + name + "}" in route.path}


def test_no_two_routes_answer_the_same_request() -> None:
    asked = [(route.method, _filled(route.path)) for route in ROUTES]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//",
        "/v1",
        "/v1/",
        "/v1/models/",
        "/v1/models/:predict",
        "/v1/models/a:explode",
        "/v1/models/a:predict:predict",
        "/v1/models/a/b",
        "/V1/models",
        "/v2/",
        "/v2/models/a/infer/",
        "/v1/models:predict",
        "v1/models",
    ],
)
def test_a_path_that_is_not_declared_finds_nothing(path: str) -> None:
    assert find(path) == {}


@given(st.text())
def test_any_path_can_be_looked_up(path: str) -> None:
    assert isinstance(find("/" + path), dict)


def test_allow_lists_what_a_path_takes() -> None:
    assert allowed(find("/v1/models/iris")) == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert allowed(find("/v1/models/iris:predict")) == "OPTIONS, POST"


def test_what_routes_refer_to_is_declared() -> None:
    for route in ROUTES:
        assert set(find(_filled(route.path))[route.method][1]) <= set(PATH_PARAMETERS)
        assert set(route.query) <= set(QUERY)
        assert set(route.creates) <= set(PATH_PARAMETERS)


@given(st.text(max_size=70) | st.from_regex(NAME["pattern"]) | st.text("ab-0", max_size=70))
def test_a_name_in_a_path_is_a_name_in_the_registry(name: str) -> None:
    assert (not faults_of(NAME, name, "path.model")) == is_name(name)
    assert (re.fullmatch(PATTERN[1:-1], name) is not None) == is_name(name)


@given(st.text("0123456789٣²-a\n", max_size=11) | st.from_regex(VERSION_PATTERN))
def test_a_version_is_told_without_its_pattern(text: str) -> None:
    assert (re.fullmatch(VERSION_PATTERN[1:-1], text) is not None) == is_version(text)
