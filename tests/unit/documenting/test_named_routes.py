"""Every route that a page names is one of the API's, with its method and its query."""

import re
from collections.abc import Iterator
from functools import cache

import pytest

from handlers.rest.routes import EVERYWHERE, ROUTES, Route
from tests.unit.documenting.reading import PAGES, spans, text

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
# The laptop's server answers this one by itself: docs/laptop.md.
OF_THE_LAPTOP = {"GET /metrics"}
# A route in a span, as `GET …/versions/{v}`; and an address of the service in a block.
_SPAN = re.compile(r"(?:(?P<method>[A-Z]+) )?(?P<path>(?:/(?:v1|v2|docs|openapi\.json)\b|…/|\$API/).*|/)")
_ADDRESS = re.compile(r"(?:localhost|127\.0\.0\.1):8080(/[^\s'\"`)]*)")
# What OTLP and a stage of API Gateway have, which is none of ours.
_OF_OTHERS = {"/v1/traces", "/v1"}


def matching(method: str, path: str) -> list[Route]:
    """The routes that are meant by a path; `…` is any part of it, a name in braces any parameter."""
    pattern, after_any = "", False
    for part in re.findall(r"[/:…]|\{\w+\}|[^/:{}…]+", path):
        if part == "…":
            pattern, after_any = pattern + ".*", True
        elif part in "/:":
            pattern += part
        else:
            # What stands for a parameter of the route, unless the route's own word is what finds it.
            names = [] if part.startswith("{") else [re.escape(part)]
            anything = [] if after_any and names else [r"\{\w+\}"]
            pattern += f"(?:{'|'.join(names + anything)})"
            after_any = False
    return [
        route
        for route in ROUTES
        if (not method or route.method == method) and re.fullmatch(pattern, route.path)
    ]


def alternatives(path: str) -> Iterator[str]:
    """A path without its brackets: each of `[a|b]` in turn, and none of it."""
    found = re.search(r"\[([^\]]*)\]", path)
    if not found:
        yield path
        return
    for each in ("", *found[1].split("|")):
        yield from alternatives(path[: found.start()] + each + path[found.end() :])


def _named(page: str) -> Iterator[tuple[str, str, int]]:
    """Method, path with query, and line of each route that a page names."""
    for span in spans(page):
        found = _SPAN.fullmatch(span.text)
        if not found or found["path"] in _OF_OTHERS or span.text in OF_THE_LAPTOP:
            continue
        if found["method"] is None or found["method"] in METHODS:
            path = found["path"].partition("#")[0].replace("$API/", "…/")
            yield found["method"] or "", path, span.line
    for number, line in enumerate(text(page).splitlines(), start=1):
        for address in _ADDRESS.findall(line):
            yield "", address, number


@cache
def known_queries(page_path: str) -> frozenset[str]:
    """The query parameters of the routes that a path means."""
    return frozenset(
        name.partition(":")[0] for route in matching("", page_path) for name in (*EVERYWHERE, *route.query)
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_route_that_a_page_names_is_one_of_the_apis(page: str) -> None:
    unknown = []
    for method, whole, line in _named(page):
        path, _, query = whole.partition("#")[0].rstrip(".").partition("?")
        for each in alternatives(re.sub(r"\$\w+", "{x}", path)):
            if f"GET {each}" in OF_THE_LAPTOP or each.startswith("/storage/"):
                continue
            if not matching(method, each):
                unknown.append(f"{page}:{line}: {method} {each}")
            names = {pair.partition("=")[0] for pair in query.split("&") if pair}
            if names - known_queries(each):
                unknown.append(f"{page}:{line}: {each} has no {names - known_queries(each)}")
    assert unknown == []


@pytest.mark.parametrize("page", PAGES)
def test_every_verb_that_a_page_names_is_one_of_the_apis(page: str) -> None:
    verbs = {route.path.rpartition(":")[2] for route in ROUTES if ":" in route.path}
    named = {found[1] for span in spans(page) if (found := re.fullmatch(r"(?:…)?:([a-z]+)", span.text))}
    assert named - verbs == set()


def test_routes_that_are_not_there_would_be_seen() -> None:
    assert matching("GET", "…/versions/{v}")
    assert not matching("PUT", "…/versions/{v}")
    assert matching("", "/v1/models/fruit:predict")
    for wrong in ("/v1/models/fruit:foretell", "…/nothing", "/v1/model", "/v1/models/{m}/nothing"):
        assert not matching("", wrong), wrong
    assert list(alternatives("/v2[/a|/b]/c")) == ["/v2/c", "/v2/a/c", "/v2/b/c"]
