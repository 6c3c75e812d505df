"""Pages of other sites: origins × methods × answers, errors among them; nothing while it is not set."""

import http.client
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from handlers.local.services import folder_services
from handlers.rest import cors
from handlers.rest.api import Api
from handlers.rest.http import Request, Response
from handlers.rest.routes import HEADERS, ROUTES
from handlers.services import Services
from handlers.settings import read_settings
from providers.deploying.keys import new_key
from tests.unit.handlers.conftest import serving

APP, OTHER = "https://app.example.com", "http://localhost:3000"
SETTINGS = {"named": f"{APP}, {OTHER}", "any": "*", "closed": ""}
# What a page of an origin is told, by the setting.
ALLOWED = {
    ("named", APP): APP,
    ("named", OTHER): OTHER,
    ("any", APP): "*",
    ("any", "https://evil.example"): "*",
    ("any", "null"): "*",
    **{
        ("named", origin): None
        for origin in (
            "https://evil.example",
            "https://app.example.com.evil.example",
            "https://app.example.com:8443",
            "http://app.example.com",
            "https://APP.example.com",
            "https://app.example.com/",
            "https://evil.example, https://app.example.com",
            "https://app.example.com, http://localhost:3000",
            "null",
            "*",
            "",
        )
    },
    ("closed", APP): None,
    ("closed", "null"): None,
}
KEY = new_key("admin")
NOBODY: dict[str, str] = {}
MINE = {"authorization": f"Bearer {KEY.key}"}


