"""Whether the service is there: for load balancers and the protocols' clients, without a key."""

from tests.conformance.case import NOBODY, call, get

_HEALTH = ["/", "/v2/health/live", "/v2/health/ready"]
# Nothing but what it names is asked for: one of these takes what is compressed.
_BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
_COMPRESSED = {"Accept-Encoding": "gzip, deflate, br"}

CASES = [
    *[get(f"{path} without a key", path, key=NOBODY) for path in _HEALTH],
    *[get(f"{path} where no key was ever made", path, key=NOBODY, closed=True) for path in _HEALTH],
    *[call(f"HEAD {path}", "HEAD", path, 200, key=NOBODY) for path in _HEALTH],
    *[call(f"OPTIONS {path}", "OPTIONS", path, 204, key=NOBODY) for path in _HEALTH],
    get("a query is ignored", "/v2/health/live?verbose=1&verbose=2", key=NOBODY),
    get("an unknown key does not matter", "/", headers={"X-Api-Key": "nobody's"}, key=NOBODY),
    get("a browser asks", "/", headers=_BROWSER, key=NOBODY, keep={"page": "header etag"}),
    get("a browser that has it asks", "/", 304, {**_BROWSER, "If-None-Match": "{page}"}, key=NOBODY),
    get("a browser asks for it compressed", "/", headers={**_BROWSER, **_COMPRESSED}, key=NOBODY),
    call("a browser asks for the head", "HEAD", "/", 200, headers=_BROWSER, key=NOBODY),
    get("a browser asks where no key was ever made", "/", headers=_BROWSER, key=NOBODY, closed=True),
    *[
        get(f"a client asks that takes {kind!r}", "/", headers={"Accept": kind, **_COMPRESSED}, key=NOBODY)
        for kind in ("*/*", "application/json", "text/*", "application/json, text/html", "text/html;q=0")
    ],
    call("a body that nobody reads", "GET", "/v2/health/ready", 200, {"a": 1}, key=NOBODY),
    call("POST", "POST", "/v2/health/live", 405, {}, code="method_not_allowed"),
    call("DELETE /", "DELETE", "/", 405, code="method_not_allowed"),
]
