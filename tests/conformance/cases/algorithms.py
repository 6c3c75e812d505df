"""What can be trained, and what the service says of itself."""

from tests.conformance.case import PREDICT, TRAIN, call, get

CASES = [
    get("the algorithms", "/v1/algorithms"),
    get("the algorithms for a key that may predict", "/v1/algorithms", key=PREDICT),
    get("a query that is not known", "/v1/algorithms?limit=1"),
    call("HEAD", "HEAD", "/v1/algorithms", 200),
    call("POST", "POST", "/v1/algorithms", 405, {}, code="method_not_allowed"),
    get("one algorithm", "/v1/algorithms/svm", 404, code="route_not_found"),
    get("the description", "/openapi.json", key=TRAIN),
    call("HEAD of the description", "HEAD", "/openapi.json", 200),
    get("the page", "/docs"),
    get("the page with a query", "/docs?to=predict"),
    call("PUT of the page", "PUT", "/docs", 405, {}, code="method_not_allowed"),
]