class Sent(NamedTuple):
    """A request without its origin, and the status of its answer."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = MINE
    body: bytes = b""


def predicting(rows: Any) -> bytes:
    return json.dumps({"instances": rows}).encode()


PREDICT = "/v1/models/iris:predict"
JSON = {**MINE, "content-type": "application/json"}
TABLE = [
    Sent("GET", "/", 200, NOBODY),
    Sent("GET", "/v1/models", 200),
    Sent("HEAD", "/v1/models", 200),
    Sent("GET", "/openapi.json", 200),
    Sent("POST", PREDICT, 200, JSON, predicting([[1, 2, 3, 4]])),
    Sent("POST", PREDICT, 400, JSON, b"{"),
    Sent("POST", PREDICT, 401, NOBODY, predicting([[1, 2, 3, 4]])),
    Sent("POST", "/v1/models/nobody:predict", 404, JSON, predicting([[1]])),
    Sent("GET", "/nowhere", 404),
    Sent("GET", "/nowhere", 401, NOBODY),
    Sent("PATCH", "/v1/models", 405),
    Sent("PATCH", "/v1/models/iris", 412, {**JSON, "if-match": '"no"'}, b'{"description": "x"}'),
    Sent("PUT", "/v1/models/iris/aliases/a", 412, {**JSON, "if-match": '"no"'}, b'{"version": 1}'),
    Sent("POST", PREDICT, 413, JSON, b" " * 2000),
    Sent("POST", PREDICT, 415, {**MINE, "content-type": "text/xml"}, b"<x/>"),
    Sent("POST", PREDICT, 422, JSON, predicting([[1]])),
    Sent("GET", "/v1/algorithms", 500),
    Sent("OPTIONS", "/v1/models", 204, NOBODY),
]


def services_of(root: Path, origins: str, **more: str) -> Services:
    settings = read_settings(
        {"ML_ROOT": str(root), "ML_CORS_ORIGINS": origins, "ML_MAX_BODY_BYTES": "1024", **more}
    )
    return folder_services(settings, key_records=lambda: [KEY.record])


def asked(services: Services, sent: Sent, origin: str) -> Response:
    headers = {**sent.headers, **({"origin": origin} if origin else {})}
    return Api(services).handle(Request(sent.method, sent.path, {}, headers, sent.body, "r1"))


@pytest.fixture
def _broken_algorithms(monkeypatch: pytest.MonkeyPatch) -> None:
    """`GET /v1/algorithms` fails as nobody foresaw."""

    def fail(_: object) -> None:
        raise RuntimeError("nobody foresaw it")

    monkeypatch.setattr("handlers.rest.endpoints.algorithms.algorithms", fail)


@pytest.mark.usefixtures("_broken_algorithms")
@pytest.mark.parametrize("sent", TABLE, ids=lambda sent: f"{sent.method} {sent.path} {sent.status}")
@pytest.mark.parametrize(("setting", "origin"), ALLOWED)
def test_an_answer_tells_the_origins_that_may_read_it_and_no_other(
    trained: Path, setting: str, origin: str, sent: Sent
) -> None:
    answer = asked(services_of(trained, SETTINGS[setting]), sent, origin)
    assert answer.status == sent.status, answer
    allowed = ALLOWED[setting, origin]
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert ("access-control-expose-headers" in answer.headers) == (allowed is not None)
    varies = ["accept, accept-encoding"] if sent.path == "/" else []
    varies += ["Origin"] if setting == "named" else []
    assert answer.headers.get("vary", "") == ", ".join(varies)
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", [*sorted({route.path for route in ROUTES}), "/nowhere"])
@pytest.mark.parametrize(("setting", "origin"), ALLOWED)
def test_a_preflight_is_answered_without_a_key_where_the_origin_may_call(
    trained: Path, setting: str, origin: str, path: str
) -> None:
    asks = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization"}
    named = re.sub(r"\{version\}", "1", path)
    named = re.sub(r"\{\w+\}", "iris", named)
    services = services_of(trained, SETTINGS[setting])
    answer = asked(services, Sent("OPTIONS", named, 204, asks), origin)
    told = {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    if ALLOWED[setting, origin] is None:
        assert told == {}
        plain = asked(services, Sent("OPTIONS", named, 204, NOBODY), "")
        assert (answer.status, answer.body) == (plain.status, plain.body), "it is answered as ever"
        return
    assert (answer.status, answer.body) == (204, b"")
    assert told["access-control-allow-origin"] == ALLOWED[setting, origin]
    methods = {route.method for route in ROUTES if route.path == path}
    methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    expected = None if path == "/nowhere" else ", ".join(sorted(methods))
    assert told.get("access-control-allow-methods") == expected
    assert told["access-control-max-age"] == "7200"


def test_whatever_header_an_endpoint_reads_may_be_sent() -> None:
    sent = set(cors.SENT.split(", "))
    assert set(HEADERS) <= sent
    assert {"accept", "authorization", "content-encoding", "content-type", "x-api-key"} <= sent
    assert sent == {name.lower() for name in sent}


def test_whatever_header_an_answer_has_may_be_read(trained: Path) -> None:
    always = {"cache-control", "content-length", "content-type"}
    not_for_pages = {"x-content-type-options", "content-security-policy", "referrer-policy", "vary"}
    services = services_of(trained, "*")
    seen = {name for sent in TABLE for name in asked(services, sent, "").headers}
    assert seen - always - not_for_pages <= set(cors.SHOWN.split(", "))


def test_while_it_is_not_set_nothing_of_it_is_imported(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("handlers.rest.cors", "handlers.web"):
        monkeypatch.setitem(sys.modules, name, None)  # an import raises
    answer = asked(services_of(trained, ""), TABLE[4], APP)
    assert answer.status == 200


# --- the laptop's server -------------------------------------------------------------------------


def over_http(
    place: tuple[str, int], method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*place, timeout=20)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    named = {name.lower(): value for name, value in answer.getheaders()}
    found = answer.status, named, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize("base", ["", "/ml"])
def test_a_page_uploads_to_and_downloads_from_the_laptops_addresses(tmp_path: Path, base: str) -> None:
    services = services_of(tmp_path, APP, ML_BASE_PATH=base)
    with serving(services) as place:
        status, _, body = over_http(place, "POST", f"{base}/v1/datasets/table:upload", MINE)
        assert status == 201
        parts = urlsplit(json.loads(body)["url"])
        address = f"{parts.path}?{parts.query}"
        assert address.startswith(f"{base}/uploads/")
        asks = {"Origin": APP, "Access-Control-Request-Method": "PUT"}
        status, headers, _ = over_http(place, "OPTIONS", address, asks)
        assert (status, headers["access-control-allow-origin"]) == (204, APP)
        assert "PUT" in headers["access-control-allow-methods"]
        assert "content-type" in headers["access-control-allow-headers"]
        status, headers, _ = over_http(place, "PUT", address, {"Origin": APP}, b"a,b\n1,2\n")
        assert (status, headers["access-control-allow-origin"]) == (200, APP)
        for origin, allowed in ((APP, APP), ("https://evil.example", None)):
            for method, path in (("PUT", f"{address}0"), ("GET", f"{base}/downloads/x?signature=no")):
                refused = over_http(
                    place, method, path, {"Origin": origin}, b"x" if method == "PUT" else None
                )
                assert refused[0] == 403
                assert refused[1].get("access-control-allow-origin") == allowed
                assert refused[1]["vary"] == "Origin"


def test_a_page_sees_what_the_laptops_server_cannot_read(tmp_path: Path) -> None:
    with serving(services_of(tmp_path, APP)) as place:
        long = {"Origin": APP, "Content-Length": str(1 << 40)}
        status, headers, _ = over_http(place, "POST", PREDICT, long)
        assert (status, headers.get("access-control-allow-origin")) == (413, APP)


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        ("", APP, 403),
        (APP, APP, 200),
        (APP, "https://evil.example", 403),
        # Without keys, any page would be an admin.
        ("*", "https://evil.example", 403),
    ],
)
def test_without_keys_only_pages_of_named_origins_may_call(
    tmp_path: Path, origins: str, origin: str, status: int
) -> None:
    settings = read_settings({"ML_ROOT": str(tmp_path), "ML_CORS_ORIGINS": origins})
    with serving(folder_services(settings, key_records=None)) as place:
        found, _, body = over_http(place, "GET", "/v1/models", {"Origin": origin})
        assert found == status
        if status == 403:
            assert "ML_CORS_ORIGINS" in json.loads(body)["detail"]
