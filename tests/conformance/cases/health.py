"""Whether the service is there: for load balancers and the protocols' clients, without a key."""

from tests.conformance.case import NOBODY, call, get

_HEALTH = ["/", "/v2/health/live", "/v2/health/ready"]

CASES = [
    *[get(f"{path} without a key", path, key=NOBODY) for path in _HEALTH],
    *[get(f"{path} where no key was ever made", path, key=NOBODY, closed=True) for path in _HEALTH],
    *[call(f"HEAD {path}", "HEAD", path, 200, key=NOBODY) for path in _HEALTH],
    *[call(f"OPTIONS {path}", "OPTIONS", path, 204, key=NOBODY) for path in _HEALTH],
    get("a query is ignored", "/v2/health/live?verbose=1&verbose=2", key=NOBODY),
    get("an unknown key does not matter", "/", headers={"X-Api-Key": "nobody's"}, key=NOBODY),
    get("a browser asks", "/", headers={"Accept": "text/html,application/xhtml+xml;q=0.9"}, key=NOBODY),
    call("a body that nobody reads", "GET", "/v2/health/ready", 200, {"a": 1}, key=NOBODY),
    call("POST", "POST", "/v2/health/live", 405, {}, code="method_not_allowed"),
    call("DELETE /", "DELETE", "/", 405, code="method_not_allowed"),
]
