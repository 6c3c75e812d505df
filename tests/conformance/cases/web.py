"""Pages of other sites and a base path; no case needs a model, as the laptop has none here."""

from typing import Any

from tests.conformance.case import NOBODY, Case, Headers, call, get, post

APP, OTHER = ORIGINS = ("https://app.example.com", "http://localhost:3000")
BASE = "/ml"
EVIL = "https://app.example.com.evil.example"
TRAIN_PATH = "/v1/models/none:train"
PREDICT_PATH = "/v1/models/none:predict"


def asks(name: str, target: str, origin: str, method: str = "POST", told: str = "") -> Case:
    """A browser's question before a request: it brings no key."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return call(name, "OPTIONS", target, 204, headers=headers, key=NOBODY, web=True, told=told)


def of(origin: str, **more: str) -> Headers:
    return {"Origin": origin, **more}


def told(origin: str = APP, **more: Any) -> Any:
    return {"web": True, "told": origin, **more}


CASES = [
    *[
        asks(f"a page of {origin} asks for {path}", path, origin, told=origin)
        for origin in ORIGINS
        for path in (PREDICT_PATH, TRAIN_PATH, "/v1/models", "/nowhere", f"{BASE}{PREDICT_PATH}")
    ],
    asks("a page asks for PUT", "/v1/models/none/aliases/a", APP, "PUT", told=APP),
    asks("a page asks for PATCH", "/v1/models/none", APP, "PATCH", told=APP),
    asks("a page asks for DELETE", "/v1/models/none", APP, "DELETE", told=APP),
    *[
        asks(f"a page of {origin} asks", PREDICT_PATH, origin)
        for origin in (EVIL, "https://app.example.com:8443", "null", "https://APP.example.com")
    ],
    call("OPTIONS without a question", "OPTIONS", "/v1/models", 204, headers=of(APP), key=NOBODY, **told()),
    get("a page reads", "/v1/algorithms", headers=of(APP), **told()),
    get("another page reads", "/v1/algorithms", headers=of(OTHER), **told(OTHER)),
    get("a page of an origin that is not named reads", "/v1/algorithms", headers=of(EVIL), web=True),
    get("no page reads", "/v1/algorithms", web=True),
    call("a page asks for the head", "HEAD", "/v1/algorithms", 200, headers=of(APP), **told()),
    get("a page is alive", "/", headers=of(APP), key=NOBODY, **told()),
    get("a page without a key", "/v1/models", 401, of(APP), code="unauthenticated", **told(key=NOBODY)),
    get("a page asks for no model", "/v1/models/nobody", 404, of(APP), code="model_not_found", **told()),
    get("a page asks for no path", "/nowhere", 404, of(APP), code="route_not_found", **told()),
    call(
        "a page may not PATCH all models",
        "PATCH",
        "/v1/models",
        405,
        {},
        headers=of(APP),
        code="method_not_allowed",
        **told(),
    ),
    post(
        "a page sends what cannot be read", TRAIN_PATH, b"{", 400, of(APP), code="malformed_input", **told()
    ),
    post(
        "a page sends what is not as declared",
        TRAIN_PATH,
        {"algorithm": "svm"},
        422,
        of(APP),
        code="invalid_input",
        at="$.instances",
        **told(),
    ),
    post(
        "a page sends too much",
        TRAIN_PATH,
        b" " * (4 * 1024 * 1024 + 1),
        413,
        of(APP, **{"Content-Type": "application/json"}),
        code="too_large",
        **told(),
    ),
    post(
        "a page sends what is no JSON",
        TRAIN_PATH,
        b"<x/>",
        415,
        of(APP, **{"Content-Type": "text/xml"}),
        code="unsupported_media_type",
        **told(),
    ),
    *[
        get(f"below the base path: {path}", f"{BASE}{path}", web=True)
        for path in ("", "/", "/v1/algorithms", "/v2/health/live", "/docs", "/openapi.json")
    ],
    *[
        get(f"beside the base path: {path}", path, 404, code="route_not_found", web=True)
        for path in (
            "/mlx/v1/algorithms",
            "/ml/ml/v1/algorithms",
            "/ML/v1/algorithms",
            "/ml/nowhere",
            "/ml//v1/algorithms",
        )
    ],
    get("openapi.json without the base path", "/openapi.json", web=True),
    get("an encoded base path", "/%6Dl/v1/algorithms", web=True),
    get("a base path that was not set", f"{BASE}/v1/algorithms", 404, code="route_not_found"),
]
