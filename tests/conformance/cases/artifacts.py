"""A version's artifact: taken away by a signed address straight from the storage."""

from tests.conformance.case import NOBODY, PREDICT, call, download, get

ARTIFACT = "/v1/models/iris/versions/1/artifact"

CASES = [
    *download("logistic regression", ARTIFACT, "iris_1"),
    *download("an SVM", "/v1/models/iris/versions/2/artifact", "iris_2"),
    *download("clusters", "/v1/models/line/versions/1/artifact", "line_1"),
    get("for an admin", ARTIFACT),
    call("OPTIONS of an address", "OPTIONS", ARTIFACT, 204),
    call("POST of an address", "POST", ARTIFACT, 405, {}, code="method_not_allowed"),
    get("for a key that may only predict", ARTIFACT, 403, key=PREDICT, code="forbidden"),
    get("for nobody", ARTIFACT, 401, key=NOBODY, code="unauthenticated"),
    get(
        "of a version that was deleted", "/v1/models/iris/versions/3/artifact", 404, code="version_not_found"
    ),
    get("of a version that is to come", "/v1/models/iris/versions/9/artifact", 404, code="version_not_found"),
    get("of version 0", "/v1/models/iris/versions/0/artifact", 404, code="version_not_found"),
    get("of no model", "/v1/models/nobody/versions/1/artifact", 404, code="model_not_found"),
    get("of a name in capitals", "/v1/models/IRIS/versions/1/artifact", 404, code="model_not_found"),
]
